package ingest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// rawServer answers on an in-memory connection, guarded as the server is.
func rawServer(t *testing.T, handled *atomic.Int32) *fasthttputil.InmemoryListener {
	ln := fasthttputil.NewInmemoryListener()
	s := &fasthttp.Server{
		Logger: quiet{},
		Handler: func(ctx *fasthttp.RequestCtx) {
			if err := CheckHeader(&ctx.Request.Header); err != nil {
				ctx.Error(err.Error(), fasthttp.StatusBadRequest)
				ctx.SetConnectionClose()
				return
			}
			handled.Add(1)
		},
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// talk sends raw bytes and returns the first status line, whether the server
// closed the connection, and how many requests it handled.
func talk(t *testing.T, raw string) (status string, closed bool, handled int) {
	t.Helper()
	var n atomic.Int32
	ln := rawServer(t, &n)
	c, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, raw) }()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	var resp fasthttp.Response
	if err := resp.Read(r); err != nil {
		return err.Error(), true, int(n.Load())
	}
	if resp.StatusCode() == fasthttp.StatusBadRequest {
		_, err = r.ReadByte()
		closed = err == io.EOF
	}
	return strconv.Itoa(resp.StatusCode()), closed, int(n.Load())
}

func TestSmugglingRefused(t *testing.T) {
	const host = "Host: a\r\n"
	chunked := "\r\n5\r\nhello\r\n0\r\n\r\n"
	for _, c := range []struct{ name, raw string }{
		{"length then coding", "POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n" + chunked},
		{"coding then length", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n" + chunked},
		{"a space in a name", "POST / HTTP/1.1\r\n" + host + "Content Length: 4\r\n\r\nabcd"},
		{"coding identity", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n"},
		{"coding xchunked", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n" + chunked},
		{"coding twice in one", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n" + chunked},
		{"coding twice", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + chunked},
		{"coding in HTTP/1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n" + chunked},
		{"space before colon", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\n" + chunked},
		{"bare LF in header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
		{"bare LF after name", "POST / HTTP/1.1\r\n" + host + "X: a\nTransfer-Encoding: chunked\r\n" + chunked},
		{"bare LF ends head", "GET / HTTP/1.1\r\n" + host + "\nGET /x HTTP/1.1\r\n\r\n"},
		{"fold with space", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"},
		{"fold with tab", "GET / HTTP/1.1\r\n" + host + "X: a\r\n\tb\r\n\r\n"},
		{"folded coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n chunked\r\n" + chunked},
		{"first line leads with space", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
		{"HTTP/9.9", "GET / HTTP/9.9\r\n" + host + "\r\n"},
		{"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n"},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n"},
		{"absolute form", "GET http://b/x HTTP/1.1\r\n" + host + "\r\n"},
		{"star without OPTIONS", "GET * HTTP/1.1\r\n" + host + "\r\n"},
		{"two lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"},
		{"two different lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
		{"signed length", "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\na"},
		{"length list", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1,1\r\n\r\na"},
		{"negative length", "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\na"},
		{"hex chunk size", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"},
		{"LF in chunk extension", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n"},
		{"NUL in header", "GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n"},
		{"bare CR in header", "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n"},
		{"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, closed, handled := talk(t, c.raw)
			if status != "400" || !closed || handled != 0 {
				t.Errorf("status %s closed %v handled %d, need 400, closed, 0", status, closed, handled)
			}
		})
	}
}

func TestHonestRequestsPass(t *testing.T) {
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na",
		"POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\nTE: trailers\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", 2000) + "\r\nX-Empty:\r\n\r\n",
	} {
		if status, _, handled := talk(t, raw); status != "200" || handled != 1 {
			t.Errorf("%.40q: status %s handled %d, need 200 and 1", raw, status, handled)
		}
	}
}

// flakyListener fails as often as it is told.
type flakyListener struct {
	net.Listener
	errs []error
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		c, _ := net.Pipe()
		return c, nil
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, &net.OpError{Op: "accept", Err: err}
}

func (l *flakyListener) Close() error { return nil }

func TestListenerOutlivesShortage(t *testing.T) {
	ln := NewListener(&flakyListener{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM}})
	var waits []time.Duration
	ln.wait = func(d time.Duration, _ <-chan struct{}) { waits = append(waits, d) }
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if len(waits) != 5 || waits[4] != 16*firstPause {
		t.Errorf("pauses %v, need five that double", waits)
	}
}

func TestListenerEnds(t *testing.T) {
	bad := errors.New("gone")
	if _, err := NewListener(&flakyListener{errs: []error{bad}}).Accept(); !errors.Is(err, bad) {
		t.Errorf("accept: %v, need %v", err, bad)
	}
	ln := NewListener(&flakyListener{errs: []error{syscall.EMFILE}})
	waiting := make(chan struct{})
	ln.wait = func(_ time.Duration, stop <-chan struct{}) { close(waiting); <-stop }
	done := make(chan error)
	go func() { _, err := ln.Accept(); done <- err }()
	<-waiting
	ln.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after Close in a pause: %v, need net.ErrClosed", err)
	}
}

func BenchmarkCheckHeader(b *testing.B) {
	var h fasthttp.RequestHeader
	raw := "GET /p.gif?writeKey=wk HTTP/1.1\r\nHost: tracker.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: image/avif,image/webp,*/*\r\n" +
		"Accept-Language: es\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: https://tienda.example/\r\nConnection: keep-alive\r\n\r\n"
	if err := h.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckHeader(&h); err != nil {
			b.Fatal(err)
		}
	}
}
