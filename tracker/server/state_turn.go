package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
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
		err = s.walkAgain(l, b, fold.Place{})
	default:
		k.tenant.deck.Advance(&b.walk, s.now)
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
	seen  uint64 // what can be seen after it
	done  chan error
}

// publish hands what changed to the feed and lets it be seen once it is
// written. The loop goes on meanwhile, unless wait is set; a second write
// begins when the first has ended.
func (s *State) publish(ctx context.Context, wait bool) error {
	if err := s.landed(ctx, wait); err != nil || s.flying != nil {
		return err
	}
	c := &commit{mark: s.next - 1, seen: s.seen.Load(), done: make(chan error, 1)}
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
	go func() { c.done <- s.feed.Commit(c.lines, c.mark) }() // landed waits for it
	return s.landed(ctx, wait)
}

// landed takes note of a write that has ended. What could not be written is
// written again until it can: nothing more is read from the log meanwhile.
func (s *State) landed(ctx context.Context, wait bool) error {
	for s.flying != nil {
		c := s.flying
		var err error
		if wait {
			err = <-c.done
		} else {
			select {
			case err = <-c.done:
			default:
				return nil
			}
		}
		if err == nil {
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
		s.cfg.slog().Error("the change feed cannot be written: scores stand still until it can", "err", err)
		select {
		case <-ctx.Done():
			c.done <- err // still to be written
			return ctx.Err()
		case <-time.After(time.Second):
		}
		go func() { c.done <- s.feed.Commit(c.lines, c.mark) }()
		wait = true
	}
	return nil
}

func (s *State) see(seen uint64, changes bool) {
	if changes || seen != s.seen.Load() {
		s.seen.Store(seen)
		s.ringOut()
	}
}

// Much unsaved makes a checkpoint due before its time: records, bytes of
// timelines, and records that only go together.
const (
	storeRecords = 200_000
	storeBytes   = 64 << 20
	storeGroup   = 3_000
)

func (s *State) dueForStore() bool {
	if !s.dirtied {
		return false
	}
	for _, t := range s.tenants {
		if t.sweep == sweepNext {
			return true
		}
	}
	records, bytes, group := s.fold.Unsaved()
	return records > storeRecords || bytes > storeBytes || group > storeGroup || time.Since(s.saved) > s.cfg.checkpoint()
}

// checkpoint stores what is only in memory. What it says of the feed must be
// in the feed: that is written first. The loop alone changes the state, so what
// it writes stands still without the lock.
func (s *State) checkpoint(ctx context.Context) error {
	if !s.dirtied {
		return nil
	}
	for {
		if err := s.publish(ctx, true); err != nil {
			return err
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(s.tenants)), func(t *tenantState) bool { return len(t.changes) > 0 }) {
			break
		}
	}
	err := s.fold.Checkpoint(s.writeCursor, func(fn func(fold.Rows) error) error {
		return s.cfg.leads.Update(func(tx *storage.Tx) error { return fn(tx) })
	}, s.locked)
	s.saved = time.Now()
	if errors.Is(err, storage.ErrNoSpace) {
		s.cfg.slog().Error("the state cannot be stored: it stays in memory", "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	s.dirtied = false
	for _, t := range s.tenants {
		t.changed = false
		if t.sweep == sweepNext {
			t.sweep, t.swept = sweeping, tracker.LeadID{}
		}
	}
	return nil
}

// The cursor lies in leads/ under storage.SpaceCursor.
//
//	machine's row "state" = version:1 next:uvarint count:uvarint (tenant:8 change:uvarint sweep:1 swept:17)*
//	tenant's row "cards"  = gen:uvarint ranking:text count:uvarint (length:uvarint activation)*
var (
	cursorKey = []byte("state")
	cardsKey  = []byte("cards")
)

const cursorVersion = 1

func (s *State) writeCursor(tx fold.Rows) error {
	b := binary.AppendUvarint([]byte{cursorVersion}, s.next)
	b = binary.AppendUvarint(b, uint64(len(s.tenants)))
	for _, t := range s.tenants {
		b = append(b, t.id[:]...)
		b = binary.AppendUvarint(b, t.next-1)
		b = append(append(b, byte(t.sweep), byte(t.swept.Kind)), t.swept.Hash[:]...)
		if !t.changed {
			continue
		}
		if err := tx.Set(t.id, storage.SpaceCursor, cardsKey, t.appendCards(nil)); err != nil {
			return err
		}
	}
	return tx.Set(storage.Tenant{}, storage.SpaceCursor, cursorKey, b)
}

func (t *tenantState) appendCards(b []byte) []byte {
	b = appendText(binary.AppendUvarint(b, t.deck.Gen), t.ranking)
	b = binary.AppendUvarint(b, uint64(len(t.cards)))
	for _, c := range t.cards {
		row := tracker.AppendActivation(nil, c.activation)
		b = append(binary.AppendUvarint(b, uint64(len(row))), row...)
	}
	return b
}

// readCursor reads how far the last checkpoint came, and the cards in force.
func (s *State) readCursor(ctx context.Context) error {
	var b []byte
	err := s.cfg.leads.View(func(tx *storage.Tx) (err error) {
		b, err = tx.Get(storage.Tenant{}, storage.SpaceCursor, cursorKey)
		return err
	})
	if err != nil || b == nil {
		return err
	}
	r := bodyReader{b: b, texts: s.texts}
	if v := r.byte(); v != cursorVersion {
		return fmt.Errorf("cursor has version %d, this binary reads %d: upgrade it", v, cursorVersion)
	}
	s.next = r.uvarint()
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		var id tracker.TenantID
		r.bytes(id[:])
		t, err := s.tenant(id)
		if err != nil {
			return err
		}
		t.known, t.sweep, t.swept.Kind = r.uvarint(), sweep(r.byte()), tracker.IdentityKind(r.byte())
		r.bytes(t.swept.Hash[:])
		if t.sweep == sweepNext {
			t.sweep = sweeping // the checkpoint it waited for is this one
		}
		if err := s.readCards(ctx, t); err != nil {
			return err
		}
	}
	return r.err
}

func (s *State) readCards(ctx context.Context, t *tenantState) error {
	var b []byte
	err := s.cfg.leads.View(func(tx *storage.Tx) (err error) {
		b, err = tx.Get(t.id, storage.SpaceCursor, cardsKey)
		return err
	})
	if err != nil || b == nil {
		return err
	}
	r := bodyReader{b: b, texts: s.texts}
	gen, ranking := r.uvarint(), r.text()
	was := t.sweep
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		c, err := tracker.DecodeControl([]byte(r.text()))
		if err != nil {
			return err
		}
		card, err := s.load(ctx, *c.Activation)
		if err != nil {
			return fmt.Errorf("card %s: %w", c.Activation.Name(), err)
		}
		if err := t.put(card, gen); err != nil {
			return err
		}
	}
	t.ranking, t.changed, t.sweep = ranking, false, was
	return r.err
}

// recovering says that the log is at a place up to which the feed has been
// written already, in a run that a crash ended: what is found again is not
// written again.
func (s *State) recovering() bool { return s.next <= s.mark }

// recoverShown reads what the feed said since the checkpoint.
func (s *State) recoverShown() error {
	for _, t := range s.tenants {
		if err := s.readShown(t); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) readShown(t *tenantState) error {
	return s.feed.Read(t.id, t.known, func(c *tracker.Change) error {
		if t.shown == nil {
			t.shown = make(map[shownKey]tracker.Change)
		}
		t.shown[shownKey{c.Lead, cardName(c.Card)}] = *c
		s.late[leadKey{t, c.Lead}] = struct{}{}
		return nil
	})
}

// overlay lets a lead's body know what the feed said after it was stored.
func (t *tenantState) overlay(b *body) {
	for i := 0; len(t.shown) > 0 && i < len(t.cards); i++ {
		name := t.cards[i].activation.Card
		c, ok := t.shown[shownKey{b.id, name}]
		if q := b.on(name); ok && q.prev < c.Seq {
			q.prev, q.score, q.band, q.grade = c.Seq, int16(c.NewScore), c.NewBand, c.NewGrade
		}
	}
}

// compareLate writes, once the log is past what the feed already tells, how
// leads differ from what it last said. busy says that it was not done in one
// turn.
func (s *State) compareLate() (busy bool, err error) {
	until := time.Now().Add(settleTime)
	for s.feed != nil && !s.recovering() && len(s.late) > 0 {
		if time.Now().After(until) {
			return true, nil
		}
		if err := s.locked(s.compareSome); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (s *State) compareSome() error {
	n := 0
	for k := range s.late {
		if n++; n > holdLeads {
			return nil
		}
		delete(s.late, k)
		l, err := s.fold.Lead(k.tenant.id, k.id)
		if err != nil {
			return err
		}
		c := cause{word: s.found}
		if l != nil {
			err = s.renew(k, c)
		} else {
			s.cause, s.causeSeq = c.word, 0
			err = s.showGone(k)
		}
		if err != nil {
			return err
		}
	}
	if len(s.late) == 0 {
		for _, t := range s.tenants {
			t.shown = nil
		}
	}
	return nil
}

// showGone writes that a lead the feed knows is no more.
func (s *State) showGone(k leadKey) error {
	for _, card := range k.tenant.cards {
		c, ok := k.tenant.shown[shownKey{k.id, card.activation.Card}]
		if !ok || c.NewScore < 0 {
			continue
		}
		into, err := s.fold.Reader().Resolve(k.tenant.id, k.id)
		if err != nil {
			return err
		}
		if into == k.id {
			into = tracker.LeadID{}
		}
		k.tenant.add(tracker.Change{
			Time: s.now, Lead: k.id, MergedInto: into, Card: c.Card, Cause: s.cause,
			OldScore: c.NewScore, NewScore: -1, OldBand: c.NewBand, OldGrade: c.NewGrade, Prev: c.Seq,
		})
	}
	return nil
}
