package expr

import (
	"fmt"
	"strings"
)

// Type is the type of a value.
type Type uint8

// The types.
const (
	Any  Type = iota // of a field: what its use asks for
	Num              // a float64, never NaN
	Text             // UTF-8
	Bool
)

// Op is what a node does with its arguments.
type Op uint8

// The operations. There are no others.
const (
	Const Op = iota // Num or Text; a truth is 0 or 1
	Input           // the value of Expr.Inputs[In]
	Not
	And // of two or more, left to right
	Or
	If // Args[0] ? Args[1] : Args[2]
	Eq // of two of one type
	Ne
	Lt // of numbers
	Le
	Gt
	Ge
	Among // one of Nums or Texts
	Neg
	Add
	Sub
	Mul
	Div
	Min
	Max
	Abs
	Floor
	Size // characters of a text
	Contains
	StartsWith
	EndsWith
)

// Node is a part of a checked expression.
type Node struct {
	Op    Op
	Type  Type // Num, Text or Bool
	Args  []*Node
	Num   float64
	Text  string // of a Const, and what Contains, StartsWith and EndsWith look for
	Nums  []float64
	Texts []string
	In    int
	Moves bool // a number that changes by itself; a comparison of such
}

// Read is the form in which an input is wanted.
type Read uint8

// The forms.
const (
	ReadNum Read = iota
	ReadText
	ReadHas     // whether it is there and not empty
	ReadMatches // whether the regular expression Arg finds something in it
	ReadListed  // whether it is in the list named Arg
	ReadCount   // how many events of this type lie within Span, at most CountMax
	ReadSince   // for how many days there was none; without end if there never was
	ReadDid     // what Name says of the lead's behaviour, of Arg
)

// InputDef says where the value of an Input node comes from.
type InputDef struct {
	Name  string
	Read  Read
	Arg   string
	Span  int64 // ms
	Moves bool
	Part  int // after Split: 1 + the index of the part whose value it is; else 0
}

// Expr is a checked expression. It is immutable.
type Expr struct {
	Source string
	Root   *Node
	Inputs []InputDef
}

// Key is the same for two expressions that are always equal by their form.
func (e *Expr) Key() string {
	var b strings.Builder
	var walk func(n *Node)
	walk = func(n *Node) {
		fmt.Fprintf(&b, "(%d,%d,%x,%q,%x,%q", n.Op, n.Type, n.Num, n.Text, n.Nums, n.Texts)
		if n.Op == Input {
			fmt.Fprintf(&b, ",%+v", e.Inputs[n.In])
		}
		for _, a := range n.Args {
			walk(a)
		}
		b.WriteByte(')')
	}
	walk(e.Root)
	return b.String()
}

// Error is one thing wrong with an expression.
type Error struct {
	Pos  int // byte offset in the source
	What string
	Fix  string
}

func (e *Error) Error() string { return fmt.Sprintf("at %d: %s; %s", e.Pos, e.What, e.Fix) }
