package expr

import (
	"fmt"
	"strings"
)

// Say says the expression in English, or in Spanish.
func (e *Expr) Say(spanish bool) string {
	s := &sayer{e: e, es: spanish}
	return s.node(e.Root, 0)
}

type sayer struct {
	e  *Expr
	es bool
}

func (s *sayer) pick(en, es string) string {
	if s.es {
		return es
	}
	return en
}

// How strongly what is said holds together.
const (
	looseOr = 1 + iota
	looseAnd
	looseTest
	looseSum
	looseProduct
	looseSign
)

// node says n, in brackets if it holds together less than outer.
func (s *sayer) node(n *Node, outer int) string {
	text, mine := s.words(n)
	if mine < outer {
		return "(" + text + ")"
	}
	return text
}

func (s *sayer) list(args []*Node, outer int, between string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = s.node(a, outer)
	}
	return strings.Join(out, between)
}

var saidSigns = map[Op]string{Eq: "=", Ne: "≠", Lt: "<", Le: "≤", Gt: ">", Ge: "≥", Add: "+", Sub: "−", Mul: "×", Div: "÷"}

func (s *sayer) words(n *Node) (string, int) {
	switch n.Op {
	case Const:
		return s.constant(n), looseSign + 1
	case Input:
		return s.input(n, false)
	case Not:
		if said := s.negated(n.Args[0]); said != "" {
			return said, looseTest
		}
		return s.pick("not ", "no ") + s.node(n.Args[0], looseSign), looseTest
	case And:
		return s.list(n.Args, looseTest, s.pick(" and ", " y ")), looseAnd
	case Or:
		return s.list(n.Args, looseAnd, s.pick(" or ", " o ")), looseOr
	case If:
		return fmt.Sprintf(s.pick("if %s then %s else %s", "si %s entonces %s, si no %s"),
			s.node(n.Args[0], looseOr), s.node(n.Args[1], looseOr), s.node(n.Args[2], looseOr)), 0
	case Among, Contains, StartsWith, EndsWith:
		return s.node(n.Args[0], looseSum) + " " + s.finds(n, false), looseTest
	case Eq, Ne, Lt, Le, Gt, Ge:
		return s.compared(n, n.Op), looseTest
	case Add, Sub:
		return s.node(n.Args[0], looseSum) + " " + saidSigns[n.Op] + " " + s.node(n.Args[1], looseProduct), looseSum
	case Mul, Div:
		return s.node(n.Args[0], looseProduct) + " " + saidSigns[n.Op] + " " + s.node(n.Args[1], looseSign), looseProduct
	case Neg:
		return "−" + s.node(n.Args[0], looseSign+1), looseSign
	}
	return s.function(n), looseSign
}

// opposites are the comparisons that hold where these do not: there is no number
// that compares with nothing.
var opposites = map[Op]Op{Eq: Ne, Ne: Eq, Lt: Ge, Ge: Lt, Le: Gt, Gt: Le}

// negated says that n does not hold, "" if only a no before it can.
func (s *sayer) negated(n *Node) string {
	switch n.Op {
	case Input:
		said, _ := s.input(n, true)
		return said
	case Among, Contains, StartsWith, EndsWith:
		return s.node(n.Args[0], looseSum) + " " + s.finds(n, true)
	case Eq, Ne, Lt, Le, Gt, Ge:
		return s.compared(n, opposites[n.Op])
	}
	return ""
}

func (s *sayer) constant(n *Node) string {
	switch {
	case n.Type == Text:
		return fmt.Sprintf("%q", n.Text)
	case n.Type == Num:
		return strings.Replace(short(n.Num), "-", "−", 1)
	case n.Num != 0:
		return s.pick("always", "siempre")
	}
	return s.pick("never", "nunca")
}

func (s *sayer) input(n *Node, not bool) (string, int) {
	def := &s.e.Inputs[n.In]
	switch {
	case def.Read == ReadCount:
		return fmt.Sprintf(s.pick("the number of %s in %s", "el número de %s en %s"), def.Name, def.Arg), looseSign
	case def.Read == ReadSince:
		return s.pick("the days since ", "los días desde ") + def.Name, looseSign
	case def.Read == ReadDid:
		return s.did(def), looseSign
	case def.Read == ReadNum || def.Read == ReadText:
		return def.Name, looseSign + 1
	case def.Read == ReadMatches && not:
		return def.Name + s.pick(" not matching ", " que no casa con ") + def.Arg, looseTest
	case def.Read == ReadMatches:
		return def.Name + s.pick(" matching ", " que casa con ") + def.Arg, looseTest
	case def.Read == ReadListed && not:
		return def.Name + s.pick(" not in the list ", " fuera de la lista ") + def.Arg, looseTest
	case def.Read == ReadListed:
		return def.Name + s.pick(" in the list ", " en la lista ") + def.Arg, looseTest
	case not:
		return def.Name + s.pick(" unknown", " sin dato"), looseTest
	}
	return def.Name + s.pick(" known", " con dato"), looseTest
}

func (s *sayer) compared(n *Node, op Op) string {
	sign := saidSigns[op]
	if n.Args[0].Type != Num {
		sign = s.pick("is", "es")
		if op == Ne {
			sign = s.pick("is not", "no es")
		}
	}
	if b := n.Args[1]; b.Op == Const && b.Type == Text && b.Text == "true" {
		return s.node(n.Args[0], looseSum) + " " + sign + " true"
	}
	return s.node(n.Args[0], looseSum) + " " + sign + " " + s.node(n.Args[1], looseSum)
}

func (s *sayer) finds(n *Node, not bool) string {
	pick := func(en, notEn, es, notEs string) string {
		if not {
			return s.pick(notEn, notEs)
		}
		return s.pick(en, es)
	}
	switch n.Op {
	case Contains:
		return fmt.Sprintf(pick("contains %q", "does not contain %q", "contiene %q", "no contiene %q"), n.Text)
	case StartsWith:
		return fmt.Sprintf(pick("begins with %q", "does not begin with %q", "empieza por %q", "no empieza por %q"), n.Text)
	case EndsWith:
		return fmt.Sprintf(pick("ends with %q", "does not end with %q", "termina en %q", "no termina en %q"), n.Text)
	}
	var all []string
	for _, t := range n.Texts {
		all = append(all, fmt.Sprintf("%q", t))
	}
	for _, f := range n.Nums {
		all = append(all, short(f))
	}
	return pick("one of ", "none of ", "uno de ", "ninguno de ") + strings.Join(all, ", ")
}

func (s *sayer) function(n *Node) string {
	a := s.node(n.Args[0], looseSum)
	switch n.Op {
	case Size:
		return s.pick("the length of ", "la longitud de ") + a
	case Abs:
		return s.pick("the size without sign of ", "el valor sin signo de ") + s.node(n.Args[0], looseSign)
	case Floor:
		return s.node(n.Args[0], looseSign) + s.pick(" rounded down", " redondeado hacia abajo")
	case Min:
		return s.pick("the lower of ", "lo menor de ") + a + s.pick(" and ", " y ") + s.node(n.Args[1], looseSum)
	}
	return s.pick("the higher of ", "lo mayor de ") + a + s.pick(" and ", " y ") + s.node(n.Args[1], looseSum)
}
