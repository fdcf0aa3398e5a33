package server

import (
	"context"
	"time"

	"ripen/tracker"
	"ripen/tracker/export"
)

// Shadow says what a tenant's shadow has seen. It waits until it has walked all
// leads that were touched, or until ctx ends, which is no error: then it says
// how far it is.
func (s *State) Shadow(ctx context.Context, c tracker.Caller, tenant tracker.TenantID) (*export.Shadow, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if s.cfg.ShadowSource == nil {
		return nil, errShadowEnded
	}
	s.shadows.mu.Lock()
	s.shadows.asked[tenant] = struct{}{}
	s.shadows.mu.Unlock()
	s.shadows.ring()
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		t := s.cfg.Tenant(tenant)
		if t == nil || t.Shadow == nil {
			return nil, errShadowEnded
		}
		if sh := s.shadows.get(tenant); sh != nil && sh.of == *t.Shadow {
			if out, err := sh.answer(ctx.Err() != nil); out != nil || err != nil {
				return out, err
			}
		}
		if ctx.Err() != nil {
			return unbegun(t.Shadow), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

var errShadowEnded error = &tracker.Error{Kind: tracker.KindNotFound, Code: "no_shadow", Detail: "no version of this card runs as a shadow: it has ended"}

// unbegun is the answer of a shadow that has not walked a lead.
func unbegun(of *tracker.Shadow) *export.Shadow {
	return &export.Shadow{Since: export.Time(of.At), Simulation: export.Simulation{
		Scorecard: of.Name(), Bands: []string{}, Moves: []export.BandMove{}, Before: export.Spread{Deciles: []int{}}, After: export.Spread{Deciles: []int{}},
		Risers: []export.SimulatedLead{}, Fallers: []export.SimulatedLead{}, Actions: []export.BandAction{}, Failed: []export.SimulationFail{},
	}}
}

// answer is nil while leads are left to be walked, unless it must be given now
// and there is something to say.
func (sh *shadow) answer(now bool) (*export.Shadow, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.failed != nil {
		return nil, &tracker.Error{Kind: tracker.KindBusy, Code: "shadow_failed", Detail: "the shadow cannot be walked: the server's log says why", Err: sh.failed}
	}
	left, gen := sh.waiting(), sh.s.generation(sh.tenant)
	if !now && (left > 0 || !sh.ready || gen != sh.gen) || sh.m == nil {
		return nil, nil
	}
	t, err := sh.tally()
	if err != nil {
		return nil, err
	}
	out := &export.Shadow{
		Simulation: *t.result(len(sh.leads) + sh.beyond), Since: export.Time(sh.of.At), Ready: sh.ready,
		Waiting: left, Events: sh.events.Load(), Walks: sh.walks, BusyMS: sh.busy.Milliseconds(),
	}
	return out, nil
}

// waiting is how many leads are to be walked, as far as it knows.
func (sh *shadow) waiting() int {
	sh.noted.Lock()
	defer sh.noted.Unlock()
	n := len(sh.queue) + len(sh.touched)
	if n == 0 && (sh.lost || sh.m != nil && sh.timers.Next() != 0 && sh.timers.Next() <= sh.s.clock()) {
		n = 1
	}
	return n
}
