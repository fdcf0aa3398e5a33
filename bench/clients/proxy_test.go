package clients

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// fault is what a proxy does to a request.
type fault int

const (
	pass     fault = iota
	lost           // delivered; the connection ends without an answer
	busy           // not delivered: 503
	cut            // delivered; the answer ends before its length
	refusals       // how many there are
)

// proxy stands between a client and the server and is unkind to the first
// requests that carry events.
type proxy struct {
	*httptest.Server
	upstream string
	plan     []fault

	mu   sync.Mutex // guards the rest
	seen int
	done [refusals]int // :: fault → how often
}

func newProxy(t *testing.T, upstream string, plan []fault) *proxy {
	p := &proxy{upstream: upstream, plan: plan}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) next() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := pass
	if p.seen < len(p.plan) {
		f = p.plan[p.seen]
	}
	p.seen++
	p.done[f]++
	return f
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f := pass
	if r.Method == http.MethodPost && r.URL.Path != "/flags/" { // which carries no events
		f = p.next()
	}
	if f == busy {
		// As the server does, so that a page may read it.
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	resp, answer, err := p.forward(r, body)
	if err != nil || f == lost {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	if f == cut {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)+100))
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
	if f == cut {
		panic(http.ErrAbortHandler)
	}
}

// spent says that all faults of the plan have happened.
func (p *proxy) spent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen >= len(p.plan)
}

// report says what happened, and fails the test if a fault of the plan did not.
func (p *proxy) report(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("%d requests; %d answers lost, %d times 503, %d answers cut", p.seen, p.done[lost], p.done[busy], p.done[cut])
	for _, want := range p.plan {
		if p.done[want] == 0 {
			t.Errorf("fault %d never happened", want)
		}
	}
}

// forward delivers a request, whatever becomes of its sender.
func (p *proxy) forward(r *http.Request, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header, req.Host = r.Header.Clone(), r.Host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("forward: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, answer, err
}
