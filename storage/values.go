package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/klauspost/compress/s2"
)

// valueFiles keep the values of one space of a table: many, written once and
// hardly ever removed. Badger would write each of them again on every level that
// its row passes, through mappings, whose pages cost more than the bytes. Here it
// is written once, packed by s2, and the row in the table says where it lies.
type valueFiles struct {
	dataFiles
	space byte
	fault func() Fault

	writing sync.Mutex // held by the transaction that changes rows of the space
	out     []byte     // what it has written
	taken   int        // bytes of values before they were packed
	begins  filePlace  // where out will lie
}

// metaValue marks a row of the table whose value lies in a file.
const metaValue = 1

const (
	valueTxBytes = 1 << 20 // a transaction's; they wait in memory for its commit
	valueLeast   = 64      // shorter ones stay in their row
)

func newValueFiles(dir string, space byte, fault func() Fault) *valueFiles {
	return &valueFiles{dataFiles: dataFiles{dir: dir, most: dataFileBytes}, space: space, fault: fault}
}

// begin lets a transaction write values; no other one does until end.
func (v *valueFiles) begin() {
	v.writing.Lock()
	v.out, v.taken, v.begins = v.out[:0], 0, v.next()
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
	return badger.NewEntry(key, p.append(nil)).WithMeta(metaValue), nil
}

// sync writes what the transaction has added.
func (v *valueFiles) sync() error {
	if len(v.out) == 0 {
		return nil
	}
	return v.fault().of(func() error { return v.write(v.out) })
}

// valueBuffers hold values while they are read.
var valueBuffers = sync.Pool{New: func() any { return new([]byte) }}

// read calls fn with the value of a row, which is valid until fn returns.
func (v *valueFiles) read(item *badger.Item, fn func([]byte) error) error {
	if item.UserMeta() != metaValue {
		return item.Value(fn)
	}
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
	return &CorruptError{Dir: filepath.Dir(table), File: filepath.Join(filepath.Base(table), filepath.Base(v.dir), file), Err: err}
}
