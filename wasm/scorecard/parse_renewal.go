package scorecard

import (
	"fmt"
	"math"
	"slices"
)

// renewal reads a dimension of kind replenishment.
func (p *reader) renewal(d *Dimension, k, v *node) {
	d.Max = 100
	r := p.own(d, d.Name, Renewal, k)
	l := &Life{FullAt: 1}
	r.Life = l
	at := map[string]*node{} // :: key → its node
	note := func(f func(v *node)) func(k, v *node) {
		return func(k, v *node) { at[k.text] = k; f(v) }
	}
	p.bounded(d, v, map[string]func(k, v *node){
		"anchor":         note(func(v *node) { p.anchor(r, v) }),
		"lifetime":       note(func(v *node) { p.lifetime(l, v) }),
		"horizon":        note(func(v *node) { l.Horizon = p.span(v, "horizon") }),
		"full_at":        note(func(v *node) { l.FullAt = p.share(v, "full_at") }),
		"fade_after":     note(func(v *node) { l.FadeAfter = p.span(v, "fade_after") }),
		"fade_half_life": note(func(v *node) { l.FadeHalf = p.halfLife(v) }),
		"curve":          note(func(v *node) { p.curve(l, v) }),
		"why":            note(func(v *node) { r.Why = p.why(v); p.placeholders(v, r.Why, r.words()) }),
	})
	if at["anchor"] == nil {
		p.add(k, fmt.Sprintf("dimension %s has no anchor", d.Name), "write anchor: {event: purchase}")
	}
	p.lifeKeys(d, k, at)
	if at["fade_after"] == nil && at["fade_half_life"] != nil {
		p.add(at["fade_half_life"], "fade_half_life without fade_after", "write fade_after: 36mo, or remove it")
	}
	if l.FadeHalf == 0 {
		l.FadeHalf = max(l.FadeAfter/4, halfLifeMin)
	}
	if len(p.errs) == 0 && len(l.Nodes) == 0 {
		l.draw(d.Max)
	}
	r.Points = d.Max
	if math.IsInf(d.Max, 1) {
		r.Points = 0 // a curve has its own points
	}
}

// lifeKeys checks that a dimension has a lifetime or a curve, and all of it.
func (p *reader) lifeKeys(d *Dimension, k *node, at map[string]*node) {
	life := []string{"lifetime", "horizon", "full_at"}
	if at["curve"] == nil {
		for _, key := range life[:2] {
			if at[key] == nil {
				p.add(k, fmt.Sprintf("dimension %s has no %s", d.Name, key),
					"write lifetime: {mean: 24mo, cv: 0.25} and horizon: 4mo, or a curve")
			}
		}
		if d.Max <= 0 && at["lifetime"] != nil {
			p.add(k, fmt.Sprintf("dimension %s has max %v: a chance gives points up to max", d.Name, d.Max), "write max: 100")
		}
		return
	}
	for _, key := range life {
		if at[key] != nil {
			p.add(at[key], fmt.Sprintf("the dimension has curve and %s", key), "keep one: a curve says what each age is worth")
		}
	}
}

func (p *reader) anchor(r *Rule, v *node) {
	p.fields(v, "anchor", map[string]func(k, v *node){
		"event":  func(_, v *node) { r.Event = p.eventName(v) },
		"where":  func(_, v *node) { r.Tests = p.tests(v, false) },
		"pick":   func(_, v *node) { r.Life.First = p.oneOf(v, "pick", "last", "first") == "first" },
		"ignore": func(_, v *node) { p.ignore(&draft{Rule: r}, v) },
	})
	if v.kind == mapNode && !slices.ContainsFunc(v.keys, func(k *node) bool { return k.text == "event" }) {
		p.add(v, "anchor names no event", "write anchor: {event: purchase}")
	}
}

// Bounds of a lifetime: shapes that the distributions bear and a shop sees.
const (
	cvMin, cvMax     = 0.05, 1
	lifeMin, lifeMax = 864e5, 50 * 365.25 * 864e5
)

func (p *reader) lifetime(l *Life, v *node) {
	p.fields(v, "lifetime", map[string]func(k, v *node){
		"mean": func(_, v *node) {
			if l.Mean = p.span(v, "mean"); l.Mean > 1 && (l.Mean < lifeMin || l.Mean > lifeMax) {
				p.add(v, fmt.Sprintf("mean is %s", v.text), "write a length of time from 1d to 50y")
			}
		},
		"cv": func(_, v *node) {
			if l.CV = p.number(v, "cv"); v.text != "" && (l.CV < cvMin || l.CV > cvMax) {
				p.add(v, fmt.Sprintf("cv is %s", v.word()), "write the spread beside the mean, from 0.05 (all wear out alike) to 1 (age says nothing)")
			}
		},
		"family": func(_, v *node) { l.Weibull = p.oneOf(v, "family", "gamma", "weibull") == "weibull" },
		"learn":  func(_, v *node) { l.Learn = p.learn(v) },
	})
	if v.kind == mapNode && (l.Mean == 0 || l.CV == 0) {
		p.add(v, "lifetime lacks mean or cv", "write lifetime: {mean: 24mo, cv: 0.25}")
	}
}

func (p *reader) learn(v *node) *Learn {
	l := &Learn{Min: 30}
	p.fields(v, "learn", map[string]func(k, v *node){
		"per":             func(_, v *node) { l.Per = p.text(v, "per") },
		"min_repurchases": func(_, v *node) { l.Min = int(p.whole(v, "min_repurchases", 1, 1e6)) },
	})
	return l
}

// share reads a part of one, above nothing.
func (p *reader) share(v *node, of string) float64 {
	f, ok := plainNumber(v)
	if !ok || f <= 0 || f > 1 {
		p.add(v, fmt.Sprintf("%s is %s", of, v.word()), "write a share above 0 and at most 1, as in 0.45")
		return 1
	}
	return max(f, 1e-6)
}

const curveMost = 64

// curve reads what each age is worth: straight lines between the pairs.
func (p *reader) curve(l *Life, v *node) {
	items := p.items(v, "curve", curveMost)
	if len(items) < 2 {
		p.add(v, "curve wants two points at least", "write curve: [[0, 0], [20mo, 80], [24mo, 100]]")
		return
	}
	for i, n := range items {
		if n.kind != listNode || len(n.values) != 2 {
			p.add(n, "a point of a curve is an age and its points", "write [20mo, 80]")
			return
		}
		age := int64(0)
		if a := n.values[0]; a.text != "0" || a.kind != scalarNode {
			age = p.span(a, "an age")
		}
		if i == 0 && age != 0 || i > 0 && age <= l.Nodes[i-1].Age {
			p.add(n, fmt.Sprintf("point %d of the curve is at %s", i+1, n.values[0].text), "begin at 0 and go on by age")
			return
		}
		l.Nodes = append(l.Nodes, Node{Age: age, Value: p.points(n.values[1], "a point of a curve")})
		if i > 0 {
			a, b := &l.Nodes[i-1], &l.Nodes[i]
			a.Slope = (b.Value - a.Value) / float64(b.Age-a.Age)
		}
	}
}
