package compile

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/expr"
)

// cells writes the functions that work out what expressions keep of attributes,
// if an event carries them. A cell is stored so that its value for a missing
// attribute is all zeros, as a new lead's state is.
func (m *module) cells() []*fn {
	var out []*fn
	for i := 0; i < len(m.card.Cells); i += chunk {
		f := m.reader()
		m.cellsIn(f, i, m.card.Cells[i:min(i+chunk, len(m.card.Cells))])
		out = append(out, f)
	}
	return out
}

// cellsIn works out cells, the first of which is number from.
func (m *module) cellsIn(f *fn, from int, cells []*scorecard.Cell) {
	for j, c := range cells {
		f.get(evAt).mem(i32Load8u, slotAt(c.At[0])).when(func() {
			f.io()
			f.askEvent(c.Expr, c.At)
			if c.Expr.Root.Type == expr.Bool {
				f.do(f64OfI32)
			}
			f.do(bitsF64).i64(int64(math.Float64bits(c.Zero))).do(i64Xor).mem(i64Store, m.state.cells+8*(from+j))
		})
	}
}

// known leaves 1 on the stack if what a rule or gate asks of a lead holds.
func (m *module) known(f *fn, tests []*scorecard.Test, when *scorecard.Expression) {
	switch {
	case when == nil:
		m.all(f, tests)
	case length(when.Rest.Root) > inPlace:
		own := m.fn(nil, i32)
		own.asker().lead(when)
		f.call(own)
	default:
		f.asker().lead(when)
	}
}

// lead leaves the answer to an expression over a lead on the stack: over its
// cells, and in a gate its dimensions.
func (w *asker) lead(x *scorecard.Expression) {
	f := w.f
	w.at, w.defs = x.At, x.Rest.Inputs
	w.input = func(n *expr.Node, _ text) {
		at, def := x.At[n.In], x.Rest.Inputs[n.In]
		if scorecard.IsPast(def) {
			w.past(def.Read, w.m.card.Rules[at])
			return
		}
		if def.Moves {
			f.io().mem(f64Load, wasm.OffDim0+8*at)
			return
		}
		f.io().mem(i64Load, w.m.state.cells+8*at).i64(int64(math.Float64bits(w.m.card.Cells[at].Zero))).do(i64Xor, f64Bits)
		if n.Type == expr.Bool {
			f.f64(0).do(f64Ne)
		}
	}
	w.node(x.Rest.Root)
}

// near compares numbers that move, and notes when the answer may turn.
func (w *asker) near(n *expr.Node) {
	f := w.f
	w.node(n.Args[0])
	w.node(n.Args[1])
	f.do(f64Sub).tee(w.a).f64(0).get(w.a).get(w.a).do(f64Eq, choose).set(w.above)
	cross := func(at float64, strict op) {
		f.get(w.above).f64(at).do(strict).nest(0x04, noValue, func() {
			w.reach(n, func() { f.get(w.above).f64(at).do(f64Sub) }, 0)
			f.b = append(f.b, 0x05)
			w.reach(n, func() { f.f64(at).get(w.above).do(f64Sub) }, 1)
		})
	}
	reached := func() { f.get(w.above).f64(-scorecard.Near).do(f64Ge) }
	beyond := func() { f.get(w.above).f64(scorecard.Near).do(f64Gt) }
	if n.Op != expr.Gt && n.Op != expr.Le {
		cross(-scorecard.Near, f64Ge)
	}
	if n.Op != expr.Ge && n.Op != expr.Lt {
		cross(scorecard.Near, f64Gt)
	}
	switch n.Op {
	case expr.Gt, expr.Le:
		beyond()
	case expr.Ge, expr.Lt:
		reached()
	default:
		reached()
		beyond()
		f.do(i32Eqz, i32And)
	}
	if n.Op == expr.Lt || n.Op == expr.Le || n.Op == expr.Ne {
		f.do(i32Eqz)
	}
}

// reach notes when a gap may be closed by the left side less the right one, which
// falls (way 0) or rises (way 1).
func (w *asker) reach(n *expr.Node, gap func(), way int) {
	gap()
	for _, j := range [2]int{way, way + 2} {
		w.moved(n.Args[0], j)
		w.moved(n.Args[1], j^1)
		w.f.do(f64Add)
	}
	w.f.call(w.m.h.reach)
}

// moved leaves motion j of a number made of dimensions, as Expression.motion has it.
func (w *asker) moved(n *expr.Node, j int) {
	f := w.f
	arg := func(i, j int) { w.moved(n.Args[i], j) }
	switch {
	case !n.Moves:
		f.f64(0)
	case n.Op == expr.Input && scorecard.IsPast(w.defs[n.In]):
		w.ageing(w.m.card.Rules[w.at[n.In]], j)
	case n.Op == expr.Input && !w.m.drifts[w.at[n.In]].has(j):
		f.f64(0)
	case n.Op == expr.Input:
		f.io().mem(f64Load, addrMoves+32*w.at[n.In]+8*j)
	case n.Op == expr.Neg:
		arg(0, j^1)
	case n.Op == expr.Abs:
		arg(0, j)
		arg(0, j^1)
		f.do(f64Max)
	case n.Op == expr.Min || n.Op == expr.Max:
		arg(0, j)
		arg(1, j)
		f.do(f64Max)
	case n.Op == expr.Add:
		arg(0, j)
		arg(1, j)
		f.do(f64Add)
	case n.Op == expr.Sub:
		arg(0, j)
		arg(1, j^1)
		f.do(f64Add)
	default:
		by := scorecard.Factor(n)
		if by == 0 {
			f.f64(0)
			return
		}
		if by < 0 {
			j ^= 1
		}
		arg(0, j)
		arg(1, j)
		f.do(f64Add).f64(math.Abs(by)).do(f64Mul)
	}
}

// past is Eval.past.
func (w *asker) past(read expr.Read, r *scorecard.Rule) {
	f, at := w.f, w.m.state.value[r.Index]
	switch {
	case read == expr.ReadDid && r.Kind == scorecard.HalfLife:
		f.i32(int32(at)).f64(float64(r.Span)).call(w.m.h.faded)
		return
	case read == expr.ReadDid:
		f.io().mem(f64Load, at)
		return
	case read == expr.ReadSince:
		f.io().mem(i64Load, at+8).do(i64Eqz).either(f64, func() { f.f64(math.Inf(1)) }, func() {
			f.getG(gNow).io().mem(i64Load, at).do(i64Sub, f64OfI64).f64(scorecard.MsPerDay).do(f64Div)
		})
		return
	}
	n := w.t.n
	f.i64(w.m.state.times[r.Index]).getG(gNow).i64(r.Span).do(i64Sub).call(w.m.h.timed).tee(n).when(func() {
		f.getG(gFirst).i64(r.Span).do(i64Add).call(w.m.h.at)
	})
	f.get(n).do(f64OfI32)
}

// ageing leaves motion j of what is asked of the past on the stack, as Eval.ageing has it.
func (w *asker) ageing(r *scorecard.Rule, j int) {
	f := w.f
	switch {
	case r.Kind == scorecard.HalfLife && j%2 == 0:
		f.i32(int32(w.m.state.value[r.Index])).f64(float64(r.Span)).call(w.m.h.faded)
		if j == 0 {
			f.f64(math.Ln2 / float64(r.Span)).do(f64Mul)
		}
	case r.Kind != scorecard.HalfLife && j%2 == 1:
		f.f64([]float64{1: 1 / float64(scorecard.MsPerDay), 3: math.Inf(1)}[j]).f64(0)
		f.io().mem(i64Load, w.m.state.value[r.Index]+8).i64(0).do(i64Ne, choose)
	default:
		f.f64(0)
	}
}
