package storage

import (
	"bytes"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// Snapshot is a [Table] as it stood at one moment. Who reads from it waits for
// nobody, whereas a View that begins while Updates commit waits until they are
// done. What it shows stays on disk until it is closed, so it should be renewed
// now and then. Its methods may be called concurrently.
type Snapshot struct {
	kv     *kv
	values *apartValues
	leave  func()     // of values' readers
	b      *badger.DB // kv's when the snapshot was taken
	txn    *badger.Txn
	uses   atomic.Int64 // of the one who took it, and of those who keep it
}

// Snapshot returns the table as it stands. Who took it closes it.
func (t *Table) Snapshot() (s *Snapshot, err error) {
	leave := t.values.enter()
	err = t.kv.use(func(b *badger.DB) error {
		s = &Snapshot{kv: t.kv, values: t.values, leave: leave, b: b, txn: b.NewTransaction(false)}
		s.uses.Store(1)
		return nil
	})
	if err != nil {
		leave()
	}
	return s, err
}

// View calls fn with a transaction that shows the snapshot. If the table was
// closed or wiped since, the error is [ErrClosed].
func (s *Snapshot) View(fn func(*Tx) error) error {
	return s.kv.use(func(b *badger.DB) error {
		if b != s.b {
			return ErrClosed
		}
		return fn(&Tx{txn: s.txn, values: s.values})
	})
}

// Keep returns the snapshot for one more user, who closes it too.
func (s *Snapshot) Keep() *Snapshot {
	s.uses.Add(1)
	return s
}

// Close ends one use; the last one lets go of what the snapshot shows.
func (s *Snapshot) Close() {
	if s.uses.Add(-1) == 0 {
		s.txn.Discard()
		s.leave()
	}
}

// Ranges reads ranges of one space of a snapshot, one after the other. Where a
// range begins behind the one before and not far from it, nothing is searched:
// to find one of a million small ranges costs more than to read it. It is for
// one goroutine, and keeps the snapshot until it is closed.
type Ranges struct {
	snap   *Snapshot
	prefix []byte
	it     *badger.Iterator
	end    []byte // where the last range ended: between it and where it stands is nothing
}

// rangeSteps is how many rows are passed over before the next is searched.
const rangeSteps = 16

// Ranges returns a reader of a tenant's rows in a space.
func (s *Snapshot) Ranges(t Tenant, space byte) *Ranges {
	return &Ranges{snap: s.Keep(), prefix: tableKey(nil, t, space, nil)}
}

// Scan is [Tx.Scan] with from and to given.
func (r *Ranges) Scan(from, to []byte, fn func(k, v []byte) error) error {
	return r.snap.kv.use(func(b *badger.DB) error {
		if b != r.snap.b {
			return ErrClosed
		}
		r.find(from)
		for r.end = nil; r.it.ValidForPrefix(r.prefix); r.it.Next() {
			k := r.it.Item().Key()[tablePrefix:]
			if bytes.Compare(k, to) >= 0 {
				break
			}
			if stop, err := r.snap.values.visit(r.it.Item(), k, fn); stop {
				return err
			}
		}
		r.end = append(r.end, to...)
		return nil
	})
}

// find goes to the first row from a key on.
func (r *Ranges) find(from []byte) {
	if r.it == nil {
		r.it = r.snap.txn.NewIterator(badger.IteratorOptions{Prefix: r.prefix})
	} else if r.end != nil && bytes.Compare(r.end, from) <= 0 {
		for range rangeSteps {
			if !r.it.ValidForPrefix(r.prefix) || bytes.Compare(r.it.Item().Key()[tablePrefix:], from) >= 0 {
				return
			}
			r.it.Next()
		}
	}
	r.it.Seek(append(bytes.Clone(r.prefix), from...))
}

// Close lets go of the snapshot.
func (r *Ranges) Close() {
	if r.it != nil {
		r.it.Close()
	}
	r.snap.Close()
}
