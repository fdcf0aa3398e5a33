package train

import (
	"math"
	"slices"
	"strings"
)

// cut divides the values of one column into bins. The last bin holds those that
// answer; of a category, the bin before it holds the values that are rare or
// were never seen.
type cut struct {
	kind  kind
	edges []float64 // of a number: upper ends, the last of them without end; ascending
	bin   []uint8   // of a category: by code
	named []int32   // of a category: the codes with a bin of their own, by bin
	n     int       // bins, that of no answer included
}

func (c *cut) missing() uint8 { return uint8(c.n - 1) }

// other is the bin of the rare values of a category.
func (c *cut) other() uint8 { return uint8(len(c.named)) }

// coarseness says how finely values are cut.
type coarseness struct {
	bins   int     // of a number, at most
	own    float64 // share of the rows from which a number has a bin of its own; 0 = none has
	named  int     // categories with a bin of their own, at most
	rarest int     // rows a category needs for one
}

// cuts divides the columns of a table as the given rows suggest.
func cuts(t *Table, rows []int, how coarseness) []*cut {
	out := make([]*cut, len(t.columns))
	for i, c := range t.columns {
		out[i] = c.cut(rows, how)
	}
	return out
}

func (c *column) cut(rows []int, how coarseness) *cut {
	if c.kind != number {
		return cutCategories(c, rows, how)
	}
	if c.does != nil {
		how.bins = min(how.bins, behaviourBins)
	}
	return cutNumbers(c, rows, how)
}

// run is a value and how many rows hold it.
type run struct {
	v float64
	n int
}

func runsOf(c *column, rows []int) (runs []run, answers int) {
	values := make([]float64, 0, len(rows))
	for _, r := range rows {
		if v := c.nums[r]; !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	for _, v := range values {
		if k := len(runs); k > 0 && runs[k-1].v == v {
			runs[k-1].n++
		} else {
			runs = append(runs, run{v, 1})
		}
	}
	return runs, len(values)
}

// cutNumbers gives values that many rows hold a bin of their own, and shares the
// rest out among the bins that are left, as evenly as runs of equal values allow.
func cutNumbers(c *column, rows []int, how coarseness) *cut {
	runs, answers := runsOf(c, rows)
	if how.own == 0 && len(runs) <= how.bins { // each value its own
		k := &cut{kind: number, n: len(runs) + 1}
		for i := range runs {
			if i+1 < len(runs) {
				k.edges = append(k.edges, runs[i].v)
			}
		}
		k.edges = append(k.edges, math.Inf(1))
		k.n = len(k.edges) + 1
		return k
	}
	own := func(r run) bool { return how.own > 0 && float64(r.n) > how.own*float64(answers) }
	left, spare := answers, how.bins
	for _, r := range runs {
		if own(r) {
			left, spare = left-r.n, spare-1
		}
	}
	k := &cut{kind: number}
	held := 0
	for i, r := range runs {
		if own(r) {
			k.edges = append(k.edges, r.v)
			continue
		}
		held += r.n
		each := float64(left) / float64(max(spare, 1))
		if i+1 == len(runs) || own(runs[i+1]) || float64(held)+float64(runs[i+1].n)/2 > each {
			left, spare, held = left-held, spare-1, 0
			k.edges = append(k.edges, r.v)
		}
	}
	for len(k.edges) > how.bins { // segments between own values may be one too many
		k.edges = slices.Delete(k.edges, k.thinnest(runs), k.thinnest(runs)+1)
	}
	if len(k.edges) == 0 {
		k.edges = append(k.edges, 0)
	}
	k.edges[len(k.edges)-1] = math.Inf(1)
	k.n = len(k.edges) + 1
	return k
}

// thinnest is the bin with the fewest rows that has a neighbour above.
func (c *cut) thinnest(runs []run) int {
	counts := make([]int, len(c.edges))
	for _, r := range runs {
		counts[c.of(r.v)] += r.n
	}
	best := 0
	for i := range counts[:len(counts)-1] {
		if counts[i] < counts[best] {
			best = i
		}
	}
	return best
}

// of is the bin of a number: the first whose upper end it does not pass.
func (c *cut) of(v float64) int {
	i, _ := slices.BinarySearch(c.edges, v)
	return min(i, len(c.edges)-1)
}

func cutCategories(c *column, rows []int, how coarseness) *cut {
	count := make([]int, len(c.values))
	for _, r := range rows {
		if code := c.codes[r]; code >= 0 {
			count[code]++
		}
	}
	k := &cut{kind: category, bin: make([]uint8, len(c.values))}
	for code := range c.values {
		if count[code] >= how.rarest && canBeNamed(c.values[code]) {
			k.named = append(k.named, int32(code))
		}
	}
	if len(k.named) > how.named {
		slices.SortStableFunc(k.named, func(a, b int32) int { return count[b] - count[a] })
		k.named = k.named[:how.named]
		slices.Sort(k.named)
	}
	for i := range k.bin {
		k.bin[i] = k.other()
	}
	for i, code := range k.named {
		k.bin[code] = uint8(i)
	}
	k.n = len(k.named) + 2
	return k
}

// canBeNamed says whether a rule can ask for a value: long texts make long
// cards, and a star would be a pattern.
func canBeNamed(v string) bool { return len(v) <= 128 && !strings.Contains(v, "*") }

// binOf is the bin of a row.
func (k *cut) binOf(c *column, row int) uint8 {
	switch {
	case !c.there(row):
		return k.missing()
	case k.kind == number:
		return uint8(k.of(c.nums[row]))
	}
	return k.bin[c.codes[row]]
}

// binned are rows as bins, a slice a column.
func binned(t *Table, by []*cut, rows []int) [][]uint8 {
	out := make([][]uint8, len(by))
	for i, k := range by {
		out[i] = make([]uint8, len(rows))
		for j, r := range rows {
			out[i][j] = k.binOf(t.columns[i], r)
		}
	}
	return out
}

// labels are the labels of some rows.
func (t *Table) labels(rows []int) []uint8 {
	y := make([]uint8, len(rows))
	for i, r := range rows {
		y[i] = t.y[r]
	}
	return y
}
