package scorecard

import "fmt"

// returns reads a dimension of kind btyd: what a fit of BG/NBD says of a lead.
func (p *reader) returns(d *Dimension, k, v *node) {
	d.Max = 100
	r := p.own(d, d.Name, Returning, k)
	r.Event, r.Per = "purchase", PerDay
	b := &Returns{}
	r.Returns = b
	at := map[string]*node{} // :: key → its node
	shape := func(name string, into *float64) func(k, v *node) {
		return func(k, v *node) { at[name] = k; *into = p.shape(v, name) }
	}
	p.bounded(d, v, map[string]func(k, v *node){
		"event":  func(_, v *node) { r.Event = p.eventName(v) },
		"where":  func(_, v *node) { r.Tests = p.tests(v, false) },
		"ignore": func(_, v *node) { p.ignore(&draft{Rule: r}, v) },
		"r":      shape("r", &b.R),
		"a":      func(k, v *node) { at["a"] = k; b.A = p.above(v, "a", shapeMin, leaveMax) },
		"b":      shape("b", &b.B),
		"alpha": func(k, v *node) {
			at["alpha"] = k
			if b.Alpha = p.span(v, "alpha"); b.Alpha > 1 && (b.Alpha < alphaMin || b.Alpha > lifeMax) {
				p.add(v, fmt.Sprintf("alpha is %s", v.text), "write a length of time from 1h to 50y, as in 4.414w")
			}
		},
		"horizon": func(k, v *node) { at["horizon"] = k; b.Horizon = p.span(v, "horizon") },
		"full_at": func(k, v *node) { at["full_at"] = k; b.FullAt = p.above(v, "full_at", fullMin, 1e9) },
		"spend":   func(_, v *node) { b.Spend = p.spend(v) },
		"why":     func(_, v *node) { p.ownWhy(d, v) },
	})
	for _, key := range []string{"r", "alpha", "a", "b", "horizon", "full_at"} {
		if at[key] == nil {
			p.add(k, fmt.Sprintf("dimension %s has no %s", d.Name, key),
				"write r, alpha, a and b as a fit gives them, horizon: 39w and full_at: 4, or let ripen loyalty write it all")
		}
	}
	if d.Max <= 0 {
		p.add(k, fmt.Sprintf("dimension %s has max %v: what is expected gives points up to max", d.Name, d.Max), "write max: 100")
	}
	b.Most, r.Points = d.Max, d.Max
	if len(p.errs) == 0 && !b.prepare() {
		p.add(at["horizon"], fmt.Sprintf("horizon is too far beyond alpha: the series would need more than %d terms", TermsMax),
			"shorten it, to 60 times alpha or so")
	}
}

// Bounds of the parameters: beyond them a fit has found nothing.
const (
	shapeMin, shapeMax = 1e-4, 1e4
	alphaMin           = 36e5
	leaveMax           = 50 // beyond it all leave alike, and powers leave what a number holds
	fullMin            = 1e-6
)

func (p *reader) shape(v *node, of string) float64 { return p.above(v, of, shapeMin, shapeMax) }

// above reads a number within bounds.
func (p *reader) above(v *node, of string, least, most float64) float64 {
	f, ok := plainNumber(v)
	if !ok || f < least || f > most {
		p.add(v, fmt.Sprintf("%s is %s", of, v.word()), fmt.Sprintf("write a number from %v to %v", least, most))
		return 1
	}
	return f
}

// spend reads what a purchase is worth.
func (p *reader) spend(v *node) *Spend {
	s := &Spend{Value: "value"}
	p.fields(v, "spend", map[string]func(k, v *node){
		"value": func(_, v *node) { s.Value = p.text(v, "value") },
		"p":     func(_, v *node) { s.P = p.shape(v, "p") },
		"q":     func(_, v *node) { s.Q = p.above(v, "q", 1.001, shapeMax) },
		"v":     func(_, v *node) { s.V = p.above(v, "v", shapeMin, 1e9) },
	})
	if v.kind == mapNode && (s.P == 0 || s.Q == 0 || s.V == 0) {
		p.add(v, "spend lacks p, q or v", "write spend: {value: total, p: 6.25, q: 3.74, v: 15.44}")
	}
	return s
}
