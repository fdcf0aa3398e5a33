package compile

import (
	"encoding/binary"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// chunk is how many rules or tests go into one function: the engine's compile
// time grows faster than a function does.
const chunk = 16

// smallRules is how many rules, tests or cells a card may have to be folded by one
// function and scored by another: a call costs as much as a rule, and most cards have
// less than this.
const smallRules = 32

func (m *module) small() bool {
	c := m.card
	return c.Model == nil && max(len(c.Rules), len(c.Traits), len(c.Cells)) <= smallRules
}

// Where functions that fold keep the event at hand: its address, time and flags.
const evAt, evTime, evFlags = local(0), local(1), local(2)

// fold writes ripen_fold: for each event, what every card keeps, then the
// attributes it carries, then the rules of its type.
func (m *module) fold(f *fn) {
	f.local(i64) // evTime
	f.local(i64) // evFlags
	left, typ := f.local(i32), f.local(i32)
	small := m.small()
	var traits []*fn
	types := make([][]*fn, len(m.card.Types))
	if !small {
		traits = append(append(m.traits(), m.cells()...), m.codes()...)
		for i := range m.card.Types {
			types[i] = m.typeRules(m.card.Types[i].Rules)
		}
	}
	f.get(0).set(left).i32(wasm.IOEvents).set(evAt)
	f.block(noValue, func() {
		f.loop(func() {
			f.get(left).do(i32Eqz).brIf(1)
			if small {
				f.proveAgain(slotAt(len(m.card.Slots)))
			}
			f.get(evAt).mem(i64Load, 8).set(evTime)
			f.get(evAt).mem(i64Load, slotAt(0)+8).set(evFlags)
			m.everyEvent(f, evTime, evFlags)
			if len(m.card.Traits)+len(m.card.Cells)+len(traits) > 0 {
				f.get(evFlags).do(i32Wrap).i32(scorecard.FlagCarries).do(i32And).when(func() {
					if small {
						m.traitsIn(f, 0, m.card.Traits)
						m.cellsIn(f, 0, m.card.Cells)
					}
					for _, g := range traits {
						f.get(evAt).call(g)
					}
				})
			}
			f.get(evAt).mem(i32Load16u, 4).set(typ)
			m.dispatch(f, typ, 1, len(types)-1, func(i int) {
				if small {
					m.rulesOf(f, m.card.Types[i].Rules)
				}
				for _, g := range types[i] {
					f.get(evAt).get(evTime).get(evFlags).call(g)
				}
			})
			f.get(evAt).get(evAt).mem(i32Load, 0).do(i32Add).set(evAt)
			f.get(left).i32(1).do(i32Sub).set(left).br(0)
		})
	})
	f.io().mem(i32Load, atList).i32(3).do(i32Shl).i32(int32(m.state.list - wasm.IOState)).do(i32Add)
}

// reader starts a function whose first parameter is an event.
func (m *module) reader(more ...byte) *fn {
	f := m.fn(append([]byte{i32}, more...))
	f.reads = slotAt(len(m.card.Slots))
	return f
}

// slotAt is the offset of a slot in its event.
func slotAt(i int) int { return wasm.EventHead + wasm.SlotSize*i }

// dispatch calls arm for the type, halving the range: types are in no table.
func (m *module) dispatch(f *fn, typ local, lo, hi int, arm func(i int)) {
	if lo > hi {
		return
	}
	mid := (lo + hi) / 2
	f.get(typ).i32(int32(mid)).do(i32Eq).nest(0x04, noValue, func() {
		arm(mid)
		if lo == hi {
			return
		}
		f.b = append(f.b, 0x05)
		f.get(typ).i32(int32(mid)).do(i32LtU).nest(0x04, noValue, func() {
			m.dispatch(f, typ, lo, mid-1, arm)
			f.b = append(f.b, 0x05)
			m.dispatch(f, typ, mid+1, hi, arm)
		})
	})
}

// everyEvent keeps the time of the first event, of the last activity and of the
// last answer.
func (m *module) everyEvent(f *fn, t, flags local) {
	setBit := func(bit int32) {
		f.io().io().mem(i32Load, atBits).i32(bit).do(i32Or).mem(i32Store, atBits)
	}
	lacks := func(bit int32) *fn { return f.io().mem(i32Load, atBits).i32(bit).do(i32And, i32Eqz) }
	lacks(bitSeen).when(func() {
		setBit(bitSeen)
		f.io().get(t).mem(i64Store, atFirst)
	})
	latest := func(flag, bit int32, at int) {
		f.get(flags).do(i32Wrap).i32(flag).do(i32And).when(func() {
			lacks(bit)
			f.get(t).io().mem(i64Load, at).do(i64GtS, i32Or).when(func() {
				setBit(bit)
				f.io().get(t).mem(i64Store, at)
			})
		})
	}
	latest(scorecard.FlagActivity, bitActive, atLast)
	if at := m.state.reply; at != 0 {
		latest(scorecard.FlagAnswer, bitReplied, at)
	}
}

// traits writes the functions that answer the tests of attributes an event
// carries; an attribute that it does not carry keeps its answer.
func (m *module) traits() []*fn {
	var out []*fn
	for i := 0; i < len(m.card.Traits); i += chunk {
		f := m.reader()
		m.traitsIn(f, i, m.card.Traits[i:min(i+chunk, len(m.card.Traits))])
		out = append(out, f)
	}
	return out
}

// traitsIn answers tests, the first of which is number from: those of one slot
// together, whose values have one tag.
func (m *module) traitsIn(f *fn, from int, tests []*scorecard.Test) {
	w := newTester(m, f)
	for i, t := range tests {
		var same []int
		for j, o := range tests {
			if o.Slot == t.Slot {
				same = append(same, j)
			}
		}
		if same[0] < i {
			continue // with those
		}
		answer := func(j int, write func()) {
			f.io()
			write()
			f.mem(i32Store8, atTraits+from+j)
		}
		f.get(evAt).mem(i32Load8u, slotAt(t.Slot)).tee(w.n).when(func() {
			f.get(w.n).i32(int32(tags[t.Op])).do(i32Eq).nest(0x04, noValue, func() {
				w.load(t)
				for _, j := range same {
					answer(j, func() { w.ask(tests[j], true) })
				}
				f.b = append(f.b, 0x05)
				for _, j := range same {
					answer(j, func() { f.i32(0) })
				}
			})
		})
	}
}

// typeRules writes the functions that fold one event type's rules.
func (m *module) typeRules(rules []*scorecard.Rule) []*fn {
	var out []*fn
	for i := 0; i < len(rules); i += chunk {
		f := m.reader(i64, i64)
		m.rulesOf(f, rules[i:min(i+chunk, len(rules))])
		out = append(out, f)
	}
	return out
}

// rulesOf folds rules of one event type.
func (m *module) rulesOf(f *fn, rules []*scorecard.Rule) {
	w := newTester(m, f)
	for _, r := range rules {
		f.block(noValue, func() { m.foldRule(f, w, r) })
	}
}

// foldRule leaves the block around it as soon as the event does not count.
func (m *module) foldRule(f *fn, w *tester, r *scorecard.Rule) {
	const ev, t, flags = evAt, evTime, evFlags
	if r.Ignore != 0 {
		f.get(flags).do(i32Wrap).i32(int32(r.Ignore) << scorecard.MachineBits).do(i32And).brIf(0)
	}
	f.get(flags).do(i32Wrap).i32(scorecard.FlagExtra).do(i32And).when(func() {
		f.i32(0)
		for _, test := range r.Tests {
			f.get(ev).mem(i32Load8u, slotAt(test.Slot)+1).do(i32Or)
		}
		if r.When != nil {
			for _, slot := range r.When.At {
				f.get(ev).mem(i32Load8u, slotAt(slot)+1).do(i32Or)
			}
		}
		if r.Kind == scorecard.Returning && r.Returns.Spend != nil {
			f.get(ev).mem(i32Load8u, slotAt(r.Returns.Spend.Slot)+1).do(i32Or)
		}
		if r.Per == scorecard.PerValue || r.Kind == scorecard.Money {
			f.get(ev).mem(i32Load8u, slotAt(r.PerSlot)+1).do(i32Or)
		}
		f.do(i32Eqz).brIf(1)
	})
	for _, test := range r.Tests {
		w.test(test, false)
		f.do(i32Eqz).brIf(0)
	}
	if r.When != nil {
		f.askEvent(r.When.Rest, r.When.At)
		f.do(i32Eqz).brIf(0)
	}
	if r.Kind == scorecard.Returning {
		m.writeReturn(f, r, t)
		return
	}
	m.once(f, r)
	m.write(f, r, t)
}

// once leaves the block if the rule's per has counted this event already.
func (m *module) once(f *fn, r *scorecard.Rule) {
	key := func() { f.get(0).mem(i64Load, slotAt(r.PerSlot)+8) }
	switch r.Per {
	case scorecard.Each:
	case scorecard.PerDay:
		at := m.state.day[r.Index]
		key()
		f.i64(dayBit).do(i64Xor).io().mem(i64Load, at).do(i64Eq).brIf(0)
		f.io()
		key()
		f.i64(dayBit).do(i64Xor).mem(i64Store, at)
	default:
		keep, _ := r.Keep()
		f.i64(m.state.hashes[r.Index])
		key()
		f.i32(int32(keep)).call(m.h.unique).do(i32Eqz).brIf(0)
	}
}

// write lets one counted event count.
func (m *module) write(f *fn, r *scorecard.Rule, t local) {
	at := m.state.value[r.Index]
	switch r.Kind {
	case scorecard.Sum:
		f.io().io().mem(f64Load, at)
		adds(f, r)
		f.do(f64Add)
		m.capped(f, r)
		f.mem(f64Store, at)
	case scorecard.HalfLife:
		m.writeHalfLife(f, r, t, at)
	case scorecard.Frequency, scorecard.Money:
		m.writeBuyer(f, r, t, at)
	case scorecard.Absent, scorecard.Renewal, scorecard.Recency:
		if r.Life != nil && r.Life.First {
			f.io().mem(i64Load, at+8).do(i64Eqz).when(func() {
				f.io().get(t).mem(i64Store, at).io().i64(1).mem(i64Store, at+8)
			})
			return
		}
		f.io().mem(i64Load, at+8).do(i64Eqz).get(t).io().mem(i64Load, at).do(i64GtS, i32Or).when(func() {
			f.io().get(t).mem(i64Store, at).io().i64(1).mem(i64Store, at+8)
		})
	default:
		m.writeTime(f, r, t)
	}
}

// writeTime keeps the time of an event, and forgets the oldest.
func (m *module) writeTime(f *fn, r *scorecard.Rule, t local) {
	_, keep := r.Keep()
	f.i64(m.state.times[r.Index]).get(t).get(t).i64(r.TimesWithin()).do(i64Sub).i32(int32(keep)).call(m.h.stamp)
}

func (m *module) writeHalfLife(f *fn, r *scorecard.Rule, t local, at int) {
	v, old := f.local(f64), f.local(i64)
	f.io().mem(i64Load, at+8).set(old)
	f.io().mem(f64Load, at).tee(v).f64(0).do(f64Eq).get(t).get(old).do(i64GtS, i32Or).when(func() {
		f.get(v).f64(0).do(f64Ne).when(func() {
			f.get(v).get(old).get(t).do(i64Sub, f64OfI64).f64(float64(r.Span)).do(f64Div).call(m.h.exp2).do(f64Mul).set(v)
		})
		f.io().get(t).mem(i64Store, at+8)
	})
	f.io().get(v)
	adds(f, r)
	f.do(f64Add)
	m.capped(f, r)
	f.mem(f64Store, at)
}

// adds leaves what an event adds to a rule on the stack.
func adds(f *fn, r *scorecard.Rule) {
	if r.Amounts() {
		f.get(0).mem(f64Load, slotAt(r.PerSlot)+8)
		return
	}
	f.f64(r.Points)
}

// capped bounds the f64 on the stack by the rule's cap.
func (m *module) capped(f *fn, r *scorecard.Rule) {
	if !r.HasCap {
		return
	}
	v := f.local(f64)
	f.set(v).f64(r.Cap).get(v).get(v).f64(r.Cap)
	if r.Points >= 0 {
		f.do(f64Gt)
	} else {
		f.do(f64Lt)
	}
	f.do(choose)
}

// tester writes tests of one function's event, which is its first parameter.
type tester struct {
	m    *module
	f    *fn
	s, n local // a text's address and length
	x    local // a number
}

func newTester(m *module, f *fn) *tester {
	return &tester{m, f, f.local(i32), f.local(i32), f.local(f64)}
}

var tags = map[scorecard.Op]wasm.Tag{
	scorecard.OpHas: wasm.Bool, scorecard.OpMatch: wasm.Bool, scorecard.OpList: wasm.Bool, scorecard.OpGlob: wasm.Bool,
	scorecard.OpText: wasm.String, scorecard.OpPrefix: wasm.String,
	scorecard.OpNum: wasm.Float, scorecard.OpRange: wasm.Float,
}

// test leaves 1 on the stack if the test holds. raw leaves exists: false to
// whoever reads the answer.
func (w *tester) test(t *scorecard.Test, raw bool) {
	f := w.f
	f.get(evAt).mem(i32Load8u, slotAt(t.Slot)).i32(int32(tags[t.Op])).do(i32Eq)
	f.either(i32, func() {
		w.load(t)
		w.ask(t, raw)
	}, func() { f.i32(0) })
}

// load takes the value of the test's slot, which has one of its tag.
func (w *tester) load(t *scorecard.Test) {
	f, at := w.f, slotAt(t.Slot)
	switch tags[t.Op] {
	case wasm.Float:
		f.get(evAt).mem(f64Load, at+8).set(w.x)
	case wasm.String:
		f.get(evAt).get(evAt).mem(i32Load, at+8).do(i32Add).set(w.s)
		f.get(evAt).mem(i32Load, at+4).set(w.n)
	}
}

// ask leaves the answer of a test, whose value has been loaded, on the stack.
func (w *tester) ask(t *scorecard.Test, raw bool) {
	switch tags[t.Op] {
	case wasm.Bool:
		w.f.get(evAt).mem(i64Load, slotAt(t.Slot)+8).i64(0).do(i64Ne)
	case wasm.Float:
		w.number(t)
	default:
		w.text(t)
	}
	if t.Not && !(raw && t.Op == scorecard.OpHas) {
		w.f.do(i32Eqz)
	}
}

func (w *tester) number(t *scorecard.Test) {
	f := w.f
	if t.Op == scorecard.OpNum {
		for i, v := range t.Nums {
			f.get(w.x).f64(v).do(f64Eq)
			if i > 0 {
				f.do(i32Or)
			}
		}
		return
	}
	edge := func(v float64, open bool, strict, loose op) {
		f.get(w.x).f64(v)
		if open {
			f.do(strict)
		} else {
			f.do(loose)
		}
	}
	edge(t.Lo, t.LoOpen, f64Gt, f64Ge)
	edge(t.Hi, t.HiOpen, f64Lt, f64Le)
	f.do(i32And)
}

// text compares the length first, then the words: only equal texts are read.
func (w *tester) text(t *scorecard.Test) {
	f := w.f
	if t.Op == scorecard.OpPrefix {
		f.get(w.n).i32(int32(len(t.Texts[0]))).do(i32GeS)
		f.either(i32, func() { w.same(t.Texts[0]) }, func() { f.i32(0) })
		return
	}
	w.oneOf(t.Texts)
}

// oneOf leaves 1 on the stack if the text is one of these.
func (w *tester) oneOf(texts []string) {
	f := w.f
	f.block(i32, func() {
		for _, s := range texts {
			f.get(w.n).i32(int32(len(s))).do(i32Eq).nest(0x04, noValue, func() {
				f.i32(1)
				w.same(s)
				f.brIf(1).do(drop)
			})
		}
		f.i32(0)
	})
}

// same compares the bytes at w.s with s, whose length has been checked.
func (w *tester) same(s string) {
	f, n := w.f, len(s)
	switch {
	case n == 0:
		f.i32(1)
	case n == 1:
		f.get(w.s).mem(i32Load8u, 0).i32(int32(s[0])).do(i32Eq)
	case n < 4:
		w.half(s, 0)
		w.half(s, n-2)
		f.do(i32And)
	case n < 8:
		w.word(s, 0)
		w.word(s, n-4)
		f.do(i32And)
	case n <= 16:
		w.long(s, 0)
		w.long(s, n-8)
		f.do(i32And)
	default:
		f.get(w.s).i32(w.m.text(s)).i32(int32(n)).call(w.m.h.equal)
	}
}

func (w *tester) half(s string, at int) {
	w.f.get(w.s).mem(mem{0x2f, 0}, at).i32(int32(binary.LittleEndian.Uint16([]byte(s[at:])))).do(i32Eq)
}

func (w *tester) word(s string, at int) {
	w.f.get(w.s).mem(i32LoadAny, at).i32(int32(binary.LittleEndian.Uint32([]byte(s[at:])))).do(i32Eq)
}

func (w *tester) long(s string, at int) {
	w.f.get(w.s).mem(i64LoadAny, at).i64(int64(binary.LittleEndian.Uint64([]byte(s[at:])))).do(i64Eq)
}
