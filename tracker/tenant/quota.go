package tenant

import (
	"sync"
	"sync/atomic"
	"time"

	"ripen/tracker"
)

// Quota holds sources to their rate: so many requests a second, up to a second's
// worth at once. The zero value is ready. It lives in memory: a restart gives
// everyone a second's worth anew.
type Quota struct {
	now  func() int64 // nanoseconds that never go back; nil is the machine's
	full sync.Map     // :: source id → *atomic.Int64, when the requests taken so far are paid for, in nanoseconds
}

var begun = time.Now()

func (q *Quota) clock() int64 {
	if q.now != nil {
		return q.now()
	}
	return int64(time.Since(begun))
}

// Wait takes one request of a source and returns 0, or says how long it must
// wait, taking nothing. It takes no lock.
func (q *Quota) Wait(src *tracker.Source, _ int) time.Duration { return q.WaitAt(src.ID, src.Rate) }

// WaitAt is Wait at another rate than the source's own.
func (q *Quota) WaitAt(source uint32, rate int) time.Duration {
	if rate <= 0 {
		return 0
	}
	v, ok := q.full.Load(source)
	if !ok {
		v, _ = q.full.LoadOrStore(source, new(atomic.Int64))
	}
	due := v.(*atomic.Int64)
	step := int64(time.Second) / int64(rate)
	for {
		old, now := due.Load(), q.clock()
		next := max(old, now) + step
		if wait := next - now - int64(time.Second); wait > 0 {
			return time.Duration(wait)
		}
		if due.CompareAndSwap(old, next) {
			return 0
		}
	}
}
