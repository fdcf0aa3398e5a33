package scorecard

import (
	"strconv"
	"strings"
)

// Words returns the placeholders that the rule's why may hold.
func (r *Rule) Words() []string {
	switch r.Kind {
	case Window, Count, Unanswered:
		return []string{"points", "count"}
	case Absent:
		return []string{"points", "age"}
	case Renewal:
		return []string{"points", "age", "mean"}
	}
	return []string{"points"}
}

// why fills the placeholders of the rule's words.
func (r *Rule) why(c *Card, points float64, detail uint32) string {
	switch {
	case r.Why == "":
		return r.ID
	case !strings.Contains(r.Why, "{"):
		return r.Why
	}
	w, mean := teller{es: c.Language == "es"}, ""
	if r.Life != nil && r.Life.Mean > 0 {
		mean = w.span(r.Life.Mean)
	}
	return strings.NewReplacer(
		"{points}", short(points),
		"{count}", strconv.FormatUint(uint64(detail), 10),
		"{age}", w.age(detail),
		"{mean}", mean,
	).Replace(r.Why)
}

// age says a length of time as a person would: whole units, at least two of them
// and under three years in months.
func (w *teller) age(minutes uint32) string {
	ms := int64(minutes) * 60_000
	for _, u := range spanWords {
		least := 2 * u.ms
		if u.en == "year" {
			least = 3 * u.ms
		}
		if ms >= least || u.ms == 60_000 {
			return w.span(ms / u.ms * u.ms)
		}
	}
	return "" // unreachable unless there are no minutes among the words
}
