package scorecard

import (
	"fmt"
	"strings"

	"ripen/wasm/scorecard/expr"
)

// Error is one thing wrong with a card, where it is, and what to do about it.
type Error struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"column"`
	Rule string `json:"rule,omitempty"` // the id of the rule it is in
	What string `json:"what"`
	Fix  string `json:"fix,omitempty"`

	lang string // of its words; empty = English
}

// Error returns file:line:col: rule "id": what; fix.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Col)
	if e.Rule != "" {
		word := "rule"
		if e.lang == "es" {
			word = "regla"
		}
		fmt.Fprintf(&b, "%s %q: ", word, e.Rule)
	}
	b.WriteString(e.What)
	if e.Fix != "" {
		b.WriteString("; ")
		b.WriteString(e.Fix)
	}
	return b.String()
}

// Errors is all that is wrong with a card, in the order of its lines.
type Errors []*Error

// Error returns one error a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// errorsMax is how many errors one reading reports: more help nobody.
const errorsMax = 50

// nearest returns the known word that s may be a slip of, else "".
func nearest(s string, known []string) string { return expr.Nearest(s, known) }
