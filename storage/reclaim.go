package storage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Retention and erasure remove rows whose values stay in their files. Now and then
// the rows are counted: files that none names are removed, and what is left of one
// that is mostly unnamed moves behind the newest.

// reclaimEvery is how often. It costs an iteration over the rows, not the values.
const reclaimEvery = 6 * time.Hour

// keepReclaiming frees space that no value needs any more.
func (l *badgerLog) keepReclaiming() {
	l.repeat(reclaimEvery, func() {
		if _, err := l.db.leads.reclaim(l.stopping); err != nil && !errors.Is(err, ErrClosed) {
			l.db.slog.Warn("storage: values that are no longer needed stay on disk for now", "err", err)
		}
	})
}

// reclaim returns how many files it removed. The files cannot be wiped meanwhile.
func (t *Table) reclaim(stopping func() bool) (removed int, err error) {
	v := t.values
	v.forgetGone()
	v.writing.Lock()
	last := v.at.file
	v.writing.Unlock()
	err = t.kv.use(func(b *badger.DB) error {
		live := make(map[uint32]int64) // :: file → bytes of values that rows name
		err := t.eachPlace(b, stopping, func(_ []byte, p valuePlace) error {
			live[p.file] += int64(p.size)
			return nil
		})
		if err != nil {
			return err
		}
		entries, err := os.ReadDir(v.dir)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		for _, e := range entries {
			n, bad := strconv.ParseUint(e.Name(), 10, 32)
			info, gone := e.Info()
			file := uint32(n)
			if bad != nil || gone != nil || file >= last || 2*live[file] > info.Size() {
				continue
			}
			if live[file] > 0 {
				if err := t.moveValues(b, file, stopping); err != nil {
					return err
				}
			}
			if err := v.remove(file); err != nil {
				return err
			}
			removed++
		}
		return err
	})
	return removed, err
}

// errStopping ends what is done in the background when the directory closes.
var errStopping = fmt.Errorf("cut short: %w", ErrClosed)

// eachPlace calls visit with the rows whose values lie in files.
func (t *Table) eachPlace(b *badger.DB, stopping func() bool, visit func(key []byte, p valuePlace) error) error {
	txn := b.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if item.UserMeta() != metaValue {
			continue
		}
		if stopping() {
			return errStopping
		}
		err := item.Value(func(row []byte) error {
			p, err := parsePlace(row)
			if err != nil {
				return t.values.corrupt("", err)
			}
			return visit(item.Key(), p)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moveBytes bounds one transaction of moved values.
const moveBytes = 256 << 10

// moveValues moves what rows name of a file behind the newest values.
func (t *Table) moveValues(b *badger.DB, file uint32, stopping func() bool) error {
	var keys [][]byte
	size := 0
	flush := func() error {
		err := t.moveSome(b, keys, file)
		keys, size = keys[:0], 0
		return err
	}
	err := t.eachPlace(b, stopping, func(key []byte, p valuePlace) error {
		if p.file != file {
			return nil
		}
		keys = append(keys, append([]byte(nil), key...))
		if size += p.size; size < moveBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// moveSome moves the values of rows, as they are when nobody else changes them.
func (t *Table) moveSome(b *badger.DB, keys [][]byte, file uint32) error {
	if err := t.db.guard.check(t.db.guard.reserve / 2); err != nil {
		return err
	}
	v := t.values
	v.begin()
	defer v.writing.Unlock()
	txn := b.NewTransaction(true)
	defer txn.Discard()
	for _, key := range keys {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		var p valuePlace
		if item.UserMeta() == metaValue {
			err = item.Value(func(row []byte) (err error) { p, err = parsePlace(row); return err })
		}
		if err != nil {
			return err
		}
		if p.file != file {
			continue
		}
		err = v.read(item, func(value []byte) error {
			row, err := v.add(key, value)
			if err != nil {
				return err
			}
			return txn.SetEntry(row)
		})
		if err != nil {
			return err
		}
	}
	if err := v.sync(); err != nil {
		return err
	}
	return txn.Commit() // the commit point
}

// remove removes a file. Snapshots that name it read it until the next reclaim.
func (v *valueFiles) remove(file uint32) error {
	if _, err := v.file(file, false); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone = append(v.gone, file)
	return os.Remove(v.name(file))
}

// forgetGone lets go of the files that the last reclaim removed.
func (v *valueFiles) forgetGone() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, file := range v.gone {
		_ = v.files[file].Close() // only read
		delete(v.files, file)
	}
	v.gone = nil
}
