package ingest

import (
	"encoding/json"
	"strings"
	"testing"

	"ripen/tracker"
)

func TestStartup(t *testing.T) {
	f := func(line string, status int, path string, headers ...string) {
		t.Helper()
		w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Origins = []string{"https://x.example"} })
		a := w.do(line, "", append(headers, "Origin: https://x.example")...)
		if a.status != status || status == 200 && string(a.header.Peek("Access-Control-Allow-Origin")) != "https://x.example" {
			t.Fatalf("%s: %d %s", line, a.status, a.body)
		}
		var v any
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for name := range strings.SplitSeq(path, "/") {
			m, ok := v.(map[string]any)
			if v = m[name]; !ok || v == nil {
				t.Errorf("%s: nothing at %s of %s: %s", line, name, path, a.body)
			}
		}
	}
	f("GET /v1/projects/wk/settings", 200, "integrations/Segment.io/apiKey")
	f("GET /v1/projects/wk/settings", 200, "integrations/Segment.io/apiHost")
	f("GET /v1/projects/no/settings", 401, "code")
	f("GET /sourceConfig/?p=cdn&writeKey=wk", 200, "source/id")
	f("GET /sourceConfig", 401, "code")
	f("GET /array/wk/config", 200, "supportedCompression")
	f("POST /flags/?v=2", 200, "featureFlags")
	f("POST /decide/?v=3", 200, "featureFlags")
	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Origins = []string{"https://x.example"} })
	if a := w.do("GET /v1/projects/wk/settings", "", "Origin: https://y.example"); a.status != 403 {
		t.Errorf("another origin: %d", a.status)
	}
}

// TestStartupSegmentHost asks that the settings name the host to send to.
func TestStartupSegmentHost(t *testing.T) {
	f := func(public, origin, scheme, host string) {
		t.Helper()
		w := newWorld(t, func(c *Config, _ *tracker.Source) { c.PublicURL = public })
		a := w.do("GET /v1/projects/wk/settings", "", "Origin: "+origin, "Host: t.example:81")
		var v struct {
			Integrations map[string]struct{ APIHost, Protocol string }
		}
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			t.Fatal(err)
		}
		if got := v.Integrations["Segment.io"]; got.APIHost != host || got.Protocol != scheme {
			t.Errorf("%s, page of %s: %+v", public, origin, got)
		}
	}
	f("", "http://x.example", "http", "t.example:81/v1")
	f("", "https://x.example", "https", "t.example:81/v1")
	f("https://in.acme.es", "http://x.example", "https", "in.acme.es/v1")
}

func TestStartupScript(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("GET /array/wk/config.js", "")
	if a.status != 200 || string(a.header.ContentType()) != "text/javascript; charset=utf-8" ||
		!strings.HasPrefix(a.body, `(window._POSTHOG_REMOTE_CONFIG ||= {})["wk"] = {config: {"`) || strings.Contains(a.body, "surveys") {
		t.Errorf("%d %s %s", a.status, a.header.ContentType(), a.body)
	}
	if a = w.do("GET /array/no/config.js", ""); a.status != 401 {
		t.Errorf("an unknown key: %d", a.status)
	}
}

// TestStartupAdBlock is RudderStack's question whether anything is in its way.
func TestStartupAdBlock(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("HEAD /sourceConfig/?view=ad", "", "Origin: https://x.example")
	if a.status != 200 || string(a.header.Peek("Access-Control-Allow-Origin")) != "https://x.example" {
		t.Errorf("%d %s", a.status, a.header.String())
	}
}
