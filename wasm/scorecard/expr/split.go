package expr

import "fmt"

// Split takes apart what can be known when one field arrives: each part reads the
// inputs of one group only and is a number or a truth; rest makes the whole of
// the parts. group returns the group of an input, < 0 for one that rest reads
// itself. It fails where texts of two groups meet: a part is no text.
func (e *Expr) Split(group func(in InputDef) int) (rest *Expr, parts []*Expr, err *Error) {
	s := &splitter{e: e, group: group, rest: &Expr{Source: e.Source}, seen: map[string]int{}}
	s.rest.Root = s.cut(e.Root)
	return s.rest, s.parts, s.err
}

type splitter struct {
	e     *Expr
	group func(in InputDef) int
	rest  *Expr
	parts []*Expr
	seen  map[string]int // :: Key → index in parts
	err   *Error
}

const (
	noGroup = -1 - iota
	manyGroups
)

// of says from which group alone a node reads.
func (s *splitter) of(n *Node) int {
	if n.Op == Input {
		if g := s.group(s.e.Inputs[n.In]); g >= 0 {
			return g
		}
		return manyGroups
	}
	all := noGroup
	for _, a := range n.Args {
		switch g := s.of(a); {
		case g == noGroup || g == all:
		case all == noGroup:
			all = g
		default:
			return manyGroups
		}
	}
	return all
}

func (s *splitter) cut(n *Node) *Node {
	switch g := s.of(n); {
	case g == noGroup:
		return n
	case n.Type == Text:
		if s.err == nil {
			s.err = &Error{What: "texts of several attributes meet", Fix: "compare each with a text written out: a lead's texts are not kept, only the answers about them"}
		}
		return n
	case g >= 0:
		return s.part(n)
	}
	out := *n
	if n.Op == Input {
		out.In = s.input(s.e.Inputs[n.In])
		return &out
	}
	out.Args = make([]*Node, len(n.Args))
	for i, a := range n.Args {
		out.Args[i] = s.cut(a)
	}
	return &out
}

func (s *splitter) input(def InputDef) int {
	for i, d := range s.rest.Inputs {
		if d == def {
			return i
		}
	}
	s.rest.Inputs = append(s.rest.Inputs, def)
	return len(s.rest.Inputs) - 1
}

// part makes a part of n and returns the node that stands for it.
func (s *splitter) part(n *Node) *Node {
	p := &Expr{Source: s.e.Source}
	p.Root = s.own(p, n)
	key := p.Key()
	i, ok := s.seen[key]
	if !ok {
		i = len(s.parts)
		s.seen[key] = i
		s.parts = append(s.parts, p)
	}
	def := InputDef{Name: fmt.Sprint(i), Part: i + 1}
	if n.Type == Bool {
		def.Read = ReadHas
	}
	return &Node{Op: Input, Type: n.Type, In: s.input(def)}
}

// own copies n, with its inputs numbered anew.
func (s *splitter) own(p *Expr, n *Node) *Node {
	out := *n
	if n.Op == Input {
		def := s.e.Inputs[n.In]
		for i, d := range p.Inputs {
			if d == def {
				out.In = i
				return &out
			}
		}
		out.In = len(p.Inputs)
		p.Inputs = append(p.Inputs, def)
		return &out
	}
	out.Args = make([]*Node, len(n.Args))
	for i, a := range n.Args {
		out.Args[i] = s.own(p, a)
	}
	return &out
}
