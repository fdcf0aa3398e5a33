package scorecard

import (
	"strconv"
	"strings"
)

// words returns the placeholders that the rule's why may hold.
func (r *Rule) words() []string {
	switch r.Kind {
	case Window, Count, Unanswered, Returning:
		return []string{"points", "count"}
	case Recency, Absent:
		return []string{"points", "age"}
	case Renewal:
		return []string{"points", "age", "mean"}
	}
	return []string{"points"}
}

// why fills the placeholders of the rule's words.
func (r *Rule) why(c *Card, points float64, detail uint32) string {
	switch {
	case r.Kind == Learned:
		return c.Model.Features[r.Index].say(int(detail), c.Language == "es")
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
		"{amount}", strconv.FormatUint(uint64(detail), 10),
	).Replace(r.Why)
}

// age says a length of time as a person would: whole units, at least two of them
// and under three years in months.
func (w *teller) age(minutes uint32) string {
	ms := int64(minutes) * 60_000
	if ms == 0 {
		return w.say("less than a minute", "menos de un minuto")
	}
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

// wordKinds gives the rules of an rfm dimension the house's words, and those of btyd without any.
func (c *Card) wordKinds() {
	w := teller{es: c.Language == "es"}
	for _, r := range c.Rules {
		switch r.Kind {
		case Recency:
			r.Why = w.say("Last bought {age} ago", "Compró por última vez hace {age}")
		case Frequency:
			r.Why = w.say("Bought {count} times", "Ha comprado {count} veces")
		case Returning:
			if r.Why == "" {
				r.Why = w.say("Bought on {count} days", "Ha comprado en {count} días")
			}
		case Money:
			r.Why = w.say("Has spent {amount}", "Ha gastado {amount}")
		}
	}
}
