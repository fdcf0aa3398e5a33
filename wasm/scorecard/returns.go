package scorecard

import (
	"math"
	"math/bits"

	"ripen/wasm"
)

// Returns is what a dimension of kind btyd foresees: how many purchases to expect of
// a lead within a horizon, by BG/NBD. Rates of buying follow Gamma(R, Alpha), the
// chance to leave after a purchase Beta(A, B). Purchases of one local day are one.
//
// What a lead is worth is worked out where a step of its age begins and where it ends,
// and goes in a straight line between: so the moment of the next change can be told.
// A step is a power of two of ms, short beside the age and the number of purchases.
type Returns struct {
	R, A, B float64
	Alpha   int64 // ms
	Horizon int64
	FullAt  float64 // the expected purchases, or money, that are worth all points
	Most    float64 // all points
	Spend   *Spend  // nil = purchases count, not what they are worth
	Terms   int     // of the series at most

	c, a1, front float64 // a+b−1, a−1 and their like in the series, kept off the poles
}

// Spend is what a purchase of somebody is worth, by Gamma-Gamma.
type Spend struct {
	Value   string // the field
	Slot    int
	P, Q, V float64
}

// TermsMax bounds the series, and how far a horizon reaches beyond Alpha.
const TermsMax = 2000

// StepBits is how short the steps of a lead's age are: this many binary digits below
// the age, and below what one more purchase means.
const StepBits = 4

// SeriesEnd is the share of the sum below which a term is the last.
const SeriesEnd = 1e-10

// spends says whether the rule reads what purchases are worth.
func (r *Rule) spends() bool { return r.Returns != nil && r.Returns.Spend != nil }

// prepare works out what all leads have in common; false if the series would not
// come to an end.
func (b *Returns) prepare() bool {
	const pole = 1e-6
	off := func(v float64) float64 {
		if math.Abs(v) < pole {
			return pole
		}
		return v
	}
	b.c, b.a1 = off(b.A+b.B-1), off(b.A-1)
	b.front = b.c - b.R
	share := float64(b.Alpha) * 0.9 // a step may begin before the first purchase
	share /= share + float64(b.Horizon)
	for x := range 2 {
		_, n := b.series(b.c+float64(x), 1-share, TermsMax)
		b.Terms = max(b.Terms, n+8)
	}
	return b.Terms < TermsMax
}

// Constants are what modules are compiled with: a+b−1, a−1 and the first parameter of
// the series.
func (b *Returns) Constants() (c, a1, front float64) { return b.c, b.a1, b.front }

// series is (2F1(front, a−1; c; z) − 1) / (a−1), and how many terms it took: so
// nothing is lost where a is near 1.
func (b *Returns) series(c, z float64, most int) (float64, int) {
	term, n := float64((b.front/c)*z), 1.0
	sum := term
	for n < float64(most) {
		up := float64((b.front + n) * (b.a1 + n))
		down := float64((c + n) * (n + 1))
		term = float64(float64(term*(up/down)) * z)
		sum += term
		n++
		if math.Abs(term) <= float64(math.Abs(sum)*SeriesEnd) {
			break
		}
	}
	return sum, int(n)
}

// step is the step of an age, counted from Alpha before the first purchase, in which
// a lead with x repeats stands.
func (b *Returns) step(age int64, x float64) (lo, hi int64) {
	fine := StepBits + bits.Len64(uint64(min(b.R+x, 1<<40)))
	shift := max(0, bits.Len64(uint64(age))-1-fine)
	lo = age >> shift << shift
	return lo, lo + 1<<shift
}

// worth is the points at an age: of somebody who is there for certain, times the
// chance of that, times what a purchase is worth.
func (b *Returns) worth(age int64, x, last, each float64) float64 {
	at := float64(age)
	share := at / (at + float64(b.Horizon))
	c := b.c + x
	f, _ := b.series(c, 1-share, b.Terms)
	y := wasm.Exp2(float64(b.a1 * log2(share)))
	v := float64(c * ((1-y)/b.a1 - float64(y*f)))
	if x > 0 {
		gone := wasm.Exp2(min(GoneMax, float64((b.R+x)*log2(at/(float64(b.Alpha)+last)))))
		v /= 1 + float64((b.A/(b.B+x-1))*gone)
	}
	return float64(b.Most * max(0, min(1, float64(v*each)/b.FullAt)))
}

// GoneMax keeps the odds of having left within what a number holds, in powers of two.
const GoneMax = 1000

// each is what a purchase is expected to be worth.
func (b *Returns) each(x, cents float64) float64 {
	s := b.Spend
	if s == nil {
		return 1
	}
	return float64(s.P*(s.V+max(0, cents)/100)) / (float64(s.P*x) + s.Q - 1)
}

// writeReturn lets a purchase count: its day once, its value always, but for the
// first day's.
func (r *Rule) writeReturn(st *ruleState, ev *wasm.Event, fresh bool) {
	if fresh {
		if st.v++; st.v == 1 {
			st.first = ev.TimeMs
		}
		if st.v == 1 || ev.TimeMs > st.t {
			st.t = ev.TimeMs
		}
	}
	if !r.spends() || st.v < 2 {
		return
	}
	if s := &ev.Slots[r.Returns.Spend.Slot]; s.Tag == wasm.Float {
		st.sum = max(-MoneyMax, min(MoneyMax, st.sum+cents(floatOf(s))))
	}
}

// returning is what is expected of a lead at k.now.
func (r *Rule) returning(st *ruleState, k *clock, m *motion) (float64, uint32) {
	if st.v == 0 {
		return 0, 0
	}
	b, x, last := r.Returns, st.v-1, float64(st.t-st.first)
	age := b.Alpha + max(k.now-st.first, 0)
	lo, hi := b.step(age, x)
	each := b.each(x, st.sum)
	from, to := b.worth(lo, x, last, each), b.worth(hi, x, last, each)
	k.at(st.first + (hi - b.Alpha))
	slope := (to - from) / float64(hi-lo)
	m.slide(slope)
	return from + float64(slope*float64(age-lo)), uint32(min(st.v, math.MaxUint32))
}
