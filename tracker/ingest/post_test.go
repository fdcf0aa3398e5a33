package ingest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"ripen/tracker"
)

const goodEvent = `{"type":"track","event":"Good","anonymousId":"g","messageId":"good"}`

// TestVerdicts sends each bad event between two good ones.
func TestVerdicts(t *testing.T) {
	f := func(event, want string) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do("POST /v1/batch?writeKey=wk", `{"batch":[`+strings.Replace(goodEvent, "good", "g1", 1)+`,`+event+`,`+strings.Replace(goodEvent, "good", "g2", 1)+`]}`)
		if got := a.verdicts(); a.status != 200 || got != "ok "+want+" ok" {
			t.Errorf("%.80q: %d %q, need %q between two ok", event, a.status, got, want)
		}
		if stored := len(w.log.recs); stored != 3 && (stored != 2 || strings.HasPrefix(want, "ok")) {
			t.Errorf("%.80q: %d events stored", event, stored)
		}
		if a.success != strings.HasPrefix(want, "ok") {
			t.Errorf("%.80q: success %v", event, a.success)
		}
	}
	page := func(rest string) string { return `{"type":"page","anonymousId":"a","messageId":"m"` + rest + `}` }
	f(page(`,"properties":`+strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)), "drop:too_large")
	f(page(`,"properties":`+strings.Repeat(`[`, 10_000)+strings.Repeat("]", 10_000)), "drop:too_deep")
	f(page(`,"properties":`+strings.Repeat(`{"a":`, 16)+"1"+strings.Repeat("}", 16)), "drop:too_deep")
	f(page(`,"properties":`+strings.Repeat(`{"a":`, 15)+"1"+strings.Repeat("}", 15)), "ok")
	f(page(",\"properties\":{\"x\":\"\xff\"}"), "drop:invalid_utf8")
	f(page(`,"properties":{"x":"\u0000"}`), "drop:nul")
	f(page(",\"properties\":{\"x\":\"\x00\"}"), "drop:nul")
	f(page(`,"properties":{"x":1,"x":2}`), "ok")
	f(page(`,"properties":{"__proto__":{"a":1}}`), "ok")
	f(page(`,"properties":{"n":1e400}`), "ok")
	f(page(`,"timestamp":"1970-01-01T00:00:00Z"`), "ok:time_clamped")
	f(page(`,"timestamp":"2100-01-01T00:00:00Z"`), "ok:time_clamped")
	f(page(`,"timestamp":"soon"`), "ok:time_clamped")
	f(`{"type":"page","anonymousId":"a"}`, "ok:id_minted")
	f(`{"type":"page","anonymousId":"a","messageId":""}`, "ok:id_minted")
	f(page(`,"properties":{"x":"`+strings.Repeat("x", 33<<10)+`"}`), "drop:too_large")
	f(page(`,"properties":{`+strings.Repeat(`"k":1,`, 128)+`"k":1}`), "drop:too_many_keys")
	f(`{"type":"page","anonymousId":"`+strings.Repeat("a", 201)+`"}`, "drop:id_too_long")
	f(`{"anonymousId":"a"}`, "drop:missing_type")
	f(`{"type":"fly","anonymousId":"a"}`, "drop:unknown_type")
	f(`{"type":"track","anonymousId":"a"}`, "drop:missing_event")
	f(`{"type":"page"}`, "drop:missing_identity")
	f(`{"type":"page","anonymousId":"undefined","userId":null}`, "drop:missing_identity")
	f(`{"type":"page","anonymousId":"a","x":}`, "drop:invalid_json")
	f(`{"type":"page","anonymousId":"a","x":nul}`, "drop:invalid_json")
	f(`{"type":"page,"anonymousId":"a"}`, "drop:invalid_json")
	f(`{"type" "page"}`, "drop:invalid_json")
	f(`"text"`, "drop:invalid_json")
	f(`17`, "drop:invalid_json")
	f(`{"type":"page","anonymousId":"a","x":{"y":[}`, "drop:invalid_json")
}

func TestBodyShapes(t *testing.T) {
	f := func(path, body string, status int, want string) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do("POST "+path, body, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("wk:")))
		if got := a.verdicts(); a.status != status || status == 200 && got != want || status != 200 && a.code != want {
			t.Errorf("%s %.60q: %d %q %s, need %d %q", path, body, a.status, got, a.code, status, want)
		}
	}
	g, g2 := goodEvent, strings.Replace(goodEvent, "good", "g2", 1)
	f("/v1/batch", `{"batch":[`+g+`]}`, 200, "ok")
	f("/v1/b/", `{"batch":[`+g+`,`+g+`]}`, 200, "ok duplicate")
	f("/v1/batch", `{"batch":[]}`, 200, "")
	f("/v1/batch", `[`+g+`,`+g2+`]`, 200, "ok ok")
	f("/v1/batch", g+"\n"+g2+"\n", 200, "ok ok")
	f("/v1/batch", g+"\r\n\r\n"+g2, 200, "ok ok")
	f("/v1/batch", g+"\n{broken\n"+g2+"\nand more\n", 200, "ok drop:invalid_json ok drop:invalid_json")
	f("/v1/batch", `{"batch":[`+g+`]}`+"\n"+`{"batch":[`+g2+`]}`, 200, "ok ok")
	f("/v1/batch", `{"batch":[`+g+`,{"type":"pa`, 200, "ok drop:invalid_json")
	f("/v1/batch", `{"batch":[`+g+` `+g2+`]}`, 200, "ok ok")
	f("/v1/batch", `{"batch":[`+g+`,,`+g2+`]}`, 200, "ok drop:invalid_json ok")
	f("/v1/batch", "\xef\xbb\xbf"+g, 200, "ok")
	f("/v1/track", `{"event":"x","anonymousId":"a","messageId":"m"}`, 200, "ok")
	f("/v1/t", `{"event":"x","anonymousId":"a","messageId":"m"}`, 200, "ok")
	f("/v1/page/", `{"anonymousId":"a","messageId":"m"}`, 200, "ok")
	f("/v1/screen", `{"anonymousId":"a","messageId":"m"}`, 200, "ok")
	f("/v1/identify", `{"traits":{"email":"a@b.example"},"messageId":"m"}`, 200, "ok")
	f("/v1/identify", `{"traits":{"email":"nobody"},"messageId":"m"}`, 200, "drop:missing_identity")
	f("/v1/group", `{"userId":"u","groupId":"g","messageId":"m"}`, 200, "ok")
	f("/v1/alias", `{"userId":"u","previousId":"p","messageId":"m"}`, 200, "ok")
	f("/v1/batch", ``, 400, "invalid_json")
	f("/v1/batch", `hello`, 400, "invalid_json")
	f("/v1/batch", `{"batch":`, 400, "invalid_json")
	f("/v1/track", `{"event":"x",`, 400, "invalid_json")
	f("/v1/batch", `null`, 400, "invalid_json")
	f("/v1/batch", `{"batch":[`+strings.Repeat(`{"type":"page"},`, 2500)+`{"type":"page"}]}`, 413, "too_many_events")
	f("/v1/import", g, 403, "forbidden")
	f("/v1/batch", strings.Repeat(" ", 4<<20)+g, 413, "body_too_large")
}

func TestKeys(t *testing.T) {
	f := func(line, body string, headers []string, status int, code string) {
		t.Helper()
		w := newWorld(t, nil)
		if a := w.do(line, body, headers...); a.status != status || a.code != code {
			t.Errorf("%s %v %.60q: %d %s, need %d %s", line, headers, body, a.status, a.code, status, code)
		}
	}
	basic := func(s string) []string {
		return []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s))}
	}
	f("POST /v1/batch", goodEvent, basic("wk:"), 200, "")
	f("POST /v1/batch", goodEvent, basic("wk"), 200, "")
	f("POST /v1/batch", goodEvent, basic("nobody:"), 401, "unknown_key")
	f("POST /v1/batch?writeKey=wk", goodEvent, nil, 200, "")
	f("POST /v1/batch?writeKey=nobody", goodEvent, nil, 401, "unknown_key")
	f("POST /v1/batch", goodEvent, nil, 401, "unknown_key")
	f("POST /v1/batch", `{"batch":[`+goodEvent+`],"writeKey":"wk"}`, nil, 200, "")
	f("POST /v1/batch", `{"batch":[{"x":},`+goodEvent+`],"writeKey":"wk"}`, nil, 200, "")
	f("POST /v1/batch", `{"batch":[{"writeKey":"wk","type":"page","userId":"u"}]}`, nil, 200, "")
	f("POST /v1/page", `{"anonymousId":"a","writeKey":"wk"}`, []string{"Content-Type: text/plain"}, 200, "")
	f("POST /v1/batch", `[{"writeKey":"wk","type":"page","userId":"u"}]`, nil, 200, "")
	f("POST /v1/batch", `{"writeKey":"no","batch":[]}`, nil, 401, "unknown_key")
	f("POST /v1/batch", goodEvent, []string{"Authorization: Bearer sk"}, 200, "")
	f("POST /v1/import", goodEvent, []string{"Authorization: Bearer sk"}, 200, "")
	f("POST /v1/batch", goodEvent, []string{"Authorization: Bearer nobody"}, 401, "unknown_key")
	f("POST /v1/batch", goodEvent, []string{"Authorization: Bearer wk"}, 200, "")
	f("POST /v1/batch?writeKey=wk", goodEvent, []string{"Authorization: Bearer other"}, 403, "forbidden")
	f("GET /v1/batch", "", nil, 405, "method_not_allowed")

	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Disabled = true })
	if a := w.do("POST /v1/batch?writeKey=wk", goodEvent); a.status != 401 {
		t.Errorf("disabled source: %d, need 401", a.status)
	}
}

func TestTrustedTimes(t *testing.T) {
	f := func(line, auth, rest, want string, at int64) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do(line, `{"type":"page","userId":"u","messageId":"m",`+rest+`}`, "Authorization: "+auth)
		if got := a.verdicts(); got != want {
			t.Fatalf("%s %s: %q, need %q", auth, rest, got, want)
		}
		if es := w.log.events(t); at != 0 && (len(es) != 1 || es[0].Time != at) {
			t.Errorf("%s %s: time %d, need %d", auth, rest, es[0].Time, at)
		}
	}
	const wk, sk, day = "Basic d2s6", "Bearer sk", 86_400_000
	f("POST /v1/batch", sk, `"timestamp":"2001-02-03T04:05:06.789Z"`, "ok", 981173106789)
	f("POST /v1/batch", sk, `"timestamp":"1999-12-31T23:59:59Z"`, "drop:time_out_of_range", 0)
	f("POST /v1/batch", sk, `"timestamp":"2026-05-29T20:26:40Z"`, "ok", testNow+day)
	f("POST /v1/batch", sk, `"timestamp":"2026-05-29T20:26:41Z"`, "drop:time_out_of_range", 0)
	f("POST /v1/batch", sk, `"timestamp":"soon"`, "drop:time_out_of_range", 0)
	f("POST /v1/batch", sk, `"timestamp":"2020-01-01T00:00:00Z","sentAt":"2020-01-01T00:00:10Z"`, "ok", testNow-10_000)
	f("POST /v1/import", sk, `"timestamp":"2020-01-01T00:00:00Z","sentAt":"2020-01-01T00:00:10Z"`, "ok", 1577836800000)
	f("POST /v1/batch", wk, `"timestamp":"2020-01-01T00:00:00Z","sentAt":"2020-01-01T00:00:10Z"`, "ok", testNow-10_000)
	f("POST /v1/batch", wk, `"timestamp":"2020-01-01T00:00:00Z"`, "ok:time_clamped", testNow-7*day)
	f("POST /v1/batch", wk, `"timestamp":"2026-05-28T20:26:41Z"`, "ok:time_clamped", testNow)
	f("POST /v1/batch", wk, `"originalTimestamp":"2026-05-28T20:26:39.5Z"`, "ok", testNow-500)
	f("POST /v1/batch", wk, `"timestamp":1779999999`, "ok", testNow-1000)
	f("POST /v1/batch", wk, `"timestamp":"1779999999999"`, "ok", testNow-1)
	f("POST /v1/batch", wk, `"x":1`, "ok", testNow)
}

// TestMinted: an event without an id is recognised again only if it says when
// it happened.
func TestMinted(t *testing.T) {
	w := newWorld(t, nil)
	dated := `{"type":"page","anonymousId":"a","timestamp":"2026-05-28T20:00:00Z"}`
	bare := `{"type":"page","anonymousId":"a"}`
	body := `{"batch":[` + dated + `,` + bare + `,` + dated + `]}`
	first, second := w.do("POST /v1/batch?writeKey=wk", body), w.do("POST /v1/batch?writeKey=wk", body)
	if got := first.verdicts(); got != "ok:id_minted ok:id_minted ok:id_minted" {
		t.Errorf("first: %q", got)
	}
	if got := second.verdicts(); got != "duplicate ok:id_minted duplicate" {
		t.Errorf("again: %q", got)
	}
	if a, b := first.results[0].MessageID, second.results[0].MessageID; a != b || len(a) != 36 {
		t.Errorf("minted ids %q and %q, need one UUID", a, b)
	}
	if first.results[0].MessageID == first.results[2].MessageID || first.results[1].MessageID == second.results[1].MessageID {
		t.Error("two events share a minted id")
	}
	for _, e := range w.log.events(t) {
		if !e.Minted || !e.MessageUUID {
			t.Errorf("minted %v uuid %v, need both", e.Minted, e.MessageUUID)
		}
	}
}

func TestCompressedBodies(t *testing.T) {
	zip := func(s string) string {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write([]byte(s))
		z.Close()
		return b.String()
	}
	zst := func(s string) string {
		e, _ := zstd.NewWriter(nil)
		return string(e.EncodeAll([]byte(s), nil))
	}
	f := func(body string, headers []string, status int, code string) {
		t.Helper()
		w := newWorld(t, nil)
		for range 2 { // the second time with pooled readers
			if a := w.do("POST /v1/batch?writeKey=wk", body, headers...); a.status != status || a.code != code {
				t.Errorf("%.20q %v: %d %s, need %d %s", body, headers, a.status, a.code, status, code)
			}
		}
	}
	f(zip(goodEvent), []string{"Content-Encoding: gzip"}, 200, "")
	f(zip(goodEvent), nil, 200, "")
	f(zip(goodEvent), []string{"Content-Type: application/x-www-form-urlencoded"}, 200, "")
	f(zst(goodEvent), []string{"Content-Encoding: zstd"}, 200, "")
	f(zst(goodEvent), nil, 200, "")
	f(goodEvent, []string{"Content-Encoding: gzip"}, 200, "")
	f(goodEvent, []string{"Content-Encoding: br"}, 200, "") // a proxy took it out
	f(goodEvent, []string{"Content-Encoding: compress"}, 400, "unsupported_encoding")
	for name, pack := range packers {
		head := []string{"Content-Encoding: " + strings.TrimPrefix(name, "raw ")}
		f(pack(goodEvent), head, 200, "")
		f(pack(goodEvent)[:30], head, 400, "invalid_encoding")
		f(pack(strings.Repeat(" ", 1<<20)), head, 413, "inflation_ratio")
		f("not at all", head, 400, "invalid_encoding")
	}
	f(zip(goodEvent)[:30], nil, 400, "invalid_encoding")
	f(zst(goodEvent)[:30], nil, 400, "invalid_encoding")
	f(zip(strings.Repeat(" ", 1<<20)), nil, 413, "inflation_ratio")
	f(zst(strings.Repeat(" ", 1<<20)), nil, 413, "inflation_ratio")
	var noise strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&noise, "%x,", i*2654435761)
	}
	f(zip(noise.String()+strings.Repeat(noise.String(), 2)), nil, 413, "body_too_large")
}

func TestOrigins(t *testing.T) {
	f := func(allow []string, origin string, ok bool) {
		t.Helper()
		w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Origins = allow })
		for _, line := range []string{"POST /v1/batch?writeKey=wk", "POST /v1/batch"} {
			a := w.do(line, `{"writeKey":"wk","batch":[`+goodEvent+`]}`, "Origin: "+origin)
			echo, cred := string(a.header.Peek("Access-Control-Allow-Origin")), string(a.header.Peek("Access-Control-Allow-Credentials"))
			if ok && (a.status != 200 || echo != origin || cred != "true") || !ok && (a.status != 403 || a.code != "origin_not_allowed" || echo != "" || cred != "") {
				t.Errorf("%v %s: %d %s echo %q cred %q, need allowed %v", allow, origin, a.status, a.code, echo, cred, ok)
			}
		}
	}
	f(nil, "https://any.example", true)
	f([]string{"*"}, "https://any.example", true)
	f([]string{"https://a.example"}, "https://a.example", true)
	f([]string{"https://A.example"}, "https://a.example", true)
	f([]string{"https://a.example"}, "http://a.example", false)
	f([]string{"https://a.example"}, "https://a.example.evil.example", false)
	f([]string{"https://*.a.example"}, "https://shop.a.example", true)
	f([]string{"https://*.a.example"}, "https://a.example", false)
	f([]string{"https://*.a.example"}, "https://evila.example", false)
	f([]string{"https://*.a.example"}, "https://evil.example/.a.example", false)
	f([]string{"https://a.example"}, "null", false)

	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Origins = []string{"https://a.example"} })
	if a := w.do("POST /v1/batch?writeKey=wk", goodEvent); a.status != 200 {
		t.Errorf("no origin: %d, need 200: a server is no page", a.status)
	}
	a := w.do("OPTIONS /v1/batch", "", "Origin: https://a.example", "Access-Control-Request-Headers: authorization,content-type")
	h := a.header
	if a.status != 204 || string(h.Peek("Access-Control-Max-Age")) != "7200" || string(h.Peek("Access-Control-Allow-Headers")) != "authorization,content-type" ||
		string(h.Peek("Access-Control-Allow-Origin")) != "https://a.example" {
		t.Errorf("preflight: %d\n%s", a.status, h)
	}
	if a = w.do("OPTIONS /v1/batch?writeKey=wk", "", "Origin: https://b.example"); len(a.header.Peek("Access-Control-Allow-Origin")) > 0 {
		t.Error("preflight of a forbidden origin is answered with CORS")
	}
}

func TestShed(t *testing.T) {
	pending, state := int64(0), "ok"
	w := newWorld(t, func(c *Config, _ *tracker.Source) {
		c.MaxPending = 1000
		c.Pending = func() int64 { return pending }
		c.Writable = func() bool { return state == "ok" }
	})
	f := func(status int, code, pixel string) {
		t.Helper()
		a := w.do("POST /v1/batch?writeKey=wk", strings.Replace(goodEvent, "good", fmt.Sprint(status, pixel), 1))
		if a.status != status || a.code != code || (status == 503) != (len(a.header.Peek("Retry-After")) > 0) {
			t.Errorf("%d %s, need %d %s\n%s", a.status, a.code, status, code, a.header)
		}
		p := w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a&messageId="+fmt.Sprint("p", status, code), "")
		if got := string(p.header.Peek("Ripen-Verdict")); p.status != 200 || len(p.body) != 43 || got != pixel {
			t.Errorf("pixel: %d %q, need 200 %q", p.status, got, pixel)
		}
	}
	f(200, "", "ok")
	pending = 1001
	f(503, "overload", "retry")
	pending, state = 0, "read-only"
	f(503, "storage", "retry")
	state = "ok"
	w.log.err = errors.New("disk")
	f(503, "storage", "retry")
	w.log.err = nil
	f(200, "", "duplicate")
}

func TestQuota(t *testing.T) {
	wait := time.Duration(0)
	w := newWorld(t, func(c *Config, _ *tracker.Source) {
		c.Quota = func(s *tracker.Source, n int) time.Duration {
			if s.ID != 7 || n == 0 {
				t.Errorf("quota asked for source %d and %d bytes", s.ID, n)
			}
			return wait
		}
	})
	if a := w.do("POST /v1/batch?writeKey=wk", goodEvent); a.status != 200 {
		t.Errorf("under quota: %d", a.status)
	}
	wait = 1500 * time.Millisecond
	if a := w.do("POST /v1/batch?writeKey=wk", goodEvent); a.status != 429 || a.code != "quota" || string(a.header.Peek("Retry-After")) != "2" {
		t.Errorf("over quota: %d %s, need 429 quota and Retry-After 2", a.status, a.code)
	}
	if a := w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a", ""); string(a.header.Peek("Ripen-Verdict")) != "retry" {
		t.Errorf("pixel over quota: %s", a.header.Peek("Ripen-Verdict"))
	}
}

// TestFastAck: the answer does not wait for the log, Close does.
func TestFastAck(t *testing.T) {
	gate := make(chan struct{})
	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.FastAck = true })
	w.log.gate = gate
	for i := range 5 {
		id := fmt.Sprint("m", i)
		if a := w.do("POST /v1/batch?writeKey=wk", strings.Replace(goodEvent, "good", id, 1)); a.verdicts() != "ok" || a.results[0].MessageID != id {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if a := w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a&messageId=m9", ""); string(a.header.Peek("Ripen-Verdict")) != "ok" {
		t.Error("pixel is not answered at once")
	}
	close(gate)
	if err := w.h.Close(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range w.log.events(t) {
		ids = append(ids, string(e.MessageID))
	}
	if got := strings.Join(ids, " "); got != "m0 m1 m2 m3 m4 m9" {
		t.Errorf("stored %s", got)
	}
	if a := w.do("POST /v1/batch?writeKey=wk", goodEvent); a.status != 503 {
		t.Errorf("after Close: %d, need 503", a.status)
	}
}

func TestDroppedIsTold(t *testing.T) {
	var got []string
	w := newWorld(t, func(c *Config, _ *tracker.Source) {
		c.Dropped = func(_ *tracker.Source, d *tracker.DeadLetter) { got = append(got, d.Code+" "+string(d.Text)) }
	})
	w.do("POST /v1/batch?writeKey=wk", `{"batch":[`+goodEvent+`,{"type":"fly","userId":"u"}]}`)
	w.do("GET /p.gif?writeKey=wk&type=fly&userId=u", "")
	if want := []string{`unknown_type {"type":"fly","userId":"u"}`, "unknown_type writeKey=wk&type=fly&userId=u"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("told %q, need %q", got, want)
	}
}

func TestAnswerIsSafeJSON(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("POST /v1/batch?writeKey=wk", `{"type":"page","anonymousId":"a","messageId":"<script>\"\\ñ\n&"}`)
	if len(a.results) != 1 || a.results[0].MessageID != "<script>\"\\ñ\n&" || strings.ContainsAny(a.body, "<&") {
		t.Errorf("answer %s", a.body)
	}
}
