package server

import (
	"slices"
	"time"

	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
	"ripen/tracker/score"
)

// likeness is what a lead is shown from: taken while the loop holds still,
// drawn while it goes on. Scoring for reasons and opening what is sealed take
// ten times as long as taking it.
type likeness struct {
	lead   *tracker.Lead // without scores, attributes and names
	at     int64         // the moment it is shown at
	states []score.State // copies
	cards  []*cardState  // of the states; nil = no longer in force
	body   *body         // only what never changes of it
	known  bool          // its profile is shown, too
	parts  []part        // of the profile
}

// take takes the likeness of a lead. mu is held.
func (s *State) take(l *fold.Lead) *likeness {
	b := l.Body.(*body)
	k := &b.walk
	n := &likeness{
		lead: &tracker.Lead{ID: l.ID(), Events: k.Events, Consent: k.Consent}, at: max(s.clock(), k.Step), body: b,
		states: slices.Clone(k.States), cards: make([]*cardState, len(k.States)),
	}
	n.lead.Interests = b.tenant.deck.Interests(k, n.at)
	n.lead.Readings = k.Readings()
	for i := range n.states {
		st := &n.states[i]
		st.Guest = slices.Clone(st.Guest)
		n.cards[i] = b.tenant.on(cardName(st.Card))
	}
	if k.Events > 0 {
		n.lead.FirstSeen, n.lead.LastSeen = time.UnixMilli(k.First).UTC(), time.UnixMilli(k.Last).UTC()
	}
	if k.Active > 0 {
		n.lead.LastActivity = time.UnixMilli(k.Active).UTC()
	}
	return n
}

// takeKnown takes the likeness of a lead with identities and profile, all from
// the lead's own rows. mu is held.
func (s *State) takeKnown(l *fold.Lead) (*likeness, error) {
	n := s.take(l)
	n.known, n.parts = true, slices.Clone(n.body.parts) // a sealed text is replaced, never changed
	out, r := n.lead, s.fold.Reader()
	facts, err := r.Facts(l)
	if err != nil {
		return nil, err
	}
	out.SharedEmail, out.Unscored, out.Events = facts.Shared, facts.Unscored, out.Events+facts.Unscored
	out.Identities = facts.Identities
	proved := l.Body.(*body).walk.Proved
	for i, id := range facts.Identities {
		other := tracker.LeadID{Kind: id.Kind, Hash: id.Hash}
		out.Identities[i].Proved = id.Proved || slices.Contains(proved, other)
		if other == out.ID {
			continue
		}
		now, err := r.Resolve(l.Tenant(), other)
		if err != nil {
			return nil, err
		}
		if now == out.ID {
			out.Superseded = append(out.Superseded, other)
		}
	}
	return n, nil
}

// takeItem takes the likeness of a lead for a list; nil if there is no such
// lead any more. mu is held.
func (s *State) takeItem(tenant tracker.TenantID, id tracker.LeadID) (*likeness, error) {
	l, err := s.fold.Reader().Lead(tenant, id)
	if err != nil || l == nil {
		return nil, err
	}
	if id.Kind == tracker.VisitorIdentity {
		return s.take(l), nil
	}
	return s.takeKnown(l)
}

// holdTime is how long a reader holds the loop up at a time. Taking a page of
// 100 leads from memory takes less.
const holdTime = time.Millisecond

// takeSome takes the likenesses of the first items, as many as holdTime allows
// and at least one.
func (s *State) takeSome(tenant tracker.TenantID, items []rank.Item) (ns []*likeness, done int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for until := time.Now().Add(holdTime); done < len(items); {
		n, err := s.takeItem(tenant, items[done].ID)
		if err != nil {
			return nil, done, err
		}
		if n != nil {
			ns = append(ns, n)
		}
		if done++; time.Now().After(until) {
			break
		}
	}
	return ns, done, nil
}

// each calls visit with the leads of a list, drawn.
func (s *State) each(tenant tracker.TenantID, items []rank.Item, visit func(*tracker.Lead) error) error {
	for len(items) > 0 {
		ns, done, err := s.takeSome(tenant, items[:min(len(items), defaultPage)])
		if err != nil {
			return err
		}
		items = items[done:]
		for _, n := range ns {
			l, err := s.draw(n)
			if err == nil {
				err = visit(l)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// draw makes a lead of its likeness. It needs no lock.
func (s *State) draw(n *likeness) (*tracker.Lead, error) {
	out := n.lead
	out.Scores = make(map[string]*tracker.Score, len(n.states))
	for _, names := range [2]bool{false, true} { // who is named by others comes first
		for i := range n.states {
			if st := &n.states[i]; n.cards[i].names() == names {
				out.Scores[cardName(st.Card)] = n.cards[i].explain(st, n.at, out.Scores)
			}
		}
	}
	if !n.known {
		return out, nil
	}
	err := s.portray(out, n.body, n.parts)
	out.Email = emailOf(out)
	return out, err
}

// names says that the card hangs on what modules say.
func (c *cardState) names() bool { return c != nil && len(c.card.Names()) > 0 }

// explain scores a lead for a query, on the guest that queries share. Without
// reasons if the card is no longer in force. others are the scores of the modules
// that it names.
func (c *cardState) explain(st *score.State, at int64, others map[string]*tracker.Score) *tracker.Score {
	if c == nil {
		return score.Explain(nil, nil, st, at, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return score.Explain(nil, nil, st, at, nil)
	}
	return score.Explain(c.card, c.reader, st, at, others)
}
