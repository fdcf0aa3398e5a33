package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstd's coders are made once and used by all: EncodeAll and DecodeAll are safe
// for concurrent use.
var (
	zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic("BUG: zstd options: " + err.Error())
		}
		return e
	})
	zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(1<<27))
		if err != nil {
			panic("BUG: zstd options: " + err.Error())
		}
		return d
	})
)

var errRaw = errors.New("block: columns do not match their count")

// columns reads the raw part of a block; after the first error all is zero.
type columns struct {
	b   []byte
	bad bool
}

func (c *columns) uvarint() uint64 {
	if len(c.b) > 0 && c.b[0] < 0x80 {
		v := c.b[0]
		c.b = c.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *columns) take(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

// block is a block in memory: its header and its bytes, ready to be cut into
// records. It is not changed after it is made.
type block struct {
	blockHeader
	raw    []byte
	sealed []byte
}

// records appends the block's records to dst. Their bytes point into the block.
func (b *block) records(dst []Record) ([]Record, error) {
	n := int(b.Count)
	if n > len(b.raw) { // a record takes at least its kind byte
		return dst, errRaw
	}
	start := len(dst)
	dst = append(dst, make([]Record, n)...)
	recs := dst[start:]
	c := columns{b: b.raw}
	c.tenants(recs, b.First)
	subjects, ids := c.places(recs)
	rows := make([]uint32, n)
	total := uint64(0)
	for i := range rows {
		l := c.uvarint()
		total += l
		rows[i] = uint32(min(l, 1<<31))
	}
	sealed := b.sealed
	for i := range recs {
		l := c.uvarint()
		if l > uint64(len(sealed)) {
			return dst[:start], errRaw
		}
		recs[i].Personal, sealed = sealed[:l:l], sealed[l:]
	}
	if total > uint64(len(c.b)) || c.bad || len(sealed) > 0 {
		return dst[:start], errRaw
	}
	literals := columns{b: c.b[:uint64(len(c.b))-total]}
	c.b = c.b[len(literals.b):]
	for i := range recs {
		recs[i].Row = c.take(uint64(rows[i]))
	}
	for i := range recs {
		if r := &recs[i]; r.Subject[0] != 0 {
			copy(r.Subject[1:], literals.at(r.Row, subjects[i], 16))
		}
	}
	for i := range recs {
		if l := uint64(len(recs[i].ID)); l > 0 {
			recs[i].ID = literals.at(recs[i].Row, ids[i], l)
		}
	}
	if c.bad || literals.bad || len(c.b) > 0 || len(literals.b) > 0 {
		return dst[:start], errRaw
	}
	return dst, nil
}

// at returns n bytes from their place: in the row, or next among the literals.
func (c *columns) at(row []byte, place uint32, n uint64) []byte {
	if place == 0 {
		return c.take(n)
	}
	if from := uint64(place - 1); from+n <= uint64(len(row)) {
		return row[from : from+n : from+n]
	}
	c.bad = true
	return nil
}

// tenants reads the tenants, runs and kinds into recs.
func (c *columns) tenants(recs []Record, first uint64) {
	n := c.uvarint()
	if n > uint64(len(recs)) || n == 0 && len(recs) > 0 {
		c.bad = true
		return
	}
	ids := c.take(8 * n)
	runs := c.uvarint()
	i := uint64(0)
	for ; runs > 0 && !c.bad; runs-- {
		count, received, epoch := c.uvarint(), c.uvarint(), c.uvarint()
		if count > uint64(len(recs))-i {
			c.bad = true
			return
		}
		for end := i + count; i < end; i++ {
			recs[i].Seq, recs[i].Received, recs[i].epoch = first+i, int64(received), uint32(epoch)
		}
	}
	c.bad = c.bad || i != uint64(len(recs))
	if c.bad {
		return
	}
	for i := range recs {
		t := uint64(0)
		if n > 1 {
			t = c.uvarint()
		}
		if t >= n {
			c.bad = true
			return
		}
		recs[i].Tenant = Tenant(ids[8*t:])
	}
	for i, k := range c.take(uint64(len(recs))) {
		recs[i].Kind = k
	}
}

// places reads where subjects and ids are. ID gets a length without bytes yet.
func (c *columns) places(recs []Record) (subjects, ids []uint32) {
	for i, k := range c.take(uint64(len(recs))) {
		recs[i].Subject[0] = k
	}
	buf := make([]uint32, 2*len(recs))
	subjects, ids = buf[:len(recs)], buf[len(recs):]
	for i := range recs {
		if recs[i].Subject[0] != 0 {
			subjects[i] = uint32(min(c.uvarint(), 1<<31))
		}
	}
	for i := range recs {
		if l := c.uvarint(); l > 0 {
			if l > MaxID {
				c.bad = true
				return subjects, ids
			}
			recs[i].ID = idLengths[:l]
		}
	}
	for i := range recs {
		if len(recs[i].ID) > 0 {
			ids[i] = uint32(min(c.uvarint(), 1<<31))
		}
	}
	return subjects, ids
}

// record cuts one record out, without the others: what random access costs.
func (b *block) record(i int, r *Record) error {
	n := int(b.Count)
	if n > len(b.raw) || i >= n {
		return errRaw
	}
	c := columns{b: b.raw}
	tenants := c.uvarint()
	ids := c.take(8 * min(tenants, uint64(n)+1))
	for runs, at := c.uvarint(), uint64(0); runs > 0 && !c.bad; runs-- {
		count, received, epoch := c.uvarint(), c.uvarint(), c.uvarint()
		if at <= uint64(i) && uint64(i)-at < count {
			r.Received, r.epoch = int64(received), uint32(epoch)
		}
		at += count
	}
	tenant := uint64(0)
	for j := 0; j < n && tenants > 1; j++ {
		if t := c.uvarint(); j == i {
			tenant = t
		}
	}
	kinds, subjects := c.take(uint64(n)), c.take(uint64(n))
	if c.bad || tenant >= tenants {
		return errRaw
	}
	r.Tenant, r.Kind, r.Seq, r.Dup = Tenant(ids[8*tenant:]), kinds[i], b.First+uint64(i), false
	return b.cutOne(&c, i, subjects, r)
}

// cutOne reads the columns from the subjects' places on, for one record.
func (b *block) cutOne(c *columns, i int, subjects []byte, r *Record) error {
	var subject, id place
	for j, kind := range subjects {
		if kind != 0 {
			subject.next(j, i, c.uvarint(), 16)
		}
	}
	lengths := *c // read twice: the places come only where a length is not 0
	for range subjects {
		c.uvarint()
	}
	for j := range subjects {
		if l := lengths.uvarint(); l > 0 && !c.bad {
			id.next(j, i, c.uvarint(), l)
		}
	}
	row, sealed := span{}, span{}
	for j := range subjects {
		row.next(j, i, c.uvarint())
	}
	for j := range subjects {
		sealed.next(j, i, c.uvarint())
	}
	if c.bad || row.total > uint64(len(c.b)) || sealed.total != uint64(len(b.sealed)) {
		return errRaw
	}
	literals, rows := c.b[:uint64(len(c.b))-row.total], c.b[uint64(len(c.b))-row.total:]
	if subject.literals+id.literals != uint64(len(literals)) {
		return errRaw
	}
	r.Row, r.Personal = row.of(rows), sealed.of(b.sealed)
	hash, ok1 := subject.of(r.Row, literals)
	r.Subject = Subject{subjects[i]}
	copy(r.Subject[1:], hash)
	var ok2 bool
	r.ID, ok2 = id.of(r.Row, literals[subject.literals:])
	if !ok1 || !ok2 {
		return errRaw
	}
	return nil
}

// span finds one part among parts that lie in a row.
type span struct{ from, size, total uint64 }

func (s *span) next(j, want int, size uint64) {
	size = min(size, 1<<32)
	if j == want {
		s.from, s.size = s.total, size
	}
	s.total += size
}

func (s *span) of(b []byte) []byte { return b[s.from : s.from+s.size : s.from+s.size] }

// place finds one subject or id: in the row, or among the literals.
type place struct {
	at, from, size, literals uint64
}

func (p *place) next(j, want int, at, size uint64) {
	size = min(size, 1<<32)
	if j == want {
		p.at, p.from, p.size = at, p.literals, size
	}
	if at == 0 {
		p.literals += size
	}
}

func (p *place) of(row, literals []byte) (b []byte, ok bool) {
	from := p.from
	if p.at > 0 {
		literals, from = row, p.at-1
	}
	if from > uint64(len(literals)) || p.size > uint64(len(literals))-from {
		return nil, false
	}
	return literals[from : from+p.size : from+p.size], true
}

// idLengths lends its length to an ID whose bytes are not known yet.
var idLengths [MaxID]byte

// openBlock checks and unpacks a stored block. sealed and, without compression,
// raw point into b.
func openBlock(b []byte) (*block, error) {
	h, packed, sealed, err := parseBlock(b)
	if err != nil {
		return nil, err
	}
	raw := packed
	if h.Codec != codecNone {
		if raw, err = unpack(nil, &h, packed); err != nil {
			return nil, err
		}
	} else if len(raw) != int(h.RawLen) {
		return nil, fmt.Errorf("block: raw has %d bytes, need %d", len(raw), h.RawLen)
	}
	return &block{h, raw, sealed}, nil
}
