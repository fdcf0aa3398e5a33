package expr

import (
	"math"
	"slices"
	"strings"
)

// Value is the value of a node. A truth is 0 or 1.
type Value struct {
	Num  float64
	Text string
}

// Truth makes a value of a bool.
func Truth(b bool) Value {
	if b {
		return Value{Num: 1}
	}
	return Value{}
}

// Eval is what an expression means. in returns the value of an input, the zero
// Value if it is missing. edge, if not nil, is told of each comparison of moving
// numbers that was asked, and how far its left side is above its right.
func (e *Expr) Eval(in func(i int) Value, edge func(n *Node, above float64)) Value {
	w := &walk{in: in, edge: edge}
	return w.value(e.Root)
}

type walk struct {
	in   func(i int) Value
	edge func(n *Node, above float64)
}

func (w *walk) num(n *Node) float64 { return w.value(n).Num }

func (w *walk) holds(n *Node) bool { return w.value(n).Num != 0 }

func (w *walk) value(n *Node) Value {
	switch n.Op {
	case Const:
		return Value{Num: n.Num, Text: n.Text}
	case Input:
		return w.in(n.In)
	case If:
		if w.holds(n.Args[0]) {
			return w.value(n.Args[1])
		}
		return w.value(n.Args[2])
	}
	if n.Type == Num {
		return Value{Num: w.number(n)}
	}
	return Truth(w.truth(n))
}

func (w *walk) number(n *Node) float64 {
	if n.Op == Size {
		return float64(runes(w.value(n.Args[0]).Text))
	}
	a := w.num(n.Args[0])
	if len(n.Args) == 1 {
		switch n.Op {
		case Neg:
			return -a
		case Abs:
			return math.Abs(a)
		}
		return math.Floor(a)
	}
	b := w.num(n.Args[1])
	switch n.Op {
	case Add:
		return finite(a + b)
	case Sub:
		return finite(a - b)
	case Mul:
		return finite(float64(a * b))
	case Min:
		return min(a, b)
	case Max:
		return max(a, b)
	}
	if b == 0 {
		return 0
	}
	return finite(a / b)
}

// runes counts the characters of a text: the bytes that do not go on with one.
func runes(s string) (n int) {
	for i := range len(s) {
		if s[i]&0xc0 != 0x80 {
			n++
		}
	}
	return n
}

func (w *walk) truth(n *Node) bool {
	switch n.Op {
	case Not:
		return !w.holds(n.Args[0])
	case And:
		return !slices.ContainsFunc(n.Args, func(a *Node) bool { return !w.holds(a) })
	case Or:
		return slices.ContainsFunc(n.Args, w.holds)
	case Among, Contains, StartsWith, EndsWith:
		return n.finds(w.value(n.Args[0]))
	}
	a, b := w.value(n.Args[0]), w.value(n.Args[1])
	if n.Moves {
		return w.near(n, finite(a.Num-b.Num))
	}
	same := a.Num == b.Num
	if n.Args[0].Type == Text {
		same = a.Text == b.Text
	}
	switch n.Op {
	case Eq:
		return same
	case Ne:
		return !same
	case Lt:
		return a.Num < b.Num
	case Le:
		return a.Num <= b.Num
	case Gt:
		return a.Num > b.Num
	}
	return a.Num >= b.Num
}

func (n *Node) finds(v Value) bool {
	switch {
	case n.Op == Contains:
		return strings.Contains(v.Text, n.Text)
	case n.Op == StartsWith:
		return strings.HasPrefix(v.Text, n.Text)
	case n.Op == EndsWith:
		return strings.HasSuffix(v.Text, n.Text)
	case n.Texts != nil:
		return slices.Contains(n.Texts, v.Text)
	}
	return slices.Contains(n.Nums, v.Num)
}

// near compares moving numbers, above being their difference: they are equal if
// they are no farther apart than Near.
func (w *walk) near(n *Node, above float64) bool {
	if w.edge != nil {
		w.edge(n, above)
	}
	reached, beyond := above >= -Near, above > Near
	switch n.Op {
	case Eq:
		return reached && !beyond
	case Ne:
		return !reached || beyond
	case Lt:
		return !reached
	case Le:
		return !beyond
	case Gt:
		return beyond
	}
	return reached
}
