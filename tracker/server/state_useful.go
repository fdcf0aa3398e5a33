package server

import (
	"context"
	"errors"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/train"
)

// Useful measures what each attribute, and each thing that leads do, is good for when
// one wants to know who converts.
func (s *State) Useful(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, ask export.Training, progress func(done, total int) error) (any, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if err := s.alone("a card is being learned or simulated"); err != nil {
		return nil, err
	}
	defer s.simulating.Unlock()
	ask.Card = "" // no card is asked besides
	table, err := s.snapshots(ctx, tenant, ask, progress)
	if err != nil {
		return nil, err
	}
	if err := table.Without(ask.Drop); err != nil {
		return nil, refused(err)
	}
	out, err := train.MeasureUse(ctx, table, train.Options{
		Seed: ask.Seed, Language: ask.Language,
		Progress: func(done, total int) { _ = progress(done, total) }, // who has gone is noticed at the end
	})
	if few, ok := errors.AsType[*train.TooFew](err); ok {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "too_few", Detail: few.Error()}
	}
	if err != nil {
		return nil, stopping(err)
	}
	return out, nil
}
