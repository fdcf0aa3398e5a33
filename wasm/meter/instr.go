package meter

// instr is one instruction as decoded.
type instr struct {
	at, end int    // its bytes
	op      uint16 // its opcode; behind a prefix, prefix<<8 | number
	imm     int    // its index, label, type or number of targets
}

// Opcodes that somebody asks for by name.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opLocalGet     = 0x20
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opMemoryInit   = 0xfc08
	opMemoryCopy   = 0xfc0a
	opMemoryFill   = 0xfc0b
)

// imm is what follows an opcode.
type imm byte

const (
	immRefused imm = iota
	immNone
	immBlock
	immLabel
	immTargets
	immFunc
	immIndirect
	immLocal
	immGlobal
	immMem
	immZero // the index of the one memory
	immI32
	immI64
	immF32
	immF64
	immSelect
)

// imms says what follows each opcode of one byte; what is not in it is refused.
var imms = func() (t [256]imm) {
	fill := func(k imm, from, to int) {
		for i := from; i <= to; i++ {
			t[i] = k
		}
	}
	fill(immNone, 0x00, 0x01)
	fill(immBlock, opBlock, opIf)
	t[opElse], t[opEnd], t[opReturn] = immNone, immNone, immNone
	fill(immLabel, opBr, opBrIf)
	t[opBrTable], t[opCall], t[opCallIndirect] = immTargets, immFunc, immIndirect
	fill(immNone, 0x1a, 0x1b)
	t[0x1c] = immSelect
	fill(immLocal, opLocalGet, opLocalTee)
	fill(immGlobal, opGlobalGet, opGlobalSet)
	fill(immMem, 0x28, 0x3e)
	fill(immZero, 0x3f, 0x40)
	t[0x41], t[0x42], t[0x43], t[0x44] = immI32, immI64, immF32, immF64
	fill(immNone, 0x45, 0xc4) // comparison to sign extension
	return t
}()

// simdGaps are numbers below 256 that no SIMD instruction has.
var simdGaps = [...]int{0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee}

// decode reads the next instruction of a body of m and holds its indices to
// their spaces. nest is how many labels are open.
func (m *Module) decode(r *reader, locals, nest int) instr {
	in := instr{at: r.at}
	in.op = uint16(r.byte())
	switch imms[in.op] {
	case immNone:
	case immBlock:
		in.imm = m.blockType(r)
	case immLabel:
		in.imm = r.index("label", nest)
	case immTargets:
		in.imm = r.count("targets of a br_table", targetsMax, 1) + 1
		for range in.imm {
			r.index("label", nest)
		}
	case immFunc:
		in.imm = r.index("function", len(m.funcs))
	case immIndirect:
		in.imm = r.index("type", len(m.types))
		r.index("table", m.tables)
	case immLocal:
		in.imm = r.index("local", locals)
	case immGlobal:
		in.imm = r.index("global", m.globals)
	case immMem:
		m.memArg(r)
	case immZero:
		r.index("memory", m.memories)
	case immI32:
		r.signed(32)
	case immI64:
		r.signed(64)
	case immF32:
		r.skip(4)
	case immF64:
		r.skip(8)
	case immSelect:
		if n := r.count("types of a select", 1, 1); n == 1 {
			r.valType()
		}
	default:
		m.prefixed(r, &in)
	}
	in.end = r.at
	return in
}

// blockType returns 0 for none, a value type, or 256 + an index.
func (m *Module) blockType(r *reader) int {
	start := r.at
	v := r.signed(33)
	switch {
	case v == -64:
		return 0
	case v >= -5 && v < 0:
		return int(v & 0x7f)
	case v >= 0 && v < int64(len(m.types)):
		return 256 + int(v)
	}
	r.refuse(start, "need none, a value's or one of the module's types", "a block of type %d", v)
	return 0
}

func (m *Module) memArg(r *reader) {
	start := r.at
	if a := r.u32(); a > 4 {
		r.refuse(start, "at most 4, in memory 0", "an alignment of 2^%d", a)
	}
	r.u32()
	if m.memories == 0 {
		r.refuse(start, "need a memory", "an access to none")
	}
}

func (m *Module) prefixed(r *reader, in *instr) {
	prefix := in.op
	if prefix != 0xfc && prefix != 0xfd {
		r.refuse(in.at, "need an instruction of the list", "instruction 0x%02x", prefix)
		return
	}
	n := r.u32()
	if n > 0xff {
		r.refuse(in.at, "need an instruction of the list", "instruction 0x%02x %d", prefix, n)
		return
	}
	in.op = prefix<<8 | uint16(n)
	if prefix == 0xfd {
		m.simd(r, in, n)
		return
	}
	switch {
	case n <= 7: // saturating truncation
	case n == 8:
		r.index("data segment", m.counted)
		r.index("memory", m.memories)
	case n == 9:
		r.index("data segment", m.counted)
	case n == 10:
		r.index("memory", m.memories)
		r.index("memory", m.memories)
	case n == 11:
		r.index("memory", m.memories)
	default:
		r.refuse(in.at, "need an instruction of the list", "instruction 0xfc %d: a table does not change", n)
	}
}

func (m *Module) simd(r *reader, in *instr, n int) {
	switch {
	case n <= 11, n == 92, n == 93:
		m.memArg(r)
	case n == 12, n == 13:
		r.skip(16)
	case n >= 21 && n <= 34:
		r.skip(1)
	case n >= 84 && n <= 91:
		m.memArg(r)
		r.skip(1)
	}
	for _, gap := range simdGaps {
		if n == gap {
			r.refuse(in.at, "need an instruction of the list", "instruction 0xfd %d", n)
		}
	}
}
