package meter

import (
	"fmt"
	"unicode/utf8"
)

// reader walks a module's bytes. Once it has failed it reads zeros, and its
// loops end.
type reader struct {
	b       []byte
	at, end int
	section string
	err     *Refusal
}

// refuse keeps the first thing that is wrong, found at a place.
func (r *reader) refuse(at int, limit, found string, args ...any) {
	if r.err == nil {
		r.err = &Refusal{r.section, at, limit, fmt.Sprintf(found, args...)}
	}
	r.at = r.end
}

const wellFormed = "need a well-formed module"

func (r *reader) byte() byte {
	if r.at >= r.end {
		r.refuse(r.at, wellFormed, "it ends too soon")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) skip(n int) {
	if n < 0 || n > r.end-r.at {
		r.refuse(r.at, wellFormed, "%d bytes wanted, %d left", n, r.end-r.at)
		return
	}
	r.at += n
}

// u32 reads an unsigned number as the specification bounds it: five bytes, no
// stray bits.
func (r *reader) u32() int {
	start, v := r.at, uint64(0)
	for i := range 5 {
		c := r.byte()
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if v > 1<<32-1 {
				break
			}
			return int(v)
		}
	}
	r.refuse(start, "at most 32 bits in 5 bytes", "a number is too long")
	return 0
}

// signed reads a signed number of some bits and drops its value but for the
// lowest 33 bits.
func (r *reader) signed(bits int) int64 {
	start, v := r.at, int64(0)
	for shift := 0; shift < bits; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			left := bits - shift // bits of c that count
			if left < 7 {
				if high := int8(c<<1) >> left; high != 0 && high != -1 {
					break
				}
			}
			if shift+7 < 64 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	r.refuse(start, fmt.Sprintf("at most %d bits", bits), "a number is too long")
	return 0
}

// count reads the length of a vector whose entries take at least size bytes
// each.
func (r *reader) count(what string, limit, size int) int {
	start := r.at
	n := r.u32()
	switch {
	case n > limit:
		r.refuse(start, fmt.Sprintf("at most %d", limit), "%d %s", n, what)
		return 0
	case n*size > r.end-r.at:
		r.refuse(start, wellFormed, "%d %s in %d bytes", n, what, r.end-r.at)
		return 0
	}
	return n
}

func (r *reader) index(what string, limit int) int {
	start := r.at
	i := r.u32()
	if i >= limit && r.err == nil {
		r.refuse(start, fmt.Sprintf("there are %d", limit), "%s %d", what, i)
		return 0
	}
	return i
}

func (r *reader) name() []byte {
	start := r.at
	n := r.count("bytes of a name", nameMax, 1)
	b := r.b[r.at : r.at+n]
	r.skip(n)
	if !utf8.Valid(b) {
		r.refuse(start, "need UTF-8", "a name is not text")
		return nil
	}
	return b
}

func (r *reader) valType() byte {
	start := r.at
	t := r.byte()
	if t < 0x7b || t > 0x7f {
		r.refuse(start, "need i32, i64, f32, f64 or v128", "a value of type 0x%02x", t)
	}
	return t
}

// constant reads a constant expression: one constant and its end.
func (r *reader) constant() {
	start := r.at
	switch op := r.byte(); op {
	case 0x41:
		r.signed(32)
	case 0x42:
		r.signed(64)
	case 0x43:
		r.skip(4)
	case 0x44:
		r.skip(8)
	case 0xfd:
		if n := r.u32(); n != 12 {
			r.refuse(start, "need one constant", "it begins with SIMD instruction %d", n)
		}
		r.skip(16)
	default:
		r.refuse(start, "need one constant", "it begins with instruction 0x%02x", op)
	}
	if start = r.at; r.byte() != 0x0b {
		r.refuse(start, "need one constant", "more than a constant")
	}
}
