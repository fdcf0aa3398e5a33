package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/klauspost/compress/s2"
)

// apartValues are the values of some spaces of a table that lie in files beside the
// rows: many, or written again and again. Badger would write each of them on every
// level that its row passes, through mappings, whose pages cost more than the bytes.
// Here it is written once, packed by s2, and the row in the table says where it lies.
type apartValues struct {
	kinds []*valueFiles // by the mark of their rows, less one

	writing    sync.Mutex // held by the transaction that changes rows of these spaces
	reclaiming sync.Mutex // held while space that no row needs is looked for
	readers    readers
}

// valueFiles keep the values of one space.
type valueFiles struct {
	dataFiles
	space byte
	mark  byte // of the rows of the table whose values lie here: 1, 2 …
	churn bool // rows are written anew all the time: what no row needs is most of the files soon
	fault func() Fault

	out    []byte    // guarded by writing: what the transaction under way has written
	taken  int       // guarded by writing: bytes of values before they were packed
	begins filePlace // guarded by writing: where out will lie

	reclaimed time.Time    // guarded by reclaiming: when space was last looked for
	live      int64        // guarded by reclaiming: bytes that rows named then
	since     atomic.Int64 // bytes written after
}

const (
	valueTxBytes = 1 << 20 // a transaction's, of a kind; they wait in memory for its commit
	valueLeast   = 64      // shorter ones stay in their row
)

// newApartValues keeps timelines and leads apart. A space keeps its mark for ever.
func newApartValues(dir string, fault func() Fault) *apartValues {
	now := time.Now()
	return &apartValues{kinds: []*valueFiles{
		{mark: 1, space: SpaceTimeline, reclaimed: now, fault: fault, dataFiles: dataFiles{dir: filepath.Join(dir, "values"), most: dataFileBytes}},
		{mark: 2, space: SpaceLead, reclaimed: now, churn: true, fault: fault, dataFiles: dataFiles{dir: filepath.Join(dir, "bodies"), most: churnBytes}},
	}}
}

// of returns the files of a space, nil if its values lie in their rows.
func (a *apartValues) of(space byte) *valueFiles {
	if a != nil {
		for _, v := range a.kinds {
			if v.space == space {
				return v
			}
		}
	}
	return nil
}

func (a *apartValues) open() (err error) {
	for _, v := range a.kinds {
		err = errors.Join(err, v.open(false))
	}
	return err
}

func (a *apartValues) close() (err error) {
	for _, v := range a.kinds {
		err = errors.Join(err, v.close())
	}
	return err
}

// begin lets a transaction write values; no other one does until end.
func (a *apartValues) begin() {
	a.writing.Lock()
	for _, v := range a.kinds {
		v.out, v.taken, v.begins = v.out[:0], 0, v.next()
	}
}

func (a *apartValues) end() { a.writing.Unlock() }

// enter keeps files that are removed readable until leave is called.
func (a *apartValues) enter() (leave func()) {
	if a == nil {
		return func() {}
	}
	epoch := a.readers.enter()
	return func() { a.readers.leave(epoch) }
}

// add takes a value and returns the row that says where it will lie. The error is
// [ErrTooBig].
func (v *valueFiles) add(key, value []byte) (*badger.Entry, error) {
	if v.taken > 0 && v.taken+len(value) > valueTxBytes {
		return nil, ErrTooBig
	}
	v.out = slices.Grow(v.out, s2.MaxEncodedLen(len(value)))
	packed := s2.Encode(v.out[len(v.out):cap(v.out)], value)
	p := filePlace{v.begins.file, v.begins.offset + int64(len(v.out)), len(packed), crc32.Checksum(packed, castagnoli)}
	v.out, v.taken = v.out[:len(v.out)+len(packed)], v.taken+len(value)
	return badger.NewEntry(key, p.append(nil)).WithMeta(v.mark), nil
}

// sync writes what the transaction has added.
func (a *apartValues) sync() error {
	for _, v := range a.kinds {
		if len(v.out) == 0 {
			continue
		}
		if err := v.fault().of(func() error { return v.write(v.out) }); err != nil {
			return err
		}
		v.since.Add(int64(len(v.out)))
	}
	return nil
}

// valueBuffers hold values while they are read.
var valueBuffers = sync.Pool{New: func() any { return new([]byte) }}

// read calls fn with the value of a row, which is valid until fn returns.
func (a *apartValues) read(item *badger.Item, fn func([]byte) error) error {
	mark := int(item.UserMeta())
	if mark == 0 {
		return item.Value(fn)
	}
	if a == nil || mark > len(a.kinds) {
		return fmt.Errorf("a row says that its value lies in files of kind %d: upgrade this binary", mark)
	}
	v := a.kinds[mark-1]
	return item.Value(func(row []byte) error {
		buf := valueBuffers.Get().(*[]byte)
		defer valueBuffers.Put(buf)
		p, err := parsePlace(row)
		if err != nil {
			return v.corrupt("", err)
		}
		if *buf, err = v.load(p, *buf); err != nil {
			return err
		}
		return fn((*buf)[p.size:])
	})
}

// load returns a packed value and behind it the value.
func (v *valueFiles) load(p filePlace, buf []byte) ([]byte, error) {
	buf, err := v.dataFiles.read(p, buf)
	if errors.Is(err, ErrClosed) {
		return buf, err
	}
	if err == nil && crc32.Checksum(buf, castagnoli) != p.crc {
		err = fmt.Errorf("value at byte %d: checksum does not match", p.offset)
	}
	size := 0
	if err == nil {
		size, err = s2.DecodedLen(buf)
	}
	if err == nil && size > maxValue {
		err = fmt.Errorf("value at byte %d: %d bytes are too many", p.offset, size)
	}
	if err == nil {
		buf = grow(buf, size)
		_, err = s2.Decode(buf[p.size:p.size+size], buf)
	}
	if err != nil {
		return buf, v.corrupt(filepath.Base(v.name(p.file)), err)
	}
	return buf[:p.size+size], nil
}

func (v *valueFiles) corrupt(file string, err error) error {
	table := filepath.Dir(v.dir)
	return damage(filepath.Dir(table), filepath.Join(filepath.Base(table), filepath.Base(v.dir), file), err)
}

// readers tell when a file that was removed is read by nobody any more: who began
// to read before may have a row that names it.
type readers struct {
	mu    sync.Mutex
	epoch uint64         // guarded by mu; a new one begins when a file is removed
	in    map[uint64]int // guarded by mu :: epoch → readers that began in it
}

// enter is told when somebody begins to read, and returns what leave needs.
func (r *readers) enter() (epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in == nil {
		r.in = make(map[uint64]int)
	}
	r.in[r.epoch]++
	return r.epoch
}

func (r *readers) leave(epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in[epoch]--; r.in[epoch] == 0 {
		delete(r.in, epoch)
	}
}

// turn begins a new epoch and returns the one that ends.
func (r *readers) turn() (ended uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch++
	return r.epoch - 1
}

// oldest is the epoch of who has read for longest.
func (r *readers) oldest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.epoch
	for e := range r.in {
		oldest = min(oldest, e)
	}
	return oldest
}
