package load

import (
	"context"
	"net"
	"time"
)

// worker drives one connection.
type worker struct {
	run  *run
	n    int
	req  request
	ans  reader
	conn net.Conn
	lat  local
}

func newWorker(r *run, n int) *worker {
	w := &worker{run: r, n: n}
	w.req.init(r, n)
	w.lat.rec = &r.rec
	return w
}

func (w *worker) dial(ctx context.Context) error {
	var d net.Dialer
	d.Timeout = grace
	c, err := d.DialContext(ctx, "tcp4", w.run.cfg.Addr)
	if err != nil {
		return err
	}
	w.conn = c
	w.ans.reset(c)
	w.run.track(c)
	return nil
}

func (w *worker) hangUp() {
	if w.conn == nil {
		return
	}
	// Reset instead of FIN: no TIME_WAIT is left behind, so that the mode with
	// new connections does not run out of ports within seconds.
	if t, ok := w.conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	w.run.forget(w.conn)
	_ = w.conn.Close()
	w.conn = nil
}

func (w *worker) loop(ctx context.Context) {
	defer w.lat.flush()
	defer w.hangUp()
	if w.run.cfg.Rate > 0 {
		w.open(ctx)
		return
	}
	w.closed(ctx)
}

// closed sends as fast as answers come.
func (w *worker) closed(ctx context.Context) {
	now := time.Now()
	for ctx.Err() == nil && now.Before(w.run.deadline) && w.run.left.Add(-1) >= 0 {
		start := now
		ok := w.exchange(ctx, now)
		now = time.Now()
		if ok {
			w.lat.record(now.Sub(start))
		} else if !w.recover(ctx) {
			return
		}
	}
}

// open sends at its share of the fixed schedule: connection n of N sends at
// begin + (n + k·N) / rate. A request that finds its connection busy leaves
// late but its latency counts from the moment it was due.
func (w *worker) open(ctx context.Context) {
	rate, conns := w.run.cfg.Rate, float64(w.run.cfg.conns())
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for k := 0.0; ; k++ {
		due := w.run.begin.Add(time.Duration((float64(w.n) + k*conns) / rate * 1e9))
		if !due.Before(w.run.deadline) || w.run.left.Add(-1) < 0 {
			return
		}
		idle := time.Until(due)
		if idle > 0 {
			timer.Reset(idle)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		now := time.Now()
		if idle > 0 {
			w.lat.recordLag(now.Sub(due)) // the client's own lateness
		}
		if w.exchange(ctx, now) {
			w.lat.record(time.Since(due))
		} else if !w.recover(ctx) {
			return
		}
	}
}

// exchange sends one request and reads its answer.
func (w *worker) exchange(ctx context.Context, now time.Time) bool {
	if w.run.cfg.Fresh {
		if err := w.dial(ctx); err != nil {
			w.lat.fail("dial: " + err.Error())
			return false
		}
		defer w.hangUp()
	}
	buf := w.req.build(now)
	if f := w.run.cfg.Sent; f != nil {
		f(w.n, w.req.ids)
	}
	if _, err := w.conn.Write(buf); err != nil {
		return w.lose(buf, "write: "+err.Error())
	}
	a, err := w.ans.read()
	if err != nil {
		return w.lose(buf, "read: "+err.Error())
	}
	v := judgeFormat(&a, w.run.cfg.Events, w.run.cfg.format().judge)
	w.lat.verdicts(&v, a.status)
	if f := w.run.cfg.Acked; f != nil && v.good {
		f(w.n, w.req.ids)
	}
	return true
}

func (w *worker) lose(raw []byte, why string) bool {
	w.lat.fail(why)
	if f := w.run.cfg.Lost; f != nil {
		f(w.n, raw, w.req.ids)
	}
	return false
}

// recover opens the connection again after a failure; a server that is gone
// for good ends the worker.
func (w *worker) recover(ctx context.Context) bool {
	if w.run.cfg.Fresh {
		return w.lat.failures < maxFailures
	}
	w.hangUp()
	if ctx.Err() != nil || w.lat.failures >= maxFailures {
		return false
	}
	if err := w.dial(ctx); err != nil {
		w.lat.fail("dial: " + err.Error())
		return false
	}
	return true
}

// maxFailures is how many broken exchanges end a connection's part in the run.
const maxFailures = 20
