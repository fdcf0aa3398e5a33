package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// dropLeads is how many timelines lose events under one hold of the lock.
const dropLeads = 32

// carry does what a carry record says that is not an event. It is the part of
// retention that every reader of the log does: the loop, a replay, a state as of
// a moment.
func (s *State) carry(ctx context.Context, rec *storage.Record) error {
	c, err := tracker.DecodeCarry(rec.Row)
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.Seq, err)
	}
	if c.Activation != nil {
		return s.keepCard(ctx, rec, *c.Activation)
	}
	if c.Link != nil {
		if _, err := s.met(rec.Tenant); err != nil {
			return err
		}
		return s.link(rec, c.Link)
	}
	return s.drop(ctx, rec, c.Before)
}

// keepCard puts a carried card in force if the records before it left none of
// its name: whoever read the original, or a later version, has it already.
func (s *State) keepCard(ctx context.Context, rec *storage.Record, a tracker.Activation) error {
	t, err := s.met(rec.Tenant)
	if err != nil || t.on(a.Card) != nil || a.Card == tracker.TopicMap && t.topics != nil {
		return err
	}
	return s.activate(ctx, t, a, rec.Seq)
}

// drop forgets what stands before a sequence and was not carried. The log holds
// it still, if nobody trimmed it yet; whoever reads the log without it has
// nothing to forget.
//
// What is stored before it ends at this record, so that after a crash this
// record is the first one read, and done again. Only when its effects are
// durable may the log be trimmed: dropped says so.
func (s *State) drop(ctx context.Context, rec *storage.Record, before uint64) error {
	defer func() {
		s.passed.Store(rec.Seq)
		s.ringOut()
	}()
	first, err := s.log.First(ctx, 0)
	if err != nil || first >= before || before > rec.Seq {
		return err
	}
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	if s.unstored() {
		s.cfg.slog().Warn("retention waits until the state can be stored")
		return nil
	}
	s.now = max(s.now, min(rec.Received, s.clock()))
	whose, err := s.standing(ctx, first, before)
	for t, subjects := range whose {
		if err == nil {
			err = s.dropFrom(ctx, rec, t, before, subjects)
		}
	}
	if errors.Is(err, storage.ErrNoSpace) {
		s.cfg.slog().Warn("retention waits for free disk space", "err", err)
		return nil // the next pass does it again
	}
	if err != nil {
		return err
	}
	s.next, s.dirtied = rec.Seq+1, true
	if err := s.checkpoint(ctx); err != nil || s.unstored() {
		return err
	}
	if err := s.cfg.leads.Sync(); err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	s.dropped.Store(before) // the commit point of a drop
	return nil
}

// standing returns whose records stand in a part of the log.
func (s *State) standing(ctx context.Context, from, before uint64) (map[tracker.TenantID][]tracker.LeadID, error) {
	all := make(map[leadName]struct{})
	var e tracker.Event
	err := s.log.Read(ctx, 0, from, func(recs []storage.Record) error {
		for i := range recs {
			r := &recs[i]
			if r.Seq >= before {
				return storage.ErrStop
			}
			row, err := eventRow(r)
			if err != nil {
				return err
			}
			if row == nil {
				continue
			}
			if err := tracker.DecodeRow(row, &e); err != nil {
				return fmt.Errorf("record %d: %w", r.Seq, err)
			}
			if id := e.Subject(); !id.IsZero() {
				all[leadName{r.Tenant, id}] = struct{}{}
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, storage.ErrStop) {
		return nil, err
	}
	out := make(map[tracker.TenantID][]tracker.LeadID)
	for n := range all {
		out[n.tenant] = append(out[n.tenant], n.id)
	}
	return out, nil
}

// leadName names a subject or a lead of any tenant.
type leadName struct {
	tenant tracker.TenantID
	id     tracker.LeadID
}

// eventRow is the row of the event that a record holds; nil if it holds none.
func eventRow(r *storage.Record) ([]byte, error) {
	switch {
	case r.Kind == storage.KindEvent:
		return r.Row, nil
	case r.Kind == storage.KindCarry:
		c, err := tracker.DecodeCarry(r.Row)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", r.Seq, err)
		}
		return c.Row, nil
	}
	return nil, nil
}

// dropFrom takes what is dropped from a tenant's timelines and walks the leads
// it was taken from.
func (s *State) dropFrom(ctx context.Context, rec *storage.Record, id tracker.TenantID, before uint64, subjects []tracker.LeadID) error {
	if _, err := s.met(id); err != nil {
		return err
	}
	for some := range slices.Chunk(subjects, dropLeads) {
		err := s.locked(func() error {
			touches, err := s.fold.Drop(id, some, before, rec.Seq, s.now)
			if err != nil {
				return err
			}
			s.cause, s.dirtied = causeRetention, true
			for i := range touches {
				if err := s.walk(&touches[i]); err != nil {
					return fmt.Errorf("lead %s: %w", touches[i].Lead.ID(), err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !s.dueForStore() {
			continue
		}
		if err := s.checkpoint(ctx); err != nil { // up to this record, exclusive
			return err
		}
	}
	return s.fold.Sweep(id, subjects, func(fn func(fold.Rows) error) error {
		return s.cfg.leads.Update(func(tx *storage.Tx) error { return fn(tx) })
	})
}

// ranked are the tenants' default cards.
func (s *State) ranked() map[tracker.TenantID]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[tracker.TenantID]string)
	for id, t := range s.tenants {
		out[id] = t.ranking
	}
	return out
}
