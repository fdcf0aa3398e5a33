package fold

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// Reader looks leads up beside the state loop without disturbing the caches. It
// may be used while the loop holds still: the state's lock is held for reading.
type Reader struct {
	f *Fold
}

// Reader returns a reader of the timelines as they stand.
func (f *Fold) Reader() Reader { return Reader{f} }

func (r Reader) subject(k key) (*subject, error) {
	if s, ok := r.f.subjects.m[k]; ok {
		return s, nil
	}
	s := &subject{node: node{key: k}}
	b, err := r.f.load(s)
	if err == nil && b != nil {
		err = s.decode(b)
	}
	return s, err
}

func (r Reader) mail(k key) (*mail, error) {
	if m, ok := r.f.mails.m[k]; ok {
		return m, nil
	}
	m := &mail{node: node{key: k}}
	b, err := r.f.load(m)
	if err == nil && b != nil {
		err = m.decode(b)
	}
	return m, err
}

func (r Reader) decided(t tracker.TenantID) links { return r.f.links[t] }

// Lead returns a lead by its own id, or nil if there is none. It must not be
// changed or kept.
func (r Reader) Lead(t tracker.TenantID, id tracker.LeadID) (*Lead, error) {
	k := key{t, id}
	if l, ok := r.f.leads.m[k]; ok {
		if l.Gone {
			return nil, nil
		}
		return l, nil
	}
	l := &Lead{node: node{key: k}}
	b, err := r.f.load(l)
	if b == nil || err != nil {
		return nil, err
	}
	return l, r.f.decodeLead(l, b)
}

// Resolve returns the id of the lead that an identity belongs to now: ids that
// were superseded keep their meaning.
func (r Reader) Resolve(t tracker.TenantID, id tracker.LeadID) (tracker.LeadID, error) {
	s := &subject{node: node{key: key{t, id}}}
	if id.Kind == tracker.VisitorIdentity {
		var err error
		if s, err = r.subject(s.key); err != nil {
			return id, fmt.Errorf("timeline of %s: %w", id, err)
		}
	}
	var last *run
	if n := len(s.runs); n > 0 {
		last = &s.runs[n-1]
	}
	return owner(r, s, last)
}

// Unsaved returns the tenant's leads that the next checkpoint stores, and those
// that it deletes. What [Bodies] finds afterwards with the first and without the
// second are all there are.
func (r Reader) Unsaved(t tracker.TenantID) (there, gone []tracker.LeadID) {
	for _, d := range r.f.dirty { // nil where a checkpoint under way has been
		switch l, ok := d.(*Lead); {
		case !ok || l.tenant != t:
		case l.Gone:
			gone = append(gone, l.id)
		default:
			there = append(there, l.id)
		}
	}
	return there, gone
}

// History is everything filed for a lead: what is denied, what has not come yet
// and what is beyond the bound too. It is found while the loop holds still and
// read while it goes on, as it was when it was found.
type History struct {
	snap  *storage.Snapshot
	seen  sight
	filed []filed
}

// filed is the part of a history that one subject has.
type filed struct {
	subject *subject // a copy
	mine    func(*Entry, *tracker.Event) bool
	tail    [][]byte // entries that are not stored
	apart   []pair
}

// History finds a lead's history. Who asks reads it, once.
func (r Reader) History(l *Lead) (*History, error) {
	h := &History{seen: r.f.cfg.seen}
	for _, m := range l.Members {
		s, err := r.subject(key{l.tenant, m.Subject})
		if err != nil {
			return nil, err
		}
		own := *s
		own.runs = slices.Clone(s.runs)
		q := filed{subject: &own, apart: r.decided(l.tenant).apartOn(s)}
		if q.mine, err = intervals(r, l, q.subject); err != nil {
			return nil, err
		}
		for ref := s.tail; ref > 0; {
			var b []byte
			b, ref = r.f.arenas.get(ref)
			q.tail = append(q.tail, bytes.Clone(b))
		}
		h.filed = append(h.filed, q)
	}
	h.snap = r.f.snap.Keep()
	return h, nil
}

// Read returns the history in order. After a replay began it is gone, and the
// error is [storage.ErrClosed].
func (h *History) Read() ([]Entry, error) {
	var from Stored
	defer from.Close()
	return h.read(&from, true)
}

// Walked is Read without what is filed but never walked, for many histories one
// after the other: the entries are valid until the next is read.
func (h *History) Walked(from *Stored) ([]Entry, error) { return h.read(from, false) }

// Discard lets go of a history that nobody will read.
func (h *History) Discard() { h.snap.Close() }

func (h *History) read(from *Stored, every bool) ([]Entry, error) {
	defer h.snap.Close()
	from.list, from.rows = from.list[:0], from.rows[:0]
	for i := range h.filed {
		q := &h.filed[i]
		one := visitor(q.subject, q.apart, Place{}, h.seen.of(q.subject), func(n *Entry, e *tracker.Event) error {
			if q.mine(n, e) && (every || scored(q.subject, n, e)) {
				n.Row, from.rows = keep(from.rows, n.Row)
				n.Sealed, from.rows = keep(from.rows, n.Sealed)
				from.list = append(from.list, *n)
			}
			return nil
		})
		for _, b := range q.tail {
			if err := one(b); err != nil {
				return nil, err
			}
		}
		if err := from.scan(h.snap, q.subject, Place{}, one); err != nil {
			return nil, err
		}
	}
	return inOrder(from.list), nil
}

// Facts is what identity knows of a lead.
type Facts struct {
	Identities []tracker.Identity // without values, and without what clicks in mails prove
	Shared     bool               // an e-mail of it came with another user id, too
	Unscored   uint64             // events beyond the bound of a timeline
}

// Facts returns what identity knows of a lead.
func (r Reader) Facts(l *Lead) (Facts, error) {
	var out Facts
	for _, m := range l.Members {
		s, err := r.subject(key{l.tenant, m.Subject})
		if err != nil {
			return out, fmt.Errorf("timeline of %s: %w", m.Subject, err)
		}
		if s.counted > tracker.MaxTimeline {
			out.Unscored += s.counted - tracker.MaxTimeline
		}
		out.add(tracker.Identity{Kind: m.Subject.Kind, Hash: m.Subject.Hash, From: s.first.Time})
		for i := range s.runs {
			q := &s.runs[i]
			if id, err := owner(r, s, q); err != nil {
				return out, err
			} else if id != l.id {
				continue
			}
			if !q.user.IsZero() {
				out.add(tracker.Identity{Kind: tracker.UserIdentity, Hash: q.user, Proved: q.proved || q.provedUser, From: q.first.Time})
			}
			if !q.email.IsZero() {
				out.add(tracker.Identity{Kind: tracker.EmailIdentity, Hash: q.email, Proved: q.proved, From: q.first.Time})
			}
		}
	}
	slices.SortFunc(out.Identities, func(a, b tracker.Identity) int {
		return cmp.Or(cmp.Compare(a.From, b.From), tracker.LeadID{Kind: a.Kind, Hash: a.Hash}.Compare(tracker.LeadID{Kind: b.Kind, Hash: b.Hash}))
	})
	return out, r.share(l, &out)
}

func (r Reader) share(l *Lead, out *Facts) error {
	for _, id := range out.Identities {
		if id.Kind != tracker.EmailIdentity {
			continue
		}
		m, err := r.mail(key{l.tenant, tracker.LeadID{Kind: id.Kind, Hash: id.Hash}})
		if err != nil {
			return err
		}
		out.Shared = out.Shared || m.isShared()
	}
	return nil
}

func (f *Facts) add(id tracker.Identity) {
	for i := range f.Identities {
		if q := &f.Identities[i]; q.Kind == id.Kind && q.Hash == id.Hash {
			q.Proved = q.Proved || id.Proved
			q.From = min(q.From, id.From)
			return
		}
	}
	f.Identities = append(f.Identities, id)
}

// Subjects returns the subjects whose keys seal what a lead holds, for erasure.
func (l *Lead) Subjects() []storage.Subject {
	var out []storage.Subject
	for _, m := range l.Members {
		out = append(out, storage.Subject(appendID(nil, m.Subject)))
	}
	return out
}
