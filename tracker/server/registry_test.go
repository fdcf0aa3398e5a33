package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

func visit(visitor string, n int) (events []map[string]any) {
	for i := range n {
		events = append(events, map[string]any{
			"type": "page", "anonymousId": visitor, "messageId": fmt.Sprintf("%s-%d", visitor, i), "properties": map[string]any{"path": "/prices"},
		})
	}
	return events
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
