package fold

import (
	"encoding/binary"
	"fmt"

	"ripen/tracker"
)

// recordVersion is the first byte of every value this package stores.
const recordVersion = 1

// partVersion is the first byte of a part of a timeline: those of version 1 hold no
// copies of sealed parts, and are read as well.
const partVersion = 2

// reader reads the parts of a stored value; after the first error all reads
// are zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: need more than the %d bytes there are: run ripen replay", what, len(r.b))
	}
	r.b = nil
}

func (r *reader) version() { r.versions(recordVersion) }

// versions reads the first byte of a value, of a version up to most.
func (r *reader) versions(most byte) {
	if v := r.byte(); (v == 0 || v > most) && r.err == nil {
		r.err = fmt.Errorf("version %d, this binary reads %d: upgrade it", v, most)
	}
}

func (r *reader) byte() byte {
	if len(r.b) < 1 {
		r.fail("byte")
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("bytes")
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) place() (p Place) {
	p.Time = r.varint()
	if b := r.bytes(16); len(b) == 16 {
		p.Hi, p.Lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	}
	return p
}

func (r *reader) hash() (h tracker.Hash) {
	copy(h[:], r.bytes(16))
	return h
}

func (r *reader) id() (l tracker.LeadID) {
	l.Kind = tracker.IdentityKind(r.byte())
	l.Hash = r.hash()
	return l
}

// count reads the length of a list whose elements take at least size bytes.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail("list")
		return 0
	}
	return int(n)
}

func appendID(dst []byte, l tracker.LeadID) []byte {
	return append(append(dst, byte(l.Kind)), l.Hash[:]...)
}

func appendFlag(flags byte, on bool, bit byte) byte {
	if on {
		return flags | bit
	}
	return flags
}
