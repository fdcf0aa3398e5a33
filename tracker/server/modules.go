package server

import (
	"context"
	"errors"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/score"
	"ripen/wasm"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// A module is tried on the tenant's latest events, if there are enough.
const (
	triedWithin = 50_000 // records at the end of the log that are looked through
	triedMost   = 2_000  // events that are taken
	triedLeast  = 100    // below this, made-up ones say more
)

// Admit decides whether a tenant's module may score, on events of that tenant.
func (r inForce) Admit(ctx context.Context, id tracker.TenantID, module []byte) (*host.Report, error) {
	card, err := host.CardOf(module)
	if err != nil {
		return nil, err
	}
	leads, n, err := r.s.recorded(ctx, id, card)
	if err != nil {
		return nil, err
	}
	if n < triedLeast {
		leads = nil
	}
	report, err := r.s.modules.Admit(ctx, module, leads)
	if errors.Is(err, host.ErrBusy) {
		return nil, &tracker.Error{Kind: tracker.KindBusy, Code: "overload", Detail: err.Error()}
	}
	return report, err
}

var errEnough = errors.New("enough")

// recorded returns the tenant's latest events as the card sees them, and how
// many records of events that were. It looks further back until there are enough.
func (s *Server) recorded(ctx context.Context, id tracker.TenantID, c *scorecard.Card) (leads [][]wasm.Event, n int, err error) {
	last, err := s.db.Log().Last(ctx, 0)
	if err != nil {
		return nil, 0, err
	}
	first, err := s.db.Log().First(ctx, 0)
	if err != nil {
		return nil, 0, err
	}
	for within := uint64(triedMost); ; within *= 5 {
		from := first
		if last >= first+within {
			from = last - within + 1
		}
		if leads, n, err = s.recordedFrom(ctx, id, c, from); err != nil || n >= triedMost/2 || from == first || within >= triedWithin {
			return leads, n, err
		}
	}
}

// recordedFrom returns those from a record on.
func (s *Server) recordedFrom(ctx context.Context, id tracker.TenantID, c *scorecard.Card, from uint64) (leads [][]wasm.Event, n int, err error) {
	var rec *storage.Record
	var plain []byte
	recorder := score.NewRecorder(c, func(e *tracker.Event) (err error) {
		if plain, err = s.db.Unseal(plain[:0], rec); errors.Is(err, storage.ErrErased) {
			return nil
		} else if err != nil {
			return err
		}
		e.Personal, err = tracker.DecodeFields(e.Personal[:0], plain)
		return err
	})
	err = s.db.Log().Read(ctx, 0, from, func(recs []storage.Record) error {
		for i := range recs {
			if rec = &recs[i]; rec.Tenant != id || rec.Kind != storage.KindEvent {
				continue
			}
			var e tracker.Event
			if err := tracker.DecodeRow(rec.Row, &e); err != nil {
				return err
			}
			if err := recorder.Add(&e, len(rec.Personal) > 0); err != nil {
				return err
			}
			if n++; n == triedMost {
				return errEnough
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, 0, err
	}
	return recorder.Leads(), n, nil
}
