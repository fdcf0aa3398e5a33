package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
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

// encodeIDTable writes a table; hashes are sorted and without repeats.
func encodeIDTable(hashes []idHash, r idRange) []byte {
	blocks := max(1, (len(hashes)+bloomPer-1)/bloomPer)
	blooms := (blocks + bloomBlocks - 1) / bloomBlocks
	pages := (len(hashes) + idsPerPage - 1) / idsPerPage
	b := make([]byte, idPage*(1+blooms+pages))
	copy(b, idMagic)
	binary.LittleEndian.PutUint64(b[8:], uint64(len(hashes)))
	binary.LittleEndian.PutUint64(b[16:], r.from)
	binary.LittleEndian.PutUint64(b[24:], r.to)
	binary.LittleEndian.PutUint64(b[32:], uint64(r.newest))
	binary.LittleEndian.PutUint32(b[40:], uint32(blooms))
	binary.LittleEndian.PutUint32(b[44:], uint32(pages))
	bloom, ids := b[idPage:], b[idPage*(1+blooms):]
	for i, h := range hashes {
		block, bits := bloomPlace(h, uint64(blooms*bloomBlocks))
		at := block/bloomBlocks*idPage + block%bloomBlocks*64
		for range 8 {
			bit := bits & 511
			bloom[at+bit/8] |= 1 << (bit % 8)
			bits = bits>>9 | bits<<55
		}
		p := ids[i/idsPerPage*idPage+i%idsPerPage*16:]
		binary.BigEndian.PutUint64(p, h[0])
		binary.BigEndian.PutUint64(p[8:], h[1])
	}
	for at := 0; at < len(b); at += idPage {
		binary.LittleEndian.PutUint32(b[at+idCRC:], crc32.Checksum(b[at:at+idCRC], castagnoli))
	}
	return b
}

// idTable is an open table, mapped into memory. It is used by one goroutine at
// a time.
type idTable struct {
	idRange
	path    string
	b       []byte // the file
	checked []uint64
	count   uint64
	blooms  uint64
	pages   int
}

// parseIDTable checks the header of a table.
func parseIDTable(b []byte) (*idTable, error) {
	if len(b) < idPage || len(b)%idPage != 0 || string(b[:4]) != idMagic {
		return nil, errors.New("not a table of ids")
	}
	t := &idTable{b: b, checked: make([]uint64, (len(b)/idPage+63)/64)}
	if err := t.check(0); err != nil {
		return nil, err
	}
	t.count = binary.LittleEndian.Uint64(b[8:])
	t.from, t.to = binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	t.newest = int64(binary.LittleEndian.Uint64(b[32:]))
	t.blooms = uint64(binary.LittleEndian.Uint32(b[40:]))
	t.pages = int(binary.LittleEndian.Uint32(b[44:]))
	if t.blooms == 0 || t.from >= t.to || (1+t.blooms+uint64(t.pages))*idPage != uint64(len(b)) || t.count > uint64(t.pages)*idsPerPage {
		return nil, errors.New("header of the id table is inconsistent")
	}
	return t, nil
}

// check verifies a page when it is first touched.
func (t *idTable) check(page uint64) error {
	if t.checked[page/64]&(1<<(page%64)) != 0 {
		return nil
	}
	p := t.b[page*idPage : (page+1)*idPage]
	if crc32.Checksum(p[:idCRC], castagnoli) != binary.LittleEndian.Uint32(p[idCRC:]) {
		return fmt.Errorf("page %d: checksum does not match", page)
	}
	t.checked[page/64] |= 1 << (page % 64)
	return nil
}

// has says whether the table holds the hash.
func (t *idTable) has(h idHash) (bool, error) {
	block, bits := bloomPlace(h, t.blooms*bloomBlocks)
	page := 1 + block/bloomBlocks
	if err := t.check(page); err != nil {
		return false, err
	}
	line := t.b[page*idPage+block%bloomBlocks*64:][:64]
	for range 8 {
		bit := bits & 511
		if line[bit/8]&(1<<(bit%8)) == 0 {
			return false, nil
		}
		bits = bits>>9 | bits<<55
	}
	return t.search(h)
}

// search looks the hash up among the sorted pages.
func (t *idTable) search(h idHash) (found bool, err error) {
	page := sort.Search(t.pages, func(i int) bool {
		if e := t.check(1 + t.blooms + uint64(i)); e != nil {
			err = e
		}
		return compareHash(t.at(i*idsPerPage), h) > 0
	}) - 1
	if page < 0 || err != nil {
		return false, err
	}
	n := min(idsPerPage, int(t.count)-page*idsPerPage)
	i := sort.Search(n, func(i int) bool { return compareHash(t.at(page*idsPerPage+i), h) >= 0 })
	return i < n && t.at(page*idsPerPage+i) == h, nil
}

func (t *idTable) at(i int) idHash {
	p := t.b[(1+int(t.blooms)+i/idsPerPage)*idPage+i%idsPerPage*16:]
	return idHash{binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])}
}

// all returns every hash of the table.
func (t *idTable) all() ([]idHash, error) {
	out := make([]idHash, t.count)
	for i := range out {
		if i%idsPerPage == 0 {
			if err := t.check(1 + t.blooms + uint64(i/idsPerPage)); err != nil {
				return nil, err
			}
		}
		out[i] = t.at(i)
	}
	return out, nil
}

func openIDTable(path string) (*idTable, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < idPage {
		return nil, errors.Join(err, errors.New("not a table of ids"))
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	t, err := parseIDTable(b)
	if err != nil {
		return nil, errors.Join(err, unix.Munmap(b))
	}
	t.path = path
	return t, nil
}

func (t *idTable) close() error { return unix.Munmap(t.b) }

// writeIDTable makes a table of the hashes in dir and opens it.
func writeIDTable(dir string, hashes []idHash, r idRange, fault Fault) (*idTable, error) {
	slices.SortFunc(hashes, compareHash)
	hashes = slices.Compact(hashes)
	if fault == FaultLost {
		return nil, errFault
	}
	path := filepath.Join(dir, idTableName(r))
	if err := writeSynced(path+".tmp", encodeIDTable(hashes, r), 0o600); err != nil {
		return nil, fmt.Errorf("write id table: %w", err)
	}
	if err := errors.Join(os.Rename(path+".tmp", path), syncDir(dir)); err != nil {
		return nil, fmt.Errorf("write id table: %w", err)
	}
	if fault == FaultReported {
		return nil, errFault
	}
	return openIDTable(path)
}
