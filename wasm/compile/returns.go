package compile

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// What a rule of kind Returning keeps, from its value on.
const (
	returnCount = 0  // f64: days with purchases
	returnLast  = 8  // i64
	returnFirst = 16 // i64
	returnSum   = 24 // f64: hundredths, of all but the first day
	returnSize  = 32
)

// writeReturn is scorecard.Rule.writeReturn, and the rule's per day.
func (m *module) writeReturn(f *fn, r *scorecard.Rule, t local) {
	at, day := m.state.value[r.Index], m.state.day[r.Index]
	key := func() *fn { return f.get(0).mem(i64Load, slotAt(r.PerSlot)+8).i64(dayBit).do(i64Xor) }
	count := func() *fn { return f.i32(0).mem(f64Load, at+returnCount) }
	key().i32(0).mem(i64Load, day).do(i64Ne).when(func() {
		f.i32(0)
		key().mem(i64Store, day)
		f.i32(0)
		count().f64(1).do(f64Add).mem(f64Store, at+returnCount)
		count().f64(1).do(f64Eq).when(func() {
			f.i32(0).get(t).mem(i64Store, at+returnFirst).i32(0).get(t).mem(i64Store, at+returnLast)
		})
		f.get(t).i32(0).mem(i64Load, at+returnLast).do(i64GtS).when(func() {
			f.i32(0).get(t).mem(i64Store, at+returnLast)
		})
	})
	s := r.Returns.Spend
	if s == nil {
		return
	}
	slot := slotAt(s.Slot)
	count().f64(1).do(f64Gt).get(0).mem(i32Load8u, slot).i32(int32(wasm.Float)).do(i32Eq, i32And).when(func() {
		f.i32(0).i32(0).mem(f64Load, at+returnSum)
		f.get(0).mem(f64Load, slot+8).f64(100).do(f64Mul).f64(0.5).do(f64Add, f64Floor)
		m.withinMoney(f).do(f64Add)
		m.withinMoney(f).mem(f64Store, at+returnSum)
	})
}

// returnPoints leaves what is expected of a lead on the stack, and adds its motion.
func (m *module) returnPoints(f *fn, r *scorecard.Rule, at int, detail local) {
	b := r.Returns
	x, last, each, age := f.local(f64), f.local(f64), f.local(f64), f.local(i64)
	lo, hi, shift := f.local(i64), f.local(i64), f.local(i64)
	v, slope := f.local(f64), f.local(f64)
	count := func() *fn { return f.i32(0).mem(f64Load, at+returnCount) }
	first := func() *fn { return f.i32(0).mem(i64Load, at+returnFirst) }
	worth := m.worth(b)
	count().f64(0).do(f64Eq)
	f.either(f64, func() { f.f64(0) }, func() {
		count().f64(math.MaxUint32).do(f64Min, u32OfF64).set(detail)
		count().f64(1).do(f64Sub).set(x)
		f.i32(0).mem(i64Load, at+returnLast)
		first().do(i64Sub, f64OfI64).set(last)
		f.getG(gNow)
		first().do(i64Sub).tee(age).i64(0).do(i64LtS).when(func() { f.i64(0).set(age) })
		f.get(age).i64(b.Alpha).do(i64Add).set(age)
		// The binary digits of the age, less those of the purchases, less the least.
		f.i64(63-scorecard.StepBits).get(age).do(i64Clz, i64Sub)
		f.i64(64).f64(b.R).get(x).do(f64Add).f64(1<<40).do(f64Min, i64OfF64, i64Clz, i64Sub, i64Sub).tee(shift)
		f.i64(0).do(i64LtS).when(func() { f.i64(0).set(shift) })
		f.get(age).get(shift).do(i64ShrS).get(shift).do(i64Shl).tee(lo)
		f.i64(1).get(shift).do(i64Shl, i64Add).set(hi)
		first().get(hi).i64(b.Alpha).do(i64Sub, i64Add).call(m.h.at)
		m.returnEach(f, b.Spend, x, at)
		f.set(each)
		f.get(lo).get(x).get(last).get(each).call(worth).set(v)
		f.get(hi).get(x).get(last).get(each).call(worth).get(v).do(f64Sub)
		f.get(hi).get(lo).do(i64Sub, f64OfI64, f64Div).set(slope)
		m.slide(f, slope)
		f.get(v).get(slope).get(age).get(lo).do(i64Sub, f64OfI64, f64Mul, f64Add)
	})
}

// returnEach leaves what a purchase is expected to be worth on the stack.
func (m *module) returnEach(f *fn, s *scorecard.Spend, x local, at int) {
	if s == nil {
		f.f64(1)
		return
	}
	f.f64(s.P).f64(s.V).f64(0).i32(0).mem(f64Load, at+returnSum).do(f64Max).f64(100).do(f64Div, f64Add, f64Mul)
	f.f64(s.P).get(x).do(f64Mul).f64(s.Q).do(f64Add).f64(1).do(f64Sub, f64Div)
}

// worth is scorecard.Returns.worth of one dimension: (age i64, x, last, each f64) f64.
func (m *module) worth(b *scorecard.Returns) *fn {
	series := m.series(b)
	f := m.fn([]byte{i64, f64, f64, f64}, f64)
	age, x, last, each := local(0), local(1), local(2), local(3)
	at, share, c, y, v := f.local(f64), f.local(f64), f.local(f64), f.local(f64), f.local(f64)
	base, a1, _ := b.Constants()
	f.get(age).do(f64OfI64).tee(at).get(at).f64(float64(b.Horizon)).do(f64Add, f64Div).set(share)
	f.f64(base).get(x).do(f64Add).set(c)
	f.get(c).f64(1).f64(a1).get(share).call(m.h.log2).do(f64Mul).call(m.h.exp2).tee(y).do(f64Sub).f64(a1).do(f64Div)
	f.get(y).get(c).f64(1).get(share).do(f64Sub).call(series).do(f64Mul, f64Sub, f64Mul).set(v)
	f.get(x).f64(0).do(f64Gt).when(func() {
		f.get(v).f64(1)
		f.f64(b.A).f64(b.B).get(x).do(f64Add).f64(1).do(f64Sub, f64Div)
		f.f64(scorecard.GoneMax).f64(b.R).get(x).do(f64Add)
		f.get(at).f64(float64(b.Alpha)).get(last).do(f64Add, f64Div).call(m.h.log2).do(f64Mul, f64Min).call(m.h.exp2)
		f.do(f64Mul, f64Add, f64Div).set(v)
	})
	f.f64(b.Most).f64(0).f64(1).get(v).get(each).do(f64Mul).f64(b.FullAt).do(f64Div, f64Min, f64Max, f64Mul)
	return f
}

// series is scorecard.Returns.series of one dimension: (c, z f64) f64.
func (m *module) series(b *scorecard.Returns) *fn {
	f := m.fn([]byte{f64, f64}, f64)
	c, z := local(0), local(1)
	term, sum, n := f.local(f64), f.local(f64), f.local(f64)
	_, a1, front := b.Constants()
	f.f64(front).get(c).do(f64Div).get(z).do(f64Mul).tee(term).set(sum).f64(1).set(n)
	f.block(noValue, func() {
		f.loop(func() {
			f.get(n).f64(float64(b.Terms)).do(f64Lt, i32Eqz).brIf(1)
			f.get(term).f64(front).get(n).do(f64Add).f64(a1).get(n).do(f64Add, f64Mul)
			f.get(c).get(n).do(f64Add).get(n).f64(1).do(f64Add, f64Mul, f64Div, f64Mul)
			f.get(z).do(f64Mul).tee(term).get(sum).do(f64Add).set(sum)
			f.get(n).f64(1).do(f64Add).set(n)
			f.get(term).do(f64Abs).get(sum).do(f64Abs).f64(scorecard.SeriesEnd).do(f64Mul, f64Le).brIf(1)
			f.br(0)
		})
	})
	return f.get(sum)
}

// log2 is scorecard's log2, operation for operation.
func (m *module) log2() *fn {
	f := m.fn([]byte{f64}, f64)
	bits, e, s, s2 := f.local(i64), f.local(f64), f.local(f64), f.local(f64)
	f.get(0).do(bitsF64).tee(bits).i64(52).do(i64ShrU).i64(1022).do(i64Sub, f64OfI64).set(e)
	f.get(bits).i64(1<<52-1).do(i64And).i64(1022<<52).do(i64Or, f64Bits).set(0)
	f.get(0).f64(math.Sqrt2 / 2).do(f64Lt).when(func() {
		f.f64(2).get(0).do(f64Mul).set(0).get(e).f64(1).do(f64Sub).set(e)
	})
	f.get(0).f64(1).do(f64Sub).get(0).f64(1).do(f64Add, f64Div).tee(s).get(s).do(f64Mul).set(s2)
	f.get(e).f64(scorecard.Log2Front).get(s)
	f.f64(0)
	for n := 23.0; n >= 1; n -= 2 {
		f.get(s2).do(f64Mul).f64(1 / n).do(f64Add)
	}
	return f.do(f64Mul, f64Mul, f64Add)
}
