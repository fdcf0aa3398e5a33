package server

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ripen/tracker"
	"ripen/tracker/export"
)

// accounts says what would change among accounts if the draft were put in force.
func (m *simulation) accounts(ctx context.Context) (*export.Simulation, error) {
	before, err := m.accountsBy(ctx, m.old)
	if err != nil {
		return nil, err
	}
	after, err := m.accountsBy(ctx, m.draft)
	if err != nil {
		return nil, err
	}
	names := map[string]struct{}{}
	for _, side := range []map[string]*account{before, after} {
		for name := range side {
			names[name] = struct{}{}
		}
	}
	var rose, fell []movedAccount
	for _, name := range slices.Sorted(maps.Keys(names)) {
		o := outline{before: -1, after: -1}
		o.before, o.from = standingOf(before[name])
		o.after, o.to = standingOf(after[name])
		switch by := m.tally.sum(&o); {
		case by > 0:
			rose = append(rose, movedAccount{name, by})
		case by < 0:
			fell = append(fell, movedAccount{name, -by})
		}
	}
	out := m.tally.result(len(names))
	out.Risers, err = m.showMoved(rose, before, after)
	if err == nil {
		out.Fallers, err = m.showMoved(fell, before, after)
	}
	return out, err
}

type movedAccount struct {
	name string
	by   int
}

// accountsBy puts accounts together by a version of a card; none by nil.
func (m *simulation) accountsBy(ctx context.Context, c *cardState) (map[string]*account, error) {
	out := map[string]*account{}
	if c == nil {
		return out, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, stopping(err)
	}
	t, _, order, err := m.s.orderOf(m.tenant, &export.LeadQuery{Card: c.card.Card.Rollup.Of})
	if err != nil || order == nil {
		return out, err
	}
	all, err := m.s.standings(&board{t: t, order: order, up: c.card.Card.Rollup, name: c.card.Name, card: c})
	for _, a := range all {
		out[a.Name] = a
	}
	return out, err
}

func standingOf(a *account) (score int, band string) {
	if a == nil {
		return -1, ""
	}
	return a.Score, a.Band
}

// showMoved shows the accounts that move furthest, with reasons.
func (m *simulation) showMoved(list []movedAccount, before, after map[string]*account) ([]export.SimulatedLead, error) {
	slices.SortStableFunc(list, func(a, b movedAccount) int { return cmp.Compare(b.by, a.by) })
	out := []export.SimulatedLead{}
	for _, q := range list[:min(len(list), moversMost)] {
		was, err := m.showAccount(m.old, before[q.name])
		if err != nil {
			return nil, err
		}
		is, err := m.showAccount(m.draft, after[q.name])
		if err != nil {
			return nil, err
		}
		out = append(out, export.SimulatedLead{ID: q.name, Before: was, After: is})
	}
	return out, nil
}

func (m *simulation) showAccount(c *cardState, a *account) (export.SimulatedStanding, error) {
	out := export.SimulatedStanding{Reasons: []tracker.Reason{}}
	if a == nil {
		return out, nil
	}
	if err := c.scoreAccount(a, m.at, true); err != nil {
		return out, err
	}
	out.Score, out.Grade, out.Band, out.Reasons = &a.Score, a.Grade, a.Band, a.Reasons
	return out, nil
}
