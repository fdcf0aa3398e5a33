package fold

import (
	"fmt"
	"maps"
	"slices"

	"ripen/tracker"
)

// Link lets a decision take effect and returns the leads it touched, each to be
// walked again; see [Fold.Apply]. at is the record that holds it. A decision
// that was met before changes nothing.
func (f *Fold) Link(t tracker.TenantID, d tracker.Link, at uint64, now int64) ([]Touch, error) {
	f.begin(nil, now)
	f.at = at
	if err := f.Meet(t); err != nil {
		return nil, err
	}
	if err := f.link(t, &d); err != nil {
		return nil, fmt.Errorf("link %s and %s: %w", d.A, d.B, err)
	}
	return f.touches, nil
}

func (f *Fold) link(t tracker.TenantID, d *tracker.Link) error {
	ls := f.links[t]
	a, b := ls.of(key{t, d.A}), ls.of(key{t, d.B})
	f.tied = true
	ids := append(ls.joined(d.A), ls.joined(d.B)...)
	for _, end := range [2]tracker.LeadID{d.A, d.B} { // a visitor's marks tell of users and their e-mails
		s, err := f.subject(key{t, end})
		if err != nil {
			return err
		}
		for i := range s.runs {
			if u := s.runs[i].user; !u.IsZero() {
				ids = append(ids, tracker.LeadID{Kind: tracker.UserIdentity, Hash: u})
			}
		}
	}
	whose, err := f.around(t, ids)
	if err != nil {
		return err
	}
	asTold := d.Joined && !ls.apart(d.A, d.B) // what events say counts as before
	if !a.tie(d.B, d) {
		return nil
	}
	b.tie(d.A, d)
	f.union(a, b)
	return f.settle(whose, func() error {
		f.reroot(ls, ls.joined(d.A))
		f.reroot(ls, ls.joined(d.B))
		for _, s := range whose {
			f.union(a, s)
		}
		if asTold {
			return nil
		}
		return f.tellAnew(whose, ids)
	})
}

// reroot tells identities joined with each other what they are filed under.
func (f *Fold) reroot(ls links, all []tracker.LeadID) {
	root := all[0]
	for _, id := range all {
		if id.Stronger(root) {
			root = id
		}
	}
	for _, id := range all {
		l := ls[id]
		f.union(ls[all[0]], l)
		l.root = root
	}
}

// around returns the subjects whose intervals a decision about identities may
// move: those of their leads, and those that wait on the e-mails of these.
func (f *Fold) around(t tracker.TenantID, ids []tracker.LeadID) ([]*subject, error) {
	names := map[tracker.LeadID]bool{}
	for _, id := range ids {
		names[id] = true
		s, err := f.subject(key{t, id})
		if err != nil {
			return nil, err
		}
		ls, err := f.leadsOfKnown(s)
		for _, l := range ls {
			for _, m := range l.Members {
				names[m.Subject] = true
			}
		}
		if err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Collect(maps.Keys(names)) {
		s, err := f.subject(key{t, id})
		if err != nil {
			return nil, err
		}
		for _, email := range s.emails() {
			m, err := f.mail(key{t, email})
			if err != nil {
				return nil, err
			}
			names[email] = true
			for _, dep := range m.deps {
				names[dep] = true
			}
		}
	}
	var out []*subject
	for _, id := range slices.SortedFunc(maps.Keys(names), tracker.LeadID.Compare) {
		s, err := f.subject(key{t, id})
		if err != nil {
			return nil, err
		}
		if s.filed > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// emails are those that a subject's marks carry.
func (s *subject) emails() (out []tracker.LeadID) {
	add := func(h tracker.Hash) {
		if id := (tracker.LeadID{Kind: tracker.EmailIdentity, Hash: h}); !h.IsZero() && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if s.id.Kind == tracker.EmailIdentity {
		add(s.id.Hash)
	}
	for i := range s.runs {
		add(s.runs[i].email)
	}
	return out
}

// leadsOfKnown is leadsOf an identity that may be no subject: the lead that it
// belongs to, if there is one.
func (f *Fold) leadsOfKnown(s *subject) ([]*Lead, error) {
	if s.counted > 0 {
		if _, err := f.Lead(s.tenant, s.id); err != nil { // leadsOf must not take it for a new one
			return nil, err
		}
		return f.leadsOf(nil, s)
	}
	id, err := owner(f, s, nil)
	if err != nil {
		return nil, err
	}
	l, err := f.Lead(s.tenant, id)
	if l == nil || err != nil {
		return nil, err
	}
	return []*Lead{l}, nil
}

// tellAnew cuts timelines into runs again under the decisions that stand, and
// lets the marks of users say again whose e-mails are. All timelines with marks
// of these users are among them.
func (f *Fold) tellAnew(all []*subject, users []tracker.LeadID) error {
	for _, s := range all {
		err := f.eachMark(s, func(r *run, m *mail) {
			if slices.Contains(users, tracker.LeadID{Kind: tracker.UserIdentity, Hash: r.user}) {
				m.forget(r.user)
			}
		})
		if err != nil {
			return err
		}
	}
	for _, s := range all {
		if err := f.rebuild(s); err != nil {
			return err
		}
		err := f.eachMark(s, func(r *run, m *mail) {
			switch {
			case !r.user.IsZero():
				m.claim(r.user, r.first)
			case s.id.Kind == tracker.VisitorIdentity && !slices.Contains(m.deps, s.id):
				m.deps = append(m.deps, s.id)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachMark calls visit with the runs of a subject that tell of an e-mail.
func (f *Fold) eachMark(s *subject, visit func(r *run, m *mail)) error {
	for i := range s.runs {
		r := &s.runs[i]
		if r.email.IsZero() {
			continue
		}
		m, err := f.mail(key{s.tenant, tracker.LeadID{Kind: tracker.EmailIdentity, Hash: r.email}})
		if err != nil {
			return err
		}
		f.union(s, m)
		visit(r, m)
	}
	return nil
}

// settle lets change decide anew whose the intervals of subjects are, and moves
// what changed hands. All leads concerned are to be walked again.
func (f *Fold) settle(all []*subject, change func() error) error {
	before := make([][]*Lead, len(all))
	for i, s := range all {
		var err error
		if s.counted == 0 {
			continue
		}
		if before[i], err = f.leadsOfKnown(s); err != nil {
			return err
		}
	}
	if err := change(); err != nil {
		return err
	}
	var left []*Lead
	into := map[*Lead]*Lead{}
	for i, s := range all {
		s.lead = nil
		var after []*Lead
		if s.counted > 0 {
			var err error
			if after, err = f.leadsOf(nil, s); err != nil {
				return err
			}
		}
		for _, l := range after {
			f.union(s, l)
			l.join(s, s.last.Time)
			f.rewalk(l, Place{})
		}
		for _, l := range before[i] {
			f.union(s, l)
			f.rewalk(l, Place{})
			if !slices.Contains(after, l) {
				l.leave(s)
				left = append(left, l)
				if len(after) > 0 {
					into[l] = after[len(after)-1]
				}
			}
		}
	}
	for _, l := range left {
		switch heir := into[l]; {
		case len(l.Members) > 0 || l.Gone:
		case heir != nil:
			f.retire(l, heir)
		default:
			f.touch(l)
			l.Gone = true
		}
	}
	return nil
}

// Erase takes away what was filed of subjects before a record, and with it what
// their marks said of others, and returns the leads it touched; see
// [Fold.Apply]. at is that record. [Fold.Sweep] removes the entries.
func (f *Fold) Erase(t tracker.TenantID, subjects []tracker.LeadID, at uint64, now int64) ([]Touch, error) {
	f.begin(nil, now)
	f.at = at
	if err := f.Meet(t); err != nil {
		return nil, err
	}
	users := slices.Clone(subjects)
	var gone []*subject
	for _, id := range subjects {
		s, err := f.subject(key{t, id})
		if err != nil {
			return nil, err
		}
		for i := range s.runs {
			if u := s.runs[i].user; !u.IsZero() {
				users = append(users, tracker.LeadID{Kind: tracker.UserIdentity, Hash: u})
			}
		}
		if s.filed > 0 && s.floor < at {
			gone = append(gone, s)
		}
	}
	for _, s := range gone {
		s.floor = at
	}
	err := f.unfile(t, users, gone, at)
	return f.touches, err
}
