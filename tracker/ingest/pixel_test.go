package ingest

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"ripen/tracker"
)

// fieldsOf shows where an event's fields are, personal ones with a star.
func fieldsOf(e *tracker.Event) string {
	var out []string
	for _, f := range e.Fields {
		out = append(out, fieldName(&f)+"="+show(f.Value))
	}
	for _, f := range e.Personal {
		if f.Space != tracker.System || string(f.Name) != "agent" {
			out = append(out, "*"+fieldName(&f)+"="+show(f.Value))
		}
	}
	return strings.Join(out, " ")
}

func TestPixel(t *testing.T) {
	f := func(line, verdict, typ, fields string, headers ...string) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do(line, "", headers...)
		h := a.header
		if a.status != 200 || len(a.body) != 43 || string(h.ContentType()) != "image/gif" || string(h.Peek("Cache-Control")) != "no-store" {
			t.Fatalf("%s: %d, %d bytes\n%s", line, a.status, len(a.body), h)
		}
		if got := string(h.Peek("Ripen-Verdict")); got != verdict {
			t.Fatalf("%s: verdict %q, need %q", line, got, verdict)
		}
		es := w.log.events(t)
		if (verdict == "ok") != (len(es) == 1) {
			t.Fatalf("%s: %d events stored", line, len(es))
		}
		if len(es) == 1 && (string(es[0].Type) != typ || fieldsOf(&es[0]) != fields) {
			t.Errorf("%s: %s\n got  %s\n need %s", line, es[0].Type, fieldsOf(&es[0]), fields)
		}
	}
	const k = "GET /p.gif?writeKey=wk&"
	f(k+"type=page&anonymousId=a&url=https%3A%2F%2Fx.example%2Fp%3Fq%3D1&title=T&referrer=R", "ok", "page_view",
		`p.path="/p" *p.url="https://x.example/p?q=1" *p.title="T" *p.referrer="R" *s.visitor="a"`)
	f(k+"type=page&anonymousId=a", "ok", "page_view", `p.path="/from" *p.url="https://x.example/from?a" *s.visitor="a"`, "Referer: https://x.example/from?a")
	f(k+"type=track&event=Guide+Read&userId=u&properties.pages=12&properties.price=9.90&properties.zip=08001&properties.done=true&traits.x=y&context.campaign.source=mail", "ok", "guide_read",
		`p.pages=12 p.price=9.9f p.done=true c.campaign.source="mail" *p.zip="08001" *t.x="y" *s.user_id="u"`)
	f(k+"type=track&event=x&userId=u&url=https://x.example/a%23b", "ok", "x", `c.page.path="/a" *c.page.url="https://x.example/a#b" *s.user_id="u"`)
	f("GET /v1/pixel/page?writeKey=wk&anonymousId=a", "ok", "page_view", `*s.visitor="a"`)
	f("GET /v1/pixel/track/?writeKey=wk&anonymousId=a&event=e&event=f", "ok", "f", `*s.visitor="a"`)
	data := base64.URLEncoding.EncodeToString([]byte(`{"event":"e","userId":"u","properties":{"n":1},"messageId":"m"}`))
	f("GET /v1/pixel/track?writeKey=wk&data="+data, "ok", "e", `p.n=1 *s.user_id="u"`)
	f("GET /v1/pixel/track?data="+data, "drop;code=unknown_key", "", "")
	for _, coding := range []*base64.Encoding{base64.URLEncoding, base64.RawURLEncoding, base64.StdEncoding} { // as Segment's documents have it
		data := coding.EncodeToString([]byte(`{"writeKey":"wk","event":"e>?","userId":"u","properties":{"n":1}}`))
		f("GET /v1/pixel/track?data="+url.QueryEscape(data), "ok", "e", `p.n=1 *s.user_id="u"`)
	}
	f("GET /v1/pixel/track?writeKey=wk&data=!!", "drop;code=invalid_json", "", "")
	f(k+"anonymousId=a", "drop;code=missing_type", "", "")
	f(k+"type=page", "drop;code=missing_identity", "", "")
	f(k+"type=page&anonymousId=%ff", "drop;code=invalid_utf8", "", "")
	f(k+"type=page&anonymousId=%00", "drop;code=nul", "", "")
	f(k+"type=page&anonymousId=a&timestamp=1970-01-01", "ok", "page_view", `*s.visitor="a"`)
	f(k+"type=page&anonymousId="+strings.Repeat("a", 201), "drop;code=id_too_long", "", "")
	f(k+strings.Repeat("a=b&", 130)+"type=page&anonymousId=a", "drop;code=too_many_keys", "", "")
	f("GET /p.gif", "drop;code=unknown_key", "", "")
	f("GET /p.gif?writeKey=nobody&type=page&anonymousId=a", "drop;code=unknown_key", "", "")
}

func TestPixelDuplicate(t *testing.T) {
	w := newWorld(t, nil)
	const line = "GET /p.gif?writeKey=wk&type=page&anonymousId=a&messageId=m"
	w.do(line, "")
	if a := w.do(line, ""); string(a.header.Peek("Ripen-Verdict")) != "duplicate" {
		t.Errorf("again: %s", a.header.Peek("Ripen-Verdict"))
	}
	dated := line[:len(line)-len("&messageId=m")] + "&timestamp=2026-05-28T20:00:00Z"
	w.do(dated, "")
	if a := w.do(dated, ""); string(a.header.Peek("Ripen-Verdict")) != "duplicate" {
		t.Errorf("a dated pixel again: %s", a.header.Peek("Ripen-Verdict"))
	}
}

func TestPixelOrigin(t *testing.T) {
	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Origins = []string{"https://a.example"} })
	a := w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a", "", "Origin: https://b.example")
	if string(a.header.Peek("Ripen-Verdict")) != "drop;code=origin_not_allowed" || len(a.header.Peek("Access-Control-Allow-Origin")) > 0 {
		t.Errorf("forbidden origin:\n%s", a.header)
	}
	a = w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a", "", "Origin: https://a.example")
	if string(a.header.Peek("Ripen-Verdict")) != "ok" || string(a.header.Peek("Access-Control-Allow-Origin")) != "https://a.example" {
		t.Errorf("allowed origin:\n%s", a.header)
	}
}

func TestPixelDoesNotAllocate(t *testing.T) {
	var d decoder
	s := sender{source: testSource(), now: testNow, agents: &agents{}, agent: []byte("Mozilla/5.0 Firefox/128.0")}
	query := []byte("writeKey=wk&type=page&anonymousId=a&messageId=018f3a2b-7c4d-7e5f-8a9b-00000000000a&url=https%3A%2F%2Fx.example%2Fp")
	if n := testing.AllocsPerRun(100, func() {
		d.reset(s)
		if !d.decodePixel(query) || d.items[0].status != tracker.OK {
			t.Fatal("not stored")
		}
	}); n != 0 {
		t.Errorf("%v allocations a pixel, need none", n)
	}
}
