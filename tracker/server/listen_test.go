package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestConnectionsPerAddress(t *testing.T) {
	ok := stageFunc(func(ctx *fasthttp.RequestCtx) bool { ctx.SetBodyString("ok"); return true })
	addr, f, _ := startFront(t, Config{MaxConnsPerIP: 2}, ok)
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	// answered asks once on a connection; false = it was closed without a word.
	answered := func(c net.Conn) bool {
		t.Helper()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return false
		}
		b := make([]byte, 12)
		_, err := io.ReadFull(c, b)
		return err == nil && string(b) == "HTTP/1.1 200"
	}
	first, second := dial(), dial()
	if !answered(first) || !answered(second) {
		t.Fatal("the first two connections of an address are not answered")
	}
	if answered(dial()) {
		t.Fatal("a third connection of one address is answered, want two at most")
	}
	if f.m.refused.Get() != 1 {
		t.Errorf("counted %d refusals, want 1", f.m.refused.Get())
	}
	first.Close()
	deadline := time.Now().Add(10 * time.Second)
	for !answered(dial()) { // the server must hear of the end first
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection was not given on")
		}
	}
}

func TestClosedTwiceCountsOnce(t *testing.T) {
	l := newSteadyListener(nil, time.Second, 1, func() {})
	here, there := net.Pipe()
	defer there.Close()
	c := &steadyConn{Conn: here, listener: l, capped: true}
	if !l.enter(c.addr) || l.enter(c.addr) {
		t.Fatal("want room for exactly one")
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !l.enter(c.addr) || l.enter(c.addr) {
		t.Fatal("a connection that was closed twice made room for two")
	}
}

func TestRefusalReachesWhoStillSends(t *testing.T) {
	ok := stageFunc(func(ctx *fasthttp.RequestCtx) bool { ctx.SetBodyString("ok"); return true })
	addr, _, _ := startFront(t, Config{}, ok)
	for range 20 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 24<<20) // over every limit, and over what sockets hold
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(body)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(body); err != nil {
			t.Fatalf("the server broke off before the body was sent: %v", err)
		}
		answer, err := io.ReadAll(c)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 413")) {
			t.Fatalf("answer %.60q, %v, want 413", answer, err)
		}
		c.Close()
	}
}
