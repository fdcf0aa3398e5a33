package storage

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// An id table holds the id hashes of the records [from, to), sorted, behind a
// Bloom filter. It is derived from the log: a damaged or missing one is built
// again. The file is pages of 4096 bytes, each ending in its CRC-32C, checked
// when it is first touched:
//
//	file   = header bloom* ids*
//	header = "RID1" zero:4 count:8 from:8 to:8 newest:8 blooms:4 idPages:4
//	bloom  = 63 blocks of 512 bits; an id sets 8 bits of one block
//	ids    = up to 255 hashes of 16 bytes, big-endian, ascending; then zeros
const (
	idPage      = 4096
	idCRC       = idPage - 4
	idMagic     = "RID1"
	idsPerPage  = 255
	bloomBlocks = 63
	bloomPer    = 40 // ids per block of 512 bits: 12.8 bits an id, 0.3 % false hits
)

// idRange says what a table covers.
type idRange struct {
	from, to uint64 // records [from, to)
	newest   int64  // receive time of the newest of them
}

func idTableName(r idRange) string { return fmt.Sprintf("%016x-%016x.ids", r.from, r.to) }

func compareHash(a, b idHash) int {
	switch {
	case a[0] != b[0]:
		if a[0] < b[0] {
			return -1
		}
		return 1
	case a[1] < b[1]:
		return -1
	case a[1] > b[1]:
		return 1
	}
	return 0
}

// bloomPlace returns the block of a hash and its bits in 64-bit words.
func bloomPlace(h idHash, blocks uint64) (block uint64, bit uint64) {
	return h[1] % blocks, h[0]
}

// idSource calls visit with hashes in ascending order, each once. It is asked
// several times and says the same each time.
type idSource func(visit func(idHash)) error

// sorted is the source of hashes in memory.
func sorted(hashes []idHash) idSource {
	slices.SortFunc(hashes, compareHash)
	hashes = slices.Compact(hashes)
	return func(visit func(idHash)) error {
		for _, h := range hashes {
			visit(h)
		}
		return nil
	}
}

// merged is the source of what tables hold together.
func merged(tables []*idTable) idSource {
	return func(visit func(idHash)) error {
		at, heads := make([]int, len(tables)), make([]idHash, len(tables))
		pass := func(i int) (err error) {
			heads[i], err = tables[i].next(at[i])
			at[i]++
			return err
		}
		for i := range tables {
			if err := pass(i); err != nil {
				return err
			}
		}
		for {
			var least idHash // zero is no hash
			for _, h := range heads {
				if h != (idHash{}) && (least == idHash{} || compareHash(h, least) < 0) {
					least = h
				}
			}
			if least == (idHash{}) {
				return nil
			}
			visit(least)
			for i, h := range heads {
				if h != least {
					continue
				}
				if err := pass(i); err != nil {
					return err
				}
			}
		}
	}
}

// bloomPass is how many pages of the filter are filled at a time: the source is
// asked once for each pass, so that a table of any size is made in 16 MiB.
const bloomPass = 4096

// writeIDs writes a table of at most so many hashes into an empty file.
func writeIDs(f *os.File, most uint64, each idSource, r idRange) error {
	// Odd, as is what chooses a block: of an even number of blocks half would stay
	// empty, and the others find one hash of fifteen that is not there.
	blooms := (most+bloomPer*bloomBlocks-1)/(bloomPer*bloomBlocks) | 1
	for from := uint64(0); from < blooms; from += bloomPass {
		b, err := encodeBlooms(blooms, from, min(from+bloomPass, blooms), each)
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(b, int64(idPage*(1+from))); err != nil {
			return err
		}
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(f, int64(idPage*(1+blooms))), 1<<18)
	count, page := uint64(0), make([]byte, 0, idPage)
	put := func() {
		page = sealIDPage(page)
		_, _ = w.Write(page) // an error stays until Flush
		page = page[:0]
	}
	err := each(func(h idHash) {
		page = binary.BigEndian.AppendUint64(page, h[0])
		page = binary.BigEndian.AppendUint64(page, h[1])
		if count++; count%idsPerPage == 0 {
			put()
		}
	})
	if err != nil {
		return err
	}
	if len(page) > 0 {
		put()
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = f.WriteAt(encodeIDHeader(count, blooms, r), 0)
	return err
}

func encodeIDHeader(count, blooms uint64, r idRange) []byte {
	b := append(make([]byte, 0, idPage), idMagic+"\x00\x00\x00\x00"...)
	for _, v := range []uint64{count, r.from, r.to, uint64(r.newest)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(blooms))
	return sealIDPage(binary.LittleEndian.AppendUint32(b, uint32((count+idsPerPage-1)/idsPerPage)))
}

// sealIDPage fills a page up and ends it with its checksum.
func sealIDPage(b []byte) []byte {
	b = append(b, make([]byte, idCRC-len(b))...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// encodeBlooms makes the pages [from, to) of a filter of that many.
func encodeBlooms(blooms, from, to uint64, each idSource) ([]byte, error) {
	b := make([]byte, idPage*(to-from))
	err := each(func(h idHash) {
		block, places := bloomPlace(h, blooms*bloomBlocks)
		page := block / bloomBlocks
		if page < from || page >= to {
			return
		}
		line := b[(page-from)*idPage+block%bloomBlocks*64:][:64]
		for range 8 {
			bit := places & 511
			line[bit/8] |= 1 << (bit % 8)
			places = places>>9 | places<<55
		}
	})
	for at := uint64(0); at < uint64(len(b)); at += idPage {
		sealIDPage(b[at : at : at+idPage][:idCRC])
	}
	return b, err
}

// idTable is an open table. Its filter is mapped into memory, and costs some only
// while there is some; its ids are read when the filter lets a hash through: mapped
// they would be in the resident set, 16 bytes each. It is used by one goroutine at
// a time.
type idTable struct {
	idRange
	path    string
	f       *os.File
	b       []byte   // header and filter
	checked []uint64 // :: page of b → its checksum holds
	count   uint64
	blooms  uint64
	pages   int

	page   [idPage]byte // of ids, the one read last
	loaded int          // which one, plus one; 0 = none
}

// parseIDHeader reads the header of a table of that many bytes.
func parseIDHeader(b []byte, size int64) (*idTable, error) {
	if size%idPage != 0 || string(b[:4]) != idMagic {
		return nil, errors.New("not a table of ids")
	}
	if err := checkIDPage(0, b); err != nil {
		return nil, err
	}
	t := &idTable{
		idRange: idRange{binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:]), int64(binary.LittleEndian.Uint64(b[32:]))},
		count:   binary.LittleEndian.Uint64(b[8:]),
		blooms:  uint64(binary.LittleEndian.Uint32(b[40:])),
		pages:   int(binary.LittleEndian.Uint32(b[44:])),
	}
	if t.blooms == 0 || t.from >= t.to || (1+t.blooms+uint64(t.pages))*idPage != uint64(size) || t.count > uint64(t.pages)*idsPerPage || t.count+idsPerPage <= uint64(t.pages)*idsPerPage {
		return nil, errors.New("header of the id table is inconsistent")
	}
	return t, nil
}

func checkIDPage(page uint64, p []byte) error {
	if crc32.Checksum(p[:idCRC], castagnoli) != binary.LittleEndian.Uint32(p[idCRC:]) {
		return fmt.Errorf("page %d: checksum does not match", page)
	}
	return nil
}

// check verifies a page of the filter when it is first touched.
func (t *idTable) check(page uint64) error {
	if t.checked[page/64]&(1<<(page%64)) != 0 {
		return nil
	}
	if err := checkIDPage(page, t.b[page*idPage:(page+1)*idPage]); err != nil {
		return err
	}
	t.checked[page/64] |= 1 << (page % 64)
	return nil
}

// load reads a page of ids and returns how many it holds.
func (t *idTable) load(i int) (n int, err error) {
	if t.loaded != i+1 {
		page := 1 + t.blooms + uint64(i)
		t.loaded = 0
		if _, err := t.f.ReadAt(t.page[:], int64(page*idPage)); err != nil {
			return 0, fmt.Errorf("page %d: %w", page, err)
		}
		if err := checkIDPage(page, t.page[:]); err != nil {
			return 0, err
		}
		t.loaded = i + 1
	}
	return min(idsPerPage, int(t.count)-i*idsPerPage), nil
}

// at returns a hash of the page read last.
func (t *idTable) at(i int) idHash {
	p := t.page[16*i:]
	return idHash{binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])}
}

// has says whether the table holds the hash.
func (t *idTable) has(h idHash) (bool, error) {
	block, places := bloomPlace(h, t.blooms*bloomBlocks)
	page := 1 + block/bloomBlocks
	if err := t.check(page); err != nil {
		return false, err
	}
	line := t.b[page*idPage+block%bloomBlocks*64:][:64]
	for range 8 {
		bit := places & 511
		if line[bit/8]&(1<<(bit%8)) == 0 {
			return false, nil
		}
		places = places>>9 | places<<55
	}
	return t.search(h)
}

// search looks the hash up among the sorted pages. Hashes are spread evenly, so that
// a hash says where it is, give or take a few pages.
func (t *idTable) search(h idHash) (bool, error) {
	guess, _ := bits.Mul64(h[0], uint64(t.pages))
	for i, step := int(guess), 0; i >= 0 && i < t.pages; i += step {
		n, err := t.load(i)
		if err != nil {
			return false, err
		}
		switch {
		case compareHash(h, t.at(0)) < 0 && step <= 0:
			step = -1
		case compareHash(t.at(n-1), h) < 0 && step >= 0:
			step = 1
		default:
			k := sort.Search(n, func(k int) bool { return compareHash(t.at(k), h) >= 0 })
			return k < n && t.at(k) == h, nil
		}
	}
	return false, nil
}

// next returns the hash at a place; zero at the end.
func (t *idTable) next(i int) (idHash, error) {
	if i >= int(t.count) {
		return idHash{}, nil
	}
	_, err := t.load(i / idsPerPage)
	return t.at(i % idsPerPage), err
}

func openIDTable(path string) (t *idTable, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var header [idPage]byte
	if _, err := f.ReadAt(header[:], 0); err != nil {
		return nil, errors.New("not a table of ids")
	}
	if t, err = parseIDHeader(header[:], info.Size()); err != nil {
		return nil, err
	}
	t.path, t.f, t.checked = path, f, make([]uint64, t.blooms/64+1)
	if t.b, err = unix.Mmap(int(f.Fd()), 0, int(idPage*(1+t.blooms)), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return t, nil
}

func (t *idTable) close() error { return errors.Join(unix.Munmap(t.b), t.f.Close()) }

// writeIDTable makes a table in dir of at most so many hashes, and opens it.
func writeIDTable(dir string, most uint64, each idSource, r idRange, fault Fault) (*idTable, error) {
	path := filepath.Join(dir, idTableName(r))
	err := fault.of(func() error {
		err := createSynced(path+".tmp", 0o600, func(f *os.File) error { return writeIDs(f, most, each, r) })
		if err == nil {
			err = errors.Join(os.Rename(path+".tmp", path), syncDir(dir))
		}
		if err != nil {
			return fmt.Errorf("write id table: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return openIDTable(path)
}
