package storage

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// What is sealed does not compress afterwards, so each personal part is packed
// alone before: copies out of a fixed dictionary of what such parts are made
// of, and literals. There is no window and no table to clear, which is what
// makes it cheap on 100 bytes.
//
//	packed = 0 bytes | 1 (literals:uvarint bytes copy?)*
//	copy   = offset:12 bits, length-4:4 bits; 15 is followed by one more byte
//
// The dictionary belongs to the format: a new one gets a new first byte.
const (
	packRaw  = 0
	packDict = 1

	packExtra = 1
)

var errPack = errors.New("unseal: packed bytes are damaged")

// packTable finds, by a hash of four bytes, where they are in the dictionary.
var packTable = func() (t [1 << 12]uint16) {
	for i := len(packDictionary) - 4; i >= 0; i-- {
		t[packHash(binary.LittleEndian.Uint32([]byte(packDictionary[i:])))] = uint16(i) + 1
	}
	return t
}()

func packHash(v uint32) uint32 { return v * 0x9E3779B1 >> 20 }

var packBytes = []byte(packDictionary)

// appendPackedText appends b packed; it never gets longer by more than one byte.
func appendPackedText(dst, b []byte) []byte {
	start := len(dst)
	dst = append(dst, packDict)
	from, at := 0, 0
	for at+4 <= len(b) {
		v := binary.LittleEndian.Uint32(b[at:])
		d := int(packTable[packHash(v)]) - 1
		if d < 0 || binary.LittleEndian.Uint32(packBytes[d:]) != v {
			at++
			continue
		}
		n := 4 + commonPrefix(b[at+4:], packBytes[d+4:])
		n = min(n, 4+15+255)
		dst = binary.AppendUvarint(dst, uint64(at-from))
		dst = append(dst, b[from:at]...)
		dst = appendCopy(dst, d, n)
		at += n
		from = at
	}
	if from < len(b) {
		dst = binary.AppendUvarint(dst, uint64(len(b)-from))
		dst = append(dst, b[from:]...)
	}
	if len(dst)-start > len(b)+packExtra {
		dst = append(append(dst[:start], packRaw), b...)
	}
	return dst
}

func appendCopy(dst []byte, offset, n int) []byte {
	n -= 4
	if n < 15 {
		return binary.LittleEndian.AppendUint16(dst, uint16(offset<<4|n))
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(offset<<4|15))
	return append(dst, byte(n-15))
}

func commonPrefix(a, b []byte) int {
	n, l := 0, min(len(a), len(b))
	for n+8 <= l {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
		n += 8
	}
	for n < l && a[n] == b[n] {
		n++
	}
	return n
}

// appendUnpackedText appends what appendPackedText packed.
func appendUnpackedText(dst, b []byte) ([]byte, error) {
	if len(b) == 0 {
		return dst, errPack
	}
	kind, b := b[0], b[1:]
	if kind == packRaw {
		return append(dst, b...), nil
	}
	if kind != packDict {
		return dst, errPack
	}
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return dst, errPack
		}
		dst = append(dst, b[size:size+int(n)]...)
		if b = b[size+int(n):]; len(b) == 0 {
			break
		}
		if len(b) < 2 {
			return dst, errPack
		}
		c := binary.LittleEndian.Uint16(b)
		from, l := int(c>>4), int(c&15)+4
		b = b[2:]
		if l == 15+4 {
			if len(b) == 0 {
				return dst, errPack
			}
			l += int(b[0])
			b = b[1:]
		}
		if from+l > len(packBytes) {
			return dst, errPack
		}
		dst = append(dst, packBytes[from:from+l]...)
	}
	return dst, nil
}
