package compile

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// writeBuyer lets a purchase count for how often and how much.
func (m *module) writeBuyer(f *fn, r *scorecard.Rule, t local, at int) {
	amount := f.local(f64)
	f.f64(1).set(amount)
	if r.Kind == scorecard.Money {
		slot := slotAt(r.PerSlot)
		f.f64(0).set(amount)
		f.get(0).mem(i32Load8u, slot).i32(int32(wasm.Float)).do(i32Eq).when(func() {
			f.get(0).mem(f64Load, slot+8).f64(100).do(f64Mul).f64(0.5).do(f64Add, f64Floor)
			m.withinMoney(f).set(amount)
		})
	}
	if r.Span == 0 {
		f.io().io().mem(f64Load, at).get(amount).do(f64Add)
		m.withinMoney(f).mem(f64Store, at)
		return
	}
	if r.Kind != scorecard.Money {
		m.writeTime(f, r, t)
		return
	}
	count, before := int32(m.state.times[r.Index]>>56)&0xff, f.local(i32)
	f.i32(count).mem(i32Load8u, m.state.counts).set(before)
	m.writeTime(f, r, t)
	amounts := m.state.hashes[r.Index]
	f.i32(count).mem(i32Load8u, m.state.counts).get(before).do(i32Eq).when(func() {
		f.i64(amounts).call(m.h.remove)
	})
	// Straight after its time in the list: both lose their oldest together.
	f.i64(amounts).get(amount).do(i64OfF64).call(m.h.push)
}

// withinMoney bounds the f64 on the stack.
func (m *module) withinMoney(f *fn) *fn {
	return f.f64(scorecard.MoneyMax).do(f64Min).f64(-scorecard.MoneyMax).do(f64Max)
}

// money sums up the amounts whose times lie after cutoff. An amount stands behind
// its time.
func (m *module) money() *fn {
	f := m.fn([]byte{i64, i64}, f64)
	owner, cutoff := local(0), local(1)
	entry, end, key, t := f.local(i32), f.local(i32), f.local(i64), f.local(i64)
	sum, any := f.local(f64), f.local(i32)
	m.scan(f, entry, end, key, func() {
		isOwner(f, key, owner).when(func() {
			timeOf(f, key).tee(t).get(cutoff).do(i64GtS).when(func() {
				f.get(any).do(i32Eqz).when(func() { f.i32(1).set(any).get(t).setG(gFirst) })
				f.get(sum).get(entry).mem(i64Load, 8).i64(8).do(i64Shl).i64(8).do(i64ShrS, f64OfI64, f64Add).set(sum)
			})
		})
	})
	return f.get(sum)
}

// recencyPoints leaves what the time since the last event is worth on the stack.
func (m *module) recencyPoints(f *fn, r *scorecard.Rule, at int, detail local) {
	age := f.local(f64)
	since := func() *fn { return f.io().mem(i64Load, at) }
	f.io().mem(i64Load, at+8).do(i64Eqz).either(f64, func() { f.f64(0) }, func() {
		since().call(m.h.minutes).set(detail)
		f.getG(gNow)
		since().do(i64Sub, f64OfI64).f64(0).do(f64Max).set(age)
		f.block(f64, func() {
			for _, s := range r.Steps {
				f.get(age).f64(s.At).do(f64Lt).when(func() {
					since().i64(int64(s.At)).do(i64Add).call(m.h.at)
					f.f64(s.Points).br(1)
				})
			}
			f.f64(0)
		})
	})
}

// buyerPoints leaves what a number of purchases or their sum is worth on the stack.
func (m *module) buyerPoints(f *fn, r *scorecard.Rule, at int, detail local) {
	v := f.local(f64)
	switch {
	case r.Span == 0:
		f.io().mem(f64Load, at).set(v)
	default:
		owner := m.state.times[r.Index]
		f.i64(math.MaxInt64).setG(gFirst) // none is after the cutoff
		f.i64(owner).getG(gNow).i64(r.Span).do(i64Sub)
		if r.Kind == scorecard.Money {
			f.call(m.h.money).set(v)
		} else {
			f.call(m.h.timed).do(f64OfI32).set(v)
		}
		f.getG(gFirst).i64(math.MaxInt64).do(i64Ne).when(func() {
			f.getG(gFirst).i64(r.Span).do(i64Add).call(m.h.at)
		})
	}
	f.f64(0)
	points := f.local(f64)
	f.set(points)
	for _, s := range r.Steps {
		f.f64(s.Points).get(points).get(v).f64(s.At).do(f64Ge, choose).set(points)
	}
	if r.Kind == scorecard.Money {
		f.get(v).f64(100).do(f64Div, f64Floor).set(v)
	}
	f.f64(0).f64(math.MaxUint32).get(v).do(f64Min, f64Max, u32OfF64).set(detail)
	f.get(points)
}

// inputPoints leaves what the host has put into the dimension's place on the
// stack, as points.
func (m *module) inputPoints(f *fn, feed *scorecard.Feed) {
	x := f.local(f64)
	f.io().mem(f64Load, wasm.OffDim0+8*feed.Dim).tee(x).do(f64Abs).f64(math.Inf(1)).do(f64Lt)
	f.either(f64, func() {
		if feed.Model != "" {
			f.f64(feed.Most).f64(0).f64(1).get(x).do(f64Min, f64Max, f64Mul)
			return
		}
		f.f64(-scorecard.InputMax).f64(scorecard.InputMax).get(x).do(f64Min, f64Max)
	}, func() { f.f64(0) })
}

// grade makes the combined value of the grade that the dimensions have.
func (w *combiner) grade() {
	m, f, at := w.m, w.fn, w.local(i32)
	for i, d := range m.card.Dims {
		if len(d.Grades) == 0 {
			continue
		}
		f.get(at).i32(int32(len(d.Grades))).do(i32Mul).set(at)
		for _, g := range d.Grades[:len(d.Grades)-1] {
			f.get(at).io().mem(f64Load, wasm.OffDim0+8*i).f64(g.From-scorecard.Near).do(f64Lt, i32Add).set(at)
		}
	}
	table := m.floats(m.card.Score.Table[1:])
	f.get(at).i32(3).do(i32Shl).mem(f64LoadAny, int(table)).set(w.v)
}
