package meter

// The gas of instructions; every other costs 1, and what only ends a block
// nothing.
const (
	gasSlow = 4   // division, remainder
	gasRoot = 12  // square root: of those that wait for one another a million gas took 1.3 ms at 4, three times as long as anything else
	gasCall = 5   // with what entering a function takes
	gasBulk = 32  // a bulk instruction, beside one for each 16 bytes
	gasGrow = 256 // memory.grow

	// paidMax is the gas up to which a function without loops is paid for by
	// its callers: above it, charging at its own entry costs little beside it,
	// and a caller that calls one of many would pay for all.
	paidMax = 256

	depthUnit = 4096 // bytes of stack that count as one more
)

func gasOf(op uint16) int {
	switch op {
	case opElse, opEnd:
		return 0
	case opCall, opCallIndirect:
		return gasCall
	case opMemoryGrow:
		return gasGrow
	case opMemoryInit, opMemoryCopy, opMemoryFill:
		return gasBulk
	case 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82, // integer division and remainder
		0x95, 0xa3, // div of floats
		0xfde7, 0xfdf3, // of vectors
		0xfdd5: // i64x2.mul
		return gasSlow
	case 0x91, 0x9f, 0xfde3, 0xfdef: // sqrt, of vectors too
		return gasRoot
	}
	return 1
}

// mark is something to be written into a body.
type mark struct {
	at   int // in the file, before what stands there
	kind markKind
	gas  int // or, for a call, how much deeper it is
}

type markKind byte

const (
	markCharge markKind = iota
	markBulk
	markDeeper
	markBack
)

// frame is an open block while costs are summed: a straight run of instructions
// costs their sum, the arms of an if the dearer of them.
type frame struct {
	op   uint16
	gas  int
	then int // gas of the arm before else
	mark int // of a loop: its charge
}

// marks lists what is to be written into function i, by place. paid is, for each
// function, what its callers pay for it, and gets i's.
func (m *Module) marks(g *graph, i int, paid []int) []mark {
	b := &m.bodies[i]
	r := &reader{b: m.src, at: int(b.code), end: int(b.end)}
	list := []mark{{at: r.at, kind: markCharge}}
	stack := make([]frame, 1, 16)
	loops := false
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		in := m.decode(r, int(b.n), len(stack))
		gas := gasOf(in.op)
		switch in.op {
		case opBlock, opIf:
			top.gas += gas
			stack = append(stack, frame{op: in.op})
			continue
		case opLoop:
			loops = true
			top.gas += gas
			stack = append(stack, frame{op: opLoop, mark: len(list)})
			list = append(list, mark{at: in.end, kind: markCharge})
			continue
		case opElse:
			top.then, top.gas = top.gas, 0
		case opEnd:
			total := max(top.gas, top.then)
			stack = stack[:len(stack)-1]
			switch {
			case len(stack) == 0, top.op == opLoop:
				list[top.mark].gas = max(total, 1)
			default:
				stack[len(stack)-1].gas += total
			}
		case opCall:
			gas += paid[in.imm]
			list = m.callMarks(g, list, &in, i, in.imm)
		case opCallIndirect:
			list = m.callMarks(g, list, &in, i, len(m.funcs)+int(g.same[in.imm]))
		case opMemoryInit, opMemoryCopy, opMemoryFill:
			list = append(list, mark{at: in.at, kind: markBulk})
		}
		top.gas += gas
	}
	if cost := list[0].gas; !loops && cost <= paidMax && !g.rooted[i] && !g.cyclic[g.group[i]] {
		paid[i] = cost
		return list[1:]
	}
	return list
}

// callMarks counts a call that may come back to where it is made.
func (m *Module) callMarks(g *graph, list []mark, in *instr, from, to int) []mark {
	if !g.inCycle(from, to) {
		return list
	}
	step := (g.frame[g.group[from]] + depthUnit - 1) / depthUnit
	return append(list, mark{in.at, markDeeper, step}, mark{in.end, markBack, step})
}
