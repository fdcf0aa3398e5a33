package storage

import (
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// Snapshot is a [Table] as it stood at one moment. Who reads from it waits for
// nobody, whereas a View that begins while Updates commit waits until they are
// done. What it shows stays on disk until it is closed, so it should be renewed
// now and then. Its methods may be called concurrently.
type Snapshot struct {
	kv   *kv
	b    *badger.DB // kv's when the snapshot was taken
	txn  *badger.Txn
	uses atomic.Int64 // of the one who took it, and of those who keep it
}

// Snapshot returns the table as it stands. Who took it closes it.
func (t *Table) Snapshot() (s *Snapshot, err error) {
	err = t.kv.use(func(b *badger.DB) error {
		s = &Snapshot{kv: t.kv, b: b, txn: b.NewTransaction(false)}
		s.uses.Store(1)
		return nil
	})
	return s, err
}

// View calls fn with a transaction that shows the snapshot. If the table was
// closed or wiped since, the error is [ErrClosed].
func (s *Snapshot) View(fn func(*Tx) error) error {
	return s.kv.use(func(b *badger.DB) error {
		if b != s.b {
			return ErrClosed
		}
		return fn(&Tx{txn: s.txn})
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
	}
}
