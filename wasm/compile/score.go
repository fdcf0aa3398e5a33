package compile

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// score writes ripen_score: each dimension, then what they make together.
func (m *module) score(f *fn) {
	small := m.small()
	dims := make([]*fn, len(m.card.Dims))
	var combine *fn
	if !small {
		for i, d := range m.card.Dims {
			dims[i] = m.dimension(i, d)
		}
		combine = m.fn(nil, f64)
		m.combine(combine) // after the dimensions: it asks which of them drift
	}
	f.get(0).setG(gNow).i64(math.MaxInt64).setG(gNext)
	f.io().i32(int32(m.toldAlways())).mem(i32Store, wasm.OffReasons)
	f.io().i32(int32(len(dims))).mem(i32Store, wasm.OffDims)
	f.io().i32(0).mem(i32Store, wasm.OffNull)
	f.io().mem(i32Load, wasm.OffFlags).i32(wasm.FlagExplain).do(i32And).i32(0).do(i32Ne).setG(gExplain)
	if small {
		m.dimensions(f)
		m.combine(f)
	} else {
		for _, d := range dims {
			f.call(d)
		}
		f.call(combine)
	}
	f.io().i64(0).getG(gNext)
	f.getG(gNext).i64(math.MaxInt64).do(i64Eq)
	if !m.card.Wakes() {
		f.io().mem(i32Load, wasm.OffNull).do(i32Or)
	}
	f.do(choose).mem(i64Store, wasm.OffNext)
}

// dimensions writes all of them in place.
func (m *module) dimensions(f *fn) {
	w := m.ledger(f)
	for i, d := range m.card.Dims {
		m.dimensionIn(f, i, d, func(group int, v local) {
			f.f64(0).set(v)
			w.rules(d.Groups[group].Rules, v)
		})
	}
}

// The motions of a value, in the order of the globals that hold them.
var motions = [4]int{gDown, gUp, gDownM, gUpM}

// drift says which way a value can move by itself: only half-lives move points,
// and towards zero. What cannot move costs nothing.
type drift struct{ falls, rises bool }

func (d drift) has(motion int) bool {
	if motion%2 == 0 {
		return d.falls
	}
	return d.rises
}

func driftOf(rules []*scorecard.Rule) (d drift) {
	for _, r := range rules {
		if r.Kind == scorecard.HalfLife {
			d.falls = d.falls || r.Points > 0
			d.rises = d.rises || r.Points < 0
		}
		if r.Kind == scorecard.Renewal {
			d = d.or(lifeDrift(r.Life))
		}
		if r.Kind == scorecard.Returning {
			d = drift{true, true}
		}
	}
	return d
}

func (d drift) or(o drift) drift { return drift{d.falls || o.falls, d.rises || o.rises} }

// lifeDrift says which way a curve and its fading go.
func lifeDrift(l *scorecard.Life) (d drift) {
	for _, n := range l.Nodes {
		d.rises = d.rises || n.Slope > 0 || l.FadeAfter > 0 && n.Value < 0
		d.falls = d.falls || n.Slope < 0 || l.FadeAfter > 0
	}
	return d
}

// dimension writes the function that leaves a dimension's value in the header
// and its motion in memory.
func (m *module) dimension(i int, d *scorecard.Dimension) *fn {
	groups := make([][]*fn, len(d.Groups))
	for g := range d.Groups {
		groups[g] = m.groupRules(d.Groups[g].Rules)
	}
	f := m.fn(nil)
	m.dimensionIn(f, i, d, func(group int, v local) {
		f.f64(0)
		for _, part := range groups[group] {
			f.call(part)
		}
		f.set(v)
	})
	return f
}

// dimensionIn leaves a dimension's value in the header and its motion in memory. add
// sets a local to the sum of a group's rules.
func (m *module) dimensionIn(f *fn, i int, d *scorecard.Dimension, add func(group int, v local)) {
	v, sum := f.local(f64), f.local(f64)
	all := drift{}
	for _, group := range d.Groups {
		all = all.or(driftOf(group.Rules))
	}
	var total [4]local
	for j := range total {
		if all.has(j) {
			total[j] = f.local(f64)
		}
	}
	for g, group := range d.Groups {
		moves := driftOf(group.Rules)
		m.still(f, moves)
		add(g, v)
		m.bound(f, v, group.Min, group.Max, moves)
		f.get(sum).get(v).do(f64Add).set(sum)
		for j, g := range motions {
			if moves.has(j) {
				f.get(total[j]).getG(g).do(f64Add).set(total[j])
			}
		}
	}
	m.drifts[i] = all
	for j, g := range motions {
		if all.has(j) {
			f.get(total[j]).setG(g)
		}
	}
	m.bound(f, sum, d.Min, d.Max, all)
	m.grades(f, sum, d, all)
	f.io().get(sum).mem(f64Store, wasm.OffDim0+8*i)
	for j, g := range motions {
		if all.has(j) {
			f.io().getG(g).mem(f64Store, addrMoves+32*i+8*j)
		}
	}
}

// still says that the value in hand does not move.
func (m *module) still(f *fn, moves drift) {
	for j, g := range motions {
		if moves.has(j) {
			f.f64(0).setG(g)
		}
	}
}

// bounded leaves v on the stack, or the bound if v compares so with it. An engine makes a
// branch of a select between floating-point numbers, so their bits are selected.
func (f *fn) bounded(v local, bound float64, beyond op) *fn {
	return f.i64(int64(math.Float64bits(bound))).get(v).do(bitsF64).get(v).f64(bound).do(beyond, choose, f64Bits)
}

// bound clamps v. Beyond a bound it does not move until it comes back.
func (m *module) bound(f *fn, v local, lo, hi float64, moves drift) {
	if !moves.falls && !moves.rises {
		if !math.IsInf(hi, 1) {
			f.bounded(v, hi, f64Gt).set(v)
		}
		if !math.IsInf(lo, -1) {
			f.bounded(v, lo, f64Lt).set(v)
		}
		return
	}
	if !math.IsInf(hi, 1) {
		f.get(v).f64(hi).do(f64Gt).when(func() {
			if moves.falls {
				f.get(v).f64(hi).do(f64Sub).getG(gDown).getG(gDownM).call(m.h.reach)
			}
			m.still(f, moves)
			f.f64(hi).set(v)
		})
	}
	if !math.IsInf(lo, -1) {
		f.get(v).f64(lo).do(f64Lt).when(func() {
			if moves.rises {
				f.f64(lo).get(v).do(f64Sub).getG(gUp).getG(gUpM).call(m.h.reach)
			}
			m.still(f, moves)
			f.f64(lo).set(v)
		})
	}
}

// grades notes when the dimension may cross into another grade.
func (m *module) grades(f *fn, v local, d *scorecard.Dimension, moves drift) {
	for _, g := range d.Edges() {
		from := g.From - scorecard.Near
		if moves.falls {
			f.get(v).f64(from).do(f64Ge).getG(gDown).f64(0).do(f64Gt, i32And).when(func() {
				f.get(v).f64(from).do(f64Sub).getG(gDown).getG(gDownM).call(m.h.reach)
			})
		}
		if moves.rises {
			f.get(v).f64(from).do(f64Lt).getG(gUp).f64(0).do(f64Gt, i32And).when(func() {
				f.f64(from).get(v).do(f64Sub).getG(gUp).getG(gUpM).call(m.h.reach)
			})
		}
	}
}

// groupRules writes functions that add their rules' points to what they are given.
func (m *module) groupRules(rules []*scorecard.Rule) []*fn {
	if rules[0].Kind == scorecard.Learned {
		return []*fn{m.learned()}
	}
	var out []*fn
	for i := 0; i < len(rules); i += chunk {
		f := m.fn([]byte{f64}, f64)
		w := m.ledger(f)
		w.rules(rules[i:min(i+chunk, len(rules))], 0)
		out = append(out, f.get(0))
	}
	return out
}

// combiner is the function that makes one value of the dimensions.
type combiner struct {
	*fn
	m            *module
	v, x, scaled local
	lid, whole   local
	move         [4]local // of the combined value: down, up, downMass, upMass
}

// combine leaves the unrounded score on the stack.
func (m *module) combine(f *fn) {
	w := &combiner{fn: f, m: m, v: f.local(f64), x: f.local(f64), scaled: f.local(f64), lid: f.local(f64), whole: f.local(f64)}
	for j := range w.move {
		w.move[j] = f.local(f64)
	}
	for i, t := range m.card.Score.Terms {
		w.term(i, t)
	}
	if m.card.Score.How == "grade" {
		w.grade()
	}
	f.get(w.v).set(w.x)
	f.f64(math.Inf(1)).set(w.lid)
	for i, g := range m.card.Gates {
		m.known(f, g.Tests, g.When)
		f.when(func() { w.gate(i, g) })
	}
	s := &m.card.Score
	f.f64(s.To[0]).get(w.x).f64(s.From[0]).do(f64Sub).f64(s.K()).do(f64Mul, f64Add).set(w.scaled)
	f.bounded(w.scaled, s.To[1], f64Gt).set(w.scaled).bounded(w.scaled, s.To[0], f64Lt).set(w.scaled)
	w.horizon()
	f.get(w.scaled)
}

// moved leaves motion j of a term's value on the stack: a negative weight turns
// a fall into a rise.
func (w *combiner) moved(t scorecard.Term, j int) {
	if !w.can(t, j) {
		w.f64(0)
		return
	}
	if t.Times < 0 {
		j ^= 1
	}
	w.io().mem(f64Load, addrMoves+32*t.Dim+8*j).f64(math.Abs(t.Times)).do(f64Mul)
}

// can says whether motion j of a term's value may be other than zero.
func (w *combiner) can(t scorecard.Term, j int) bool {
	if t.Times == 0 {
		return false
	}
	if t.Times < 0 {
		j ^= 1
	}
	return w.m.drifts[t.Dim].has(j)
}

func (w *combiner) value(t scorecard.Term) {
	w.f64(t.Times).io().mem(f64Load, wasm.OffDim0+8*t.Dim).do(f64Mul)
}

func (w *combiner) term(i int, t scorecard.Term) {
	w.value(t)
	if w.m.card.Score.How != "max" {
		w.get(w.v).do(f64Add).set(w.v)
		for j, l := range w.move {
			if w.can(t, j) {
				w.get(l)
				w.moved(t, j)
				w.do(f64Add).set(l)
			}
		}
		return
	}
	w.set(w.x)
	take := func() {
		w.get(w.x).set(w.v)
		for j, l := range w.move {
			w.moved(t, j)
			w.set(l)
		}
	}
	if i == 0 {
		take()
		return
	}
	w.get(w.x).get(w.v).do(f64Gt).when(take)
}

// gate bounds w.x, which is the combined value from here on; w.v stays unbounded.
func (w *combiner) gate(i int, g *scorecard.Gate) {
	id := int32(len(w.m.card.Rules) + i)
	explain := func(points func()) {
		w.getG(gExplain).when(func() {
			w.i32(id).i32(0)
			points()
			w.call(w.m.h.reason)
		})
	}
	if g.Skip {
		w.io().i32(1).mem(i32Store, wasm.OffNull)
		explain(func() { w.f64(0) })
		return
	}
	w.get(w.x).f64(g.Max).do(f64Gt).when(func() {
		explain(func() { w.f64(g.Max).get(w.x).do(f64Sub) })
		w.f64(g.Max).set(w.x)
	})
	w.get(w.lid).f64(g.Max).do(f64Min).set(w.lid)
}

// horizon notes when the rounded score may leave its integer: no code for what cannot
// happen.
func (w *combiner) horizon() {
	const under, over = 0.5 + scorecard.Near, 0.5 - scorecard.Near
	s, reach := &w.m.card.Score, w.m.h.reach
	falls, rises := false, false
	for _, t := range s.Terms {
		falls, rises = falls || w.can(t, 0), rises || w.can(t, 1)
	}
	if falls || rises {
		w.get(w.scaled).f64(under).do(f64Add, f64Floor).set(w.whole)
	}
	if falls {
		w.get(w.whole).f64(under).do(f64Sub).f64(s.To[0]).do(f64Gt).when(func() {
			w.get(w.v)
			w.f64(s.From[0]).get(w.whole).f64(under).do(f64Sub).f64(s.To[0]).do(f64Sub).f64(s.K()).do(f64Div, f64Add)
			w.do(f64Sub).get(w.move[0]).get(w.move[2]).call(reach)
		})
	}
	if !rises {
		return
	}
	w.f64(s.From[0]).get(w.whole).f64(over).do(f64Add).f64(s.To[0]).do(f64Sub).f64(s.K()).do(f64Div, f64Add).set(w.x)
	w.get(w.whole).f64(over).do(f64Add).f64(s.To[1]).do(f64Gt)
	w.get(w.x).get(w.lid).do(f64Gt, i32Or, i32Eqz).when(func() {
		if s.How != "max" {
			w.get(w.x).get(w.v).do(f64Sub).get(w.move[1]).get(w.move[3]).call(reach)
			return
		}
		for _, t := range s.Terms {
			if !w.can(t, 1) {
				continue
			}
			w.get(w.x)
			w.value(t)
			w.do(f64Sub)
			w.moved(t, 1)
			w.moved(t, 3)
			w.call(reach)
		}
	})
}
