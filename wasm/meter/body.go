package meter

import "fmt"

// totals are what all functions of a module have together.
type totals struct{ complexity, squares int }

func (s *totals) check(r *reader, at int) {
	if s.complexity > complexSumMax {
		r.refuse(at, fmt.Sprintf("at most %d in a module", complexSumMax), "a complexity of %d", s.complexity)
	}
	if s.squares > loopSquares {
		r.refuse(at, fmt.Sprintf("at most %d", loopSquares), "the squares of the loops of each function sum to %d", s.squares)
	}
}

// body reads the locals and instructions of one function. An engine's time for
// it grows with blocks times nesting and locals times nested loops: that is its
// complexity.
func (m *Module) body(r *reader, i int, sum *totals) {
	b := &m.bodies[i]
	b.locals, b.end = uint32(r.at), uint32(r.end)
	m.readLocals(r, i, b)
	b.code = uint32(r.at)
	w := bodyWalk{locals: int(b.n), own: m.author == Own}
	w.kinds[0], w.nest = opBlock, 1
	for r.err == nil && w.nest > 0 {
		in := m.decode(r, int(b.n), w.nest)
		if r.err == nil {
			w.step(r, &in)
		}
		b.bulk = b.bulk || in.op == opMemoryInit || in.op == opMemoryCopy || in.op == opMemoryFill
		m.grows = m.grows || in.op == opMemoryGrow
	}
	sum.complexity += w.complexity
	sum.squares += w.loops * w.loops
}

func (m *Module) readLocals(r *reader, i int, b *body) {
	n := int(m.types[m.funcs[i]].nParams)
	for range r.count("groups of locals", localsMax, 2) {
		start := r.at
		if n += r.u32(); n > localsMax {
			r.refuse(start, fmt.Sprintf("at most %d", localsMax), "%d locals", n)
			return
		}
		r.valType()
	}
	b.n = uint16(n)
}

// bodyWalk counts what bounds one function.
type bodyWalk struct {
	kinds                  [nestMax + 1]byte // of the open blocks
	nest, loopNest, locals int
	loops, blocks, targets int
	complexity             int
	own                    bool
}

func (w *bodyWalk) step(r *reader, in *instr) {
	limit := func(n, most int, what string) {
		if n > most && !w.own {
			r.refuse(in.at, fmt.Sprintf("at most %d", most), "%d %s", n, what)
		}
	}
	switch in.op {
	case opBlock, opLoop, opIf:
		if w.nest > nestMax {
			r.refuse(in.at, fmt.Sprintf("at most %d", nestMax), "%d nested blocks", w.nest)
			return
		}
		w.kinds[w.nest] = byte(in.op)
		w.nest++
		w.blocks++
		if in.op == opLoop {
			w.loops++
			w.loopNest++
		}
		w.complexity += w.nest + w.locals*(1+w.loopNest)
		limit(w.blocks, blocksMax, "blocks in a function")
		limit(w.loops, loopsMax, "loops in a function")
	case opElse:
		if w.kinds[w.nest-1] != opIf {
			r.refuse(in.at, wellFormed, "an else without if")
			return
		}
		w.kinds[w.nest-1] = opElse
	case opEnd:
		w.nest--
		if w.kinds[w.nest] == opLoop {
			w.loopNest--
		}
	case opBrTable:
		w.targets += in.imm
		w.complexity += in.imm * w.nest
		limit(w.targets, targetSumMax, "targets of br_tables in a function")
	default:
		return
	}
	limit(w.complexity, complexMax, "for a function's complexity")
}
