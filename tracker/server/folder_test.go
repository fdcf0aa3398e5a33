package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"ripen/storage"
)

func TestSettleAndHealth(t *testing.T) {
	s, _ := startServer(t, Config{})
	key := "Authorization: Bearer " + s.AdminKey()
	if got, body, _ := get(t, s, "POST", "/v1/admin/settle", key); got != 200 || body != "{\"seq\":0}\n" {
		t.Fatalf("settle of an empty log: %d %s", got, body)
	}
	rec := storage.Record{Tenant: storage.Tenant{1}, Kind: 99, Row: []byte("x")}
	if err := s.db.Log().Append(t.Context(), 0, []storage.Record{rec}); err != nil {
		t.Fatal(err)
	}
	if got, _, h := get(t, s, "GET", "/v1/admin/settle", key); got != 405 || h.Get("Allow") != "POST" {
		t.Fatalf("the wrong method: %d, Allow %q", got, h.Get("Allow"))
	}
	broken := errors.New("on purpose")
	s.folder.failure.Store(&broken)
	if got, body, _ := get(t, s, "GET", "/readyz"); got != 503 {
		t.Fatalf("not folding: %d %s", got, body)
	}
	if got, body, _ := get(t, s, "GET", "/healthz"); got != 200 {
		t.Fatalf("not folding is no reason to be killed: %d %s", got, body)
	}
}

// Events are taken, durably, while the leads are still being read; questions
// about leads are told so.
func TestCaptureWhileStarting(t *testing.T) {
	hold := make(chan struct{})
	s, stop := startServer(t, Config{opening: func(ctx context.Context) error {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return ctx.Err()
	}})
	key := "Authorization: Bearer " + s.AdminKey()
	_, src, secret, err := s.registry.Create("acme", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, body, _ := get(t, s, "GET", "/readyz"); got != 503 || !strings.Contains(body, `"starting"`) {
		t.Fatalf("ready before the leads are read: %d %s", got, body)
	}
	if got, body, _ := get(t, s, "GET", "/healthz"); got != 200 || !strings.Contains(body, `"starting"`) {
		t.Fatalf("healthz: %d %s", got, body)
	}
	if _, _, h := get(t, s, "GET", "/p.gif?type=track&event=seen&anonymousId=v1&writeKey="+src.WriteKey); h.Get("Ripen-Verdict") != "ok" {
		t.Fatalf("an event while starting: %q", h.Get("Ripen-Verdict"))
	}
	if got, _, _ := get(t, s, "GET", "/metrics", key); got != 200 {
		t.Fatalf("metrics: %d", got)
	}
	if got, body, h := get(t, s, "GET", "/v1/leads", "Authorization: Bearer "+secret); got != 503 || !strings.Contains(body, `"starting"`) || h.Get("Retry-After") == "" {
		t.Fatalf("leads while starting: %d %s, Retry-After %q", got, body, h.Get("Retry-After"))
	}
	close(hold)
	if got, body, _ := get(t, s, "POST", "/v1/admin/settle", key); got != 200 || body != "{\"seq\":1}\n" {
		t.Fatalf("settle: %d %s", got, body)
	}
	if got, body, _ := get(t, s, "GET", "/readyz"); got != 200 {
		t.Fatalf("never ready: %d %s", got, body)
	}
	stop()
}

// A state that cannot be opened ends the server, as it would have at its start.
func TestStateThatDoesNotOpen(t *testing.T) {
	broken := errors.New("on purpose")
	s, err := New(t.Context(), Config{Data: t.TempDir(), Listen: "127.0.0.1:0", opening: func(context.Context) error { return broken }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("Run: %v", err)
	}
	// A command waits for the state, and fails at once.
	if _, err := New(t.Context(), Config{Data: t.TempDir(), Listen: "127.0.0.1:0", Private: true, opening: func(context.Context) error { return broken }}); !errors.Is(err, broken) {
		t.Fatalf("New: %v", err)
	}
}
