package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// dataFiles are numbered files beside a database, whose rows say where in them
// values lie. Values are written one behind the other, and synced before a row that
// names them is; what no row names is of writes that failed, or was removed.
type dataFiles struct {
	dir  string
	most int64 // no value begins behind it in its file

	mu    sync.Mutex
	at    filePlace           // guarded by mu: where the next value will lie
	files map[uint32]*os.File // guarded by mu; nil = closed
	gone  []goneFile          // guarded by mu: of files, those removed; who began to read before reads them
}

// goneFile is a removed file and the epoch of readers in which it was.
type goneFile struct {
	file  uint32
	epoch uint64
}

// filePlace is where a value lies.
type filePlace struct {
	file   uint32
	offset int64
	size   int
	crc    uint32
}

const dataFileBytes = 256 << 20

// maxValue bounds a value, so that a damaged row asks for no more memory.
const maxValue = 1 << 26

// append makes a row:
//
//	row = file:uvarint offset:uvarint length:uvarint crc:4, little-endian
func (p filePlace) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.file))
	b = binary.AppendUvarint(b, uint64(p.offset))
	b = binary.AppendUvarint(b, uint64(p.size))
	return binary.LittleEndian.AppendUint32(b, p.crc)
}

func parsePlace(b []byte) (p filePlace, err error) {
	c := columns{b: b}
	p.file, p.offset, p.size = uint32(c.uvarint()), int64(c.uvarint()), int(c.uvarint())
	if crc := c.take(4); !c.bad && len(c.b) == 0 && p.size <= maxValue && p.offset >= 0 {
		p.crc = binary.LittleEndian.Uint32(crc)
		return p, nil
	}
	return p, errors.New("a row that should say where its value lies does not")
}

func (d *dataFiles) name(file uint32) string {
	return filepath.Join(d.dir, fmt.Sprintf("%08d", file))
}

// list returns the files that there are and their sizes.
func (d *dataFiles) list() (map[uint32]int64, error) {
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	sizes := make(map[uint32]int64, len(entries))
	for _, e := range entries {
		n, bad := strconv.ParseUint(e.Name(), 10, 32)
		info, gone := e.Info()
		if bad == nil && gone == nil {
			sizes[uint32(n)] = info.Size()
		}
	}
	return sizes, err
}

// open finds the files. Values are written behind what is in the last of them, or
// with anew into a file of their own.
func (d *dataFiles) open(anew bool) error {
	sizes, err := d.list()
	if err != nil {
		return fmt.Errorf("open %s: %w", d.dir, err)
	}
	var at filePlace
	for n, size := range sizes {
		if n > at.file {
			at = filePlace{file: n, offset: size}
		}
	}
	if anew {
		at = filePlace{file: at.file + 1}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	if d.files == nil { // else it was not closed, and is being read
		d.files, d.gone = make(map[uint32]*os.File), nil
	}
	return nil
}

func (d *dataFiles) close() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		err = errors.Join(err, f.Close())
	}
	d.files = nil
	return err
}

// file returns an open file, made if create says so. mu is held.
func (d *dataFiles) file(n uint32, create bool) (*os.File, error) {
	if f := d.files[n]; f != nil {
		return f, nil
	}
	if d.files == nil {
		return nil, ErrClosed
	}
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(d.name(n), flag, 0o600)
	if err == nil && create {
		err = errors.Join(syncDir(d.dir), syncDir(filepath.Dir(d.dir)))
	}
	if err != nil {
		return nil, err
	}
	d.files[n] = f
	return f, nil
}

// next says where the next write begins. There is one writer.
func (d *dataFiles) next() filePlace {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.file == 0 || d.at.offset >= d.most {
		d.at = filePlace{file: d.at.file + 1}
	}
	return d.at
}

// write makes bytes durable where next said. After an error the next ones are
// written in their place: no row names them.
func (d *dataFiles) write(b []byte) error {
	at := d.next()
	d.mu.Lock()
	f, err := d.file(at.file, at.offset == 0)
	d.mu.Unlock()
	if err == nil {
		_, err = f.WriteAt(b, at.offset)
	}
	if err == nil {
		err = fdatasync(f)
	}
	if err != nil {
		return fmt.Errorf("write values: %w", err)
	}
	d.mu.Lock()
	d.at.offset += int64(len(b))
	d.mu.Unlock()
	return nil
}

// read fills buf with the bytes of a place.
func (d *dataFiles) read(p filePlace, buf []byte) ([]byte, error) {
	d.mu.Lock()
	f, err := d.file(p.file, false)
	d.mu.Unlock()
	buf = grow(buf[:0], p.size)[:p.size]
	if err == nil {
		_, err = f.ReadAt(buf, p.offset)
	}
	return buf, err
}

// unneeded returns the files before one of which less than half lives: bytes that
// rows name, by file. They are in order.
func (d *dataFiles) unneeded(before uint32, live map[uint32]int64) (files []uint32, err error) {
	sizes, err := d.list()
	for n, size := range sizes {
		if n < before && 2*live[n] <= size {
			files = append(files, n)
		}
	}
	slices.Sort(files)
	return files, err
}

// remove removes a file. Who reads since epoch, or before, reads it until forgetGone.
func (d *dataFiles) remove(file uint32, epoch uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.file(file, false); err != nil {
		return err
	}
	d.gone = append(d.gone, goneFile{file, epoch})
	return os.Remove(d.name(file))
}

// forgetGone lets go of the files that were removed in epochs before one.
func (d *dataFiles) forgetGone(before uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = slices.DeleteFunc(d.gone, func(g goneFile) bool {
		if g.epoch >= before {
			return false
		}
		_ = d.files[g.file].Close() // only read
		delete(d.files, g.file)
		return true
	})
}
