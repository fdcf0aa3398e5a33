package server

import (
	"slices"
	"time"

	"ripen/tracker"
)

// recovering says that the log is at a place up to which the feed has been
// written already, in a run that a crash ended: what is found again is not
// written again.
func (s *State) recovering() bool { return s.next <= s.mark }

// recoverShown reads what the feed said since the checkpoint.
func (s *State) recoverShown() error {
	for _, t := range s.tenants {
		if err := s.readShown(t); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) readShown(t *tenantState) error {
	return s.feed.Read(t.id, t.known, func(c *tracker.Change) error {
		if t.shown == nil {
			t.shown = make(map[shownKey]tracker.Change)
		}
		name := cardName(c.Card)
		t.shown[shownKey{c.Lead, name}] = *c
		if !slices.Contains(t.told, name) {
			t.told = append(t.told, name)
		}
		s.late[leadKey{t, c.Lead}] = struct{}{}
		return nil
	})
}

// overlay lets a lead's body know what the feed said after it was stored.
func (t *tenantState) overlay(b *body) {
	for i := 0; len(t.shown) > 0 && i < len(t.told); i++ {
		name := t.told[i]
		c, ok := t.shown[shownKey{b.id, name}]
		if !ok {
			continue
		}
		if q := b.on(name); q.prev < c.Seq {
			q.prev, q.score, q.band, q.grade = c.Seq, int16(c.NewScore), c.NewBand, c.NewGrade
		}
	}
}

// compareLate writes, once the log is past what the feed already tells, how
// leads differ from what it last said. busy says that it was not done in one
// turn.
func (s *State) compareLate() (busy bool, err error) {
	until := time.Now().Add(settleTime)
	for s.feed != nil && !s.recovering() && len(s.late) > 0 {
		if time.Now().After(until) {
			return true, nil
		}
		if err := s.locked(s.compareSome); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (s *State) compareSome() error {
	n := 0
	for k := range s.late {
		if n++; n > holdLeads {
			return nil
		}
		delete(s.late, k)
		l, err := s.fold.Lead(k.tenant.id, k.id)
		if err != nil {
			return err
		}
		c := cause{word: s.found}
		if l != nil {
			err = s.renew(k, c)
		} else {
			s.cause, s.causeSeq = c.word, 0
			err = s.showGone(k)
		}
		if err != nil {
			return err
		}
	}
	if len(s.late) == 0 {
		for _, t := range s.tenants {
			t.shown, t.told = nil, nil
		}
	}
	return nil
}

// showGone writes that a lead the feed knows is no more.
func (s *State) showGone(k leadKey) error {
	for _, card := range k.tenant.cards {
		c, ok := k.tenant.shown[shownKey{k.id, card.activation.Card}]
		if !ok || c.NewScore < 0 {
			continue
		}
		into, err := s.fold.Reader().Resolve(k.tenant.id, k.id)
		if err != nil {
			return err
		}
		if into == k.id {
			into = tracker.LeadID{}
		}
		k.tenant.add(tracker.Change{
			Time: s.now, Lead: k.id, MergedInto: into, Card: c.Card, Cause: s.cause,
			OldScore: c.NewScore, NewScore: -1, OldBand: c.NewBand, OldGrade: c.NewGrade, Prev: c.Seq,
		})
	}
	return nil
}
