package scorecard

import (
	"math"
	"testing"
)

const month = 30.4375 * 864e5

func lifetime(mean, cv, horizon, full float64) *Life {
	l := &Life{Mean: int64(mean * month), CV: cv, Horizon: int64(horizon * month), FullAt: full}
	l.draw(100)
	return l
}

// TestChance holds the lifetime of the reference to its printed table.
func TestChance(t *testing.T) {
	l := lifetime(24, 0.25, 4, 0.45)
	for months, want := range map[float64]float64{
		0: 0, 1: 0, 6: 0.0015, 12: 0.0682, 15: 0.1671, 18: 0.2869, 20: 0.3636, 22: 0.4323,
		24: 0.4917, 30: 0.6205, 36: 0.6986, 40: 0.7339, 48: 0.7817,
	} {
		if got := l.Chance(int64(months * month)); math.Abs(got-want) > 0.00005 {
			t.Errorf("the chance at %v months is %v, want %v", months, got, want)
		}
	}
}

// TestGamma compares survival with the integral of the density, over shapes from
// the exponential to the very regular.
func TestGamma(t *testing.T) {
	for _, cv := range []float64{1, 0.7, 0.5, 0.25, 0.1, 0.05} {
		l := lifetime(24, cv, 4, 0.45)
		g := l.lasting()
		lg, _ := math.Lgamma(g.shape)
		density := func(x float64) float64 {
			if x == 0 {
				return map[bool]float64{true: 1}[g.shape == 1]
			}
			return math.Exp((g.shape-1)*math.Log(x) - x - lg)
		}
		sum, step := 0.0, g.shape/20_000
		for i := range 60_000 {
			x := float64(i) * step
			sum += step / 6 * (density(x) + 4*density(x+step/2) + density(x+step))
			if i%500 != 499 || 1-sum < 1e-4 {
				continue
			}
			got := g.survival(int64((x + step) * g.scale))
			if want := math.Log2(1 - sum); math.Abs(got-want) > 1e-6 {
				t.Fatalf("cv %v: log2 of survival at %v is %v, want %v", cv, x+step, got, want)
			}
		}
	}
	for x := 0.01; x < 1e6; x *= 1.37 {
		if got := log2(x); math.Abs(got-math.Log2(x)) > 1e-14*math.Max(1, math.Abs(got)) {
			t.Errorf("log2(%v) = %v, want %v", x, got, math.Log2(x))
		}
		if lg, _ := math.Lgamma(x); x >= 1 && math.Abs(log2Gamma(x)-lg/math.Ln2) > 1e-13*math.Max(1, lg) {
			t.Errorf("log2Gamma(%v) = %v, want %v", x, log2Gamma(x), lg/math.Ln2)
		}
	}
}

// TestCurve holds the lines to what they stand for, and to a bounded number.
func TestCurve(t *testing.T) {
	for _, cv := range []float64{1, 0.5, 0.25, 0.05} {
		for _, full := range []float64{0.1, 0.45, 1} {
			l := lifetime(24, cv, 4, full)
			if len(l.Nodes) > 400 || l.Nodes[0].Age != 0 {
				t.Errorf("cv %v, full at %v: %d lines, from %d on", cv, full, len(l.Nodes), l.Nodes[0].Age)
			}
			for months := 0.0; months < 140; months += 0.173 {
				age := int64(months * month)
				n, next := l.node(age)
				if age < n.Age || next != 0 && age >= next {
					t.Fatalf("at %d the line from %d to %d", age, n.Age, next)
				}
				got := n.Value + n.Slope*float64(age-n.Age)
				want := min(100, 100*l.Chance(age)/full)
				if math.Abs(got-want) > 0.0015 {
					t.Fatalf("cv %v, full at %v: %v points at %v months, want %v", cv, full, got, months, want)
				}
			}
		}
	}
}

// TestCurveBounds keeps the number of lines small whatever a card says.
func TestCurveBounds(t *testing.T) {
	for _, l := range []Life{
		{Mean: 864e5, CV: 1, Horizon: 1000, FullAt: 1, FadeAfter: 1, FadeHalf: 200 * 365 * 864e5},
		{Mean: 50 * 365 * 864e5, CV: 0.05, Horizon: 1, FullAt: 1e-6},
		{Mean: 50 * 365 * 864e5, CV: 0.05, Horizon: 200 * 365 * 864e5, FullAt: 1},
		{Mean: 864e5, CV: 0.05, Horizon: 1, FullAt: 1},
		{Mean: 864e5, CV: 0.3, Horizon: 864e5, FullAt: 1e-6, FadeAfter: 1, FadeHalf: 600_000},
	} {
		l.draw(100)
		last := l.Nodes[len(l.Nodes)-1]
		if len(l.Nodes) > 2000 || last.Slope != 0 || last.Value < 0 || last.Value > 100 {
			t.Errorf("%+v: %d lines, the last %+v", l.Mean, len(l.Nodes), last)
		}
		for i, n := range l.Nodes {
			if math.IsNaN(n.Value+n.Slope) || i > 0 && n.Age <= l.Nodes[i-1].Age {
				t.Fatalf("node %d: %+v", i, n)
			}
		}
	}
}

// TestCurveBits pins the bits of a curve: a machine, or a compiler that fuses
// products with sums, must not draw another one.
func TestCurveBits(t *testing.T) {
	h := uint64(14695981039346656037)
	for _, cv := range []float64{1, 0.5, 0.25, 0.05} {
		for _, n := range lifetime(24, cv, 4, 0.45).Nodes {
			for _, v := range []uint64{uint64(n.Age), math.Float64bits(n.Value), math.Float64bits(n.Slope)} {
				h = (h ^ v) * 1099511628211
			}
		}
	}
	if h != 0x922dcc1ccfb1e73d {
		t.Errorf("the curves' bits are %#x", h)
	}
}

// TestWeibull holds the family to its closed form, and to the mean and spread that it
// was asked for; its curve is bounded as that of gamma is.
func TestWeibull(t *testing.T) {
	for _, cv := range []float64{1, 0.7, 0.5, 0.25, 0.1, 0.05} {
		l := &Life{Mean: int64(24 * month), CV: cv, Weibull: true, Horizon: int64(4 * month), FullAt: 0.45}
		g := l.lasting()
		g1, _ := math.Lgamma(1 + 1/g.shape)
		g2, _ := math.Lgamma(1 + 2/g.shape)
		if mean := g.scale * math.Exp(g1); math.Abs(mean/float64(l.Mean)-1) > 1e-9 {
			t.Errorf("cv %v: mean is %v, want %v", cv, mean, l.Mean)
		}
		if got := math.Sqrt(math.Exp(g2-2*g1) - 1); math.Abs(got-cv) > 1e-6 {
			t.Errorf("cv %v: the spread is %v", cv, got)
		}
		for x := 0.1; x < 3; x += 0.07 {
			got, want := g.survival(int64(x*g.scale)), -math.Pow(x, g.shape)/math.Ln2
			if math.Abs(got-want) > 1e-9*math.Max(1, -want) {
				t.Fatalf("cv %v: log2 of survival at %v scales is %v, want %v", cv, x, got, want)
			}
		}
		l.draw(100)
		if len(l.Nodes) > 400 {
			t.Errorf("cv %v: %d lines", cv, len(l.Nodes))
		}
		for i, n := range l.Nodes {
			if math.IsNaN(n.Value+n.Slope) || n.Value < 0 || n.Value > 100 || i > 0 && n.Value < l.Nodes[i-1].Value-1e-9 {
				t.Fatalf("cv %v: node %d is %+v", cv, i, n)
			}
		}
	}
	far := Life{Mean: 864e5, CV: 0.05, Weibull: true, Horizon: 200 * 365 * 864e5, FullAt: 1, FadeAfter: 1, FadeHalf: 200 * 365 * 864e5}
	far.draw(100)
	for _, n := range far.Nodes {
		if math.IsNaN(n.Value + n.Slope) {
			t.Fatalf("far out: %+v", n)
		}
	}
}
