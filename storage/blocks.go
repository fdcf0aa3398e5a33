package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// blockFiles keep the blocks of the log. A block is written once, where it is
// committed: behind the ones before it, in the files of hot. The rows that say where
// blocks lie follow each second; after a crash the blocks that came later are
// found behind the last one that has a row. Blocks that are made of older ones,
// joined, blanked or moved, lie in the files of cold, which have one writer, too:
// who holds maintain.
type blockFiles struct {
	hot  dataFiles
	cold dataFiles

	out    []byte    // guarded by maintain: blocks of the transaction under way
	begins filePlace // guarded by maintain: where out will lie

	rows sync.Mutex // held while rows are written

	mu    sync.RWMutex
	fresh []freshBlock // guarded by mu: the newest blocks, in order, which have no rows yet
}

// freshBlock is a committed block without a row.
type freshBlock struct {
	day        uint32
	first, end uint64
	place      filePlace
}

// Marks of rows: where the block lies. Unmarked rows hold it themselves, as older
// versions wrote them and Restore does.
const (
	metaHot  = 1
	metaCold = 2
)

const (
	freshRows      = 4096 // that are written in one transaction
	blockFileBytes = 32 << 20
)

func newBlockFiles(dir string) *blockFiles {
	return &blockFiles{
		hot:  dataFiles{dir: filepath.Join(dir, "blocks"), most: blockFileBytes},
		cold: dataFiles{dir: filepath.Join(dir, "joined"), most: blockFileBytes},
	}
}

// open begins new files: nothing is written behind what a crash or a failed sync
// has left.
func (f *blockFiles) open() error { return errors.Join(f.hot.open(true), f.cold.open(true)) }

func (f *blockFiles) close() error { return errors.Join(f.hot.close(), f.cold.close()) }

// write makes blocks durable, encoded one behind the other in wire, and fills in
// where they lie.
func (f *blockFiles) write(blocks []freshBlock, encoded [][]byte, wire []byte) error {
	at := f.hot.next()
	if err := f.hot.write(wire); err != nil { // the commit point of every event
		return err
	}
	for i := range blocks {
		at.size, at.crc = len(encoded[i]), crcOf(encoded[i])
		blocks[i].place = at
		at.offset += int64(at.size)
	}
	return nil
}

// add makes written blocks known to readers.
func (f *blockFiles) add(blocks []freshBlock) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh = append(f.fresh, blocks...)
}

// crcOf is the checksum that a block's header ends with.
func crcOf(b []byte) uint32 { return binary.LittleEndian.Uint32(b[crcAt:]) }

// from returns the fresh blocks that end behind seq; they are not changed.
func (f *blockFiles) from(seq uint64) []freshBlock {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.fresh[sort.Search(len(f.fresh), func(i int) bool { return f.fresh[i].end > seq }):]
}

// needed is the first file of hot that may have blocks without rows.
func (f *blockFiles) needed() uint32 {
	file := f.hot.next().file
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.fresh) > 0 {
		file = f.fresh[0].place.file
	}
	return file
}

// load returns a block; its header is checked only by who opens it.
func (d *dataFiles) load(p filePlace) ([]byte, error) {
	b, err := d.read(p, nil)
	if err == nil && (len(b) < headerSize || crcOf(b) != p.crc) {
		err = errors.New("the row names another block")
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		err = fmt.Errorf("%s/%s at byte %d: %w", filepath.Base(d.dir), filepath.Base(d.name(p.file)), p.offset, err)
	}
	return b, err
}

// stored returns the block of a row.
func (f *blockFiles) stored(item *badger.Item) (b []byte, err error) {
	if item.UserMeta() == 0 {
		return item.ValueCopy(nil)
	}
	d, p, err := f.placeOf(item)
	if err != nil {
		return nil, err
	}
	return d.load(p)
}

// read calls fn with what a row of log/ holds or names.
func (f *blockFiles) read(item *badger.Item, fn func([]byte) error) error {
	b, err := f.stored(item)
	if err != nil {
		return err
	}
	return fn(b)
}

// placeOf returns where the block of a row lies.
func (f *blockFiles) placeOf(item *badger.Item) (d *dataFiles, p filePlace, err error) {
	err = item.Value(func(row []byte) (err error) {
		p, err = parsePlace(row)
		return err
	})
	if d = &f.hot; item.UserMeta() == metaCold {
		d = &f.cold
	}
	return d, p, err
}

// writeRows writes the rows of fresh blocks. If it cannot, the log is recovered: a
// sync that failed is not tried again. Until then the error is [ErrReadOnly].
func (l *diskLog) writeRows() error {
	return l.putRows(false)
}

// putRows writes the rows of fresh blocks; while the log is latched, only recovery's.
func (l *diskLog) putRows(recovering bool) error {
	f := l.blocks
	f.rows.Lock()
	defer f.rows.Unlock()
	for {
		f.mu.RLock()
		some := f.fresh[:min(len(f.fresh), freshRows)]
		f.mu.RUnlock()
		if len(some) == 0 {
			return nil
		}
		err := l.kv.use(func(b *badger.DB) error {
			if !recovering && l.latched.Load() { // asked here: who waited for the database is not to write beside recovery
				return ErrReadOnly
			}
			txn := b.NewTransaction(true)
			defer txn.Discard()
			for i := range some {
				row := badger.NewEntry(blockKey(0, some[i].day, some[i].first), some[i].place.append(nil)).WithMeta(metaHot)
				if err := txn.SetEntry(row); err != nil {
					return tooBig(err)
				}
			}
			return l.db.commit(txn, nil, nil, WriteRows)
		})
		if err != nil {
			if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrReadOnly) {
				l.fail(err)
				l.nudge()
			}
			return err
		}
		f.mu.Lock()
		for len(f.fresh) > 0 && f.fresh[0].first <= some[len(some)-1].first {
			f.fresh = f.fresh[1:]
		}
		f.mu.Unlock()
	}
}

// adopt writes anew the blocks that lie behind from, the last one that has a row: they
// may never have been synced. What lies in the files before is not looked at again.
func (l *diskLog) adopt(from filePlace) error {
	c := &l.c
	var encoded [][]byte
	var found []freshBlock
	err := l.newer(from, func(v []byte, b *block) error {
		if b.First != c.next || b.Prev != c.prev {
			return ErrStop
		}
		recs, err := b.records(nil)
		if err != nil {
			return ErrStop
		}
		c.next, c.prev = b.end(), b.Link
		c.received = max(c.received, recs[len(recs)-1].Received)
		encoded = append(encoded, v)
		found = append(found, freshBlock{day: dayOf(c.received), first: b.First, end: b.end()})
		return nil
	})
	if err == nil && len(found) > 0 {
		err = l.blocks.write(found, encoded, slices.Concat(encoded...))
	}
	if err != nil {
		return err
	}
	for i := range found {
		l.days.note(found[i].day, found[i].first)
	}
	l.blocks.mu.Lock()
	l.blocks.fresh = found
	l.blocks.mu.Unlock()
	if err := l.putRows(true); err != nil {
		return err
	}
	begins := binary.BigEndian.AppendUint32(nil, l.blocks.hot.next().file)
	return l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		return l.db.commit(txn, logKey(0, logHot), begins, WriteRows)
	})
}

// newer calls fn with the blocks of hot that lie behind a place, as far as they are
// whole, and file by file.
func (l *diskLog) newer(from filePlace, fn func(v []byte, b *block) error) error {
	sizes, err := l.blocks.hot.list()
	if err != nil {
		return err
	}
	files := make([]uint32, 0, len(sizes))
	for n := range sizes {
		if n >= from.file {
			files = append(files, n)
		}
	}
	slices.Sort(files)
	for _, n := range files {
		p := filePlace{file: n}
		if n == from.file {
			p.offset = from.offset + int64(from.size)
		}
		p.size = int(max(sizes[n]-p.offset, 0))
		rest, err := l.blocks.hot.read(p, nil)
		if err != nil {
			return fmt.Errorf("open blocks: %w", err)
		}
		for len(rest) >= headerSize {
			size := sizeOf(rest)
			if size > uint64(len(rest)) {
				break
			}
			v := rest[:size:size]
			b, err := openBlock(v)
			if err != nil {
				break // a torn end
			}
			if err := fn(v, b); err != nil {
				if errors.Is(err, ErrStop) {
					break
				}
				return err
			}
			rest = rest[size:]
		}
	}
	return nil
}

// beginCold lets a transaction write blocks that are made of older ones; maintain
// is held.
func (f *blockFiles) beginCold() { f.out, f.begins = f.out[:0], f.cold.next() }

// setCold puts a block into a transaction.
func (f *blockFiles) setCold(txn *badger.Txn, key, v []byte) error {
	p := filePlace{f.begins.file, f.begins.offset + int64(len(f.out)), len(v), crcOf(v)}
	f.out = append(f.out, v...)
	return tooBig(txn.SetEntry(badger.NewEntry(key, p.append(nil)).WithMeta(metaCold)))
}

// commitCold makes the blocks of a transaction durable, then its rows, and a key.
func (l *diskLog) commitCold(txn *badger.Txn, key, value []byte, write string) error {
	if len(l.blocks.out) > 0 {
		if err := l.blocks.cold.write(l.blocks.out); err != nil {
			return err
		}
	}
	return l.db.commit(txn, key, value, write)
}
