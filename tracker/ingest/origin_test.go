package ingest

import (
	"net/netip"
	"testing"
	"time"

	"ripen/tracker"
)

func TestTrustFollowsTheOrigin(t *testing.T) {
	f := func(origins, line, want string, headers ...string) {
		t.Helper()
		w := newWorld(t, func(_ *Config, s *tracker.Source) {
			if s.Others = true; origins != "" {
				s.Origins = []string{origins}
			}
		})
		body := `{"type":"page","anonymousId":"a"}`
		if line[0] == 'G' {
			body = ""
		}
		a := w.do(line, body, headers...)
		es := w.log.events(t)
		if len(es) != 1 {
			t.Fatalf("%s %v: %d events, status %d", line, headers, len(es), a.status)
		}
		if got := map[bool]string{true: "off", false: "own"}[es[0].OffOrigin]; got != want {
			t.Errorf("%q: %s %v: %s, need %s", origins, line, headers, got, want)
		}
	}
	const post, pixel, ours = "POST /v1/page?writeKey=wk", "GET /p.gif?writeKey=wk&type=page&anonymousId=a", "https://*.x.example"
	f("", post, "own", "Origin: https://evil.example")
	f(ours, post, "own", "Origin: https://a.x.example")
	f(ours, post, "off", "Origin: https://evil.example")
	f(ours, post, "off", "Origin: https://evil.example", "Referer: https://a.x.example/")
	f(ours, post, "off")
	f("*", post, "own")
	f(ours, pixel, "own", "Referer: https://a.x.example/p?q")
	f(ours, pixel, "off", "Referer: https://evil.example/?https://a.x.example/")
	f(ours, "POST /v1/page", "own", "Authorization: Bearer sk")
}

func TestClientsCannotSayWhatIsOurs(t *testing.T) {
	w := newWorld(t, func(c *Config, s *tracker.Source) {
		s.KeepIP = true
		c.Client = nil
	})
	w.do("POST /v1/page?writeKey=wk", `{"anonymousId":"a","receivedAt":"2001-01-01T00:00:00Z","request_ip":"1.1.1.1",
		"context":{"ip":"1.1.1.1","request_ip":"1.1.1.1","receivedAt":"2001-01-01T00:00:00Z","geo":{"country":"ES"},"geox":"kept"}}`, "X-Forwarded-For: 1.1.1.1")
	e := w.log.events(t)[0]
	if got := fieldsOf(&e); got != `p.path="/" *c.geox="kept" *s.visitor="a" *s.ip="192.0.2.7"` && got != `*c.geox="kept" *s.visitor="a" *s.ip="192.0.2.7"` {
		t.Errorf("stored %s", got)
	}
}

func TestFloodIsAsked(t *testing.T) {
	asked := netip.Addr{}
	w := newWorld(t, func(c *Config, _ *tracker.Source) {
		c.Flood = func(_ *tracker.Source, from netip.Addr) time.Duration { asked = from; return 2500 * time.Millisecond }
	})
	a := w.do("POST /v1/page?writeKey=wk", `{"anonymousId":"a"}`)
	if a.status != 429 || string(a.header.Peek("Retry-After")) != "3" || a.code != tracker.CodeQuota || asked.String() != "192.0.2.7" {
		t.Errorf("status %d, Retry-After %q, code %q, asked about %v", a.status, a.header.Peek("Retry-After"), a.code, asked)
	}
	a = w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a", "")
	if a.status != 200 || string(a.header.Peek("Retry-After")) != "3" || string(a.header.Peek("Ripen-Verdict")) != "retry" {
		t.Errorf("pixel: status %d, Retry-After %q, verdict %q", a.status, a.header.Peek("Retry-After"), a.header.Peek("Ripen-Verdict"))
	}
	if a = w.do("POST /v1/page?writeKey=wk", `{"anonymousId":"a"}`, "Authorization: Bearer sk"); a.status != 200 {
		t.Errorf("with a secret key: status %d", a.status)
	}
	if n := len(w.log.events(t)); n != 1 {
		t.Errorf("%d events, need that of the secret key alone", n)
	}
}
