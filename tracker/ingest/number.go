package ingest

import (
	"math"
	"strconv"

	"ripen/tracker"
)

// number reads a JSON number. A whole number that fits is an Int. A decimal is
// a Float where a float64 holds every digit; otherwise the text is kept.
func (s *scanner) number() (tracker.Value, bool) {
	from := s.p
	n, whole := numberLen(s.b[from:])
	if n == 0 {
		return tracker.Value{}, s.fail(tracker.CodeInvalidJSON)
	}
	s.p += n
	return numberValue(s.b[from:s.p:s.p], whole), true
}

// numberLen returns the length of the number that b starts with, 0 if none,
// and whether it has neither fraction nor exponent.
func numberLen(b []byte) (n int, whole bool) {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	first := i
	i = digits(b, i)
	if i == first || b[first] == '0' && i > first+1 {
		return 0, false
	}
	whole = true
	if i < len(b) && b[i] == '.' {
		whole = false
		frac := i + 1
		if i = digits(b, frac); i == frac {
			return 0, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		whole = false
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exp := i
		if i = digits(b, exp); i == exp {
			return 0, false
		}
	}
	return i, whole
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// numberValue turns the text of a JSON number into a value.
func numberValue(text []byte, whole bool) tracker.Value {
	if whole && len(text) <= 20 {
		if v, ok := wholeValue(text); ok {
			return tracker.Value{Tag: tracker.Int, Num: uint64(v)}
		}
	}
	f, exact := shortDecimal(text)
	if exact {
		return tracker.Value{Tag: tracker.Float, Num: math.Float64bits(f)}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil { // out of range: the nearest number, so that rules never see an infinity
		f = math.Copysign(math.MaxFloat64, f)
	}
	v := tracker.Value{Tag: tracker.Float, Num: math.Float64bits(f)}
	if err != nil || !keepsDigits(f, text) {
		v.Tag, v.Str = tracker.Number, text
	}
	return v
}

func wholeValue(text []byte) (int64, bool) {
	neg, d := text[0] == '-', text
	if neg {
		d = text[1:]
	}
	if len(d) > 18 {
		v, err := strconv.ParseInt(string(text), 10, 64)
		return v, err == nil
	}
	var v int64
	for _, c := range d {
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}

// shortDecimal reads plain decimals of up to 15 digits such as 49.90, the
// common case, exactly: both parts are exact float64s, so is their quotient.
func shortDecimal(text []byte) (float64, bool) {
	if len(text) > 17 {
		return 0, false
	}
	var m, scale float64 = 0, 1
	seen, point, neg := 0, false, false
	for i, c := range text {
		switch {
		case c == '-' && i == 0:
			neg = true
		case c == '.':
			point = true
		case c-'0' <= 9:
			m = m*10 + float64(c-'0')
			seen++
			if point {
				scale *= 10
			}
		default:
			return 0, false
		}
	}
	if seen > 15 {
		return 0, false
	}
	if neg {
		m = -m
	}
	return m / scale, true
}

// keepsDigits says that the shortest text of f has the significant digits of
// text: nothing was lost.
func keepsDigits(f float64, text []byte) bool {
	var buf [40]byte
	got := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	gi, wi := 0, 0
	for {
		g, w := nextDigit(got, &gi), nextDigit(text, &wi)
		if g != w {
			return onlyZeros(got, gi, g) && onlyZeros(text, wi, w)
		}
		if g == 0 {
			return true
		}
	}
}

// nextDigit returns the next digit of the mantissa, leading zeros left out, 0
// at its end.
func nextDigit(b []byte, i *int) byte {
	start := *i == 0
	for *i < len(b) && b[*i]|0x20 != 'e' {
		c := b[*i]
		*i++
		if c == '-' || c == '.' || c == '0' && start {
			continue
		}
		return c
	}
	return 0
}

// onlyZeros says that last and the rest of the mantissa are zeros or nothing.
func onlyZeros(b []byte, i int, last byte) bool {
	for c := last; c != 0; c = nextDigit(b, &i) {
		if c != '0' {
			return false
		}
	}
	return true
}
