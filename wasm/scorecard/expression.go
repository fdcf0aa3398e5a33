package scorecard

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"ripen/wasm"
	"ripen/wasm/scorecard/expr"
)

// Expression is a condition written as a text: when: "amount > 50 && vip". Over
// an event it is asked when the event is folded. Over a lead's attributes it is
// taken apart: what reads one attribute is worked out when an event carries that
// attribute and kept in a [Cell]; Rest makes the answer of cells and dimensions.
type Expression struct {
	*expr.Expr
	Rest *expr.Expr // Expr itself over an event
	At   []int      // :: input of Rest → slot, dimension, cell or rule

	parts []*expr.Expr
}

// Cell is what a lead keeps of one attribute for expressions: a number, or a
// truth as 0 or 1.
type Cell struct {
	Expr *expr.Expr
	At   []int   // :: input → slot
	Zero float64 // its value while the attribute is missing
}

// when reads the key when: of a rule: attributes, or an expression over the event
// that the rule names, else over attributes.
func (p *reader) when(w *draft) {
	switch v := w.when; {
	case v == nil:
	case v.kind != scalarNode:
		w.Tests = append(w.Tests, p.tests(v, true)...)
	case w.asksLead():
		w.When = p.expression(v, overLead)
	default:
		w.When = p.expression(v, overEvent)
	}
}

// asksLead says whether the rule waits for no event, so that when: asks the lead.
func (w *draft) asksLead() bool {
	return w.at["event"] == nil && w.at["absent"] == nil && w.at["unanswered"] == nil
}

// scope is what an expression may read.
type scope uint8

const (
	overEvent scope = iota // the fields of an event
	overLead               // the attributes of a lead
	overGate               // attributes and dimensions
	overDims               // dimensions
)

// expression reads a text over what its scope allows.
func (p *reader) expression(v *node, of scope) *Expression {
	env := expr.Env{Open: of != overDims, Fields: map[string]expr.Field{}, Of: "a dimension", Past: of == overGate, Did: of == overGate || of == overLead}
	if env.Open {
		DeclarePlaces(env)
	}
	if of >= overGate {
		for _, d := range p.card.Dims {
			if d.Name != "" {
				env.Fields[d.Name] = expr.Field{Type: expr.Num, Moves: true}
			}
		}
	}
	x, errs := expr.Check(v.text, env)
	for _, e := range errs {
		p.add(v.at(e.Pos), e.What, e.Fix)
	}
	if x == nil {
		return &Expression{}
	}
	out := &Expression{Expr: x, Rest: x}
	if of == overDims {
		p.card.assignLead(out)
	}
	if of == overEvent || of == overDims {
		return out
	}
	names := []string{}
	rest, parts, err := x.Split(func(in expr.InputDef) int {
		if in.Moves || IsPast(in) {
			return -1
		}
		if !slices.Contains(names, in.Name) {
			names = append(names, in.Name)
		}
		return slices.Index(names, in.Name)
	})
	if err != nil {
		p.add(v.at(err.Pos), err.What, err.Fix)
		return out
	}
	out.Rest, out.parts = rest, parts
	return out
}

// at is the place of a byte of a scalar's text: exact in one line, else where the
// scalar begins.
func (n *node) at(pos int) *node {
	out := &node{line: n.line, col: n.col, bad: n.bad}
	before := n.text[:min(pos, len(n.text))]
	chars := utf8.RuneCountInString(before)
	switch n.quote {
	case '|':
		return out
	case '\'': // doubled inside
		chars += 1 + strings.Count(before, "'")
	case '"': // escaped inside, as is a backslash
		chars += 1 + strings.Count(before, `"`) + strings.Count(before, `\`)
	}
	out.col += chars
	return out
}

// slotOf returns the slot that an input of an expression reads.
func (c *Card) slotOf(in expr.InputDef, trait bool) int {
	def := SlotDef{Name: in.Name, Trait: trait}
	switch in.Read {
	case expr.ReadNum:
		def.View = ViewNum
	case expr.ReadText:
		def.View = ViewText
	case expr.ReadHas:
		def.View = ViewHas
	case expr.ReadMatches:
		def.View, def.Test = ViewTest, &Test{Op: OpMatch, Regex: regexp.MustCompile(in.Arg)}
	case expr.ReadListed:
		def.View, def.Test = ViewTest, &Test{Op: OpList, List: in.Arg}
		c.wantList(in.Arg)
	}
	return c.slot(def)
}

// assignEvent gives an expression over an event its slots.
func (c *Card) assignEvent(x *Expression) {
	for _, in := range x.Rest.Inputs {
		x.At = append(x.At, c.slotOf(in, false))
	}
}

// assignLead gives an expression over a lead its cells and dimensions.
func (c *Card) assignLead(x *Expression) {
	for _, in := range x.Rest.Inputs {
		switch {
		case IsPast(in):
			x.At = append(x.At, c.watch(in))
		case in.Moves:
			x.At = append(x.At, slices.IndexFunc(c.Dims, func(d *Dimension) bool { return d.Name == in.Name }))
		default:
			x.At = append(x.At, c.cell(x.parts[in.Part-1]))
		}
	}
}

// assignPast adds the rules that keep what an expression asks of the past.
func (c *Card) assignPast(x *Expression) {
	for _, in := range x.Rest.Inputs {
		if IsPast(in) {
			c.watch(in)
		}
	}
}

// cell returns the index of the cell that holds a part, adding it if it is new.
func (c *Card) cell(part *expr.Expr) int {
	key := part.Key()
	if i := slices.IndexFunc(c.Cells, func(o *Cell) bool { return o.Expr.Key() == key }); i >= 0 {
		return i
	}
	cell := &Cell{Expr: part, Zero: part.Eval(func(int) expr.Value { return expr.Value{} }, nil).Num}
	for _, in := range part.Inputs {
		cell.At = append(cell.At, c.slotOf(in, true))
	}
	c.Cells = append(c.Cells, cell)
	return len(c.Cells) - 1
}

// OfDims says whether the expression asks for points of dimensions.
func (x *Expression) OfDims() bool {
	return x != nil && x.Expr != nil && slices.ContainsFunc(x.Inputs, func(in expr.InputDef) bool { return in.Moves && !IsPast(in) })
}

// Moves says whether the gate's answer may turn by itself.
func (g *Gate) Moves() bool {
	return g.When != nil && slices.ContainsFunc(g.When.Rest.Inputs, func(in expr.InputDef) bool { return in.Moves || IsPast(in) })
}

// Wakes says whether a lead that is not scored may come back by itself.
func (c *Card) Wakes() bool {
	return slices.ContainsFunc(c.Gates, func(g *Gate) bool { return g.Skip && g.Moves() })
}

// valueOf is a slot as an expression sees it: what is missing, or has no such
// form, is the zero value.
func valueOf(s *wasm.Slot, read expr.Read) expr.Value {
	switch {
	case read == expr.ReadNum && s.Tag == wasm.Float:
		return expr.Value{Num: floatOf(s)}
	case read == expr.ReadText && s.Tag == wasm.String:
		return expr.Value{Text: string(s.Str)}
	case read >= expr.ReadHas && s.Tag == wasm.Bool:
		return expr.Truth(s.Num != 0)
	}
	return expr.Value{}
}

func valueIn(x *expr.Expr, at []int, ev *wasm.Event) expr.Value {
	return x.Eval(func(i int) expr.Value { return valueOf(&ev.Slots[at[i]], x.Inputs[i].Read) }, nil)
}

// holds answers an expression over an event.
func (x *Expression) holds(ev *wasm.Event) bool {
	return x == nil || valueIn(x.Rest, x.At, ev).Num != 0
}

// foldCells works out the cells whose attribute an event carries.
func (e *Eval) foldCells(ev *wasm.Event) {
	for i, c := range e.card.Cells {
		if ev.Slots[c.At[0]].Tag != wasm.Missing {
			e.cells[i] = valueIn(c.Expr, c.At, ev).Num
		}
	}
}

// asks answers an expression over a lead. It notes when a comparison of a
// dimension may turn.
func (e *Eval) asks(x *Expression, dims []float64, moves []motion, k *clock) bool {
	if x == nil {
		return true
	}
	in := func(i int) expr.Value {
		switch def := &x.Rest.Inputs[i]; {
		case IsPast(*def):
			return expr.Value{Num: e.past(def.Read, e.card.Rules[x.At[i]], k)}
		case def.Moves:
			return expr.Value{Num: dims[x.At[i]]}
		}
		return expr.Value{Num: e.cells[x.At[i]]}
	}
	return x.Rest.Eval(in, func(n *expr.Node, above float64) {
		m := e.motion(x, n.Args[0], moves)
		m.add(e.motion(x, n.Args[1], moves).times(-1))
		k.edge(n.Op, above, m)
	}).Num != 0
}

// Holds says whether the action is for a lead whose dimensions are these.
func (a *Action) Holds(dims []float64) bool {
	return a.When == nil || a.When.Rest.Eval(func(i int) expr.Value { return expr.Value{Num: dims[a.When.At[i]]} }, nil).Num != 0
}

// edge notes when a comparison may turn whose left side is above its right by so
// much. Which thresholds it has depends on the operation.
func (k *clock) edge(op expr.Op, above float64, m motion) {
	cross := func(at float64, over bool) {
		if over {
			k.reach(above-at, m.down, m.downMass)
		} else {
			k.reach(at-above, m.up, m.upMass)
		}
	}
	if op != expr.Gt && op != expr.Le {
		cross(-Near, above >= -Near)
	}
	if op != expr.Ge && op != expr.Lt {
		cross(Near, above > Near)
	}
}

// motion bounds how a number made of dimensions moves.
func (e *Eval) motion(x *Expression, n *expr.Node, moves []motion) motion {
	switch {
	case !n.Moves:
		return motion{}
	case n.Op == expr.Input && IsPast(x.Rest.Inputs[n.In]):
		return e.ageing(e.card.Rules[x.At[n.In]])
	case n.Op == expr.Input:
		return moves[x.At[n.In]]
	}
	m := e.motion(x, n.Args[0], moves)
	if len(n.Args) == 1 {
		if back := m.times(-1); n.Op == expr.Neg {
			m = back
		} else {
			m.most(back)
		}
		return m
	}
	b := e.motion(x, n.Args[1], moves)
	switch n.Op {
	case expr.Add:
		m.add(b)
	case expr.Sub:
		m.add(b.times(-1))
	case expr.Min, expr.Max:
		m.most(b)
	default:
		m.add(b)
		m = m.times(Factor(n))
	}
	return m
}

// Factor is the written number by which a Mul or Div node multiplies what moves.
func Factor(n *expr.Node) float64 {
	switch {
	case n.Op == expr.Div && n.Args[1].Num == 0:
		return 0
	case n.Op == expr.Div:
		return 1 / n.Args[1].Num
	case n.Args[0].Op == expr.Const:
		return n.Args[0].Num
	}
	return n.Args[1].Num
}

// most makes m a bound of either of two values' motions.
func (m *motion) most(o motion) {
	m.down, m.up = max(m.down, o.down), max(m.up, o.up)
	m.downMass, m.upMass = max(m.downMass, o.downMass), max(m.upMass, o.upMass)
}
