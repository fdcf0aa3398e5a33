package compile

import (
	"encoding/binary"
	"math"

	"ripen/wasm/scorecard"
)

// A node of a curve in memory: i64 age, f64 value, f64 slope.
const nodeSize = 24

// nodes puts a curve into memory and returns its address.
func (m *module) nodes(l *scorecard.Life) int32 {
	var b []byte
	for _, n := range l.Nodes {
		b = binary.LittleEndian.AppendUint64(b, uint64(n.Age))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.Value))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.Slope))
	}
	return m.text(string(b))
}

// floats puts numbers into memory and returns their address.
func (m *module) floats(fs []float64) int32 {
	var b []byte
	for _, f := range fs {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	return m.text(string(b))
}

// line finds the last node that begins at an age or before it, by halving.
func (m *module) line() *fn {
	f := m.fn([]byte{i32, i32, i64}, i32)
	at, n, age := local(0), local(1), local(2)
	half, mid := f.local(i32), f.local(i32)
	f.block(noValue, func() {
		f.loop(func() {
			f.get(n).i32(1).do(i32Eq).brIf(1)
			f.get(n).i32(1).do(i32ShrU).set(half)
			f.get(at).get(half).i32(nodeSize).do(i32Mul, i32Add).tee(mid).mem(i64LoadAny, 0).get(age).do(i64LeS).when(func() {
				f.get(mid).set(at)
			})
			f.get(n).get(half).do(i32Sub).set(n).br(0)
		})
	})
	return f.get(at)
}

// renewalPoints leaves what the age of the thing bought is worth on the stack,
// and adds its motion.
func (m *module) renewalPoints(f *fn, r *scorecard.Rule, at int, detail local) {
	l := r.Life
	node, age, v, slope := f.local(i32), f.local(i64), f.local(f64), f.local(f64)
	since := func() *fn { return f.io().mem(i64Load, at) }
	first := m.nodes(l)
	f.io().mem(i64Load, at+8).do(i64Eqz)
	f.either(f64, func() { f.f64(0) }, func() {
		since().call(m.h.minutes).set(detail)
		f.getG(gNow)
		since().do(i64Sub).tee(age).i64(0).do(i64LtS).when(func() { f.i64(0).set(age) })
		f.i32(first).i32(int32(len(l.Nodes))).get(age).call(m.h.line).tee(node)
		f.i32(first + nodeSize*int32(len(l.Nodes)-1)).do(i32Ne).when(func() {
			since().get(node).mem(i64LoadAny, nodeSize).do(i64Add).call(m.h.at)
		})
		f.get(node).mem(f64LoadAny, 16).set(slope)
		f.get(node).mem(f64LoadAny, 8)
		f.get(slope).get(age).get(node).mem(i64LoadAny, 0).do(i64Sub, f64OfI64, f64Mul, f64Add).set(v)
		if l.FadeAfter > 0 {
			f.get(age).i64(l.FadeAfter).do(i64LtS).nest(0x04, noValue, func() {
				since().i64(l.FadeAfter).do(i64Add).call(m.h.at)
				f.b = append(f.b, 0x05)
				m.fade(f, l, age, v, slope)
			})
		}
		m.slide(f, slope)
		f.get(v)
	})
}

// fade halves v and slope once every l.FadeHalf past l.FadeAfter.
func (m *module) fade(f *fn, l *scorecard.Life, age, v, slope local) {
	share := f.local(f64)
	f.i64(l.FadeAfter).get(age).do(i64Sub, f64OfI64).f64(float64(l.FadeHalf)).do(f64Div).call(m.h.exp2).set(share)
	f.get(v).get(share).do(f64Mul).set(v).get(slope).get(share).do(f64Mul).set(slope)
	m.decay(f, v, func() { f.f64(math.Ln2 / float64(l.FadeHalf)) })
}

// decay adds the motion of points that decay at a rate.
func (m *module) decay(f *fn, v local, rate func()) {
	add := func(g int, v func()) { f.getG(g); v(); f.do(f64Add).setG(g) }
	f.get(v).f64(0).do(f64Gt).nest(0x04, noValue, func() {
		add(gDown, func() { f.get(v); rate(); f.do(f64Mul) })
		add(gDownM, func() { f.get(v) })
		f.b = append(f.b, 0x05)
		add(gUp, func() { f.get(v).do(f64Neg); rate(); f.do(f64Mul) })
		add(gUpM, func() { f.get(v).do(f64Neg) })
	})
}

// slide adds the motion of points on a line: even, and without end.
func (m *module) slide(f *fn, slope local) {
	f.get(slope).f64(0).do(f64Gt).when(func() {
		f.getG(gUp).get(slope).do(f64Add).setG(gUp).f64(math.Inf(1)).setG(gUpM)
	})
	f.get(slope).f64(0).do(f64Lt).when(func() {
		f.getG(gDown).get(slope).do(f64Sub).setG(gDown).f64(math.Inf(1)).setG(gDownM)
	})
}
