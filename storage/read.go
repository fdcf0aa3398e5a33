package storage

import (
	"context"
	"errors"
	"math"
	"sort"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// dayIndex knows the first sequence of every day that has records: the days of
// sequences never go back, so it finds the key of any record's block.
type dayIndex struct {
	mu   sync.RWMutex
	days []dayStart // in order of both
}

type dayStart struct {
	day   uint32
	first uint64
}

// load fills the index from the keys, one seek a day.
func (d *dayIndex) load(k *kv) error {
	var days []dayStart
	err := k.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		prefix := logKey(0, logBlock)
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		for it.Seek(prefix); it.ValidForPrefix(prefix); {
			day, first, ok := parseBlockKey(it.Item().Key())
			if !ok {
				return errors.New("open log: a key that no version of Ripen wrote")
			}
			days = append(days, dayStart{day, first})
			if day == math.MaxUint32 {
				break
			}
			it.Seek(blockKey(0, day+1, 0))
		}
		return nil
	})
	d.mu.Lock()
	d.days = days
	d.mu.Unlock()
	return err
}

// note records that a day has a record.
func (d *dayIndex) note(day uint32, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.days); n == 0 || d.days[n-1].day < day {
		d.days = append(d.days, dayStart{day, seq})
	}
}

// of returns the day of a sequence.
func (d *dayIndex) of(seq uint64) uint32 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	i := sort.Search(len(d.days), func(i int) bool { return d.days[i].first > seq })
	if i == 0 {
		return 0
	}
	return d.days[i-1].day
}

// recordPool lends the slices that readers cut blocks into.
var recordPool = sync.Pool{New: func() any { return new([]Record) }}

func (l *diskLog) Read(ctx context.Context, part int, from uint64, fn func(recs []Record) error) error {
	if err := l.checkPart(part); err != nil {
		return err
	}
	if first := l.first.Load(); from < first {
		return l.gap(from, first, "they are older than what is kept")
	}
	return l.readTo(from, math.MaxUint64, func(recs []Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(recs)
	})
}

// readTo calls fn with the records [from, to], as far as they are committed;
// during recovery to is what bounds it.
func (l *diskLog) readTo(from, to uint64, fn func([]Record) error) error {
	buf := recordPool.Get().(*[]Record)
	defer func() {
		clear(*buf)
		*buf = (*buf)[:0]
		recordPool.Put(buf)
	}()
	var chain chainCheck
	for {
		end := to
		if to == math.MaxUint64 {
			end = l.last.Load()
		}
		if from > end {
			return nil
		}
		blocks, err := l.fetch(from, fetchBytes)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			if err := chain.follow(l, from, b); err != nil {
				return err
			}
			recs, err := b.records((*buf)[:0])
			if err != nil {
				return l.gap(b.First, b.end(), err.Error())
			}
			*buf = recs
			skip := from - b.First
			stop := min(uint64(len(recs)), end+1-b.First)
			if err := fn(recs[skip:stop]); err != nil {
				return err
			}
			if from = b.First + stop; from > end {
				break
			}
		}
	}
}

// chainCheck refuses a block that does not follow the one before it.
type chainCheck struct {
	link chainHash
	any  bool
}

func (c *chainCheck) follow(l *diskLog, from uint64, b *block) error {
	switch {
	case b.First > from:
		return l.gap(from, b.First, errHole(from, b.First))
	case c.any && b.First == from && b.Prev != c.link:
		return l.gap(b.First, b.end(), "the block does not follow the one before it")
	}
	c.link, c.any = b.Link, true
	return nil
}

// fetchBytes bounds what one fetch reads: a few blocks. A reader that has little time
// leaves the rest unread, and fetches it again: with 1 MiB that was half of all
// garbage while the fold was behind.
const fetchBytes = 128 << 10

// fetch returns the block that holds seq, and those that follow up to size
// bytes. The caller's function runs outside of Badger's transaction.
func (l *diskLog) fetch(seq uint64, size int) ([]*block, error) {
	if b := l.ring.find(seq); b != nil {
		return []*block{b}, nil
	}
	if fresh := l.blocks.from(seq); len(fresh) > 0 && fresh[0].first <= seq {
		return l.fetchFresh(fresh, seq, size)
	}
	var values [][]byte
	err := l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		key, v, err := l.seek(txn, seq)
		if err != nil {
			return err
		}
		values = append(values, v)
		if size -= len(v); size <= 0 {
			return nil
		}
		it := txn.NewIterator(badger.IteratorOptions{Prefix: logKey(0, logBlock)})
		defer it.Close()
		for it.Seek(append(key, 0)); it.Valid(); it.Next() {
			if v, err = l.blocks.stored(it.Item()); err != nil {
				return l.gap(seq, seq+1, err.Error())
			}
			values = append(values, v)
			if size -= len(v); size <= 0 {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.openBlocks(seq, values)
}

// fetchFresh is fetch for blocks that have no rows yet.
func (l *diskLog) fetchFresh(fresh []freshBlock, seq uint64, size int) ([]*block, error) {
	var values [][]byte
	for _, b := range fresh {
		if size <= 0 {
			break
		}
		v, err := l.blocks.hot.load(b.place)
		if err != nil {
			return nil, l.gap(b.first, b.end, err.Error())
		}
		values = append(values, v)
		size -= len(v)
	}
	return l.openBlocks(seq, values)
}

func (l *diskLog) openBlocks(seq uint64, values [][]byte) ([]*block, error) {
	var blocks []*block
	for _, v := range values {
		b, err := openBlock(v)
		if err != nil {
			if len(blocks) > 0 {
				return blocks, nil // what is good first: the next fetch reports it
			}
			return nil, l.located(seq, l.gap(seq, l.endOf(seq), err.Error()))
		}
		if len(blocks) == 0 && b.end() <= seq {
			return nil, l.gap(seq, l.endOf(seq), "no block holds them")
		}
		blocks = append(blocks, b)
	}
	if len(blocks) == 0 {
		return nil, l.gap(seq, l.endOf(seq), "no block holds them")
	}
	return blocks, nil
}

// located lets a gap say in which file the block of its first record lies.
func (l *diskLog) located(seq uint64, gap error) error {
	_ = l.kv.use(func(b *badger.DB) error { // if there is no row, the directory has to do
		txn := b.NewTransaction(false)
		defer txn.Discard()
		return l.find(txn, seq, func(row *badger.Item) error {
			gap = l.blocks.named(row, gap)
			return nil
		})
	})
	return gap
}

// seek returns the last block that starts at or before seq, and its key.
func (l *diskLog) seek(txn *badger.Txn, seq uint64) (key, value []byte, err error) {
	err = l.find(txn, seq, func(row *badger.Item) (err error) {
		if value, err = l.blocks.stored(row); err != nil {
			return l.gap(seq, seq+1, err.Error())
		}
		key = row.KeyCopy(nil)
		return nil
	})
	return key, value, err
}

// find calls fn with the row of the last block that starts at or before seq, which is
// valid until fn returns.
func (l *diskLog) find(txn *badger.Txn, seq uint64, fn func(row *badger.Item) error) error {
	prefix := logKey(0, logBlock)
	it := txn.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: prefix})
	defer it.Close()
	it.Seek(blockKey(0, l.days.of(seq), seq))
	if !it.ValidForPrefix(prefix) {
		return l.gap(seq, l.endOf(seq), "no block holds them")
	}
	return fn(it.Item())
}

// endOf returns where a hole at seq ends: the start of the next block that is
// there, else the end of the log.
func (l *diskLog) endOf(seq uint64) uint64 {
	end := max(l.last.Load()+1, seq+1)
	if l.hw != nil {
		end = max(end, l.hw.durable().seq+1)
	}
	if fresh := l.blocks.from(seq + 1); len(fresh) > 0 {
		if end = max(fresh[0].first, seq+1); end == seq+1 {
			return end
		}
	}
	err := l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		prefix := logKey(0, logBlock)
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		it.Seek(blockKey(0, l.days.of(seq), seq+1))
		if it.ValidForPrefix(prefix) {
			_, end, _ = parseBlockKey(it.Item().Key())
		}
		return nil
	})
	if err != nil {
		return seq + 1
	}
	return end
}
