package fold

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// Rows is where a checkpoint writes: one transaction on leads/.
type Rows interface {
	Set(t storage.Tenant, space byte, key, value []byte) error
	Delete(t storage.Tenant, space byte, key []byte) error
}

// Extra is a [Body] that keeps rows of its own beside the lead; they are
// written in the same transaction.
type Extra interface {
	Save(tx Rows, l *Lead) error
	Saved()
}

// Unsaved returns how much a checkpoint would write: records, bytes of
// timelines, and the size of the greatest group, which must fit into one
// transaction.
func (f *Fold) Unsaved() (records, bytes, group int) {
	return len(f.dirty), f.arena.bytes, f.most
}

// The most that one transaction of a checkpoint takes, well under
// storage.Table.Limit. A single greater group goes alone, and if even that is
// over the limit, its timelines go ahead of it.
const (
	txRecords = 4000
	txBytes   = 512 << 10
)

// Checkpoint stores what changed. Records that one event changed together are
// stored together, and each timeline says up to which record it was filed; so
// a checkpoint that a crash cuts short leaves nothing half done, and the
// records from the old cursor on may be applied again: those of a stored group
// change nothing. last is called in the transaction that ends it, for the
// cursor. The commit point of the fold is that transaction.
//
// update runs a transaction; lock runs what must not meet a reader.
func (f *Fold) Checkpoint(last func(tx Rows) error, update func(func(tx Rows) error) error, lock func(func() error) error) error {
	order := f.inGroups()
	for len(order) > 0 {
		n, err := f.saveSome(order, update)
		if err != nil {
			return err
		}
		order = order[n:]
	}
	err := update(func(tx Rows) error {
		if err := f.saveWaiting(tx); err != nil {
			return err
		}
		return last(tx)
	})
	if err != nil {
		return fmt.Errorf("store cursor: %w", err)
	}
	return f.saved(lock)
}

// inGroups returns what is dirty, a group together, the groups in the order of
// their keys: neighbours in the table are written after each other, which the
// table's memory likes. An element is the group's place and that in dirty.
func (f *Fold) inGroups() []uint64 {
	order := make([]uint64, len(f.dirty))
	for i, r := range f.dirty {
		h := &r.base().id.Hash
		order[i] = uint64(binary.BigEndian.Uint32(h[:]))<<32 | uint64(i)
	}
	slices.Sort(order)
	place := make([]uint32, len(f.dirty)) // :: root → the group's place plus one
	groups := uint32(0)
	for n, o := range order {
		root := f.root(int32(uint32(o)))
		if place[root] == 0 {
			groups++
			place[root] = groups
		}
		order[n] = uint64(place[root])<<32 | o&math.MaxUint32
	}
	slices.Sort(order)
	return order
}

// saveSome stores whole groups from the front of order, as many as fit.
func (f *Fold) saveSome(order []uint64, update func(func(tx Rows) error) error) (n int, err error) {
	most := txRecords
	if f.cfg.TxRecords > 0 {
		most = f.cfg.TxRecords
	}
	for ahead := false; ; {
		err = update(func(tx Rows) error {
			w := &counter{Rows: tx}
			for n = 0; n < len(order); {
				end := n + 1
				for end < len(order) && order[end]>>32 == order[n]>>32 {
					end++
				}
				if n > 0 && (end > most || w.bytes > txBytes) {
					return nil
				}
				for ; n < end; n++ {
					if err := f.save(w, f.dirty[uint32(order[n])]); err != nil {
						return err
					}
				}
			}
			return nil
		})
		switch {
		case err == nil:
			return n, nil
		case !errors.Is(err, storage.ErrTooBig) || ahead:
			return 0, fmt.Errorf("store leads: %w", err)
		case most > 1:
			most /= 8
		default:
			ahead = true
			if err := f.saveAhead(order, update); err != nil {
				return 0, fmt.Errorf("store timelines: %w", err)
			}
		}
	}
}

// saveAhead stores the timelines of the first group in transactions of their
// own: a visitor may send more between two checkpoints than one transaction
// takes. A crash before the group itself is stored leaves entries that the log
// tells again; entries with the same place are read as one.
func (f *Fold) saveAhead(order []uint64, update func(func(tx Rows) error) error) error {
	for _, o := range order {
		s, ok := f.dirty[uint32(o)].(*subject)
		if o>>32 != order[0]>>32 {
			return nil
		}
		if !ok {
			continue
		}
		es, err := f.unstored(s)
		for len(es) > 0 && err == nil {
			err = update(func(tx Rows) (err error) {
				for w := (&counter{Rows: tx}); len(es) > 0 && w.bytes < txBytes && err == nil; {
					es, err = f.savePart(w, s, es)
				}
				return err
			})
		}
		if err != nil {
			return err
		}
		s.ahead = s.tail
	}
	return nil
}

// counter counts what a transaction writes.
type counter struct {
	Rows
	bytes int
}

func (c *counter) Set(t storage.Tenant, space byte, key, value []byte) error {
	c.bytes += len(key) + len(value)
	return c.Rows.Set(t, space, key, value)
}

func (f *Fold) save(tx Rows, r record) error {
	n := r.base()
	var id [17]byte
	k := appendID(id[:0], n.id)
	switch r := r.(type) {
	case *subject:
		if err := f.saveTail(tx, r); err != nil {
			return err
		}
	case *Lead:
		if x, ok := r.Body.(Extra); ok {
			if err := x.Save(tx, r); err != nil {
				return err
			}
		}
	}
	f.value = f.value[:0]
	v := r.append(f.value)
	if v == nil {
		return tx.Delete(n.tenant, r.space(), k)
	}
	f.value = v
	return tx.Set(n.tenant, r.space(), k, v)
}

// saveTail writes the entries that came since the last checkpoint.
func (f *Fold) saveTail(tx Rows, s *subject) error {
	es, err := f.unstored(s)
	for len(es) > 0 && err == nil {
		es, err = f.savePart(tx, s, es)
	}
	return err
}

// unstored returns the entries that came since the last checkpoint, in order;
// the row of each is the whole entry. They are valid until the next call.
func (f *Fold) unstored(s *subject) ([]Entry, error) {
	var e tracker.Event
	es := f.tail[:0]
	for ref := s.tail; ref != s.ahead; {
		var b []byte
		b, ref = f.arena.get(ref)
		n, err := readEntry(b, s.id, &e)
		if err != nil {
			return nil, err
		}
		n.Row = b
		es = append(es, n)
	}
	f.tail = es
	slices.Reverse(es)
	return inOrder(es), nil
}

// savePart writes the first part of the entries and returns the others.
func (f *Fold) savePart(tx Rows, s *subject, es []Entry) ([]Entry, error) {
	f.value = append(f.value[:0], partVersion)
	n := 0
	for n < len(es) && es[n].Time-es[0].Time <= partSpan && len(f.value) < partBytes {
		f.value = binary.AppendUvarint(f.value, uint64(len(es[n].Row)))
		f.value = append(f.value, es[n].Row...)
		n++
	}
	k := sortable(appendID(nil, s.id), es[0].Time)
	k = binary.BigEndian.AppendUint64(k, es[0].Seq)
	return es[n:], tx.Set(s.tenant, storage.SpaceTimeline, k, f.value)
}

// lockRecords is how many records are looked at under one hold of the lock:
// readers wait about half a millisecond at most.
const lockRecords = 4096

// saved forgets what was to be stored and lets the caches shrink. A reader in
// between finds some entries both in the table and in the arena, and takes them
// for one.
func (f *Fold) saved(lock func(func() error) error) error {
	snap, err := f.cfg.Table.Snapshot()
	if err != nil {
		return err
	}
	f.stored.Close()
	err = lock(func() error {
		f.snap.Close()
		f.snap = snap
		return nil
	})
	if err != nil {
		return err
	}
	for rest := f.dirty; len(rest) > 0; {
		n := min(lockRecords, len(rest))
		if err := lock(func() error { f.clean(rest[:n]); return nil }); err != nil {
			return err
		}
		rest = rest[n:]
	}
	err = lock(func() error {
		f.dirty, f.group, f.groups, f.most = f.dirty[:0], f.group[:0], f.groups[:0], 0
		f.came, f.went = nil, nil
		f.arena.reset()
		return nil
	})
	for _, shrink := range []func(int) bool{f.subjects.shrink, f.leads.shrink, f.mails.shrink} {
		for done, more := 0, true; more && err == nil; done += lockRecords {
			err = lock(func() error { more = shrink(done); return nil })
		}
	}
	return err
}

func (f *Fold) clean(records []record) {
	for i, r := range records {
		r.base().dirty = 0
		switch r := r.(type) {
		case *subject:
			r.tail, r.ahead, r.stored = 0, 0, r.last
			f.subjects.weigh(r)
		case *mail:
			f.mails.weigh(r)
		case *Lead:
			if x, ok := r.Body.(Extra); ok {
				x.Saved()
			}
			f.leads.weigh(r)
			if r.Gone {
				f.leads.forget(r)
			}
		}
		records[i] = nil
	}
}

// Bodies calls visit with the stored body of every lead of a tenant, in the
// order of ids, from an id on. The bytes are valid until visit returns.
func Bodies(table *storage.Table, t tracker.TenantID, from tracker.LeadID, visit func(id tracker.LeadID, body []byte) error) error {
	var lo []byte
	if !from.IsZero() {
		lo = appendID(nil, from)
	}
	return table.View(func(tx *storage.Tx) error {
		return tx.Scan(t, storage.SpaceLead, lo, nil, func(k, v []byte) error {
			r := reader{b: k}
			id := r.id()
			body, _, err := bodyOf(v)
			if err = errors.Join(r.err, err); err != nil {
				return fmt.Errorf("lead %s: %w", id, err)
			}
			return visit(id, body)
		})
	})
}
