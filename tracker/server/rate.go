package server

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"ripen/tracker"
)

// flood says how long a request with a public key must wait: by its address,
// then by its key. What comes from this machine or a private network is our own.
func (s *Server) flood(src *tracker.Source, from netip.Addr) time.Duration {
	if !isPublic(from) {
		return 0
	}
	if wait := s.perAddress.wait(from); wait > 0 {
		s.limited.Inc()
		return wait
	}
	if src.Rate > 0 { // the source's own rate was asked before
		return 0
	}
	return s.quota.WaitAt(src.ID, s.cfg.ratePerKey())
}

// addressRate holds each address to so many requests a second, with a few
// seconds' worth at once. Its memory is bounded: a bucket that is full again
// says nothing and makes room, and where there is no room for one more address
// it passes: nobody is refused for what others do.
type addressRate struct {
	step  int64 // nanoseconds that a request costs; 0 = no limit
	burst int64 // nanoseconds that may be owed
	now   func() int64
	seed  maphash.Seed
	sets  []rateSet
}

// rateSet holds the buckets of addresses that share a hash.
type rateSet struct {
	mu      sync.Mutex // guards buckets
	buckets [rateWays]rateBucket
}

type rateBucket struct {
	who uint64 // a keyed hash of the address
	due int64  // when what was taken is paid for
}

const (
	rateSets   = 8192
	rateWays   = 8 // 65,536 addresses, 1.1 MB
	rateBursts = 10
)

var rateBegun = time.Now()

func newAddressRate(perSecond int) *addressRate {
	r := &addressRate{burst: rateBursts * int64(time.Second), now: func() int64 { return int64(time.Since(rateBegun)) }}
	if perSecond > 0 {
		r.step, r.seed, r.sets = int64(time.Second)/int64(perSecond), maphash.MakeSeed(), make([]rateSet, rateSets)
	}
	return r
}

// wait takes one request of an address and returns 0, or says how long it must
// wait, taking nothing. IPv6 is counted by the network that a customer gets.
func (r *addressRate) wait(a netip.Addr) time.Duration {
	if r.step == 0 {
		return 0
	}
	if a.Is6() {
		p, _ := a.Prefix(64)
		a = p.Addr()
	}
	who := maphash.Comparable(r.seed, a)
	set := &r.sets[who%rateSets]
	now := r.now()
	set.mu.Lock()
	defer set.mu.Unlock()
	var free *rateBucket
	for i := range set.buckets {
		switch b := &set.buckets[i]; {
		case b.who == who:
			next := max(b.due, now) + r.step
			if wait := next - now - r.burst; wait > 0 {
				return time.Duration(wait)
			}
			b.due = next
			return 0
		case b.due <= now:
			free = b
		}
	}
	if free != nil {
		*free = rateBucket{who, now + r.step}
	}
	return 0
}
