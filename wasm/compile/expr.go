package compile

import (
	"encoding/binary"

	"ripen/wasm"
	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/expr"
)

// asker writes expressions into one function. Numbers are f64 on the stack, truths
// i32; a text is an address and a length in two locals.
type asker struct {
	m     *module
	f     *fn
	input func(n *expr.Node, to text) // leaves an input on the stack, or sets to
	at    []int                       // where the inputs are: slots, or what a lead keeps
	defs  []expr.InputDef             // of an expression over a lead
	free  []text                      // locals of texts that nobody uses now
	a, b  local                       // f64 for one operation
	above local                       // f64: how far a moving left side is above its right
	t     *tester                     // compares texts with written ones
}

// text names the locals that hold a text.
type text struct{ s, n local }

// finders are the functions that a module has if an expression needs them.
type finders struct {
	texts         map[string]*fn // :: what is looked for → its search
	onward, runes *fn
}

// asker returns the function's writer of expressions.
func (f *fn) asker() *asker {
	if f.asks == nil {
		f.asks = &asker{m: f.mod, f: f, a: f.local(f64), b: f.local(f64), above: f.local(f64), t: newTester(f.mod, f)}
	}
	return f.asks
}

// inPlace is how many nodes and listed values of an expression are written where
// it is asked; a longer one gets a function of its own, since the engine's compile
// time grows faster than a function does.
const inPlace = 32

func length(n *expr.Node) int {
	sum := 1 + len(n.Nums) + len(n.Texts)
	for _, a := range n.Args {
		sum += length(a)
	}
	return sum
}

// askEvent leaves the answer to an expression over an event on the stack. The
// event's address is the first parameter of f.
func (f *fn) askEvent(x *expr.Expr, at []int) {
	if length(x.Root) > inPlace {
		result := i32
		if x.Root.Type == expr.Num {
			result = f64
		}
		own := f.mod.fn([]byte{i32}, result)
		own.asker().event(x, at)
		f.get(0).call(own)
		return
	}
	f.asker().event(x, at)
}

func (w *asker) event(x *expr.Expr, at []int) {
	w.at = at
	w.input = func(n *expr.Node, to text) { w.slot(x.Inputs[n.In].Read, at[n.In], to) }
	w.node(x.Root)
}

// slot reads an input from an event: what is missing is the zero value.
func (w *asker) slot(read expr.Read, slot int, to text) {
	f, at := w.f, slotAt(slot)
	tag := func(t wasm.Tag) *fn { return f.get(0).mem(i32Load8u, at).i32(int32(t)).do(i32Eq) }
	switch read {
	case expr.ReadNum:
		tag(wasm.Float).either(f64, func() { f.get(0).mem(f64Load, at+8) }, func() { f.f64(0) })
	case expr.ReadText:
		if found, ok := f.texts[slot]; ok {
			f.get(found.s).set(to.s).get(found.n).set(to.n)
			return
		}
		f.loadText(slot, to)
	default:
		tag(wasm.Bool).either(i32, func() { f.get(0).mem(i64Load, at+8).i64(0).do(i64Ne) }, func() { f.i32(0) })
	}
}

// take returns locals for a text; give returns them.
func (w *asker) take() text {
	if n := len(w.free); n > 0 {
		t := w.free[n-1]
		w.free = w.free[:n-1]
		return t
	}
	return text{w.f.local(i32), w.f.local(i32)}
}

func (w *asker) give(t text) { w.free = append(w.free, t) }

// node leaves a number or a truth on the stack.
func (w *asker) node(n *expr.Node) {
	f := w.f
	switch n.Op {
	case expr.Const:
		if n.Type == expr.Num {
			f.f64(n.Num)
		} else {
			f.i32(int32(n.Num))
		}
	case expr.Input:
		w.input(n, text{})
	case expr.If:
		w.node(n.Args[0])
		result := i32
		if n.Type == expr.Num {
			result = f64
		}
		f.either(result, func() { w.node(n.Args[1]) }, func() { w.node(n.Args[2]) })
	case expr.And, expr.Or:
		w.chain(n)
	case expr.Not:
		w.node(n.Args[0])
		f.do(i32Eqz)
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		w.compare(n)
	case expr.Among, expr.Contains, expr.StartsWith, expr.EndsWith, expr.Size:
		w.find(n)
	default:
		w.number(n)
	}
}

// chain asks its arguments until one decides.
func (w *asker) chain(n *expr.Node) {
	f, decided := w.f, int32(0)
	if n.Op == expr.Or {
		decided = 1
	}
	f.block(i32, func() {
		for _, a := range n.Args {
			f.i32(decided)
			w.node(a)
			if n.Op == expr.And {
				f.do(i32Eqz)
			}
			f.brIf(0).do(drop)
		}
		f.i32(1 - decided)
	})
}

var comparisons = map[expr.Op]op{expr.Eq: f64Eq, expr.Ne: f64Ne, expr.Lt: f64Lt, expr.Le: f64Le, expr.Gt: f64Gt, expr.Ge: f64Ge}

func (w *asker) compare(n *expr.Node) {
	f := w.f
	a, b := n.Args[0], n.Args[1]
	switch {
	case n.Moves:
		w.near(n)
	case a.Type == expr.Text && b.Op == expr.Const:
		w.matches(a, func() { w.t.oneOf([]string{b.Text}) })
	case a.Type == expr.Text && a.Op == expr.Const:
		w.matches(b, func() { w.t.oneOf([]string{a.Text}) })
	case a.Type == expr.Text:
		x, y := w.text(a), w.text(b)
		f.get(x.n).get(y.n).do(i32Eq)
		f.either(i32, func() { f.get(x.s).get(y.s).get(x.n).call(w.m.h.equal) }, func() { f.i32(0) })
		w.give(x)
		w.give(y)
	default:
		w.node(a)
		w.node(b)
		switch {
		case a.Type == expr.Num:
			f.do(comparisons[n.Op])
		case n.Op == expr.Eq:
			f.do(i32Eq)
		default:
			f.do(i32Ne)
		}
		return
	}
	if a.Type == expr.Text && n.Op == expr.Ne {
		f.do(i32Eqz)
	}
}

// matches leaves what ask, given a text in the tester, says of it.
func (w *asker) matches(n *expr.Node, ask func()) {
	t := w.text(n)
	w.f.get(t.s).set(w.t.s).get(t.n).set(w.t.n)
	w.give(t)
	ask()
}

// text puts a text into locals.
func (w *asker) text(n *expr.Node) text {
	f, to := w.f, w.take()
	switch n.Op {
	case expr.Const:
		f.i32(w.m.text(n.Text)).set(to.s).i32(int32(len(n.Text))).set(to.n)
	case expr.Input:
		w.input(n, to)
	case expr.If:
		copied := func(n *expr.Node) func() {
			return func() {
				from := w.text(n)
				f.get(from.s).set(to.s).get(from.n).set(to.n)
				w.give(from)
			}
		}
		w.node(n.Args[0])
		f.nest(0x04, noValue, func() {
			copied(n.Args[1])()
			f.b = append(f.b, 0x05)
			copied(n.Args[2])()
		})
	}
	return to
}

func (w *asker) find(n *expr.Node) {
	f, a := w.f, n.Args[0]
	length := int32(len(n.Text))
	switch {
	case n.Op == expr.Among && n.Texts == nil:
		w.node(a)
		f.set(w.t.x)
		w.t.number(&scorecard.Test{Op: scorecard.OpNum, Nums: n.Nums})
	case n.Op == expr.Among:
		w.matches(a, func() { w.t.oneOf(n.Texts) })
	case n.Op == expr.Size:
		w.matches(a, func() { f.get(w.t.s).get(w.t.n).call(w.m.runes()).do(f64OfI32) })
	case n.Op == expr.Contains:
		w.matches(a, func() { w.contains(n.Text) })
	default:
		w.matches(a, func() {
			if n.Op == expr.StartsWith {
				w.t.prefix(n.Text)
				return
			}
			f.get(w.t.n).i32(length).do(i32GeS)
			f.either(i32, func() {
				f.get(w.t.s).get(w.t.n).do(i32Add).i32(length).do(i32Sub).set(w.t.s)
				w.t.same(n.Text)
			}, func() { f.i32(0) })
		})
	}
}

// contains looks for a written text of at most 64 bytes.
func (w *asker) contains(s string) {
	if s == "" {
		w.f.i32(1)
		return
	}
	w.f.get(w.t.s).get(w.t.n).call(w.m.search(s))
}

// search is (s, n i32) i32: the text holds what is written. Places are looked over
// sixteen at a time for its first and its last byte, and where both stand the rest is
// compared; what is read beyond the text is memory all the same, and never decides.
// After a few such places that were none, the rest of the text is taken byte by byte,
// whatever a visitor sends: see onward.
func (m *module) search(written string) *fn {
	if f := m.finds.texts[written]; f != nil {
		return f
	}
	f := m.fn([]byte{i32, i32}, i32)
	if m.finds.texts == nil {
		m.finds.texts = map[string]*fn{}
	}
	m.finds.texts[written] = f
	s, n, last := local(0), local(1), len(written)-1
	found, misses, w := f.local(i32), f.local(i32), &tester{m: m, f: f, s: s, n: n}
	f.get(n).i32(int32(last)).do(i32LeS).when(func() { f.i32(0).do(ret) })
	f.get(s).get(n).do(i32Add).i32(int32(last)).do(i32Sub).set(n) // where no place begins any more
	f.loop(func() {
		f.get(s).load16(last).bytes16(written[last]).wide(bytesEq).get(s).load16(0).bytes16(written[0]).wide(bytesEq, vectorAnd, bytesMask)
		f.tee(found).do(i32Eqz).when(func() {
			f.get(s).i32(16).do(i32Add).tee(s).get(n).do(i32LtU).brIf(1)
			f.i32(0).do(ret)
		})
		f.get(s).get(found).do(i32Ctz, i32Add).tee(s).get(n).do(i32GeU).when(func() { f.i32(0).do(ret) })
		w.same(written)
		f.when(func() { f.i32(1).do(ret) })
		f.get(s).i32(1).do(i32Add).tee(s).get(n).do(i32GeU).when(func() { f.i32(0).do(ret) })
		f.get(misses).i32(1).do(i32Add).tee(misses).i32(searchMisses).do(i32LtS).brIf(0)
	})
	return f.get(s).get(n).i32(int32(last)).do(i32Add).i32(m.text(bitsOf(written))).i64(1 << last).call(m.onward())
}

const searchMisses = 4

// bitsOf gives each byte its class and each class its bits: bit i says that the byte
// stands at i in s.
func bitsOf(s string) string {
	table := make([]byte, 256)
	masks := []uint64{0}
	for i, c := range []byte(s) {
		if table[c] == 0 {
			table[c] = byte(len(masks))
			masks = append(masks, 0)
		}
		masks[table[c]] |= 1 << i
	}
	for _, m := range masks {
		table = binary.LittleEndian.AppendUint64(table, m)
	}
	return string(table)
}

// onward is (s, end, table i32, whole i64) i32: a search from s to the end of the text, one
// step a byte (Bitap). Bit i of a word says that the first i+1 bytes of what is
// looked for stand before the place reached; whole is the last of them.
func (m *module) onward() *fn {
	if m.finds.onward != nil {
		return m.finds.onward
	}
	f := m.fn([]byte{i32, i32, i32, i64}, i32)
	m.finds.onward = f
	s, n, table, whole, bits := local(0), local(1), local(2), local(3), f.local(i64)
	f.loop(func() {
		f.get(table).get(table).get(s).mem(i32Load8u, 0).do(i32Add).mem(i32Load8u, 0).i32(3).do(i32Shl, i32Add).mem(i64LoadAny, 256)
		f.get(bits).i64(1).do(i64Shl).i64(1).do(i64Or, i64And).tee(bits).get(whole).do(i64And, i64Eqz, i32Eqz)
		f.when(func() { f.i32(1).do(ret) })
		f.get(s).i32(1).do(i32Add).tee(s).get(n).do(i32Ne).brIf(0)
	})
	return f.i32(0)
}

// runes is (s, n i32) i32: how many characters the text has.
func (m *module) runes() *fn {
	if m.finds.runes != nil {
		return m.finds.runes
	}
	f := m.fn([]byte{i32, i32}, i32)
	m.finds.runes = f
	s, n, count := local(0), local(1), f.local(i32)
	f.get(s).get(n).do(i32Add).set(n)
	f.block(noValue, func() {
		f.loop(func() {
			f.get(s).get(n).do(i32Eq).brIf(1)
			f.get(count).get(s).mem(i32Load8u, 0).i32(0xc0).do(i32And).i32(0x80).do(i32Ne, i32Add).set(count)
			f.get(s).i32(1).do(i32Add).set(s).br(0)
		})
	})
	return f.get(count)
}

var arithmetic = map[expr.Op]op{
	expr.Add: f64Add, expr.Sub: f64Sub, expr.Mul: f64Mul, expr.Div: f64Div, expr.Min: f64Min, expr.Max: f64Max,
	expr.Neg: f64Neg, expr.Abs: f64Abs, expr.Floor: f64Floor,
}

// number writes arithmetic. What would not be a number is 0.
func (w *asker) number(n *expr.Node) {
	f := w.f
	for _, a := range n.Args {
		w.node(a)
	}
	if n.Op == expr.Div {
		f.tee(w.b)
	}
	f.do(arithmetic[n.Op])
	switch n.Op {
	case expr.Add, expr.Sub, expr.Mul:
		f.tee(w.a).f64(0).get(w.a).get(w.a).do(f64Eq, choose)
	case expr.Div:
		f.tee(w.a).f64(0).get(w.a).get(w.a).do(f64Eq).get(w.b).f64(0).do(f64Ne, i32And, choose)
	}
}
