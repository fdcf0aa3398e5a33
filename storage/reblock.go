package storage

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Hot blocks are as small as a group commit; small ones are joined into larger,
// better packed ones. A run is read and verified, hash by hash, and replaced by one
// block in one transaction. That block follows what the run followed and is
// followed by what the run was: the chain holds through any number of runs. The
// block that the high-water file names, and all after it, are left alone.
const (
	coldRecords = 512       // records of a joined block: measured 95 µs to unpack, 6 % larger than 4096
	coldBytes   = 256 << 10 // raw and sealed bytes of one
	coldTxn     = 1 << 20   // bytes of one transaction
)

// keepReblocking joins blocks every ReblockEvery.
func (l *diskLog) keepReblocking() {
	every := l.db.opts.reblockEvery()
	if every < 0 {
		return
	}
	stale := false    // there are blocks that nobody needs any more
	var due time.Time // when space may be looked for
	l.repeat(every, func() {
		done, err := l.reblock()
		if err != nil && !errors.Is(err, ErrNoSpace) { // of that the guard tells, once
			l.db.slog.Warn("storage: blocks stay as they are for now", "err", err)
		}
		stale = stale || done > 0
		if begun := time.Now(); stale && begun.After(due) {
			l.maintain.Lock()
			l.reclaimSoon()
			l.maintain.Unlock()
			stale, due = false, begun.Add(max(reclaimLeast, reclaimShare*time.Since(begun)))
		}
	})
}

// Space of joined blocks is looked for at most so often, and for at most a part of
// the time: rows are counted.
const (
	reclaimLeast = 10 * time.Second
	reclaimShare = 100
)

// reblock joins closed runs of blocks and returns how many records it wrote anew.
func (l *diskLog) reblock() (done uint64, err error) {
	l.maintain.Lock()
	defer l.maintain.Unlock()
	if l.joined == 0 {
		if err := l.loadJoined(); err != nil {
			return 0, err
		}
	}
	from := max(l.joined, l.first.Load())
	end := l.hw.durable().seq // the block that ends here is not touched
	if end < from+coldRecords && l.days.end(from) > end {
		return 0, nil // too few to be worth a look
	}
	for from < end && !l.stopping() {
		if err := l.db.guard.check(l.db.guard.reserve); err != nil {
			return done, err
		}
		next, n, err := l.joinSome(from, end)
		if err != nil || next == from {
			return done, err
		}
		done += n
		from = next // what was only skipped is not noted on disk
		l.joined = next
	}
	return done, nil
}

func (l *diskLog) stopping() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// run is a row of blocks that become one.
type run struct {
	keys    [][]byte
	blocks  []*block
	records int
	bytes   int
}

// joinSome joins the runs that start at from in one transaction. next is where
// to go on; it is from if what follows is not closed yet.
func (l *diskLog) joinSome(from, end uint64) (next, records uint64, err error) {
	next = from
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		l.blocks.beginCold()
		size, wrote := 0, false
		for size < coldTxn {
			r, err := l.nextRun(txn, next, end)
			if err != nil {
				return err
			}
			if len(r.blocks) == 0 {
				break
			}
			next = r.blocks[len(r.blocks)-1].end()
			size += r.bytes
			if len(r.blocks) == 1 && r.blocks[0].Codec == codecZstd {
				continue
			}
			if err := r.replace(txn, l.blocks); err != nil {
				return err
			}
			wrote = true
			records += uint64(r.records)
		}
		if !wrote {
			return nil
		}
		// Where to go on is only a hint: a run that is joined already is skipped.
		return l.commitCold(txn, logKey(0, logJoined), binary.BigEndian.AppendUint64(nil, next), WriteReblock)
	})
	return next, records, err
}

// loadJoined reads where the last process stopped; maintain is held.
func (l *diskLog) loadJoined() error {
	return l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		v, err := getValue(txn, logKey(0, logJoined))
		if l.joined = 1; len(v) == 8 {
			l.joined = binary.BigEndian.Uint64(v)
		}
		return err
	})
}

// nextRun reads the blocks from a sequence on that become one. It is empty if
// there are too few that are closed: their number must fill a block, or a block
// follow that stays as it is, or their day be over.
func (l *diskLog) nextRun(txn *badger.Txn, from, end uint64) (run, error) {
	var r run
	dayEnd := l.days.end(from)
	prefix := logKey(0, logBlock)
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	at := from
	for it.Seek(blockKey(0, l.days.of(from), from)); it.Valid(); it.Next() {
		_, first, _ := parseBlockKey(it.Item().Key())
		if first != at {
			return run{}, l.gap(at, first, errHole(at, first))
		}
		b, err := l.joinable(it.Item(), at)
		if err != nil {
			return run{}, err
		}
		if b.end() > end {
			return run{}, nil
		}
		if n := len(r.blocks); n > 0 && b.Prev != r.blocks[n-1].Link {
			return run{}, l.gap(at, b.end(), "the block does not follow the one before it")
		}
		if len(r.blocks) > 0 && (b.Codec == codecZstd || r.records+int(b.Count) > coldRecords || r.bytes+len(b.raw)+len(b.sealed) > coldBytes) {
			return r, nil
		}
		r.keys = append(r.keys, slices.Clone(it.Item().Key()))
		r.blocks = append(r.blocks, b)
		r.records += int(b.Count)
		r.bytes += len(b.raw) + len(b.sealed)
		if at = b.end(); at >= dayEnd || b.Codec == codecZstd {
			return r, nil
		}
	}
	return run{}, nil
}

// joinable reads a block and proves its hash; of one that stays as it is, packed
// well already, its header will do.
func (l *diskLog) joinable(item *badger.Item, at uint64) (*block, error) {
	v, err := l.blocks.stored(item)
	if err != nil {
		return nil, l.gap(at, at+1, err.Error())
	}
	if h, _, _, err := parseBlock(v); err == nil && h.Codec == codecZstd {
		return &block{blockHeader: h}, nil
	}
	b, err := l.provedBlock(v, at)
	return b, l.blocks.named(item, err)
}

// verified reads a block and proves its hash.
func (l *diskLog) verified(item *badger.Item, at uint64) (*block, error) {
	v, err := l.blocks.stored(item)
	if err != nil {
		return nil, l.gap(at, at+1, err.Error())
	}
	b, err := l.provedBlock(v, at)
	return b, l.blocks.named(item, err)
}

// named lets a gap say in which file the block of a row lies.
func (f *blockFiles) named(item *badger.Item, err error) error {
	if gap := (*GapError)(nil); errors.As(err, &gap) && item.UserMeta() != 0 {
		if d, p, bad := f.placeOf(item); bad == nil {
			gap.File = filepath.Join("log", filepath.Base(d.dir), filepath.Base(d.name(p.file)))
		}
	}
	return err
}

// provedBlock opens a stored block if its hash is right.
func (l *diskLog) provedBlock(v []byte, at uint64) (*block, error) {
	b, err := openBlock(v)
	if err == nil && hashBlock(v) != b.Hash {
		err = errors.New("block: hash does not match")
	}
	if err != nil {
		return nil, l.gap(at, at+uint64(countOf(v)), err.Error())
	}
	return b, nil
}

// countOf reads a damaged block's count, as far as it can be believed.
func countOf(v []byte) uint32 {
	if len(v) < headerSize {
		return 1
	}
	return min(max(binary.LittleEndian.Uint32(v[4:]), 1), maxBlockRecords)
}

// replace puts one block in the place of the run.
func (r *run) replace(txn *badger.Txn, files *blockFiles) error {
	recs := make([]Record, 0, r.records)
	for _, b := range r.blocks {
		var err error
		if recs, err = b.records(recs); err != nil {
			return err
		}
	}
	last := r.blocks[len(r.blocks)-1]
	h := blockHeader{
		Codec: codecZstd, Flags: flagRunEnd, Prev: r.blocks[0].Prev, Link: last.Link,
	}
	b := makeBlock(h, recs)
	enc := appendBlock(nil, &b.blockHeader, b.raw, b.sealed)
	for _, k := range r.keys[1:] {
		if err := txn.Delete(k); err != nil {
			return tooBig(err)
		}
	}
	return files.setCold(txn, r.keys[0], enc)
}
