package scorecard

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard/expr"
)

// RulePoints is what a module reports of one rule, or of a gate: gates follow
// the rules in number.
type RulePoints struct {
	ID     uint32
	Detail uint32 // of kinds that count or wait: how many, or for how many minutes
	Points float64
}

// Raw is what a module says of one lead at one moment; [Card.Settle] makes a
// Result of it.
type Raw struct {
	Scaled float64 // the unrounded score
	Null   bool
	Next   int64
	Dims   []float64
	Points []RulePoints // only those that are not zero
}

// motion bounds how fast a value can move by itself from now on, and how far:
// decaying points are convex, so they never move faster than now, and points on a
// line move evenly until a moment that is noted. A line's mass is infinite.
type motion struct {
	down, up         float64 // points per ms
	downMass, upMass float64 // points
}

func (m *motion) add(o motion) {
	m.down += o.down
	m.up += o.up
	m.downMass += o.downMass
	m.upMass += o.upMass
}

// times is the motion of a value multiplied by f.
func (m motion) times(f float64) motion {
	if f == 0 {
		return motion{} // not 0 × Inf
	}
	if f < 0 {
		m.down, m.up, m.downMass, m.upMass = m.up, m.down, m.upMass, m.downMass
		f = -f
	}
	return motion{float64(m.down * f), float64(m.up * f), float64(m.downMass * f), float64(m.upMass * f)}
}

// WakeMin is the least time between now and a wake that is only an estimate, and
// TauMax the longest that is worth a timer, both in ms.
const (
	WakeMin = 1000
	TauMax  = 1e13
)

// Near is how close to a threshold a value has reached it. Points that decay
// towards a round number would else cross it, or not, by the rounding of a sum,
// years later. Slack is the mass, in points, that is taken not to move any more;
// it is far below Near. Noise is what rounding may add to a gap: points that
// crawl would else cross a millisecond before they were said to.
const (
	Near  = expr.Near
	Slack = 1e-10
	Noise = 1e-12
)

// clock finds the earliest moment at which something may change.
type clock struct{ now, next int64 }

// at notes a moment that is exact.
func (c *clock) at(t int64) {
	if t > c.now && t < c.next {
		c.next = t
	}
}

// reach notes the earliest moment at which a gap can be closed by decaying points
// that weigh mass and move at rate. Such a sum is never below mass·e^(−t·rate/mass)
// (exp is convex), so the gap lasts at least mass/rate·−ln(1−gap/mass); the first
// terms of that series are below it too, and need no logarithm.
func (c *clock) reach(gap, rate, mass float64) {
	if !(rate > 0) || !(mass > Slack) || !(mass > gap) {
		return
	}
	gap -= Noise
	x := max(0, min(1, gap/mass))
	p := ReachSeries[len(ReachSeries)-1]
	for i := len(ReachSeries) - 2; i >= 0; i-- {
		p = ReachSeries[i] + float64(p*x)
	}
	if tau := float64(p * (max(0, gap) / rate)); tau < TauMax {
		c.at(c.now + int64(max(WakeMin, tau+1))) // tau is not an end: the ms after it may be
	}
}

// ReachSeries are the coefficients of −ln(1−x)/x, lowest first, made shy of it by
// more than rounding can add.
var ReachSeries = [6]float64{shy, shy / 2, shy / 3, shy / 4, shy / 5, shy / 6}

const shy = 1 - 1e-9

// Score says where the lead stands at now, unix ms.
func (e *Eval) Score(now int64) Result {
	raw := e.raw(now)
	var r Result
	e.card.Settle(&raw, true, &r)
	return r
}

func (e *Eval) raw(now int64) Raw {
	k := clock{now: now, next: math.MaxInt64}
	e.now = now
	raw := Raw{Dims: make([]float64, len(e.card.Dims))}
	moves := make([]motion, len(e.card.Dims))
	if m := e.card.Model; m != nil {
		e.behave(m, &k)
		m.parts(e.codes, e.parts)
	}
	for i, d := range e.card.Dims {
		raw.Dims[i], moves[i] = e.dimension(d, &k, &raw.Points)
	}
	e.combine(&raw, moves, &k)
	if k.next != math.MaxInt64 && (!raw.Null || e.card.Wakes()) {
		raw.Next = k.next
	}
	return raw
}

func (e *Eval) dimension(d *Dimension, k *clock, points *[]RulePoints) (float64, motion) {
	sum, m := 0.0, motion{}
	for _, g := range d.Groups {
		v, gm := 0.0, motion{}
		for _, r := range g.Rules {
			p, detail := e.points(r, k, &gm)
			v += p
			if p != 0 {
				*points = append(*points, RulePoints{uint32(r.Index), detail, p})
			}
		}
		v, gm = k.bound(v, g.Min, g.Max, gm)
		sum += v
		m.add(gm)
	}
	v, m := k.bound(sum, d.Min, d.Max, m)
	k.grades(d, v, m)
	return v, m
}

// bound clamps v. A value beyond a bound does not move until it comes back to it.
func (k *clock) bound(v, lo, hi float64, m motion) (float64, motion) {
	switch {
	case v > hi:
		k.reach(v-hi, m.down, m.downMass)
		return hi, motion{}
	case v < lo:
		k.reach(lo-v, m.up, m.upMass)
		return lo, motion{}
	}
	return v, m
}

// grades notes when the dimension may cross into another grade. Nothing lies
// under the last one, and no value under the dimension's min.
func (k *clock) grades(d *Dimension, v float64, m motion) {
	for _, g := range d.Edges() {
		if from := g.From - Near; v >= from {
			k.reach(v-from, m.down, m.downMass)
		} else {
			k.reach(from-v, m.up, m.upMass)
		}
	}
}

// points is what a rule is worth at k.now, and the detail its words may want; it
// adds its motion to its group's.
func (e *Eval) points(r *Rule, k *clock, m *motion) (float64, uint32) {
	st := &e.rules[r.Index]
	switch r.Kind {
	case Attribute:
		if e.all(r.Tests) && e.asks(r.When, nil, nil, k) {
			return r.Points, 0
		}
		return 0, 0
	case Sum:
		return st.v, 0
	case HalfLife:
		v := r.decayed(st, k.now)
		m.decay(v, math.Ln2/float64(r.Span))
		return v, 0
	case Linear:
		return r.linear(st, k), 0
	case Count, Window:
		return r.timed(st, k, k.now-r.Span)
	case Renewal:
		return r.renewal(st, k, m)
	case Recency, Frequency, Money:
		return r.buyer(st, k)
	case Returning:
		return r.returning(st, k, m)
	case Input:
		return r.Feed.points(e.Inputs), 0
	case Learned:
		return pointsOf(e.parts[r.Index]), uint32(e.codes[r.Index])
	case Unanswered:
		since := k.now - r.Span
		if e.replied {
			since = max(since, e.reply)
		}
		return r.timed(st, k, since)
	}
	return e.absent(r, st, k)
}

func (m *motion) decay(v, rate float64) {
	if v > 0 {
		m.down += float64(v * rate)
		m.downMass += v
	} else {
		m.up += float64(-v * rate)
		m.upMass += -v
	}
}

// linear is a rule whose events each lose their points in steps.
func (r *Rule) linear(st *ruleState, k *clock) float64 {
	v := 0.0
	for _, t := range st.times {
		steps := max(k.now-t, 0) / r.Span
		if f := 1 - float64(r.Drop*float64(steps)); f > 0 {
			v += float64(r.Points * f)
			k.at(t + (steps+1)*r.Span)
		}
	}
	return r.capped(v)
}

// timed is a rule that counts the events after since.
func (r *Rule) timed(st *ruleState, k *clock, since int64) (float64, uint32) {
	n, first := 0, int64(0)
	for _, t := range st.times {
		if t > since {
			if n == 0 {
				first = t
			}
			n++
		}
	}
	switch {
	case r.Kind != Window && n < r.Gte || n == 0:
		return 0, 0
	case r.Kind != Window:
		k.at(first + r.Span)
		return r.Points, uint32(n)
	}
	k.at(first + r.Span)
	return r.capped(float64(r.Points * float64(n))), uint32(n)
}

// renewal is what the age of the thing bought is worth. Along a line the value
// moves evenly until the next line begins; what fades falls as all decay does. A
// line moves no faster for fading, and fading takes no more than the value now.
func (r *Rule) renewal(st *ruleState, k *clock, m *motion) (float64, uint32) {
	if !st.has {
		return 0, 0
	}
	age := max(k.now-st.t, 0)
	n, next := r.Life.node(age)
	if next != 0 {
		k.at(st.t + next)
	}
	v, slope := n.Value+float64(n.Slope*float64(age-n.Age)), n.Slope
	if from := r.Life.FadeAfter; from > 0 && age < from {
		k.at(st.t + from)
	} else if from > 0 {
		f := wasm.Exp2(float64(from-age) / float64(r.Life.FadeHalf))
		v, slope = float64(v*f), float64(slope*f)
		m.decay(v, math.Ln2/float64(r.Life.FadeHalf))
	}
	m.slide(slope)
	return v, Minutes(k.now, st.t)
}

// slide adds the motion of points on a line.
func (m *motion) slide(slope float64) {
	if slope > 0 {
		m.up, m.upMass = m.up+slope, math.Inf(1)
	} else if slope < 0 {
		m.down, m.downMass = m.down-slope, math.Inf(1)
	}
}

// Chance is the probability of buying again that the card's first dimension with
// a lifetime sees at now; false if there is none, or nothing was bought.
func (e *Eval) Chance(now int64) (float64, bool) {
	for _, r := range e.card.Rules {
		if st := &e.rules[r.Index]; r.Life != nil && r.Life.Mean > 0 && st.has {
			return r.Life.Chance(max(now-st.t, 0)), true
		}
	}
	return 0, false
}

// Minutes is how long ago t was at now, as the detail of a reason.
func Minutes(now, t int64) uint32 {
	return uint32(min(max(now-t, 0)/60_000, math.MaxUint32))
}

// absent holds from exactly r.Span after the last activity on, or after the
// first event of all if there was none.
func (e *Eval) absent(r *Rule, st *ruleState, k *clock) (float64, uint32) {
	since, any := e.first, e.seen
	switch {
	case r.Event == "" && e.active:
		since = e.last
	case r.Event != "" && st.has:
		since = st.t
	}
	if !any {
		return 0, 0
	}
	if k.now-since >= r.Span {
		return r.Points, Minutes(k.now, since)
	}
	k.at(since + r.Span)
	return 0, 0
}

// all says whether every test of attributes holds.
func (e *Eval) all(tests []*Test) bool {
	for _, t := range tests {
		ok := e.traits[t.State]
		if t.Op == OpHas && t.Not {
			ok = !ok
		}
		if !ok {
			return false
		}
	}
	return true
}

// combine makes one value of the dimensions, bounds it by the gates, scales it,
// and notes when its integer may change.
func (e *Eval) combine(raw *Raw, moves []motion, k *clock) {
	s := &e.card.Score
	v, m := 0.0, motion{}
	for i, t := range s.Terms {
		x, xm := float64(t.Times*raw.Dims[t.Dim]), moves[t.Dim].times(t.Times)
		switch {
		case s.How != "max":
			v += x
			m.add(xm)
		case i == 0 || x > v:
			v, m = x, xm
		}
	}
	if s.How == "grade" {
		v = s.Table[e.card.GradeIndex(raw.Dims)]
	}
	bounded, lid := v, math.Inf(1)
	for i, g := range e.card.Gates {
		if !e.all(g.Tests) || !e.asks(g.When, raw.Dims, moves, k) {
			continue
		}
		switch {
		case g.Skip:
			raw.Null = true
			raw.Points = append(raw.Points, RulePoints{ID: uint32(len(e.card.Rules) + i)})
		case bounded > g.Max:
			raw.Points = append(raw.Points, RulePoints{ID: uint32(len(e.card.Rules) + i), Points: g.Max - bounded})
			bounded = g.Max
		}
		lid = min(lid, g.Max)
	}
	raw.Scaled = s.scaled(bounded)
	e.horizon(raw, v, lid, m, moves, k)
}

// scaled maps a combined value onto the scale.
func (c *Combine) scaled(v float64) float64 {
	x := c.To[0] + float64((v-c.From[0])*c.K())
	return max(c.To[0], min(c.To[1], x))
}

// horizon notes when the rounded score may leave its integer: when the combined
// value falls under what rounds to it, or rises to what rounds to the next.
func (e *Eval) horizon(raw *Raw, v, lid float64, m motion, moves []motion, k *clock) {
	s := &e.card.Score
	whole := math.Floor(raw.Scaled + (0.5 + Near))
	if whole-(0.5+Near) > s.To[0] {
		low := s.From[0] + (whole-(0.5+Near)-s.To[0])/s.K()
		k.reach(v-low, m.down, m.downMass)
	}
	high := s.From[0] + (whole+(0.5-Near)-s.To[0])/s.K()
	if whole+(0.5-Near) > s.To[1] || high > lid {
		return
	}
	if s.How != "max" {
		k.reach(high-v, m.up, m.upMass)
		return
	}
	for _, t := range s.Terms {
		xm := moves[t.Dim].times(t.Times)
		k.reach(high-float64(t.Times*raw.Dims[t.Dim]), xm.up, xm.upMass)
	}
}

// exactOf makes the thousandths and the integer of a scaled score.
func exactOf(scaled float64) (exact int64, score int) {
	exact = int64(math.Floor(float64((scaled + Near) * 1000)))
	return exact, int((exact + 500) / 1000)
}
