package meter

// graph says who may call whom. Its nodes are the functions and, behind them,
// one for each type: an indirect call calls its type, and a type calls the
// functions of the table that have it.
type graph struct {
	to    []uint16 // the edges, node after node
	first []int32  // :: node → its first edge; one more than nodes

	order  []uint16 // nodes, whoever is called before who calls
	group  []uint16 // :: node → the cycle it belongs to
	cyclic []bool   // :: group → a call of it may lead back to it
	frame  []int    // :: group → the largest frame of its functions, in bytes

	rooted []bool   // :: function → it is called from outside: exported, the start, or in the table
	same   []uint16 // :: type → the first type that is equal

	// of the search for cycles
	seen, low []uint16
	stack     []uint16
	open      []bool
}

func (m *Module) graph() *graph {
	g := &graph{rooted: make([]bool, len(m.funcs)), same: make([]uint16, len(m.types))}
	seen := make(map[string]uint16, len(m.types))
	for i := range m.types {
		sig := m.signature(i)
		if _, ok := seen[sig]; !ok {
			seen[sig] = uint16(i)
		}
		g.same[i] = seen[sig]
	}
	for _, e := range m.exports() {
		if e.kind == 0 {
			g.rooted[e.index] = true
		}
	}
	if m.start >= 0 {
		g.rooted[m.start] = true
	}
	table := m.elements()
	for _, f := range table {
		g.rooted[f] = true
	}
	frames := make([]int, len(m.funcs)+len(m.types))
	for i := range m.funcs {
		g.first = append(g.first, int32(len(g.to)))
		frames[i] = m.calls(g, i)
	}
	for i := range m.types {
		g.first = append(g.first, int32(len(g.to)))
		for _, f := range table {
			if g.same[i] == uint16(i) && g.same[m.funcs[f]] == uint16(i) {
				g.to = append(g.to, f)
			}
		}
	}
	g.first = append(g.first, int32(len(g.to)))
	g.cycles(frames)
	return g
}

// calls adds a function's edges and returns about how many bytes of stack a call
// of it takes: all its values, as if none were ever reused.
func (m *Module) calls(g *graph, i int) (frame int) {
	b := &m.bodies[i]
	r := &reader{b: m.src, at: int(b.code), end: int(b.end)}
	values, wide := int(b.n), 1
	for r.at < r.end {
		in := m.decode(r, int(b.n), nestMax+1)
		switch {
		case in.op == opCall:
			g.to = append(g.to, uint16(in.imm))
			values += int(m.types[m.funcs[in.imm]].nResults)
		case in.op == opCallIndirect:
			g.to = append(g.to, uint16(len(m.funcs))+g.same[in.imm])
			values += int(m.types[in.imm].nResults)
		case in.op == opLocalGet, in.op == opGlobalGet, in.op >= opI32Const && in.op <= 0x44:
			values++
		case in.op>>8 == 0xfd:
			values, wide = values+1, 2
		}
	}
	return 64 + 8*wide*values
}

// cycles finds the strongly connected components, after Tarjan.
func (g *graph) cycles(frames []int) {
	n := len(g.first) - 1
	g.group = make([]uint16, n)
	g.seen, g.low, g.open = make([]uint16, n), make([]uint16, n), make([]bool, n)
	next := uint16(1)
	for v := range n {
		if g.seen[v] == 0 {
			g.visit(uint16(v), &next, frames)
		}
	}
}

// visit is at most as deep as there are functions and types.
func (g *graph) visit(v uint16, next *uint16, frames []int) {
	g.seen[v], g.low[v] = *next, *next
	*next++
	g.stack, g.open[v] = append(g.stack, v), true
	itself := false
	for _, w := range g.to[g.first[v]:g.first[v+1]] {
		if g.seen[w] == 0 {
			g.visit(w, next, frames)
			g.low[v] = min(g.low[v], g.low[w])
		} else if g.open[w] {
			g.low[v] = min(g.low[v], g.seen[w])
		}
		itself = itself || w == v
	}
	if g.low[v] != g.seen[v] {
		return
	}
	id, size, frame := uint16(len(g.cyclic)), 0, 0
	for {
		w := g.stack[len(g.stack)-1]
		g.stack, g.open[w] = g.stack[:len(g.stack)-1], false
		g.group[w] = id
		g.order = append(g.order, w)
		frame = max(frame, frames[w])
		if size++; w == v {
			break
		}
	}
	g.cyclic, g.frame = append(g.cyclic, itself || size > 1), append(g.frame, frame)
}

// inCycle says whether a call from one node to another may come back to it.
func (g *graph) inCycle(from, to int) bool {
	return g.group[from] == g.group[to] && g.cyclic[g.group[from]]
}

// depth returns the stack of the longest chain of calls, cycles entered once,
// and a function at its beginning.
func (g *graph) depth() (most, from int) {
	need := make([]int, len(g.cyclic)) // :: group → its own frame and the deepest below
	for i := 0; i < len(g.order); {
		id, below := g.group[g.order[i]], 0
		for ; i < len(g.order) && g.group[g.order[i]] == id; i++ {
			v := g.order[i]
			for _, w := range g.to[g.first[v]:g.first[v+1]] {
				if g.group[w] != id {
					below = max(below, need[g.group[w]])
				}
			}
		}
		need[id] = g.frame[id] + below
		if need[id] > most {
			most, from = need[id], int(g.order[i-1])
		}
	}
	return most, from
}
