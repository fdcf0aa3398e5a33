package storage

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// Table is an ordered store of rows keyed by (tenant, space, key): leads/ or
// meta/. All its methods may be called concurrently; concurrent Updates are
// not checked for conflicts, so each row has one writer.
type Table struct {
	db     *DB
	kv     *kv
	synced bool
	fault  string // the name under which tests make its writes fail
}

// View calls fn with a read-only snapshot.
func (t *Table) View(fn func(*Tx) error) error {
	return t.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		return fn(&Tx{txn: txn})
	})
}

// Update calls fn and commits what it wrote as one atomic transaction; an
// error of fn writes nothing. meta's Update returns after fsync. [ErrTooBig]
// means that the transaction is over [Table.Limit].
func (t *Table) Update(fn func(*Tx) error) error {
	if err := t.db.guard.check(t.db.guard.reserve / 2); err != nil {
		return err
	}
	return t.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		if err := fn(&Tx{txn: txn}); err != nil {
			return err
		}
		fault := t.db.opts.faultAt(t.fault)
		if fault == FaultLost {
			return errFault
		}
		if err := txn.Commit(); err != nil { // the commit point
			return fmt.Errorf("update %s: %w", t.kv.name, tooBig(err))
		}
		if fault == FaultReported {
			return errFault
		}
		return nil
	})
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
	return size, rows
}

// Tx is one transaction on a [Table], for one goroutine.
type Tx struct {
	txn *badger.Txn
	buf []byte // scratch for the keys of reads
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
	v, err := item.ValueCopy(nil)
	if v == nil && err == nil {
		v = []byte{}
	}
	return v, err
}

// Set writes a row. The transaction keeps neither key nor value.
func (tx *Tx) Set(t Tenant, space byte, key, value []byte) error {
	k := tableKey(make([]byte, 0, tablePrefix+len(key)), t, space, key)
	return tooBig(tx.txn.Set(k, bytes.Clone(value)))
}

// Delete removes a row; a row that is not there is no error.
func (tx *Tx) Delete(t Tenant, space byte, key []byte) error {
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
	opts := badger.IteratorOptions{Reverse: reverse, Prefix: prefix}
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
		err := item.Value(func(v []byte) error { return fn(k, v) })
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tooBig names Badger's transaction limit by our sentinel.
func tooBig(err error) error {
	if errors.Is(err, badger.ErrTxnTooBig) {
		return ErrTooBig
	}
	return err
}
