package scorecard

import (
	"math"
	"slices"
)

// Rollup says how an account's score comes of its leads' scores.
type Rollup struct {
	By     string // the attribute that tells leads of one account
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
func (r *Rollup) Score(exact []int64) int64 {
	best := slices.Clone(exact)
	slices.SortFunc(best, func(a, b int64) int { return int(b - a) })
	if r.Top > 0 && len(best) > r.Top {
		best = best[:r.Top]
	}
	if len(best) == 0 {
		return 0
	}
	sum, weight := 0.0, 1.0
	for _, s := range best {
		sum += float64(weight * float64(s))
		if r.Method == decaySum {
			weight /= 2
		}
	}
	switch r.Method {
	case rollMax:
		return best[0]
	case rollMean:
		sum /= float64(len(best))
	}
	return min(100_000, int64(math.Floor(sum)))
}

func (p *reader) rollup(v *node) {
	r := &Rollup{Method: decaySum}
	p.fields(v, "rollup", map[string]func(k, v *node){
		"to": func(_, v *node) { p.oneOf(v, "to", "account", "company") },
		"by": func(_, v *node) { r.By = p.text(v, "by") },
		"score": func(_, v *node) {
			p.fields(v, "the score of a rollup", map[string]func(k, v *node){
				"top":    func(_, v *node) { r.Top = int(p.whole(v, "top", 1, 1000)) },
				"method": func(_, v *node) { r.Method = p.oneOf(v, "method", decaySum, rollMax, rollMean) },
			})
		},
	})
	if v.kind == mapNode && r.By == "" {
		p.add(v, "rollup does not say which leads belong together", "write by: email_domain")
	}
	p.card.Rollup = r
}
