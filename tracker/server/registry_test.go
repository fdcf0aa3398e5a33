package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

type source struct {
	Source    string   `json:"source"`
	WriteKey  string   `json:"write_key"`
	Origins   []string `json:"origins"`
	KeepIP    bool     `json:"keep_ip"`
	BodyLimit int      `json:"body_limit"`
	Disabled  bool     `json:"disabled"`
	Snippet   string   `json:"snippet"`
}

func TestSources(t *testing.T) {
	k := trackertest.Start(t)
	var s source
	k.Call("POST", "/v1/admin/sources", k.AdminKey, map[string]any{"name": "blog", "keep_ip": true, "origins": []string{"https://blog.example"}}, &s)
	if s.Source != "blog" || s.WriteKey == k.WriteKey || !s.KeepIP || s.BodyLimit != 4<<20 || !strings.Contains(s.Snippet, s.WriteKey) {
		t.Errorf("got %+v", s)
	}
	send := func(want int) {
		t.Helper()
		if status, b := k.Do("POST", "/v1/track?writeKey="+s.WriteKey, "", map[string]any{"event": "x", "anonymousId": "a"}); status != want {
			t.Errorf("an event of the source: got %d %s, want %d", status, b, want)
		}
	}
	send(200)
	k.Call("PATCH", "/v1/admin/sources/blog", k.AdminKey, map[string]any{"disabled": true}, &s)
	if !s.Disabled || !s.KeepIP || len(s.Origins) != 1 {
		t.Errorf("what was not named changed: %+v", s)
	}
	send(401)
	k.Restart()
	send(401)
	k.Call("PATCH", "/v1/admin/sources/blog", k.AdminKey, map[string]any{"disabled": false}, &s)
	send(200)
	f := func(method, path string, body map[string]any, want int, code string) {
		t.Helper()
		if status, b := k.Do(method, path, k.AdminKey, body); status != want || !strings.Contains(string(b), code) {
			t.Errorf("%s %s %v: got %d %s, want %d %s", method, path, body, status, b, want, code)
		}
	}
	f("POST", "/v1/admin/sources", map[string]any{"name": "blog"}, 409, "source_exists")
	f("POST", "/v1/admin/sources", map[string]any{"name": "a/b"}, 400, "bad_name")
	f("PATCH", "/v1/admin/sources/blog", map[string]any{"body_limit": 1 << 30}, 400, "bad_body_limit")
	f("PATCH", "/v1/admin/sources/none", map[string]any{}, 404, "unknown_source")
	f("POST", "/v1/admin/tenants", map[string]any{"name": ""}, 400, "bad_name")
	f("GET", "/v1/admin/sources/default", nil, 200, k.WriteKey)
}

// TestSecretKeysAreNotStored looks for the keys in every file of the directory.
func TestSecretKeysAreNotStored(t *testing.T) {
	k := trackertest.Start(t)
	k.Send(visit("a", 1)...)
	k.Restart() // what was in memory is in files now
	found := 0
	err := filepath.WalkDir(k.Dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == server.KeyFile {
			return err
		}
		b, err := os.ReadFile(file)
		if strings.Contains(string(b), k.SecretKey) || strings.Contains(string(b), k.AdminKey) {
			t.Errorf("%s holds a secret key", file)
		}
		found++
		return err
	})
	if err != nil || found < 5 {
		t.Fatalf("looked into %d files: %v", found, err)
	}
}

func TestCaptureOnly(t *testing.T) {
	k := trackertest.Start(t, func(c *server.Config) { c.CaptureOnly = true })
	if v := k.Send(visit("a", 1)...); len(v) != 1 || v[0].Status != "ok" {
		t.Fatalf("got %+v", v)
	}
	if status, b := k.Do("GET", "/v1/leads", k.SecretKey, nil); status != 503 || !strings.Contains(string(b), "capture_only") {
		t.Errorf("leads of a server that only captures: %d %s", status, b)
	}
	if status, b := k.Do("GET", "/metrics", "", nil); status != 200 || !strings.Contains(string(b), "ripen_log_last_seq 1") || strings.Contains(string(b), "ripen_fold") {
		t.Errorf("metrics: %d %.300s", status, b)
	}
}

func TestMetrics(t *testing.T) {
	k := trackertest.Start(t)
	k.Send(visit("a", 2)...)
	_, b := k.Do("GET", "/metrics", "", nil)
	for _, want := range []string{
		"ripen_fold_lag_seconds 0\n", "ripen_fold_seq 2\n", "ripen_log_read_only 0\n", `ripen_ingest_events_total{verdict="ok"} 2` + "\n",
		"ripen_resident_bytes ", "ripen_http_refused_total 0\n", `ripen_ingest_ack_seconds_count{path="post"} 1` + "\n", "ripen_fold_delay_seconds_",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("/metrics has no %q", want)
		}
	}
}

func TestDemo(t *testing.T) {
	k := trackertest.Start(t, func(c *server.Config) { c.Demo = true })
	key := "demo"
	k.Call("POST", "/v1/track?writeKey="+key, "", map[string]any{"event": "Product Added", "anonymousId": "me"}, nil)
	k.Settle()
	var tenants struct {
		Tenants []struct {
			Tenant  string `json:"tenant"`
			Ranking string `json:"ranking"`
		} `json:"tenants"`
	}
	k.Call("GET", "/v1/admin/tenants", k.AdminKey, nil, &tenants)
	if len(tenants.Tenants) != 2 || tenants.Tenants[0].Tenant != "demo" || tenants.Tenants[0].Ranking != "machines" {
		t.Fatalf("got %+v", tenants)
	}
	for path, want := range map[string]string{"/": "<html", "/demo/en/": "/r.js", "/demo/es/": "/r.js"} {
		if status, b := k.Do("GET", path, "", nil); status != 200 || !strings.Contains(string(b), want) {
			t.Errorf("%s: %d %.200s", path, status, b)
		}
	}
	k.Restart() // the demo finds its tenant again
}
