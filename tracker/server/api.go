package server

import (
	"time"

	"ripen/tracker"
	"ripen/tracker/export"
)

// api makes what answers the tenants.
func (s *Server) api() *export.Handler {
	return export.New(export.Config{
		Registry: s.registry, State: s.leadsAt, Caller: s.caller, Life: s.life, PublicURL: s.cfg.PublicURL, Logger: s.log,
	})
}

// leadsAt returns the leads as they stand, or with a moment that has passed as
// they stood: derived again from the log, by one question at a time. done gives
// that up again.
func (s *Server) leadsAt(asOf time.Time) (st export.Leads, done func(), err error) {
	if s.folder == nil {
		return nil, nil, &tracker.Error{Kind: tracker.KindBusy, Code: "capture_only", Detail: "this server only captures: start it without --capture-only"}
	}
	if asOf.IsZero() {
		return s.folder.state(), func() {}, nil
	}
	if asOf.After(s.now()) {
		return nil, nil, invalid("as_of", "need a moment that has passed")
	}
	if !s.rebuilding.TryLock() {
		return nil, nil, &tracker.Error{Kind: tracker.KindBusy, Code: "overload", Detail: "another question about the past is being answered: ask again in a moment"}
	}
	past, err := s.folder.state().AsOf(s.life, asOf)
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
