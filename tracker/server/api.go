package server

import (
	"context"
	"time"

	"ripen/tracker"
	"ripen/tracker/email"
	"ripen/tracker/export"
	"ripen/tracker/ingest"
	"ripen/tracker/tenant"
)

// api makes what answers the tenants.
func (s *Server) api() *export.Handler {
	return export.New(export.Config{
		Registry: inForce{s.registry, s}, Mail: mailKeysAPI{s}, DeadLetters: letterBox{s.letters, s},
		Post: postAPI{s.post, s}, Checklist: s.checklist, Outbox: s.outbox, Handoffs: s.handoffs, Trainings: s.learner, Journeys: textsAPI{s.journeys, s}, Now: s.db.Now, Tail: s.tail, Moments: s.Moments,
		State: s.leadsAt, Caller: s.caller, Life: s.life, PublicURL: s.cfg.PublicURL, SitePath: s.cfg.SitePath, Logger: s.log,
	})
}

// inForce is a registry whose answer to a publication comes when the state has
// met the new card: who asks for leads next finds it.
type inForce struct {
	*tenant.Registry
	s *Server
}

// SaveSource refuses a mail provider's source that could verify nothing.
func (r inForce) SaveSource(src tracker.Source) (*tracker.Source, error) {
	if err := email.CheckSource(&src); err != nil {
		return nil, err
	}
	return r.Registry.SaveSource(src)
}

func (r inForce) Publish(ctx context.Context, id tracker.TenantID, name string, ranking bool) (tracker.Activation, error) {
	return r.PublishDraft(ctx, id, name, "", ranking)
}

func (r inForce) PublishDraft(ctx context.Context, id tracker.TenantID, name, draft string, ranking bool) (tracker.Activation, error) {
	a, err := r.Registry.PublishDraft(ctx, id, name, draft, ranking)
	if err == nil {
		r.s.catchUp()
	}
	return a, err
}

func (r inForce) Rollback(ctx context.Context, id tracker.TenantID, name string) (tracker.Activation, error) {
	a, err := r.Registry.Rollback(ctx, id, name)
	if err == nil {
		r.s.catchUp()
	}
	return a, err
}

func (r inForce) SetTopics(ctx context.Context, id tracker.TenantID, source []byte) (tracker.Activation, error) {
	a, err := r.Registry.SetTopics(ctx, id, source)
	if err == nil {
		r.s.catchUp()
	}
	return a, err
}

func (r inForce) SetOffers(ctx context.Context, id tracker.TenantID, source []byte) (tracker.Activation, error) {
	a, err := r.Registry.SetOffers(ctx, id, source)
	if err == nil {
		r.s.catchUp()
	}
	return a, err
}

func (r inForce) Shadow(id tracker.TenantID, name string, version int) (tracker.Activation, error) {
	a, err := r.Registry.Shadow(id, name, version)
	if err == nil && r.s.folder != nil {
		if st := r.s.folder.state(); st != nil { // else it looks when it opens
			st.shadows.ring()
		}
	}
	return a, err
}

// catchUpLimit bounds catchUp: after that the lists show what is folded so far.
const catchUpLimit = 5 * time.Second

// catchUp waits until the state has met all that the log holds now.
func (s *Server) catchUp() {
	if s.folder == nil {
		return
	}
	last, err := s.db.Log().Last(s.life, 0)
	if err != nil {
		s.log.Debug("leads may be behind the log", "err", err)
		return
	}
	s.waitSeen(last)
}

// waitSeen waits, catchUpLimit at most, until the state has met a record.
func (s *Server) waitSeen(seq uint64) {
	ctx, cancel := context.WithTimeout(s.life, catchUpLimit)
	defer cancel()
	st, err := s.folder.wait(ctx)
	if err == nil {
		err = st.WaitSeen(ctx, seq)
	}
	if err != nil {
		s.log.Debug("leads are behind the log", "err", err)
	}
}

var errCaptureOnly error = &tracker.Error{Kind: tracker.KindBusy, Code: "capture_only", Detail: "this server only captures: start it without --capture-only"}

// state is the state, for whose opening it waits, catchUpLimit at most.
func (s *Server) state() (*State, error) {
	ctx, cancel := context.WithTimeout(s.life, catchUpLimit)
	defer cancel()
	return s.folder.wait(ctx)
}

// leadsAt returns the leads as they stand, or with a moment that has passed as
// they stood: derived again from the log, by one question at a time. done gives
// that up again.
func (s *Server) leadsAt(asOf time.Time) (st export.Leads, done func(), err error) {
	if s.folder == nil {
		return nil, nil, errCaptureOnly
	}
	now, err := s.state()
	if err != nil {
		return nil, nil, err
	}
	if asOf.IsZero() {
		// What was in the log at the start is shown from the first answer on.
		s.waitSeen(s.atStart)
		return now, func() {}, nil
	}
	if asOf.After(s.now()) {
		return nil, nil, invalid("as_of", "need a moment that has passed")
	}
	if !s.rebuilding.TryLock() {
		return nil, nil, &tracker.Error{Kind: tracker.KindBusy, Code: "overload", Detail: "another question about the past is being answered: ask again in a moment"}
	}
	past, err := now.AsOf(s.life, asOf)
	if err != nil {
		s.rebuilding.Unlock()
		return nil, nil, err
	}
	return past, func() {
		if err := past.Close(); err != nil {
			s.log.Warn("close a state of the past", "err", err)
		}
		s.rebuilding.Unlock()
	}, nil
}

// letterBox is the dead letters and the way back into the log.
type letterBox struct {
	*ingest.Letters
	s *Server
}

// Replay takes a letter's event as if it came when it was refused. One that is
// taken now is no letter any more.
func (b letterBox) Replay(ctx context.Context, id tracker.TenantID, name string) (tracker.Verdict, error) {
	d, err := b.Get(id, name)
	if err != nil {
		return tracker.Verdict{}, err
	}
	for _, src := range b.s.registry.Sources(id) {
		if src.ID != d.Source {
			continue
		}
		v, err := b.s.ingest.Again(ctx, src, &d)
		if err == nil && v.Status != tracker.Drop {
			err = b.Remove(id, name)
		}
		return v, err
	}
	return tracker.Verdict{}, &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "the letter's source is gone"}
}
