package train

import (
	"cmp"
	"math"
	"slices"
)

// perDouble is how many points double the odds.
const perDouble = 20

// pointsOf is what a unit of log-odds is in points.
const pointsOf = perDouble / math.Ln2

// plan is how a card is learned.
type plan struct {
	coarseness
	lambda   float64
	most     int     // attributes, the most telling ones; 0 = all
	least    float64 // information value of an attribute, at least
	oneWay   bool    // numbers only rise or only fall
	shapes   map[string]shape
	skip     []bool // columns not to use; nil = none
	learning string // the name of the plan
}

// The numbers of conversions from which more is allowed.
const (
	leastConversions = 50   // below it a hand-made card is better
	fewConversions   = 200  // up to it the card is held on a short rein
	manyConversions  = 2000 // from it trees may challenge the card
)

// planFor is the plan that so many conversions allow: with few, few and coarse bins of
// few attributes, of which each number only rises or only falls.
func planFor(conversions int, shapes map[string]shape) plan {
	if conversions <= fewConversions {
		return plan{
			coarseness: coarseness{bins: 4, own: .2, named: 8, rarest: 20}, shapes: shapes,
			lambda: 8, most: max(3, conversions/10), least: .02, oneWay: true, learning: "constrained",
		}
	}
	return plan{coarseness: coarseness{bins: 10, own: .1, named: 60, rarest: 10}, shapes: shapes, lambda: 1 / .3, least: .005, learning: "card"}
}

// Card is a learned scorecard: whole points for each bin of each attribute. Its
// points are about log-odds: perDouble of them double the odds.
type Card struct {
	t      *Table
	used   []int   // columns
	cuts   []*cut  // of the columns used
	points [][]int // of each column used, by bin
	base   float64 // log-odds at no points
	exact  *logistic
}

// fitCard learns a card from some rows.
func fitCard(t *Table, rows []int, p plan) *Card {
	c := &Card{t: t}
	y := t.labels(rows)
	by := cuts(t, rows, p.coarseness)
	bins := binned(t, by, rows)
	for _, j := range p.choose(t, bins, by, y) {
		c.used, c.cuts = append(c.used, j), append(c.cuts, by[j])
	}
	fs := c.features(bins, y, p)
	c.exact = fitLogistic(fs, y, p.lambda)
	c.round(fs, y)
	return c
}

// binsMax is how many bins a card has room for: every one may become a rule, and a
// card has at most 500.
const binsMax = 440

// choose picks columns: those that tell something, the most telling first, as long as
// there is room.
func (p *plan) choose(t *Table, bins [][]uint8, by []*cut, y []uint8) []int {
	var told []int
	iv := make([]float64, len(by))
	for j := range by {
		iv[j] = information(bins[j], by[j].n, y)
		if (p.skip == nil || !p.skip[j]) && iv[j] >= p.least {
			told = append(told, j)
		}
	}
	slices.SortStableFunc(told, func(a, b int) int { return cmp.Compare(iv[b], iv[a]) })
	var out []int
	room := binsMax
	rules, times := 0, 0
	for _, j := range told {
		need := by[j].n + len(t.columns[j].words)/itemsMax + 1
		if need > room || p.most > 0 && len(out) >= p.most {
			continue
		}
		if b := t.columns[j].does; b != nil {
			r, n := by[j].memory(b)
			if t.sees(out, b) || (rules+r)*(times+n) > memoryMost {
				continue
			}
			rules, times = rules+r, times+n
		}
		out, room = append(out, j), room-need
	}
	slices.Sort(out)
	return out
}

// sees says whether one of some columns counts the same in another window.
func (t *Table) sees(columns []int, b *behaviour) bool {
	return slices.ContainsFunc(columns, func(j int) bool {
		d := t.columns[j].does
		return d != nil && d.aspect == b.aspect && d.silence == b.silence
	})
}

// features are the columns used, from the bins of all columns.
func (c *Card) features(bins [][]uint8, y []uint8, p plan) []*feature {
	var fs []*feature
	for i, j := range c.used {
		col := c.t.columns[j]
		f := &feature{bins: bins[j], n: c.cuts[i].n, shape: free}
		if s, ok := p.shapes[col.attr]; ok {
			f.shape = s
		}
		if p.oneWay && col.kind == number && f.shape.rising == 0 {
			f.shape.rising = direction(bins[j], c.cuts[i].missing(), y)
		}
		f.least = true
		fs = append(fs, f)
	}
	return fs
}

// direction says whether a number goes up or down with conversion.
func direction(bins []uint8, missing uint8, y []uint8) int {
	n, b, k, both := 0.0, 0.0, 0.0, 0.0
	for i, v := range bins {
		if v != missing {
			n++
			b += float64(v)
			k += float64(y[i])
			both += float64(v) * float64(y[i])
		}
	}
	if both*n < b*k {
		return -1
	}
	return 1
}

// round makes whole points of the weights. An attribute's points are counted from its
// mean, so that they say who is above and who below average, unless the tenant bound
// them; a behaviour's from who does not do it. A bin that nobody was in is worth nothing. The base is fitted anew.
func (c *Card) round(fs []*feature, y []uint8) {
	for i, f := range fs {
		w, mean := c.exact.w[i], 0.0
		held := make([]bool, len(w))
		for _, b := range f.bins {
			held[b] = true
		}
		if c.t.columns[c.used[i]].does != nil {
			mean = w[0] // who does nothing has no points: no rule can wait for that
		} else if math.IsInf(f.shape.floor, -1) && math.IsInf(f.shape.ceiling, 1) {
			for _, b := range f.bins {
				mean += w[b]
			}
			mean /= float64(len(f.bins))
		}
		points := make([]int, len(w))
		for b, v := range w {
			if !held[b] {
				w[b] = min(max(mean, f.shape.floor), f.shape.ceiling)
				v = w[b]
			}
			points[b] = int(math.Round(float64((v - mean) * pointsOf)))
		}
		c.points = append(c.points, points)
	}
	c.simplify(fs, y)
	sums := sumsOf(fs, c.points)
	if sums == nil {
		sums = make([]int, len(y))
	}
	c.base = c.exact.base
	for range 30 {
		g, h := 0.0, 1e-9
		for r, s := range sums {
			p := c.chance(s)
			g += p - float64(y[r])
			h += float64(p * (1 - p))
		}
		c.base -= g / h
		if math.Abs(g/h) < 1e-10 {
			break
		}
	}
}

// chance is the probability of conversion at some points.
func (c *Card) chance(points int) float64 { return sigmoid(c.base + float64(points)/pointsOf) }

// sums are the points of some rows.
func (c *Card) sums(t *Table, rows []int) []int {
	out := make([]int, len(rows))
	for _, part := range c.parts(t, rows) {
		for i, p := range part {
			out[i] += p
		}
	}
	return out
}

// parts are the points of some rows by attribute.
func (c *Card) parts(t *Table, rows []int) [][]int {
	out := make([][]int, len(c.used))
	for i, j := range c.used {
		k, col := c.cuts[i], t.columns[j]
		out[i] = make([]int, len(rows))
		for r, row := range rows {
			out[i][r] = c.points[i][k.binOf(col, row)]
		}
	}
	return out
}

// chances are the probabilities of some rows.
func (c *Card) chances(t *Table, rows []int) []float64 {
	out := make([]float64, len(rows))
	for i, s := range c.sums(t, rows) {
		out[i] = c.chance(s)
	}
	return out
}

// exactChances are those of the weights before they were rounded.
func (c *Card) exactChances(t *Table, rows []int) []float64 {
	out := make([]float64, len(rows))
	for r, row := range rows {
		m := c.exact.base
		for i, j := range c.used {
			m += c.exact.w[i][c.cuts[i].binOf(t.columns[j], row)]
		}
		out[r] = sigmoid(m)
	}
	return out
}

// shares are how much of the spread of points each column makes, 1 in all: its
// covariance with the sum.
func (c *Card) shares(t *Table, rows []int) []float64 {
	out := make([]float64, len(t.columns))
	parts, sums := c.parts(t, rows), c.sums(t, rows)
	mean := 0.0
	for _, s := range sums {
		mean += float64(s) / float64(len(sums))
	}
	all := 0.0
	for i, j := range c.used {
		for r, s := range sums {
			out[j] += float64(parts[i][r]) * (float64(s) - mean)
		}
		all += out[j]
	}
	for j := range out {
		if all > 0 {
			out[j] /= all
		}
	}
	return out
}

// ends are the least and the most points that anybody can have for attributes, or for
// what people do.
func (c *Card) ends(does bool) (least, most int) {
	for i, p := range c.points {
		if (c.t.columns[c.used[i]].does != nil) == does {
			least, most = least+slices.Min(p), most+slices.Max(p)
		}
	}
	return least, most
}
