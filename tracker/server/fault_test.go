package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// post sends a JSON body and returns status and answer.
func post(t *testing.T, s *Server, path, body string) (status int, answer string) {
	t.Helper()
	resp, err := http.Post(s.URL()+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// settleAll waits until everything acknowledged is in view.
func settleAll(t *testing.T, s *Server) {
	t.Helper()
	last, err := s.db.Log().Last(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.folder.settle(t.Context(), last); err != nil {
		t.Fatal(err)
	}
}
