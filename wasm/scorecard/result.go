package scorecard

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Reason is one rule's part in a score.
type Reason struct {
	Rule   string  // the rule's id, or base, rounding, cap:…, floor:…, gate:<id>
	Why    string  // the card's words
	Points float64 // in points of the dimension
	Share  int64   // thousandths of the shown score; all shares sum to 1000 × Score
}

// Result is where a lead stands at one moment. Band is left to whoever knows the
// band before; see [Card.Band].
type Result struct {
	Score      int
	Exact      int64 // unrounded thousandths
	Null       bool  // a gate says: not scored by this card
	Grade      string
	GradeIndex uint8 // in [Card.GradeNames]
	Band       string
	Dims       []float64
	Reasons    []Reason // largest share first, base and rounding last
	Next       int64    // unix ms: nothing changes before it by itself; 0 = never

	points, worth []float64 // scratch of explain
}

// Settle fills r from what a module or Eval says. Reasons are written only if
// explain is set; r's slices are reused.
func (c *Card) Settle(raw *Raw, explain bool, r *Result) {
	r.Score, r.Exact, r.Null, r.Next, r.Band = 0, 0, raw.Null, raw.Next, ""
	r.Dims = append(r.Dims[:0], raw.Dims...)
	r.GradeIndex = c.GradeIndex(raw.Dims)
	r.Grade = c.grid[r.GradeIndex]
	r.Reasons = r.Reasons[:0]
	if !raw.Null {
		r.Exact, r.Score = exactOf(raw.Scaled)
	}
	if explain {
		c.explain(raw, r)
	}
}

// Rounded returns the thousandths and the integer of an unrounded score.
func Rounded(scaled float64) (exact int64, score int) { return exactOf(scaled) }

// ledger collects reasons whose shares end in an exact sum.
type ledger struct {
	c   *Card
	r   *Result
	sum int64
}

func (l *ledger) put(rule, why string, points, worth float64) {
	share := int64(math.Floor(float64(worth*1000) + 0.5))
	l.sum += share
	l.r.Reasons = append(l.r.Reasons, Reason{rule, why, points, share})
}

// explain shares the score out: each rule its points times the weight of its
// dimension times the scale, and what was cut off or added on the way in reasons
// of its own. Thousandths that rounding leaves over go to the reason rounding.
func (c *Card) explain(raw *Raw, r *Result) {
	l := &ledger{c: c, r: r}
	if c.module {
		c.explainModule(raw, r)
		return
	}
	if raw.Null {
		for _, p := range raw.Points {
			if g := int(p.ID) - len(c.Rules); g >= 0 && g < len(c.Gates) {
				l.put("gate:"+c.Gates[g].ID, c.Gates[g].why(c, p.Points), 0, 0)
			}
		}
		return
	}
	r.points = zeros(r.points, len(c.Rules)+len(c.Gates)) // :: id → points
	points := r.points
	for _, p := range raw.Points {
		if int(p.ID) < len(points) {
			points[p.ID] = p.Points
		}
	}
	r.worth = zeros(r.worth, len(c.Dims))
	worth, k := r.worth, c.Score.K()
	c.worths(worth, raw.Dims)
	combined := 0.0
	for i, d := range c.Dims {
		l.dimension(d, points, worth[i]*k)
		combined += float64(worth[i] * raw.Dims[i])
	}
	for i, g := range c.Gates {
		if p := points[len(c.Rules)+i]; p != 0 {
			l.put("gate:"+g.ID, g.why(c, p), p, p*k)
			combined += p
		}
	}
	l.edges(combined, raw.Scaled)
	slices.SortStableFunc(r.Reasons, func(a, b Reason) int {
		return cmp.Compare(abs(b.Share), abs(a.Share))
	})
	base := c.Score.To[0] - float64(c.Score.From[0]*k)
	l.put("base", c.say("base", "", 0), 0, base)
	if rest := 1000*int64(r.Score) - l.sum; rest != 0 {
		r.Reasons = append(r.Reasons, Reason{Rule: "rounding", Why: c.say("rounding", "", 0), Share: rest})
	}
}

func abs(v int64) int64 { return max(v, -v) }

func zeros(s []float64, n int) []float64 {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}

// worths writes the weight of each dimension in the score: under max only the
// winner has one.
func (c *Card) worths(out, dims []float64) {
	best := -1
	for i, t := range c.Score.Terms {
		out[t.Dim] = t.Times
		if b := best; b < 0 || float64(t.Times*dims[t.Dim]) > float64(c.Score.Terms[b].Times*dims[c.Score.Terms[b].Dim]) {
			best = i
		}
	}
	if c.Score.How == "max" {
		for i, t := range c.Score.Terms {
			if i != best {
				out[t.Dim] = 0
			}
		}
	}
}

func (l *ledger) dimension(d *Dimension, points []float64, worth float64) {
	sum := 0.0
	for _, g := range d.Groups {
		v := 0.0
		for _, r := range g.Rules {
			p := points[r.Index]
			v += p
			if p != 0 {
				l.put(r.ID, r.why(p), p, p*worth)
			}
		}
		sum += l.bound(g.Name, v, g.Min, g.Max, worth)
	}
	l.bound(d.Name, sum, d.Min, d.Max, worth)
}

func (l *ledger) bound(name string, v, lo, hi, worth float64) float64 {
	switch {
	case v > hi:
		l.put("cap:"+name, l.c.say("cap", name, hi), hi-v, (hi-v)*worth)
		return hi
	case v < lo:
		l.put("floor:"+name, l.c.say("floor", name, lo), lo-v, (lo-v)*worth)
		return lo
	}
	return v
}

// edges accounts for a combined value beyond the ends of the scale.
func (l *ledger) edges(combined, scaled float64) {
	s := &l.c.Score
	switch x := s.To[0] + float64((combined-s.From[0])*s.K()); {
	case x > s.To[1] && scaled == s.To[1]:
		l.put("cap:score", l.c.say("cap", "score", s.To[1]), 0, s.To[1]-x)
	case x < s.To[0] && scaled == s.To[0]:
		l.put("floor:score", l.c.say("floor", "score", s.To[0]), 0, s.To[0]-x)
	}
}

func (r *Rule) why(points float64) string { return fillWhy(r.Why, r.ID, points) }

func (g *Gate) why(c *Card, points float64) string {
	if g.Why == "" {
		return c.say("gate", g.ID, 0)
	}
	return fillWhy(g.Why, g.ID, points)
}

func fillWhy(why, id string, points float64) string {
	if why == "" {
		return id
	}
	if !strings.Contains(why, "{") {
		return why
	}
	return strings.ReplaceAll(why, "{points}", short(points))
}

// short prints points for people: two decimals at most.
func short(f float64) string {
	if math.IsInf(f, 0) {
		return "∞"
	}
	return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64)
}

// say is the house's own words for a reason that no rule gives.
func (c *Card) say(what, name string, v float64) string {
	es := c.Language == "es"
	pick := func(spanish, english string) string {
		if es {
			return spanish
		}
		return english
	}
	switch what {
	case "base":
		return pick("Punto de partida de la escala", "Where the scale begins")
	case "rounding":
		return pick("Redondeo", "Rounding")
	case "cap":
		return pick("Tope de ", "Ceiling of ") + name + ": " + short(v)
	case "floor":
		return pick("Suelo de ", "Floor of ") + name + ": " + short(v)
	}
	return pick("Condición ", "Gate ") + name
}
