package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/klauspost/compress/s2"
)

// valueFiles keep the values of one space of a table: many, written once and
// hardly ever removed. Badger would write each of them again on every level that
// its row passes, through mappings, whose pages cost more than the bytes. Here it
// is written once, and the row in the table says where it lies:
//
//	row   = file:uvarint offset:uvarint length:uvarint crc:4, little-endian
//	files = values/00000001 …: values, each packed by s2, one behind the other,
//	        and what transactions that failed have left
//
// A value is synced before the row that names it is committed.
type valueFiles struct {
	dir   string
	space byte
	most  int64 // no value begins behind it in its file
	fault func() Fault

	writing sync.Mutex // held by the transaction that changes rows of the space
	out     []byte     // what it has written
	taken   int        // bytes of values before they were packed
	at      valuePlace // where that will lie

	mu    sync.Mutex
	files map[uint32]*os.File // guarded by mu; nil = closed
	gone  []uint32            // guarded by mu: of files, those removed; old snapshots read them
}

// valuePlace is where a value lies.
type valuePlace struct {
	file   uint32
	offset int64
	size   int
	crc    uint32
}

// metaValue marks a row of the table whose value lies in a file.
const metaValue = 1

const (
	valueFileBytes = 256 << 20
	valueTxBytes   = 1 << 20 // a transaction's; they wait in memory for its commit
	valueLeast     = 64      // shorter ones stay in their row
)

func newValueFiles(dir string, space byte, fault func() Fault) *valueFiles {
	return &valueFiles{dir: dir, space: space, most: valueFileBytes, fault: fault}
}

func (p valuePlace) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.file))
	b = binary.AppendUvarint(b, uint64(p.offset))
	b = binary.AppendUvarint(b, uint64(p.size))
	return binary.LittleEndian.AppendUint32(b, p.crc)
}

func parsePlace(b []byte) (p valuePlace, err error) {
	c := columns{b: b}
	p.file, p.offset, p.size = uint32(c.uvarint()), int64(c.uvarint()), int(c.uvarint())
	if crc := c.take(4); !c.bad && len(c.b) == 0 && p.size <= maxValue && p.offset >= 0 {
		p.crc = binary.LittleEndian.Uint32(crc)
		return p, nil
	}
	return p, errors.New("a row that should say where its value lies does not")
}

// maxValue bounds a value, so that a damaged row asks for no more memory.
const maxValue = 1 << 26

func (v *valueFiles) name(file uint32) string {
	return filepath.Join(v.dir, fmt.Sprintf("%08d", file))
}

// open finds the files. Values are written behind what is in the last of them.
func (v *valueFiles) open() error {
	entries, err := os.ReadDir(v.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open values: %w", err)
	}
	v.at = valuePlace{}
	for _, e := range entries {
		n, err := strconv.ParseUint(e.Name(), 10, 32)
		if err != nil || uint32(n) < v.at.file {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("open values: %w", err)
		}
		v.at = valuePlace{file: uint32(n), offset: info.Size()}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.files, v.gone = make(map[uint32]*os.File), nil
	return nil
}

func (v *valueFiles) close() (err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range v.files {
		err = errors.Join(err, f.Close())
	}
	v.files = nil
	return err
}

// file returns an open file, made if create says so.
func (v *valueFiles) file(n uint32, create bool) (*os.File, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.files[n]; f != nil {
		return f, nil
	}
	if v.files == nil {
		return nil, ErrClosed
	}
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
		if err := os.MkdirAll(v.dir, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(v.name(n), flag, 0o600)
	if err == nil && create {
		err = errors.Join(syncDir(v.dir), syncDir(filepath.Dir(v.dir)))
	}
	if err != nil {
		return nil, err
	}
	v.files[n] = f
	return f, nil
}

// begin lets a transaction write values; no other one does until end.
func (v *valueFiles) begin() {
	v.writing.Lock()
	v.out, v.taken = v.out[:0], 0
	if v.at.file == 0 || v.at.offset >= v.most {
		v.at = valuePlace{file: v.at.file + 1}
	}
}

// add takes a value and returns the row that says where it will lie. The error is
// [ErrTooBig].
func (v *valueFiles) add(key, value []byte) (*badger.Entry, error) {
	if v.taken > 0 && v.taken+len(value) > valueTxBytes {
		return nil, ErrTooBig
	}
	v.out = slices.Grow(v.out, s2.MaxEncodedLen(len(value)))
	packed := s2.Encode(v.out[len(v.out):cap(v.out)], value)
	p := valuePlace{v.at.file, v.at.offset + int64(len(v.out)), len(packed), crc32.Checksum(packed, castagnoli)}
	v.out, v.taken = v.out[:len(v.out)+len(packed)], v.taken+len(value)
	return badger.NewEntry(key, p.append(nil)).WithMeta(metaValue), nil
}

// sync writes what the transaction has added. After an error the next one writes
// in its place: no row names it.
func (v *valueFiles) sync() error {
	if len(v.out) == 0 {
		return nil
	}
	fault := v.fault()
	if fault == FaultLost {
		return errFault
	}
	f, err := v.file(v.at.file, v.at.offset == 0)
	if err == nil {
		_, err = f.WriteAt(v.out, v.at.offset)
	}
	if err == nil {
		err = fdatasync(f)
	}
	if err != nil {
		return fmt.Errorf("write values: %w", err)
	}
	if fault == FaultReported {
		return errFault
	}
	v.at.offset += int64(len(v.out))
	return nil
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
func (v *valueFiles) load(p valuePlace, buf []byte) ([]byte, error) {
	f, err := v.file(p.file, false)
	if errors.Is(err, ErrClosed) {
		return buf, err
	}
	buf = grow(buf[:0], p.size)[:p.size]
	if err == nil {
		_, err = f.ReadAt(buf, p.offset)
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
