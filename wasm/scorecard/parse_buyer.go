package scorecard

import (
	"fmt"
	"math"
)

// rfm reads a dimension of kind rfm: how recently, how often and for how much.
func (p *reader) rfm(d *Dimension, k, v *node) {
	event, value, span := "purchase", "value", int64(0)
	var where []*Test
	var within *node
	parts := map[string]*node{}
	part := func(k, v *node) { parts[k.text] = v }
	ignore := &draft{Rule: &Rule{}}
	p.bounded(d, v, map[string]func(k, v *node){
		"event":     func(_, v *node) { event = p.eventName(v) },
		"where":     func(_, v *node) { where = p.tests(v, false) },
		"ignore":    func(_, v *node) { p.ignore(ignore, v) },
		"value":     func(_, v *node) { value = p.text(v, "value") },
		"within":    func(k, v *node) { span, within = p.span(v, "within"), k },
		"recency":   part,
		"frequency": part,
		"monetary":  part,
	})
	if len(parts) == 0 {
		p.add(k, fmt.Sprintf("dimension %s asks nothing", d.Name), "write recency: [[30d, 40], [1y, 10]], frequency: [[1, 10], [3, 20]] or monetary: [[100, 10]]")
	}
	if within != nil && parts["frequency"] == nil && parts["monetary"] == nil {
		p.add(within, "within bounds frequency and monetary, and there are none", "remove it: recency has its own times")
	}
	for _, part := range []struct {
		key  string
		kind RuleKind
	}{{"recency", Recency}, {"frequency", Frequency}, {"monetary", Money}} {
		n := parts[part.key]
		if n == nil {
			continue
		}
		r := p.own(d, d.Name+"."+part.key, part.kind, k)
		r.Event, r.Tests, r.Ignore, r.Value = event, cloned(where), ignore.Ignore, value
		if part.kind != Recency {
			r.Span = span
		}
		p.steps(r, part.key, n)
	}
}

// cloned gives each rule tests of its own: their slots are written into them.
func cloned(tests []*Test) []*Test {
	var out []*Test
	for _, t := range tests {
		o := *t
		out = append(out, &o)
	}
	return out
}

const stepsMax = 16

func (p *reader) steps(r *Rule, of string, v *node) {
	r.Steps = []Step{{At: 1}}
	items := p.items(v, of, stepsMax)
	var steps []Step
	for _, n := range items {
		if n.kind != listNode || len(n.values) != 2 {
			p.add(n, "a step of "+of+" is a border and its points", "write "+of+": [["+map[RuleKind]string{Recency: "30d", Frequency: "3", Money: "500"}[r.Kind]+", 20]]")
			return
		}
		s := Step{Points: p.points(n.values[1], "points")}
		switch r.Kind {
		case Recency:
			s.At = float64(p.span(n.values[0], "a time since the last"))
		case Frequency:
			most := 1e6
			if r.Span > 0 {
				most = TimesMax // of a window that many times are remembered
			}
			s.At = p.whole(n.values[0], "a number of times", 1, most)
		default:
			f := p.number(n.values[0], "a sum")
			if math.Abs(f) > 1e12 {
				p.add(n.values[0], fmt.Sprintf("a sum is %s", n.values[0].text), "stay within a million millions")
			}
			s.At = cents(f)
		}
		if i := len(steps); i > 0 && steps[i-1].At >= s.At {
			p.add(n, fmt.Sprintf("step %d of %s is not beyond the one before it", i+1, of), "list them from the least up")
			return
		}
		steps = append(steps, s)
	}
	if len(steps) > 0 {
		r.Steps = steps
	} else if v.kind == listNode && len(v.values) == 0 {
		p.add(v, of+" has no steps", "write "+of+": [[border, points]]")
	}
}

// model reads a dimension of kind model: a probability times max.
func (p *reader) model(d *Dimension, k, v *node) {
	f := p.feed(d, k)
	p.bounded(d, v, map[string]func(k, v *node){
		"model": func(_, v *node) { f.Model = p.name(v, "model"); d.Groups[0].Rules[0].stands(v) },
		"why":   func(_, v *node) { p.ownWhy(d, v) },
	})
	if f.Model == "" {
		p.add(k, fmt.Sprintf("dimension %s names no model", d.Name), "write model: won_90d")
	}
	f.Most = d.Max
}

// module reads a dimension of kind wasm: points of a module of the tenant's own.
func (p *reader) module(d *Dimension, k, v *node) {
	f := p.feed(d, k)
	p.bounded(d, v, map[string]func(k, v *node){
		"module": func(_, v *node) { f.Module = p.name(v, "module"); d.Groups[0].Rules[0].stands(v) },
		"gas":    func(_, v *node) { f.Gas = int64(p.whole(v, "gas", 1, gasMax)) },
		"why":    func(_, v *node) { p.ownWhy(d, v) },
	})
	if f.Module == "" {
		p.add(k, fmt.Sprintf("dimension %s names no module", d.Name), "write module: my.wasm")
	}
}

func (p *reader) feed(d *Dimension, k *node) *Feed {
	d.Max = 100
	r := p.own(d, d.Name, Input, k)
	r.Feed = &Feed{Dim: len(p.card.Dims) - 1, Most: 100}
	return r.Feed
}

func (p *reader) ownWhy(d *Dimension, v *node) {
	r := d.Groups[0].Rules[0]
	r.Why = p.why(v)
	p.placeholders(v, r.Why, r.words())
}
