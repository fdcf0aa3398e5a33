package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// BlankTask says which records of a partition are to be blanked.
type BlankTask struct {
	Name   []byte // of what is blanked: how far it came is kept under it
	Before uint64 // the blocks before it are looked at, from where the last task of this name ended
	Later  bool   // those behind it, too, but for the newest
	// Edit changes a record and says so. It may take Personal away, or set Kind to
	// KindBlank: then nothing stays but tenant, sequence and receive time.
	Edit func(r *Record) (changed bool, err error)
}

// Blanked returns the Before of the last task of a name that ended; 0 = none.
func (db *DB) Blanked(part int, name []byte) (before uint64, err error) {
	l := db.log
	if err := l.checkPart(part); err != nil {
		return 0, err
	}
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		v, err := getValue(txn, blankKey(part, name))
		if len(v) == 8 {
			before = binary.BigEndian.Uint64(v)
		}
		return err
	})
	return before, err
}

// Blank rewrites records where they stand. Sequences stay dense and the chain
// holds: a block that changed follows what it followed and is followed by what it
// was, as a joined one. The end of the task is noted last: after a crash all of it
// is done again. No reader that starts afterwards sees what was there before.
func (db *DB) Blank(ctx context.Context, part int, t BlankTask) error {
	l := db.log
	from, err := db.Blanked(part, t.Name)
	if err != nil {
		return err
	}
	l.maintain.Lock()
	defer l.maintain.Unlock()
	if err := l.writeHighWater(); err != nil { // the block that it names stays as it is
		return err
	}
	safe := l.hw.durable().seq
	if t.Before > safe {
		return fmt.Errorf("blank: need a record behind %d, the last one is %d", t.Before, safe)
	}
	end := t.Before
	if t.Later {
		end = safe
	}
	for from = max(from, l.first.Load(), 1); from < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := db.guard.check(db.guard.reserve); err != nil {
			return err
		}
		next, err := l.blankSome(from, end, safe, t.Edit)
		if err != nil {
			return err
		}
		if next == from {
			break // what is left is the newest block
		}
		from = next
	}
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		return l.db.commit(txn, blankKey(part, t.Name), binary.BigEndian.AppendUint64(nil, t.Before), WriteBlank)
	})
	if err == nil {
		l.reclaimSoon()
	}
	return err
}

// blankSome rewrites the blocks of one transaction, none that ends behind safe,
// and returns where to go on.
func (l *diskLog) blankSome(from, end, safe uint64, edit func(*Record) (bool, error)) (next uint64, err error) {
	next = from
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		key, _, err := l.seek(txn, from)
		if err != nil {
			return err
		}
		it := txn.NewIterator(badger.IteratorOptions{Prefix: logKey(0, logBlock)})
		defer it.Close()
		l.blocks.beginCold()
		size, changed := 0, false
		for it.Seek(key); it.Valid() && next < end && size < coldTxn; it.Next() {
			old, err := l.verified(it.Item(), next)
			if err != nil {
				return err
			}
			if old.First > next {
				return l.gap(next, old.First, errHole(next, old.First))
			}
			if old.end() > safe {
				break
			}
			anew, err := old.edited(edit)
			if err != nil {
				return fmt.Errorf("blank block %d: %w", old.First, err)
			}
			if anew != nil {
				if err := l.blocks.setCold(txn, slices.Clone(it.Item().Key()), anew); err != nil {
					return err
				}
				changed = true
			}
			size += len(old.raw) + len(old.sealed)
			next = old.end()
		}
		it.Close()
		if !changed {
			return nil
		}
		err = l.commitCold(txn, nil, nil, WriteBlank)
		l.ring.forget(next) // whatever became of the write
		l.cache.forget()
		return err
	})
	return next, err
}

// edited returns the block's bytes after edit; nil if it changes nothing.
func (b *block) edited(edit func(*Record) (bool, error)) ([]byte, error) {
	recs, err := b.records(nil)
	if err != nil {
		return nil, err
	}
	any := false
	for i := range recs {
		r := &recs[i]
		changed, err := edit(r)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", r.Seq, err)
		}
		if changed && r.Kind == KindBlank {
			r.Subject, r.ID, r.Row, r.Personal = Subject{}, nil, nil, nil
		}
		any = any || changed
	}
	if !any {
		return nil, nil
	}
	anew := makeBlock(blockHeader{Codec: b.Codec, Flags: flagRunEnd, Prev: b.Prev, Link: b.Link}, recs)
	return appendBlock(nil, &anew.blockHeader, anew.raw, anew.sealed), nil
}

// forget lets go of the blocks that start before a sequence.
func (r *ring) forget(before uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.blocks) > 0 && r.blocks[0].First < before {
		r.bytes -= len(r.blocks[0].raw) + len(r.blocks[0].sealed)
		r.blocks[0] = nil
		r.blocks = r.blocks[1:]
	}
}

// forget lets go of all blocks, those too that somebody is fetching now.
func (c *blockCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks, c.bytes = nil, 0
	c.gen++
}
