package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/storage"
)

// post sends a JSON body and returns status, answer and headers.
func post(t *testing.T, s *Server, path, body string) (status int, answer string, h http.Header) {
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
	return resp.StatusCode, string(b), resp.Header
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

// eventLine is what these tests look at of a record of the log.
type eventLine struct {
	Received  string `json:"received"`
	MessageID string `json:"message_id"`
}

// logged returns the events in the log, in its order.
func logged(t *testing.T, s *Server) (lines []eventLine) {
	t.Helper()
	status, body, _ := get(t, s, "GET", "/v1/admin/events", "Authorization: Bearer "+s.AdminKey())
	if status != 200 {
		t.Fatalf("events: %d %s", status, body)
	}
	for line := range strings.Lines(body) {
		var l eventLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.MessageID != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// sender posts events with the ids m0, m1, …, and knows which were acknowledged.
type sender struct {
	s     *Server
	n     int
	acked []string
}

// send posts one event and returns the status and headers of the answer.
func (k *sender) send(t *testing.T) (status int, h http.Header) {
	t.Helper()
	id := fmt.Sprintf("m%d", k.n)
	k.n++
	status, body, h := post(t, k.s, "/v1/track?writeKey="+k.s.Demo().WriteKey, `{"event":"Ping","anonymousId":"a","messageId":"`+id+`"}`)
	if status == 200 && strings.Contains(body, `"status":"ok"`) {
		k.acked = append(k.acked, id)
	}
	return status, h
}

// check fails unless everything acknowledged is in the log.
func (k *sender) check(t *testing.T) {
	t.Helper()
	there := map[string]bool{}
	for _, l := range logged(t, k.s) {
		there[l.MessageID] = true
	}
	for _, id := range k.acked {
		if !there[id] {
			t.Errorf("%s was acknowledged and is not in the log", id)
		}
	}
}

// fullDisk sends an event, fills the disk, asks for everything, makes room, and
// waits until events are taken again.
func fullDisk(t *testing.T, k *sender, fill, makeRoom func()) {
	t.Helper()
	if status, _ := k.send(t); status != 200 {
		t.Fatal(status)
	}
	settleAll(t, k.s)
	fill()
	// The server may know of the disk what it saw 100 ms ago.
	status, h := k.send(t)
	for end := time.Now().Add(5 * time.Second); status == 200 && time.Now().Before(end); {
		status, h = k.send(t)
	}
	if status != 503 || h.Get("Retry-After") == "" {
		t.Errorf("an event on a full disk: got %d, Retry-After %q; want 503 and when to come again", status, h.Get("Retry-After"))
	}
	s := k.s
	status, body, h := get(t, s, "GET", "/p.gif?type=page&anonymousId=a&writeKey="+s.Demo().WriteKey)
	if status != 200 || !strings.HasPrefix(body, "GIF89a") || h.Get("Ripen-Verdict") != "retry" {
		t.Errorf("a pixel on a full disk: got %d, verdict %q, %q", status, h.Get("Ripen-Verdict"), body)
	}
	f := func(path string, want int, headers ...string) {
		t.Helper()
		if status, body, _ := get(t, s, "GET", path, headers...); status != want {
			t.Errorf("%s on a full disk: got %d %s, want %d", path, status, body, want)
		}
	}
	f("/v1/leads", 200, "Authorization: Bearer "+s.Demo().SecretKey)
	f("/v1/admin/events", 200, "Authorization: Bearer "+s.AdminKey())
	f("/metrics", 200)
	f("/healthz", 200)
	f("/readyz", 503)
	makeRoom()
	for end := time.Now().Add(10 * time.Second); ; {
		if status, _ = k.send(t); status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("with room again: got %d, want 200", status)
		}
	}
	f("/readyz", 200)
	k.check(t)
}

func TestDiskFull(t *testing.T) {
	var free atomic.Int64
	free.Store(10 << 30)
	s, _ := startServer(t, Config{Demo: true, free: func(string) (int64, int64, error) { return free.Load(), 10 << 30, nil }})
	fullDisk(t, &sender{s: s}, func() { free.Store(1 << 20) }, func() { free.Store(10 << 30) })
}

// TestDiskReallyFull fills a small file system behind the server's back.
func TestDiskReallyFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=192m"); err != nil {
		t.Skipf("SKIPPED: a file system to fill cannot be mounted (root is needed): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, stop := startServer(t, Config{Demo: true, Data: filepath.Join(dir, "data"), DiskReserve: 32 << 20})
	ballast := filepath.Join(dir, "ballast")
	fill := func(rest int64) {
		var disk syscall.Statfs_t
		if err := syscall.Statfs(dir, &disk); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ballast, make([]byte, int64(disk.Bavail)*disk.Bsize-rest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fullDisk(t, &sender{s: s}, func() { fill(16 << 20) }, func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	})
	stop()
	fill(5 << 20)
	if r, err := storage.Doctor(t.Context(), filepath.Join(dir, "data")); !errors.Is(err, storage.ErrNoSpace) {
		t.Errorf("the doctor on a full disk says %+v, %v", r, err)
	}
}

func TestClockStepsBack(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	dir := t.TempDir()
	cfg := Config{Demo: true, Data: dir, Now: func() time.Time { return time.UnixMilli(clock.Load()) }}
	s, stop := startServer(t, cfg)
	k := &sender{s: s}
	send := func() {
		t.Helper()
		if status, _ := k.send(t); status != 200 {
			t.Fatal(status)
		}
		settleAll(t, s)
	}
	send()
	clock.Add(-time.Hour.Milliseconds())
	send()
	stop()
	clock.Add(-time.Hour.Milliseconds()) // and further while it is down
	s, _ = startServer(t, cfg)
	k.s = s
	send()
	clock.Add(3 * time.Hour.Milliseconds())
	send()
	lines := logged(t, s)
	if len(lines) != 4 {
		t.Fatalf("got %d events, want 4", len(lines))
	}
	for i, l := range lines[1:] {
		if l.Received < lines[i].Received {
			t.Errorf("received went back from %s to %s", lines[i].Received, l.Received)
		}
	}
	if lines[3].Received <= lines[2].Received {
		t.Error("received stands still after the clock was right again")
	}
}

// TestSlowRequestsAreCut sends requests byte by byte, without end.
func TestSlowRequestsAreCut(t *testing.T) {
	s, _ := startServer(t, Config{Demo: true, ReadTimeout: 300 * time.Millisecond})
	addr := strings.TrimPrefix(s.URL(), "http://")
	f := func(name, begin string) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begun := time.Now()
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, c) // to its end, or to the reset
		}()
		drip := time.NewTicker(20 * time.Millisecond)
		defer drip.Stop()
		for {
			select {
			case <-ended:
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("%s: cut after %v, want about 300 ms", name, took)
				}
				return
			case <-drip.C:
				_, _ = io.WriteString(c, "1") // fails once it is cut
			case <-time.After(10 * time.Second):
				t.Fatalf("%s is never cut", name)
			}
		}
	}
	f("a request line", "GET /")
	f("a header", "GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
	f("a body", "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
	f("a chunk", "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n")
	if status, _ := (&sender{s: s}).send(t); status != 200 {
		t.Errorf("after slow requests: got %d", status)
	}
}

// TestBadRequests are refused by the whole server, and harm nobody after them.
func TestBadRequests(t *testing.T) {
	s, _ := startServer(t, Config{Demo: true, MaxBody: 64 << 10, ReadTimeout: 2 * time.Second})
	addr := strings.TrimPrefix(s.URL(), "http://")
	f := func(name, raw string, want int, code string, mustClose bool) {
		t.Helper()
		status, body, closed := exchange(t, addr, raw)
		if status != want || !strings.Contains(body, `"`+code+`"`) || closed != mustClose {
			t.Errorf("%s: got %d %s (closed %v), want %d %s (%v)", name, status, body, closed, want, code, mustClose)
		}
	}
	const post, smuggled = "POST /v1/track HTTP/1.1\r\nHost: x\r\n", "0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
	smuggling := func(name, raw string) { t.Helper(); f(name, raw, 400, "bad_request", true) }
	smuggling("length and chunks", post+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+smuggled)
	smuggling("chunks and length", post+"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"+smuggled)
	smuggling("two lengths", post+"Content-Length: 0\r\nContent-Length: 5\r\n\r\n"+smuggled)
	smuggling("a coding unknown", post+"Transfer-Encoding: identity\r\n\r\n"+smuggled)
	smuggling("a coding in disguise", post+"Transfer-Encoding: xchunked\r\n\r\n"+smuggled)
	smuggling("white space before the colon", post+"Transfer-Encoding : chunked\r\n\r\n"+smuggled)
	smuggling("a bare line feed", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n")
	smuggling("a folded line", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n")
	smuggling("HTTP/9.9", "GET / HTTP/9.9\r\nHost: x\r\n\r\n")
	smuggling("chunks in HTTP/1.0", "POST /v1/track HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+smuggled)
	smuggling("an absolute target", "GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n")
	smuggling("no host", "GET / HTTP/1.1\r\n\r\n")

	f("a body too large", post+"Content-Length: 65537\r\n\r\n", 413, "too_large", true)
	f("chunks too large", post+"Transfer-Encoding: chunked\r\n\r\n20000\r\n"+strings.Repeat("x", 0x20000)+"\r\n0\r\n\r\n", 413, "too_large", true)
	f("a header too large", "GET / HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("x", 10_000)+"\r\n\r\n", 431, "headers_too_large", true)
	bomb := gzipped(t, bytes.Repeat([]byte{' '}, 10<<20))
	path := "POST /v1/track?writeKey=" + s.Demo().WriteKey + " HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
	f("a bomb", fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(bomb), bomb), 413, "inflation_ratio", true)
	if k := (&sender{s: s}); func() int { status, _ := k.send(t); return status }() != 200 || len(k.acked) != 1 {
		t.Error("a good event after all that is not taken")
	}
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestPanicIsOneAnswer lets one request fail inside while others are under way.
func TestPanicIsOneAnswer(t *testing.T) {
	s, err := New(t.Context(), Config{Demo: true, Data: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	inside, release := make(chan struct{}), make(chan struct{})
	s.front.stages = append([]stage{stageFunc(func(ctx *fasthttp.RequestCtx) bool {
		switch {
		case isPath(ctx, "/panic"):
			panic("on purpose")
		case isPath(ctx, "/slow"):
			close(inside)
			<-release
			ctx.SetBodyString("done")
			return true
		}
		return false
	})}, s.front.stages...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	slow := make(chan string, 1)
	go func() {
		resp, err := http.Get(s.URL() + "/slow")
		if err != nil {
			slow <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		slow <- fmt.Sprint(string(b), err)
	}()
	<-inside
	if status, body, _ := get(t, s, "GET", "/panic"); status != 500 || !strings.Contains(body, `"code":"internal"`) || strings.Contains(body, "purpose") {
		t.Errorf("a panic: got %d %s", status, body)
	}
	close(release)
	if got := <-slow; got != "done<nil>" {
		t.Errorf("the request beside it: got %s", got)
	}
	if status, _ := (&sender{s: s}).send(t); status != 200 {
		t.Errorf("an event after it: got %d", status)
	}
	_, text, _ := get(t, s, "GET", "/metrics")
	if !strings.Contains(text, "ripen_http_panics_total 1\n") {
		t.Error("the panic was not counted")
	}
}
