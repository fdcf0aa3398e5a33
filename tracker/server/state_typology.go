package server

import (
	"context"
	"errors"
	"slices"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/train"
)

// Types finds kinds among a tenant's known leads, as they stand: those who can be in
// segments.
func (s *State) Types(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, ask export.Typing, progress func(done, total int) error) (any, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if err := s.alone("a card is being learned or simulated"); err != nil {
		return nil, err
	}
	defer s.simulating.Unlock()
	until := s.clock()
	if err := s.seeAll(ctx); err != nil {
		return nil, err
	}
	ids, err := s.leadIDs(ctx, tenant)
	if err != nil {
		return nil, err
	}
	ids = learnable(slices.DeleteFunc(ids, func(id tracker.LeadID) bool { return id.Kind == tracker.VisitorIdentity }))
	q := &reading{s: s, tenant: tenant, byTime: true, until: until}
	defer q.stored.Close()
	into := train.NewSnapshots(train.SnapshotOptions{Until: until, ByTime: true, Language: ask.Language})
	if err := eachSome(ctx, ids, progress, func(ids []tracker.LeadID) (int, error) { return q.some(ids, into) }); err != nil {
		return nil, err
	}
	table, err := into.PeopleNow()
	if err != nil {
		return nil, err
	}
	if err := table.Without(ask.Drop); err != nil {
		return nil, refused(err)
	}
	out, err := train.FindTypes(ctx, table, train.TypologyOptions{
		Types: ask.Types, Columns: ask.Columns, Seed: ask.Seed, Name: ask.Name, Language: ask.Language,
		Progress: func(done, total int) { _ = progress(done, total) }, // who has gone is noticed at the end
	})
	if no, ok := errors.AsType[*train.NoTypes](err); ok {
		return nil, &tracker.Error{Kind: tracker.KindConflict, Code: "no_types", Detail: no.Error()}
	}
	if ctx.Err() != nil {
		return nil, stopping(ctx.Err())
	}
	if err != nil {
		return nil, refused(err)
	}
	return out, nil
}
