package train

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Boosting: trees are grown one after another, each on the gradient of the log-loss
// that those before it left. The numbers are the usual ones for tables of this size;
// they are not tuned to any file.
const (
	boostTrees  = 100
	boostDepth  = 6   // questions on one path
	boostLeaves = 15  // a tree
	boostRate   = 0.1 // of each tree's say
	boostRows   = 40  // a leaf has at least
	boostL2     = 1.0
	boostCatL2  = 10.0 // more, where categories are sorted by what they are to predict
	boostShare  = 0.7  // of the rows, and of the columns, that a tree sees
	boostBins   = 254  // of a number; the last of 256 is no answer
)

var fine = coarseness{bins: boostBins, named: boostBins, rarest: 1}

// Boost is a gradient-boosted ensemble of trees over binned columns: the challenger
// of the learned card.
type Boost struct {
	cuts  []*cut
	base  float64
	trees []tree
	gain  []float64 // of each column, over all splits
}

// tree is its nodes, the root first.
type tree []node

// node is a leaf if feature is negative. A number goes left up to a bin, a category
// if its bit is set; whoever did not answer has a bit as well.
type node struct {
	feature     int
	bin         uint8 // of a number: the last that goes left
	left        uint64x4
	leftMissing bool    // of a number
	isSet       bool    // left holds the bins that go left
	below       int     // the left child; the right one follows it
	value       float64 // of a leaf, and of any other what it would say if it were one
}

// uint64x4 is a set of bins.
type uint64x4 [4]uint64

func (s *uint64x4) has(b uint8) bool { return s[b>>6]>>(b&63)&1 != 0 }
func (s *uint64x4) add(b uint8)      { s[b>>6] |= 1 << (b & 63) }

// cell is a bin of a histogram.
type cell struct {
	g, h float64
	n    int
}

// leaf is a node that may be split yet.
type leaf struct {
	node int
	deep int // questions above it
	rows []int32
	hist []cell // of all features, one after another
	sum  cell
	best split
}

// split is the best way to divide a leaf.
type split struct {
	gain float64
	node node // feature, bin, left, leftMissing, isSet
}

// grower holds what growing needs over and over.
type grower struct {
	*Boost
	bins    [][]uint8
	y       []uint8
	m       []float64 // margins
	g, h    []float64 // of each row
	og, oh  []float64 // of a leaf's rows, in their order
	spare   []int32
	offsets []int // of each feature in a histogram
	cells   int
	pool    [][]cell
	order   []int
	rand    *rand.Rand
	drawn   []int32 // rows that this tree sees
	columns []int   // columns that it sees
}

// fitBoost grows an ensemble on some rows.
func fitBoost(t *Table, rows []int, seed uint64) *Boost {
	b := &Boost{cuts: cuts(t, rows, fine), gain: make([]float64, len(t.columns))}
	g := &grower{Boost: b, bins: binned(t, b.cuts, rows), y: t.labels(rows), rand: rand.New(rand.NewPCG(seed, 1))}
	n := len(rows)
	g.m, g.g, g.h = make([]float64, n), make([]float64, n), make([]float64, n)
	g.og, g.oh, g.spare = make([]float64, n), make([]float64, n), make([]int32, n)
	for _, k := range b.cuts {
		g.offsets = append(g.offsets, g.cells)
		g.cells += k.n
	}
	pos := 0.0
	for _, v := range g.y {
		pos += float64(v)
	}
	b.base = logit(pos / float64(n))
	for i := range g.m {
		g.m[i] = b.base
	}
	for range boostTrees {
		t := g.grow(g.draw())
		b.trees = append(b.trees, t)
		for i := range g.m {
			g.m[i] += b.value(t, g.bins, i)
		}
	}
	return b
}

// draw picks what the next tree sees: its rows and its columns.
func (g *grower) draw() []int32 {
	g.drawn = g.drawn[:0]
	for i := range g.m {
		if g.rand.Float64() < boostShare {
			g.drawn = append(g.drawn, int32(i))
		}
	}
	g.columns = g.rand.Perm(len(g.bins))[:int(math.Ceil(boostShare*float64(len(g.bins))))]
	slices.Sort(g.columns)
	return g.drawn
}

// grow makes one tree, always splitting the leaf that gains most.
func (g *grower) grow(at []int32) tree {
	for i, m := range g.m {
		p := sigmoid(m)
		g.g[i], g.h[i] = p-float64(g.y[i]), float64(p*(1-p))
	}
	t := tree{{feature: -1}}
	root := &leaf{rows: at, hist: g.histogram(at)}
	for _, r := range at {
		root.sum.g, root.sum.h = root.sum.g+g.g[r], root.sum.h+g.h[r]
	}
	root.sum.n = len(at)
	g.seek(root)
	leaves := []*leaf{root}
	for len(leaves) < boostLeaves {
		best := 0
		for i, l := range leaves {
			if l.best.gain > leaves[best].best.gain {
				best = i
			}
		}
		l := leaves[best]
		if l.best.gain <= 1e-9 {
			break
		}
		left, right := g.divide(l, len(t))
		t[l.node] = l.best.node
		t[l.node].value = says(l.sum)
		t[l.node].below = len(t)
		t = append(t, node{feature: -1}, node{feature: -1})
		g.gain[l.best.node.feature] += l.best.gain
		leaves[best] = left
		leaves = append(leaves, right)
	}
	for _, l := range leaves {
		t[l.node].value = says(l.sum)
		g.pool = append(g.pool, l.hist)
	}
	return t
}

// says is what a leaf adds to the log-odds of its rows.
func says(c cell) float64 { return float64(-c.g / (c.h + boostL2) * boostRate) }

// histogram sums gradients by feature and bin.
func (g *grower) histogram(rows []int32) []cell {
	var hist []cell
	if k := len(g.pool); k > 0 {
		hist, g.pool = g.pool[k-1], g.pool[:k-1]
		clear(hist)
	} else {
		hist = make([]cell, g.cells)
	}
	og, oh := g.og[:len(rows)], g.oh[:len(rows)]
	for i, r := range rows {
		og[i], oh[i] = g.g[r], g.h[r]
	}
	for _, j := range g.columns {
		col := g.bins[j]
		part := hist[g.offsets[j] : g.offsets[j]+g.cuts[j].n]
		for i, r := range rows {
			c := &part[col[r]]
			c.g += og[i]
			c.h += oh[i]
			c.n++
		}
	}
	return hist
}

// divide splits a leaf. The smaller half's histogram is summed up, the other's is
// what is left of the whole.
func (g *grower) divide(l *leaf, below int) (left, right *leaf) {
	s := &l.best.node
	col, missing := g.bins[s.feature], g.cuts[s.feature].missing()
	n, k := 0, 0
	for _, r := range l.rows {
		if s.goesLeft(col[r], missing) {
			l.rows[n] = r
			n++
		} else {
			g.spare[k] = r
			k++
		}
	}
	copy(l.rows[n:], g.spare[:k])
	left, right = &leaf{node: below, deep: l.deep + 1, rows: l.rows[:n]}, &leaf{node: below + 1, deep: l.deep + 1, rows: l.rows[n:]}
	small, large := left, right
	if n > k {
		small, large = right, left
	}
	small.hist, large.hist = g.histogram(small.rows), l.hist
	for i, c := range small.hist {
		w := &large.hist[i]
		w.g, w.h, w.n = w.g-c.g, w.h-c.h, w.n-c.n
	}
	for _, r := range small.rows {
		small.sum.g, small.sum.h = small.sum.g+g.g[r], small.sum.h+g.h[r]
	}
	small.sum.n = len(small.rows)
	large.sum = cell{l.sum.g - small.sum.g, l.sum.h - small.sum.h, len(large.rows)}
	g.seek(left)
	g.seek(right)
	return left, right
}

func (n *node) goesLeft(b, missing uint8) bool {
	switch {
	case n.isSet:
		return n.left.has(b)
	case b == missing:
		return n.leftMissing
	}
	return b <= n.bin
}

// seek finds the best split of a leaf.
func (g *grower) seek(l *leaf) {
	if l.sum.n < 2*boostRows || l.deep == boostDepth {
		return
	}
	for _, j := range g.columns {
		k := g.cuts[j]
		part := l.hist[g.offsets[j] : g.offsets[j]+k.n]
		if k.kind == number {
			g.seekNumber(l, j, part)
		} else {
			g.seekCategory(l, j, part)
		}
	}
}

func worth(c cell, l2 float64) float64 { return c.g * c.g / (c.h + l2) }

// try keeps a split if it is the best so far.
func (l *leaf) try(left cell, l2 float64, n node) bool {
	right := cell{l.sum.g - left.g, l.sum.h - left.h, l.sum.n - left.n}
	if left.n < boostRows || right.n < boostRows || left.h < 1e-3 || right.h < 1e-3 {
		return false
	}
	gain := worth(left, l2) + worth(right, l2) - worth(l.sum, l2)
	if gain > l.best.gain {
		l.best = split{gain, n}
		return true
	}
	return false
}

// seekNumber tries each border between bins, with whoever did not answer on either
// side.
func (g *grower) seekNumber(l *leaf, j int, part []cell) {
	last := len(part) - 1
	absent := part[last]
	var left cell
	for b, c := range part[:last] {
		left.g, left.h, left.n = left.g+c.g, left.h+c.h, left.n+c.n
		if c.n == 0 {
			continue
		}
		l.try(left, boostL2, node{feature: j, bin: uint8(b)})
		if absent.n > 0 {
			l.try(cell{left.g + absent.g, left.h + absent.h, left.n + absent.n}, boostL2, node{feature: j, bin: uint8(b), leftMissing: true})
		}
	}
}

// seekCategory tries the borders of the values in the order of their gradient,
// those of few rows drawn towards nothing.
func (g *grower) seekCategory(l *leaf, j int, part []cell) {
	g.order = g.order[:0]
	for b, c := range part {
		if c.n > 0 {
			g.order = append(g.order, b)
		}
	}
	slices.SortFunc(g.order, func(a, b int) int {
		x, y := part[a].g/(part[a].h+boostCatL2), part[b].g/(part[b].h+boostCatL2)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	})
	var left cell
	var set uint64x4
	for _, b := range g.order[:max(len(g.order)-1, 0)] {
		c := part[b]
		left.g, left.h, left.n = left.g+c.g, left.h+c.h, left.n+c.n
		set.add(uint8(b))
		l.try(left, boostL2, node{feature: j, left: set, isSet: true})
	}
}

// margins are the log-odds of some rows.
func (b *Boost) margins(t *Table, rows []int) []float64 {
	bins := binned(t, b.cuts, rows)
	m := make([]float64, len(rows))
	for i := range m {
		m[i] = b.base
		for _, tr := range b.trees {
			m[i] += b.value(tr, bins, i)
		}
	}
	return m
}

// value is what a tree says of row i.
func (b *Boost) value(t tree, bins [][]uint8, i int) float64 { return t[b.leafOf(t, bins, i)].value }

// leafOf is where row i comes to in a tree.
func (b *Boost) leafOf(t tree, bins [][]uint8, i int) int {
	at := 0
	for t[at].feature >= 0 {
		n := &t[at]
		at = n.below
		if !n.goesLeft(bins[n.feature][i], b.cuts[n.feature].missing()) {
			at++
		}
	}
	return at
}
