package server

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// startServer runs a server on a directory until the test ends or stop is
// called.
func startServer(t *testing.T, cfg Config) (s *Server, stop func()) {
	t.Helper()
	if cfg.Data == "" {
		cfg.Data = t.TempDir()
	}
	cfg.Listen = or(cfg.Listen, "127.0.0.1:0")
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// get asks a path with headers "Name: value" and returns status and body.
func get(t *testing.T, s *Server, method, path string, headers ...string) (status int, body string, h http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func TestServerAnnouncesItself(t *testing.T) {
	dir := t.TempDir()
	if _, ok := Announced(t.Context(), dir); ok {
		t.Fatal("a server was found where none is")
	}
	s, stop := startServer(t, Config{Data: dir})
	a, ok := Announced(t.Context(), dir)
	if !ok || a.URL != s.URL() {
		t.Fatalf("got %+v, %v; want %s", a, ok, s.URL())
	}
	for _, name := range []string{KeyFile, announceFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others: %v", name, info.Mode())
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, announceFile))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := os.Stat(filepath.Join(dir, announceFile)); !os.IsNotExist(err) {
		t.Fatalf("a stopped server still announces itself: %v", err)
	}

	// A stale file, as a crash leaves it, is not believed: neither with nobody
	// there nor with another server on the address.
	if err := os.WriteFile(filepath.Join(dir, announceFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := Announced(t.Context(), dir); ok {
		t.Fatal("a stale announcement was believed")
	}
	startServer(t, Config{Listen: strings.TrimPrefix(a.URL, "http://")})
	if _, ok := Announced(t.Context(), dir); ok {
		t.Fatal("another server was taken for this directory's")
	}
}

func TestServerKeepsItsKey(t *testing.T) {
	dir := t.TempDir()
	s, stop := startServer(t, Config{Data: dir})
	stop()
	again, stop := startServer(t, Config{Data: dir})
	stop()
	if s.AdminKey() != again.AdminKey() || len(s.AdminKey()) < 32 {
		t.Fatalf("the admin key changed from %q to %q", s.AdminKey(), again.AdminKey())
	}
	if err := os.WriteFile(filepath.Join(dir, KeyFile), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Config{Data: dir, Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), KeyFile) {
		t.Fatalf("a broken key file: got %v, want its name", err)
	}
}

func TestServerRefusesForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Config{Data: dir}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Fatalf("got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Fatalf("something was written into it: %v %v", entries, err)
	}
}

func TestAccess(t *testing.T) {
	s, _ := startServer(t, Config{})
	key := "Authorization: Bearer " + s.AdminKey()
	f := func(want int, path string, headers ...string) {
		t.Helper()
		if got, body, _ := get(t, s, "GET", path, headers...); got != want {
			t.Errorf("%s %v: got %d %s, want %d", path, headers, got, body, want)
		}
	}
	f(200, "/healthz")
	f(200, "/readyz")
	f(200, "/metrics")
	f(401, "/metrics", "X-Forwarded-For: 10.0.0.1") // a proxy on this machine
	f(401, "/metrics", "Host: rebound.example")     // a page whose name points here
	f(200, "/metrics", "Host: localhost:1")
	f(200, "/metrics", "X-Forwarded-For: 10.0.0.1", key)
	f(401, "/v1/admin/events")
	f(401, "/v1/admin/events", "Authorization: Bearer wrong")
	f(401, "/v1/admin/events", "Authorization: "+s.AdminKey())
	f(200, "/v1/admin/events", key)
	f(400, "/v1/admin/events?from=x", key)
	f(404, "/v1/admin/nothing", key)

	s.open = false // as on a public address
	f(401, "/metrics")
	f(200, "/metrics", key)
}

func TestSnippet(t *testing.T) {
	s, _ := startServer(t, Config{})
	status, body, h := get(t, s, "GET", "/r.js")
	if status != 200 || len(body) < 500 || !strings.Contains(h.Get("Cache-Control"), "max-age=300") {
		t.Fatalf("/r.js: %d, %d bytes, %v", status, len(body), h)
	}
	version := strings.Trim(h.Get("ETag"), `"`)
	if status, same, h := get(t, s, "GET", "/r/"+version+".js"); status != 200 || same != body || !strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("the versioned path: %d, %v", status, h)
	}
	if status, _, _ := get(t, s, "GET", "/r.js", `If-None-Match: "`+version+`"`); status != 304 {
		t.Errorf("a known version: got %d, want 304", status)
	}
	if status, _, _ := get(t, s, "GET", "/r/0.js"); status != 404 {
		t.Errorf("an unknown version: got %d, want 404", status)
	}
}

func TestWhatGoesWithTheSnippet(t *testing.T) {
	s, _ := startServer(t, Config{PublicURL: "https://t.acme.es"})
	if status, body, _ := get(t, s, "GET", "/r.d.ts"); status != 200 || !strings.Contains(body, "interface Ripen") {
		t.Errorf("the types: %d %.80s", status, body)
	}
	if status, body, _ := get(t, s, "GET", "/r.tpl"); status != 200 || !strings.Contains(body, `"https://t.acme.es/*"`) {
		t.Errorf("the tag manager's template: %d", status)
	}
}

func TestSitePath(t *testing.T) {
	s, _ := startServer(t, Config{SitePath: "/k7"})
	_, script, h := get(t, s, "GET", "/r.js")
	version := strings.Trim(h.Get("ETag"), `"`)
	f := func(method, path string, want int, body string) {
		t.Helper()
		if status, got, _ := get(t, s, method, path); status != want || body != "" && got != body {
			t.Errorf("%s %s: %d, %d bytes; want %d, %d bytes", method, path, status, len(got), want, len(body))
		}
	}
	f("GET", "/k7.js?key=a", 200, script)
	f("GET", "/k7/"+version+".js", 200, script)
	f("GET", "/k7/0.js", 404, "")
	f("GET", "/k7.gif?writeKey=x&type=page", 200, "")
	f("POST", "/k7?writeKey=nobody", 401, "") // ingest's answer
	f("POST", "/k7/tp2", 401, "")             // of Snowplow, whose key is in the body
	f("POST", "/k70", 404, "")
	f("POST", "/k7/", 404, "")
	for _, bad := range []string{"k7", "/", "/K7", "/k7/x", "/v1", "/r", "/k7.js", "/" + strings.Repeat("a", 41)} {
		if err := (&Config{Data: "x", SitePath: bad}).check(); err == nil || !strings.Contains(err.Error(), "site-path") {
			t.Errorf("site path %q: %v", bad, err)
		}
	}
}

func TestEventsStream(t *testing.T) {
	s, stop := startServer(t, Config{})
	e := tracker.Event{
		Type: []byte("page_view"), Time: 1767225600000, MessageID: []byte("m1"), Visitor: tracker.Hash{1}, Source: 7,
		Fields: []tracker.Field{
			{Space: tracker.Property, Name: []byte("path"), Value: tracker.Value{Tag: tracker.String, Str: []byte("/<x>")}},
			{Space: tracker.Product, Index: 1, Name: []byte("sku"), Value: tracker.Value{Tag: tracker.Int, Num: 5}},
		},
	}
	secret := []tracker.Field{{Space: tracker.Trait, Name: []byte("email"), Value: tracker.Value{Tag: tracker.String, Str: []byte("a@b.c")}}}
	rec := storage.Record{Tenant: storage.Tenant{9}, ID: []byte("m1"), Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e), Personal: tracker.AppendFields(nil, secret)}
	rec.Subject[0] = 'v'
	rec.Subject[1] = 1
	if err := s.db.Log().Append(t.Context(), 0, []storage.Record{rec}); err != nil {
		t.Fatal(err)
	}
	key := "Authorization: Bearer " + s.AdminKey()
	_, body, _ := get(t, s, "GET", "/v1/admin/events", key)
	for _, want := range []string{
		`"seq":1`, `"kind":"event"`, `"type":"page_view"`, `"time":"2026-01-01T00:00:00.000Z"`, `"message_id":"m1"`,
		`"path":"/<x>"`, `"products.1.sku":5`, `"traits":{"email":"a@b.c"}`, `"source":7`, `"tenant":"0900000000000000"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if _, body, _ := get(t, s, "GET", "/v1/admin/events?from=2", key); body != "" {
		t.Errorf("from the end on: got %s", body)
	}

	// A reader that follows is let go when the server stops.
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/v1/admin/events?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.AdminKey())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	stop()
	if rest, err := io.ReadAll(resp.Body); err != nil || strings.Contains(string(rest), "error") {
		t.Errorf("the stream ended with %v: %s", err, rest)
	}
}

func TestCrawlersAreKeptOut(t *testing.T) {
	s, _ := startServer(t, Config{})
	status, body, h := get(t, s, "GET", "/robots.txt")
	if status != 200 || body != "User-agent: *\nDisallow: /\n" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %q %v", status, body, h)
	}
}
