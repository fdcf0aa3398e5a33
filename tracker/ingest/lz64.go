package ingest

import (
	"unicode/utf16"
	"unicode/utf8"

	"ripen/tracker"
)

// lz64 reads what older PostHog libraries send as compression=lz64: LZString's
// compressToBase64, a Lempel-Ziv stream of UTF-16 units whose codes grow, in
// base64's alphabet, most significant bit first; here in the one that is safe in
// a URL, without padding.
type lz64 struct {
	text []byte
	bits uint // read so far
	bad  bool // what was read is not in the stream
}

// unitSpan is a word: units that were read before. Each new word is the one before
// and the unit that followed it, so all of them lie in what was read.
type unitSpan struct{ from, to int }

// unlz64 appends the text of a stream to dst, within the limits of any inflation.
func unlz64(dst, text []byte, limit int) ([]byte, *tracker.Error) {
	r := lz64{text: text}
	most := min(limit, len(text)*tracker.MaxInflate)
	var units []uint16
	words := make([]unitSpan, 3, 64) // the first three codes are orders
	width, room := uint(2), 0        // of codes; codes until they are wider
	grow := func() {
		if room--; room == 0 {
			room = 1 << width
			width++
		}
	}
	last := unitSpan{}
	for len(units) <= most {
		code := r.number(width)
		word := unitSpan{len(units), len(units) + 1}
		switch {
		case r.bad || code > len(words) || code == len(words) && last.to == 0:
			return dst, errBase64
		case code == 2:
			return appendUTF16(dst, units, limit)
		case code < 2: // a unit that was not met before
			units = append(units, uint16(r.number(8+8*uint(code))))
			words = append(words, word)
			if last.to > 0 {
				grow()
			} else {
				width, room = 3, 4
			}
		case code < len(words):
			w := words[code]
			units = append(units, units[w.from:w.to]...)
			word.to = len(units)
		default: // the word that is only about to be known
			units = append(append(units, units[last.from:last.to]...), units[last.from])
			word.to = len(units)
		}
		if last.to > 0 {
			words = append(words, unitSpan{last.from, last.to + 1})
			grow()
		}
		last = word
	}
	if most < limit {
		return dst, errRatio
	}
	return dst, errBodyTooLarge
}

// number reads so many bits, the least significant first.
func (r *lz64) number(bits uint) (n int) {
	for i := range bits {
		at := r.bits / 6
		if at >= uint(len(r.text)) {
			r.bad = true
			return 0
		}
		v := sixBits(r.text[at])
		if v < 0 {
			r.bad = true
			return 0
		}
		n |= v >> (5 - r.bits%6) & 1 << i
		r.bits++
	}
	return n
}

// sixBits is what a letter of the URL's base64 stands for, or -1.
func sixBits(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '-':
		return 62
	case c == '_':
		return 63
	}
	return -1
}

// appendUTF16 appends units as UTF-8; half a surrogate becomes U+FFFD.
func appendUTF16(dst []byte, units []uint16, limit int) ([]byte, *tracker.Error) {
	from := len(dst)
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			next := rune(utf8.RuneError)
			if i+1 < len(units) {
				next = rune(units[i+1])
			}
			if r = utf16.DecodeRune(r, next); r != utf8.RuneError {
				i++
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	if len(dst)-from > limit {
		return dst, errBodyTooLarge
	}
	return dst, nil
}
