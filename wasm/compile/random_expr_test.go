package compile_test

import (
	"fmt"
	"strings"
)

// writer draws random expressions that Check takes.
type writer struct {
	maker
	names []string // fields or attributes
	dims  []string
	alone bool // texts of two names may not meet
	did   bool // the lead's behaviour may be asked
}

// expression draws an expression, quoted for a card.
func (m maker) expression(names, dims []string, alone bool) string {
	w := writer{m, names, dims, alone, alone}
	s := w.truth(1 + m.IntN(4))
	return "'" + strings.ReplaceAll(fmt.Sprintf("has(%s) == has(%s) && (%s)", names[0], names[0], s), "'", "''") + "'"
}

// asking draws gates that read dimensions.
func (m maker) asking(b *strings.Builder, dims int) {
	var names []string
	for d := range dims {
		names = append(names, fmt.Sprintf("d%d", d))
	}
	b.WriteString("gates:\n")
	for range 1 + m.IntN(3) {
		what := pick(m, "max: 5", "max: 30", "max: -2", "skip: true")
		fmt.Fprintf(b, "  - {when: %s, %s}\n", m.expression(traitNames, names, true), what)
	}
}

func (w writer) name() string { return pick(w.maker, w.names...) }

func (w writer) literal() string { return fmt.Sprintf("%q", pick(w.maker, texts[:len(texts)-4]...)) }

func (w writer) const64() string {
	return pick(w.maker, "0", "1", "3", "50", "-7", "0.1", "9007199254740992", "1e300", "2.5")
}

func (w writer) truth(depth int) string {
	if depth == 0 {
		return pick(w.maker, w.name(), "has("+w.name()+")", "!has("+w.name()+")", "!"+w.name(),
			"("+w.name()+" in some)", w.name()+`.matches("(?i)\\b(ceo|ñ)|^a")`)
	}
	d := depth - 1
	if len(w.dims) > 0 && w.chance(15) {
		return fmt.Sprintf("(count(%s, %s) %s %d)", pick(w.maker, eventTypes...), pick(w.maker, "5h", "7d", "2mo"), pick(w.maker, ">=", "<", "=="), w.IntN(5))
	}
	if len(w.dims) > 0 && w.chance(50) {
		return "(" + w.moving(2) + pick(w.maker, " == ", " != ", " < ", " <= ", " > ", " >= ") + w.threshold(d) + ")"
	}
	if w.did && w.chance(20) {
		return "(" + w.affinity(2) + pick(w.maker, " == ", " != ", " < ", " <= ", " > ", " >= ") + pick(w.maker, "0", "1", "2.5", "40") + ")"
	}
	switch w.IntN(9) {
	case 0:
		return "(!(" + w.truth(d) + ")" + pick(w.maker, " && ", " || ", " == ", " != ") + w.truth(d) + ")"
	case 1:
		return "!(" + w.truth(d) + ")"
	case 2:
		return "(" + w.truth(d) + " ? " + w.truth(d) + " : " + w.truth(d) + ")"
	case 3, 4:
		return "(" + w.num(d) + pick(w.maker, " == ", " != ", " < ", " <= ", " > ", " >= ") + w.num(d) + ")"
	case 5:
		return fmt.Sprintf("(double(%s) in [%s, %s])", w.name(), w.const64(), w.const64())
	case 6:
		t := w.textual()
		return fmt.Sprintf("(%s in [%s, %s])", t.text(d), t.literal(), t.literal())
	case 7:
		t := w.textual()
		return "(" + t.text(d) + pick(w.maker, " == ", " != ") + t.text(d) + ")"
	}
	t := w.textual()
	return fmt.Sprintf("%s.%s(%s)", t.text(d), pick(w.maker, "contains", "startsWith", "endsWith"), t.literal())
}

// textual is a writer for one comparison of texts.
func (w writer) textual() writer {
	if w.alone {
		at := w.IntN(len(w.names))
		w.names = w.names[at : at+1]
	}
	w.dims, w.did = nil, false
	return w
}

// affinity is a number made of what halves.
func (w writer) affinity(depth int) string {
	d := depth - 1
	if depth > 0 {
		switch w.IntN(5) {
		case 0:
			return "(" + w.affinity(d) + pick(w.maker, " + ", " - ") + w.affinity(d) + ")"
		case 1:
			return pick(w.maker, "abs", "-") + "(" + w.affinity(d) + ")"
		case 2:
			return "(" + pick(w.maker, "2", "-0.5") + " * " + w.affinity(d) + ")"
		case 3:
			return "max(" + w.affinity(d) + ", " + w.behaviour() + ")"
		}
	}
	return pick(w.maker, "affinity(a)", `affinity("a", 5h)`, "affinity(a, 2mo)")
}

// behaviour is a number that only events move.
func (w writer) behaviour() string {
	return pick(w.maker, "open_rate()", `dwell("/p*g/*o")`, `dwell("*")`, `returns("/pricing*")`, `returns("abc")`, "shares()", `shares("/*")`)
}

func (w writer) text(depth int) string {
	if depth > 0 && w.chance(40) {
		return "(" + w.truth(depth-1) + " ? " + w.text(depth-1) + " : " + w.text(depth-1) + ")"
	}
	return pick(w.maker, "string("+w.name()+")", "string("+w.name()+")", w.literal())
}

func (w writer) num(depth int) string {
	if w.did && w.chance(15) {
		return w.behaviour()
	}
	if depth == 0 {
		return pick(w.maker, "double("+w.name()+")", w.const64())
	}
	d := depth - 1
	switch w.IntN(7) {
	case 0, 1:
		return "(" + w.num(d) + pick(w.maker, " + ", " - ", " * ", " / ") + w.num(d) + ")"
	case 2:
		return pick(w.maker, "min", "max") + "(" + w.num(d) + ", " + w.num(d) + ")"
	case 3:
		return fmt.Sprintf("clamp(%s, %s, %s)", w.num(d), w.const64(), w.const64())
	case 4:
		return pick(w.maker, "abs", "floor", "-") + "(" + w.num(d) + ")"
	case 5:
		return "size(" + w.textual().text(d) + ")"
	}
	w.dims, w.did = nil, false
	return "(" + w.truth(d) + " ? " + w.num(d) + " : " + w.num(d) + ")"
}

// threshold is what a dimension is compared with.
func (w writer) threshold(depth int) string {
	if w.chance(70) {
		return pick(w.maker, "0", "5", "7.5", "12.5", "40", "-3")
	}
	w.dims, w.did = nil, false
	return w.num(depth)
}

// moving is a number made of dimensions.
func (w writer) moving(depth int) string {
	if depth == 0 || w.chance(40) {
		return pick(w.maker, append(w.dims, "days_since("+pick(w.maker, eventTypes...)+")")...)
	}
	d := depth - 1
	switch w.IntN(6) {
	case 0:
		return "(" + w.moving(d) + pick(w.maker, " + ", " - ") + w.moving(d) + ")"
	case 1:
		return "(" + w.moving(d) + pick(w.maker, " + ", " - ") + w.const64() + ")"
	case 2:
		return "(" + pick(w.maker, "2", "-0.5", "0", "(1 - 3)") + " * " + w.moving(d) + ")"
	case 3:
		return "(" + w.moving(d) + " / " + pick(w.maker, "2", "-3", "0") + ")"
	case 4:
		return pick(w.maker, "min", "max") + "(" + w.moving(d) + ", " + pick(w.maker, w.moving(d), "12") + ")"
	}
	return pick(w.maker, "abs", "-") + "(" + w.moving(d) + ")"
}
