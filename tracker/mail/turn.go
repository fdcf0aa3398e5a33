package mail

import (
	"strings"
	"time"

	"ripen/tracker"
)

// turnKey names the receivers of one domain, for one tenant.
type turnKey struct {
	tenant tracker.TenantID
	domain string
}

// turns are when a domain's receivers may get the next mail. They are forgotten
// when the process ends.
type turns struct {
	next  float64          // unix ms
	given map[string]int64 // :: intent → its turn, unix ms
}

const (
	turnsMost = 10_000 // domains
	givenMost = 100_000
)

// turn says how long a mail must wait for its turn; 0 = it is now. One that was
// told to wait keeps its turn.
func (p *Post) turn(t tracker.TenantID, to, id string, rate float64, now int64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := turnKey{t, strings.ToLower(to[strings.LastIndexByte(to, '@')+1:])}
	q := p.turns[k]
	if q == nil {
		if len(p.turns) >= turnsMost {
			p.forgetTurns(now)
		}
		q = &turns{given: map[string]int64{}}
		p.turns[k] = q
	}
	if at, has := q.given[id]; has {
		if at <= now {
			delete(q.given, id)
		}
		return time.Duration(max(0, at-now)) * time.Millisecond
	}
	at := max(q.next, float64(now))
	if wait := int64(at) - now; wait > 0 {
		if len(q.given) >= givenMost {
			return time.Duration(wait) * time.Millisecond // without a turn of its own
		}
		q.given[id] = int64(at)
		q.next = at + 1000/rate
		return time.Duration(wait) * time.Millisecond
	}
	q.next = at + 1000/rate
	return 0
}

// forgetTurns drops domains for which nothing waits. mu is held.
func (p *Post) forgetTurns(now int64) {
	for k, q := range p.turns {
		if len(q.given) == 0 && q.next <= float64(now) {
			delete(p.turns, k)
		}
	}
}
