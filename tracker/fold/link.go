package fold

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// What people decided about identities. A tie stands between two of them, at
// both ends, and says that they are one person or that they are two. The last
// decision about a pair stands, so ties are a function of the set of decisions.
//
// Identities joined, in one step or many, are one lead: that of the strongest
// of them, of equals that with the smallest hash. Each end knows it (root), so
// that a chain of any length is one look-up, and a circle is none.
//
// Identities kept apart are so in what events say: an event of the visitor counts
// as one without the other identity; of an event with a user id and an e-mail
// that are kept apart, the e-mail is not seen. Taking a decision back is
// therefore the history in which it was never taken.
type link struct {
	node
	ties []tie // by other
	root tracker.LeadID
}

type tie struct {
	other  tracker.LeadID
	time   int64
	joined bool
}

// links are a tenant's. There are as many as people have decided on: they stay
// in memory.
type links map[tracker.LeadID]*link

// apart says that two identities are kept apart.
func (ls links) apart(a, b tracker.LeadID) bool {
	l := ls[a]
	if l == nil {
		return false
	}
	i, found := l.find(b)
	return found && !l.ties[i].joined
}

func (l *link) find(other tracker.LeadID) (int, bool) {
	return slices.BinarySearchFunc(l.ties, other, func(t tie, o tracker.LeadID) int { return t.other.Compare(o) })
}

// rootOf is the identity that leads of id are filed under.
func (ls links) rootOf(id tracker.LeadID) tracker.LeadID {
	if l := ls[id]; l != nil {
		return l.root
	}
	return id
}

// blind takes from an event what is kept apart.
func (ls links) blind(e *tracker.Event) {
	if len(ls) == 0 {
		return
	}
	v := tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: e.Visitor}
	u := tracker.LeadID{Kind: tracker.UserIdentity, Hash: e.User}
	m := tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email}
	if !v.Hash.IsZero() && ls[v] != nil {
		if ls.apart(v, u) {
			e.User = tracker.Hash{}
		}
		if ls.apart(v, m) {
			e.Email = tracker.Hash{}
		}
	}
	if !e.User.IsZero() && !e.Email.IsZero() && ls.apart(u, m) {
		e.Email = tracker.Hash{}
	}
}

// pair is two identities that are kept apart.
type pair [2]tracker.LeadID

// apartOn are the pairs that tell in events of a subject, for readers beside the
// loop: those of the subject itself first, then those of the users of its marks.
func (ls links) apartOn(s *subject) (out []pair) {
	if len(ls) == 0 {
		return nil
	}
	out = ls.apartFrom(out, s.id)
	for i := range s.runs {
		u := tracker.LeadID{Kind: tracker.UserIdentity, Hash: s.runs[i].user}
		if !u.Hash.IsZero() && !slices.ContainsFunc(out, func(p pair) bool { return p[0] == u }) {
			out = ls.apartFrom(out, u)
		}
	}
	return out
}

func (ls links) apartFrom(dst []pair, id tracker.LeadID) []pair {
	if l := ls[id]; l != nil {
		for _, t := range l.ties {
			if !t.joined {
				dst = append(dst, pair{id, t.other})
			}
		}
	}
	return dst
}

// without takes from an event of a subject what is kept apart.
func without(e *tracker.Event, apart []pair) {
	for _, p := range apart {
		of := p[0].Kind != tracker.UserIdentity || p[0].Hash == e.User
		switch {
		case p[1].Kind == tracker.UserIdentity && p[1].Hash == e.User && p[0].Kind == tracker.VisitorIdentity:
			e.User = tracker.Hash{}
		case p[1].Kind == tracker.EmailIdentity && p[1].Hash == e.Email && of && p[0].Kind != tracker.EmailIdentity:
			e.Email = tracker.Hash{}
		}
	}
}

func (l *link) space() byte { return storage.SpaceLink }

const tieJoined = 1

func (l *link) append(dst []byte) []byte {
	if len(l.ties) == 0 {
		return nil
	}
	dst = appendID(append(dst, recordVersion), l.root)
	dst = binary.AppendUvarint(dst, uint64(len(l.ties)))
	for _, t := range l.ties {
		dst = append(appendID(dst, t.other), appendFlag(0, t.joined, tieJoined))
		dst = binary.AppendVarint(dst, t.time)
	}
	return dst
}

func (l *link) decode(b []byte) error {
	r := reader{b: b}
	r.version()
	l.root = r.id()
	l.ties = make([]tie, r.count(19))
	for i := range l.ties {
		l.ties[i] = tie{other: r.id(), joined: r.byte()&tieJoined != 0, time: r.varint()}
	}
	return r.err
}

// Meet reads what was decided about a tenant's identities. It comes before
// anything else is asked of the tenant.
func (f *Fold) Meet(t tracker.TenantID) error {
	if _, ok := f.links[t]; ok {
		return nil
	}
	ls := links{}
	err := f.snap.View(func(tx *storage.Tx) error {
		return tx.Scan(t, storage.SpaceLink, nil, nil, func(k, v []byte) error {
			r := reader{b: k}
			l := &link{node: node{key: key{t, r.id()}}}
			if err := errors.Join(r.err, l.decode(v)); err != nil {
				return fmt.Errorf("link of %s: %w", l.id, err)
			}
			ls[l.id] = l
			return nil
		})
	})
	if err == nil {
		f.links[t], f.tied = ls, f.tied || len(ls) > 0
	}
	return err
}

// of returns what was decided about an identity, new if nothing was.
func (ls links) of(k key) *link {
	l := ls[k.id]
	if l == nil {
		l = &link{node: node{key: k}, root: k.id}
		ls[k.id] = l
	}
	return l
}

// tie notes a decision at one end. It says whether it changes anything.
func (l *link) tie(other tracker.LeadID, d *tracker.Link) bool {
	i, found := l.find(other)
	if !found {
		l.ties = slices.Insert(l.ties, i, tie{other: other})
	} else if t := l.ties[i]; d.Time < t.time || d.Time == t.time && (!t.joined || t.joined == d.Joined) {
		return false
	}
	l.ties[i].time, l.ties[i].joined = d.Time, d.Joined
	return true
}

// joined are the identities that are one with id, itself included.
func (ls links) joined(id tracker.LeadID) []tracker.LeadID {
	all := []tracker.LeadID{id}
	for i := 0; i < len(all); i++ {
		l := ls[all[i]]
		if l == nil {
			continue
		}
		for _, t := range l.ties {
			if t.joined && !slices.Contains(all, t.other) {
				all = append(all, t.other)
			}
		}
	}
	return all
}

func (f *Fold) decided(t tracker.TenantID) links { return f.links[t] }

// Ties returns what must be decided so that an identity is a lead's no more: that
// it is two with each that a decision joined it with, a visitor also with the
// user ids and e-mails of its marks, an e-mail with the user ids that came with
// it. What hangs on the identity itself goes with it: a user id keeps its
// visitors. held are all identities of the lead.
func (r Reader) Ties(l *Lead, id tracker.LeadID, held []tracker.LeadID) (out []tracker.Link) {
	ls := r.decided(l.tenant)
	for _, other := range held {
		if other == id || ls.apart(id, other) {
			continue
		}
		marked := id.Kind == tracker.VisitorIdentity && other.Kind != id.Kind || id.Kind == tracker.EmailIdentity && other.Kind == tracker.UserIdentity
		joined := slices.Contains(ls.joined(id)[1:], other) && ls.tied(id, other)
		if marked || joined {
			out = append(out, tracker.Link{A: id, B: other})
		}
	}
	return out
}

// tied says that somebody decided about a pair.
func (ls links) tied(a, b tracker.LeadID) bool {
	l := ls[a]
	if l == nil {
		return false
	}
	_, found := l.find(b)
	return found
}
