package scorecard

import (
	"fmt"
	"strings"
)

// Probability says how probable it is that a lead with a score converts: straight
// lines between the points known, level beyond them. It is what became of people
// whom the card, or the model, had not seen.
type Probability struct {
	Of string       // what is probable, in the tenant's words; may be empty
	At [][2]float64 // score → probability, both never falling
}

// likelyMax is how many points a probability is given at.
const likelyMax = 128

// Likely returns the probability at an unrounded score, in thousandths; false if
// the card does not say.
func (c *Card) Likely(exact int64) (float64, bool) {
	if c.Probability == nil {
		return 0, false
	}
	x, at := float64(exact)/1000, c.Probability.At
	if x <= at[0][0] {
		return at[0][1], true
	}
	for i, b := range at[1:] {
		if a := at[i]; x < b[0] {
			return a[1] + float64((b[1]-a[1])*((x-a[0])/(b[0]-a[0]))), true
		}
	}
	return at[len(at)-1][1], true
}

// probability reads what scores mean.
func (p *reader) probability(v *node) {
	out := &Probability{}
	var at *node
	p.fields(v, "probability", map[string]func(k, v *node){
		"of": func(_, v *node) { out.Of = p.why(v) },
		"at": func(_, v *node) {
			at = v
			for _, n := range p.items(v, "at", likelyMax) {
				if n.kind != listNode || len(n.values) != 2 {
					p.add(n, "a step wants a score and a probability", "write at: [[1, 0.02], [100, 0.8]]")
					return
				}
				out.At = append(out.At, [2]float64{p.number(n.values[0], "a score"), p.number(n.values[1], "a probability")})
			}
		},
	})
	if at == nil {
		at = v
	}
	p.checkProbability(out, at)
	p.card.Probability = out
}

func (p *reader) checkProbability(c *Probability, at *node) {
	if len(c.At) == 0 || len(c.At) > likelyMax {
		p.add(at, fmt.Sprintf("probability has %d steps", len(c.At)), fmt.Sprintf("write at: [[1, 0.02], [100, 0.8]], at most %d", likelyMax))
	}
	if len(c.Of) > 2*wordMax {
		p.add(at, "probability: of is too long", fmt.Sprintf("at most %d bytes", 2*wordMax))
	}
	for i, s := range c.At {
		if !(s[0] >= 0 && s[0] <= 100 && s[1] >= 0 && s[1] <= 1) || i > 0 && !(s[0] > c.At[i-1][0] && s[1] >= c.At[i-1][1]) {
			p.add(at, fmt.Sprintf("probability: at score %v it is %v", s[0], s[1]), "list scores from 0 to 100 upwards, with probabilities from 0 to 1 that never fall")
			return
		}
	}
}

func (w *teller) probability(c *Probability) {
	if c == nil {
		return
	}
	of := c.Of
	if of != "" {
		of = " (" + of + ")"
	}
	var steps []string
	for _, s := range c.At {
		unit := w.say("points", "puntos")
		if s[0] == 1 {
			unit = w.say("point", "punto")
		}
		steps = append(steps, fmt.Sprintf(w.say("at %s %s, %s %%", "con %s %s, %s %%"), short(s[0]), unit, short(100*s[1])))
	}
	w.linef("\n%s%s: %s; %s.", w.say("The probability", "La probabilidad"), of, strings.Join(steps, "; "), w.say("in straight lines between", "en línea recta entre ellos"))
}
