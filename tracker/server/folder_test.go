package server

import (
	"errors"
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
