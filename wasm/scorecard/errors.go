package scorecard

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with a card, where it is, and what to do about it.
type Error struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"column"`
	Rule string `json:"rule,omitempty"` // the id of the rule it is in
	What string `json:"what"`
	Fix  string `json:"fix,omitempty"`
}

// Error returns file:line:col: rule "id": what; fix.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Col)
	if e.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", e.Rule)
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

// nearest returns the known word closest to s if it is close enough to be a
// slip of the hand, else "".
func nearest(s string, known []string) string {
	best, bestD := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(s), k); d < bestD && d < len(k) {
			best, bestD = k, d
		}
	}
	return best
}

// distance is how many letters to insert, drop, change or swap to get from a to b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, prev, cur [65]int
	for j := range b {
		prev[j+1] = j + 1
	}
	for i := range len(a) {
		cur[0] = i + 1
		for j := range len(b) {
			d := min(prev[j+1]+1, cur[j]+1)
			if a[i] == b[j] {
				d = min(d, prev[j])
			} else {
				d = min(d, prev[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			cur[j+1] = d
		}
		before, prev = prev, cur
	}
	return prev[len(b)]
}
