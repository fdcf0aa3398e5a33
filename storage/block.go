package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/s2"
)

// The block format, version 1. A block holds count records with consecutive
// sequences of one day. All integers of the header are little-endian.
//
//	block  = header packed sealed
//	header = version:1 codec:1 flags:2 count:4 first:8 rawLen:4 packLen:4
//	         sealedLen:4 zero:4 prev:16 link:16 hash:16 crc:4
//	raw    = packed, decompressed by codec: the columns and the rows
//	sealed = the personal parts, each sealed alone; they do not compress
//
// hash is SHA-256, cut to 16 bytes, over the header up to it, packed and
// sealed. prev is the link of the block before. link is the hash, except at
// the end of a re-blocked run, where it is what the old run ended with: the
// next block still follows. crc is CRC-32C over all the rest.
//
// Readers of a later version must keep reading this one.
const (
	blockVersion = 1
	headerSize   = 84
	hashAt       = 64
	crcAt        = 80

	maxBlockRecords = 4096 // and of a group commit, which is cut into smaller ones
)

const (
	codecNone = iota
	codecS2
	codecZstd
)

const flagRunEnd = 1 // link differs from hash

type chainHash [16]byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockHeader is what a block says of itself.
type blockHeader struct {
	Codec     byte
	Flags     uint16
	Count     uint32
	First     uint64
	RawLen    uint32
	PackLen   uint32
	SealedLen uint32
	Prev      chainHash
	Link      chainHash
	Hash      chainHash
}

// end is the sequence after the last of the block.
func (h *blockHeader) end() uint64 { return h.First + uint64(h.Count) }

// appendBlock appends a block: raw packed with the codec, and sealed. It fills
// in the lengths and hashes of h; h.Link is kept only with flagRunEnd.
func appendBlock(dst []byte, h *blockHeader, raw, sealed []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	dst = appendPacked(dst, h.Codec, raw)
	h.RawLen, h.SealedLen = uint32(len(raw)), uint32(len(sealed))
	h.PackLen = uint32(len(dst) - start - headerSize)
	dst = append(dst, sealed...)
	b := dst[start:]
	b[0], b[1] = blockVersion, h.Codec
	binary.LittleEndian.PutUint16(b[2:], h.Flags)
	binary.LittleEndian.PutUint32(b[4:], h.Count)
	binary.LittleEndian.PutUint64(b[8:], h.First)
	binary.LittleEndian.PutUint32(b[16:], h.RawLen)
	binary.LittleEndian.PutUint32(b[20:], h.PackLen)
	binary.LittleEndian.PutUint32(b[24:], h.SealedLen)
	copy(b[32:], h.Prev[:])
	if h.Flags&flagRunEnd != 0 {
		copy(b[48:], h.Link[:])
	}
	h.Hash = hashBlock(b)
	if h.Flags&flagRunEnd == 0 {
		h.Link = h.Hash
	}
	copy(b[hashAt:], h.Hash[:])
	binary.LittleEndian.PutUint32(b[crcAt:], crcBlock(b))
	return dst
}

func hashBlock(b []byte) chainHash {
	d := sha256.New()
	d.Write(b[:hashAt])
	d.Write(b[headerSize:])
	var sum [32]byte
	return chainHash(d.Sum(sum[:0])[:16])
}

// sizeOf is what a block's header says of its length.
func sizeOf(b []byte) uint64 {
	return headerSize + uint64(binary.LittleEndian.Uint32(b[20:])) + uint64(binary.LittleEndian.Uint32(b[24:]))
}

func crcBlock(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:crcAt], castagnoli), castagnoli, b[headerSize:])
}

// parseBlock reads and checks a block's header and checksum.
func parseBlock(b []byte) (h blockHeader, packed, sealed []byte, err error) {
	if len(b) < headerSize {
		return h, nil, nil, fmt.Errorf("block: need %d bytes, have %d", headerSize, len(b))
	}
	if got, want := crcBlock(b), binary.LittleEndian.Uint32(b[crcAt:]); got != want {
		return h, nil, nil, errors.New("block: checksum does not match")
	}
	if b[0] != blockVersion {
		return h, nil, nil, fmt.Errorf("block: version %d, this binary reads %d: upgrade it", b[0], blockVersion)
	}
	h = blockHeader{
		Codec: b[1], Flags: binary.LittleEndian.Uint16(b[2:]),
		Count: binary.LittleEndian.Uint32(b[4:]), First: binary.LittleEndian.Uint64(b[8:]),
		RawLen: binary.LittleEndian.Uint32(b[16:]), PackLen: binary.LittleEndian.Uint32(b[20:]),
		SealedLen: binary.LittleEndian.Uint32(b[24:]),
		Prev:      chainHash(b[32:48]), Link: chainHash(b[48:64]), Hash: chainHash(b[hashAt:crcAt]),
	}
	if h.Flags&flagRunEnd == 0 {
		h.Link = h.Hash
	}
	if sizeOf(b) != uint64(len(b)) || h.RawLen > 1<<26 {
		return h, nil, nil, errors.New("block: lengths do not match")
	}
	body := b[headerSize:]
	return h, body[:h.PackLen:h.PackLen], body[h.PackLen:], nil
}

func appendPacked(dst []byte, codec byte, raw []byte) []byte {
	switch codec {
	case codecS2:
		n := len(dst)
		if need := n + s2.MaxEncodedLen(len(raw)); cap(dst) < need {
			dst = append(make([]byte, 0, need), dst...)
		}
		return dst[:n+len(s2.Encode(dst[n:cap(dst)], raw))]
	case codecZstd:
		return zstdEncoder().EncodeAll(raw, dst)
	}
	return append(dst, raw...)
}

// unpack appends the raw bytes of a block to dst.
func unpack(dst []byte, h *blockHeader, packed []byte) ([]byte, error) {
	n := len(dst)
	switch h.Codec {
	case codecNone:
		dst = append(dst, packed...)
	case codecS2:
		if l, err := s2.DecodedLen(packed); err != nil || l != int(h.RawLen) {
			return dst, errors.New("block: packed length does not match")
		}
		dst = grow(dst, int(h.RawLen))
		if _, err := s2.Decode(dst[n:n+int(h.RawLen)], packed); err != nil {
			return dst[:n], fmt.Errorf("block: %w", err)
		}
		dst = dst[:n+int(h.RawLen)]
	case codecZstd:
		var err error
		if dst, err = zstdDecoder().DecodeAll(packed, grow(dst, int(h.RawLen))); err != nil {
			return dst[:n], fmt.Errorf("block: %w", err)
		}
	default:
		return dst, fmt.Errorf("block: codec %d is unknown: upgrade this binary", h.Codec)
	}
	if len(dst)-n != int(h.RawLen) {
		return dst[:n], errors.New("block: raw length does not match")
	}
	return dst, nil
}

// grow makes room for n more bytes.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		return append(make([]byte, 0, len(b)+n), b...)
	}
	return b
}

// The raw part: columns, because equal things next to each other compress.
//
//	raw     = tenants runs column* literals rows
//	tenants = count:uvarint (8 bytes)*
//	runs    = count:uvarint (records:uvarint received:uvarint epoch:uvarint)*
//	columns = tenant index (only with two tenants or more), kind, subject kind,
//	          subject place (where a subject is), id length, id place (where
//	          the length is not 0), row length, sealed length
//	place   = 0: the bytes follow among the literals; else 1 + their offset in
//	          the row, which nearly always holds both

// appendRaw appends the raw part of recs, whose Personal is sealed already.
func appendRaw(dst []byte, recs []Record) []byte {
	dst, index := appendTenants(dst, recs)
	dst = appendRuns(dst, recs)
	for i := range recs {
		if len(index) > 1 {
			dst = binary.AppendUvarint(dst, index[recs[i].Tenant])
		}
	}
	for i := range recs {
		dst = append(dst, recs[i].Kind)
	}
	for i := range recs {
		dst = append(dst, recs[i].Subject[0])
	}
	var literals []byte
	place := func(row, b []byte) uint64 {
		if at := bytes.Index(row, b); at >= 0 {
			return uint64(at) + 1
		}
		literals = append(literals, b...)
		return 0
	}
	for i := range recs {
		if r := &recs[i]; r.Subject[0] != 0 {
			dst = binary.AppendUvarint(dst, place(r.Row, r.Subject[1:]))
		}
	}
	for i := range recs {
		dst = binary.AppendUvarint(dst, uint64(len(recs[i].ID)))
	}
	for i := range recs {
		if r := &recs[i]; len(r.ID) > 0 {
			dst = binary.AppendUvarint(dst, place(r.Row, r.ID))
		}
	}
	for i := range recs {
		dst = binary.AppendUvarint(dst, uint64(len(recs[i].Row)))
	}
	for i := range recs {
		dst = binary.AppendUvarint(dst, uint64(len(recs[i].Personal)))
	}
	dst = append(dst, literals...)
	for i := range recs {
		dst = append(dst, recs[i].Row...)
	}
	return dst
}

func appendTenants(dst []byte, recs []Record) ([]byte, map[Tenant]uint64) {
	index := make(map[Tenant]uint64, 4)
	var order []byte
	last := -1
	for i := range recs {
		if last >= 0 && recs[i].Tenant == recs[last].Tenant {
			continue
		}
		last = i
		if _, ok := index[recs[i].Tenant]; !ok {
			index[recs[i].Tenant] = uint64(len(index))
			order = append(order, recs[i].Tenant[:]...)
		}
	}
	return append(binary.AppendUvarint(dst, uint64(len(index))), order...), index
}

func appendRuns(dst []byte, recs []Record) []byte {
	same := func(a, b *Record) bool { return a.Received == b.Received && a.epoch == b.epoch }
	var runs []byte
	n := 0
	for i := 0; i < len(recs); n++ {
		j := i + 1
		for j < len(recs) && same(&recs[i], &recs[j]) {
			j++
		}
		runs = binary.AppendUvarint(runs, uint64(j-i))
		runs = binary.AppendUvarint(runs, uint64(recs[i].Received))
		runs = binary.AppendUvarint(runs, uint64(recs[i].epoch))
		i = j
	}
	return append(binary.AppendUvarint(dst, uint64(n)), runs...)
}
