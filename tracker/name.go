package tracker

import (
	"unicode"
	"unicode/utf8"
)

// AppendSnake appends a name in snake case: letters in lower case,
// every run of other characters one underscore, a capital after a small letter
// or a digit begins a word. "Order Completed" and "orderCompleted" become
// "order_completed". It appends nothing if the name has no letter or digit.
func AppendSnake(dst, name []byte) []byte {
	from, gap, small := len(dst), false, false
	for i := 0; i < len(name); {
		r, n := rune(name[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(name[i:])
		}
		i += n
		if !wordRune(r) {
			gap = true
			continue
		}
		upper := r >= 'A' && r <= 'Z' || r >= utf8.RuneSelf && unicode.IsUpper(r)
		if (gap || upper && small) && len(dst) > from {
			dst = append(dst, '_')
		}
		gap, small = false, !upper
		if upper {
			r = unicode.ToLower(r)
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// NameSet is a set of names that may take others for its own, in 24 bits: a Bloom
// filter with one hash (FNV-1a). The zero set says nothing: any name may be in it.
type NameSet uint32

const (
	nameSetTold = 1
	nameSetBits = 23 // one more makes a row a byte longer
	nameSetAll  = 1<<(nameSetBits+1) - 1
)

// With returns the set with a name.
func (s NameSet) With(name []byte) NameSet { return s | nameSetTold | nameBit(name) }

// May says whether a name may be in the set.
func (s NameSet) May(name string) bool { return s == 0 || s&nameBit(name) != 0 }

func nameBit[S []byte | string](name S) NameSet {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return 2 << (h % nameSetBits)
}
