package scorecard

import (
	"cmp"
	"math"
	"strings"

	"ripen/wasm"
)

// MoneyMax bounds what one event adds to a sum, in hundredths: a sum of as many as
// a lead has stays a whole number without rounding, and fits 56 bits.
const MoneyMax = 1e15

// cents is an amount in whole hundredths, rounded half up.
func cents(f float64) float64 {
	return max(-MoneyMax, min(MoneyMax, math.Floor(float64(f*100)+0.5)))
}

// writeBuyer lets a purchase count for how often and how much.
func (r *Rule) writeBuyer(st *ruleState, ev *wasm.Event) {
	amount := 1.0
	if r.Kind == Money {
		amount = 0
		if s := &ev.Slots[r.PerSlot]; s.Tag == wasm.Float {
			amount = cents(math.Float64frombits(s.Num))
		}
	}
	if r.Span == 0 {
		st.v = max(-MoneyMax, min(MoneyMax, st.v+amount))
		return
	}
	before := len(st.times)
	r.stamp(st, ev.TimeMs)
	if r.Kind != Money {
		return
	}
	if len(st.times) == before {
		st.hashes = st.hashes[1:]
	}
	st.hashes = append(st.hashes, uint64(int64(amount))&hashMask)
}

// buyer is what a purchase's age, the number of purchases or their sum is worth.
func (r *Rule) buyer(st *ruleState, k *clock) (float64, uint32) {
	switch {
	case r.Kind == Recency && !st.has:
		return 0, 0
	case r.Kind == Recency:
		age := max(k.now-st.t, 0)
		for _, s := range r.Steps {
			if float64(age) < s.At {
				k.at(st.t + int64(s.At))
				return s.Points, Minutes(k.now, st.t)
			}
		}
		return 0, 0
	}
	v := st.v
	if r.Span > 0 {
		v = r.within(st, k)
	}
	points := 0.0
	for _, s := range r.Steps {
		if v >= s.At {
			points = s.Points
		}
	}
	if r.Kind == Money {
		v = math.Floor(v / 100)
	}
	return points, uint32(max(0, min(math.MaxUint32, v)))
}

// within is the number or sum of the events of the last Span.
func (r *Rule) within(st *ruleState, k *clock) float64 {
	v, any := 0.0, false
	for i, t := range st.times {
		if t <= k.now-r.Span {
			continue
		}
		if !any {
			any = true
			k.at(t + r.Span)
		}
		if r.Kind == Money {
			v += float64(int64(st.hashes[i]<<8) >> 8)
		} else {
			v++
		}
	}
	return v
}

// points makes points of what a model or module said.
func (f *Feed) points(inputs []float64) float64 {
	if f.Dim >= len(inputs) {
		return 0
	}
	x := inputs[f.Dim]
	switch {
	case !(math.Abs(x) < math.Inf(1)):
		return 0
	case f.Model != "":
		return float64(f.Most * max(0, min(1, x)))
	}
	return max(-pointsMax, min(pointsMax, x))
}

// Feeds returns the dimensions whose values the host must give.
func (c *Card) Feeds() []*Feed {
	var out []*Feed
	for _, r := range c.Rules {
		if r.Feed != nil {
			out = append(out, r.Feed)
		}
	}
	return out
}

// Source is the name of the model or module; one may be named by its file.
func (f *Feed) Source() string { return cmp.Or(f.Model, strings.TrimSuffix(f.Module, ".wasm")) }

// Why returns the card's own words for what a model or module says; empty if it
// has none.
func (c *Card) Why(f *Feed) string { return c.Dims[f.Dim].Groups[0].Rules[0].Why }

// CheckFeeds asks what is wrong with each model and module that the card names;
// an empty what means nothing is. file names the card.
func (c *Card) CheckFeeds(file string, wrong func(*Feed) (what, fix string)) error {
	var all Errors
	for _, r := range c.Rules {
		if r.Feed == nil || r.Feed.Rollup != nil {
			continue
		}
		if what, fix := wrong(r.Feed); what != "" {
			all = append(all, &Error{File: file, Line: r.line, Col: r.col, Rule: r.ID, What: what, Fix: fix})
		}
	}
	if all == nil {
		return nil
	}
	return all
}

// InputMax bounds what a module's value can be.
const InputMax = pointsMax
