// Package load sends traffic to a tracker over HTTP and says how it was
// answered. It shares two cores with the server that it measures, so it is
// frugal: requests are copied from fragments made once, only ids and times are
// written anew, answers are read by a few byte searches, and nothing is
// allocated per request.
//
// Closed loop ([Config.Rate] = 0): every connection sends its next request when
// the last answer is in; this finds the most that a server can do. Open loop:
// requests leave at fixed moments whatever the answers do, and latency counts
// from the moment a request should have left, so that a stalled server cannot
// hide its stall by stopping the clock (coordinated omission).
//
// Every answer is verified: status, body, verdict of each event. A run is
// bounded in time and count, and only talks to 127.0.0.1.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ripen/bench/proc"
)

// ID is a message id: a random UUID in binary.
type ID [16]byte

// Config says what to send, where and how fast. The zero value of a field
// means its default.
type Config struct {
	Addr     string        // 127.0.0.1:port; no other host is accepted
	WriteKey string        // the source's public key
	Events   int           // events per POST /v1/batch; 0 = one pixel GET per event
	Format   string        // of batches: one of [Formats]; default Segment's
	Identify float64       // share of events that are identifies (POST only)
	Visitors int           // visitors that events are spread over; default 10,000
	Base     int           // number of the first visitor: two runs with the same Base share visitors
	Each     bool          // visitors in turn instead of at random: every one is reached
	Turn     int           // with Each: whose turn it is first, counted from Base
	Visit    int           // events in a row that one visitor has in a request; 0 = 1
	Conns    int           // connections; default 256
	Fresh    bool          // a new connection per request
	Rate     float64       // requests per second; 0 = closed loop
	Duration time.Duration // default 5 s
	Requests int64         // stop after so many; 0 = no limit
	Seed     uint64        // of ids and choices; 0 = from the clock
	// Sent and Acked, if set, are told the message ids of each request before
	// it is written and after it was answered with "ok" (or "duplicate") for
	// every event. They run on the connection's goroutine and must not keep
	// ids. conn is 0 … Conns-1.
	Sent  func(conn int, ids []ID)
	Acked func(conn int, ids []ID)
	// Lost, if set, is told each request that left but got no answer, as the
	// bytes that were sent: what a real sender would send again.
	Lost func(conn int, raw []byte, ids []ID)
}

func (c *Config) conns() int {
	if c.Conns > 0 {
		return c.Conns
	}
	return 256
}

func (c *Config) visitors() int {
	if c.Visitors > 0 {
		return c.Visitors
	}
	return 10_000
}

func (c *Config) duration() time.Duration {
	if c.Duration > 0 {
		return c.Duration
	}
	return 5 * time.Second
}

func (c *Config) perRequest() int { return max(1, c.Events) }

// grace is how long answers may stay out after the last request left.
const grace = 10 * time.Second

// run is what the connections of one Run share.
type run struct {
	cfg      *Config
	frags    *fragments
	rec      recorder
	left     atomic.Int64 // requests that may still be sent
	turn     atomic.Int64 // next visitor, with Config.Each
	begin    time.Time    // first moment of sending; set before gate closes
	deadline time.Time    // last moment of sending
	gate     chan struct{}

	mu   sync.Mutex // guards open
	open map[net.Conn]struct{}
}

// Run sends traffic until the duration or the count is reached or ctx ends,
// waits for the answers that are out, and reports. The error is about the
// set-up; what the server did wrong is in the result.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := check(&cfg); err != nil {
		return nil, err
	}
	if cfg.Seed == 0 {
		cfg.Seed = uint64(time.Now().UnixNano())
	}
	r := &run{cfg: &cfg, frags: newFragments(&cfg), gate: make(chan struct{}), open: map[net.Conn]struct{}{}}
	r.rec.init()
	r.left.Store(cfg.Requests)
	if cfg.Requests <= 0 {
		r.left.Store(1 << 62)
	}
	workers, err := r.dialAll(ctx)
	if err != nil {
		r.closeAll()
		return nil, err
	}
	return r.drive(ctx, workers), nil
}

func check(cfg *Config) error {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return fmt.Errorf("load: address %q: need 127.0.0.1:port", cfg.Addr)
	}
	if host != "127.0.0.1" {
		return fmt.Errorf("load: address %q: this generator only talks to 127.0.0.1", cfg.Addr)
	}
	if cfg.Events < 0 || cfg.Events > 2500 {
		return fmt.Errorf("load: %d events a request: need 0 (pixel) to 2500", cfg.Events)
	}
	if cfg.format() == nil || cfg.Format != "" && cfg.Events == 0 {
		return fmt.Errorf("load: format %q of %d events a request: need one of %s, and batches", cfg.Format, cfg.Events, strings.Join(Formats(), ", "))
	}
	if cfg.Identify < 0 || cfg.Identify > 1 {
		return fmt.Errorf("load: identify share %v: need 0 to 1", cfg.Identify)
	}
	return nil
}

func (r *run) dialAll(ctx context.Context) ([]*worker, error) {
	workers := make([]*worker, r.cfg.conns())
	for i := range workers {
		workers[i] = newWorker(r, i)
		if r.cfg.Fresh {
			continue
		}
		if err := workers[i].dial(ctx); err != nil {
			return nil, fmt.Errorf("load: connection %d of %d: %w", i+1, len(workers), err)
		}
	}
	return workers, nil
}

// drive lets all connections go at one moment and collects what they saw.
func (r *run) drive(ctx context.Context, workers []*worker) *Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			<-r.gate
			w.loop(ctx)
		})
	}
	cpu := proc.OwnCPU()
	r.begin = time.Now()
	r.deadline = r.begin.Add(r.cfg.duration())
	close(r.gate)

	// The watchdog closes connections whose answers never come: cheaper than
	// a deadline on every read.
	watch := make(chan struct{})
	go func() {
		defer close(watch)
		t := time.NewTimer(r.cfg.duration() + grace)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		r.closeAll()
	}()
	wg.Wait()
	elapsed := time.Since(r.begin)
	cancel()
	<-watch
	return r.rec.result(r.cfg, elapsed, proc.OwnCPU()-cpu)
}

func (r *run) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		_ = c.Close()
	}
}

func (r *run) track(c net.Conn) {
	r.mu.Lock()
	r.open[c] = struct{}{}
	r.mu.Unlock()
}

func (r *run) forget(c net.Conn) {
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
}

var errClosed = errors.New("connection closed before the answer was complete")
