package train

import (
	"math"
	"math/rand/v2"
	"slices"
)

// space is people as points, of whom it is known how far any two are apart: Gower's
// distance (Biometrics 1971, 27, 857–871). Of a number it is the difference of ranks; of
// counts, that of their logarithms; of a category, whether they differ. Who did not
// answer a number is half of the way from who did.
type space struct {
	ranks [][]float32 // :: row → of each number 0 to 1; −1 = no answer
	codes [][]int16   // :: row → of each category
}

func newSpace(t *Table) *space {
	s := &space{ranks: make([][]float32, t.Len()), codes: make([][]int16, t.Len())}
	for _, c := range t.columns {
		switch {
		case c.does != nil:
			for i, v := range c.nums {
				s.ranks[i] = append(s.ranks[i], float32(math.Log1p(v)/math.Log1p(countMost)))
			}
		case c.kind == number:
			for i, v := range c.ranked() {
				s.ranks[i] = append(s.ranks[i], v)
			}
		default:
			k := cutCategories(c, t.allRows(), coarseness{named: namedMost, rarest: max(1, t.Len()/100)})
			for i := range t.Len() {
				s.codes[i] = append(s.codes[i], int16(k.binOf(c, i)))
			}
		}
	}
	return s
}

// ranked are the ranks of a number, from 0 to 1; equal values share the middle of theirs.
func (c *column) ranked() []float32 {
	var order []int
	out := make([]float32, len(c.nums))
	for i, v := range c.nums {
		if out[i] = -1; !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := c.nums[a], c.nums[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	for i := 0; i < len(order); {
		k := i
		for k < len(order) && c.nums[order[k]] == c.nums[order[i]] {
			k++
		}
		for _, r := range order[i:k] {
			out[r] = float32(i+k-1) / 2 / float32(max(len(order)-1, 1))
		}
		i = k
	}
	return out
}

// apart is how far two rows are apart, from 0 to 1.
func (s *space) apart(a, b int) float32 {
	var d float32
	x, y := s.ranks[a], s.ranks[b]
	for i, v := range x {
		switch w := y[i]; {
		case v < 0 && w < 0:
		case v < 0 || w < 0:
			d += .5
		case v > w:
			d += v - w
		default:
			d += w - v
		}
	}
	for i, v := range s.codes[a] {
		if v != s.codes[b][i] {
			d++
		}
	}
	return d / float32(len(x)+len(s.codes[a]))
}

// among are the distances of some rows, one by one.
func (s *space) among(rows []int) [][]float32 {
	out := make([][]float32, len(rows))
	for i := range rows {
		out[i] = make([]float32, len(rows))
	}
	for i, a := range rows {
		for k := range i {
			d := s.apart(a, rows[k])
			out[i][k], out[k][i] = d, d
		}
	}
	return out
}

// The work that is done.
const (
	samples    = 5
	sampleSize = 400
	swapsMost  = 100
	askedMost  = 1000 // rows whose silhouette is measured
)

// medoids finds k rows to whom all others are near: CLARA (Kaufman and Rousseeuw,
// Finding Groups in Data, 1990), that is PAM on samples, of which the best for all rows
// is taken.
func (s *space) medoids(k int, seed uint64) (best []int) {
	n := len(s.ranks)
	r := rand.New(rand.NewPCG(seed, 0x7479706f))
	least := math.Inf(1)
	for range samples {
		rows := r.Perm(n)[:min(n, sampleSize)]
		slices.Sort(rows)
		found := pam(s.among(rows), k)
		for i := range found {
			found[i] = rows[found[i]]
		}
		_, cost := s.nearest(found)
		if cost < least {
			least, best = cost, found
		}
		if n <= sampleSize {
			break // it was all of them
		}
	}
	slices.Sort(best)
	return best
}

// nearest is the medoid that each row is nearest to, and how far all are in sum.
func (s *space) nearest(medoids []int) (of []int, cost float64) {
	of = make([]int, len(s.ranks))
	for i := range of {
		least := float32(math.Inf(1))
		for m, row := range medoids {
			if d := s.apart(i, row); d < least {
				least, of[i] = d, m
			}
		}
		cost += float64(least)
	}
	return of, cost
}

// pam builds k medoids greedily and swaps them for better ones while there are any.
func pam(d [][]float32, k int) (m []int) {
	n := len(d)
	near := make([]float32, n)
	for i := range near {
		near[i] = float32(math.Inf(1))
	}
	for len(m) < k {
		best, least := -1, math.Inf(1)
		for c := range n {
			sum := 0.0
			for i, v := range near {
				sum += float64(min(v, d[i][c]))
			}
			if !slices.Contains(m, c) && sum < least {
				best, least = c, sum
			}
		}
		m = append(m, best)
		for i := range near {
			near[i] = min(near[i], d[i][best])
		}
	}
	for range swapsMost {
		out, in, gain := bestSwap(d, m)
		if gain >= -1e-6 {
			break
		}
		m[out] = in
	}
	return m
}

// bestSwap finds which medoid to swap for which row, and by how much the sum changes
// (FastPAM1 of Schubert and Rousseeuw, 2019).
func bestSwap(d [][]float32, m []int) (out, in int, gain float64) {
	first, second := make([]int, len(d)), make([]float32, len(d))
	for i := range d {
		second[i] = float32(math.Inf(1))
		for j, row := range m {
			if v := d[i][row]; j == 0 || v < d[i][m[first[i]]] {
				if j > 0 {
					second[i] = d[i][m[first[i]]]
				}
				first[i] = j
			} else if v < second[i] {
				second[i] = v
			}
		}
	}
	for c := range d {
		if slices.Contains(m, c) {
			continue
		}
		all, each := 0.0, make([]float64, len(m))
		for i := range d {
			old, v := d[i][m[first[i]]], d[i][c]
			if v < old {
				all += float64(v - old)
			} else {
				each[first[i]] += float64(min(v, second[i]) - old)
			}
		}
		for j := range m {
			// Whoever came over already counts in all; the others of j go where they are next.
			if all+each[j] < gain {
				out, in, gain = j, c, all+each[j]
			}
		}
	}
	return out, in, gain
}

// silhouette is how much nearer rows are to their own group than to the next one, from
// −1 to 1, on average (Rousseeuw 1987), of rows whose distances are given. A row that is
// alone in its group has 0.
func silhouette(d [][]float32, of []int, k int) float64 {
	total := 0.0
	for i := range d {
		sum, n := make([]float64, k), make([]int, k)
		for j, v := range d[i] {
			if j != i {
				sum[of[j]] += float64(v)
				n[of[j]]++
			}
		}
		if n[of[i]] == 0 {
			continue
		}
		own, other := sum[of[i]]/float64(n[of[i]]), math.Inf(1)
		for g := range k {
			if g != of[i] && n[g] > 0 {
				other = min(other, sum[g]/float64(n[g]))
			}
		}
		if most := max(own, other); most > 0 && !math.IsInf(other, 1) {
			total += (other - own) / most
		}
	}
	return total / float64(max(len(d), 1))
}
