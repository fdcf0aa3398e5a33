package rank

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"ripen/storage"
	"ripen/tracker"
)

// Changes of one tenant and batch lie packed in one row of meta/:
//
//	key    = sequence of the first change:8
//	block  = version:1 at:varint texts count:uvarint change*
//	texts  = count:uvarint text*                  cards, bands, grades, causes
//	change = flags:1 lead:17 into:17? time-at:varint card:uvarint old:varint
//	         new:varint 2 bands, 2 grades, cause:uvarint event:uvarint seq-prev:uvarint
//
// Sequences are dense within the tenant, from 1, and never given twice. One row
// of the machine, the watermark, says up to which record of the log changes
// have been written; it is written in the same synced transaction.
const blockVersion = 1

const changeInto = 1

var watermarkKey = []byte("state")

// blockMost bounds the changes of one row.
const blockMost = 2000

// Feed is the change feed of all tenants. Its methods may be called
// concurrently, but only one goroutine may call Commit.
type Feed struct {
	table *storage.Table

	mu   sync.Mutex
	last map[tracker.TenantID]uint64 // :: tenant → sequence of its last committed change
}

// OpenFeed returns the feed that lies in meta/.
func OpenFeed(meta *storage.Table) *Feed {
	return &Feed{table: meta, last: make(map[tracker.TenantID]uint64)}
}

// Last is the sequence of a tenant's last committed change; 0 = none.
func (f *Feed) Last(t tracker.TenantID) (last uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, ok := f.last[t]; ok {
		return last, nil
	}
	err = f.table.View(func(tx *storage.Tx) error {
		return tx.ScanReverse(t, storage.SpaceChange, nil, nil, func(_, v []byte) error {
			if err := readBlock(v, 0, func(c *tracker.Change) error { last = c.Seq; return nil }); err != nil {
				return err
			}
			return storage.ErrStop
		})
	})
	if err != nil {
		return 0, fmt.Errorf("change feed: %w", err)
	}
	f.last[t] = last
	return last, nil
}

// Line is what one batch adds to the feed of one tenant. Changes are numbered
// by the state loop: dense, on from [Feed.Last].
type Line struct {
	Tenant  tracker.TenantID
	Changes []tracker.Change
}

// Commit writes changes and the watermark in one synced transaction: that is
// the commit point of a change, only after it may the change be served. The
// same lines may be committed again when an error left it open.
func (f *Feed) Commit(lines []Line, mark uint64) error {
	var b []byte
	err := f.table.Update(func(tx *storage.Tx) error {
		for _, l := range lines {
			for cs := l.Changes; len(cs) > 0; {
				n := min(len(cs), blockMost)
				b = AppendBlock(b[:0], cs[:n])
				if err := tx.Set(l.Tenant, storage.SpaceChange, seqKey(cs[0].Seq), b); err != nil {
					return err
				}
				cs = cs[n:]
			}
		}
		return tx.Set(storage.Tenant{}, storage.SpaceWatermark, watermarkKey, seqKey(mark))
	})
	if err != nil {
		return fmt.Errorf("write changes: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range lines {
		if n := len(l.Changes); n > 0 {
			f.last[l.Tenant] = l.Changes[n-1].Seq
		}
	}
	return nil
}

// Watermark is the last record of the log whose changes are written.
func (f *Feed) Watermark() (seq uint64, err error) {
	err = f.table.View(func(tx *storage.Tx) error {
		b, err := tx.Get(storage.Tenant{}, storage.SpaceWatermark, watermarkKey)
		if len(b) == 8 {
			seq = binary.BigEndian.Uint64(b)
		}
		return err
	})
	return seq, err
}

// Read calls visit with a tenant's committed changes after a sequence, in
// order. visit returns [storage.ErrStop] to end early; it may keep the change.
func (f *Feed) Read(t tracker.TenantID, after uint64, visit func(*tracker.Change) error) error {
	last, err := f.Last(t)
	if err != nil || after >= last {
		return err
	}
	from := seqKey(after + 1)
	return f.table.View(func(tx *storage.Tx) error {
		// The block that holds the next change may have begun before it.
		err := tx.ScanReverse(t, storage.SpaceChange, nil, seqKey(after+2), func(k, _ []byte) error {
			from = append(from[:0], k...)
			return storage.ErrStop
		})
		if err != nil {
			return err
		}
		return tx.Scan(t, storage.SpaceChange, from, nil, func(k, v []byte) error {
			return readBlock(v, seqOf(k), func(c *tracker.Change) error {
				if c.Seq <= after || c.Seq > last {
					return nil
				}
				own := *c
				return visit(&own)
			})
		})
	})
}

// History calls visit with one lead's changes, latest first, beginning with the
// one at seq.
func (f *Feed) History(t tracker.TenantID, seq uint64, visit func(*tracker.Change) error) error {
	for seq > 0 {
		var found *tracker.Change
		err := f.Read(t, seq-1, func(c *tracker.Change) error {
			found = c
			return storage.ErrStop
		})
		if err != nil {
			return err
		}
		if found == nil || found.Seq != seq {
			return fmt.Errorf("change %d is missing from the feed: run ripen doctor", seq)
		}
		if err := visit(found); err != nil {
			if errors.Is(err, storage.ErrStop) {
				return nil
			}
			return err
		}
		seq = found.Prev
	}
	return nil
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func seqOf(k []byte) uint64 {
	if len(k) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(k)
}
