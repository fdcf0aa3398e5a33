package train

import (
	"fmt"
	"slices"
)

// Champion is the card in force beside the one that was learned, on the latest rows,
// which neither the learned card nor the meaning of the champion's scores was fitted
// on: the challenger is better if both its lift and its Brier are.
type Champion struct {
	Name       string   `json:"name"`  // name@version
	Champion   Measures `json:"later"` // of its scores, made probabilities on the early rows
	Challenger Measures `json:"challenger"`
	Better     bool     `json:"better"`
}

// Stands notes where the lead under way stood at its moment by the card in force, in
// thousandths; a lead that it does not score stands below all others.
func (s *Snapshots) Stands(exact int64, scored bool) {
	s.now.score = exact + 1
	if !scored {
		s.now.score = 0
	}
}

// Against says whose scores [Snapshots.Stands] gets.
func (s *Snapshots) Against(name string) { s.champion = name }

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
	c := &Champion{Name: r.t.champion, Champion: measure(p, r.t.labels(ask)), Challenger: *r.report.Models[0].Time}
	c.Better = c.Challenger.Lift > c.Champion.Lift && c.Challenger.Brier < c.Champion.Brier
	r.report.Champion = c
}

func (p *printer) champion(c *Champion) {
	if c == nil {
		return
	}
	p.line("\nBeside the card in force, on the latest 30 %% of moments", "\nJunto a la tarjeta en vigor, en el último 30 %% de los momentos")
	p.row("", "AUC", say(p.lang, "best tenth", "mejor décimo"), "Brier")
	row := func(name string, m Measures) {
		p.row("  "+printable(name), f4(m.AUC), fmt.Sprintf("%.2f×", m.Lift), f4(m.Brier))
	}
	row(c.Name, c.Champion)
	row(modelName("card", p.lang), c.Challenger)
	_ = p.Flush()
	if c.Better {
		p.line("  The learned card is better at both: its best tenth holds more conversions, its percentages are nearer.", "  La tarjeta aprendida es mejor en ambas cosas: su mejor décimo convierte más y sus porcentajes aciertan más.")
	} else {
		p.line("  The learned card is not better at both: keep the one in force.", "  La tarjeta aprendida no es mejor en ambas cosas: conserva la que está en vigor.")
	}
}
