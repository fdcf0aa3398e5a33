package scorecard

import (
	"fmt"
	"math"
	"slices"
)

func (p *reader) dimensions(v *node) {
	if v.kind != mapNode {
		p.add(v, "dimensions wants a map of names to dimensions", "write dimensions: {fit: {kind: attributes, …}}")
		return
	}
	for i, k := range v.keys {
		if i == dimensionsMax {
			p.add(k, "too many dimensions", fmt.Sprintf("at most %d", dimensionsMax))
			return
		}
		d := &Dimension{Name: p.name(k, "a dimension"), Max: math.Inf(1)}
		p.card.Dims = append(p.card.Dims, d)
		p.dimension(d, k, v.values[i])
	}
	if len(v.keys) == 0 {
		p.add(v, "the card has no dimensions", "write at least one")
	}
	p.oneGrid(v)
}

func (p *reader) dimension(d *Dimension, k, v *node) {
	if v.kind != mapNode {
		p.add(v, fmt.Sprintf("dimension %s is %s", d.Name, v.word()), "write {kind: behaviour, max: 100, groups: …}")
		return
	}
	var kind *node
	for i, key := range v.keys {
		if key.text == "kind" {
			kind = v.values[i]
		}
	}
	if kind == nil {
		p.add(k, fmt.Sprintf("dimension %s has no kind", d.Name), "write kind: attributes, behaviour, replenishment, rfm, btyd, model, wasm or rollup")
		return
	}
	switch d.Kind = p.oneOf(kind, "kind", "attributes", "behaviour", "replenishment", "rfm", "btyd", "model", "wasm", kindRollup); d.Kind {
	case "attributes", "behaviour":
		p.ruled(d, k, v)
	default:
		p.ownKind(d, k, v)
	}
	if d.Min > d.Max {
		p.add(k, fmt.Sprintf("dimension %s has min %v above max %v", d.Name, d.Min, d.Max), "swap them")
	}
}

// ownKind reads a dimension that is a rule of its own.
func (p *reader) ownKind(d *Dimension, k, v *node) {
	p.rule = d.Name
	defer func() { p.rule = "" }()
	switch d.Kind {
	case "replenishment":
		p.renewal(d, k, v)
	case "rfm":
		p.rfm(d, k, v)
	case "btyd":
		p.returns(d, k, v)
	case "model":
		p.model(d, k, v)
	case "wasm":
		p.module(d, k, v)
	case kindRollup:
		p.rolled(d, k, v)
	}
}

// bounded reads the keys of a dimension: those of every kind, and those given.
func (p *reader) bounded(d *Dimension, v *node, more map[string]func(k, v *node)) {
	more["kind"] = func(_, _ *node) {}
	more["max"] = func(_, v *node) { d.Max = p.points(v, "max") }
	more["min"] = func(_, v *node) { d.Min = p.points(v, "min") }
	more["grades"] = func(_, v *node) { p.grades(d, v) }
	p.fields(v, "dimension "+d.Name, more)
}

// ruled reads a dimension that is made of groups of rules.
func (p *reader) ruled(d *Dimension, k, v *node) {
	var groups *node
	p.bounded(d, v, map[string]func(k, v *node){"groups": func(_, v *node) { groups = v }})
	if groups == nil {
		p.add(k, fmt.Sprintf("dimension %s has no groups", d.Name), "write groups: {all: {rules: […]}}")
		return
	}
	p.groups(d, groups)
}

// stands says where in the file a rule is.
func (r *Rule) stands(n *node) { r.line, r.col = n.line, n.col }

// own makes a rule of what a dimension without groups says, so that it is folded,
// scored and given as a reason like any other.
func (p *reader) own(d *Dimension, id string, kind RuleKind, k *node) *Rule {
	r := &Rule{ID: id, Index: len(p.card.Rules), Kind: kind, Points: 1}
	r.stands(k)
	if i := slices.IndexFunc(p.card.Rules, func(o *Rule) bool { return o.ID == id }); i >= 0 {
		p.add(k, fmt.Sprintf("a rule on line %d is named %s as well", p.card.Rules[i].line, id), "rename one of them")
	}
	if len(p.card.Rules) == rulesMax {
		p.add(k, "too many rules", fmt.Sprintf("at most %d in a card; ten to twenty are enough", rulesMax))
		return r
	}
	p.card.Rules = append(p.card.Rules, r)
	d.Groups = append(d.Groups, &Group{Name: id, Min: math.Inf(-1), Max: math.Inf(1), Rules: []*Rule{r}})
	return r
}

func (p *reader) groups(d *Dimension, v *node) {
	if v.kind != mapNode {
		p.add(v, "groups wants a map of names to groups", "write groups: {web: {max: 40, rules: […]}}")
		return
	}
	for i, k := range v.keys {
		g := &Group{Name: p.name(k, "a group"), Max: math.Inf(1)}
		d.Groups = append(d.Groups, g)
		hasMin, negative := false, false
		p.fields(v.values[i], "group "+g.Name, map[string]func(k, v *node){
			"max":   func(_, v *node) { g.Max = p.points(v, "max") },
			"min":   func(_, v *node) { g.Min, hasMin = p.points(v, "min"), true },
			"rules": func(_, v *node) { p.rules(d, g, v) },
		})
		for _, r := range g.Rules {
			negative = negative || r.Points < 0
		}
		if !hasMin && negative {
			g.Min = math.Inf(-1)
		}
		if g.Min > g.Max {
			p.add(k, fmt.Sprintf("group %s has min %v above max %v", g.Name, g.Min, g.Max), "swap them, or give min: a lower number")
		}
		if len(g.Rules) == 0 && len(p.errs) == 0 {
			p.add(k, fmt.Sprintf("group %s has no rules", g.Name), "write rules: […] or remove it")
		}
	}
}

func (p *reader) rules(d *Dimension, g *Group, v *node) {
	for _, n := range p.items(v, "rules", rulesMax) {
		if len(p.card.Rules) == rulesMax {
			p.add(n, "too many rules", fmt.Sprintf("at most %d in a card; ten to twenty are enough", rulesMax))
			return
		}
		r := &Rule{Index: len(p.card.Rules)}
		r.stands(n)
		p.rule = ruleID(n)
		p.readRule(d, r, n)
		p.rule = ""
		g.Rules = append(g.Rules, r)
		p.card.Rules = append(p.card.Rules, r)
	}
}

// ruleID finds the id of a rule before the rest is read, so that every error
// in the rule can name it.
func ruleID(n *node) string {
	for i, k := range n.keys {
		if k.text == "id" && n.values[i].kind == scalarNode {
			return n.values[i].text
		}
	}
	return ""
}

func (p *reader) grades(d *Dimension, v *node) {
	if v.kind != mapNode || len(v.keys) == 0 {
		p.add(v, "grades wants a map of labels to points", "write grades: {A: 75, B: 50, C: 25, D: 0}")
		return
	}
	for i, k := range v.keys {
		if len(k.text) > 8 || k.text == "" {
			p.add(k, fmt.Sprintf("grade %q is not a label", k.text), "use one letter or digit")
			continue
		}
		g := Grade{Label: k.text, From: p.points(v.values[i], "grade "+k.text)}
		if n := len(d.Grades); n > 0 && d.Grades[n-1].From <= g.From {
			p.add(k, fmt.Sprintf("grade %s begins at %v, not below the one before it", k.text, g.From), "list grades from the best down")
		}
		d.Grades = append(d.Grades, g)
	}
	if len(d.Grades) > 15 {
		p.add(v, "too many grades", "at most 15 a dimension")
	}
}

func (p *reader) oneGrid(v *node) {
	n := 0
	for _, d := range p.card.Dims {
		if len(d.Grades) > 0 {
			n++
		}
	}
	if n > 2 {
		p.add(v, fmt.Sprintf("%d dimensions have grades", n), "a grid like A1 has two: remove grades from the others")
	}
}
