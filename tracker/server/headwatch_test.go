package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// A bare LF is refused at once, in the first request and in later ones; in
// bodies it is a byte like others.
func TestFrontRefusesBareLF(t *testing.T) {
	echo := stageFunc(func(ctx *fasthttp.RequestCtx) bool { ctx.SetBody(ctx.PostBody()); return true })
	addr, _, _ := startFront(t, Config{ReadTimeout: time.Minute}, echo)
	post := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n\na\n\n\nb"
	chunked := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n\na\n\n\nb\r\n0\r\n\r\n"
	get := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	f := func(want string, requests ...string) {
		t.Helper()
		if got := statuses(t, addr, requests); got != want {
			t.Errorf("%q: got %s, want %s", requests, got, want)
		}
	}
	f("200 200 200", post, get, post)
	f("200 200 200", chunked, chunked, post)
	f("200 200", "\r\n"+get, "\r\n"+post)
	f("200 400", post, strings.Replace(get, "x\r", "x", 1))
	for _, bad := range []string{strings.Replace(get, "\r\n", "\n", 1), "GET / HTTP/1.1\r\nHost: x\r\n\n", "GET / HTTP/1.1\n\n", "GET / HTTP/1.1\n"} {
		f("400", bad)
		f("200 400", get, bad)
		f("200 400", post, bad)
	}
}

// statuses sends each request after the answer to the one before it, and returns
// the answers' statuses. After a 400 the connection must be closed.
func statuses(t *testing.T, addr string, requests []string) (list string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for _, request := range requests {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%q: no answer: %v", request, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		list = strings.TrimSpace(list + " " + strconv.Itoa(resp.StatusCode))
		if resp.StatusCode == fasthttp.StatusBadRequest {
			if _, err := r.ReadByte(); err != io.EOF {
				t.Fatalf("%q: the connection goes on: %v", request, err)
			}
		}
	}
	return list
}

// However a head is cut into packets, a bare LF is seen, and nothing else is
// taken for one.
func TestHeadWatch(t *testing.T) {
	const good, body = "\r\nGET / HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n", "\n\na\n"
	header := func(length int) *fasthttp.RequestHeader {
		var h fasthttp.RequestHeader
		h.SetContentLength(length)
		return &h
	}
	for cut := range good {
		w := headWatch{on: true}
		for range 2 { // the second begins where the first ends
			w.read([]byte(good[:cut]))
			w.read([]byte(good[cut:] + body[:2]))
			w.read([]byte(body[2:]))
			if w.on || w.bare || w.rest != len(body) {
				t.Fatalf("cut at %d: on %v, bare %v, %d bytes after the head", cut, w.on, w.bare, w.rest)
			}
			w.next(header(len(body)))
		}
		for lf := range good {
			if good[lf] != '\r' {
				continue
			}
			v, bad := w, good[:lf]+good[lf+1:]
			at := min(cut, len(bad))
			v.read([]byte(bad[:at]))
			v.read([]byte(bad[at:]))
			if !v.bare {
				t.Fatalf("%q cut at %d: the bare LF was not seen", bad, at)
			}
		}
	}
}

// After a request that came with more than itself nobody knows where heads
// begin: what then looks like a bare LF may lie in a body.
func TestHeadWatchLost(t *testing.T) {
	f := func(rest string, length int) {
		t.Helper()
		w := headWatch{on: true}
		w.read([]byte("POST / HTTP/1.1\r\n\r\n" + rest))
		var h fasthttp.RequestHeader
		h.SetContentLength(length)
		w.next(&h)
		w.read([]byte("\n"))
		w.next(&h)
		if w.read([]byte("\n")); w.bare || w.on {
			t.Errorf("%q after a head of %d: on %v, bare %v", rest, length, w.on, w.bare)
		}
	}
	f("abcGET / HT", 3)
	f("3\r\nabc\r\n0\r\n\r\n", -1)
}
