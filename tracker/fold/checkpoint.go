package fold

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
	Sent()  // what Save wrote is on its way to the disk
	Saved() // it is there
}

// Unsaved returns how much a checkpoint would write: records, bytes of
// timelines, and the size of the greatest group, which must fit into one
// transaction.
func (f *Fold) Unsaved() (records, bytes, group int) {
	return f.unsaved, f.arenas.bytes(), f.most
}

// The most that one transaction of a checkpoint takes, under storage.Table.Limit.
// Each waits for the disk once, and the next is sent when it has. A single greater group goes alone, and if even
// that is over the limit, its timelines go ahead of it.
const (
	txRecords = 3000
	txBytes   = 768 << 10
)

// storing is a checkpoint under way.
type storing struct {
	order  []int32 // places in Fold.dirty of what changed before it began
	end    rowList // what its last transaction writes, as it was when it began
	commit *Commit // the transaction on its way to the disk; nil = none
	sent   []sent  // what it holds; nil = end
}

// rowList is rows to be written later; a nil value deletes.
type rowList []row

type row struct {
	tenant     storage.Tenant
	space      byte
	key, value []byte
}

func (l *rowList) Set(t storage.Tenant, space byte, key, value []byte) error {
	*l = append(*l, row{t, space, bytes.Clone(key), append([]byte{}, value...)})
	return nil
}

func (l *rowList) Delete(t storage.Tenant, space byte, key []byte) error {
	*l = append(*l, row{t, space, bytes.Clone(key), nil})
	return nil
}

func (l rowList) write(tx Rows) error {
	for _, r := range l {
		err := error(nil)
		if r.value == nil {
			err = tx.Delete(r.tenant, r.space, r.key)
		} else {
			err = tx.Set(r.tenant, r.space, r.key, r.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Begin begins a checkpoint of what has changed so far; none may be under way.
// [Fold.Store] goes on with it, and more may be applied in between. last is
// called now; what it writes, the cursor, is written in the transaction that
// ends the checkpoint, the commit point of the fold.
//
// Records that one event changed together are stored together, and each
// timeline says up to which record it was filed. So a checkpoint that a crash
// cuts short leaves nothing half done, and records of the log after the cursor
// may be applied again: those that a stored group has met change nothing. That
// is why a group is stored as it is when its turn comes, though it be ahead of
// the cursor.
func (f *Fold) Begin(last func(tx Rows) error) error {
	q := &storing{order: f.inOrder()}
	if err := f.saveWaiting(&q.end); err != nil {
		return err
	}
	if err := last(&q.end); err != nil {
		return err
	}
	f.came, f.went = nil, nil
	f.arenas.turn()
	f.storing = q
	return nil
}

// Storing says whether a checkpoint is under way.
func (f *Fold) Storing() bool { return f.storing != nil }

// Store waits for the transaction that is on its way, if any, and sends the next
// part of the checkpoint under way. done says that there is none: the checkpoint
// has ended. An error of what was sent means that the Fold must be opened again;
// when nothing could be sent, it may be called again.
//
// lock runs what must not meet a reader.
func (f *Fold) Store(update Update, lock func(func() error) error) (done bool, err error) {
	q := f.storing
	if q.commit != nil {
		if ended, err := f.land(lock); ended || err != nil {
			return ended, err
		}
	}
	for len(q.order) > 0 && f.dirty[q.order[0]] == nil { // stored with its group
		q.order = q.order[1:]
	}
	if len(q.order) == 0 {
		if q.commit, err = update(q.end.write); err != nil {
			return false, fmt.Errorf("store cursor: %w", err)
		}
		return false, nil
	}
	if q.commit, q.sent, err = f.sendSome(q.order, update); err != nil {
		return false, err
	}
	return false, lock(f.send)
}

// inOrder returns the places of what is dirty in the order of their keys:
// neighbours in the table are written after each other, which the table's memory
// likes.
func (f *Fold) inOrder() []int32 {
	keys := make([]uint64, 0, f.unsaved)
	for i, r := range f.dirty {
		if r != nil {
			h := &r.base().id.Hash
			keys = append(keys, uint64(binary.BigEndian.Uint32(h[:]))<<32|uint64(i))
		}
	}
	slices.Sort(keys)
	order := make([]int32, len(keys))
	for i, k := range keys {
		order[i] = int32(uint32(k))
	}
	return order
}

// members calls visit with the places of a group.
func (f *Fold) members(of int32, visit func(i int32) error) error {
	for i := of; ; {
		if err := visit(i); err != nil {
			return err
		}
		if i = f.chain[i]; i == of {
			return nil
		}
	}
}

// sendSome sends whole groups from the front of order, as many as fit, and returns
// what it has sent.
func (f *Fold) sendSome(order []int32, update Update) (c *Commit, part []sent, err error) {
	most := txRecords
	if f.cfg.TxRecords > 0 {
		most = f.cfg.TxRecords
	}
	for ahead := false; ; {
		c, err = update(func(tx Rows) (err error) {
			part, err = f.saveGroups(&counter{Rows: tx}, order, most)
			return err
		})
		switch {
		case err == nil:
			return c, part, nil
		case !errors.Is(err, storage.ErrTooBig) || ahead:
			return nil, nil, fmt.Errorf("store leads: %w", err)
		case most > 1:
			most /= 8
		default:
			ahead = true
			if err := f.saveAhead(order[0], update); err != nil {
				return nil, nil, fmt.Errorf("store timelines: %w", err)
			}
		}
	}
}

func (f *Fold) saveGroups(w *counter, order []int32, most int) (part []sent, err error) {
	met := make(map[int32]struct{}) // roots
	for _, i := range order {
		if f.dirty[i] == nil {
			continue
		}
		root := f.root(i)
		if _, is := met[root]; is {
			continue
		}
		if len(part) > 0 && (len(part)+f.groups[root] > most || w.bytes > txBytes) {
			break
		}
		met[root] = struct{}{}
		err := f.members(i, func(j int32) error {
			part = append(part, sentNow(f.dirty[j]))
			return f.save(w, f.dirty[j])
		})
		if err != nil {
			return nil, err
		}
	}
	return part, nil
}

// saveAhead stores the timelines of a group in transactions of their own: a
// visitor may send more between two checkpoints than one transaction takes. A
// crash before the group itself is stored leaves entries that the log tells
// again; entries with the same place are read as one.
func (f *Fold) saveAhead(group int32, update Update) error {
	return f.members(group, func(i int32) error {
		s, ok := f.dirty[i].(*subject)
		if !ok {
			return nil
		}
		es, err := f.unstored(s)
		for len(es) > 0 && err == nil {
			err = update.wait(func(tx Rows) (err error) {
				for w := (&counter{Rows: tx}); len(es) > 0 && w.bytes < txBytes && err == nil; {
					es, err = f.savePart(w, s, es)
				}
				return err
			})
		}
		if err == nil {
			s.ahead = s.tail
		}
		return err
	})
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
		if x := extra(r); x != nil {
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
		b, ref = f.arenas.get(ref)
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

// finish ends a checkpoint and lets the caches shrink.
func (f *Fold) finish(lock func(func() error) error) error {
	f.storing = nil
	err := lock(func() error {
		f.closeRanks()
		f.arenas.empty()
		return nil
	})
	for _, shrink := range []func(int) bool{f.subjects.shrink, f.leads.shrink, f.mails.shrink} {
		for done, more := 0, true; more && err == nil; done += lockRecords {
			err = lock(func() error { more = shrink(done); return nil })
		}
	}
	return err
}

// closeRanks moves what changed since a checkpoint began to the front of dirty.
// Its groups are whole: what was stored of a group was all of it.
func (f *Fold) closeRanks() {
	place := make([]int32, len(f.dirty)) // :: old → new
	n := int32(0)
	for i, r := range f.dirty {
		place[i] = n
		if r != nil {
			n++
		}
	}
	group := make([]int32, n)
	f.most = 0
	for i, r := range f.dirty {
		if r == nil {
			continue
		}
		j := place[i]
		r.base().dirty = j + 1
		group[j] = place[f.root(int32(i))]
		f.dirty[j], f.chain[j], f.groups[j] = r, place[f.chain[i]], f.groups[i]
		if group[j] == j {
			f.most = max(f.most, f.groups[j])
		}
	}
	clear(f.dirty[n:])
	f.dirty, f.chain, f.groups, f.group = f.dirty[:n], f.chain[:n], f.groups[:n], group
}

// lockRecords is how many records are looked at under one hold of the lock:
// readers wait about half a millisecond at most.
const lockRecords = 4096

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
