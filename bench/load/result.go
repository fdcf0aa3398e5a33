package load

import (
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what one run saw.
type Result struct {
	Requests  int64         // answered and verified
	Events    int64         // events with the verdict ok
	Duplicate int64         // events
	Drop      int64         // events
	Retry     int64         // events: the server shed them
	Failures  int64         // broken exchanges: dial, write, read
	Wrong     int64         // answers that are not what they must be
	First     string        // the first failure or wrong answer, in words
	Statuses  map[int]int64 // HTTP status → answers
	Elapsed   time.Duration // first request to last answer
	ClientCPU time.Duration // this process, user and system

	latency *hdrhistogram.Histogram
	lag     *hdrhistogram.Histogram
}

// PerSecond is the rate of answered requests.
func (r *Result) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// EventsPerSecond is the rate of events that were stored.
func (r *Result) EventsPerSecond() float64 { return float64(r.Events) / r.Elapsed.Seconds() }

// Latency is the q-th percentile (0–100) from the moment a request was due
// (open loop) or sent (closed loop) to its complete answer.
func (r *Result) Latency(q float64) time.Duration {
	return time.Duration(r.latency.ValueAtPercentile(q)) * time.Microsecond
}

// Max is the longest latency.
func (r *Result) Max() time.Duration { return time.Duration(r.latency.Max()) * time.Microsecond }

// ClientLag is the q-th percentile of the generator's own lateness in an open
// loop: how long after its moment a request left although its connection was
// free. Where it nears the latency, the client is the bottleneck.
func (r *Result) ClientLag(q float64) time.Duration {
	return time.Duration(r.lag.ValueAtPercentile(q)) * time.Microsecond
}

// Err says in one line why the run's figures cannot be trusted, nil if they can.
func (r *Result) Err() error {
	if r.Failures > 0 || r.Wrong > 0 {
		return fmt.Errorf("%d broken exchanges, %d wrong answers; first: %s", r.Failures, r.Wrong, r.First)
	}
	if r.Requests == 0 {
		return fmt.Errorf("no request was answered")
	}
	return nil
}

// recorder gathers from all connections.
type recorder struct {
	mu  sync.Mutex // guards sum; held once per chunk of latencies, not per request
	sum Result
}

// Microseconds from 1 to 5 minutes in three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 300_000_000, 3) }

func (r *recorder) init() {
	r.sum.Statuses = map[int]int64{}
	r.sum.latency, r.sum.lag = newHistogram(), newHistogram()
}

func (r *recorder) result(_ *Config, elapsed, cpu time.Duration) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.sum
	out.Elapsed, out.ClientCPU = elapsed, cpu
	return &out
}

// local is one connection's share, handed over in chunks.
type local struct {
	rec      *recorder
	sum      Result // counts only
	n, lagN  int
	chunk    [128]uint32 // µs
	lagChunk [128]uint32 // µs
	failures int
}

func (l *local) record(d time.Duration) {
	l.sum.Requests++
	l.chunk[l.n] = micros(d)
	if l.n++; l.n == len(l.chunk) {
		l.flush()
	}
}

func (l *local) recordLag(d time.Duration) {
	if l.lagN < len(l.lagChunk) {
		l.lagChunk[l.lagN] = micros(d)
		l.lagN++
	}
}

func micros(d time.Duration) uint32 {
	return uint32(min(max(d.Microseconds(), 1), 300_000_000))
}

func (l *local) fail(why string) {
	l.failures++
	l.sum.Failures++
	if l.sum.First == "" {
		l.sum.First = why
	}
}

func (l *local) verdicts(v *verdict, status int) {
	l.sum.Events += int64(v.ok)
	l.sum.Duplicate += int64(v.duplicate)
	l.sum.Drop += int64(v.drop)
	l.sum.Retry += int64(v.retry)
	if v.complaint != "" {
		l.sum.Wrong++
		if l.sum.First == "" {
			l.sum.First = v.complaint
		}
	}
	if status != 200 {
		if l.sum.Statuses == nil {
			l.sum.Statuses = map[int]int64{}
		}
		l.sum.Statuses[status]++
	}
}

func (l *local) flush() {
	l.rec.mu.Lock()
	defer l.rec.mu.Unlock()
	sum := &l.rec.sum
	for _, us := range l.chunk[:l.n] {
		_ = sum.latency.RecordValue(int64(us)) // unreachable error: micros clamps
	}
	for _, us := range l.lagChunk[:l.lagN] {
		_ = sum.lag.RecordValue(int64(us)) // unreachable error: micros clamps
	}
	l.n, l.lagN = 0, 0
	sum.Requests += l.sum.Requests
	sum.Events += l.sum.Events
	sum.Duplicate += l.sum.Duplicate
	sum.Drop += l.sum.Drop
	sum.Retry += l.sum.Retry
	sum.Failures += l.sum.Failures
	sum.Wrong += l.sum.Wrong
	if sum.First == "" {
		sum.First = l.sum.First
	}
	others := int64(0)
	for s, n := range l.sum.Statuses {
		sum.Statuses[s] += n
		others += n
	}
	if n := l.sum.Requests - others; n > 0 {
		sum.Statuses[200] += n
	}
	l.sum = Result{}
}
