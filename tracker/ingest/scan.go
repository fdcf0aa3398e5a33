package ingest

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"ripen/tracker"
)

// scanner reads JSON strictly (RFC 8259) and without garbage: a string without
// escapes is a slice of the body, one with escapes is unescaped into arena.
// Nothing it returns outlives the request.
type scanner struct {
	b     []byte // the body
	p     int    // where we are in b
	code  string // the first fault; empty while all is well
	arena []byte // unescaped strings and joined names
	stack []byte // of balanced
}

func (s *scanner) resetScanner(b []byte) {
	s.b, s.p, s.code, s.arena = b, 0, "", s.arena[:0]
}

// fail keeps the first fault and reports false, so that callers can return it.
func (s *scanner) fail(code string) bool {
	if s.code == "" {
		s.code = code
	}
	return false
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.p < len(s.b) {
		c := s.b[s.p]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.p++
	}
	return 0
}

// take skips white space and consumes c, or fails.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.p >= len(s.b) {
		return s.fail(tracker.CodeInvalidJSON)
	}
	s.p++
	return true
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special has the high bit set in the lowest byte of w that ends a plain run:
// a quote, a backslash, a control character or a byte beyond ASCII. Higher
// bytes may be flagged wrongly; only the lowest counts.
func special(w uint64) uint64 {
	q := w ^ 0x22*ones
	e := w ^ 0x5c*ones
	return (((q - ones) &^ q) | ((e - ones) &^ e) | ((w - 0x20*ones) &^ w) | w) & highs
}

// str reads a string; the opening quote is the next byte.
func (s *scanner) str() ([]byte, bool) {
	b, start := s.b, s.p+1
	i, wide := start, false
	for {
		for i+8 <= len(b) {
			m := special(binary.LittleEndian.Uint64(b[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			s.p = len(b)
			return nil, s.fail(tracker.CodeInvalidJSON)
		}
		switch c := b[i]; {
		case c == '"':
			s.p = i + 1
			v := b[start:i:i]
			if wide && !utf8.Valid(v) {
				return nil, s.fail(tracker.CodeInvalidUTF8)
			}
			return v, true
		case c == '\\':
			return s.unescape(start, i)
		case c < ' ':
			s.p = i
			return nil, s.control(c)
		case c >= 0x80:
			wide = true
		}
		i++
	}
}

func (s *scanner) control(c byte) bool {
	if c == 0 {
		return s.fail(tracker.CodeNUL)
	}
	return s.fail(tracker.CodeInvalidJSON)
}

// unescape reads on from the first backslash at i of the string that began at
// start, into the arena.
func (s *scanner) unescape(start, i int) ([]byte, bool) {
	b, from := s.b, len(s.arena)
	s.arena = append(s.arena, b[start:i]...)
	for i < len(b) {
		if n := plainRun(b[i:]); n > 0 {
			s.arena = append(s.arena, b[i:i+n]...)
			if i += n; i == len(b) {
				break
			}
		}
		switch c := b[i]; {
		case c == '"':
			s.p = i + 1
			v := s.arena[from:len(s.arena):len(s.arena)]
			if !utf8.Valid(v) {
				return nil, s.fail(tracker.CodeInvalidUTF8)
			}
			return v, true
		case c == '\\':
			n := s.escape(b[i:])
			if n == 0 {
				s.p = i
				return nil, false
			}
			i += n
		case c < ' ':
			s.p = i
			return nil, s.control(c)
		default:
			s.arena = append(s.arena, c)
			i++
		}
	}
	s.p = len(b)
	return nil, s.fail(tracker.CodeInvalidJSON)
}

// plainRun returns how many bytes of b, in eights, end no plain run.
func plainRun(b []byte) (n int) {
	for n+8 <= len(b) {
		if m := special(binary.LittleEndian.Uint64(b[n:])); m != 0 {
			return n + bits.TrailingZeros64(m)>>3
		}
		n += 8
	}
	return n
}

// escape appends what the escape at the start of b stands for and returns its
// length, 0 after a fault.
func (s *scanner) escape(b []byte) int {
	if len(b) < 2 {
		s.fail(tracker.CodeInvalidJSON)
		return 0
	}
	if b[1] == 'u' {
		return s.escapeUnicode(b)
	}
	i := bytes.IndexByte(escapeNames, b[1])
	if i < 0 {
		s.fail(tracker.CodeInvalidJSON)
		return 0
	}
	s.arena = append(s.arena, escapeValues[i])
	return 2
}

var (
	escapeNames  = []byte(`"\/bfnrt`)
	escapeValues = []byte("\"\\/\b\f\n\r\t")
)

// escapeUnicode reads \uXXXX, with its second half if it is a surrogate. Half
// a surrogate, as a script leaves it when it cuts a text, becomes U+FFFD.
func (s *scanner) escapeUnicode(b []byte) int {
	r, ok := hex4(b)
	if !ok {
		s.fail(tracker.CodeInvalidJSON)
		return 0
	}
	if r == 0 {
		s.fail(tracker.CodeNUL)
		return 0
	}
	n := 6
	if r >= 0xd800 && r < 0xe000 {
		low, ok := hex4(b[6:])
		if ok && r < 0xdc00 && low >= 0xdc00 && low < 0xe000 {
			r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
			n = 12
		} else {
			r = utf8.RuneError
		}
	}
	s.arena = utf8.AppendRune(s.arena, r)
	return n
}

// hex4 reads the \uXXXX that b starts with.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// literal consumes true, false or null.
func (s *scanner) literal(word string) bool {
	if len(s.b)-s.p < len(word) || string(s.b[s.p:s.p+len(word)]) != word {
		return s.fail(tracker.CodeInvalidJSON)
	}
	s.p += len(word)
	return true
}

// scalar reads a value that is neither object nor array into v; c is its first
// byte.
func (s *scanner) scalar(c byte, v *tracker.Value) (ok bool) {
	v.Num, v.Str = 0, nil
	switch c {
	case '"':
		v.Tag = tracker.String
		v.Str, ok = s.str()
		return ok
	case 't':
		v.Tag = tracker.True
		return s.literal("true")
	case 'f':
		v.Tag = tracker.False
		return s.literal("false")
	case 'n':
		v.Tag = tracker.Null
		return s.literal("null")
	}
	*v, ok = s.number()
	return ok
}

// skip validates a value of any kind at the given depth of nesting and returns
// its text.
func (s *scanner) skip(depth int) ([]byte, bool) {
	c := s.peek()
	from := s.p
	switch c {
	case '{':
		if !s.skipObject(depth + 1) {
			return nil, false
		}
	case '[':
		if !s.skipArray(depth + 1) {
			return nil, false
		}
	case '"':
		if _, ok := s.str(); !ok {
			return nil, false
		}
	default:
		var v tracker.Value
		if !s.scalar(c, &v) {
			return nil, false
		}
	}
	return s.b[from:s.p:s.p], true
}

func (s *scanner) skipObject(depth int) bool {
	for m := (members{}); ; {
		if _, more, ok := s.member(&m, depth); !ok || !more {
			return ok
		}
		if _, ok := s.skip(depth); !ok {
			return false
		}
	}
}

func (s *scanner) skipArray(depth int) bool {
	for m := (members{}); ; {
		if more, ok := s.element(&m, depth); !ok || !more {
			return ok
		}
		if _, ok := s.skip(depth); !ok {
			return false
		}
	}
}

// members counts what has been read of an object or array.
type members struct{ n int }

// member reads up to the value of the next key: the brace on the first call,
// then the comma. more is false after the closing brace.
func (s *scanner) member(m *members, depth int) (key []byte, more, ok bool) {
	if m.n == 0 {
		if depth > tracker.MaxDepth {
			return nil, false, s.fail(tracker.CodeTooDeep)
		}
		if !s.take('{') {
			return nil, false, false
		}
	}
	if m.n > 0 && s.p+1 < len(s.b) && s.b[s.p] == ',' && s.b[s.p+1] == '"' {
		s.p++ // as programs write it, without white space
	} else if done, ok := s.nextMember(m); done || !ok {
		return nil, false, ok
	}
	if m.n++; m.n > tracker.MaxKeys {
		return nil, false, s.fail(tracker.CodeTooManyKeys)
	}
	if key, ok = s.str(); !ok {
		return nil, false, false
	}
	if s.p < len(s.b) && s.b[s.p] == ':' {
		s.p++
		return key, true, true
	}
	return key, true, s.take(':')
}

// nextMember moves to the quote of the next key, or past the closing brace.
func (s *scanner) nextMember(m *members) (done, ok bool) {
	c := s.peek()
	if c == '}' {
		s.p++
		return true, true
	}
	if m.n > 0 {
		if !s.take(',') {
			return false, false
		}
		c = s.peek()
	}
	if c != '"' {
		return false, s.fail(tracker.CodeInvalidJSON)
	}
	return false, true
}

// element is [scanner.member] for arrays.
func (s *scanner) element(m *members, depth int) (more, ok bool) {
	if m.n == 0 {
		if depth > tracker.MaxDepth {
			return false, s.fail(tracker.CodeTooDeep)
		}
		if !s.take('[') {
			return false, false
		}
	}
	c := s.peek()
	if c == ']' {
		s.p++
		return false, true
	}
	if m.n > 0 && !s.take(',') {
		return false, false
	}
	m.n++
	return true, true
}

// balanced returns where the object or array that starts at from ends, matching
// brackets outside strings and asking nothing else of the text: it finds the
// end of an event that is broken inside. If ok is false, end is how far it got.
func (s *scanner) balanced(from int) (end int, ok bool) {
	s.stack = s.stack[:0]
	for i := from; i < len(s.b); i++ {
		switch c := s.b[i]; c {
		case '{', '[':
			s.stack = append(s.stack, c+2) // what closes it
		case '}', ']':
			top := len(s.stack) - 1
			if top < 0 || s.stack[top] != c {
				return i, false
			}
			if s.stack = s.stack[:top]; top == 0 {
				return i + 1, true
			}
		case '"':
			for i += 1 + plainRun(s.b[i+1:]); i < len(s.b) && s.b[i] != '"'; i++ {
				if s.b[i] == '\\' {
					i++
				}
			}
		}
	}
	return len(s.b), false
}
