package scorecard

import (
	"bytes"
	"math"
	"slices"

	"ripen/wasm"
)

// Eval walks one lead's events through a card in plain Go. It is what the words
// of the language mean; compiled modules agree with it bit for bit. Every
// product is written float64(a*b), so that no compiler fuses it with a sum.
type Eval struct {
	// Inputs are what models and modules say of the lead at the moment that is
	// scored, by dimension; NaN, or none at all, is no answer.
	Inputs []float64

	card    *Card
	seen    bool // an event has been folded
	first   int64
	active  bool // an activity has been folded
	last    int64
	replied bool // an answer has been folded
	reply   int64
	traits  []bool    // :: Test.State → the attribute fulfils it; OpHas: is there
	cells   []float64 // :: index in Card.Cells → its value
	rules   []ruleState
	now     int64   // that is scored
	codes   []uint8 // of a model: by feature
	parts   []int32 // of a model: what each feature is worth at the moment that is scored
}

// ruleState is what a lead keeps for one rule.
type ruleState struct {
	v      float64 // accumulated points, as of t
	t      int64
	hasDay bool
	day    int64
	hashes []uint64 // oldest first
	times  []int64  // oldest first
	has    bool     // a rule of Absent or Renewal: t is set
	first  int64    // of Returning: the first purchase
	sum    float64  // of Returning: hundredths that repeats brought in
}

// hashMask is how much of a hash a module keeps: its top byte names the rule.
const hashMask = 1<<56 - 1

// NewEval returns the walk of a new lead.
func (c *Card) NewEval() *Eval {
	e := &Eval{card: c, traits: make([]bool, len(c.Traits)), rules: make([]ruleState, len(c.Rules))}
	for _, cell := range c.Cells {
		e.cells = append(e.cells, cell.Zero)
	}
	if c.Model != nil {
		e.codes, e.parts = make([]uint8, len(c.Model.Features)), make([]int32, len(c.Model.Features))
	}
	return e
}

// Fold takes events in the order of their time.
func (e *Eval) Fold(evs ...wasm.Event) {
	for i := range evs {
		e.fold(&evs[i])
	}
}

func (e *Eval) fold(ev *wasm.Event) {
	flags := ev.Slots[0].Num
	if !e.seen {
		e.seen, e.first = true, ev.TimeMs
	}
	if flags&FlagActivity != 0 && (!e.active || ev.TimeMs > e.last) {
		e.active, e.last = true, ev.TimeMs
	}
	if flags&FlagAnswer != 0 && (!e.replied || ev.TimeMs > e.reply) {
		e.replied, e.reply = true, ev.TimeMs
	}
	if flags&FlagCarries != 0 {
		for i, t := range e.card.Traits {
			switch s := &ev.Slots[t.Slot]; s.Tag {
			case wasm.Missing:
			case wasm.Null:
				e.traits[i] = false
			default:
				e.traits[i] = t.holds(s, t.Op == OpHas)
			}
		}
		e.foldCells(ev)
		e.foldCodes(ev)
	}
	for _, r := range e.card.Types[ev.Index].Rules {
		e.foldRule(r, ev, flags)
	}
}

// holds answers the test of a value that is there. raw leaves exists: false to
// whoever reads the answer.
func (t *Test) holds(s *wasm.Slot, raw bool) bool {
	ok := false
	switch {
	case s.Tag == wasm.Missing || s.Tag == wasm.Null:
		return false
	case t.Op == OpHas || t.Op == OpMatch || t.Op == OpGlob || t.Op == OpList:
		ok = s.Num != 0
	case t.Op == OpText:
		ok = slices.ContainsFunc(t.Texts, func(w string) bool { return w == string(s.Str) })
	case t.Op == OpPrefix:
		ok = bytes.HasPrefix(s.Str, []byte(t.Texts[0]))
	case t.Op == OpNum:
		ok = slices.Contains(t.Nums, floatOf(s))
	case t.Op == OpRange:
		v := floatOf(s)
		ok = (v > t.Lo || v == t.Lo && !t.LoOpen) && (v < t.Hi || v == t.Hi && !t.HiOpen)
	}
	return ok != (t.Not && !raw)
}

func floatOf(s *wasm.Slot) float64 { return math.Float64frombits(s.Num) }

func (e *Eval) foldRule(r *Rule, ev *wasm.Event, flags uint64) {
	if !r.takes(ev, flags) {
		return
	}
	st := &e.rules[r.Index]
	fresh := r.first(st, ev)
	switch {
	case r.Kind == Returning:
		r.writeReturn(st, ev, fresh)
		return
	case !fresh:
		return
	}
	r.write(st, ev)
}

// takes says whether an event is what the rule counts, whatever it counted before.
func (r *Rule) takes(ev *wasm.Event, flags uint64) bool {
	if flags>>MachineBits&uint64(r.Ignore) != 0 || flags&FlagExtra != 0 && !r.readsProduct(ev) {
		return false
	}
	for _, t := range r.Tests {
		if !t.holds(&ev.Slots[t.Slot], false) {
			return false
		}
	}
	return r.When.holds(ev)
}

// Taking returns the rules that an event speaks to: those that count it, and those
// that ask for the attributes that it sets, in the order of the file. How much
// each of them is worth then hangs on all that was before.
func (c *Card) Taking(src Source) (rules []*Rule) {
	for _, ev := range c.Bind(nil, src) {
		for _, r := range c.Rules {
			takes := slices.Contains(c.Types[ev.Index].Rules, r) && r.takes(&ev, ev.Slots[0].Num)
			if r.Kind == Attribute {
				takes = len(r.Tests) > 0 && !slices.ContainsFunc(r.Tests, func(t *Test) bool { return !t.holds(&ev.Slots[t.Slot], false) })
			}
			if takes && !slices.Contains(rules, r) {
				rules = append(rules, r)
			}
		}
	}
	return rules
}

func (r *Rule) readsProduct(ev *wasm.Event) bool {
	for _, t := range r.Tests {
		if ev.Slots[t.Slot].Product {
			return true
		}
	}
	if r.When != nil && slices.ContainsFunc(r.When.At, func(s int) bool { return ev.Slots[s].Product }) {
		return true
	}
	if r.spends() && ev.Slots[r.Returns.Spend.Slot].Product {
		return true
	}
	return (r.Per == PerValue || r.Kind == Money) && ev.Slots[r.PerSlot].Product
}

// first says whether the rule's per has not yet counted this event.
func (r *Rule) first(st *ruleState, ev *wasm.Event) bool {
	switch r.Per {
	case Each:
		return true
	case PerDay:
		day := int64(ev.Slots[r.PerSlot].Num)
		if st.hasDay && st.day == day {
			return false
		}
		st.hasDay, st.day = true, day
		return true
	}
	h := ev.Slots[r.PerSlot].Num & hashMask
	if slices.Contains(st.hashes, h) {
		return false
	}
	if keep, _ := r.Keep(); len(st.hashes) == keep {
		st.hashes = slices.Delete(st.hashes, 0, 1)
	}
	st.hashes = append(st.hashes, h)
	return true
}

// write lets one counted event count.
func (r *Rule) write(st *ruleState, ev *wasm.Event) {
	t := ev.TimeMs
	switch r.Kind {
	case Sum:
		st.v = r.capped(st.v + r.adds(ev))
	case HalfLife:
		v := r.decayed(st, t)
		if st.v == 0 || t > st.t {
			st.t = t
		}
		st.v = r.capped(v + r.adds(ev))
	case Window, Linear, Count, Unanswered:
		r.stamp(st, t)
	case Frequency, Money:
		r.writeBuyer(st, ev)
	case Absent, Renewal, Recency:
		if !st.has || t > st.t && (r.Life == nil || !r.Life.First) {
			st.has, st.t = true, t
		}
	}
}

// stamp keeps a time, and forgets the oldest if there are too many or if it is
// past use.
func (r *Rule) stamp(st *ruleState, t int64) {
	_, keep := r.Keep()
	if n := len(st.times); n == keep || n > 0 && st.times[0] <= t-r.TimesWithin() {
		st.times = slices.Delete(st.times, 0, 1)
	}
	st.times = append(st.times, t)
}

func (r *Rule) capped(v float64) float64 {
	switch {
	case !r.HasCap:
	case r.Points >= 0 && v > r.Cap, r.Points < 0 && v < r.Cap:
		return r.Cap
	}
	return v
}

// decayed is the accumulator of a half-life rule at time t.
func (r *Rule) decayed(st *ruleState, t int64) float64 {
	if st.v == 0 || t <= st.t || r.Kind != HalfLife {
		return st.v
	}
	return float64(st.v * wasm.Exp2(float64(st.t-t)/float64(r.Span)))
}
