package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// Table is an ordered store of rows keyed by (tenant, space, key): leads/ or
// meta/. All its methods may be called concurrently; concurrent Updates are
// not checked for conflicts, so each row has one writer. The values of two spaces
// of leads/, timelines and leads, lie in files beside the rows.
type Table struct {
	db    *DB
	kv    *kv
	fault string // the name under which tests make its writes fail

	values *apartValues // of some of its spaces; nil = all values lie in their rows

	// meta/ counts its updates in a row of its own and in a high-water file, so
	// that an end of its WAL that a flipped bit made is told from the true one.
	counted bool
	mu      sync.Mutex // held while a counted update commits
	updates uint64     // guarded by mu
	hw      *highWaterFile
}

// updatesKey is the row that counts updates.
var updatesKey = []byte("updates")

// View calls fn with a read-only snapshot.
func (t *Table) View(fn func(*Tx) error) error {
	return t.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		return fn(&Tx{txn: txn, values: t.values})
	})
}

// use is kv.use of who reads values.
func (t *Table) use(fn func(*badger.DB) error) error {
	defer t.values.enter()()
	return t.kv.use(fn)
}

// Update calls fn and commits what it wrote as one atomic transaction; an
// error of fn writes nothing. meta's Update returns after fsync. [ErrTooBig]
// means that the transaction is over [Table.Limit].
func (t *Table) Update(fn func(*Tx) error) error {
	if err := t.db.guard.check(t.db.guard.reserve / 2); err != nil {
		return err
	}
	return t.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		tx := &Tx{txn: txn, values: t.values}
		defer tx.end()
		if err := fn(tx); err != nil {
			return err
		}
		return t.commit(tx)
	})
}

func (t *Table) commit(tx *Tx) error {
	if t.counted {
		t.mu.Lock()
		defer t.mu.Unlock()
		key := tableKey(nil, Tenant{}, SpaceState, updatesKey)
		if err := tx.txn.Set(key, binary.BigEndian.AppendUint64(nil, t.updates+1)); err != nil {
			return tooBig(err)
		}
	}
	return t.db.opts.faultAt(t.fault).of(func() error {
		if tx.writing {
			if err := t.values.sync(); err != nil {
				return fmt.Errorf("update %s: %w", t.kv.name, err)
			}
		}
		if err := tx.txn.Commit(); err != nil { // the commit point
			return fmt.Errorf("update %s: %w", t.kv.name, tooBig(err))
		}
		if t.counted {
			t.updates++
		}
		return nil
	})
}

// open opens the table and refuses one that ends before its high-water mark.
func (t *Table) open() error {
	if t.values != nil {
		if err := t.values.open(); err != nil {
			return err
		}
	}
	if err := t.kv.open(); err != nil || !t.counted {
		return err
	}
	err := t.View(func(tx *Tx) error {
		v, err := tx.Get(Tenant{}, SpaceState, updatesKey)
		if len(v) == 8 {
			t.updates = binary.BigEndian.Uint64(v)
		}
		return err
	})
	if err != nil {
		return err
	}
	name := t.kv.name + ".hwm"
	if t.hw, err = openHighWater(filepath.Join(t.db.dir, name), t.updates == 0, t.db.slog); err != nil {
		return damage(t.db.dir, name, err)
	}
	if mark := t.hw.durable().seq; mark > t.updates {
		return t.kv.corrupt(fmt.Errorf("it holds %d updates, its high-water mark says %d", t.updates, mark))
	}
	return nil
}

// writeHighWater makes the number of updates durable.
func (t *Table) writeHighWater() error {
	t.mu.Lock()
	n := t.updates
	t.mu.Unlock()
	return t.hw.write(n, chainHash{}, t.db.opts.faultAt(WriteHighWater))
}

func (t *Table) close() error {
	var err error
	if t.hw != nil {
		err = errors.Join(t.writeHighWater(), t.hw.f.Close())
	}
	err = errors.Join(err, t.kv.close(false))
	if t.values != nil {
		err = errors.Join(err, t.values.close())
	}
	return err
}

// Limit is how much one Update may write: bytes of keys and values, and rows.
func (t *Table) Limit() (size, rows int64) {
	err := t.kv.use(func(b *badger.DB) error {
		size, rows = b.MaxBatchSize(), b.MaxBatchCount()
		return nil
	})
	if err != nil {
		return 0, 0
	}
	if t.values != nil {
		size = min(size, valueTxBytes)
	}
	return size, rows
}

// Tx is one transaction on a [Table], for one goroutine.
type Tx struct {
	txn     *badger.Txn
	buf     []byte // scratch for the keys of reads
	values  *apartValues
	writing bool // it holds values.writing
}

// end lets others change what lies in files.
func (tx *Tx) end() {
	if tx.writing {
		tx.values.end()
	}
}

// apart returns the files of a space, and begins to change what lies in any; nil if
// the values of the space lie in their rows.
func (tx *Tx) apart(space byte) *valueFiles {
	v := tx.values.of(space)
	if v != nil && !tx.writing {
		tx.values.begin()
		tx.writing = true
	}
	return v
}

// Get returns a row's value, valid until the transaction ends, or nil, nil if
// there is none.
func (tx *Tx) Get(t Tenant, space byte, key []byte) ([]byte, error) {
	tx.buf = tableKey(tx.buf[:0], t, space, key)
	item, err := tx.txn.Get(tx.buf)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	var own []byte
	err = tx.values.read(item, func(v []byte) error {
		own = append([]byte{}, v...)
		return nil
	})
	return own, err
}

// Set writes a row. The transaction keeps neither key nor value. What lies in a
// file, see [Table], can be read after the transaction alone.
func (tx *Tx) Set(t Tenant, space byte, key, value []byte) error {
	k := tableKey(make([]byte, 0, tablePrefix+len(key)), t, space, key)
	v := tx.apart(space)
	if v == nil || len(value) < valueLeast {
		return tooBig(tx.txn.Set(k, bytes.Clone(value)))
	}
	row, err := v.add(k, value)
	if err != nil {
		return err
	}
	return tooBig(tx.txn.SetEntry(row))
}

// Delete removes a row; a row that is not there is no error.
func (tx *Tx) Delete(t Tenant, space byte, key []byte) error {
	tx.apart(space)
	return tooBig(tx.txn.Delete(tableKey(make([]byte, 0, tablePrefix+len(key)), t, space, key)))
}

// ErrStop ends a Scan early without an error.
var ErrStop = errors.New("storage: stop")

// Scan calls fn with the rows of a space with from ≤ key < to in order; nil
// means unbounded. Keys and values are valid until fn returns. fn returns
// [ErrStop] to end early.
func (tx *Tx) Scan(t Tenant, space byte, from, to []byte, fn func(k, v []byte) error) error {
	return tx.scan(t, space, from, to, false, fn)
}

// ScanReverse is Scan from the end: the greatest key below to comes first.
func (tx *Tx) ScanReverse(t Tenant, space byte, from, to []byte, fn func(k, v []byte) error) error {
	return tx.scan(t, space, from, to, true, fn)
}

func (tx *Tx) scan(t Tenant, space byte, from, to []byte, reverse bool, fn func(k, v []byte) error) error {
	prefix := tableKey(nil, t, space, nil)
	// Badger opens the tables alone that may hold the prefix all keys share.
	opts := badger.IteratorOptions{Reverse: reverse, Prefix: append(bytes.Clone(prefix), shared(from, to)...)}
	it := tx.txn.NewIterator(opts)
	defer it.Close()
	switch {
	case !reverse:
		it.Seek(append(bytes.Clone(prefix), from...))
	case to != nil:
		it.Seek(append(bytes.Clone(prefix), to...))
	default: // behind every key of the space
		it.Seek(append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 64)...))
	}
	for ; it.ValidForPrefix(prefix); it.Next() {
		item := it.Item()
		k := item.Key()[tablePrefix:]
		switch {
		case !reverse && to != nil && bytes.Compare(k, to) >= 0:
			return nil
		case reverse && bytes.Compare(k, from) < 0:
			return nil
		case reverse && to != nil && bytes.Compare(k, to) >= 0:
			continue
		}
		if stop, err := tx.values.visit(item, k, fn); stop {
			return err
		}
	}
	return nil
}

// visit shows fn a row; stop ends the scan, with an error or because fn has seen
// enough.
func (a *apartValues) visit(item *badger.Item, k []byte, fn func(k, v []byte) error) (stop bool, err error) {
	err = a.read(item, func(b []byte) error { return fn(k, b) })
	if errors.Is(err, ErrStop) {
		return true, nil
	}
	return err != nil, err
}

// shared is the prefix of every key with from ≤ key < to.
func shared(from, to []byte) []byte {
	n := 0
	for n < len(from) && n < len(to) && from[n] == to[n] {
		n++
	}
	return from[:n]
}

// tooBig names Badger's transaction limit by our sentinel.
func tooBig(err error) error {
	if errors.Is(err, badger.ErrTxnTooBig) {
		return ErrTooBig
	}
	return err
}
