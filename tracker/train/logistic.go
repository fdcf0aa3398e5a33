package train

import (
	"math"
	"slices"
)

// shape is what the tenant asks of the coefficients of one attribute.
type shape struct {
	rising  int     // 1: more of it is never worth less; −1: never more; 0: anything
	floor   float64 // the least that a bin may be worth, in log-odds
	ceiling float64 // the most
}

var free = shape{floor: math.Inf(-1), ceiling: math.Inf(1)}

// feature is one attribute in a logistic regression: the bins of its rows, or its
// value itself.
type feature struct {
	bins  []uint8
	n     int       // bins
	x     []float64 // in place of bins
	shape shape
	least bool // the last bin is no answer: the order of bins says nothing of it
}

// logistic is a fitted regression: the log-odds of a row are base plus one weight
// for each feature.
type logistic struct {
	base float64
	w    [][]float64 // of each feature, by bin; of a plain one, one slope
}

// Bounds of the fit. A hundredth of a point of a card is 3e-4 of log-odds.
const (
	roundsMax = 40
	sweepsMax = 1000
	stepMin   = 1e-5
	stepMax   = 4 // log-odds at once, so that no first step runs away
)

// fitLogistic minimises Σ log-loss + λ/2 Σ w². Each round makes the quadratic that
// touches the loss where it is, and minimises that by going round the features: the
// bins of one are disjoint, so that Newton's step for all of them is one division
// each. A shape is kept by projecting each step: with bins disjoint the nearest
// ordered weights are what pooling adjacent violators gives, and bounds then cut
// them off. A round that would make the loss worse is halved.
func fitLogistic(fs []*feature, y []uint8, lambda float64) *logistic {
	q := newQuadratic(fs, y, lambda)
	for range roundsMax {
		q.touch()
		if moved := q.minimise(); moved < stepMin || !q.step() {
			break
		}
	}
	l := &logistic{base: q.w[0], w: make([][]float64, len(fs))}
	for j, f := range fs {
		l.w[j] = slices.Clone(q.w[q.at[j] : q.at[j]+f.width()])
	}
	return l
}

// width is how many weights a feature has.
func (f *feature) width() int { return max(f.n, 1) }

// quadratic is the loss near the weights w, weight 0 being the base.
type quadratic struct {
	fs     []*feature
	y      []uint8
	lambda float64
	at     []int // of each feature's first weight
	w, to  []float64
	m      []float64   // margins of the rows at w
	loss   float64     // at w
	g      []float64   // slope of the log-loss at to, by the quadratic
	h      [][]float64 // its curvature
}

func newQuadratic(fs []*feature, y []uint8, lambda float64) *quadratic {
	q := &quadratic{fs: fs, y: y, lambda: lambda}
	n := 1
	for _, f := range fs {
		q.at = append(q.at, n)
		n += f.width()
	}
	q.w, q.to, q.g = make([]float64, n), make([]float64, n), make([]float64, n)
	q.h = make([][]float64, n)
	for i := range q.h {
		q.h[i] = make([]float64, n)
	}
	pos := 0.0
	for _, v := range y {
		pos += float64(v)
	}
	q.w[0] = logit(pos / float64(len(y)))
	for j, f := range fs {
		f.shape.hold(q.w[q.at[j]:q.at[j]+f.width()], nil, lambda, f.least)
	}
	q.m, q.loss = q.margins(q.w)
	return q
}

// margins are the log-odds of the rows with weights w, and the loss.
func (q *quadratic) margins(w []float64) (m []float64, loss float64) {
	m = make([]float64, len(q.y))
	for i := range m {
		m[i] = w[0]
	}
	for j, f := range q.fs {
		part := w[q.at[j]:]
		for i := range m {
			if f.x != nil {
				m[i] += float64(part[0] * f.x[i])
			} else {
				m[i] += part[f.bins[i]]
			}
		}
	}
	for i, v := range m {
		if q.y[i] == 1 {
			v = -v
		}
		if v > 30 {
			loss += v
		} else {
			loss += math.Log1p(math.Exp(v))
		}
	}
	for _, v := range w[1:] {
		loss += float64(q.lambda / 2 * v * v)
	}
	return m, loss
}

// touch makes the quadratic at w.
func (q *quadratic) touch() {
	clear(q.g)
	for i := range q.h {
		clear(q.h[i])
	}
	copy(q.to, q.w)
	k := len(q.fs) + 1
	at, v := make([]int, k), make([]float64, k)
	v[0] = 1
	for i, m := range q.m {
		p := sigmoid(m)
		g, h := p-float64(q.y[i]), max(float64(p*(1-p)), 1e-6)
		for j, f := range q.fs {
			if f.x != nil {
				at[j+1], v[j+1] = q.at[j], f.x[i]
			} else {
				at[j+1], v[j+1] = q.at[j]+int(f.bins[i]), 1
			}
		}
		for a, row := range at {
			q.g[row] += float64(g * v[a])
			hv, line := float64(h*v[a]), q.h[row]
			for b, col := range at[:a+1] {
				line[col] += float64(hv * v[b])
			}
		}
	}
	for a := range q.h {
		for b := range a {
			q.h[b][a] = q.h[a][b] // of two features: one of the halves is empty
		}
	}
}

// minimise walks to the bottom of the quadratic.
func (q *quadratic) minimise() (most float64) {
	for range sweepsMax {
		moved := q.move(0, -q.g[0]/q.h[0][0])
		for j, f := range q.fs {
			moved = max(moved, q.moveFeature(j, f))
			q.centre(j, f)
		}
		if moved < stepMin {
			break
		}
	}
	for i := range q.w {
		most = max(most, math.Abs(q.to[i]-q.w[i]))
	}
	return most
}

// move changes one weight, and with it the slopes.
func (q *quadratic) move(i int, d float64) float64 {
	if d == 0 {
		return 0
	}
	q.to[i] += d
	for k, h := range q.h[i] {
		q.g[k] += float64(h * d)
	}
	return math.Abs(d)
}

func (q *quadratic) moveFeature(j int, f *feature) (moved float64) {
	from, n := q.at[j], f.width()
	var to, h [256]float64
	for b := range n {
		i := from + b
		h[b] = q.h[i][i]
		step := -(q.g[i] + float64(q.lambda*q.to[i])) / (h[b] + q.lambda)
		to[b] = q.to[i] + min(max(step, -stepMax), stepMax)
	}
	if f.x == nil {
		f.shape.hold(to[:n], h[:n], q.lambda, f.least)
	}
	for b := range n {
		moved = max(moved, q.move(from+b, to[b]-q.to[from+b]))
	}
	return moved
}

// centre moves what all bins of a feature have in common to the base: no row changes,
// and the weights become smaller.
func (q *quadratic) centre(j int, f *feature) {
	if f.x != nil || !math.IsInf(f.shape.floor, -1) || !math.IsInf(f.shape.ceiling, 1) {
		return
	}
	part := q.to[q.at[j] : q.at[j]+f.n]
	mean := 0.0
	for _, v := range part {
		mean += v / float64(f.n)
	}
	for b := range part {
		part[b] -= mean
	}
	q.to[0] += mean
}

// step goes where minimise pointed, or half as far, until the loss is less; false if
// it never is.
func (q *quadratic) step() bool {
	for range 12 {
		m, loss := q.margins(q.to)
		if loss < q.loss {
			q.m, q.loss = m, loss
			copy(q.w, q.to)
			return true
		}
		for i := range q.to {
			q.to[i] = (q.to[i] + q.w[i]) / 2
		}
	}
	return false
}

// hold projects weights onto the shape.
func (s *shape) hold(w, h []float64, lambda float64, least bool) {
	n := len(w)
	if least {
		n--
	}
	if s.rising != 0 {
		mass := make([]float64, n)
		for b := range mass {
			mass[b] = lambda + 1e-9
			if h != nil {
				mass[b] += h[b]
			}
			w[b] *= float64(s.rising)
		}
		pool(w[:n], mass)
		for b := range mass {
			w[b] *= float64(s.rising)
		}
	}
	for b := range w {
		w[b] = min(max(w[b], s.floor), s.ceiling)
	}
}

// margins are the log-odds of rows given as bins or values.
func (l *logistic) margins(fs []*feature, n int) []float64 {
	m := make([]float64, n)
	for i := range m {
		m[i] = l.base
	}
	for j, f := range fs {
		w := l.w[j]
		if f.x != nil {
			for i, x := range f.x {
				m[i] += float64(w[0] * x)
			}
			continue
		}
		for i, b := range f.bins {
			m[i] += w[b]
		}
	}
	return m
}

// pool makes v non-decreasing and as near as can be to what it was, by weight: the
// pool-adjacent-violators algorithm.
func pool(v, weight []float64) {
	type block struct {
		sum, mass float64
		n         int
	}
	blocks := make([]block, 0, len(v))
	for i := range v {
		b := block{float64(v[i] * weight[i]), weight[i], 1}
		for k := len(blocks); k > 0 && blocks[k-1].sum*b.mass >= b.sum*blocks[k-1].mass; k-- {
			last := blocks[k-1]
			b = block{b.sum + last.sum, b.mass + last.mass, b.n + last.n}
			blocks = blocks[:k-1]
		}
		blocks = append(blocks, b)
	}
	i := 0
	for _, b := range blocks {
		for range b.n {
			v[i] = b.sum / b.mass
			i++
		}
	}
}

// plain makes features of columns without cutting numbers: each number on a scale
// of its standard deviation with a bin for no answer beside it, each category a bin
// a value. It is the yardstick that cards are held against.
func plain(t *Table, by []*cut, rows, fit []int) []*feature {
	var out []*feature
	bins := binned(t, by, rows)
	for j, c := range t.columns {
		if c.kind == category {
			out = append(out, &feature{bins: bins[j], n: by[j].n, shape: free})
			continue
		}
		mean, sd := spread(c, fit)
		f := &feature{x: make([]float64, len(rows)), shape: free}
		asked := &feature{bins: make([]uint8, len(rows)), n: 2, shape: free}
		for i, r := range rows {
			if v := c.nums[r]; math.IsNaN(v) {
				asked.bins[i] = 1
			} else {
				f.x[i] = min(max((v-mean)/sd, -8), 8)
			}
		}
		out = append(out, f, asked)
	}
	return out
}

func spread(c *column, rows []int) (mean, sd float64) {
	n, sum, square := 0.0, 0.0, 0.0
	for _, r := range rows {
		if v := c.nums[r]; !math.IsNaN(v) {
			n++
			sum += v
		}
	}
	mean = sum / max(n, 1)
	for _, r := range rows {
		if v := c.nums[r]; !math.IsNaN(v) {
			square += float64((v - mean) * (v - mean))
		}
	}
	if sd = math.Sqrt(square / max(n, 1)); sd == 0 {
		sd = 1
	}
	return mean, sd
}
