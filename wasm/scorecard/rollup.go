package scorecard

import (
	"math"
	"slices"
)

// Rollup says how an account's score comes of its leads' scores.
type Rollup struct {
	By     string // the attribute that tells leads of one account
	Of     string // of a card of accounts: the card whose scores they are; empty = the ranking one
	Top    int    // how many of the best leads count; 0 = all
	Method string // decay_sum, max or mean
}

// rollup methods.
const (
	decaySum = "decay_sum"
	rollMax  = "max"
	rollMean = "mean"
)

// Score makes one score of leads' scores, all in thousandths; leads that a card
// does not score are left out before. Under decay_sum the best counts whole, each
// further one half as much as the one before, and 100 is the most there is. An
// account without scores has 0.
func (r *Rollup) Score(exact []int64) (sum int64) {
	for _, part := range r.Parts(exact) {
		sum += part
	}
	return sum
}

// Parts says what each lead adds to [Rollup.Score] of the same scores, in their
// order: the least that the leads up to it, best first, come to, less those before.
func (r *Rollup) Parts(exact []int64) []int64 {
	best := make([]int, len(exact)) // :: rank → its place in exact
	for i := range best {
		best[i] = i
	}
	slices.SortStableFunc(best, func(a, b int) int { return int(exact[b] - exact[a]) })
	if r.Top > 0 {
		best = best[:min(r.Top, len(best))]
	}
	out := make([]int64, len(exact))
	told, sum, weight := int64(0), 0.0, 1.0
	for _, at := range best {
		sum += float64(weight * float64(exact[at]))
		upto := sum
		switch r.Method {
		case decaySum:
			weight /= 2
		case rollMax:
			weight = 0
		case rollMean:
			upto /= float64(len(best))
		}
		whole := min(100_000, int64(math.Floor(upto)))
		out[at], told = whole-told, whole
	}
	return out
}

func (p *reader) rollup(v *node) {
	r := &Rollup{Method: decaySum}
	p.fields(v, "rollup", map[string]func(k, v *node){
		"to":    func(_, v *node) { p.oneOf(v, "to", "account", "company") },
		"by":    func(_, v *node) { r.By = p.text(v, "by") },
		"of":    func(_, v *node) { r.Of = p.name(v, "of") },
		"score": func(_, v *node) { p.rollScore(v, r) },
	})
	if v.kind == mapNode && r.By == "" {
		p.add(v, "rollup does not say which leads belong together", "write by: email_domain")
	}
	p.card.Rollup = r
}

func (p *reader) rollScore(v *node, r *Rollup) {
	r.Method = decaySum
	p.fields(v, "the score of a rollup", map[string]func(k, v *node){
		"top":    func(_, v *node) { r.Top = int(p.whole(v, "top", 1, 1000)) },
		"method": func(_, v *node) { r.Method = p.oneOf(v, "method", decaySum, rollMax, rollMean) },
	})
}
