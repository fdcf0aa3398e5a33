package server

import (
	"sync"
	"time"
)

// bucket lets through burst events at once and then rate a minute.
type bucket struct {
	burst, rate float64

	mu   sync.Mutex // guards what follows
	have float64
	last time.Time // zero: the bucket is full
}

// take uses one up, if there is one.
func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last.IsZero() {
		b.have = b.burst
	} else {
		b.have = min(b.burst, b.have+now.Sub(b.last).Minutes()*b.rate)
	}
	b.last = now
	if b.have < 1 {
		return false
	}
	b.have--
	return true
}
