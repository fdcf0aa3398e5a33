package fold

import (
	"slices"

	"ripen/tracker"
)

// identify lets the identities of an event take effect. moved says that
// intervals changed hands and every lead concerned is to be walked again, the
// event included.
func (f *Fold) identify(s *subject, p Place, e *tracker.Event) (moved bool, err error) {
	if !isMark(e) {
		return false, nil
	}
	if n := len(s.runs); n > 0 {
		if r := &s.runs[n-1]; r.same(e) && !p.Less(r.first) { // the common case
			r.prove(e)
			if r.last.Less(p) {
				r.last = p
			}
			return false, nil
		}
	}
	if !e.Email.IsZero() {
		if err := f.claim(s, p, e); err != nil {
			return false, err
		}
	}
	switch inside := len(s.runs) > 0 && !s.last.Less(p); {
	case s.id.Kind != tracker.VisitorIdentity:
		if !s.insert(p, e) {
			return false, f.rebuild(s)
		}
		return false, nil
	case len(s.runs) == 0:
		return f.firstMark(s, p, e)
	case inside || s.last.Time == p.Time:
		return true, f.lateMark(s, p, e)
	}
	s.insert(p, e) // a new identity from now on
	s.lead = nil
	return false, nil
}

// firstMark ties an anonymous visitor and all its past to a stronger identity.
func (f *Fold) firstMark(s *subject, p Place, e *tracker.Event) (moved bool, err error) {
	if f.links[s.tenant][s.id] != nil { // what it was may be one with others
		if s.last.Less(p) {
			s.last = p
		}
		return true, f.settle([]*subject{s}, func() error { s.insert(p, e); return nil })
	}
	s.insert(p, e)
	s.lead = nil
	if s.counted == 1 {
		return false, nil // no past
	}
	old, err := f.Lead(s.tenant, s.id)
	if err != nil {
		return false, err
	}
	l, err := f.leadOf(s, &s.runs[0])
	if err != nil {
		return false, err
	}
	f.union(s, l)
	l.join(s, max(s.last.Time, p.Time))
	f.rewalk(l, Place{Time: s.first.Time})
	if old != nil {
		f.retire(old, l)
	}
	return true, nil
}

// lateMark handles a mark that changes whose some earlier events are.
func (f *Fold) lateMark(s *subject, p Place, e *tracker.Event) error {
	from := Place{Time: p.Time}
	if p.Less(s.runs[0].first) {
		from = Place{Time: s.first.Time}
	}
	before, err := f.leadsOf(nil, s)
	if err != nil {
		return err
	}
	if !s.insert(p, e) {
		if err := f.rebuild(s); err != nil {
			return err
		}
	}
	s.lead = nil
	after, err := f.leadsOf(nil, s)
	if err != nil {
		return err
	}
	for _, l := range after {
		f.union(s, l)
		l.join(s, max(s.last.Time, p.Time))
		f.rewalk(l, from)
	}
	for _, l := range before {
		f.union(s, l)
		f.rewalk(l, from)
		if !slices.Contains(after, l) {
			l.leave(s)
		}
	}
	return nil
}

// rebuild cuts a timeline into runs again from its entries.
func (f *Fold) rebuild(s *subject) error {
	es, err := f.entries(nil, s, Place{})
	if err != nil {
		return err
	}
	s.runs = s.runs[:0]
	var e tracker.Event
	for i := range es {
		if err := tracker.DecodeRow(es[i].Row, &e); err != nil {
			return err
		}
		f.links[s.tenant].blind(&e)
		if isMark(&e) {
			s.insert(es[i].Place, &e)
		}
	}
	return nil
}

// claim notes whose an e-mail is, as far as this event tells. When that changes,
// every interval that is known by the e-mail alone moves.
func (f *Fold) claim(s *subject, p Place, e *tracker.Event) error {
	if e.User.IsZero() && s.id.Kind != tracker.VisitorIdentity {
		return nil
	}
	m, err := f.mail(key{s.tenant, tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email}})
	if err != nil {
		return err
	}
	if e.User.IsZero() {
		if !slices.Contains(m.deps, s.id) {
			m.deps = append(m.deps, s.id)
			f.union(s, m)
		}
		return nil
	}
	f.union(s, m)
	if m.owner() == e.User || len(m.claims) > 0 && m.claims[0].at.Less(p) {
		m.claim(e.User, p)
		return nil
	}
	was := m.id
	if len(m.claims) > 0 {
		was = tracker.LeadID{Kind: tracker.UserIdentity, Hash: m.owner()}
	}
	if l, err := f.Lead(m.tenant, f.links[m.tenant].rootOf(was)); l == nil || err != nil {
		m.claim(e.User, p) // nothing is known by the e-mail yet
		return err
	}
	whose := make([]*subject, 0, len(m.deps)+1)
	for _, id := range append(slices.Clone(m.deps), m.id) {
		d, err := f.subject(key{m.tenant, id})
		if err != nil {
			return err
		}
		if d.counted > 0 {
			f.union(m, d)
			whose = append(whose, d)
		}
	}
	return f.settle(whose, func() error { m.claim(e.User, p); return nil })
}

// retire ends a lead: all it had belongs to another now.
func (f *Fold) retire(old, into *Lead) {
	f.union(old, into)
	f.touch(old)
	old.Gone, old.Into, old.Members = true, into.id, nil
}

// leadAt returns the lead of an event of s.
func (f *Fold) leadAt(s *subject, p Place, mark, inOrder bool) (*Lead, error) {
	if !inOrder && len(s.runs) > 1 {
		return f.leadOf(s, &s.runs[s.runAt(p, mark)])
	}
	if s.lead != nil && !s.lead.out && !s.lead.Gone {
		s.lead.ref = true
		return s.lead, nil
	}
	var last *run
	if len(s.runs) > 0 {
		last = &s.runs[len(s.runs)-1]
	}
	l, err := f.leadOf(s, last)
	s.lead, s.member = l, 0
	return l, err
}

// leadsOf appends the leads of all intervals of a subject, each once.
func (f *Fold) leadsOf(dst []*Lead, s *subject) ([]*Lead, error) {
	for i := range max(len(s.runs), 1) {
		var r *run
		if len(s.runs) > 0 {
			r = &s.runs[i]
		}
		l, err := f.leadOf(s, r)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(dst, l) {
			dst = append(dst, l)
		}
	}
	return dst, nil
}

// leadOf returns the lead of one interval, new if there is none.
func (f *Fold) leadOf(s *subject, r *run) (*Lead, error) {
	id, err := owner(f, s, r)
	if err != nil {
		return nil, err
	}
	return f.lead(key{s.tenant, id}, id == s.id && s.counted == 1 && s.id.Kind == tracker.VisitorIdentity)
}

// owner returns the identity that an interval belongs to: the user id of its
// mark; else whoever owns the e-mail of its mark; else the e-mail; else, with
// no mark at all, the visitor; and of identities that were joined the root.
func owner(f finder, s *subject, r *run) (tracker.LeadID, error) {
	id := s.id
	switch {
	case s.id.Kind != tracker.VisitorIdentity || r == nil:
	case !r.user.IsZero():
		id = tracker.LeadID{Kind: tracker.UserIdentity, Hash: r.user}
	default:
		id = tracker.LeadID{Kind: tracker.EmailIdentity, Hash: r.email}
	}
	if id.Kind == tracker.EmailIdentity {
		m, err := f.mail(key{s.tenant, id})
		if err != nil {
			return id, err
		}
		if u := m.owner(); !u.IsZero() {
			id = tracker.LeadID{Kind: tracker.UserIdentity, Hash: u}
		}
	}
	return f.decided(s.tenant).rootOf(id), nil
}
