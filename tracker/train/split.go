package train

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// folds numbers rows 0…k−1 at random, each fold with its share of conversions.
func folds(y []uint8, k int, seed uint64) []int {
	r := rand.New(rand.NewPCG(seed, 0x726970656e)) // the second half only fills the state
	out := make([]int, len(y))
	for class := range uint8(2) {
		var rows []int
		for i, v := range y {
			if v == class {
				rows = append(rows, i)
			}
		}
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for i, row := range rows {
			out[row] = i % k
		}
	}
	return out
}

// parted returns the rows whose fold is f, and the others.
func parted(fold []int, f int) (in, out []int) {
	for i, v := range fold {
		if v == f {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	return in, out
}

// allRows are the rows of a table.
func (t *Table) allRows() []int {
	rows := make([]int, t.Len())
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// early splits rows by time: the first share of them, and what came later.
func (t *Table) early(share float64) (first, later []int) {
	rows := t.allRows()
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(t.when[a], t.when[b]) })
	n := int(share * float64(len(rows)))
	return rows[:n], rows[n:]
}

// periods numbers the rows by calendar month; where time is only an order, by tenths
// of the rows.
func (t *Table) periods() []int {
	out := make([]int, t.Len())
	if t.dates {
		for i, w := range t.when {
			d := time.Unix(int64(w), 0).UTC()
			out[i] = d.Year()*12 + int(d.Month())
		}
		return out
	}
	rows, _ := t.early(1)
	for i, r := range rows {
		out[r] = i * 10 / len(rows)
	}
	return out
}
