package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"ripen/wasm/scorecard"
)

// Champion is the card in force beside the one that was learned, on the latest rows,
// which neither the learned card nor the meaning of the champion's scores was fitted
// on: the challenger is better if both its lift and its Brier are.
type Champion struct {
	Name       string   `json:"name"`  // name@version
	Champion   Measures `json:"later"` // of its scores, made probabilities on the early rows
	Challenger Measures `json:"challenger"`
	Better     bool     `json:"better"`
	Blind      bool     `json:"blind"`   // the challenger's best tenth may be a tenth at random
	Carried    []string `json:"carried"` // what was taken over of the card in force
	Lost       []Lost   `json:"lost"`    // and what could not be
	Changes    []Change `json:"changes"` // of points, the greatest first; of a learned card
	More       int      `json:"more"`    // changes beyond those
}

// Change is a rule whose points differ, by its id, or that one of the cards has not.
type Change struct {
	Rule   string   `json:"rule"`
	Why    string   `json:"why"`
	Before *float64 `json:"before"` // null = the card in force has no such rule
	After  *float64 `json:"after"`  // null = it has gone
}

// changesMost is how many changes are shown.
const changesMost = 20

// changed says what differs between the card in force and the one that was learned.
func (c *Champion) changed(old, learned *scorecard.Card) {
	by := map[string]*Change{}
	var all []*Change
	note := func(rules []*scorecard.Rule, points func(*Change) **float64) {
		for _, r := range rules {
			k := by[r.ID]
			if k == nil {
				k = &Change{Rule: r.ID}
				by[r.ID], all = k, append(all, k)
			}
			k.Why = cmp.Or(r.Why, k.Why, r.ID)
			*points(k) = &r.Points
		}
	}
	note(old.Rules, func(k *Change) **float64 { return &k.Before })
	note(learned.Rules, func(k *Change) **float64 { return &k.After })
	all = slices.DeleteFunc(all, func(k *Change) bool { return k.by() == 0 })
	slices.SortStableFunc(all, func(a, b *Change) int { return cmp.Compare(b.by(), a.by()) })
	c.More = max(len(all)-changesMost, 0)
	for _, k := range all[:len(all)-c.More] {
		c.Changes = append(c.Changes, *k)
	}
}

// by is how far the points move, either way.
func (k *Change) by() float64 {
	v := 0.0
	if k.After != nil {
		v += *k.After
	}
	if k.Before != nil {
		v -= *k.Before
	}
	return max(v, -v)
}

func pointsText(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%+g", *v)
}

// Stands notes where the lead under way stood at its moment by the card in force, in
// thousandths; a lead that it does not score stands below all others.
func (s *Snapshots) Stands(exact int64, scored bool) {
	s.now.score = exact + 1
	if !scored {
		s.now.score = 0
	}
}

// Against says whose scores [Snapshots.Stands] gets: of a card, name@version.
func (s *Snapshots) Against(name string, card *scorecard.Card) { s.champion, s.inForce = name, card }

// challenge sets the card beside the one in force.
func (r *training) challenge() {
	if r.t.champion == "" {
		return
	}
	fit, ask := r.t.early(earlyShare)
	points := make([]int, 0, len(fit))
	for _, i := range fit {
		points = append(points, r.t.scores[i])
	}
	curve := isotonic(points, r.t.labels(fit))
	p := make([]float64, len(ask))
	for k, i := range ask {
		at, found := slices.BinarySearchFunc(curve, r.t.scores[i], func(c Chance, v int) int { return c.Points - v })
		if !found {
			at = max(at-1, 0)
		}
		// Within a step the order is that of the scores, which no probability shows.
		p[k] = curve[at].P + float64(r.t.scores[i])*1e-12
	}
	c := &Champion{Name: r.t.champion, Champion: measure(p, r.t.labels(ask)), Challenger: *r.report.Written().Time}
	c.Better = c.Challenger.Lift > c.Champion.Lift && c.Challenger.Brier < c.Champion.Brier
	c.Blind = c.Challenger.Lift <= chanceLift(r.t.labels(ask))
	r.report.Champion = c
}

// chanceLift is the lift that a tenth drawn at random stays below 95 times in 100.
func chanceLift(y []uint8) float64 {
	n, k := float64(len(y)), 0.0
	for _, v := range y {
		k += float64(v)
	}
	if k == 0 {
		return 1
	}
	p := k / n
	return 1 + 1.645*math.Sqrt((1-p)*.9/(p*n/10))
}

func (p *printer) champion(c *Champion, wrote string) {
	if c == nil {
		return
	}
	p.line("\nBeside the card in force, on the latest 30 %% of moments", "\nJunto a la tarjeta en vigor, en el último 30 %% de los momentos")
	p.row("", "AUC", say(p.lang, "best tenth", "mejor décimo"), "Brier")
	row := func(name string, m Measures) {
		p.row("  "+printable(name), f4(m.AUC), fmt.Sprintf("%.2f×", m.Lift), f4(m.Brier))
	}
	row(c.Name, c.Champion)
	row(modelName(wrote, p.lang), c.Challenger)
	_ = p.Flush()
	p.changes(c)
	if c.Better {
		p.line("  The learned card is better at both: its best tenth holds more conversions, its percentages are nearer.", "  La tarjeta aprendida es mejor en ambas cosas: su mejor décimo convierte más y sus porcentajes aciertan más.")
	} else {
		p.line("  The learned card is not better at both: keep the one in force.", "  La tarjeta aprendida no es mejor en ambas cosas: conserva la que está en vigor.")
	}
	if c.Blind {
		p.line("  CAREFUL: its best tenth (%.2f×) is no better than a tenth drawn at random: it hardly tells who converts.", "  CUIDADO: su mejor décimo (%.2f×) no mejora a un décimo elegido al azar: apenas dice quién convierte.", c.Challenger.Lift)
	}
	if len(c.Carried) > 0 {
		p.line("  Taken over from it: %s.", "  Se conserva de ella: %s.", printable(strings.Join(c.Carried, ", ")))
	}
	for _, l := range c.Lost {
		p.line("  NOT taken over: %s: %s.", "  NO se conserva: %s: %s.", printable(l.What), printable(l.Why))
	}
}

func (p *printer) changes(c *Champion) {
	if len(c.Changes) == 0 {
		return
	}
	p.row("  "+say(p.lang, "what changes", "qué cambia"), say(p.lang, "before", "antes"), say(p.lang, "now", "ahora"))
	for _, k := range c.Changes[:min(len(c.Changes), 8)] {
		p.row("  "+printable(short(k.Why, 60)), pointsText(k.Before), pointsText(k.After))
	}
	if n := len(c.Changes) + c.More - 8; n > 0 {
		p.row(fmt.Sprintf(say(p.lang, "  and %d more", "  y %d más"), n))
	}
	_ = p.Flush()
}
