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
