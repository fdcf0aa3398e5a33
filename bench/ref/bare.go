// Package ref runs the servers that Ripen is compared with in the same run:
// ratios against them hold when the machine is slow or busy, absolute figures
// do not.
package ref

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
	"ripen/bench/proc"
)

// A gif is the pixel, 43 bytes.
const gif = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// manyBytes tells a batch of 20 events from a single one by its length.
const manyBytes = 2000

// results is an answer of the tracker's shape and length for n events.
func results(n int) []byte {
	one := `{"messageId":"00000000-0000-4000-8000-000000000000","status":"ok"}`
	return []byte(`{"success":true,"results":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`)
}

// bare is fasthttp with a handler that does nothing: it reads the same bytes
// as the tracker, keeps nothing, and answers as many bytes as the tracker
// does. It is what the network, the HTTP server and the load generator cost.
func bare() *fasthttp.Server {
	one, many, pixel := results(1), results(20), []byte(gif)
	return &fasthttp.Server{
		NoDefaultServerHeader: true,
		NoDefaultDate:         true,
		MaxRequestBodySize:    4 << 20,
		Handler: func(ctx *fasthttp.RequestCtx) {
			h := &ctx.Response.Header
			h.Set("Cache-Control", "no-store")
			if ctx.IsGet() {
				h.SetContentType("image/gif")
				h.Set("Ripen-Verdict", "ok")
				ctx.Response.SetBodyRaw(pixel)
				return
			}
			h.SetContentType("application/json")
			if len(ctx.PostBody()) < manyBytes {
				ctx.Response.SetBodyRaw(one)
				return
			}
			ctx.Response.SetBodyRaw(many)
		},
	}
}

// Server is a reference server in a process of its own.
type Server struct {
	Name string
	Addr string
	Proc *proc.Process
}

// ServeBare runs the bare server in this process until ctx ends.
func ServeBare(ctx context.Context, addr string) error {
	ln, err := net.Listen("tcp4", addr)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	err = bare().Serve(ln)
	if ctx.Err() != nil {
		return nil // asked to end
	}
	return err
}

// StartBare runs this same program again as "bare --listen ADDR".
func StartBare(log io.Writer, self string) (*Server, error) {
	return start("bare fasthttp", func(addr string) (*proc.Process, error) {
		return proc.Start(log, self, "bare", "--listen", addr)
	})
}

func start(name string, run func(addr string) (*proc.Process, error)) (*Server, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	p, err := run(addr)
	if err != nil {
		return nil, err
	}
	if err := waitListening(addr, p); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Server{Name: name, Addr: addr, Proc: p}, nil
}

// Close ends the server. It asks first: a killed nginx would leave its workers.
func (s *Server) Close() { _ = s.Proc.Stop(5 * time.Second) }

// FreeAddr is a loopback address nobody listens on at the moment.
func FreeAddr() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func waitListening(addr string, p *proc.Process) error {
	deadline := time.Now().Add(10 * time.Second)
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		c, err := net.DialTimeout("tcp4", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not listening after 10 s: %w", err)
		}
		select {
		case <-p.Done():
			return errors.Join(errors.New("ended before it listened"), p.Exit())
		case <-pause.C:
		}
	}
}
