package compile

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// helpers are the functions that modules have if they call them.
type helpers struct {
	exp2    *fn // (x f64) f64
	equal   *fn // (a, b, n i32) i32: the n bytes at a and b are the same
	unique  *fn // (owner, key i64, keep i32) i32: key was not in the list, and now is
	stamp   *fn // (owner, time, cutoff i64, keep i32): adds a time to the list
	money   *fn // (owner, cutoff i64) f64: the sum of amounts after cutoff; sets gFirst, or leaves it
	timed   *fn // (owner, cutoff i64) i32: how many times lie after cutoff; sets gFirst
	linear  *fn // (owner, every i64, drop, points f64) f64
	at      *fn // (t i64): something changes at t
	reach   *fn // (gap, rate, mass f64): a gap may be closed
	faded   *fn // (addr i32, span f64) f64: what has halved, at gNow; it leaves no motion
	decayed *fn // (addr i32, span, rate f64) f64: a half-life rule that is not zero, at gNow
	reason  *fn // (id, detail i32, points f64)
	line    *fn // (nodes, n i32, age i64) i32: the address of the line of a curve
	log2    *fn // (x f64) f64, for x > 0
	minutes *fn // (t i64) i32: how long ago t was at gNow
	push    *fn // (owner, value i64): appends an entry
	remove  *fn // (owner i64): takes its oldest entry out of the list
	row     *fn // (to, from, bytes i32): copies a row of a model's tables
}

// helpers names them all; one that nothing calls is never written.
func (m *module) helpers() {
	m.h = helpers{
		exp2: later(m.exp2), equal: later(m.equal), remove: later(m.remove), push: later(m.pushed), unique: later(m.unique), row: later(m.row),
		stamp: later(m.stamp), timed: later(m.timed), money: later(m.money), at: later(m.at), linear: later(m.linear),
		reach: later(m.reach), faded: later(m.faded), decayed: later(m.decayed), reason: later(m.reason), line: later(m.line), log2: later(m.log2), minutes: later(m.minutes),
	}
}

// exp2 is wasm.Exp2, operation for operation.
func (m *module) exp2() *fn {
	f := m.fn([]byte{f64}, f64)
	n, f2, f4 := f.local(f64), f.local(f64), f.local(f64)
	c := wasm.Exp2Poly
	pair := func(i int) { f.f64(c[i]).f64(c[i+1]).get(0).do(f64Mul, f64Add) }
	quad := func(i int) {
		pair(i)
		pair(i + 2)
		f.get(f2).do(f64Mul, f64Add)
	}
	f.get(0).f64(wasm.Exp2Min).do(f64Lt).when(func() { f.f64(0).do(ret) })
	f.get(0).do(f64Near).set(n)
	f.get(0).get(n).do(f64Sub).tee(0).get(0).do(f64Mul).tee(f2).get(f2).do(f64Mul).set(f4)
	quad(0)
	quad(4)
	f.get(f4).do(f64Mul, f64Add)
	quad(8)
	pair(12)
	f.get(f4).do(f64Mul, f64Add)
	f.get(f4).get(f4).do(f64Mul, f64Mul, f64Add)
	f.get(n).do(i64OfF64).i64(1023).do(i64Add).i64(52).do(i64Shl, f64Bits, f64Mul)
	return f
}

// equal compares eight bytes at a time, the last of them with some that were
// compared before.
func (m *module) equal() *fn {
	f := m.fn([]byte{i32, i32, i32}, i32)
	a, b, n := local(0), local(1), local(2)
	load := func(l mem, from local, back int32) {
		f.get(from).get(n).do(i32Add).i32(back).do(i32Sub).mem(l, 0)
	}
	f.get(n).i32(8).do(i32GeS).when(func() {
		f.block(noValue, func() {
			f.loop(func() {
				f.get(n).i32(8).do(i32LeS).brIf(1)
				f.get(a).mem(i64LoadAny, 0).get(b).mem(i64LoadAny, 0).do(i64Ne)
				f.when(func() { f.i32(0).do(ret) })
				f.get(a).i32(8).do(i32Add).set(a).get(b).i32(8).do(i32Add).set(b)
				f.get(n).i32(8).do(i32Sub).set(n).br(0)
			})
		})
		load(i64LoadAny, a, 8)
		load(i64LoadAny, b, 8)
		f.do(i64Eq, ret)
	})
	f.get(n).i32(4).do(i32GeS).when(func() {
		f.get(a).mem(i32LoadAny, 0).get(b).mem(i32LoadAny, 0).do(i32Eq)
		load(i32LoadAny, a, 4)
		load(i32LoadAny, b, 4)
		f.do(i32Eq, i32And, ret)
	})
	f.block(noValue, func() {
		f.loop(func() {
			f.get(n).do(i32Eqz).brIf(1)
			f.get(a).mem(i32Load8u, 0).get(b).mem(i32Load8u, 0).do(i32Ne)
			f.when(func() { f.i32(0).do(ret) })
			f.get(a).i32(1).do(i32Add).set(a).get(b).i32(1).do(i32Add).set(b)
			f.get(n).i32(1).do(i32Sub).set(n).br(0)
		})
	})
	return f.i32(1)
}

// scan walks the list; each may leave the loop or go on. It sets entry to the
// address and key to the value of each entry in turn.
func (m *module) scan(f *fn, entry, end local, key local, each func()) {
	f.i32(int32(m.state.list)).tee(entry)
	f.io().mem(i32Load, atList).i32(3).do(i32Shl, i32Add).set(end)
	f.block(noValue, func() {
		f.loop(func() {
			f.get(entry).get(end).do(i32Eq).brIf(1)
			f.get(entry).mem(i64Load, 0).set(key)
			each()
			f.get(entry).i32(8).do(i32Add).set(entry).br(0)
		})
	})
}

// isOwner says whether key belongs to owner, which stands in the top byte.
func isOwner(f *fn, key, owner local) *fn {
	return f.get(key).get(owner).do(i64Xor).i64(56).do(i64ShrU, i64Eqz)
}

// timeOf makes a time of an entry: its lower 56 bits, with their sign.
func timeOf(f *fn, key local) *fn { return f.get(key).i64(8).do(i64Shl).i64(8).do(i64ShrS) }

const payload = 1<<56 - 1

// counter leaves the address, less m.state.counts, of the byte that counts the
// owner's entries: owners begin at 1.
func counter(f *fn, owner local) *fn { return f.get(owner).i64(56).do(i64ShrU, i32Wrap) }

// remove takes the oldest entry of the owner out of the list.
func (m *module) remove() *fn {
	f := m.fn([]byte{i64})
	owner := local(0)
	entry, end, key := f.local(i32), f.local(i32), f.local(i64)
	f.block(noValue, func() {
		m.scan(f, entry, end, key, func() { isOwner(f, key, owner).brIf(2) })
		f.do(ret)
	})
	f.get(end).i32(8).do(i32Sub).set(end)
	f.block(noValue, func() {
		f.loop(func() {
			f.get(entry).get(end).do(i32Eq).brIf(1)
			f.get(entry).get(entry).mem(i64Load, 8).mem(i64Store, 0)
			f.get(entry).i32(8).do(i32Add).set(entry).br(0)
		})
	})
	m.count(f, owner, -1)
	return f
}

// count adds to the length of the list and to the owner's counter.
func (m *module) count(f *fn, owner local, by int32) {
	f.io().io().mem(i32Load, atList).i32(by).do(i32Add).mem(i32Store, atList)
	counter(f, owner)
	counter(f, owner).mem(i32Load8u, m.state.counts).i32(by).do(i32Add).mem(i32Store8, m.state.counts)
}

// push appends an entry: owner | value & payload.
func (m *module) push(f *fn, owner, value local) {
	f.i32(int32(m.state.list)).io().mem(i32Load, atList).i32(3).do(i32Shl, i32Add)
	f.get(value).i64(payload).do(i64And).get(owner).do(i64Or).mem(i64Store, 0)
	m.count(f, owner, 1)
}

// pushed is push as a function.
func (m *module) pushed() *fn {
	f := m.fn([]byte{i64, i64})
	m.push(f, 0, 1)
	return f
}

func (m *module) unique() *fn {
	f := m.fn([]byte{i64, i64, i32}, i32)
	owner, value, keep := local(0), local(1), local(2)
	entry, end, key, n := f.local(i32), f.local(i32), f.local(i64), f.local(i32)
	counter(f, owner).mem(i32Load8u, m.state.counts).tee(n).when(func() {
		f.get(value).i64(payload).do(i64And).get(owner).do(i64Or).set(value)
		m.scan(f, entry, end, key, func() {
			f.get(key).get(value).do(i64Eq).when(func() { f.i32(0).do(ret) })
		})
		f.get(n).get(keep).do(i32GeS).when(func() { f.get(owner).call(m.h.remove) })
	})
	m.push(f, owner, value)
	return f.i32(1)
}

// stamp forgets the oldest time if there are too many, or if it is past use.
func (m *module) stamp() *fn {
	f := m.fn([]byte{i64, i64, i64, i32})
	owner, value, cutoff, keep := local(0), local(1), local(2), local(3)
	entry, end, key, n := f.local(i32), f.local(i32), f.local(i64), f.local(i32)
	counter(f, owner).mem(i32Load8u, m.state.counts).tee(n).when(func() {
		f.block(noValue, func() {
			m.scan(f, entry, end, key, func() { isOwner(f, key, owner).brIf(2) })
		})
		f.get(n).get(keep).do(i32GeS)
		timeOf(f, key).get(cutoff).do(i64LeS, i32Or)
		f.when(func() { f.get(owner).call(m.h.remove) })
	})
	m.push(f, owner, value)
	return f
}

func (m *module) timed() *fn {
	f := m.fn([]byte{i64, i64}, i32)
	owner, cutoff := local(0), local(1)
	entry, end, n, key, t, left := f.local(i32), f.local(i32), f.local(i32), f.local(i64), f.local(i64), f.local(i32)
	counter(f, owner).mem(i32Load8u, m.state.counts).tee(left).do(i32Eqz).when(func() { f.i32(0).do(ret) })
	m.scan(f, entry, end, key, func() {
		isOwner(f, key, owner).when(func() {
			timeOf(f, key).tee(t).get(cutoff).do(i64GtS).when(func() {
				f.get(n).do(i32Eqz).when(func() { f.get(t).setG(gFirst) })
				f.get(n).i32(1).do(i32Add).set(n)
			})
			f.get(left).i32(1).do(i32Sub).tee(left).do(i32Eqz).brIf(2)
		})
	})
	return f.get(n)
}

func (m *module) at() *fn {
	f := m.fn([]byte{i64})
	f.get(0).getG(gNow).do(i64GtS).get(0).getG(gNext).do(i64LtS, i32And)
	f.when(func() { f.get(0).setG(gNext) })
	return f
}

func (m *module) linear() *fn {
	f := m.fn([]byte{i64, i64, f64, f64}, f64)
	owner, every, lose, points := local(0), local(1), local(2), local(3)
	counter(f, owner).mem(i32Load8u, m.state.counts).do(i32Eqz).when(func() { f.f64(0).do(ret) })
	entry, end, key, t := f.local(i32), f.local(i32), f.local(i64), f.local(i64)
	steps, left, v := f.local(i64), f.local(f64), f.local(f64)
	m.scan(f, entry, end, key, func() {
		isOwner(f, key, owner).when(func() {
			timeOf(f, key).set(t)
			f.getG(gNow).get(t).do(i64Sub).tee(steps).i64(0).do(i64LtS).when(func() { f.i64(0).set(steps) })
			f.get(steps).get(every).do(i64DivS).set(steps)
			f.f64(1).get(lose).get(steps).do(f64OfI64, f64Mul, f64Sub).tee(left).f64(0).do(f64Gt)
			f.when(func() {
				f.get(v).get(points).get(left).do(f64Mul, f64Add).set(v)
				f.get(t).get(steps).i64(1).do(i64Add).get(every).do(i64Mul, i64Add).call(m.h.at)
			})
		})
	})
	return f.get(v)
}

func (m *module) reach() *fn {
	f := m.fn([]byte{f64, f64, f64})
	gap, rate, mass := local(0), local(1), local(2)
	f.get(rate).f64(0).do(f64Gt, i32Eqz).when(func() { f.do(ret) })
	f.get(mass).f64(scorecard.Slack).do(f64Gt).get(mass).get(gap).do(f64Gt, i32And, i32Eqz).when(func() { f.do(ret) })
	left := f.local(f64)
	f.get(gap).f64(scorecard.Noise).do(f64Sub).set(gap)
	f.f64(0).get(gap).do(f64Max).set(left)
	f.f64(0).f64(1).get(gap).get(mass).do(f64Div, f64Min, f64Max).set(gap)
	last := len(scorecard.ReachSeries) - 1
	for i := 0; i < last; i++ {
		f.f64(scorecard.ReachSeries[i])
	}
	f.f64(scorecard.ReachSeries[last])
	for range last {
		f.get(gap).do(f64Mul, f64Add)
	}
	f.get(left).get(rate).do(f64Div, f64Mul).tee(gap).f64(scorecard.TauMax).do(f64Lt)
	f.when(func() {
		f.getG(gNow).f64(scorecard.WakeMin).get(gap).f64(1).do(f64Add, f64Max, i64OfF64, i64Add).call(m.h.at)
	})
	return f
}

func (m *module) decayed() *fn {
	f := m.fn([]byte{i32, f64, f64}, f64)
	at, span, rate := local(0), local(1), local(2)
	v := f.local(f64)
	f.get(at).get(span).call(m.h.faded).set(v)
	m.decay(f, v, func() { f.get(rate) })
	return f.get(v)
}

func (m *module) faded() *fn {
	f := m.fn([]byte{i32, f64}, f64)
	at, span := local(0), local(1)
	v, t := f.local(f64), f.local(i64)
	f.get(at).mem(f64Load, 0).set(v)
	f.get(at).mem(i64Load, 8).tee(t).getG(gNow).do(i64LtS).when(func() {
		f.get(v).get(t).getG(gNow).do(i64Sub, f64OfI64).get(span).do(f64Div).call(m.h.exp2).do(f64Mul).set(v)
	})
	return f.get(v)
}

// minutes is scorecard.Minutes.
func (m *module) minutes() *fn {
	f := m.fn([]byte{i64}, i32)
	f.getG(gNow).get(0).do(i64Sub).tee(0).i64(0).do(i64LtS).when(func() { f.i64(0).set(0) })
	f.get(0).i64(60_000).do(i64DivS).tee(0).i64(math.MaxUint32).get(0).i64(math.MaxUint32).do(i64LtS, choose, i32Wrap)
	return f
}

// reason appends a reason while there is room.
func (m *module) reason() *fn {
	f := m.fn([]byte{i32, i32, f64})
	n, at := f.local(i32), f.local(i32)
	f.io().mem(i32Load, wasm.OffReasons).tee(n).i32(wasm.ReasonsMax).do(i32GeU).when(func() { f.do(ret) })
	f.get(n).i32(4).do(i32Shl).set(at)
	f.get(at).get(0).mem(i32Store, wasm.IOReasons)
	f.get(at).get(1).mem(i32Store, wasm.IOReasons+4)
	f.get(at).get(2).mem(f64Store, wasm.IOReasons+8)
	f.io().get(n).i32(1).do(i32Add).mem(i32Store, wasm.OffReasons)
	return f
}
