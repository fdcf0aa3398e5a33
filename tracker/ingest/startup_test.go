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
