package compile

import (
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// ledger writes what rules are worth, and their reasons, into one function.
type ledger struct {
	*fn
	m         *module
	p, detail local // a rule's points, and its detail if it has one
}

func (m *module) ledger(f *fn) *ledger {
	return &ledger{fn: f, m: m, p: f.local(f64), detail: f.local(i32)}
}

// rules adds what rules are worth to sum.
func (w *ledger) rules(rules []*scorecard.Rule, sum local) {
	for _, r := range rules {
		has := false
		if r.Kind == scorecard.Attribute {
			w.m.attributePoints(w.fn, r)
		} else {
			has = w.m.points(w.fn, r, w.detail)
		}
		w.set(w.p).get(sum).get(w.p).do(f64Add).set(sum)
		w.m.tell(w.fn, r.Index, has, w.detail, w.p)
	}
}

// told is how many rules have a place among the reasons that is their own; 0 if not all
// rules and gates can give a reason at once.
func (m *module) told() (n int) {
	if len(m.card.Rules)+len(m.card.Gates) > wasm.ReasonsMax {
		return 0
	}
	for _, d := range m.card.Dims {
		for _, g := range d.Groups {
			n += len(g.Rules)
		}
	}
	return n
}

// toldAlways is how many of them are there even if no reasons are wanted.
func (m *module) toldAlways() int {
	if m.card.Model != nil {
		return 0 // its parts are worked out for the reasons alone
	}
	return m.told()
}

// tell gives a rule's reason. Whether it has points cannot be foretold, so its place
// takes what it is worth whatever that is, and the host passes over those of none.
func (m *module) tell(f *fn, id int, has bool, detail, p local) {
	if m.told() > 0 {
		f.io().get(p).mem(f64Store, wasm.IOReasons+wasm.ReasonSize*id+8)
		if has {
			f.io().get(detail).mem(i32Store, wasm.IOReasons+wasm.ReasonSize*id+4)
		}
		return
	}
	f.getG(gExplain).get(p).f64(0).do(f64Ne, i32And).when(func() {
		f.i32(int32(id))
		if has {
			f.get(detail)
		} else {
			f.i32(0)
		}
		f.get(p).call(m.h.reason)
	})
}

// attributePoints leaves what a rule of attributes is worth on the stack. The engine
// makes a branch of a select between numbers, which whoever the lead is decides, so the
// points' bits are masked instead.
func (m *module) attributePoints(f *fn, r *scorecard.Rule) {
	f.i64(int64(math.Float64bits(r.Points))).i64(0)
	m.known(f, r.Tests, r.When)
	f.i32(1).do(i32And, i64OfI32, i64Sub, i64And, f64Bits)
}

// points leaves what a rule is worth at gNow on the stack, and says whether its
// detail is set where it is worth something.
func (m *module) points(f *fn, r *scorecard.Rule, detail local) bool {
	at, owner := m.state.value[r.Index], m.state.times[r.Index]
	switch r.Kind {
	case scorecard.Sum:
		f.io().mem(f64Load, at)
	case scorecard.HalfLife:
		f.io().mem(f64Load, at).f64(0).do(f64Eq).either(f64, func() { f.f64(0) }, func() {
			f.i32(int32(at)).f64(float64(r.Span)).f64(math.Ln2 / float64(r.Span)).call(m.h.decayed)
		})
	case scorecard.Linear:
		f.i64(owner).i64(r.Span).f64(r.Drop).f64(r.Points).call(m.h.linear)
		m.capped(f, r)
	case scorecard.Window, scorecard.Count, scorecard.Unanswered:
		m.timedPoints(f, r, owner, detail)
		return true
	case scorecard.Recency:
		m.recencyPoints(f, r, at, detail)
		return true
	case scorecard.Frequency, scorecard.Money:
		m.buyerPoints(f, r, at, detail)
		return true
	case scorecard.Returning:
		m.returnPoints(f, r, at, detail)
		return true
	case scorecard.Input:
		m.inputPoints(f, r.Feed)
	case scorecard.Renewal:
		m.renewalPoints(f, r, at, detail)
		return true
	case scorecard.Absent:
		m.absentPoints(f, r, at, detail)
		return true
	}
	return false
}

func (m *module) timedPoints(f *fn, r *scorecard.Rule, owner int64, n local) {
	since, least := f.local(i64), 1
	if r.Kind != scorecard.Window {
		least = r.Gte
	}
	f.getG(gNow).i64(r.Span).do(i64Sub).set(since)
	if at := m.state.reply; r.Kind == scorecard.Unanswered {
		f.io().mem(i32Load, atBits).i32(bitReplied).do(i32And).i32(0).do(i32Ne)
		f.io().mem(i64Load, at).get(since).do(i64GtS, i32And).when(func() {
			f.io().mem(i64Load, at).set(since)
		})
	}
	f.i64(owner).get(since).call(m.h.timed).tee(n).i32(int32(least)).do(i32LtS)
	f.either(f64, func() { f.f64(0) }, func() {
		f.getG(gFirst).i64(r.Span).do(i64Add).call(m.h.at)
		f.f64(r.Points)
		if r.Kind == scorecard.Window {
			f.get(n).do(f64OfI32, f64Mul)
			m.capped(f, r)
		}
	})
}

func (m *module) absentPoints(f *fn, r *scorecard.Rule, at int, detail local) {
	since := f.local(i64)
	f.io().mem(i32Load, atBits).i32(bitSeen).do(i32And)
	f.either(f64, func() {
		if r.Event == "" {
			f.io().mem(i64Load, atLast).io().mem(i64Load, atFirst)
			f.io().mem(i32Load, atBits).i32(bitActive).do(i32And, choose).set(since)
		} else {
			f.io().mem(i64Load, at).io().mem(i64Load, atFirst)
			f.io().mem(i32Load, at+8).do(choose).set(since)
		}
		f.getG(gNow).get(since).do(i64Sub).i64(r.Span).do(i64GeS)
		f.either(f64, func() { f.get(since).call(m.h.minutes).set(detail).f64(r.Points) }, func() {
			f.get(since).i64(r.Span).do(i64Add).call(m.h.at).f64(0)
		})
	}, func() { f.f64(0) })
}

// all leaves 1 on the stack if every test of attributes holds.
func (m *module) all(f *fn, tests []*scorecard.Test) {
	for i, t := range tests {
		f.io().mem(i32Load8u, atTraits+t.State)
		if t.Op == scorecard.OpHas && t.Not {
			f.do(i32Eqz)
		}
		if i > 0 {
			f.do(i32And)
		}
	}
}
