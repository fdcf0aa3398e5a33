package compile

import (
	"encoding/binary"
	"slices"

	"ripen/wasm"
	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/expr"
)

// tester writes tests of one function's event, which is its first parameter. They are
// written without branches where that is not much longer: what a visitor does is
// guessed wrong as often as not, and behind each branch an engine looks again where
// memory is.
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

// Of a text so many bytes are there, whatever its length: of an empty one, and of the
// last in memory, too. So words of it may be compared beside its length, not after it.
const textAhead = 32

// atOnce is how many words of texts are compared with one without a branch.
const atOnce = 12

// loadText finds the text in a slot of the event: an empty one if it holds none.
func (f *fn) loadText(slot int, to text) {
	at, is := slotAt(slot), f.local(i32)
	f.i32(0).get(evAt).mem(i32Load8u, at).i32(int32(wasm.String)).do(i32Eq, i32Sub).set(is)
	f.get(evAt).get(evAt).mem(i32Load, at+8).get(is).do(i32And, i32Add).tee(to.s).mem(i32Load8u, textAhead-1).do(drop)
	f.get(evAt).mem(i32Load, at+4).get(is).do(i32And).set(to.n)
}

// findTexts finds the texts that a rule reads, for whatever follows in this function.
func (f *fn) findTexts(r *scorecard.Rule) {
	find := func(slot int) {
		if _, ok := f.texts[slot]; !ok {
			f.texts[slot] = text{f.local(i32), f.local(i32)}
			f.loadText(slot, f.texts[slot])
		}
	}
	for _, t := range r.Tests {
		if tags[t.Op] == wasm.String {
			find(t.Slot)
		}
	}
	if r.When == nil || length(r.When.Rest.Root) > inPlace {
		return
	}
	for i, in := range r.When.Rest.Inputs {
		if in.Read == expr.ReadText {
			find(r.When.At[i])
		}
	}
}

// load takes the value of the test's slot.
func (w *tester) load(t *scorecard.Test) {
	f := w.f
	switch tags[t.Op] {
	case wasm.Float:
		f.get(evAt).mem(f64Load, slotAt(t.Slot)+8).set(w.x)
	case wasm.String:
		if found, ok := f.texts[t.Slot]; ok {
			f.get(found.s).set(w.s).get(found.n).set(w.n)
			return
		}
		f.loadText(t.Slot, text{w.s, w.n})
	}
}

// test leaves 1 on the stack if the test holds.
func (w *tester) test(t *scorecard.Test) {
	w.load(t)
	w.ask(t, false)
}

// ask leaves the answer of a test, whose value has been loaded, on the stack. raw
// leaves exists: false to whoever reads the answer.
func (w *tester) ask(t *scorecard.Test, raw bool) {
	f, tag := w.f, tags[t.Op]
	switch tag {
	case wasm.Bool:
		f.get(evAt).mem(i64Load, slotAt(t.Slot)+8).i64(0).do(i64Ne)
	case wasm.Float:
		w.number(t)
	default:
		w.text(t)
	}
	if t.Not && !(raw && t.Op == scorecard.OpHas) {
		f.do(i32Eqz)
	}
	if tag != wasm.String || t.Not || slices.Contains(t.Texts, "") { // an empty text is none of the others
		f.get(evAt).mem(i32Load8u, slotAt(t.Slot)).i32(int32(tag)).do(i32Eq, i32And)
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

func (w *tester) text(t *scorecard.Test) {
	if t.Op == scorecard.OpPrefix {
		w.prefix(t.Texts[0])
		return
	}
	w.oneOf(t.Texts)
}

// prefix leaves 1 on the stack if the text begins with s.
func (w *tester) prefix(s string) {
	f := w.f
	f.get(w.n).i32(int32(len(s))).do(i32GeS)
	if len(s) > textAhead {
		f.either(i32, func() { w.same(s) }, func() { f.i32(0) })
		return
	}
	w.same(s)
	f.do(i32And)
}

// oneOf leaves 1 on the stack if the text is one of these: those of one length are
// compared together.
func (w *tester) oneOf(texts []string) {
	f, words := w.f, 0
	var lengths [][]string
	for _, s := range texts {
		words += (len(s) + 7) / 8
		i := 0
		for i < len(lengths) && len(lengths[i][0]) != len(s) {
			i++
		}
		if i == len(lengths) {
			lengths = append(lengths, nil)
		}
		lengths[i] = append(lengths[i], s)
	}
	long := func(same []string) bool { return words > atOnce || len(same[0]) > textAhead }
	f.i32(0)
	for _, same := range lengths {
		f.get(w.n).i32(int32(len(same[0]))).do(i32Eq)
		if long(same) {
			f.either(i32, func() { w.any(same) }, func() { f.i32(0) })
		} else {
			w.any(same)
			f.do(i32And)
		}
		f.do(i32Or)
	}
}

// any leaves 1 on the stack if the text is one of these, which are as long as it is.
func (w *tester) any(texts []string) {
	for i, s := range texts {
		w.same(s)
		if i > 0 {
			w.f.do(i32Or)
		}
	}
}

// same compares the bytes at w.s with s.
func (w *tester) same(s string) {
	f, n := w.f, len(s)
	switch {
	case n == 0:
		f.i32(1)
	case n == 1:
		f.get(w.s).mem(i32Load8u, 0).i32(int32(s[0])).do(i32Eq)
	case n == 2:
		w.half(s, 0)
	case n == 3:
		w.half(s, 0)
		w.half(s, 1)
		f.do(i32And)
	case n == 4:
		w.word(s, 0)
	case n < 8:
		w.word(s, 0)
		w.word(s, n-4)
		f.do(i32And)
	case n <= textAhead:
		w.long(s, n-8)
		for at := 0; at < n-8; at += 8 {
			w.long(s, at)
			f.do(i32And)
		}
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
