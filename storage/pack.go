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
//	packed = 0 bytes | 2 (literals:uvarint bytes copy?)*
//	copy   = offset:12 bits, length-4:4 bits; 15 is followed by one more byte
//	       | 0xfff0 (16 bytes)?, a UUID, which is 36 bytes of text
//
// Half of what is personal of a page view are a visitor's 32 hexadecimal
// digits. A copy cannot begin at the last byte of the dictionary, so that place
// stands for a UUID. Packed bytes that begin with 1 have none.
//
// The dictionary belongs to the format: a new one gets a new first byte.
const (
	packRaw  = 0
	packOld  = 1
	packDict = 2

	packExtra = 1

	packUUID = 0xfff0
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
		if id, ok := parseUUID(b[at:]); ok {
			dst = appendLiterals(dst, b[from:at])
			dst = binary.LittleEndian.AppendUint16(dst, packUUID)
			dst = append(dst, id[:]...)
			at += uuidText
			from = at
			continue
		}
		v := binary.LittleEndian.Uint32(b[at:])
		d := int(packTable[packHash(v)]) - 1
		if d < 0 || binary.LittleEndian.Uint32(packBytes[d:]) != v {
			at++
			continue
		}
		n := 4 + commonPrefix(b[at+4:], packBytes[d+4:])
		n = min(n, 4+15+255)
		dst = appendLiterals(dst, b[from:at])
		dst = appendCopy(dst, d, n)
		at += n
		from = at
	}
	if from < len(b) {
		dst = appendLiterals(dst, b[from:])
	}
	if len(dst)-start > len(b)+packExtra {
		dst = append(append(dst[:start], packRaw), b...)
	}
	return dst
}

func appendLiterals(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
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
	if kind != packDict && kind != packOld {
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
		b = b[2:]
		if c == packUUID {
			if len(b) < 16 {
				return dst, errPack
			}
			dst = appendUUID(dst, (*[16]byte)(b))
			b = b[16:]
			continue
		}
		from, l := int(c>>4), int(c&15)+4
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

const uuidText = 36

// parseUUID reads a UUID in its usual form (RFC 9562), in small letters, from
// the front of b.
func parseUUID(b []byte) (id [16]byte, ok bool) {
	if len(b) < uuidText || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return id, false
	}
	at := 0
	for i := range id {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		hi, lo := hexDigits[b[at]], hexDigits[b[at+1]]
		if hi|lo > 15 {
			return id, false
		}
		id[i] = hi<<4 | lo
		at += 2
	}
	return id, true
}

func appendUUID(dst []byte, id *[16]byte) []byte {
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexText[c>>4], hexText[c&15])
	}
	return dst
}

const hexText = "0123456789abcdef"

// hexDigits :: small hexadecimal digit → its value; 255 = none.
var hexDigits = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(hexText) {
		t[hexText[i]] = byte(i)
	}
	return t
}()
