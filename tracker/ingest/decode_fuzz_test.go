package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
)

// seeds are bodies that once were, or may become, trouble.
func seeds() []string {
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	good := `{"type":"track","event":"Good One","anonymousId":"g","messageId":"good"}`
	var out []string
	for _, bad := range []string{
		`{"type":"page","anonymousId":"a","properties":` + deep + `}`,
		`{"type":"page","anonymousId":"a","properties":{"x":"` + "\xff\xfe" + `"}}`,
		`{"type":"page","anonymousId":"a","properties":{"x":"a\u0000b"}}`,
		`{"type":"page","anonymousId":"a","properties":{"x":"a` + "\x00" + `b"}}`,
		`{"type":"page","type":"track","event":"e","event":"f","anonymousId":"a","anonymousId":"b","properties":{"x":1,"x":{"y":2},"x":[3]}}`,
		`{"type":"page","anonymousId":"a","properties":{"__proto__":{"polluted":true},"constructor":1}}`,
		`{"type":"page","anonymousId":"a","properties":{"n":123456789012345678901234567890.123456789,"m":1e999,"k":-1E-999,"j":0.1,"i":-0,"h":9007199254740993,"g":1.0}}`,
		`{"type":"page","anonymousId":"a","timestamp":"1970-01-01T00:00:00Z"}`,
		`{"type":"page","anonymousId":"a","timestamp":"2100-01-01T00:00:00Z"}`,
		`{"type":"page","anonymousId":"a","timestamp":1780000000}`,
		`{"type":"page","anonymousId":"a","timestamp":"yesterday","sentAt":"now"}`,
		`{"type":"page","anonymousId":"a","properties":{"referrer":"$direct"},"context":{"page":{"referrer":"https://r.example/"}}}`,
		`{"type":"page"}`,
		`{"anonymousId":"a"}`,
		`{"type":"fly","anonymousId":"a"}`,
		`{"type":"track","anonymousId":"a","event":"!!"}`,
		`{"type":"page","anonymousId":"a","properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}}`,
		`{"type":"page","anonymousId":"` + strings.Repeat("i", 201) + `"}`,
		`{"type":"track","event":"Order Completed","userId":42,"properties":{"value":1.5,"products":[{"sku":"a","price":1},{"sku":"b","n":{"m":null}}],"tags":[1,"x"]}}`,
		`{"type":"track","event":"x","userId":"u","properties":{"products":[1]},"products":2}`,
		`{"type":"identify","userId":"u","traits":{"email":" A@B.Example ","age":3,"gone":null,"address":{"city":"Jaén"}},"context":{"traits":{"email":"c@d.example","plan":"pro"}}}`,
		`{"type":"alias","previousId":"p","userId":"u"}`,
		`{"type":"group","groupId":"g","userId":"u","traits":{"name":"ACME"}}`,
		`{"type":"page","name":"Home","category":"c","anonymousId":"a","context":{"page":{"url":"https://x.example/a?utm_source=s%20t&utm_medium=m+n#f","path":"/a","search":"?q","title":"T","referrer":"r"},"userAgent":"curl/8","ip":"1.2.3.4","sessionId":5,"consent":"denied"}}`,
		`{"type":"track","event":"aB9cÑd","anonymousId":"a","properties":{"path":"/p?q=1","search":"shoes","a.b":1,"a":{"b":2},"":{"":3}}}`,
		`{"type":"page","anonymousId":"a","properties":{"s":"\ud800x\udc00 \ud83d\ude00 \"\\\/\b\f\n\r\t"}}`,
		`{"type":"page","anonymousId":"a","properties":{"` + strings.Repeat("k", 101) + `":{"a":1}}}`,
		`{"type":"page","anonymousId":"a","messageId":"018f3a2b-7c4d-7e5f-8a9b-00000000000a","timestamp":"2026-05-28T10:00:00.5+02:00","sentAt":"2026-05-28T10:00:01.5+0200"}`,
		`{"type":"track","event":"consent","anonymousId":"a","context":{"consent":{"analytics":true,"marketing":"denied","profiling":"pending","x":"granted"}}}`,
		`{"type":"track","event":"Segment Consent Preference Updated","userId":"u","context":{"consent":{"categoryPreferences":{"Advertising":false,"Analytics":true,"targeting":true,"Functional":false}}}}`,
		`{"type":"page","anonymousId":"a","context":{"consentManagement":{"allowedConsentIds":["C0002",3,"profiling"],"deniedConsentIds":["\u0061ds"]},"gdpr":{"basisForProcessing":"consent"}}}`,
		`{"type":"page","anonymousId":"a",}`, `{"type":"page" "anonymousId":"a"}`, `{"type":"page,"anonymousId":"a"}`, `{"a":}`, `7`, `"x"`, `[{}]`, `{"a":[}`, `{"a":{"b":"`,
		`{` + strings.Repeat(`"k":1,`, 128) + `"type":"page"}`,
	} {
		out = append(out, bad,
			`{"batch":[`+bad+`,`+good+`],"sentAt":"2026-05-28T20:26:39Z","context":{"locale":"es","campaign":{"name":"n"},"page":{"url":"https://b.example/c"},"userAgent":"Googlebot/2.1"}}`,
			bad+"\n"+good, `[`+good+`,`+bad+`]`)
	}
	return append(out, "", "{}", "[]", "null", "hello", `{"batch":[]}`, `{"batch":[`+good+`,{"type":"pa`, `{"batch":[`+good+`],"batch":[]}`,
		`{"context":{"a":1},"batch":[`+good+`],"context":null}`, "\xef\xbb\xbf"+good)
}

// FuzzDecode compares the decoder with its twin; plain tests run the seeds.
func FuzzDecode(f *testing.F) {
	for _, s := range seeds() {
		for mode := range modes(s) {
			f.Add([]byte(s), mode)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, mode byte) {
		if len(body) > 1<<20 {
			return
		}
		compareTwin(t, body, modeSender(mode))
	})
}

// modes is how many kinds of requests a seed is tried as: a large one is large
// in all of them.
func modes(seed string) byte {
	if len(seed) > 4<<10 {
		return 1
	}
	return 8
}

// modeSender makes different kinds of requests from the bits of a byte.
func modeSender(mode byte) sender {
	s := sender{source: testSource(), now: testNow, agents: &agents{}, agent: []byte("Mozilla/5.0 Firefox/128.0")}
	if mode&1 != 0 {
		s.kind = "track"
	}
	if mode&2 != 0 {
		s.secret, s.trusted = true, true
		s.history = mode&4 != 0
	} else {
		s.privacy = mode&4 != 0
	}
	return s
}

// compareTwin decodes a body twice and reports every difference.
func compareTwin(t *testing.T, body []byte, s sender) {
	t.Helper()
	var d decoder
	d.reset(s)
	e := d.decode(body)
	for i := range d.items {
		it := &d.items[i]
		if it.status == tracker.OK && !json.Valid(d.b[it.from:it.to]) {
			t.Errorf("event %d is stored but not JSON: %q", i, d.b[it.from:it.to])
		}
	}
	if e != nil && e.Code == "too_many_events" {
		return
	}
	want, ok := twinBody(body, s)
	if !ok {
		return
	}
	if e != nil {
		if len(want) > 0 {
			t.Fatalf("refused with %s, the twin reads %d events", e.Code, len(want))
		}
		return
	}
	if len(d.items) != len(want) {
		t.Fatalf("%d events, the twin reads %d", len(d.items), len(want))
	}
	for i := range want {
		compareEvent(t, &d, i, &want[i])
	}
}

func compareEvent(t *testing.T, d *decoder, i int, want *twinEvent) {
	t.Helper()
	it := &d.items[i]
	if got := string(d.b[it.from:it.to]); got != want.raw {
		t.Fatalf("event %d is %q, the twin's %q", i, got, want.raw)
	}
	if it.status == tracker.Drop || len(want.faults) > 0 {
		if !want.faults[it.code] || it.status != tracker.Drop {
			t.Fatalf("event %d: verdict %v %q, the twin's faults %v", i, it.status, it.code, want.faults)
		}
		return
	}
	var e tracker.Event
	rec := d.recs[it.rec-1]
	if err := tracker.DecodeRow(rec.Row, &e); err != nil {
		t.Fatal(err)
	}
	var err error
	if e.Personal, err = tracker.DecodeFields(nil, rec.Personal); err != nil {
		t.Fatal(err)
	}
	if it.code != want.code || string(e.Type) != want.typ || e.Time != want.time {
		t.Errorf("event %d: %q %q %d, the twin's %q %q %d", i, it.code, e.Type, e.Time, want.code, want.typ, want.time)
	}
	if want.id != "" && e.MessageText() != want.id || e.Minted != (want.id == "") {
		t.Errorf("event %d: id %q minted %v, the twin's %q", i, e.MessageText(), e.Minted, want.id)
	}
	if got := [3]tracker.Hash{e.Visitor, e.User, e.Email}; got != want.hashes || e.Consent != want.consent || e.Decision != want.decision || e.Placed != want.placed {
		t.Errorf("event %d: identities %x consent %v, the twin's %x %v", i, got, e.Consent, want.hashes, want.consent)
	}
	got := map[string]string{}
	for _, f := range e.Fields {
		got["clear "+fieldName(&f)] = show(f.Value)
	}
	for _, f := range e.Personal {
		if e.Seals == 0 || !e.Seals.May(string(f.Name)) {
			t.Errorf("event %d seals %q and denies it", i, f.Name)
		}
		got["sealed "+fieldName(&f)] = show(f.Value)
	}
	if !maps.Equal(got, want.fields) {
		t.Errorf("event %d:\n got  %q\n want %q", i, lines(got), lines(want.fields))
	}
}

func fieldName(f *tracker.Field) string {
	name := spaceNames[f.Space]
	if f.Space == tracker.Product {
		name += fmt.Sprint(f.Index) + "."
	}
	return name + string(f.Name)
}

func lines(m map[string]string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}
