package server

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
)

// A turn lets time pass for leads for at most settleTime before the log gets
// its turn again; one hold of the lock takes holdLeads of them.
const (
	settleTime = 10 * time.Millisecond
	holdLeads  = 32
)

// settle lets time pass: for leads that wait for the end of the log if it is
// reached, for those whose timer is due, and for those that a new card has not
// met yet. busy says that it was not done in one turn.
func (s *State) settle(ctx context.Context, caught bool) (busy bool, err error) {
	until := time.Now().Add(settleTime)
	if err := s.applyDue(ctx); err != nil {
		return false, err
	}
	if caught {
		err = s.locked(func() error {
			for k, c := range s.deferred {
				if busy = time.Now().After(until); busy {
					return nil
				}
				if err := s.renew(k, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, t := range s.tenants {
		for err == nil {
			more := false
			err = s.locked(func() error { more, err = s.fire(t); return err })
			if !more {
				break
			}
			if time.Now().After(until) {
				return true, err
			}
		}
		if err == nil && t.sweep == sweeping {
			busy = true
			err = s.sweepOn(t, until)
		}
	}
	return busy, err
}

// applyDue takes in the events that waited for their time.
func (s *State) applyDue(ctx context.Context) error {
	for {
		seqs := s.fold.Due(s.now, slice)
		if len(seqs) == 0 {
			return nil
		}
		recs := make([]storage.Record, 0, len(seqs))
		err := s.db.Get(ctx, 0, seqs, func(r *storage.Record) error {
			own := *r
			own.Row, own.Personal = bytes.Clone(r.Row), bytes.Clone(r.Personal)
			recs = append(recs, own)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read events whose time has come: %w", err)
		}
		if err := s.applySlice(recs, s.fold.ApplyDue); err != nil {
			return err
		}
	}
}

func (s *State) locked(fn func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn()
}

// fire wakes the tenant's leads whose timers are due, as many as one hold of
// the lock takes.
func (s *State) fire(t *tenantState) (more bool, err error) {
	for range holdLeads {
		id, at, ok := t.timers.Due(s.now)
		if !ok {
			return false, nil
		}
		k := leadKey{t, id}
		c, waits := s.deferred[k]
		if !waits {
			c = cause{word: causeTime}
		}
		if err := s.renew(k, c); err != nil {
			return false, err
		}
		if again, next, ok := t.timers.Due(s.now); ok && again == id && next == at {
			t.timers.Move(id, at, 0) // its lead is gone: unreachable unless leads/ lost it
		}
	}
	return true, nil
}

// renew brings a lead to the present without a new event. mu is held.
func (s *State) renew(k leadKey, c cause) error {
	delete(s.deferred, k)
	l, err := s.fold.Lead(k.tenant.id, k.id)
	if err != nil || l == nil {
		return err
	}
	b := l.Body.(*body)
	s.fold.Changed(l)
	s.cause, s.causeSeq, s.dirtied = c.word, c.seq, true
	switch {
	case b.walk.Gen != k.tenant.deck.Gen:
		s.cause = causePublish
		err = s.walkAgain(l, b, fold.Place{}, false)
	default:
		err = s.walker.Advance(&k.tenant.deck, &b.walk, s.now)
	}
	if err != nil {
		return fmt.Errorf("lead %s: %w", k.id, err)
	}
	s.leave(b)
	return nil
}

// sweepOn walks some more leads with the cards in force.
func (s *State) sweepOn(t *tenantState, until time.Time) error {
	for t.sweep == sweeping {
		var ids []tracker.LeadID
		err := fold.Bodies(s.cfg.leads, t.id, t.swept, func(id tracker.LeadID, _ []byte) error {
			if len(ids) == holdLeads {
				return storage.ErrStop
			}
			ids = append(ids, id)
			return nil
		})
		if err != nil {
			return err
		}
		err = s.locked(func() error {
			for _, id := range ids {
				l, err := s.fold.Lead(t.id, id)
				if err != nil {
					return err
				}
				if l == nil || l.Body.(*body).walk.Gen == t.deck.Gen {
					continue
				}
				if err := s.renew(leadKey{t, id}, cause{word: causePublish}); err != nil {
					return err
				}
			}
			if len(ids) < holdLeads {
				t.sweep, t.swept = noSweep, tracker.LeadID{}
			} else {
				t.swept = ids[len(ids)-1]
			}
			return nil
		})
		if err != nil || time.Now().After(until) {
			return err
		}
	}
	return nil
}

// commit is one write to the feed under way.
type commit struct {
	lines []rank.Line
	mark  uint64
	seen  uint64        // what can be seen after it
	done  chan struct{} // closed when it has ended
	err   error         // how; set before
}

// publish hands what changed to the feed and lets it be seen once it is
// written. The loop goes on meanwhile, unless wait is set; a second write
// begins when the first has ended.
func (s *State) publish(ctx context.Context, wait bool) error {
	if err := s.landed(ctx, wait); err != nil || s.flying != nil {
		return err
	}
	c := &commit{mark: s.next - 1, seen: s.seen.Load(), done: make(chan struct{})}
	if len(s.deferred) == 0 {
		c.seen = s.next - 1
	}
	s.mu.Lock()
	for _, t := range s.tenants {
		if len(t.changes) == 0 {
			continue
		}
		for i := range t.changes {
			t.changes[i].At = s.now
		}
		t.changes, t.flying = t.flying[:0], t.changes
		c.lines = append(c.lines, rank.Line{Tenant: t.id, Changes: t.flying})
	}
	s.mu.Unlock()
	if len(c.lines) == 0 {
		s.see(c.seen, false)
		return nil
	}
	s.flying = c
	go s.write(c) // endWrites waits for it
	return s.landed(ctx, wait)
}

// write writes to the feed until it can: scores that are not in it are not shown, and
// nothing that hangs on them is stored.
func (s *State) write(c *commit) {
	defer close(c.done)
	for {
		if c.err = s.feed.Commit(c.lines, c.mark); c.err == nil {
			return
		}
		s.cfg.slog().Error("the change feed cannot be written: scores stand still until it can", "err", c.err)
		select {
		case <-s.ending:
			return
		case <-time.After(time.Second):
		}
	}
}

// landed takes note of a write that has ended.
func (s *State) landed(ctx context.Context, wait bool) error {
	c := s.flying
	switch {
	case c == nil:
		return nil
	case wait:
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	case !ended(c.done):
		return nil
	}
	if c.err != nil {
		return c.err // only while the state ends
	}
	s.flying = nil
	s.mu.Lock()
	for _, l := range c.lines {
		t := s.tenants[l.Tenant]
		t.flying = t.flying[:0]
	}
	s.mu.Unlock()
	s.see(c.seen, true)
	return nil
}

// told says that all that changed is in the feed, or on its way there.
func (s *State) told() bool {
	for _, t := range s.tenants {
		if len(t.changes) > 0 {
			return false
		}
	}
	return true
}

// publishAll waits until all that changed is in the feed.
func (s *State) publishAll(ctx context.Context) error {
	for !s.told() || s.flying != nil {
		if err := s.publish(ctx, true); err != nil {
			return err
		}
	}
	return nil
}

// endWrites lets the writes under way end, and none be tried again. It is called
// by the loop or after it.
func (s *State) endWrites() error {
	s.end.Do(func() { close(s.ending) })
	var err error
	if s.flying != nil {
		<-s.flying.done
		err = s.flying.err
	}
	if s.fold != nil {
		if c := s.fold.Committing(); c != nil {
			<-c
		}
	}
	return err
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (s *State) see(seen uint64, changes bool) {
	if changes || seen != s.seen.Load() {
		s.seen.Store(seen)
		s.ringOut()
	}
}
