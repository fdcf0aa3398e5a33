package storage

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Retention and erasure remove rows whose values stay in their files, and joined
// blocks leave behind what they are made of. Now and then the rows are counted: files
// that none names are removed, and what is left of one that is mostly unnamed moves
// behind the newest.

// reclaimEvery is how often. It costs an iteration over the rows, not the values.
// Where rows are written anew all the time it comes when as much was written as
// lives, so that the files take three times that at most.
const (
	reclaimEvery = 6 * time.Hour
	reclaimLook  = 10 * time.Second
	churnBytes   = 16 << 20 // of one file, and of what is too little to look for
)

// keepReclaiming frees space that no value needs any more.
func (l *diskLog) keepReclaiming() {
	t := l.db.leads
	l.repeat(reclaimLook, func() {
		for _, v := range t.values.kinds {
			if !t.values.due(v) {
				continue
			}
			if _, err := t.reclaim(v, l.stopping); err != nil && !errors.Is(err, ErrClosed) {
				l.db.slog.Warn("storage: values that are no longer needed stay on disk for now", "err", err)
			}
		}
	})
}

// due says that it is time to look for space that no value needs any more.
func (a *apartValues) due(v *valueFiles) bool {
	a.reclaiming.Lock()
	defer a.reclaiming.Unlock()
	return time.Since(v.reclaimed) > reclaimEvery || v.churn && v.since.Load() > max(v.live, churnBytes)
}

// reclaimSoon frees space of blocks: now, or at the next time; maintain is held.
func (l *diskLog) reclaimSoon() {
	if _, err := l.reclaimBlocks(); err != nil && !errors.Is(err, ErrClosed) {
		l.db.slog.Warn("storage: blocks that are no longer needed stay on disk for now", "err", err)
	}
}

// reclaim returns how many files it removed. The files cannot be wiped meanwhile.
func (t *Table) reclaim(v *valueFiles, stopping func() bool) (removed int, err error) {
	t.values.reclaiming.Lock()
	defer t.values.reclaiming.Unlock()
	v.forgetGone(t.values.readers.oldest())
	t.values.writing.Lock()
	before := v.next().file
	t.values.writing.Unlock()
	v.since.Store(0)
	v.reclaimed = time.Now()
	err = t.kv.use(func(b *badger.DB) error {
		live := make(map[uint32]int64) // :: file → bytes of values that rows name
		total := int64(0)
		err := t.eachPlace(b, v, stopping, func(_ []byte, p filePlace) error {
			live[p.file] += int64(p.size)
			total += int64(p.size)
			return nil
		})
		if err != nil {
			return err
		}
		v.live = total
		files, err := v.unneeded(before, live)
		for _, file := range files {
			if live[file] > 0 {
				if err := t.moveValues(b, v, file, stopping); err != nil {
					return err
				}
			}
			if err := v.remove(file, t.values.readers.turn()); err != nil {
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

// eachPlace calls visit with the rows whose values lie in v.
func (t *Table) eachPlace(b *badger.DB, v *valueFiles, stopping func() bool, visit func(key []byte, p filePlace) error) error {
	txn := b.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); {
		item := it.Item()
		k := item.Key()
		switch {
		case len(k) < tablePrefix || k[8] < v.space:
			it.Seek(tableKey(nil, padTenant(k), v.space, nil))
			continue
		case k[8] > v.space && k[8] < 0xff:
			it.Seek(tableKey(nil, padTenant(k), 0xff, nil)) // the next tenant
			continue
		case stopping():
			return errStopping
		}
		if item.UserMeta() == v.mark {
			err := item.Value(func(row []byte) error {
				p, err := parsePlace(row)
				if err != nil {
					return v.corrupt("", err)
				}
				return visit(k, p)
			})
			if err != nil {
				return err
			}
		}
		it.Next()
	}
	return nil
}

// moveBytes bounds one transaction of moved values.
const moveBytes = 256 << 10

// moveValues moves what rows name of a file behind the newest values.
func (t *Table) moveValues(b *badger.DB, v *valueFiles, file uint32, stopping func() bool) error {
	var keys [][]byte
	size := 0
	flush := func() error {
		err := t.moveSome(b, v, keys, file)
		keys, size = keys[:0], 0
		return err
	}
	err := t.eachPlace(b, v, stopping, func(key []byte, p filePlace) error {
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
func (t *Table) moveSome(b *badger.DB, v *valueFiles, keys [][]byte, file uint32) error {
	if err := t.db.guard.check(t.db.guard.reserve / 2); err != nil {
		return err
	}
	t.values.begin()
	defer t.values.end()
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
		var p filePlace
		if item.UserMeta() == v.mark {
			err = item.Value(func(row []byte) (err error) { p, err = parsePlace(row); return err })
		}
		if err != nil {
			return err
		}
		if p.file != file {
			continue
		}
		err = t.values.read(item, func(value []byte) error {
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
	if err := t.values.sync(); err != nil {
		return err
	}
	return txn.Commit() // the commit point
}

// reclaimBlocks returns how many files of blocks it removed; maintain is held.
func (l *diskLog) reclaimBlocks() (removed int, err error) {
	f := l.blocks
	before := map[*dataFiles]uint32{&f.hot: f.needed(), &f.cold: f.cold.next().file}
	err = l.kv.use(func(b *badger.DB) error {
		live := map[*dataFiles]map[uint32]int64{&f.hot: {}, &f.cold: {}} // :: bytes that rows name
		err := l.eachBlock(b, func(_ []byte, d *dataFiles, p filePlace) error {
			live[d][p.file] += int64(p.size)
			return nil
		})
		if err != nil {
			return err
		}
		for d := range before {
			d.forgetGone(math.MaxUint64) // who reads a block is done with it by now
			files, err := d.unneeded(before[d], live[d])
			if err != nil {
				return err
			}
			for _, file := range files {
				if live[d][file] > 0 {
					if err := l.moveBlocks(b, d, file); err != nil {
						return err
					}
				}
				if err := d.remove(file, 0); err != nil {
					return err
				}
				removed++
			}
		}
		return nil
	})
	return removed, err
}

// eachBlock calls visit with the rows whose blocks lie in files.
func (l *diskLog) eachBlock(b *badger.DB, visit func(key []byte, d *dataFiles, p filePlace) error) error {
	txn := b.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: logKey(0, logBlock)})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if it.Item().UserMeta() == 0 {
			continue
		}
		if l.stopping() {
			return errStopping
		}
		d, p, err := l.blocks.placeOf(it.Item())
		if err != nil {
			return l.kv.corrupt(err)
		}
		if err := visit(it.Item().Key(), d, p); err != nil {
			return err
		}
	}
	return nil
}

// moveBlocks moves what rows name of a file behind the newest blocks of cold.
func (l *diskLog) moveBlocks(b *badger.DB, d *dataFiles, file uint32) error {
	if err := l.db.guard.check(l.db.guard.reserve); err != nil {
		return err
	}
	txn := b.NewTransaction(true)
	defer func() { txn.Discard() }()
	l.blocks.beginCold()
	err := l.eachBlock(b, func(key []byte, from *dataFiles, p filePlace) error {
		if from != d || p.file != file {
			return nil
		}
		v, err := d.load(p)
		if err == nil {
			err = l.blocks.setCold(txn, append([]byte(nil), key...), v)
		}
		if err != nil || len(l.blocks.out) < coldTxn {
			return err
		}
		if err := l.commitCold(txn, nil, nil, WriteReblock); err != nil {
			return err
		}
		txn = b.NewTransaction(true)
		l.blocks.beginCold()
		return nil
	})
	if err != nil {
		return err
	}
	return l.commitCold(txn, nil, nil, WriteReblock)
}
