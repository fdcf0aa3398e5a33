package scorecard

import (
	"fmt"
	"math"
	"slices"

	"ripen/wasm/scorecard/expr"
)

// What expressions ask of the past is kept as rules keep it, by rules that no group
// counts: the times of count(demo, 7d), the last time of days_since(demo), the points
// of affinity(pricing).

// IsPast says whether an input asks what the lead did.
func IsPast(in expr.InputDef) bool { return in.Read >= expr.ReadCount }

// watch returns the index of the rule that keeps what an input asks, adding it if
// it is new.
func (c *Card) watch(in expr.InputDef) int {
	r := &Rule{ID: fmt.Sprintf("days_since(%s)", in.Name), Kind: Absent, Event: in.Name}
	switch in.Read {
	case expr.ReadCount:
		r.ID, r.Kind, r.Span, r.Gte = fmt.Sprintf("count(%s, %s)", in.Name, in.Arg), Count, in.Span, expr.CountMax
	case expr.ReadDid:
		r = keeperOf(in.Name, in.Arg, in.Span)
		r.ID = fmt.Sprintf("%s(%q, %d)", in.Name, in.Arg, in.Span)
	}
	r.Index = len(c.Rules)
	if i := slices.IndexFunc(c.Rules, func(o *Rule) bool { return o.ID == r.ID }); i >= 0 {
		return i
	}
	c.Rules = append(c.Rules, r)
	return len(c.Rules) - 1
}

// past answers what an expression asks of the past, and notes when a count will fall.
func (e *Eval) past(read expr.Read, r *Rule, k *clock) float64 {
	st := &e.rules[r.Index]
	switch read {
	case expr.ReadDid:
		return r.decayed(st, k.now)
	case expr.ReadSince:
		if !st.has {
			return math.Inf(1)
		}
		return float64(k.now-st.t) / MsPerDay
	}
	n, first := 0, int64(0)
	for _, t := range st.times {
		if t > k.now-r.Span {
			if n == 0 {
				first = t
			}
			n++
		}
	}
	if n > 0 {
		k.at(first + r.Span)
	}
	return float64(n)
}

// MsPerDay is what one day is in the motion of days_since.
const MsPerDay = 864e5

// ageing is how what is asked of the past moves: days evenly, without end, affinity as
// points that halve.
func (e *Eval) ageing(r *Rule) motion {
	if r.Kind == HalfLife {
		return leaning(r.decayed(&e.rules[r.Index], e.now), r.Span)
	}
	if !e.rules[r.Index].has {
		return motion{}
	}
	return motion{up: 1 / float64(MsPerDay), upMass: math.Inf(1)}
}
