package server

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// Lead returns all that is known of the lead that an identity belongs to now: a
// lead id, current or superseded, a user id, an e-mail or a visitor id.
func (s *State) Lead(c tracker.Caller, tenant tracker.TenantID, who string) (*tracker.Lead, error) {
	l, es, facts, err := s.whole(c, tenant, who)
	if err != nil {
		return nil, err
	}
	l.SharedEmail, l.Unscored, l.Events = facts.Shared, facts.Unscored, uint64(len(es))
	l.Identities = facts.Identities
	for _, id := range facts.Identities {
		if other := (tracker.LeadID{Kind: id.Kind, Hash: id.Hash}); other != l.ID {
			if now, err := s.resolve(tenant, other); err != nil {
				return nil, err
			} else if now == l.ID {
				l.Superseded = append(l.Superseded, other)
			}
		}
	}
	return l, s.fill(l, es)
}

func (s *State) resolve(tenant tracker.TenantID, id tracker.LeadID) (tracker.LeadID, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.fold.Reader().Resolve(tenant, id)
}

// whole reads a lead with its history.
func (s *State) whole(c tracker.Caller, tenant tracker.TenantID, who string) (*tracker.Lead, []fold.Entry, fold.Facts, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, nil, fold.Facts{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(tenant, who)
	if err != nil {
		return nil, nil, fold.Facts{}, err
	}
	if l == nil {
		return nil, nil, fold.Facts{}, errNoLead
	}
	r := s.fold.Reader()
	facts, err := r.Facts(l)
	if err != nil {
		return nil, nil, facts, err
	}
	es, err := r.History(l)
	return s.summary(l), es, facts, err
}

// fill reads what is sealed: the text of the identities, and the attributes in
// the order they were given, the last one standing.
func (s *State) fill(l *tracker.Lead, es []fold.Entry) error {
	l.Attributes = make(map[string]any)
	var e tracker.Event
	for i := range es {
		n := &es[i]
		if err := tracker.DecodeRow(n.Row, &e); err != nil {
			return err
		}
		if !n.Personal || e.Consent == tracker.ConsentDenied {
			continue
		}
		sets := false
		switch string(e.Type) {
		case "identify", "group", "alias":
			sets = true
		}
		if !sets && !slices.ContainsFunc(l.Identities, func(id tracker.Identity) bool { return id.Value == "" && carries(&e, id) }) {
			continue
		}
		fields, err := s.personal(n.Seq)
		if err != nil {
			return err
		}
		for j := range fields {
			f := &fields[j]
			switch {
			case f.Space == tracker.System:
				name(l, &e, f)
			case f.Space == tracker.Trait && sets && f.Value.Tag == tracker.Null:
				delete(l.Attributes, string(f.Name))
			case f.Space == tracker.Trait && sets:
				l.Attributes[string(f.Name)] = Any(f.Value)
			}
		}
	}
	l.Email = ""
	for _, id := range l.Identities {
		if id.Kind == tracker.EmailIdentity && id.Value != "" {
			l.Email = strings.ToLower(strings.TrimSpace(id.Value)) // the last that came
		}
	}
	return nil
}

// personal returns the sealed fields of an event; none if they were erased.
func (s *State) personal(seq uint64) (fields []tracker.Field, err error) {
	var plain []byte
	err = s.db.Get(context.Background(), 0, []uint64{seq}, func(r *storage.Record) (err error) {
		plain, err = s.db.Unseal(nil, r)
		return err
	})
	if errors.Is(err, storage.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return tracker.DecodeFields(nil, plain)
}

func carries(e *tracker.Event, id tracker.Identity) bool {
	switch id.Kind {
	case tracker.UserIdentity:
		return e.User == id.Hash
	case tracker.EmailIdentity:
		return e.Email == id.Hash
	}
	return e.Visitor == id.Hash
}

// name gives an identity of the lead the text that an event carried for it.
func name(l *tracker.Lead, e *tracker.Event, f *tracker.Field) {
	var id tracker.LeadID
	switch string(f.Name) {
	case "user_id":
		id = tracker.LeadID{Kind: tracker.UserIdentity, Hash: e.User}
	case "email":
		id = tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email}
	case "visitor":
		id = tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: e.Visitor}
	default:
		return
	}
	for i := range l.Identities {
		if q := &l.Identities[i]; q.Kind == id.Kind && q.Hash == id.Hash && q.Value == "" {
			q.Value = string(f.Value.Str)
		}
	}
}

// Any returns a value as encoding/json would decode it, numbers with all their
// digits.
func Any(v tracker.Value) any {
	switch v.Tag {
	case tracker.False, tracker.True:
		return v.Tag == tracker.True
	case tracker.Int:
		return int64(v.Num)
	case tracker.Float:
		return math.Float64frombits(v.Num)
	case tracker.Number:
		return json.Number(v.Str)
	case tracker.JSON:
		return json.RawMessage(slices.Clone(v.Str))
	case tracker.String:
		return string(v.Str)
	}
	return nil
}

// TimelinePage is a page of a lead's events, latest first.
type TimelinePage struct {
	Lead   tracker.LeadID
	Events []tracker.Event // with the sealed fields, unless they were erased
	Next   string          // cursor of the next page; empty = the last
	Total  int
}

// Timeline returns a page of all that was filed for a lead, latest first. after
// is the Next of the page before; limit is at most 1000, default 100.
func (s *State) Timeline(c tracker.Caller, tenant tracker.TenantID, who, after string, limit int) (TimelinePage, error) {
	before, err := parsePlace(after)
	if err != nil {
		return TimelinePage{}, err
	}
	l, es, _, err := s.whole(c, tenant, who)
	if err != nil {
		return TimelinePage{}, err
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	page := TimelinePage{Lead: l.ID, Total: len(es)}
	for i := len(es) - 1; i >= 0; i-- {
		if after != "" && !es[i].Place.Less(before) {
			continue
		}
		if len(page.Events) == limit {
			page.Next = formatPlace(es[i+1].Place)
			break
		}
		var e tracker.Event
		if err := tracker.DecodeRow(es[i].Row, &e); err != nil {
			return page, err
		}
		e.Seq, e.Received = es[i].Seq, es[i].Received
		if es[i].Personal {
			if e.Personal, err = s.personal(e.Seq); err != nil {
				return page, err
			}
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

// History returns a lead's changes, latest first: at most limit (default 100),
// and only those before a sequence if that is not 0.
func (s *State) History(c tracker.Caller, tenant tracker.TenantID, who, card string, before uint64, limit int) ([]tracker.Change, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = defaultPage
	}
	seq, err := s.lastChange(tenant, who, &card)
	if err != nil || seq == 0 || s.feed == nil {
		return nil, err
	}
	var out []tracker.Change
	err = s.feed.History(tenant, seq, func(c *tracker.Change) error {
		if before != 0 && c.Seq >= before {
			return nil
		}
		if out = append(out, *c); len(out) == limit {
			return storage.ErrStop
		}
		return nil
	})
	return out, err
}

// lastChange is the sequence of the last change in the feed of a lead on a card.
func (s *State) lastChange(tenant tracker.TenantID, who string, card *string) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(tenant, who)
	if err != nil {
		return 0, err
	}
	if l == nil {
		return 0, errNoLead
	}
	t := s.tenants[tenant]
	if *card == "" {
		*card = t.ranking
	}
	for _, q := range l.Body.(*body).shown {
		if q.card != *card {
			continue
		}
		seq := q.prev
		for _, cs := range [2][]tracker.Change{t.changes, t.flying} { // not in the feed yet
			for len(cs) > 0 && seq >= cs[0].Seq {
				seq = cs[seq-cs[0].Seq].Prev
			}
		}
		return seq, nil
	}
	return 0, nil
}

// Changes returns the tenant's changes after a sequence, at most limit (default
// 1000). If there are none it waits for some until ctx ends, which is no error.
func (s *State) Changes(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, after uint64, limit int) ([]tracker.Change, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = maxPage
	}
	var out []tracker.Change
	for s.feed != nil {
		bell := s.ring()
		err := s.feed.Read(tenant, after, func(c *tracker.Change) error {
			if out = append(out, *c); len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
		if err != nil || len(out) > 0 {
			return out, err
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return nil, nil
		}
	}
	return nil, nil // a state of the past has no feed
}

// Subjects returns whose keys seal what a lead holds, for erasure.
func (s *State) Subjects(c tracker.Caller, tenant tracker.TenantID, who string) ([]storage.Subject, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(tenant, who)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, errNoLead
	}
	return l.Subjects(), nil
}
