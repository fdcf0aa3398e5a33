package train

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// question is one that a segment can ask of a lead: is a number above a value, was an
// event there so often, is an attribute this text. Who did not answer says no.
type question struct {
	c    *column
	over float64 // of a number
	code int32   // of a category
}

func (q *question) yes(row int) bool {
	if q.c.kind == number {
		return q.c.nums[row] > q.over // never of what is not there
	}
	return q.c.codes[row] == q.code
}

// limits are what a path through a sorter asks of one column, all in all.
type limits struct {
	c           *column
	over, upTo  float64
	above, most bool // over and upTo are asked
	is          int32
	not         []int32
}

// add takes over a question and its answer; those further down are narrower.
func (l *limits) add(q *question, yes bool) {
	switch {
	case q.c.kind == number && yes:
		l.over, l.above = q.over, true
	case q.c.kind == number:
		l.upTo, l.most = q.over, true
	case yes:
		l.is = q.code
	default:
		l.not = append(l.not, q.code)
	}
}

// text writes the limits in the language of segments.
func (l *limits) text() string {
	name := "`" + l.c.attr + "`"
	var out []string
	switch {
	case l.c.does != nil:
		count := fmt.Sprintf("count(`%s`, 365d)", l.c.does.event)
		if l.above {
			out = append(out, fmt.Sprintf("%s >= %d", count, int(l.over)+1))
		}
		if l.most {
			out = append(out, fmt.Sprintf("%s <= %d", count, int(l.upTo)))
		}
	case l.c.kind == number && !l.above:
		return fmt.Sprintf("!(has(%s) && %s > %s)", name, name, plainText(l.upTo))
	case l.c.kind == number:
		out = []string{"has(" + name + ")", name + " > " + plainText(l.over)}
		if l.most {
			out = append(out, name+" <= "+plainText(l.upTo))
		}
	case l.is >= 0:
		return name + " == " + quotedText(l.c.values[l.is])
	default:
		for _, code := range l.not {
			out = append(out, name+" != "+quotedText(l.c.values[code]))
		}
	}
	return strings.Join(out, " && ")
}

func quotedText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// askable says whether segments can ask for a column at all.
func askable(c *column) bool {
	if c.does != nil {
		return c.does.field == "" && c.does.per == "" && !c.does.silence && windows[c.does.window].text == "365d" && c.does.event != "" && !strings.ContainsAny(c.does.event, "`\n\r\t")
	}
	own := []string{"score", "band", "grade"} // what a segment understands by these words
	return !slices.Contains(own, c.attr) && !strings.ContainsAny(c.attr, "`\n\r\t")
}

// questions are those that may divide the rows of a table.
func questions(t *Table) (out []question) {
	for _, c := range t.columns {
		if c.kind == category {
			k := cutCategories(c, t.allRows(), coarseness{named: namedMost, rarest: max(1, t.Len()/100)})
			for _, code := range k.named {
				if !strings.ContainsFunc(c.values[code], func(r rune) bool { return r < ' ' || r == 0x7f }) {
					out = append(out, question{c: c, code: code})
				}
			}
			continue
		}
		k := cutNumbers(c, t.allRows(), coarseness{bins: 10, own: .1})
		for _, e := range k.edges[:len(k.edges)-1] {
			if e >= 0 || len(c.words) == 0 { // what is no number reads as 0
				out = append(out, question{c: c, over: e})
			}
		}
	}
	return out
}

// sorter divides rows by questions until they are of one group, as far as that goes.
type sorter struct {
	asks    *question // nil = no more
	yes, no *sorter
	group   int // where no more is asked
}

// Bounds of a sorter: rules must be read.
const (
	depthMost = 4
	leafLeast = 10
)

func growSorter(asks []question, rows, of []int, k, depth int) *sorter {
	n := countGroups(rows, of, k)
	leaf := &sorter{}
	for g := range n {
		if n[g] > n[leaf.group] {
			leaf.group = g
		}
	}
	if n[leaf.group] == len(rows) || depth == depthMost {
		return leaf
	}
	best, least := -1, unlike(n)
	for i := range asks {
		yes := make([]int, k)
		m := 0
		for _, r := range rows {
			if asks[i].yes(r) {
				yes[of[r]]++
				m++
			}
		}
		if m < leafLeast || len(rows)-m < leafLeast {
			continue
		}
		no := make([]int, k)
		for g := range no {
			no[g] = n[g] - yes[g]
		}
		if v := unlike(yes) + unlike(no); v < least-1e-9 {
			best, least = i, v
		}
	}
	if best < 0 {
		return leaf
	}
	var yes, no []int
	for _, r := range rows {
		if asks[best].yes(r) {
			yes = append(yes, r)
		} else {
			no = append(no, r)
		}
	}
	t := &sorter{asks: &asks[best], yes: growSorter(asks, yes, of, k, depth+1), no: growSorter(asks, no, of, k, depth+1)}
	if t.yes.asks == nil && t.no.asks == nil && t.yes.group == t.no.group {
		return leaf // the question changes nothing
	}
	return t
}

func countGroups(rows, of []int, k int) []int {
	n := make([]int, k)
	for _, r := range rows {
		n[of[r]]++
	}
	return n
}

// unlike is the Gini impurity of a set, times its size.
func unlike(n []int) float64 {
	all, square := 0.0, 0.0
	for _, v := range n {
		all += float64(v)
		square += float64(v) * float64(v)
	}
	if all == 0 {
		return 0
	}
	return all - square/all
}

func (t *sorter) of(row int) int {
	for t.asks != nil {
		if t.asks.yes(row) {
			t = t.yes
		} else {
			t = t.no
		}
	}
	return t.group
}

// rules are the conditions of each group, of which one holds.
func (t *sorter) rules(k int) [][]string {
	out := make([][]string, k)
	var walk func(t *sorter, path []limits)
	walk = func(t *sorter, path []limits) {
		if t.asks == nil {
			parts := make([]string, len(path))
			for i := range path {
				parts[i] = path[i].text()
			}
			out[t.group] = append(out[t.group], cmp.Or(strings.Join(parts, " && "), "true"))
			return
		}
		for answer, next := range map[bool]*sorter{true: t.yes, false: t.no} {
			mine := slices.Clone(path)
			i := slices.IndexFunc(mine, func(l limits) bool { return l.c == t.asks.c })
			if i < 0 {
				i = len(mine)
				mine = append(mine, limits{c: t.asks.c, is: -1})
			}
			mine[i].not = slices.Clone(mine[i].not)
			mine[i].add(t.asks, answer)
			walk(next, mine)
		}
	}
	walk(t, nil)
	for _, list := range out {
		slices.Sort(list) // maps have no order
	}
	return out
}
