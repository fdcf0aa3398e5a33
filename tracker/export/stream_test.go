package export

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"ripen/tracker"
)

// quiet has leads that never change.
type quiet struct{ unasked }

func (quiet) Changes(ctx context.Context, _ tracker.Caller, _ tracker.TenantID, _ uint64, _ int) ([]tracker.Change, error) {
	<-ctx.Done()
	return nil, nil
}

// alone is a registry of one tenant.
type alone struct{ Registry }

func (alone) Tenant(id tracker.TenantID) *tracker.Tenant { return &tracker.Tenant{ID: id} }

// TestQuietStream proves that an event stream answers at once, shows that it
// lives while nothing happens, and ends with the server.
func TestQuietStream(t *testing.T) {
	life, end := context.WithCancel(t.Context())
	defer end()
	h := New(Config{
		Registry: alone{}, Life: life, Heartbeat: time.Millisecond,
		State:  func(time.Time) (Leads, func(), error) { return quiet{}, func() {}, nil },
		Caller: func(string) (tracker.Caller, bool) { return tracker.Caller{Role: tracker.SecretRole}, true },
	})
	l := fasthttputil.NewInmemoryListener()
	s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { h.Handle(ctx) }}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	conn, err := l.Dial()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET /v1/changes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nAccept: text/event-stream\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	lines, beats, ended := bufio.NewScanner(conn), 0, false
	for !ended && lines.Scan() {
		if strings.HasPrefix(lines.Text(), ": still here") {
			if beats++; beats == 3 {
				end()
			}
		}
		ended = beats >= 3 && lines.Text() == "0" // the last chunk
	}
	if beats < 3 || !ended {
		t.Errorf("%d heartbeats, ended: %v", beats, ended)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
