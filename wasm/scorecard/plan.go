package scorecard

import (
	"fmt"
	"strings"
)

// Plan is how often a card is learned anew from the log, and what becomes of what is
// learned. It scores nothing; whoever learns cards follows it.
type Plan struct {
	Every     int64   // ms; 0 = not by the clock
	New       float64 // share of all conversions so far that must be new; 0 = not by them
	ByTime    bool    // an event was known when it happened, not when it was received
	Seed      uint64
	Drop      []string // not to learn from
	Constrain []string // as in visits=rising
	Shadow    int64    // ms that a challenger runs beside the card in force
	Moves     float64  // share of the leads that may change band at most
	Publish   bool     // put it in force if it is better; else ask
	Text      string   // in one line, as it stands in the card
}

// What a plan says if it does not.
const (
	PlanSeed   = 1
	planShadow = 864e5 // ms
	planMoves  = 0.2
)

// plans are the plans that one word says.
var plans = map[string]int64{"daily": 864e5, "weekly": 7 * 864e5, "monthly": 26298e5}

func (p *reader) plan(v *node) {
	l := &Plan{Shadow: planShadow, Moves: planMoves, Seed: PlanSeed}
	p.card.Plan = l
	if v.kind == scalarNode {
		l.Every = plans[p.oneOf(v, "learn", "daily", "weekly", "monthly")]
		l.Text = v.text
		return
	}
	p.fields(v, "a plan to learn", map[string]func(k, v *node){
		"every":     func(_, v *node) { l.Every = p.span(v, "every") },
		"new":       func(_, v *node) { l.New = p.percent(v, "new", 1000) },
		"by":        func(_, v *node) { l.ByTime = p.oneOf(v, "by", "received", "time") == "time" },
		"seed":      func(_, v *node) { l.Seed = uint64(p.whole(v, "seed", 0, 1<<53)) },
		"drop":      func(_, v *node) { l.Drop = p.texts(v, "drop") },
		"constrain": func(_, v *node) { l.Constrain = p.texts(v, "constrain") },
		"shadow":    func(_, v *node) { l.Shadow = p.span(v, "shadow") },
		"moves":     func(_, v *node) { l.Moves = p.percent(v, "moves", 100) },
		"publish":   func(_, v *node) { l.Publish = p.oneOf(v, "publish", "ask", "if_better") == "if_better" },
	})
	if v.kind == mapNode && l.Every == 0 && l.New == 0 {
		p.add(v, "a plan to learn does not say when", "write every: 1w, or new: 10%, or both")
	}
	if l.Every > 0 && l.Every < planLeast {
		p.add(v, "every is too short", "write at least 1h: learning goes through all leads")
	}
	l.Text = v.flow()
}

// planLeast is how far apart two trainings by the clock are at least, in ms.
const planLeast = 36e5

// percent reads a share in %: above 0.
func (p *reader) percent(n *node, of string, most float64) float64 {
	s, ok := strings.CutSuffix(p.text(n, of), "%")
	f, isNumber := plainNumber(&node{text: s})
	if n.kind == scalarNode && (!ok || !isNumber || f <= 0 || f > most) {
		p.add(n, fmt.Sprintf("%s is %q", of, n.text), fmt.Sprintf("write a share in %% above 0, up to %v%%", most))
		return 1
	}
	return f / 100
}

func (p *reader) texts(v *node, of string) (out []string) {
	for _, item := range p.items(v, of, rulesMax) {
		out = append(out, p.text(item, of))
	}
	return out
}

// planned refuses a plan for what nobody could learn.
func (p *reader) planned(at *node) {
	if p.card.Label == nil {
		p.add(at, "learn needs to know what the card is to foresee", "write label: won within 90d")
	} else if p.card.Plan.New > 0 && p.card.Label.Event == "" {
		p.add(at, "new counts events, and the label waits for an attribute", "write every: 1w instead")
	}
}

func (w *teller) plan(l *Plan) {
	if l == nil {
		return
	}
	var when []string
	if l.Every > 0 {
		when = append(when, w.say("every ", "cada ")+w.span(l.Every))
	}
	if l.New > 0 {
		when = append(when, fmt.Sprintf(w.say("when there are %s %% more conversions", "cuando haya un %s %% más de conversiones"), short(100*l.New)))
	}
	s := w.say("It is learned anew by itself ", "Se vuelve a aprender sola ") + strings.Join(when, w.say(" and ", " y "))
	if len(l.Drop) > 0 {
		s += w.say(", not from ", ", sin mirar ") + strings.Join(l.Drop, ", ")
	}
	if len(l.Constrain) > 0 {
		s += w.say(", with ", ", con ") + strings.Join(l.Constrain, ", ")
	}
	if l.ByTime {
		s += w.say(", from when events happened", ", según cuándo ocurrió cada evento")
	}
	w.linef("%s.", s)
	end := w.say("waits for you as a draft", "te espera como borrador")
	if l.Publish {
		end = w.say("takes its place if it is better", "ocupa su lugar si es mejor")
	}
	w.linef(w.say("  What is learned runs as a shadow for %s, may move %s %% of the leads to another band at most, and %s.",
		"  Lo aprendido corre %s en sombra, puede cambiar de franja al %s %% de los contactos como mucho, y %s."), w.span(l.Shadow), short(100*l.Moves), end)
}
