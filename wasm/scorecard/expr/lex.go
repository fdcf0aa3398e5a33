package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind byte

const (
	endToken tokenKind = iota
	nameToken
	numToken
	textToken
	signToken
	spanToken // a length of time, num in ms
)

// token is one word of an expression.
type token struct {
	kind   tokenKind
	pos    int
	text   string // of a name, a text without its quotes, or a sign
	num    float64
	quoted bool // a name in backticks: exactly this name
}

func (t *token) word() string {
	switch t.kind {
	case endToken:
		return "the end"
	case numToken:
		return "the number " + short(t.num)
	case spanToken:
		return "the length of time " + t.text
	case textToken:
		return fmt.Sprintf("the text %q", t.text)
	}
	return t.text
}

// signs are the operators, longest first.
var signs = []string{"==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "(", ")", "[", "]", ",", "?", ":", "."}

// slips are what other languages write for a sign or a word of this one.
var slips = map[string]string{
	"=": "==", "<>": "!=", "&": "&&", "|": "||", "=>": ">=", "=<": "<=", "===": "==", "!==": "!=",
	"and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!", "y": "&&", "o": "||", "no": "!",
}

// lex cuts src into tokens, the last of kind endToken.
func lex(src string) ([]token, *Error) {
	var out []token
	for at := 0; ; {
		at += len(src[at:]) - len(strings.TrimLeft(src[at:], " \t\r\n"))
		if at == len(src) {
			return append(out, token{kind: endToken, pos: at}), nil
		}
		t, n, err := lexOne(src[at:])
		if err != nil {
			err.Pos += at
			return nil, err
		}
		t.pos = at
		out = append(out, t)
		at += n
	}
}

func lexOne(s string) (token, int, *Error) {
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case r == '"' || r == '\'':
		return lexText(s)
	case r == '`':
		name, _, ok := strings.Cut(s[1:], "`")
		if !ok || name == "" {
			return token{}, 0, &Error{What: "a backtick without its other", Fix: "write `a name` between two"}
		}
		return token{kind: nameToken, text: name, quoted: true}, len(name) + 2, nil
	case isDigit(s[0]) || s[0] == '.' && len(s) > 1 && isDigit(s[1]):
		return lexNum(s)
	case isLetter(r):
		n := len(s) - len(strings.TrimLeftFunc(s, func(r rune) bool { return isLetter(r) || r >= '0' && r <= '9' }))
		return token{kind: nameToken, text: s[:n]}, n, nil
	}
	for _, bad := range []string{"===", "!==", "<>", "=>", "=<"} {
		if strings.HasPrefix(s, bad) {
			return token{}, 0, &Error{What: fmt.Sprintf("%q is not an operator here", bad), Fix: "write " + slips[bad]}
		}
	}
	for _, sign := range signs {
		if strings.HasPrefix(s, sign) {
			return token{kind: signToken, text: sign}, len(sign), nil
		}
	}
	fix := "operators are == != < <= > >= && || ! + - * / ?: in"
	if w, ok := slips[string(r)]; ok {
		fix = "write " + w
	}
	return token{}, 0, &Error{What: fmt.Sprintf("%q is not an operator here", string(r)), Fix: fix}
}

// units are the lengths of time words, in ms, as in the keys of a card.
var units = map[string]float64{"m": 6e4, "h": 36e5, "d": 864e5, "w": 7 * 864e5, "mo": 30.4375 * 864e5, "y": 365.25 * 864e5}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isLetter(r rune) bool { return r == '_' || r != utf8.RuneError && unicode.IsLetter(r) }

func lexNum(s string) (token, int, *Error) {
	n := 0
	digits := func() {
		for n < len(s) && isDigit(s[n]) {
			n++
		}
	}
	digits()
	if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		n++
		digits()
	}
	if m := n + 1; n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if m < len(s) && isDigit(s[m]) {
			n = m
			digits()
		}
	}
	f, err := strconv.ParseFloat(s[:n], 64)
	unit := s[n : len(s)-len(strings.TrimLeftFunc(s[n:], isLetter))]
	if ms, ok := units[unit]; ok && err == nil {
		n += len(unit)
		return token{kind: spanToken, text: s[:n], num: math.Round(f * ms)}, n, nil
	}
	if err != nil || math.IsInf(f, 0) || unit != "" {
		return token{}, 0, &Error{What: s[:n] + unit + " is not a number", Fix: "write a plain number like 50 or 0.25; texts stand in quotes"}
	}
	return token{kind: numToken, num: f}, n, nil
}

// escapes are what may follow a backslash in a text, and what it stands for.
const escapes = "\\\\\"\"''n\nt\tr\r"

func lexText(s string) (token, int, *Error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case s[0]:
			if b.Len() > textMax {
				return token{}, 0, &Error{What: fmt.Sprintf("a text has %d bytes", b.Len()), Fix: "values are cut at 1024 bytes: shorten it"}
			}
			return token{kind: textToken, text: b.String()}, i + 1, nil
		case '\\':
			if i++; i == len(s) {
				continue
			}
			k := strings.IndexByte(escapes, s[i])
			if k < 0 || k%2 != 0 {
				return token{}, 0, &Error{Pos: i - 1, What: fmt.Sprintf("\\%c is not an escape", s[i]), Fix: `write \\ for a backslash; \" \' \n \t \r are the others`}
			}
			b.WriteByte(escapes[k+1])
		default:
			b.WriteByte(c)
		}
	}
	return token{}, 0, &Error{What: "a text has no closing quote", Fix: fmt.Sprintf("close it with %c", s[0])}
}

func short(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
