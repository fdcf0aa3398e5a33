package server

import (
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
)

// Much unsaved makes a checkpoint due before its time: records, bytes of
// timelines, and records that only go together.
const (
	storeRecords = 300_000
	storeBytes   = 64 << 20
	storeGroup   = 3_000
)

// storeTime is how long a turn goes on with a checkpoint: what comes in meanwhile
// waits so long at most to be seen.
const storeTime = 20 * time.Millisecond

// storeEvery is how long the log is read between two steps of a checkpoint while
// it is ahead. A step waits for the writes of the feed and of its part, however
// little it stores: one a turn left the loop a third of its time, and at half
// load an event was visible after 1.2-3.4 s (p99) instead of 0.1-0.8 s.
const storeEvery = 120 * time.Millisecond

// storePause is storeEvery, and less the nearer mustStore is: who is behind reads
// slower for a while, and does not stand still for ten seconds in the end.
func (s *State) storePause() time.Duration {
	_, bytes, _ := s.fold.Unsaved()
	return storeEvery * time.Duration(2*storeBytes-min(bytes, 2*storeBytes)) / (2 * storeBytes)
}

// store begins a checkpoint when one is due, and goes on with the one under way
// for a while. busy says that there is more to do because of it.
func (s *State) store(ctx context.Context) (busy bool, err error) {
	switch {
	case s.stuck && time.Since(s.saved) < s.cfg.checkpoint():
		return false, nil
	case s.mustStore():
		return true, s.checkpoint(ctx)
	case s.fold.Storing():
	case !s.dueForStore():
		return false, nil
	default:
		if err := s.begin(); err != nil {
			return false, err
		}
	}
	err = s.storeUntil(ctx, time.Now().Add(storeTime))
	return s.fold.Storing() && !s.stuck, err
}

func (s *State) dueForStore() bool {
	records, bytes, _ := s.fold.Unsaved()
	return s.dirtied && (records > storeRecords || bytes > storeBytes || time.Since(s.saved) > s.cfg.checkpoint())
}

// mustStore says that all is to be stored before anything else happens.
func (s *State) mustStore() bool {
	for _, t := range s.tenants {
		if t.sweep == sweepNext {
			return true
		}
	}
	records, bytes, group := s.fold.Unsaved()
	return records > 2*storeRecords || bytes > 2*storeBytes || group > storeGroup
}

// checkpoint stores all that is only in memory, unless the disk is full: then it
// stays there, and unstored says so.
func (s *State) checkpoint(ctx context.Context) error {
	for s.unstored() {
		if !s.fold.Storing() {
			if err := s.begin(); err != nil {
				return err
			}
		}
		if err := s.storeUntil(ctx, time.Time{}); err != nil || s.stuck {
			return err
		}
	}
	return s.locked(func() error { // who waits for rest reads it
		for _, t := range s.tenants {
			if t.sweep == sweepNext {
				t.sweep, t.swept = sweeping, tracker.LeadID{}
			}
		}
		return nil
	})
}

// unstored says that something is only in memory.
func (s *State) unstored() bool { return s.dirtied || s.fold.Storing() }

// begin begins a checkpoint of what is now.
func (s *State) begin() error {
	if err := s.fold.Begin(s.writeCursor); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	s.dirtied = false
	for _, t := range s.tenants {
		t.changed = false
	}
	return nil
}

// storeUntil goes on with a checkpoint until a moment, or to its end if that is
// zero. What it says of the feed must be in the feed: that is written first. The
// loop alone changes the state, so what it writes stands still without the lock.
func (s *State) storeUntil(ctx context.Context, until time.Time) error {
	for {
		if err := s.publish(ctx, true); err != nil {
			return err
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(s.tenants)), func(t *tenantState) bool { return len(t.changes) > 0 }) {
			break
		}
	}
	for done := false; !done; {
		var err error
		done, err = s.fold.Store(func(fn func(fold.Rows) error) error {
			return s.cfg.leads.Update(func(tx *storage.Tx) error { return fn(tx) })
		}, s.locked)
		s.stuck = errors.Is(err, storage.ErrNoSpace)
		if done || s.stuck {
			s.saved = time.Now()
		}
		switch {
		case s.stuck:
			s.cfg.slog().Error("the state cannot be stored: it stays in memory", "err", err)
			return nil
		case err != nil:
			return fmt.Errorf("checkpoint: %w", err)
		case !until.IsZero() && time.Now().After(until):
			return nil
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
		known := t.next - 1
		if t.shown != nil {
			known = t.known // leads not looked at yet do not know the rest
		}
		b = append(b, t.id[:]...)
		b = binary.AppendUvarint(b, known)
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
	all := make([]tracker.Activation, 0, len(t.cards)+1)
	for _, c := range t.cards {
		all = append(all, c.activation)
	}
	if t.topics != nil {
		all = append(all, t.topics.activation)
	}
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, a := range all {
		row := tracker.AppendActivation(nil, a)
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
		if c.Activation.Card == tracker.TopicMap {
			if err := s.putTopics(t, *c.Activation, gen); err != nil {
				return err
			}
			continue
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
