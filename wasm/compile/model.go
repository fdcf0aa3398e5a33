package compile

import (
	"encoding/binary"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// A model is tables. Of each feature the state keeps a few bytes, copied from the
// row of its code when an attribute comes: the code, then
//
//   - of a number, 255 less the code, or 0 for no answer;
//   - of a text, a bit for each set of codes that the trees ask for, 0 for no answer.
//
// So every question of every tree is one comparison, (byte & mask) > bound, that no
// answer always fails: where it should not, what is below stands the other way round.
// A question is a word, from the lowest: u16 place of the byte, u8 mask, u8 bound.
//
// Trees are filled up to the depth of the deepest: questions in the order of levels,
// then the leaves. The way down has no branches, and four trees go down at a time.
type learned struct {
	model *scorecard.Model
	depth int
	at    []int      // of each feature: place of its bytes in the state
	rows  [][]byte   // of each feature: its rows, by code
	trees []fullTree // a multiple of lanes
}

// fullTree is a tree filled up: the children of i are 2i+1 and 2i+2.
type fullTree struct {
	asks    []uint32
	feature []int32
	values  []int32 // of all nodes, the root's at 0, less the root's
}

const (
	lanes   = 4
	always  = 0xff<<16 | 0xff<<24 // a question that everybody fails: nothing is above 255
	stepGas = 20                  // of one question
	copyGas = 14                  // of one byte of a row
)

// learn makes the tables of a model; none of nil.
func learn(m *scorecard.Model) learned {
	l := learned{model: m}
	if m == nil {
		return l
	}
	l.depth = max(m.Depth(), 1)
	sets := l.sets()
	did := wasm.IOEvents - atTraits // what is counted is worked out for each score, where events stood
	for i, f := range m.Features {
		at := l.width()
		l.rows = append(l.rows, rowsOf(f, sets[i]))
		if f.Keeper() != nil {
			at, did = did, did+l.rowOf(i)
		}
		l.at = append(l.at, at)
	}
	for _, t := range m.Trees {
		full := fullTree{asks: make([]uint32, 1<<l.depth-1), feature: make([]int32, 1<<l.depth-1), values: make([]int32, 2<<l.depth-1)}
		l.fill(&full, t, 0, 0, sets)
		l.trees = append(l.trees, full)
	}
	for len(l.trees)%lanes != 0 {
		full := fullTree{asks: make([]uint32, 1<<l.depth-1), feature: make([]int32, 1<<l.depth-1), values: make([]int32, 2<<l.depth-1)}
		l.fill(&full, scorecard.Tree{{Leaf: true}}, 0, 0, sets)
		l.trees = append(l.trees, full)
	}
	return l
}

// width is how many bytes of state the attributes take.
func (l *learned) width() (n int) {
	for i := range l.rows {
		if l.model.Features[i].Keeper() == nil {
			n += l.rowOf(i)
		}
	}
	return n
}

// rowOf is how long a row of a feature is.
func (l *learned) rowOf(i int) int { return len(l.rows[i]) / l.model.Features[i].Codes() }

// set is what a question asks of a text: the codes whose bit is set.
type set [4]uint64

func (s *set) has(code int) bool { return s[code>>6]>>(code&63)&1 != 0 }

// setOf is the set of a node, and whether who is in it goes left: no answer never is.
func setOf(n *scorecard.TreeNode) (s set, left bool) {
	if s = n.Set; n.Has(0) {
		for i := range s {
			s[i] = ^s[i]
		}
		return s, false
	}
	return s, true
}

// sets numbers the sets of each text.
func (l *learned) sets() []map[set]int {
	out := make([]map[set]int, len(l.model.Features))
	for i := range out {
		out[i] = map[set]int{}
	}
	for _, t := range l.model.Trees {
		for i := range t {
			n := &t[i]
			if n.Leaf || l.model.Features[n.Feature].Number() {
				continue
			}
			s, _ := setOf(n)
			if _, ok := out[n.Feature][s]; !ok {
				out[n.Feature][s] = len(out[n.Feature])
			}
		}
	}
	return out
}

// rowsOf are what the state keeps of each code.
func rowsOf(f *scorecard.Feature, sets map[set]int) []byte {
	size := 2
	if !f.Number() {
		size = 1 + (len(sets)+7)/8
	}
	rows := make([]byte, size*f.Codes())
	for code := range f.Codes() {
		row := rows[size*code:]
		row[0] = byte(code)
		if code > 0 && f.Number() {
			row[1] = byte(255 - code)
		}
		for s, i := range sets {
			if s.has(code) {
				row[1+i/8] |= 1 << (i % 8)
			}
		}
	}
	return rows
}

// fill puts node from of a tree, and what is below it, at node to of a full one.
func (l *learned) fill(full *fullTree, t scorecard.Tree, from, to int, sets []map[set]int) {
	n := &t[from]
	full.values[to] = n.Value - t[0].Value
	if to >= len(full.asks) {
		return
	}
	if n.Leaf {
		full.asks[to] = always
		l.fill(full, t, from, 2*to+1, sets)
		l.fill(full, t, from, 2*to+2, sets)
		return
	}
	fails, passes := n.Left, n.Right
	ask := uint32(l.at[n.Feature])
	switch {
	case !l.model.Features[n.Feature].Number():
		s, left := setOf(n)
		i := sets[n.Feature][s]
		ask += uint32(1+i/8) | 1<<(i%8)<<16
		if left {
			fails, passes = passes, fails
		}
	case n.Has(0):
		ask |= 0xff<<16 | uint32(n.UpTo)<<24
	default: // whoever answered and is up to it passes
		ask += 1 | 0xff<<16 | uint32(254-n.UpTo)<<24
		fails, passes = passes, fails
	}
	full.asks[to], full.feature[to] = ask, int32(n.Feature)
	l.fill(full, t, fails, 2*to+1, sets)
	l.fill(full, t, passes, 2*to+2, sets)
}

// foldGas is what an event with all attributes may take.
func (l *learned) foldGas() int {
	if l.model == nil {
		return 0
	}
	return ruleGas*len(l.rows) + copyGas*l.width()
}

// scoreGas is what a score with reasons may take.
func (l *learned) scoreGas() int {
	if l.model == nil {
		return 0
	}
	n := ruleGas*len(l.rows) + 3*stepGas*(l.depth+1)*len(l.trees)
	for i, f := range l.model.Features {
		if f.Keeper() != nil {
			n += copyGas*l.rowOf(i) + 2*stepGas*len(f.Below)
		}
	}
	return n
}

// table puts constant bytes into memory, on a border of four, and returns their
// address.
func (m *module) table(b []byte) int {
	for len(m.data)%4 != 0 {
		m.data = append(m.data, 0)
	}
	at := addrData + len(m.data)
	m.data = append(m.data, b...)
	return at
}

func words[T int32 | uint32](b []byte, w []T) []byte {
	for _, v := range w {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// codes writes the functions that keep the codes of the attributes an event carries.
func (m *module) codes() []*fn {
	l := &m.model
	if l.model == nil {
		return nil
	}
	var out []*fn
	for i := 0; i < len(l.rows); i += chunk {
		f := m.reader()
		for j := i; j < min(i+chunk, len(l.rows)); j++ {
			if l.model.Features[j].Keeper() != nil {
				continue
			}
			slot, size := slotAt(l.model.Features[j].Slot()), int32(l.rowOf(j))
			rows := int32(m.table(l.rows[j]))
			f.get(0).mem(i32Load8u, slot).when(func() {
				f.i32(int32(m.state.codes + l.at[j]))
				f.get(0).mem(i32Load, slot+8).i32(size).do(i32Mul).i32(rows).do(i32Add)
				f.i32(size).call(m.h.row)
			})
		}
		out = append(out, f)
	}
	return out
}

// row copies a row.
func (m *module) row() *fn {
	f := m.fn([]byte{i32, i32, i32})
	f.loop(func() {
		f.get(0).get(1).mem(i32Load8u, 0).mem(i32Store8, 0)
		f.get(0).i32(1).do(i32Add).set(0).get(1).i32(1).do(i32Add).set(1)
		f.get(2).i32(1).do(i32Sub).tee(2).brIf(0)
	})
	return f
}

// behave writes the functions that work out what is counted of events at gNow, and put
// the rows of its codes where questions look.
func (m *module) behave() []*fn {
	l := &m.model
	var out []*fn
	for i := 0; i < len(l.rows); i += chunk {
		f := m.fn(nil)
		n, since := f.local(i64), f.local(i64)
		for j := i; j < min(i+chunk, len(l.rows)); j++ {
			r := l.model.Features[j].Keeper()
			if r == nil {
				continue
			}
			below, put := l.model.Features[j].Below, func() { m.codeRow(f, j, n) }
			if r.Kind == scorecard.Count {
				f.i64(m.state.times[r.Index]).getG(gNow).i64(r.Span).do(i64Sub).call(m.h.timed).do(i64OfI32).tee(n).i64(0).do(i64GtS).when(func() {
					f.getG(gFirst).i64(r.Span).do(i64Add).call(m.h.at)
				})
				put()
				continue
			}
			f.io().mem(i32Load, atBits).i32(bitSeen).do(i32And).nest(0x04, noValue, func() {
				f.io().mem(i64Load, atLast).io().mem(i64Load, atFirst)
				f.io().mem(i32Load, atBits).i32(bitActive).do(i32And, choose).set(since)
				for _, end := range below {
					f.get(since).i64((int64(end) + 1) * r.Span).do(i64Add).call(m.h.at)
				}
				f.getG(gNow).get(since).do(i64Sub).i64(r.Span).do(i64DivS).set(n)
				put()
				f.b = append(f.b, 0x05)
				f.i32(int32(m.state.codes + l.at[j])).i32(int32(m.table(l.rows[j]))).i32(int32(l.rowOf(j))).call(m.h.row)
			})
		}
		out = append(out, f)
	}
	return out
}

// codeRow puts the row of the code of a whole number: 1, and 1 more for each bin that it
// is above.
func (m *module) codeRow(f *fn, j int, n local) {
	l := &m.model
	size := int32(l.rowOf(j))
	f.i32(int32(m.state.codes + l.at[j])).i32(1)
	for _, end := range l.model.Features[j].Below {
		f.get(n).i64(int64(end)).do(i64GtS, i32Add)
	}
	f.i32(size).do(i32Mul).i32(int32(m.table(l.rows[j]))).do(i32Add).i32(size).call(m.h.row)
}

// learned writes the function that adds the model's points to what it is given, and
// gives each feature's part as a reason if reasons are wanted.
func (m *module) learned() *fn {
	l := &m.model
	sum, parts := m.weights(), (*fn)(nil)
	if l.model.Trees != nil {
		sum, parts = m.descent(), m.paths()
	}
	tells, did := m.tells(parts == nil), m.behave()
	f := m.fn([]byte{f64}, f64)
	for _, b := range did {
		f.call(b)
	}
	f.getG(gExplain).when(func() {
		if parts != nil {
			f.call(parts)
		}
		for _, t := range tells {
			f.call(t)
		}
		if m.told() > 0 {
			f.io().i32(int32(m.told())).mem(i32Store, wasm.OffReasons)
		}
	})
	return f.get(0).call(sum).do(f64OfI32).f64(1./scorecard.PointParts).do(f64Mul, f64Add)
}

// weights writes the sum of a logistic model, which leaves the parts as well.
func (m *module) weights() *fn {
	l := &m.model
	f := m.fn(nil, i32)
	if l.model.Weights == nil {
		return f.i32(0)
	}
	sum := f.local(i32)
	for i, w := range l.model.Weights {
		at := m.table(words(nil, w))
		f.io().mem(i32Load8u, m.state.codes+l.at[i]).i32(2).do(i32Shl).mem(i32Load, at).get(sum).do(i32Add).set(sum)
	}
	return f.get(sum)
}

// part leaves what feature i is worth on the stack.
func (m *module) part(f *fn, i int, table []int) {
	if table == nil {
		f.io().mem(i32Load, addrParts+4*i)
		return
	}
	f.io().mem(i32Load8u, m.state.codes+m.model.at[i]).i32(2).do(i32Shl).mem(i32Load, table[i])
}

// tells writes the functions that give the parts as reasons.
func (m *module) tells(weights bool) []*fn {
	l := &m.model
	var table []int
	if weights {
		for _, w := range l.model.Weights {
			table = append(table, m.table(words(nil, w)))
		}
	}
	var out []*fn
	for i := 0; i < len(l.rows); i += chunk {
		f := m.fn(nil)
		p, detail := f.local(f64), f.local(i32)
		for j := i; j < min(i+chunk, len(l.rows)); j++ {
			m.part(f, j, table)
			f.do(f64OfI32).f64(1. / scorecard.PointParts).do(f64Mul).set(p)
			f.io().mem(i32Load8u, m.state.codes+l.at[j]).set(detail)
			m.tell(f, j, true, detail, p)
		}
		out = append(out, f)
	}
	return out
}

// step asks the question of the node that is p bytes into its tree and goes one level
// down: 4(2i+1) + 4 if it passes. asks leaves the question on the stack.
func (m *module) step(f *fn, p, ask local, load func()) {
	load()
	f.tee(ask).i32(0xffff).do(i32And).mem(i32Load8u, m.state.codes)
	f.get(ask).i32(16).do(i32ShrU).i32(0xff).do(i32And, i32And)
	f.get(ask).i32(24).do(i32ShrU, i32GtU).i32(2).do(i32Shl)
	f.get(p).i32(1).do(i32Shl, i32Add).i32(4).do(i32Add).set(p)
}

// descent writes the sum of the leaves that a lead comes to.
func (m *module) descent() *fn {
	l := &m.model
	leaves := 1<<l.depth - 1
	var b []byte
	for _, t := range l.trees {
		b = words(words(b, t.asks), t.values[leaves:])
	}
	at, size := m.table(b), 4*(2<<l.depth-1)
	f := m.fn(nil, i32)
	tree, ask, sum := f.local(i32), f.local(i32), f.local(i32)
	var p [lanes]local
	for k := range p {
		p[k] = f.local(i32)
	}
	f.loop(func() {
		for k := range p {
			f.i32(0).set(p[k])
		}
		for range l.depth {
			for k := range p {
				m.step(f, p[k], ask, func() { f.get(tree).get(p[k]).do(i32Add).mem(i32Load, at+k*size) })
			}
		}
		for k := range p {
			f.get(tree).get(p[k]).do(i32Add).mem(i32Load, at+k*size).get(sum).do(i32Add).set(sum)
		}
		f.get(tree).i32(int32(lanes * size)).do(i32Add).tee(tree).i32(int32(size * len(l.trees))).do(i32LtS).brIf(0)
	})
	return f.get(sum)
}

// paths writes the walk that leaves what each feature is worth.
func (m *module) paths() *fn {
	l := &m.model
	var asks, values []byte
	for _, t := range l.trees {
		asks = words(words(asks, t.asks), make([]int32, len(t.values)-len(t.asks)))
		values = words(values, t.values)
	}
	var features []byte
	for _, t := range l.trees {
		features = words(words(features, t.feature), make([]int32, len(t.values)-len(t.asks)))
	}
	atAsk, atValue, atFeature, size := m.table(asks), m.table(values), m.table(features), 4*(2<<l.depth-1)
	f := m.fn(nil)
	tree, p, ask, feature, v, level := f.local(i32), f.local(i32), f.local(i32), f.local(i32), f.local(i32), f.local(i32)
	for i := range l.rows {
		f.io().i32(0).mem(i32Store, addrParts+4*i)
	}
	node := func(at int) *fn { return f.get(tree).get(p).do(i32Add).mem(i32Load, at) }
	f.loop(func() {
		f.i32(0).set(p).i32(0).set(v).i32(int32(l.depth)).set(level)
		f.loop(func() {
			node(atFeature).i32(2).do(i32Shl).set(feature)
			m.step(f, p, ask, func() { node(atAsk) })
			f.get(feature).get(feature).mem(i32Load, addrParts)
			node(atValue).get(v).do(i32Sub, i32Add).mem(i32Store, addrParts)
			node(atValue).set(v)
			f.get(level).i32(1).do(i32Sub).tee(level).brIf(0)
		})
		f.get(tree).i32(int32(size)).do(i32Add).tee(tree).i32(int32(size * len(l.trees))).do(i32LtS).brIf(0)
	})
	return f
}
