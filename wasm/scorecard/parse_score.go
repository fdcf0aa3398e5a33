package scorecard

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

func (p *reader) score(v *node) {
	c := &p.card.Score
	var of, table *node
	p.fields(v, "score", map[string]func(k, v *node){
		"combine": func(_, v *node) { c.How = p.oneOf(v, "combine", "sum", "weighted", "max", "grade", "model") },
		"of":      func(k, v *node) { of = k; p.terms(v) },
		"table":   func(_, v *node) { table = v },
		"scale":   func(_, v *node) { p.scale(v) },
	})
	switch {
	case c.How == "grade":
		p.table(v, of, table)
	case table != nil:
		p.add(table, "a table belongs to combine: grade", "write combine: grade, or remove the table")
	case c.How == "model":
		p.onlyModel(v)
	}
}

// table reads what each grade is worth.
func (p *reader) table(v, of, table *node) {
	c, grid := &p.card.Score, p.card.GradeNames()
	if of != nil {
		p.add(of, "combine: grade looks at grades alone", "remove of")
	}
	switch {
	case len(grid) == 1:
		p.add(v, "combine: grade, and no dimension has grades", "write grades: {A: 75, B: 50} in a dimension")
		return
	case table == nil || table.kind != mapNode:
		p.add(v, "combine: grade has no table", "write table: {"+grid[1]+": 100, …} with all of "+strings.Join(grid[1:], ", "))
		return
	}
	c.Terms, c.Table = nil, make([]float64, len(grid))
	known := make(map[string]func(k, v *node), len(grid))
	missing := slices.Clone(grid[1:])
	for i, g := range grid[1:] {
		known[g] = func(_, v *node) {
			c.Table[i+1] = p.points(v, g)
			missing = slices.DeleteFunc(missing, func(m string) bool { return m == g })
		}
	}
	p.fields(table, "the table of grades", known)
	if len(missing) > 0 {
		p.add(table, "the table lacks "+strings.Join(missing, ", "), "say what each grade is worth")
	}
}

// onlyModel makes one dimension of kind model the score.
func (p *reader) onlyModel(v *node) {
	c, models := &p.card.Score, []int{}
	for i, d := range p.card.Dims {
		if d.Kind == "model" {
			models = append(models, i)
		}
	}
	switch {
	case len(c.Terms) == 0 && len(models) == 1:
		c.Terms = []Term{{Dim: models[0], Times: 1}}
	case len(c.Terms) != 1 || !slices.Contains(models, c.Terms[0].Dim):
		p.add(v, "combine: model wants one dimension of kind model", "write of: [{dimension: <name>}] with a dimension of kind: model")
	}
}

// defaultTerms counts every dimension once where the card does not say.
func (p *reader) defaultTerms() {
	c := &p.card.Score
	if len(c.Terms) > 0 || c.How == "grade" {
		return
	}
	for i := range p.card.Dims {
		c.Terms = append(c.Terms, Term{Dim: i, Times: 1})
	}
}

func (p *reader) terms(v *node) {
	items := p.items(v, "of", dimensionsMax)
	if len(items) == 0 {
		p.add(v, "of names no dimension", "write of: [{dimension: fit, times: 1}]")
	}
	names := []string{}
	for _, d := range p.card.Dims {
		names = append(names, d.Name)
	}
	named := given(names)
	if len(named) == 0 {
		return // that the card has no dimensions, or one without a name, is said already
	}
	for _, n := range items {
		t := Term{Dim: -1, Times: 1}
		p.fields(n, "a term of the score", map[string]func(k, v *node){
			"dimension": func(_, v *node) {
				if t.Dim = slices.Index(names, v.text); t.Dim < 0 {
					p.oneOf(v, "dimension", named...)
				}
			},
			"times": func(_, v *node) { t.Times = p.points(v, "times") },
		})
		if t.Dim < 0 && n.kind == mapNode && !slices.ContainsFunc(n.keys, func(k *node) bool { return k.text == "dimension" }) {
			p.add(n, "the term names no dimension", "write {dimension: fit, times: 1}")
		}
		if slices.ContainsFunc(p.card.Score.Terms, func(o Term) bool { return o.Dim == t.Dim && t.Dim >= 0 }) {
			p.add(n, fmt.Sprintf("dimension %s stands twice", names[t.Dim]), "add the two times together")
		}
		p.card.Score.Terms = append(p.card.Score.Terms, t)
	}
}

func (p *reader) scale(v *node) {
	c := &p.card.Score
	pair := func(of string, to *[2]float64) func(k, v *node) {
		return func(_, v *node) {
			if v.kind != listNode || len(v.values) != 2 {
				p.add(v, of+" wants two numbers", "write scale: {from: [0, 100], to: [1, 100]}")
				return
			}
			to[0], to[1] = p.points(v.values[0], of), p.points(v.values[1], of)
			if to[0] >= to[1] {
				p.add(v, fmt.Sprintf("%s goes from %v to %v", of, to[0], to[1]), "write the smaller number first")
				to[0], to[1] = 0, 100
			}
		}
	}
	p.fields(v, "scale", map[string]func(k, v *node){"from": pair("from", &c.From), "to": pair("to", &c.To)})
	if c.To[0] < 0 || c.To[1] > 100 {
		p.add(v, fmt.Sprintf("the scale ends at %v and %v", c.To[0], c.To[1]), "a score stays within 0 and 100: write to: [1, 100]")
	}
}

func (p *reader) gates(v *node) {
	for i, n := range p.items(v, "gates", gatesMax) {
		g := &Gate{ID: strconv.Itoa(i + 1), Max: math.Inf(1)}
		p.fields(n, "a gate", map[string]func(k, v *node){
			"id": func(_, v *node) { g.ID = p.name(v, "id") },
			"when": func(_, v *node) {
				if g.Text = v.flow(); v.kind == scalarNode {
					g.When = p.expression(v, overGate)
				} else {
					g.Tests = p.tests(v, true)
				}
			},
			"max":  func(_, v *node) { g.Max = p.points(v, "max") },
			"skip": func(_, v *node) { g.Skip = p.boolean(v, "skip") },
			"why":  func(_, v *node) { g.Why = p.why(v); p.placeholders(v, g.Why, []string{"points"}) },
		})
		if n.kind == mapNode && len(g.Tests) == 0 && g.When == nil {
			p.add(n, "the gate has no when", "write when: {field: value}")
		}
		if n.kind == mapNode && g.Skip == !math.IsInf(g.Max, 1) {
			p.add(n, "the gate does nothing, or two things", "write either max: 5 or skip: true")
		}
		if slices.ContainsFunc(p.card.Gates, func(o *Gate) bool { return o.ID == g.ID }) {
			p.add(n, fmt.Sprintf("a gate %s stands above already", g.ID), "give each gate an id of its own; without one it is called by its number")
		}
		p.card.Gates = append(p.card.Gates, g)
	}
}

// bandsMax is how many bands a card has at most.
const bandsMax = 32

func (p *reader) bands(v *node) {
	grid := p.card.GradeNames()
	for _, n := range p.items(v, "bands", bandsMax) {
		b := Band{From: -1, Leave: -1}
		p.fields(n, "a band", map[string]func(k, v *node){
			"name":    func(_, v *node) { b.Name = p.name(v, "name") },
			"from":    func(_, v *node) { b.From = int(p.whole(v, "from", 0, 100)) },
			"leave":   func(_, v *node) { b.Leave = int(p.whole(v, "leave", 0, 100)) },
			"require": func(_, v *node) { p.require(&b, v, grid) },

			"people":    func(_, v *node) { b.People = int(p.whole(v, "people", 0, 1e9)) },
			"converted": func(_, v *node) { b.Converted = int(p.whole(v, "converted", 0, 1e9)) },
		})
		if n.kind == mapNode {
			p.checkBand(&b, n)
		}
		p.card.Bands = append(p.card.Bands, b)
	}
}

func (p *reader) checkBand(b *Band, n *node) {
	if b.Name == "" || b.From < 0 {
		p.add(n, "the band lacks name or from", "write {name: mql, from: 50}")
		return
	}
	if b.Leave < 0 {
		b.Leave = b.From
	}
	if b.Converted > b.People {
		p.add(n, fmt.Sprintf("band %s: %d of %d people converted", b.Name, b.Converted, b.People), "converted is at most people")
	}
	if b.Leave > b.From {
		p.add(n, fmt.Sprintf("band %s is left at %d, above where it begins", b.Name, b.Leave), "leave is at or below from")
	}
	if k := len(p.card.Bands); k > 0 && p.card.Bands[k-1].From >= b.From {
		p.add(n, fmt.Sprintf("band %s begins at %d, not above the one before it", b.Name, b.From), "list bands from the lowest up")
	}
	for _, o := range p.card.Bands {
		if o.Name == b.Name {
			p.add(n, fmt.Sprintf("band %s stands twice", b.Name), "give each its own name")
		}
	}
}

func (p *reader) require(b *Band, v *node, grid []string) {
	p.fields(v, "require", map[string]func(k, v *node){
		"grade": func(_, v *node) {
			for _, n := range p.items(v, "grade", 256) {
				if len(grid) <= 1 {
					p.add(n, "no dimension has grades", "write grades: {A: 75, B: 50} in a dimension")
					return
				}
				b.Grades = append(b.Grades, p.oneOf(n, "grade", grid[1:]...))
			}
		},
	})
	if v.kind == mapNode && len(b.Grades) == 0 && len(grid) > 1 {
		p.add(v, "require asks for nothing", "write require: {grade: [A, B]}, or leave it out")
	}
}
