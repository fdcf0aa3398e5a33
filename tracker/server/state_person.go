package server

import (
	"context"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// What people decide about people: that two leads are one, that an identity is
// not the lead's, that somebody is to be forgotten. Each is a record of the log,
// so that a replay decides the same; it is answered when the state has met it.

// Merge says that two leads are one person, whatever events say, and returns the
// lead that both are now.
func (s *State) Merge(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, who, with string) (id tracker.LeadID, err error) {
	var a, b tracker.LeadID
	err = s.looking(c, tenant, who, func(l *fold.Lead) error {
		a = l.ID()
		other, err := s.find(tenant, with)
		if err == nil {
			b = other.ID()
		}
		return err
	})
	if err != nil || a == b {
		return a, err
	}
	return s.decide(ctx, c, tenant, a, []tracker.Link{{A: a, B: b, Joined: true}})
}

// Unmerge says that an identity is not the lead's, whatever events said and will
// say, and returns the lead that it belongs to now, zero if to none. What the
// identity did goes with it.
func (s *State) Unmerge(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, who, identity string) (tracker.LeadID, error) {
	var from []tracker.Link
	var id tracker.LeadID
	err := s.looking(c, tenant, who, func(l *fold.Lead) error {
		facts, err := s.fold.Reader().Facts(l)
		if err != nil {
			return err
		}
		var held []tracker.LeadID
		for _, q := range facts.Identities {
			held = append(held, tracker.LeadID{Kind: q.Kind, Hash: q.Hash})
		}
		i := slices.IndexFunc(s.meant(tenant, identity), func(m tracker.LeadID) bool { return slices.Contains(held, m) })
		if i < 0 {
			return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_identity", Detail: "identity: the lead does not hold it; 'ripen leads show --json' lists those it holds"}
		}
		id = s.meant(tenant, identity)[i]
		from = s.fold.Reader().Ties(l, id, held)
		return nil
	})
	if err != nil {
		return id, err
	}
	if len(from) == 0 {
		return id, &tracker.Error{Kind: tracker.KindConflict, Code: "not_merged", Detail: "identity: the lead is this identity and nothing ties another to it; take the other one out instead"}
	}
	return s.decide(ctx, c, tenant, id, from)
}

// looking calls visit with a lead while the loop holds still.
func (s *State) looking(c tracker.Caller, tenant tracker.TenantID, who string, visit func(l *fold.Lead) error) error {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(tenant, who)
	if err != nil {
		return err
	}
	return visit(l)
}

// decide writes decisions of one moment and returns what an identity belongs to
// after them.
func (s *State) decide(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, id tracker.LeadID, all []tracker.Link) (tracker.LeadID, error) {
	s.deciding.Lock()
	s.decided = max(s.decided+1, s.clock())
	at := s.decided
	s.deciding.Unlock()
	recs := make([]storage.Record, len(all))
	for i := range all {
		all[i].Time = at
		recs[i] = storage.Record{Tenant: storage.Tenant(tenant), Kind: storage.KindControl, Row: tracker.AppendLink(nil, all[i])}
	}
	if err := s.tell(ctx, recs); err != nil {
		return id, err
	}
	now := tracker.LeadID{}
	err := s.looking(c, tenant, id.String(), func(l *fold.Lead) error { now = l.ID(); return nil })
	if err == errNoLead {
		err = nil
	}
	return now, err
}

// tell appends records and waits until the state has met them.
func (s *State) tell(ctx context.Context, recs []storage.Record) error {
	if err := s.log.Append(ctx, 0, recs); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	if err := s.WaitSeen(ctx, recs[len(recs)-1].Seq); err != nil {
		return &tracker.Error{Kind: tracker.KindBusy, Code: "not_settled", Detail: "it is in the log and will take effect; the leads are behind it", Err: err}
	}
	return nil
}

// Erase destroys the keys of all that was told of a lead, takes the lead out of
// the state, and returns how many timelines it had. It is kept in the log and in
// the list of erasures, so that neither a replay nor a backup brings it back.
func (s *State) Erase(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, who string) (int, error) {
	if !s.keeping.TryLock() {
		return 0, &tracker.Error{Kind: tracker.KindBusy, Code: "busy", Detail: "a pass of retention is under way: try again"}
	}
	defer s.keeping.Unlock()
	var ids []tracker.LeadID
	err := s.looking(c, tenant, who, func(l *fold.Lead) error {
		for _, m := range l.Members {
			ids = append(ids, m.Subject)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	keys := make([]storage.Subject, len(ids))
	for i, id := range ids {
		keys[i] = id.Key()
	}
	if err := s.db.Erase(ctx, storage.Tenant(tenant), keys); err != nil { // the commit point: nothing can be read any more
		return 0, fmt.Errorf("erase: %w", err)
	}
	rec := storage.Record{Tenant: storage.Tenant(tenant), Kind: storage.KindControl, Row: tracker.AppendErasure(nil, ids)}
	return len(ids), s.tell(ctx, []storage.Record{rec})
}

// link lets a decision take effect.
func (s *State) link(rec *storage.Record, d *tracker.Link) error {
	if s.cfg.until != 0 && d.Time > s.cfg.until {
		return nil // it was not decided yet
	}
	return s.locked(func() error {
		s.now = max(s.now, min(rec.Received, s.clock()))
		touches, err := s.fold.Link(tracker.TenantID(rec.Tenant), *d, rec.Seq, s.now)
		if err != nil {
			return err
		}
		return s.walkAll(touches, causeMerge)
	})
}

// erase lets an erasure take effect.
func (s *State) erase(ctx context.Context, rec *storage.Record, subjects []tracker.LeadID) error {
	return s.unfile(ctx, rec, subjects, causeErase, func(t tracker.TenantID) ([]fold.Touch, error) {
		return s.fold.Erase(t, subjects, rec.Seq, s.now)
	})
}

// expire lets an expiry take effect.
func (s *State) expire(ctx context.Context, rec *storage.Record, x *tracker.Expiry) error {
	return s.unfile(ctx, rec, x.Subjects, causeRetention, func(t tracker.TenantID) ([]fold.Touch, error) {
		return s.fold.Expire(t, x, rec.Seq, s.now)
	})
}

// unfile lets a record take effect that takes events out of timelines. All before
// it is stored first, so that after a crash it is the first one read, and done again;
// and what it changes is stored before the entries go, which say what it changes.
func (s *State) unfile(ctx context.Context, rec *storage.Record, subjects []tracker.LeadID, cause string, fn func(tracker.TenantID) ([]fold.Touch, error)) error {
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	t := tracker.TenantID(rec.Tenant)
	err := s.locked(func() error {
		s.now = max(s.now, min(rec.Received, s.clock()))
		touches, err := fn(t)
		if err != nil {
			return err
		}
		return s.walkAll(touches, cause)
	})
	if err == nil {
		err = s.checkpoint(ctx) // up to this record, exclusive
	}
	if err != nil || s.unstored() {
		return err
	}
	return s.fold.Sweep(t, subjects, func(fn func(fold.Rows) error) error {
		return s.cfg.leads.Update(func(tx *storage.Tx) error { return fn(tx) })
	})
}

// walkAll walks the leads that a record of another kind than an event touched.
func (s *State) walkAll(touches []fold.Touch, cause string) error {
	s.cause, s.dirtied = cause, true
	for i := range touches {
		if err := s.walk(&touches[i]); err != nil {
			return fmt.Errorf("lead %s: %w", touches[i].Lead.ID(), err)
		}
	}
	return nil
}
