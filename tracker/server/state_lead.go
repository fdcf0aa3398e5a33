package server

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/fold"
	"ripen/tracker/score"
)

// Lead returns all that is known of the lead that an identity belongs to now: a
// lead id, current or superseded, a user id, an e-mail or a visitor id.
func (s *State) Lead(c tracker.Caller, tenant tracker.TenantID, who string) (*tracker.Lead, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	var n *likeness
	es, err := readHistory(func() (h *fold.History, err error) {
		n, h, err = s.lookUp(tenant, who)
		return h, err
	})
	if err != nil {
		return nil, err
	}
	out, err := s.draw(n)
	if err != nil || out.ID.Kind != tracker.VisitorIdentity {
		return out, err
	}
	return out, s.fill(out, es)
}

// readHistory finds a history and reads it; once more if a replay began in
// between. find may return none.
func readHistory(find func() (*fold.History, error)) ([]fold.Entry, error) {
	for again := false; ; again = true {
		h, err := find()
		if h == nil || err != nil {
			return nil, err
		}
		es, err := h.Read()
		if again || !errors.Is(err, storage.ErrClosed) {
			return es, err
		}
	}
}

// lookUp finds a lead, and the history of one that has no profile.
func (s *State) lookUp(tenant tracker.TenantID, who string) (*likeness, *fold.History, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(tenant, who)
	if err != nil {
		return nil, nil, err
	}
	n, err := s.takeKnown(l)
	if err != nil || n.lead.ID.Kind != tracker.VisitorIdentity {
		return n, nil, err
	}
	h, err := s.fold.Reader().History(l)
	return n, h, err
}

// emailOf is the last e-mail that a lead was known by.
func emailOf(l *tracker.Lead) (email string) {
	for _, id := range l.Identities {
		if id.Kind == tracker.EmailIdentity && id.Value != "" {
			email = strings.ToLower(strings.TrimSpace(id.Value))
		}
	}
	return email
}

// history reads all that was filed for a lead.
func (s *State) history(tenant tracker.TenantID, who string) (id tracker.LeadID, es []fold.Entry, err error) {
	es, err = readHistory(func() (h *fold.History, err error) {
		id, h, err = s.findHistory(tenant, who)
		return h, err
	})
	return id, es, err
}

// findHistory finds what was filed for a lead.
func (s *State) findHistory(tenant tracker.TenantID, who string) (tracker.LeadID, *fold.History, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(tenant, who)
	if err != nil {
		return tracker.LeadID{}, nil, err
	}
	h, err := s.fold.Reader().History(l)
	return l.ID(), h, err
}

// fill reads what is sealed: the text of the identities, and the attributes in
// the order they were given, the last one standing.
func (s *State) fill(l *tracker.Lead, es []fold.Entry) error {
	l.Attributes = make(map[string]any)
	var e tracker.Event
	for i := range es {
		n := &es[i]
		if err := n.Decode(&e); err != nil {
			return err
		}
		if !n.Personal || !e.Counts() {
			continue
		}
		sets := fold.SetsTraits(&e)
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
			case sets && isAttribute(f) && f.Value.Tag == tracker.Null:
				delete(l.Attributes, string(f.Name))
			case sets && isAttribute(f):
				l.Attributes[string(f.Name)] = f.Value.Any()
			case f.Space == tracker.System:
				name(l, &e, f)
			}
		}
	}
	l.Email = emailOf(l)
	return s.fillPlace(l, es)
}

// fillPlace says where the person was last. What was erased does not tell.
func (s *State) fillPlace(l *tracker.Lead, es []fold.Entry) (err error) {
	var e tracker.Event
	for i := len(es) - 1; i >= 0; i-- {
		if err := es[i].Decode(&e); err != nil {
			return err
		}
		if !es[i].Personal || !e.Moves() || !e.Counts() {
			continue
		}
		if e.Personal, err = s.personal(es[i].Seq); err != nil {
			return err
		}
		if len(e.Personal) == 0 {
			continue
		}
		for _, name := range tracker.PlaceNames {
			if v, ok := e.Place(name); ok {
				l.Attributes[name] = v.Any()
			}
		}
		return nil
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

// Timeline returns a page of all that was filed for a lead, latest first. after
// is the Next of the page before; limit is at most 1000, default 100. What is
// sealed is opened only if personal is set: it lies in the log, a block or so
// for each event.
func (s *State) Timeline(c tracker.Caller, tenant tracker.TenantID, who, after string, limit int, personal bool) (export.TimelinePage, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return export.TimelinePage{}, err
	}
	before, err := parsePlace(after)
	if err != nil {
		return export.TimelinePage{}, err
	}
	id, es, err := s.history(tenant, who)
	if err != nil {
		return export.TimelinePage{}, err
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	page := export.TimelinePage{Lead: id, Total: len(es)}
	verdicts, err := clickVerdicts(es, s.clock())
	if err != nil {
		return page, err
	}
	page.Events = make([]tracker.Event, 0, min(limit, len(es)))
	sealed := map[uint64]*tracker.Event{} // :: sequence → event
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
		if why, is := verdicts[e.Seq]; is {
			e.Machine, e.MachineReason = tracker.Bot, why
		}
		page.Events = append(page.Events, e)
		if es[i].Personal && personal {
			sealed[e.Seq] = &page.Events[len(page.Events)-1]
		}
	}
	return page, s.openEvents(sealed)
}

// clickVerdicts says which clicks in mails were no person's, as far as that shows
// at a moment, by sequence.
func clickVerdicts(es []fold.Entry, now int64) (map[uint64]tracker.MachineReason, error) {
	var j score.Judge
	var e tracker.Event
	for i := range es {
		if es[i].Time > now {
			break
		}
		if err := es[i].Decode(&e); err != nil {
			return nil, err
		}
		if e.Walks() {
			j.Add(&e)
		}
	}
	j.Until(now)
	return j.Verdicts, nil
}

// openEvents opens the sealed parts of events, by sequence: those of one block of
// the log together.
func (s *State) openEvents(at map[uint64]*tracker.Event) error {
	return s.db.Get(context.Background(), 0, slices.Sorted(maps.Keys(at)), func(r *storage.Record) error {
		plain, err := s.db.Unseal(nil, r)
		if errors.Is(err, storage.ErrErased) {
			return nil
		}
		if err == nil && len(plain) > 0 {
			at[r.Seq].Personal, err = tracker.DecodeFields(nil, plain)
		}
		return err
	})
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
	return l.Subjects(), nil
}
