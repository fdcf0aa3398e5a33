package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// Much unsaved makes a checkpoint due before its time: records, bytes of
// timelines, and records that only go together.
const (
	storeRecords = 200_000
	storeBytes   = 64 << 20
	storeGroup   = 3_000
)

// storeEvery is how long the log is read between two steps of a checkpoint while
// it is ahead: building a transaction takes the loop some ten milliseconds.
const storeEvery = 120 * time.Millisecond

// storePause is storeEvery, and less the nearer mustStore is: who is behind reads
// slower for a while, and does not stand still for ten seconds in the end.
func (s *State) storePause() time.Duration {
	records, bytes, _ := s.fold.Unsaved()
	full := max(float64(records)/(2*storeRecords), float64(bytes)/(2*storeBytes))
	return time.Duration(float64(storeEvery) * max(0, 1-full))
}

// store begins a checkpoint when one is due, and goes on with the one under way if
// its last transaction has ended. busy says that there is more to do because of it.
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
	if c := s.fold.Committing(); c != nil && !ended(c) || !s.told() {
		return false, nil
	}
	return false, s.storePart()
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
		if err := s.publishAll(ctx); err != nil {
			return err
		}
		if err := s.storePart(); err != nil || s.stuck {
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

// storePart goes on with a checkpoint: it waits for the transaction on its way, if
// any, and sends the next. The loop alone changes the state, so what it writes stands
// still without the lock.
func (s *State) storePart() error {
	done, err := s.fold.Store(s.update, s.locked)
	s.stuck = errors.Is(err, storage.ErrNoSpace)
	if done || s.stuck {
		s.saved = time.Now()
	}
	if s.stuck {
		s.cfg.slog().Error("the state cannot be stored: it stays in memory", "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// update is a transaction on leads/ that commits beside the loop. What it says of the
// feed must be in the feed: it waits for what is on its way there.
func (s *State) update(build func(fold.Rows) error) (*fold.Commit, error) {
	feed, built := s.flying, make(chan error, 1)
	c := &fold.Commit{Done: make(chan struct{})}
	go func() { // endWrites waits for it
		defer close(c.Done)
		called := false
		c.Err = s.cfg.leads.Update(func(tx *storage.Tx) error {
			called = true
			err := build(tx)
			built <- err
			if err == nil && feed != nil {
				<-feed.done
				err = feed.err
			}
			return err
		})
		if !called {
			built <- c.Err
		}
	}()
	if err := <-built; err != nil {
		return nil, err
	}
	return c, nil
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
