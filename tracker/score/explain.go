package score

import (
	"cmp"
	"slices"

	"ripen/tracker"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// Explain says where a walk's lead stands on a card at a moment not before its
// last step, with dimensions and reasons. The walk does not change. guest is a
// guest of the same card that nobody else uses meanwhile. c is nil if the card
// the state was walked with is no longer in force. others are what the modules
// that the card names say at that moment, by name without version.
func Explain(c *Card, guest Guest, s *State, at int64, others map[string]*tracker.Score) *tracker.Score {
	out := &tracker.Score{Card: s.Card, Score: s.Score, Null: s.Null, Exact: s.Exact, Grade: s.Grade, Band: s.Band, Next: s.Next, Trouble: s.Trouble}
	if c == nil || c.Name != s.Card {
		return out
	}
	out.Probability = c.probability(s)
	if s.Trouble != "" {
		return out
	}
	if len(c.feeds) > 0 {
		guest.SetInputs(c.inputsOf(nil, func(f *scorecard.Feed) (float64, bool) {
			o := others[f.Source()]
			if o == nil {
				return 0, false
			}
			return c.word(f, o.Score, o.Exact, o.Null)
		}))
	}
	var r scorecard.Result
	if err := guest.Score(s.Guest, at, &r); err != nil {
		out.Trouble = "score: " + err.Error()
		return out
	}
	now := State{Band: s.Band}
	now.settle(c, &host.Fast{Score: r.Score, Exact: r.Exact, Null: r.Null, Next: r.Next, Grade: r.GradeIndex})
	out.Score, out.Null, out.Exact, out.Grade, out.Band, out.Next = now.Score, now.Null, now.Exact, now.Grade, now.Band, now.Next
	out.Probability = c.probability(&now)
	out.Dims = make(map[string]float64, len(r.Dims))
	for i, d := range c.Card.Dims {
		if i < len(r.Dims) {
			out.Dims[d.Name] = r.Dims[i]
		}
	}
	for _, q := range r.Reasons {
		out.Reasons = append(out.Reasons, tracker.Reason(q))
	}
	for _, f := range c.feeds {
		out.Next = soonest(out.Next, others[f.Source()])
		out.Reasons = c.retell(out.Reasons, f, others[f.Source()])
	}
	return out
}

// Because returns what the rules say, by their words or else their ids, that an
// event speaks to: of a change that it caused, the reasons. What is sealed in it
// has been opened, if it is to count.
func Because(card *scorecard.Card, e *tracker.Event) (why []string) {
	var src source
	src.reset(nil, e, 0, false)
	for _, r := range card.Taking(&src) {
		if r.Points != 0 || len(r.Steps) > 0 { // those of gates keep the past and say nothing
			why = append(why, cmp.Or(r.Why, r.ID))
		}
	}
	return why
}

// probability is what the card says that a standing means.
func (c *Card) probability(s *State) *tracker.Probability {
	p, ok := c.Card.Likely(s.Exact)
	if !ok || s.Null {
		return nil
	}
	out := &tracker.Probability{P: p, Of: c.Card.Probability.Of}
	for i := range c.Card.Bands {
		if b := &c.Card.Bands[i]; b.Name == s.Band {
			out.People, out.Converted = b.People, b.Converted
		}
	}
	return out
}

// soonest is when a score may change that hangs on a module's.
func soonest(next int64, o *tracker.Score) int64 {
	if o == nil || o.Next == 0 || next != 0 && next < o.Next {
		return next
	}
	return o.Next
}

// sharesMost bounds the shares that retell multiplies: 100,000 points.
const sharesMost = 100_000_000

// retell puts in place of the one reason for what a module says the module's own,
// named dimension.rule, each with its part of that reason's share, to the
// thousandth. A card that has words of its own for the dimension keeps them.
func (c *Card) retell(rs []tracker.Reason, f *scorecard.Feed, o *tracker.Score) []tracker.Reason {
	d := c.Card.Dims[f.Dim]
	i := slices.IndexFunc(rs, func(q tracker.Reason) bool { return q.Rule == d.Name })
	if i < 0 || o == nil || o.Score == 0 || len(o.Reasons) == 0 || c.Card.Why(f) != "" {
		return rs
	}
	whole, upto, told := rs[i], int64(0), int64(0)
	if magnitude(whole.Share) > sharesMost || slices.ContainsFunc(o.Reasons, func(q tracker.Reason) bool { return magnitude(q.Share) > sharesMost }) {
		return rs // its parts cannot be told exactly
	}
	var own []tracker.Reason
	for _, q := range o.Reasons {
		upto += q.Share
		share := whole.Share*upto/(1000*int64(o.Score)) - told
		told += share
		if q.Share != 0 {
			own = append(own, tracker.Reason{Rule: d.Name + "." + q.Rule, Why: q.Why, Points: float64(q.Share) / 1000, Share: share})
		}
	}
	rs = slices.Replace(rs, i, i+1, own...)
	last := len(rs) - 1 // base and rounding stay there
	if rs[last].Rule == "rounding" {
		last--
	}
	slices.SortStableFunc(rs[:last], func(a, b tracker.Reason) int { return cmp.Compare(magnitude(b.Share), magnitude(a.Share)) })
	return rs
}

func magnitude(v int64) int64 { return max(v, -v) }
