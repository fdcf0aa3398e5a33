package ingest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"ripen/tracker"
)

// encodings are what a fuzz chooses Content-Encoding from.
var encodings = []string{"", "identity", "gzip", "deflate", "br", "zstd", "compress"}

// twinReader opens a packed body with a reader of its own, the standard library's
// where it has one; nil if the body is not packed.
func twinReader(wire []byte, encoding string) (io.Reader, error) {
	in := bytes.NewReader(wire)
	switch {
	case bytes.HasPrefix(wire, []byte("\x1f\x8b")):
		return gzip.NewReader(in)
	case bytes.HasPrefix(wire, []byte("\x28\xb5\x2f\xfd")):
		return zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	case encoding == "br":
		return brotli.NewReader(in), nil
	case encoding != "deflate":
		return nil, nil
	case len(wire) > 1 && wire[0]&15 == 8 && (256*int(wire[0])+int(wire[1]))%31 == 0:
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}

// twinInflate says what a body is, or how it may be refused.
func twinInflate(wire []byte, encoding string, limit int) (body []byte, refused string) {
	if len(wire) > limit {
		return nil, "body_too_large"
	}
	r, err := twinReader(wire, encoding)
	if r == nil && err == nil {
		if encoding == "compress" {
			return nil, "unsupported_encoding"
		}
		return wire, ""
	}
	most := min(limit, 100*len(wire))
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(r, int64(most)+1))
	}
	switch clear := strings.TrimFunc(string(wire), func(r rune) bool { return r <= ' ' }); {
	case len(body) > most:
		return nil, "body_too_large or inflation_ratio"
	case err == nil:
		return body, ""
	case strings.HasPrefix(clear, "{") || strings.HasPrefix(clear, "["):
		return wire, ""
	}
	return nil, "invalid_encoding"
}

// FuzzInflate reads any bytes as a body in any encoding, and what the senders'
// packers made of them, as the twin does. The readers are pooled: what one body
// leaves behind must not reach the next.
func FuzzInflate(f *testing.F) {
	texts := []string{"", "{}", "[", " {\"a\":1}", "plain", strings.Repeat("a", 3000), strings.Repeat(`{"type":"page"},`, 700), "\x78\x9c{", "\x1f\x8b{"}
	for _, text := range texts {
		for i, encoding := range encodings {
			f.Add([]byte(text), byte(i))
			if pack := packers[encoding]; pack != nil {
				coded := pack(text)
				f.Add([]byte(coded), byte(i))
				f.Add([]byte(coded[:len(coded)-1]), byte(i))
				f.Add([]byte(coded+"{}"), byte(i))
			}
		}
		f.Add([]byte(zipped(text)), byte(0))
		f.Add([]byte(zipped(text)+zipped(text)), byte(2))
	}
	f.Fuzz(func(t *testing.T, s []byte, choice byte) {
		const limit = 1 << 15
		encoding := encodings[int(choice)%len(encodings)]
		want, refused := twinInflate(s, encoding, limit)
		got, _, err := inflate(nil, s, encoding, limit)
		switch {
		case (err != nil) != (refused != "") || err != nil && !strings.Contains(refused, err.Code):
			t.Errorf("%q as %q: %v, the twin says %q", s, encoding, err, refused)
		case err == nil && !bytes.Equal(got, want):
			t.Errorf("%q as %q: %q, the twin has %q", s, encoding, got, want)
		}
		for name, pack := range packers {
			coded := pack(string(s))
			got, _, err := inflate(nil, []byte(coded), strings.TrimPrefix(name, "raw "), limit)
			if err == errRatio && len(s) > 100*len(coded) || err == errBodyTooLarge && max(len(s), len(coded)) > limit {
				continue
			}
			if err != nil || !bytes.Equal(got, s) {
				t.Errorf("%s of %q: %q, %v", name, s, got, err)
			}
		}
	})
}

// FuzzUnpack asks that no wrapping makes trouble or more than the limit, and that
// JSON comes out of each as it went in.
func FuzzUnpack(f *testing.F) {
	for _, s := range []string{`{}`, "data=e30%3D", "data=%7B%7D", "e30=", base64.StdEncoding.EncodeToString([]byte(zipped(`[]`))), "data=", "x", "data=BIUwNmD2A0AEDukBOYAmBCIA", "a+b/c==&data="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 1 << 16
		var j job
		if out, err := unpackPosthog(&j, bytes.Clone(body), limit); err == nil && len(out) > max(limit, len(body)) {
			t.Errorf("%d bytes became %d", len(body), len(out))
		}
		text, err := json.Marshal(map[string]string{"event": string(body)})
		if err != nil || len(text) > limit {
			return
		}
		code := base64.StdEncoding.EncodeToString
		for name, wrapped := range map[string]string{
			"itself":                   string(text),
			"form of itself":           "data=" + url.QueryEscape(string(text)),
			"base64":                   code(text),
			"base64 of a URL":          base64.RawURLEncoding.EncodeToString(text),
			"form of base64":           "ver=1&data=" + url.QueryEscape(code(text)),
			"form of base64, careless": "data=" + code(text),
			"base64 of gzip":           code([]byte(zipped(string(text)))),
			"form of gzip":             "data=" + url.QueryEscape(code([]byte(zipped(string(text))))),
			"form of lz64":             "data=" + url.QueryEscape(lzTwin(string(text))),
		} {
			out, e := unpackPosthog(&j, []byte(wrapped), limit)
			if e != errRatio && (e != nil || !bytes.Equal(out, text)) {
				t.Errorf("%s: %q became %q, %v", name, text, out, e)
			}
		}
	})
}

// FuzzUnquery holds the decoder of queries to the standard library's.
func FuzzUnquery(f *testing.F) {
	for _, s := range []string{"", "a+b", "%C3%B1", "%", "%4", "%zz", "100%25", "+%2B+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := string(appendUnquery(nil, []byte(s)))
		if want, err := url.QueryUnescape(s); err == nil && got != want {
			t.Errorf("%q: %q, need %q", s, got, want)
		}
		if back := string(appendUnquery(nil, []byte(url.QueryEscape(s)))); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}

// twinMerge says RudderStack's merge call in Segment's words.
func twinMerge(list []any) map[string]any {
	traits := map[string]any{}
	said := map[string]any{"type": "identify", "messageId": "m", "traits": traits}
	for i, one := range list[:min(len(list), 2)] {
		pair, _ := one.(map[string]any)
		value := asText(pair["value"])
		switch kind := asText(pair["type"]); kind {
		case "":
		case "userId", "user_id":
			if before, ok := said["userId"]; i == 1 && ok {
				said["type"], said["previousId"] = "alias", before
			}
			said["userId"] = value
		case "anonymousId", "anonymous_id":
			said["anonymousId"] = value
		default:
			traits[kind] = value
		}
	}
	return said
}

// FuzzMerge compares RudderStack's merge with what its twin says.
func FuzzMerge(f *testing.F) {
	for _, s := range []string{
		`[{"type":"email","value":"ana@x.example"},{"type":"user_id","value":"u"}]`, `[{"value":"u","type":"userId"},{"type":"mobile","value":34}]`,
		`[{"type":"user_id","value":"u"},{"type":"user_id","value":"w","x":{}},{"type":"user_id","value":"z"},7]`, `[7,{"type":"anonymousId","value":" a "}]`,
		`[]`, `{}`, `[{"type":{},"value":"x"},{"type":"userId"}]`, `[{"type":"userId","value":"u","type":"anonymous_id"}]`, `[{"type":"email","value":null},{"type":"userId","value":"u"}]`,
	} {
		f.Add([]byte(s))
	}
	const good = `{"type":"page","anonymousId":"g","messageId":"good"}`
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list []any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if len(raw) > 4<<10 || !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		var d, s decoder
		d.reset(sender{protocol: &rudderstack, source: testSource(), now: testNow, agents: &agents{}})
		if e := d.decode([]byte(`{"batch":[{"type":"merge","messageId":"m","mergeProperties":` + string(raw) + `},` + good + `]}`)); e != nil {
			t.Fatalf("%q: %v", raw, e)
		}
		if n := len(d.items); n != 2 || d.items[1].status != tracker.OK {
			t.Fatalf("%q: %d verdicts, the neighbour's %+v", raw, n, d.items[n-1].verdict)
		}
		if dec.Decode(&list) != nil || strings.ContainsAny(string(raw), "\\.") {
			return // other than a list; keys that flattening would break
		}
		body, err := json.Marshal(twinMerge(list))
		if err != nil {
			t.Fatal(err)
		}
		s.reset(sender{source: testSource(), now: testNow, agents: &agents{}})
		if e := s.decode(append(append([]byte(`{"batch":[`), body...), `,`+good+`]}`...)); e != nil {
			t.Fatalf("%s: %v", body, e)
		}
		if code := d.items[0].code; code == tracker.CodeTooDeep || code == tracker.CodeTooManyKeys {
			return // of what the twin does not look at
		}
		if got, want := d.items[0].verdict, s.items[0].verdict; got != want {
			t.Fatalf("%q: verdict %+v, need %+v of %s", raw, got, want, body)
		}
		if got, want := storedAs(t, &d), storedAs(t, &s); got != nil && got[0] != want[0] {
			t.Errorf("%q\n got  %s\n need %s\n of %s", raw, got[0], want[0], body)
		}
	})
}
