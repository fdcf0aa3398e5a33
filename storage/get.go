package storage

import (
	"context"
	"slices"
	"sync"
)

// Get calls fn with the records of the given sequences, in the order of seqs;
// those of one block are cheapest together. A record is valid until fn returns.
func (db *DB) Get(ctx context.Context, part int, seqs []uint64, fn func(*Record) error) error {
	l := db.log
	if err := l.checkPart(part); err != nil {
		return err
	}
	var b *block
	var r Record
	for _, seq := range seqs {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch first := l.first.Load(); {
		case seq < first:
			return l.gap(seq, seq+1, "it is older than what is kept")
		case seq > l.last.Load():
			return l.gap(seq, seq+1, "it is not written yet")
		}
		if b == nil || seq < b.First || seq >= b.end() {
			var err error
			if b, err = l.cache.get(l, seq); err != nil {
				return err
			}
		}
		if err := b.record(int(seq-b.First), &r); err != nil {
			return l.gap(b.First, b.end(), err.Error())
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}

// blockCache keeps blocks that random access unpacked, least recently used out
// first.
type blockCache struct {
	mu     sync.Mutex
	blocks []*block // most recently used last
	bytes  int
	gen    int // counts forget: what was fetched before is not kept
}

const cacheBytes = 24 << 20

func (b *block) size() int { return len(b.raw) + len(b.sealed) }

func (c *blockCache) get(l *diskLog, seq uint64) (*block, error) {
	c.mu.Lock()
	for i := len(c.blocks) - 1; i >= 0; i-- {
		if b := c.blocks[i]; b.First <= seq && seq < b.end() {
			c.blocks = append(slices.Delete(c.blocks, i, i+1), b)
			c.mu.Unlock()
			return b, nil
		}
	}
	gen := c.gen
	c.mu.Unlock()
	blocks, err := l.fetch(seq, 1)
	if err != nil {
		return nil, err
	}
	b := blocks[0]
	if b.First > seq || seq >= b.end() {
		return nil, l.gap(seq, seq+1, errHole(seq, b.First))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen != c.gen {
		return b, nil
	}
	c.blocks = append(c.blocks, b)
	for c.bytes += b.size(); c.bytes > cacheBytes && len(c.blocks) > 1; {
		c.bytes -= c.blocks[0].size()
		c.blocks = slices.Delete(c.blocks, 0, 1)
	}
	return b, nil
}
