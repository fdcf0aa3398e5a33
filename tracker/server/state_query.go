package server

import (
	"errors"
	"math"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
	"ripen/tracker/score"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

func invalid(field, fix string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_" + field, Detail: field + ": " + fix}
}

var errNoLead error = &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "no lead has this id"}

// Leads returns a page of leads with scores and reasons, and for those who are
// identified with identities and attributes.
func (s *State) Leads(c tracker.Caller, tenant tracker.TenantID, q export.LeadQuery) (export.LeadPage, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return export.LeadPage{}, err
	}
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	q.Limit = min(q.Limit, maxPage)
	var page export.LeadPage
	items, err := s.pick(tenant, &q, &page)
	if err != nil || len(items) == 0 {
		return page, err
	}
	page.Leads = make([]*tracker.Lead, 0, len(items))
	err = s.each(tenant, items, func(l *tracker.Lead) error {
		page.Leads = append(page.Leads, l)
		return nil
	})
	return page, err
}

// EachLead calls visit with every lead of the list as it stood when the call
// began; Limit and After do not count.
func (s *State) EachLead(c tracker.Caller, tenant tracker.TenantID, q export.LeadQuery, visit func(*tracker.Lead) error) error {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return err
	}
	q.Limit, q.After = math.MaxInt, ""
	var page export.LeadPage
	items, err := s.pick(tenant, &q, &page)
	if err != nil {
		return err
	}
	return s.each(tenant, items, visit)
}

// filter is a query in the terms of an order.
type filter struct {
	min         int32
	band, grade uint8
	byBand      bool
	byGrade     bool
	none        bool // nothing can match
}

// filter refuses a band or grade that the card does not know: a slip of the pen is
// not an empty list.
func (t *tenantState) filter(q *export.LeadQuery, card *score.Card) (f filter, err error) {
	var bands []string
	for _, b := range card.Card.Bands {
		bands = append(bands, b.Name)
	}
	if err := among("band", q.Band, card.Name, bands); err != nil {
		return f, err
	}
	if err := among("grade", q.Grade, card.Name, card.Card.GradeNames()[1:]); err != nil {
		return f, err
	}
	f.min = int32(1000*q.MinScore) - 500 // a score is rounded half up
	if q.MinScore <= 0 {
		f.min = math.MinInt32
	}
	known := false
	if q.Band != "" {
		f.byBand = true
		f.band, known = t.bands.Find(q.Band)
		f.none = f.none || !known
	}
	if q.Grade != "" {
		f.byGrade = true
		f.grade, known = t.grades.Find(q.Grade)
		f.none = f.none || !known
	}
	return f, nil
}

// among refuses a value that is none of the names that a card knows.
func among(field, value, card string, names []string) error {
	switch {
	case value == "" || slices.Contains(names, value):
		return nil
	case len(names) == 0:
		return invalid(field, "the card "+card+" has none")
	}
	return invalid(field, "the card "+card+" knows "+strings.Join(names, ", "))
}

func (f *filter) matches(it rank.Item) bool {
	return it.Key >= f.min && (!f.byBand || it.Band == f.band) && (!f.byGrade || it.Grade == f.grade)
}

// pick returns the items of a page.
func (s *State) pick(tenant tracker.TenantID, q *export.LeadQuery, page *export.LeadPage) ([]rank.Item, error) {
	t, card, order, err := s.orderOf(tenant, q)
	if err != nil || order == nil {
		return nil, err
	}
	page.Card, page.Total = card.card.Name, order.Len()
	f, err := t.filter(q, card.card)
	switch {
	case err != nil:
		return nil, err
	case f.none:
		return nil, nil
	case q.Q != "":
		return s.named(t, q, &f)
	case q.Dimension != "":
		return s.byDimension(t, card, order, q, &f, page)
	case q.Sort == "" || q.Sort == "score":
		return byScore(order, q, &f, page)
	case q.Sort == "last_seen":
		return byKey(order, q, &f, page, func(it rank.Item) (float64, bool) { return float64(it.Seen), true })
	}
	return nil, invalid("sort", "score or last_seen")
}

// orderOf returns the order that a query reads, as it stands: what follows does
// not hold the loop up. It is nil while there is none.
func (s *State) orderOf(tenant tracker.TenantID, q *export.LeadQuery) (*tenantState, *cardState, *rank.Order, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tenants[tenant]
	if t == nil {
		return nil, nil, nil, nil
	}
	if q.Card == "" {
		q.Card = t.ranking
	}
	card, o := t.on(q.Card), t.orders[q.Card]
	switch {
	case card != nil && o != nil:
		return t, card, o.Copy(), nil
	case q.Card == "":
		return nil, nil, nil, nil // no card yet
	case card != nil && card.card.Card.OfAccounts():
		return nil, nil, nil, invalid("scorecard", "a card of leads: "+q.Card+" scores accounts, ask /v1/accounts")
	}
	return nil, nil, nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_scorecard", Detail: "scorecard: no card of this name is in force"}
}

func byScore(o *rank.Order, q *export.LeadQuery, f *filter, page *export.LeadPage) ([]rank.Item, error) {
	after, err := rank.ParseCursor(q.After)
	if err != nil {
		return nil, err
	}
	var items []rank.Item
	o.After(after, func(it rank.Item) bool {
		if it.Key < f.min {
			return false
		}
		if f.matches(it) {
			if len(items) == q.Limit {
				page.Next = rank.At(items[len(items)-1]).String()
				return false
			}
			items = append(items, it)
		}
		return true
	})
	return items, nil
}

// byKey orders by something that no index is kept for: it looks at all items
// and keeps the best of them.
func byKey(o *rank.Order, q *export.LeadQuery, f *filter, page *export.LeadPage, key func(rank.Item) (float64, bool)) ([]rank.Item, error) {
	after, err := rank.ParseCursor(q.After)
	if err != nil {
		return nil, err
	}
	type keyed struct {
		as rank.Item // stands where the key says
		it rank.Item
	}
	compare := func(a, b keyed) int { return rank.Compare(a.as, b.as) }
	var best []keyed
	more := false
	cut := func() {
		slices.SortFunc(best, compare)
		if len(best) > q.Limit {
			best, more = best[:q.Limit], true
		}
	}
	o.After(rank.Cursor{}, func(it rank.Item) bool {
		if !f.matches(it) {
			return true
		}
		k, ok := key(it)
		if !ok {
			return true
		}
		as := rank.Item{Seen: int64(math.Round(k * 1000)), ID: it.ID}
		if after.Before(as) {
			best = append(best, keyed{as, it})
			if q.Limit < math.MaxInt/4 && len(best) > 4*q.Limit+1000 {
				cut()
			}
		}
		return true
	})
	cut()
	items := make([]rank.Item, len(best))
	for i := range best {
		items[i] = best[i].it
	}
	if more {
		page.Next = rank.At(best[len(best)-1].as).String()
	}
	return items, nil
}

func (s *State) byDimension(t *tenantState, c *cardState, o *rank.Order, q *export.LeadQuery, f *filter, page *export.LeadPage) ([]rank.Item, error) {
	var dims []string
	for _, d := range c.card.Card.Dims {
		dims = append(dims, d.Name)
	}
	if err := among("dimension", q.Dimension, page.Card, dims); err != nil {
		return nil, err
	}
	var failed error
	items, err := byKey(o, q, f, page, func(it rank.Item) (float64, bool) {
		l, err := s.lead(t.id, it.ID)
		failed = errors.Join(failed, err)
		if l == nil || l.Scores[q.Card] == nil {
			return 0, false
		}
		v, ok := l.Scores[q.Card].Dims[q.Dimension]
		return v, ok && (q.Min == 0 || v >= q.Min)
	})
	return items, errors.Join(failed, err)
}

// named returns the lead that an identity belongs to, if it passes the filter.
func (s *State) named(t *tenantState, q *export.LeadQuery, f *filter) ([]rank.Item, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(t.id, q.Q)
	if errors.Is(err, errNoLead) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, sh := range l.Body.(*body).shown {
		if sh.card == q.Card && !sh.item.ID.IsZero() && f.matches(sh.item) {
			return []rank.Item{sh.item}, nil
		}
	}
	return nil, nil
}

// find returns the lead that an identity belongs to now, or errNoLead. mu is held.
func (s *State) find(tenant tracker.TenantID, who string) (*fold.Lead, error) {
	r := s.fold.Reader()
	if id, err := tracker.ParseLeadID(strings.TrimSpace(who)); err == nil { // a lead's own id, though its first holder is another's now
		if l, err := r.Lead(tenant, id); l != nil || err != nil {
			return l, err
		}
	}
	for _, id := range s.meant(tenant, who) {
		now, err := r.Resolve(tenant, id)
		if err != nil {
			return nil, err
		}
		if l, err := r.Lead(tenant, now); l != nil || err != nil {
			return l, err
		}
	}
	return nil, errNoLead
}

// meant returns what a text may mean: a lead id, or else the text of a user id,
// an e-mail, a visitor id.
func (s *State) meant(tenant tracker.TenantID, who string) (ids []tracker.LeadID) {
	who = strings.TrimSpace(who)
	if id, err := tracker.ParseLeadID(who); err == nil {
		ids = append(ids, id)
	} else if s.cfg.Tenant != nil {
		if t := s.cfg.Tenant(tenant); t != nil {
			for _, k := range []tracker.IdentityKind{tracker.UserIdentity, tracker.EmailIdentity, tracker.VisitorIdentity} {
				ids = append(ids, tracker.LeadID{Kind: k, Hash: t.Identity.Hash(k, []byte(who))})
			}
		}
	}
	return ids
}

// lead returns a lead with its scores alone; nil if there is none.
func (s *State) lead(tenant tracker.TenantID, id tracker.LeadID) (*tracker.Lead, error) {
	s.mu.RLock()
	l, err := s.fold.Reader().Lead(tenant, id)
	var n *likeness
	if l != nil && err == nil {
		n = s.take(l)
	}
	s.mu.RUnlock()
	if n == nil {
		return nil, err
	}
	return s.draw(n)
}

// Count is the number of leads in the order of the tenant's ranking card.
func (s *State) Count(c tracker.Caller, tenant tracker.TenantID) (int, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tenants[tenant]
	if t == nil || t.orders[t.ranking] == nil {
		return 0, nil
	}
	return t.orders[t.ranking].Len(), nil
}
