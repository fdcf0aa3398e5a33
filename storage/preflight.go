package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/klauspost/compress/s2"
	"golang.org/x/sys/unix"
)

// Badger reads over a damaged block of a table without a word (an iterator
// ends early, a get finds nothing), panics in goroutines of its own on a
// damaged index, and takes a flipped bit in a WAL for its end. So its files are
// checked before it opens them: tables by the checksums that it writes itself,
// WALs that it had finished to their last byte.

// preflight checks the files of a database. With full, every block of every
// table is checked; without, only what Badger needs to open them.
func preflight(dir string, full bool) error {
	tables, err := listedTables(dir)
	if err != nil {
		return err
	}
	wals, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil {
		return err
	}
	slices.Sort(wals)
	if len(wals) > 0 {
		wals = wals[:len(wals)-1] // the newest may have a torn end
	}
	for _, path := range wals {
		if isEmpty(path) {
			continue // a crash fell between the two steps in which Badger deletes one
		}
		if err := checkFile(path, new([]byte), checkWAL); err != nil {
			return err
		}
	}
	return checkTables(tables, full)
}

// isEmpty says that a WAL has no bytes: Badger deletes one whose rows are in
// tables by cutting it to nothing first. One that lost rows that way is missed
// by the high-water marks, which name what is gone.
func isEmpty(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == 0
}

// removeEmptyWALs finishes the deletions that a crash interrupted.
func removeEmptyWALs(dir string) error {
	wals, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	for _, path := range wals {
		if isEmpty(path) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// listedTable is a table and how its blocks are written, which may have been
// otherwise before.
type listedTable struct {
	path       string
	compressed bool
}

// listedTables returns the tables that the manifest names. Others are leftovers
// of a crash, maybe half written, which Badger removes.
func listedTables(dir string) (tables []listedTable, err error) {
	f, err := os.Open(filepath.Join(dir, "MANIFEST"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return nil, damage(filepath.Dir(dir), filepath.Join(filepath.Base(dir), "MANIFEST"), err)
	}
	for id, m := range manifest.Tables {
		path := filepath.Join(dir, fmt.Sprintf("%06d.sst", id))
		if _, err := os.Stat(path); err != nil {
			return nil, damage(filepath.Dir(dir), filepath.Join(filepath.Base(dir), filepath.Base(path)), err)
		}
		tables = append(tables, listedTable{path, m.Compression != options.None})
	}
	return tables, nil
}

// checkTables checks tables on two goroutines.
func checkTables(tables []listedTable, full bool) error {
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for w := range errs {
		wg.Go(func() {
			var buf []byte
			var file *[]byte // mapped: only its ends are wanted
			if full {
				file = new([]byte)
			}
			for i := w; i < len(tables) && errs[w] == nil; i += len(errs) {
				errs[w] = checkFile(tables[i].path, file, func(b []byte) (err error) {
					buf, err = checkTable(buf, b, tables[i].compressed, full)
					return err
				})
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// checkFile calls check with the bytes of a file and names the file in its error.
// They are read into buf: what is looked at from end to end costs a third less than
// mapped, where each page is a fault. Without buf they are mapped.
func checkFile(path string, buf *[]byte, check func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = errors.New("the file is empty")
	if size := int(info.Size()); size > 0 {
		b, letGo, e := fileBytes(f, size, buf)
		if e != nil {
			return fmt.Errorf("read %s: %w", path, e)
		}
		err = check(b)
		if e := letGo(); e != nil && err == nil {
			return fmt.Errorf("read %s: %w", path, e)
		}
	}
	if err == nil {
		return nil
	}
	dir := filepath.Dir(path)
	return damage(filepath.Dir(dir), filepath.Join(filepath.Base(dir), filepath.Base(path)), err)
}

// fileBytes reads a whole file into buf, or maps it if there is none.
func fileBytes(f *os.File, size int, buf *[]byte) (b []byte, letGo func() error, err error) {
	if buf == nil {
		b, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
		return b, func() error { return unix.Munmap(b) }, err
	}
	*buf = grow((*buf)[:0], size)[:size]
	_, err = io.ReadFull(f, *buf)
	return *buf, func() error { return nil }, err
}

// cutTail cuts n bytes from the end of b.
func cutTail(b []byte, n uint32) (rest, tail []byte, err error) {
	if uint64(n) > uint64(len(b)) {
		return nil, nil, errors.New("a length points out of the file")
	}
	at := len(b) - int(n)
	return b[:at], b[at:], nil
}

// cutSized cuts a part and its length in front of the end of b.
func cutSized(b []byte) (rest, part []byte, err error) {
	rest, n, err := cutTail(b, 4)
	if err != nil {
		return nil, nil, err
	}
	return cutTail(rest, binary.BigEndian.Uint32(n))
}

// checkTable checks a Badger table: blocks, index, index length, checksum of
// the index, its length. It returns buf for the next one.
func checkTable(buf, b []byte, compressed, full bool) ([]byte, error) {
	rest, sum, err := cutSized(b)
	if err != nil {
		return buf, err
	}
	rest, index, err := cutSized(rest)
	if err != nil {
		return buf, err
	}
	if err := checkSum(index, sum); err != nil {
		return buf, fmt.Errorf("index of the table: %w", err)
	}
	if len(index) < 8 {
		return buf, errors.New("index of the table is empty")
	}
	t := fb.GetRootAsTableIndex(index, 0) // safe: its checksum is right
	n := t.OffsetsLength()
	for i := range n {
		if !full && i != 0 && i != n-1 {
			continue
		}
		var o fb.BlockOffset
		if !t.Offsets(&o, i) || uint64(o.Offset())+uint64(o.Len()) > uint64(len(rest)) {
			return buf, fmt.Errorf("block %d of %d is not in the file", i, n)
		}
		block := rest[o.Offset() : o.Offset()+o.Len()]
		if compressed {
			if buf, err = unpackTableBlock(buf, block); err != nil {
				return buf, fmt.Errorf("block %d of %d: %w", i, n, err)
			}
			block = buf
		}
		data, sum, err := cutSized(block)
		if err == nil {
			err = checkSum(data, sum)
		}
		if err != nil {
			return buf, fmt.Errorf("block %d of %d: %w", i, n, err)
		}
	}
	return buf, nil
}

func unpackTableBlock(buf, block []byte) ([]byte, error) {
	n, err := s2.DecodedLen(block) // s2 reads snappy
	if err != nil || n > 1<<26 {
		return buf, errors.New("not compressed as it should be")
	}
	return s2.Decode(grow(buf[:0], n)[:n], block)
}

// checkSum checks data against Badger's encoded checksum: field 1 is the kind,
// 0 and left out for CRC-32C; field 2 the sum.
func checkSum(data, encoded []byte) error {
	if len(encoded) > 1 && encoded[0] == 0x08 {
		if encoded[1] != 0 {
			return fmt.Errorf("checksum of unknown kind %d", encoded[1])
		}
		encoded = encoded[2:]
	}
	var want uint64
	if len(encoded) > 0 {
		n := 0
		if want, n = binary.Uvarint(encoded[1:]); encoded[0] != 0x10 || n != len(encoded)-1 {
			return errors.New("checksum is unreadable")
		}
	}
	if uint64(crc32.Checksum(data, castagnoli)) != want {
		return errors.New("checksum does not match")
	}
	return nil
}

const walHeader = 20 // key id and nonce, unused without encryption

// checkWAL checks a finished WAL: entries to the end, zeros after them.
func checkWAL(b []byte) error {
	for at := walHeader; at < len(b); {
		if b[at] == 0 && isZero(b[at:]) {
			return nil
		}
		n, err := walEntry(b[at:])
		if err != nil {
			return fmt.Errorf("entry at offset %d: %w", at, err)
		}
		at += n
	}
	return nil
}

// walEntry checks the entry that b starts with and returns its size.
func walEntry(b []byte) (int, error) {
	at := 2 // two bytes of flags
	var sizes [3]uint64
	for i := range sizes { // key length, value length, expiry
		if at >= len(b) {
			return 0, errors.New("ends early")
		}
		v, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return 0, errors.New("header is unreadable")
		}
		sizes[i] = v
		at += n
	}
	if sizes[0] > 1<<17 || sizes[1] > 1<<31 || uint64(at)+sizes[0]+sizes[1]+4 > uint64(len(b)) {
		return 0, errors.New("a length points out of the file")
	}
	end := at + int(sizes[0]+sizes[1])
	if crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return 0, errors.New("checksum does not match")
	}
	return end + 4, nil
}
