package compile

import (
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
		f.get(evAt).mem(i32Load8u, slotAt(t.Slot)).when(func() {
			w.load(t)
			for _, j := range same {
				f.io()
				w.ask(tests[j], true)
				f.mem(i32Store8, atTraits+from+j)
			}
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

// rulesOf folds rules of one event type. A text that one of them reads is found once
// for those that follow.
func (m *module) rulesOf(f *fn, rules []*scorecard.Rule) {
	w, whole := newTester(m, f), f.local(i32)
	f.get(evFlags).do(i32Wrap).i32(scorecard.FlagExtra).do(i32And, i32Eqz).set(whole)
	f.texts = map[int]text{}
	for _, r := range rules {
		f.findTexts(r)
		if m.plain(r) {
			m.foldSum(f, w, r, whole)
		} else {
			f.block(noValue, func() { m.foldRule(f, w, r, whole) })
		}
	}
	f.texts = nil
}

// plain says whether a rule is a sum that hangs on little: whatever the event, it is
// asked and added to alike, without a branch that would be guessed wrong.
func (m *module) plain(r *scorecard.Rule) bool {
	return r.Kind == scorecard.Sum && r.Per == scorecard.Each && !r.Amounts() && (r.When == nil || len(r.Tests) == 0)
}

// foldSum adds to a plain rule, and keeps what it was if the event does not count.
func (m *module) foldSum(f *fn, w *tester, r *scorecard.Rule, whole local) {
	at, v := m.state.value[r.Index], f.local(f64)
	f.io()
	f.io().mem(f64Load, at).f64(r.Points).do(f64Add)
	if r.HasCap {
		f.set(v).bounded(v, r.Cap, beyond(r))
	}
	f.do(bitsF64)
	f.io().mem(i64Load, at)
	m.fulfils(f, w, r)
	if r.Ignore != 0 {
		m.ignored(f, r)
		f.do(i32Eqz, i32And)
	}
	m.fromProduct(f, r)
	f.get(whole).do(i32Or, i32And, choose).mem(i64Store, at)
}

// fulfils leaves 1 on the stack if the event is what the rule asks for.
func (m *module) fulfils(f *fn, w *tester, r *scorecard.Rule) {
	for i, t := range r.Tests {
		w.test(t)
		if i > 0 {
			f.do(i32And)
		}
	}
	switch {
	case r.When != nil && len(r.Tests) > 0:
		f.either(i32, func() { f.askEvent(r.When.Rest, r.When.At) }, func() { f.i32(0) })
	case r.When != nil:
		f.askEvent(r.When.Rest, r.When.At)
	case len(r.Tests) == 0:
		f.i32(1)
	}
}

// ignored leaves something but 0 on the stack if the rule ignores who sent the event.
func (m *module) ignored(f *fn, r *scorecard.Rule) {
	f.get(evFlags).do(i32Wrap).i32(int32(r.Ignore) << scorecard.MachineBits).do(i32And)
}

// fromProduct leaves 1 on the stack if something that the rule reads is a product's.
func (m *module) fromProduct(f *fn, r *scorecard.Rule) {
	f.i32(0)
	read := func(slot int) { f.get(evAt).mem(i32Load8u, slotAt(slot)+1).do(i32Or) }
	for _, test := range r.Tests {
		read(test.Slot)
	}
	if r.When != nil {
		for _, slot := range r.When.At {
			read(slot)
		}
	}
	if r.Kind == scorecard.Returning && r.Returns.Spend != nil {
		read(r.Returns.Spend.Slot)
	}
	if r.Per == scorecard.PerValue || r.Kind == scorecard.Money {
		read(r.PerSlot)
	}
}

// foldRule leaves the block around it as soon as the event does not count. whole is 0 for
// the second and later products of one event.
func (m *module) foldRule(f *fn, w *tester, r *scorecard.Rule, whole local) {
	if r.Ignore != 0 {
		m.ignored(f, r)
		f.brIf(0)
	}
	if len(r.Tests) > 0 || r.When != nil {
		m.fulfils(f, w, r)
		f.do(i32Eqz).brIf(0)
	}
	f.get(whole).do(i32Eqz).when(func() {
		m.fromProduct(f, r)
		f.do(i32Eqz).brIf(1)
	})
	if r.Kind == scorecard.Returning {
		m.writeReturn(f, r, evTime)
		return
	}
	m.once(f, r)
	m.write(f, r, evTime)
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
	f.set(v).bounded(v, r.Cap, beyond(r))
}

// beyond is the comparison with a rule's cap that holds of points which it bounds.
func beyond(r *scorecard.Rule) op {
	if r.Points >= 0 {
		return f64Gt
	}
	return f64Lt
}
