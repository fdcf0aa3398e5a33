package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestMeasures(t *testing.T) {
	p, y := []float64{.9, .8, .8, .3, .1}, []uint8{1, 1, 0, 1, 0}
	near(t, "AUC", auc(p, y), (1+1+.5+1+0+1)/6, 1e-12)
	near(t, "Brier", brier(p, y), (.01+.04+.64+.49+.01)/5, 1e-12)
	near(t, "log-loss", logLoss([]float64{.5, .25}, []uint8{1, 0}), (math.Log(2)-math.Log(.75))/2, 1e-12)
	near(t, "lift of two fifths, tied", lift(p, y, .4), (1.+.5)/3/.4, 1e-12)
	near(t, "ECE", ece([]float64{.75, .75, .05}, []uint8{1, 0, 0}), (.5+.05)/3, 1e-12)
	near(t, "AUC of one label", auc(p, []uint8{1, 1, 1, 1, 1}), .5, 0)
	// Within a period nothing is known; between periods, everything.
	near(t, "AUC within", within([]float64{.9, .9, .1, .1}, []uint8{1, 0, 1, 0}, []int{2, 2, 1, 1}), .5, 0)
	// Against counting all pairs.
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		p, y := make([]float64, 40), make([]uint8, 40)
		for i := range p {
			p[i], y[i] = float64(r.IntN(9)), uint8(r.IntN(2))
		}
		won, pairs := 0.0, 0.0
		for i := range p {
			for j := range p {
				if y[i] == 1 && y[j] == 0 {
					pairs++
					won += map[bool]float64{true: 1}[p[i] > p[j]] + map[bool]float64{true: .5}[p[i] == p[j]]
				}
			}
		}
		near(t, "AUC by pairs", auc(p, y), won/pairs, 1e-12)
	}
	if c := roc(p, y); c[0] != [2]float64{0, 0} || c[len(c)-1] != [2]float64{1, 1} || !slices.Contains(c, [2]float64{.5, 2. / 3}) {
		t.Errorf("ROC %v", c)
	}
}

func TestFolds(t *testing.T) {
	y := make([]uint8, 1000)
	for i := range 130 {
		y[i*7] = 1
	}
	fold := folds(y, 5, 3)
	for f := range 5 {
		in, out := parted(fold, f)
		k := 0
		for _, i := range in {
			k += int(y[i])
		}
		if len(in) != 200 || len(out) != 800 || k != 26 {
			t.Errorf("fold %d has %d rows, %d converted", f, len(in), k)
		}
	}
}

func TestPool(t *testing.T) {
	v := []float64{3, 1, 2, 5, 4}
	pool(v, []float64{1, 1, 2, 1, 3})
	if want := []float64{2, 2, 2, 4.25, 4.25}; !slices.Equal(v, want) {
		t.Errorf("pooled %v, want %v", v, want)
	}
}

func TestCalibration(t *testing.T) {
	curve := isotonic([]int{5, 5, -1, 9, 9, 9, 7}, []uint8{1, 0, 0, 1, 1, 0, 1})
	if len(curve) != 3 || curve[0] != (Chance{-1, 0, 1}) || curve[1] != (Chance{5, .5, 2}) || curve[2] != (Chance{7, .75, 4}) {
		t.Errorf("curve %v", curve)
	}
	r := rand.New(rand.NewPCG(5, 6))
	m, y := make([]float64, 40_000), make([]uint8, 40_000)
	for i := range m {
		m[i] = 3 * r.NormFloat64()
		y[i] = bit(r.Float64() < sigmoid(.5*m[i]-1))
	}
	slope, shift := platt(m, y)
	near(t, "slope", slope, .5, .02)
	near(t, "shift", shift, -1, .05)
}

// TestLogistic: at the bottom of the loss no weight can be moved for the better.
func TestLogistic(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n, lambda = 4000, 1.5
	a, b, x, y := make([]uint8, n), make([]uint8, n), make([]float64, n), make([]uint8, n)
	for i := range n {
		a[i] = uint8(r.IntN(5))
		b[i] = uint8(min(5, int(a[i])+r.IntN(2))) // nearly the same as a
		x[i] = r.NormFloat64() + float64(a[i])/5
		y[i] = bit(r.Float64() < sigmoid(float64(a[i])-2+x[i]/2))
	}
	f := []*feature{{bins: a, n: 5, shape: free}, {bins: b, n: 6, shape: free}, {x: x, shape: free}}
	l := fitLogistic(f, y, lambda)
	m := l.margins(f, n)
	slopes := map[[2]int]float64{}
	base := 0.0
	for i := range n {
		d := sigmoid(m[i]) - float64(y[i])
		base += d
		slopes[[2]int{0, int(a[i])}] += d
		slopes[[2]int{1, int(b[i])}] += d
		slopes[[2]int{2, 0}] += d * x[i]
	}
	near(t, "slope of the base", base, 0, .01)
	for at, s := range slopes {
		near(t, "slope of a weight", s+lambda*l.w[at[0]][at[1]], 0, .02)
	}
	f[0].shape.rising = -1
	w := fitLogistic(f, y, lambda).w[0]
	if !slices.IsSortedFunc(w, func(a, b float64) int { return int(math.Copysign(1, b-a)) * int(bit(a != b)) }) {
		t.Errorf("falling weights %v", w)
	}
	f[0].shape = shape{floor: -.25, ceiling: .5}
	for _, v := range fitLogistic(f, y, lambda).w[0] {
		if v < -.25-1e-12 || v > .5+1e-12 {
			t.Errorf("weight %v out of bounds", v)
		}
	}
}

// TestLogisticSeparated: rows that a bin divides perfectly leave finite weights.
func TestLogisticSeparated(t *testing.T) {
	bins, y := make([]uint8, 1000), make([]uint8, 1000)
	for i := range bins {
		bins[i] = uint8(i % 2)
		y[i] = bins[i]
	}
	l := fitLogistic([]*feature{{bins: bins, n: 2, shape: free}}, y, 1)
	if w := l.w[0]; !(w[1] > 2) || !(w[0] < -2) || math.IsInf(w[1], 0) {
		t.Errorf("weights %v", w)
	}
}

// TestTrees: what no sum of points can say, a tree can; whoever did not answer goes
// where it is better, and values without an order are put in one.
func TestTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const n = 4000
	table := &Table{columns: []*column{
		{name: "a", kind: number}, {name: "b", kind: number}, {name: "c", kind: category, values: []string{"p", "q", "r", "s", "t"}},
	}}
	for range n {
		a, b, c := r.Float64(), r.Float64(), int32(r.IntN(6))-1
		m := -2.0
		if (a > .5) != (b > .5) {
			m += 3
		}
		if c == 1 || c == 3 {
			m += 2
		}
		if r.IntN(5) == 0 {
			a, m = math.NaN(), 3
		}
		table.columns[0].nums = append(table.columns[0].nums, a)
		table.columns[1].nums = append(table.columns[1].nums, b)
		table.columns[2].codes = append(table.columns[2].codes, c)
		table.y = append(table.y, bit(r.Float64() < sigmoid(m)))
	}
	rows := table.allRows()
	fit, ask := rows[:n/2], rows[n/2:]
	y := table.labels(ask)
	trees := auc(fitBoost(table, fit, 1).margins(table, ask), y)
	card := auc(fitCard(table, fit, planFor(1000, nil)).chances(table, ask), y)
	if trees < .85 || trees < card+.05 {
		t.Errorf("AUC %.3f by trees, %.3f by the card", trees, card)
	}
}

func TestDrift(t *testing.T) {
	bins := []uint8{0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1}
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	near(t, "no drift", drift(bins, 2, all, all), 0, 1e-12)
	x, y := 3.5/6.5, 1.5/6.5
	near(t, "drift", drift(bins, 2, all[:6], all[6:]), (y-x)*math.Log(y/x)+(5.5/6.5-x)*math.Log(5.5/3.5), 1e-12)
}
