package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
)

// sharedLog takes what goroutines log that end after the answer was read.
type sharedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *sharedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startFront runs a front with these stages and returns its address and what
// it logs.
func startFront(t *testing.T, cfg Config, stages ...stage) (addr string, f *front, log *sharedLog) {
	t.Helper()
	log = &sharedLog{}
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f = newFront(&cfg, stages, newEdgeMetrics(metrics.NewSet()))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := f.drain(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), f, log
}

// exchange writes raw bytes and returns the status of the answer and whether
// the server closed the connection.
func exchange(t *testing.T, addr, raw string) (status int, body string, closed bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		t.Logf("write: %v", err)
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("%.60q: no answer: %v", raw, err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Close
}

func TestFrontRefusesWhatItCannotRead(t *testing.T) {
	echo := stageFunc(func(ctx *fasthttp.RequestCtx) bool { ctx.SetBodyString("ok"); return true })
	addr, _, log := startFront(t, Config{MaxBody: 64 << 10, ReadTimeout: 200 * time.Millisecond}, echo)
	f := func(raw string, want int, code string) {
		t.Helper()
		status, body, closed := exchange(t, addr, raw)
		if status != want || !strings.Contains(body, `"code":"`+code+`"`) || !closed {
			t.Errorf("%.60q: got %d %s (closed %v), want %d %s and closed", raw, status, body, closed, want, code)
		}
	}
	f("GET /?secret=s3cret HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("s3cret", 3000)+"\r\n\r\n", 431, "headers_too_large")
	f("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\ns3cret", 413, "too_large")
	f("s3cret\r\n\r\n", 400, "bad_request")
	f("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\ns3cret", 400, "bad_request")
	f("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request")
	f("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "bad_request")
	f("GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, "bad_request")
	for _, head := range []string{
		"GET / HTTP/1.1\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\n", "GET / HTTP/1.1\r\nHost: x\n\n",
		"GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\n\n", "GET / HTTP/1.1\n", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		f(head, 400, "bad_request")
	}
	f("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\ns3c", 408, "timeout")
	if strings.Contains(log.String(), "s3c") {
		t.Errorf("the log quotes a request:\n%s", log)
	}
}

func TestFrontAsksStagesInOrder(t *testing.T) {
	first := stageFunc(func(ctx *fasthttp.RequestCtx) bool {
		if isPath(ctx, "/first") {
			ctx.SetBodyString("first")
			return true
		}
		if isPath(ctx, "/panic") {
			panic("on purpose")
		}
		return false
	})
	second := stageFunc(func(ctx *fasthttp.RequestCtx) bool {
		_, ok := under(ctx, "/f")
		if ok {
			ctx.SetBodyString("second")
		}
		return ok
	})
	addr, _, _ := startFront(t, Config{}, first, second)
	f := func(path string, status int, want string) {
		t.Helper()
		got, body, _ := exchange(t, addr, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if got != status || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %q, want %d %q", path, got, body, status, want)
		}
	}
	f("/first", 200, "first")
	f("/first2", 200, "second")
	f("/%66irst", 404, `"code":"not_found"`)
	f("/panic", 500, `"code":"internal"`)
	f("/first", 200, "first") // the panic stayed with its request
}

func TestFrontDrains(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	slow := stageFunc(func(ctx *fasthttp.RequestCtx) bool {
		close(begun)
		<-release
		ctx.SetBodyString("finished")
		return true
	})
	addr, f, _ := startFront(t, Config{}, slow)
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + addr + "/")
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		got <- fmt.Sprint(string(b), err)
	}()
	<-begun
	drained := make(chan error, 1)
	go func() { drained <- f.drain(context.Background()) }()
	close(release)
	if g := <-got; g != "finished<nil>" {
		t.Errorf("a request under way was answered %q", g)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a drained server still accepts")
	}
}

func TestAvailableMemory(t *testing.T) {
	if n := availableMemory("/nonexistent", "/proc/meminfo"); n < 64<<20 {
		t.Fatalf("this machine has %d bytes of memory?", n)
	}
	if n := availableMemory("/nonexistent", "/nonexistent"); n != 0 {
		t.Fatalf("got %d where nothing is known, want 0", n)
	}
	if residentMemory() < 1<<20 {
		t.Fatal("a process uses more than a megabyte")
	}
}
