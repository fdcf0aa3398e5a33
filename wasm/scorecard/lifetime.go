package scorecard

import (
	"math"

	"ripen/wasm"
)

// Life is how a dimension of kind replenishment goes with the age of the thing
// bought. What it is worth at an age stands in Nodes, straight lines between
// points: they are what Eval and compiled modules read, so that both see the same
// bits, and so that the moment of the next change can be told.
type Life struct {
	First     bool // the anchor is the first purchase, not the last
	Mean      int64
	CV        float64
	Weibull   bool // the family of the distribution; false = gamma
	Horizon   int64
	FullAt    float64 // the chance that is worth all points
	FadeAfter int64   // 0 = it never fades
	FadeHalf  int64
	Learn     *Learn // nil = mean and cv stay as written
	Nodes     []Node // by age, from 0 on; the last one's value stays
}

// Learn asks for mean and cv to be learned from repurchases.
type Learn struct {
	Per string // a property of the purchase: each of its values has a life of its own
	Min int    // repurchases before what is learned counts
}

// Node is where a straight line of a curve begins.
type Node struct {
	Age   int64   // ms
	Value float64 // points
	Slope float64 // points per ms
}

// Curves are right to this share of their most points, and exact where a line
// begins: at parts of the mean that are thirds, halved until they are right.
const (
	curveShare  = 1e-5
	curvePieces = 3
	curveHalves = 14
)

// draw makes the nodes of a lifetime: max × chance / FullAt, at most max.
func (l *Life) draw(most float64) {
	g := l.lasting()
	value := func(age int64) float64 {
		return float64(most * min(1, g.chance(age, l.Horizon)/l.FullAt))
	}
	end := 6 * l.Mean
	if l.FadeAfter > 0 {
		end = min(max(end, l.FadeAfter+20*l.FadeHalf), 60*l.Mean)
	}
	at, v := int64(0), value(0)
	var line func(to int64, w float64, halves int)
	line = func(to int64, w float64, halves int) {
		if halves > 0 && to-at > 8 && !straight(value, at, to, v, w, float64(most*curveShare)) {
			mid := (at + to) / 2
			line(mid, value(mid), halves-1)
			line(to, w, halves-1)
			return
		}
		l.Nodes = append(l.Nodes, Node{at, v, (w - v) / float64(to-at)})
		at, v = to, w
	}
	for at < end && v < most {
		to := at + max(l.Mean/curvePieces, 16)
		line(to, value(to), curveHalves)
	}
	l.Nodes = append(l.Nodes, Node{Age: at, Value: v})
}

// straight says whether a function is a line between two points, near enough.
func straight(f func(int64) float64, a, b int64, fa, fb, near float64) bool {
	for i := int64(1); i < 4; i++ {
		at := a + (b-a)*i/4
		if math.Abs(f(at)-(fa+float64((fb-fa)*float64(at-a))/float64(b-a))) > near {
			return false
		}
	}
	return true
}

// Chance is the probability that a thing of this age is bought again within the
// horizon, given that it has not been until now.
func (l *Life) Chance(age int64) float64 {
	g := l.lasting()
	return g.chance(age, l.Horizon)
}

// Survival returns the function that says log2 of the chance that a thing lasts longer
// than an age.
func (l *Life) Survival() func(age int64) float64 {
	g := l.lasting()
	return g.survival
}

// Parameters are the shape and the scale, in ms, of the distribution.
func (l *Life) Parameters() (shape, scale float64) {
	g := l.lasting()
	return g.shape, g.scale
}

// node returns the line that holds at an age.
func (l *Life) node(age int64) (n *Node, next int64) {
	lo := 0
	for n := len(l.Nodes); n > 1; {
		half := n / 2
		if l.Nodes[lo+half].Age <= age {
			lo += half
		}
		n -= half
	}
	if lo+1 < len(l.Nodes) {
		next = l.Nodes[lo+1].Age
	}
	return &l.Nodes[lo], next
}

// lasting is a lifetime's distribution: a gamma or a Weibull distribution of the same
// mean and spread. Its functions use nothing of package math that differs between
// machines, and fuse no products: curves have the same bits everywhere.
type lasting struct {
	weibull      bool
	shape, scale float64 // scale in ms
	norm         float64 // gamma: log2 Γ(shape)
}

func (l *Life) lasting() lasting {
	if l.Weibull {
		k := weibullShape(l.CV)
		return lasting{weibull: true, shape: k, scale: float64(l.Mean) / wasm.Exp2(log2Gamma(1+1/k))}
	}
	k := 1 / float64(l.CV*l.CV)
	return lasting{shape: k, scale: float64(l.Mean) / k, norm: log2Gamma(k)}
}

// shapeMost is above the shape of the least spread that a card takes.
const shapeMost = 32

// weibullShape is the shape whose spread beside the mean is cv, found by halving:
// 1 + cv² = Γ(1+2/k) / Γ(1+1/k)².
func weibullShape(cv float64) float64 {
	want := log2(1 + float64(cv*cv))
	lo, hi := 1.0, float64(shapeMost)
	for range 60 {
		k := (lo + hi) / 2
		if log2Gamma(1+2/k)-float64(2*log2Gamma(1+1/k)) > want {
			lo = k
		} else {
			hi = k
		}
	}
	return (lo + hi) / 2
}

func (g *lasting) chance(age, within int64) float64 {
	d := g.survival(age+within) - g.survival(age)
	return 1 - wasm.Exp2(min(0, d))
}

const log2E = 1.4426950408889634

// Log2Front is what log2 multiplies its series by: modules write the same series.
const Log2Front float64 = 2 * log2E

// survivalLeast is log2 of the least chance to live longer that Weibull tells apart:
// the gamma's tail never comes near.
const survivalLeast = -1e15

// survival is log2 of the chance to live longer than age. Of gamma it is the
// regularised upper incomplete gamma function, by its series below its bulk and by its
// continued fraction above; of Weibull it is −log2(e)·(age/scale)^shape.
func (g *lasting) survival(age int64) float64 {
	x, k := float64(age)/g.scale, g.shape
	if x <= 0 {
		return 0
	}
	if g.weibull {
		return max(survivalLeast, -float64(wasm.Exp2(min(1000, float64(k*log2(x))))*log2E))
	}
	front := float64(k*log2(x)) - float64(x*log2E) - g.norm
	if x < k+1 {
		term := 1 / k
		sum := term
		for n := 1.0; n < 10_000 && term > sum*1e-17; n++ {
			term = float64(term * (x / (k + n)))
			sum += term
		}
		return log2(max(1-float64(sum*wasm.Exp2(front)), 1e-300))
	}
	// Lentz: x + 1 − k − 1·(1−k)/(x + 3 − k − 2·(2−k)/(…
	b := x + 1 - k
	c, d := 1e300, 1/b
	f := d
	for n := 1.0; n < 10_000; n++ {
		a := float64(-n * (n - k))
		b += 2
		d = 1 / nonZero(float64(a*d)+b)
		c = nonZero(b + a/c)
		step := float64(d * c)
		f = float64(f * step)
		if math.Abs(step-1) < 1e-15 {
			break
		}
	}
	return front + log2(f)
}

func nonZero(f float64) float64 {
	if math.Abs(f) < 1e-300 {
		return 1e-300
	}
	return f
}

// log2 is the binary logarithm of x > 0, by the series of artanh.
func log2(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	s2, sum := float64(s*s), 0.0
	for n := 23.0; n >= 1; n -= 2 {
		sum = float64(sum*s2) + 1/n
	}
	return float64(e) + float64(Log2Front*float64(s*sum))
}

// log2Gamma is log2 Γ(x) for x ≥ 1, by Stirling's series, begun above 16.
func log2Gamma(x float64) float64 {
	product := 1.0
	for ; x < 16; x++ {
		product = float64(product * x)
	}
	i := 1 / float64(x*x)
	series := 1.0/12 - float64(i*(1.0/360-float64(i*(1.0/1260-float64(i/1680)))))
	const halfLog2Tau = 1.3257480647361592 // ½·log2(2π)
	return float64((x-0.5)*log2(x)) + halfLog2Tau + float64((series/x-x)*log2E) - log2(product)
}
