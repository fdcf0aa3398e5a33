package storage

import (
	"context"
	"math"

	"github.com/dgraph-io/badger/v4"
)

// trimBatch is how many blocks one transaction deletes.
const trimBatch = 5000

// Trim forgets whole days whose records are all before the given sequence. The
// anchor, what the oldest block kept must follow, is durable before anything is
// deleted; a crash in between leaves blocks that the next recovery deletes.
func (l *diskLog) Trim(ctx context.Context, part int, before uint64) error {
	if err := l.checkPart(part); err != nil {
		return err
	}
	l.maintain.Lock()
	defer l.maintain.Unlock()
	if err := l.writeRows(); err != nil {
		return err
	}
	first := l.days.lastStart(before)
	if first <= l.first.Load() {
		return nil
	}
	blocks, err := l.fetch(first, 1)
	if err != nil {
		return err
	}
	if blocks[0].First != first {
		return l.gap(first, blocks[0].end(), "no block starts the day")
	}
	anchor := logStart{first, blocks[0].Prev}
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		return l.db.commit(txn, logKey(0, logAnchor), appendAnchor(nil, &anchor), WriteAnchor)
	})
	if err != nil {
		return err
	}
	l.first.Store(first)
	l.days.drop(first)
	if err := l.dropBlocks(ctx, first); err != nil {
		return err
	}
	l.reclaimSoon()
	return nil
}

// dropBlocks deletes the blocks before the anchor.
func (l *diskLog) dropBlocks(ctx context.Context, first uint64) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 0
		err := l.kv.use(func(b *badger.DB) error {
			txn := b.NewTransaction(true)
			defer txn.Discard()
			keys := l.blockKeys(txn, 0, first, trimBatch)
			if n = len(keys); n == 0 {
				return nil
			}
			for _, k := range keys {
				if err := txn.Delete(k); err != nil {
					return tooBig(err)
				}
			}
			return l.db.commit(txn, nil, nil, WriteTrim)
		})
		if err != nil || n < trimBatch {
			return err
		}
	}
}

// blockKeys returns the keys of up to limit blocks with first sequences in
// [from, to), in order.
func (l *diskLog) blockKeys(txn *badger.Txn, from, to uint64, limit int) (keys [][]byte) {
	prefix := logKey(0, logBlock)
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(blockKey(0, l.days.of(from), from)); it.Valid() && len(keys) < limit; it.Next() {
		k := it.Item().KeyCopy(nil)
		if _, first, ok := parseBlockKey(k); !ok || first >= to {
			break
		}
		keys = append(keys, k)
	}
	return keys
}

// lastStart returns the start of the last day that starts at or before a
// sequence; 0 if there is none.
func (d *dayIndex) lastStart(seq uint64) uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	at := uint64(0)
	for _, s := range d.days {
		if s.first <= seq {
			at = s.first
		}
	}
	return at
}

// drop forgets the days before the one that holds a sequence.
func (d *dayIndex) drop(seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.days) > 1 && d.days[1].first <= seq {
		d.days = d.days[1:]
	}
	if len(d.days) > 0 && d.days[0].first < seq {
		d.days[0].first = seq
	}
}

// end returns where the day of a sequence ends: the next day's start.
func (d *dayIndex) end(seq uint64) uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, s := range d.days {
		if s.first > seq {
			return s.first
		}
	}
	return math.MaxUint64
}
