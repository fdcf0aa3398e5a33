package fold

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// What retention does to timelines. A carried event is the same event at the
// same place, in a record that is kept longer: if it is filed already, its entry
// is only filed once more under the new sequence, which then stands for both.
// A drop takes the entries of earlier records away; the heads of the timelines
// they stood in are computed again from what is left. So both are functions of
// the set of records that are kept, as everything here is.

// unpack puts carried events in the place of the records that hold them.
func (f *Fold) unpack(recs []storage.Record) ([]storage.Record, error) {
	isCarry := func(r storage.Record) bool { return r.Kind == storage.KindCarry }
	if !slices.ContainsFunc(recs, isCarry) {
		return recs, nil
	}
	f.carried = append(f.carried[:0], recs...)
	for i := range f.carried {
		r := &f.carried[i]
		if !isCarry(*r) {
			continue
		}
		c, err := tracker.DecodeCarry(r.Row)
		if err != nil {
			return nil, fmt.Errorf("fold record %d: %w", r.Seq, err)
		}
		if c.Row == nil {
			r.Kind = storage.KindControl // not for timelines
			continue
		}
		r.Row, r.Received = c.Row, c.Received
	}
	return f.carried, nil
}

// refile gives a carried event's entry its new sequence, if it is filed.
func (f *Fold) refile(s *subject, p Place, e *tracker.Event, rec *storage.Record) (found bool, err error) {
	if found, err = f.stands(s, p); !found || err != nil {
		return false, err
	}
	f.mark(s)
	f.store(s, e, rec)
	s.applied = max(s.applied, rec.Seq)
	return true, nil
}

// stands says that there is an entry at a place.
func (f *Fold) stands(s *subject, p Place) (found bool, err error) {
	if s.filed == 0 || s.last.Less(p) {
		return false, nil
	}
	var e tracker.Event
	one := func(b []byte) error {
		n, err := readEntry(b, s.id, &e)
		found = found || err == nil && n.Place == p && f.cfg.seen.of(s).shows(&n, &e)
		return err
	}
	for ref := s.tail; ref > 0; {
		var b []byte
		b, ref = f.arenas.get(ref)
		if err := one(b); err != nil {
			return false, err
		}
	}
	from, to := appendID(nil, s.id), appendID(nil, s.id)
	err = f.cfg.Table.View(func(tx *storage.Tx) error {
		return tx.Scan(s.tenant, storage.SpaceTimeline, sortable(from, p.Time-partSpan), sortable(to, p.Time+1), func(_, v []byte) error {
			return eachEntry(v, one)
		})
	})
	return found, err
}

// eachEntry calls visit with the entries of a part.
func eachEntry(part []byte, visit func(b []byte) error) error {
	r := reader{b: part}
	r.versions(partVersion)
	for len(r.b) > 0 && r.err == nil {
		if err := visit(r.bytes(r.uvarint())); err != nil {
			return err
		}
	}
	return r.err
}

// Drop takes away what timelines hold of records before a sequence, except what
// was carried, and returns the leads it touched; see [Fold.Apply]. at is the
// record that asks for it. Reads no longer see the entries; [Fold.Sweep]
// removes them.
func (f *Fold) Drop(t tracker.TenantID, subjects []tracker.LeadID, before, at uint64, now int64) ([]Touch, error) {
	f.begin(nil, now)
	f.at, f.cfg.seen.floor = at, max(f.cfg.seen.floor, before)
	f.forgetWaiting(before)
	for _, id := range subjects {
		if err := f.drop(key{t, id}); err != nil {
			return nil, fmt.Errorf("drop events of %s: %w", id, err)
		}
	}
	return f.touches, nil
}

// forgetWaiting lets go of the events before a sequence whose time has not
// come; what is carried of them waits under its new sequence.
func (f *Fold) forgetWaiting(before uint64) {
	f.waiting = slices.DeleteFunc(f.waiting, func(w waiter) bool {
		if w.seq < before {
			f.went = append(f.went, w)
			return true
		}
		return false
	})
	heap.Init(&f.waiting)
}

func (f *Fold) drop(k key) error {
	s, err := f.subject(k)
	if err != nil || s.filed == 0 {
		return err
	}
	was := s.filed
	if err := f.recount(s); err != nil {
		return err
	}
	anonymous := len(s.runs) == 0 && k.id.Kind == tracker.VisitorIdentity
	if s.filed == was && !anonymous {
		return nil // all of it was carried
	}
	f.mark(s)
	s.applied, s.lead = max(s.applied, f.at), nil
	if s.counted == 0 {
		return f.vanish(s)
	}
	// The lead is there: leadsOf must not take it for a new one.
	if _, err := f.Lead(k.tenant, k.id); err != nil {
		return err
	}
	ls, err := f.leadsOf(nil, s)
	for _, l := range ls {
		f.union(s, l)
		l.join(s, s.last.Time)
		f.rewalk(l, Place{})
	}
	return err
}

// vanish ends the lead of a visitor of whom nothing is left.
func (f *Fold) vanish(s *subject) error {
	l, err := f.Lead(s.tenant, f.links[s.tenant].rootOf(s.id))
	if err != nil || l == nil {
		return err
	}
	f.union(s, l)
	f.touch(l)
	if l.leave(s); len(l.Members) > 0 { // it was joined with others
		f.rewalk(l, Place{})
		return nil
	}
	l.Gone, l.Members = true, nil
	return nil
}

// recount computes what a head says of its entries from the entries.
func (f *Fold) recount(s *subject) error {
	var all, counted []Place
	err := f.scan(s, Place{}, func(n *Entry, e *tracker.Event) error {
		all = append(all, n.Place)
		if e.Walks() {
			counted = append(counted, n.Place)
		}
		return nil
	})
	if err != nil {
		return err
	}
	order := func(ps []Place) []Place {
		slices.SortFunc(ps, Place.Compare)
		return slices.Compact(ps)
	}
	all, counted = order(all), order(counted)
	s.filed, s.counted = uint64(len(all)), uint64(len(counted))
	s.first, s.last, s.limit = Place{}, Place{}, Place{}
	if len(all) > 0 {
		s.last = all[len(all)-1]
	}
	if len(counted) > 0 {
		s.first = counted[0]
	}
	if len(counted) >= tracker.MaxTimeline {
		s.limit = counted[tracker.MaxTimeline-1]
	}
	return nil
}

// sweepBytes bounds a transaction of Sweep.
const sweepBytes = 1 << 20

// rewrite is a part as it is to be; nil = not at all.
type rewrite struct{ key, value []byte }

// Sweep removes from storage what Drop took from view. It may be cut short at
// any point, and done again.
func (f *Fold) Sweep(t tracker.TenantID, subjects []tracker.LeadID, update func(func(tx Rows) error) error) error {
	var todo []rewrite
	size := 0
	for _, id := range subjects {
		from := len(todo)
		var err error
		if todo, err = f.leftovers(todo, t, id); err != nil {
			return err
		}
		for _, w := range todo[from:] {
			size += len(w.key) + len(w.value) + 64
		}
		if size > sweepBytes {
			if err := writeAll(todo, t, update); err != nil {
				return err
			}
			todo, size = todo[:0], 0
		}
	}
	return writeAll(todo, t, update)
}

// writeAll writes parts anew, in as many transactions as it takes.
func writeAll(todo []rewrite, t tracker.TenantID, update func(func(tx Rows) error) error) error {
	for len(todo) > 0 {
		n := 0
		err := update(func(tx Rows) error {
			size := 0
			for n = 0; n < len(todo) && n < txRecords && size < sweepBytes; n++ {
				w := &todo[n]
				size += len(w.value)
				if w.value == nil {
					if err := tx.Delete(t, storage.SpaceTimeline, w.key); err != nil {
						return err
					}
				} else if err := tx.Set(t, storage.SpaceTimeline, w.key, w.value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		todo = todo[n:]
	}
	return nil
}

// leftovers appends the parts of a timeline that hold entries out of view, or what
// of an entry is.
func (f *Fold) leftovers(dst []rewrite, t tracker.TenantID, id tracker.LeadID) ([]rewrite, error) {
	lo := appendID(nil, id)
	hi := append(bytes.Clone(lo), bytes.Repeat([]byte{0xff}, 17)...)
	s, err := f.subject(key{t, id})
	if err != nil {
		return nil, err
	}
	seen := f.cfg.seen.of(s)
	var e tracker.Event
	err = f.cfg.Table.View(func(tx *storage.Tx) error {
		return tx.Scan(t, storage.SpaceTimeline, lo, hi, func(k, v []byte) error {
			kept, gone := []byte{partVersion}, false
			err := eachEntry(v, func(b []byte) error {
				n, err := readEntry(b, id, &e)
				if err != nil {
					return err
				}
				was := n.Personal
				if !seen.shows(&n, &e) {
					gone = true
					return nil
				}
				if n.Personal != was {
					b, gone = appendEntry(nil, n.Seq, n.Received, n.Row), true
				}
				kept = append(binary.AppendUvarint(kept, uint64(len(b))), b...)
				return nil
			})
			if !gone || err != nil {
				return err
			}
			if len(kept) == 1 {
				kept = nil
			}
			dst = append(dst, rewrite{bytes.Clone(k), kept})
			return nil
		})
	})
	return dst, err
}

// Standing is what retention asks of a subject.
type Standing struct {
	Anonymous bool   // a visitor that nobody knows, and that nobody joined with a person
	Erased    uint64 // records before this one were erased; 0 = none
}

// Standing returns what retention asks of a subject.
func (r Reader) Standing(t tracker.TenantID, id tracker.LeadID) (Standing, error) {
	s, err := r.subject(key{t, id})
	if err != nil {
		return Standing{}, err
	}
	known := id.Kind != tracker.VisitorIdentity || len(s.runs) > 0 || r.decided(t).rootOf(id).Kind != tracker.VisitorIdentity
	return Standing{!known, s.floor}, nil
}
