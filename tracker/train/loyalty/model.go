package loyalty

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Kind is which story of buying a model tells.
type Kind string

// The kinds. In all of them a customer buys at random with a rate of their own, and
// leaves at some moment that nobody sees.
const (
	BG     Kind = "bg-nbd"     // leaves after a purchase; never before the first repeat
	MBG    Kind = "mbg-nbd"    // leaves after a purchase, the first one included
	Pareto Kind = "pareto-nbd" // leaves at any time
)

// Model foresees purchases. Rates follow Gamma(R, Alpha); leaving follows Beta(A, B),
// or in Pareto Gamma(A, B). Times are in weeks.
type Model struct {
	Kind   Kind    `json:"kind"`
	R      float64 `json:"r"`
	Alpha  float64 `json:"alpha_weeks"`
	A      float64 `json:"a"`
	B      float64 `json:"b"`
	LogLik float64 `json:"log_likelihood"`
	Buyers int     `json:"customers"`
}

// alike are the buyers with one history.
type alike struct {
	Buyer
	n float64
}

// grouped counts equal histories once: large shops have few.
func grouped(buyers []Buyer) []alike {
	bs := slices.Clone(buyers)
	compare := func(a, b Buyer) int {
		return cmp.Or(cmp.Compare(a.Repeats, b.Repeats), cmp.Compare(a.Last, b.Last), cmp.Compare(a.Age, b.Age))
	}
	slices.SortFunc(bs, compare)
	var out []alike
	for _, b := range bs {
		if n := len(out); n > 0 && compare(out[n-1].Buyer, b) == 0 {
			out[n-1].n++
		} else {
			out = append(out, alike{b, 1})
		}
	}
	return out
}

// Least is how many customers who came back a fit wants: with fewer its numbers are
// those of chance.
const Least = 30

// tooFew is a fit that was not tried: so many customers came back.
type tooFew int

func (n tooFew) Error() string {
	return fmt.Sprintf("%d customers came back: at least %d are needed to learn from", int(n), Least)
}

// Fit finds the parameters under which what the buyers did is likeliest.
func Fit(kind Kind, buyers []Buyer) (*Model, error) {
	returned, age := 0, 0.0
	for _, b := range buyers {
		age += b.Age / float64(len(buyers))
		if b.Repeats > 0 {
			returned++
		}
	}
	if returned < Least {
		return nil, tooFew(returned)
	}
	m := &Model{Kind: kind, Buyers: len(buyers)}
	all := grouped(buyers)
	cost := func(x []float64) float64 {
		for _, v := range x {
			if math.Abs(v) > farMost {
				return math.Inf(1)
			}
		}
		m.set(x)
		return -m.logLik(all)
	}
	start := []float64{math.Log(0.5), math.Log(max(age, 1) / 4), 0, math.Log(2)}
	if kind == Pareto {
		start[3] = start[1]
	}
	x, v := simplex(cost, start)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("%s finds no parameters for these purchases: use another --model", kind)
	}
	m.set(x)
	m.LogLik = -v
	return m, nil
}

// farMost bounds ln of a parameter: whoever all behave alike would send it without end.
const farMost = 9

func (m *Model) set(x []float64) {
	m.R, m.Alpha, m.A, m.B = math.Exp(x[0]), math.Exp(x[1]), math.Exp(x[2]), math.Exp(x[3])
}

// logLik is ln of the chance of all these histories. What depends on the number of
// purchases only is summed up once for each number.
func (m *Model) logLik(all []alike) float64 {
	sum := 0.0
	front, x := 0.0, -1
	for i := range all {
		b := &all[i]
		if b.Repeats != x {
			x = b.Repeats
			front = m.front(float64(x))
		}
		sum += b.n * (front + m.history(&b.Buyer))
	}
	return sum
}

// front is the part of ln of a history's chance that its times do not enter.
func (m *Model) front(x float64) float64 {
	v := lnRising(m.R, x) + m.R*math.Log(m.Alpha)
	switch m.Kind {
	case BG:
		v += lnRising(m.B, x) - lnRising(m.A+m.B, x)
	case MBG:
		v += lnRising(m.B, x+1) - lnRising(m.A+m.B, x+1)
	default:
		v += m.A * math.Log(m.B)
	}
	return v
}

// history is the part that they do enter: still there, or gone since the last.
func (m *Model) history(b *Buyer) float64 {
	here, gone := m.fates(b)
	return lnSum(here, gone)
}

// fates are ln of the weights of being there still and of having left.
func (m *Model) fates(b *Buyer) (here, gone float64) {
	x := float64(b.Repeats)
	k := m.R + x
	here = -k * math.Log(m.Alpha+b.Age)
	switch {
	case m.Kind == Pareto:
		here -= m.A * math.Log(m.B+b.Age)
		since, until := m.path(x, b.Last), m.path(x, b.Age)
		if !(until < since) {
			return here, math.Inf(-1)
		}
		return here, math.Log(m.A/(k+m.A)) + since + math.Log1p(-math.Exp(until-since))
	case m.Kind == MBG:
		gone = math.Log(m.A/(m.B+x)) - k*math.Log(m.Alpha+b.Last)
	case x == 0:
		gone = math.Inf(-1)
	default:
		gone = math.Log(m.A/(m.B+x-1)) - k*math.Log(m.Alpha+b.Last)
	}
	return here, gone
}

// path is ln of Pareto's antiderivative at a time: 2F1(k+s, s+1; k+s+1; z)/(α+t)^(k+s)
// with z = (α−β)/(α+t), or its mirror where β is larger, both after Euler.
func (m *Model) path(x, t float64) float64 {
	k := m.R + x
	a, b := math.Log(m.Alpha+t), math.Log(m.B+t)
	if m.Alpha >= m.B {
		return math.Log(hypergeometric(1, k, k+m.A+1, (m.Alpha-m.B)/(m.Alpha+t))) - k*a - m.A*b
	}
	return math.Log(hypergeometric(1, m.A+1, k+m.A+1, (m.B-m.Alpha)/(m.B+t))) - (k-1)*a - (m.A+1)*b
}

// Alive is the chance that a customer has not left. It is information: in BG it is
// 1 for whoever never came back, so nobody is ranked by it.
func (m *Model) Alive(b Buyer) float64 {
	here, gone := m.fates(&b)
	return 1 / (1 + math.Exp(gone-here))
}

// Expect is how many purchases to expect of a customer within t weeks from now.
func (m *Model) Expect(b Buyer, t float64) float64 {
	return m.Alive(b) * m.onward(float64(b.Repeats), b.Age, t)
}

// ExpectNew is how many repeats to expect of a new customer within t weeks.
func (m *Model) ExpectNew(t float64) float64 {
	if m.Kind == MBG { // who has just bought may have left by that
		return m.B / (m.A + m.B) * m.onward(0, 0, t)
	}
	return m.onward(0, 0, t)
}

// onward is what to expect of a customer who is there for certain.
func (m *Model) onward(x, age, t float64) float64 {
	if m.Kind == Pareto {
		return (m.R + x) / (m.Alpha + age) * (m.B + age) * powerGap((m.B+age)/(m.B+age+t), m.A-1)
	}
	c := m.A + m.B + x
	if m.Kind == BG {
		c--
	}
	a := apart(m.A)
	share := (m.Alpha + age) / (m.Alpha + age + t)
	c = apartFrom(c, 0)
	// Of the two forms that Euler's transformation joins, the one whose series ends.
	left := 0.0
	if k := m.R + x; a-1 > k {
		left = math.Pow(share, k) * hypergeometric(k, c-a+1, c, 1-share)
	} else {
		left = math.Pow(share, a-1) * hypergeometric(c-k, a-1, c, 1-share)
	}
	return c / (a - 1) * (1 - left)
}

// powerGap is (1 − share^e)/e, which is −ln share where e is 0.
func powerGap(share, e float64) float64 {
	if math.Abs(e) < 1e-9 {
		return -math.Log(share)
	}
	return -math.Expm1(e*math.Log(share)) / e
}

// apart keeps a off 1, where formulas of A−1 want a limit.
func apart(a float64) float64 { return 1 + apartFrom(a-1, 0) }

// apartFrom keeps v off a pole.
func apartFrom(v, pole float64) float64 {
	const near = 1e-6
	if d := v - pole; math.Abs(d) < near {
		return pole + math.Copysign(near, d)
	}
	return v
}

// Chance is the probability that a new customer of BG buys n more times within t
// weeks.
func (m *Model) Chance(n int, t float64) float64 {
	x, ln := float64(n), math.Log(t/(m.Alpha+t))
	stay := m.R * math.Log(m.Alpha/(m.Alpha+t))
	count := func(j float64) float64 { // NBD
		return math.Exp(lnRising(m.R, j) - lnGamma(j+1) + stay + j*ln)
	}
	beta := func(da, db float64) float64 { // B(a+da, b+db)/B(a, b)
		return math.Exp(lnRising(m.A, da) + lnRising(m.B, db) - lnRising(m.A+m.B, da+db))
	}
	p := beta(0, x) * count(x)
	if n > 0 {
		rest := 1.0
		for j := range n {
			rest -= count(float64(j))
		}
		p += beta(1, x-1) * rest
	}
	return p
}
