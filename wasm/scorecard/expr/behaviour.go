package expr

import (
	"fmt"
	"math"
)

// HalfLife is that of affinity where none is written, in ms: thirty days. HalfLifeMin
// is the shortest.
const (
	HalfLife    = 30 * 864e5
	HalfLifeMin = 10 * 60_000
)

// did checks the functions that ask how a lead behaves. Each becomes one number that
// is kept, or a formula of such.
func (c *checker) did(r *raw, f function) *Node {
	if !c.env.Did {
		c.fail(r, r.text+" is asked of a lead, not of an event", "ask it in a gate, or in when: of a rule that names no event")
		return &Node{Type: Num}
	}
	arg, span := "", float64(HalfLife)
	if len(r.args) > 0 {
		a := r.args[0]
		if a.kind != rawText && (a.kind != rawName || r.text != "affinity") || a.text == "" || len(a.text) > nameMax {
			c.fail(a, r.text+" wants "+wants[r.text], "write as in "+f.use)
			return &Node{Type: Num}
		}
		arg = a.text
	}
	if len(r.args) > 1 {
		a := r.args[1]
		if span = a.num; a.kind != rawSpan || math.IsNaN(span) || span < HalfLifeMin || span > spanMax {
			c.fail(a, "affinity wants a half-life from 10m on", "write as in affinity(pricing, 14d); m, h, d, w, mo and y are its units")
			return &Node{Type: Num}
		}
	}
	kept := func(name string) *Node { return c.input(InputDef{Name: name, Read: ReadDid, Arg: arg}) }
	of := func(op Op, args ...*Node) *Node { return c.made(r, &Node{Op: op, Type: Num, Args: args}) }
	switch r.text {
	case "affinity":
		return c.input(InputDef{Name: r.text, Read: ReadDid, Arg: arg, Span: int64(span), Moves: true})
	case "open_rate":
		return of(Min, &Node{Type: Num, Num: 1}, of(Div, kept("opened"), kept("mailed")))
	case "returns":
		return of(Max, &Node{Type: Num}, of(Sub, kept("visits"), &Node{Type: Num, Num: 1}))
	}
	return kept(r.text)
}

// wants says what the argument of a function is.
var wants = map[string]string{
	"affinity": "a topic of the tenant's topic map", "dwell": "a path in quotes", "returns": "a path in quotes", "shares": "a path in quotes",
}

// did says what is kept of a lead's behaviour.
func (s *sayer) did(def *InputDef) string {
	switch def.Name {
	case "affinity":
		return s.pick("the affinity to ", "la afinidad con ") + def.Arg
	case "opened":
		return s.pick("mails opened", "correos abiertos")
	case "mailed":
		return s.pick("mails sent", "correos enviados")
	case "dwell":
		return fmt.Sprintf(s.pick("the seconds on %s", "los segundos en %s"), def.Arg)
	case "visits":
		return fmt.Sprintf(s.pick("the visits of %s", "las visitas de %s"), def.Arg)
	}
	if def.Arg == "" {
		return s.pick("the shares", "las veces compartido")
	}
	return fmt.Sprintf(s.pick("the shares of %s", "las veces compartido %s"), def.Arg)
}
