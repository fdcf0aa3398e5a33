package compile

import (
	"bytes"
	"encoding/binary"
	"math"

	"ripen/wasm/meter"
)

// The value types of WebAssembly.
const (
	i32 byte = 0x7f
	i64 byte = 0x7e
	f64 byte = 0x7c
)

// op is an instruction without operands of its own.
type op byte

// The instructions that modules use, by their names in the specification.
const (
	ret    op = 0x0f
	drop   op = 0x1a
	choose op = 0x1b // select

	i32Ctz op = 0x68
	i32Eqz op = 0x45
	i32Eq  op = 0x46
	i32Ne  op = 0x47
	i32LtS op = 0x48
	i32LtU op = 0x49
	i32GtS op = 0x4a
	i32GtU op = 0x4b
	i32LeS op = 0x4c
	i32GeU op = 0x4f
	i32GeS op = 0x4e
	i64Clz op = 0x79
	i64Eqz op = 0x50
	i64Eq  op = 0x51
	i64Ne  op = 0x52
	i64LtS op = 0x53
	i64GtS op = 0x55
	i64LeS op = 0x57
	i64GeS op = 0x59
	f64Eq  op = 0x61
	f64Ne  op = 0x62
	f64Lt  op = 0x63
	f64Gt  op = 0x64
	f64Le  op = 0x65
	f64Ge  op = 0x66

	i32Add  op = 0x6a
	i32Sub  op = 0x6b
	i32Mul  op = 0x6c
	i32And  op = 0x71
	i32Or   op = 0x72
	i32Xor  op = 0x73
	i32Shl  op = 0x74
	i32ShrU op = 0x76
	i64Add  op = 0x7c
	i64Sub  op = 0x7d
	i64Mul  op = 0x7e
	i64DivS op = 0x7f
	i64And  op = 0x83
	i64Or   op = 0x84
	i64Xor  op = 0x85
	i64Shl  op = 0x86
	i64ShrS op = 0x87
	i64ShrU op = 0x88

	f64Abs   op = 0x99
	f64Neg   op = 0x9a
	f64Floor op = 0x9c
	f64Near  op = 0x9e
	f64Add   op = 0xa0
	f64Sub   op = 0xa1
	f64Mul   op = 0xa2
	f64Div   op = 0xa3
	f64Min   op = 0xa4
	f64Max   op = 0xa5

	i32Wrap  op = 0xa7
	i64OfI32 op = 0xad // i64.extend_i32_u
	i64OfF64 op = 0xb0 // i64.trunc_f64_s
	u32OfF64 op = 0xab // i32.trunc_f64_u
	f64OfI32 op = 0xb7 // f64.convert_i32_s
	f64OfI64 op = 0xb9 // f64.convert_i64_s
	bitsF64  op = 0xbd // i64.reinterpret_f64
	f64Bits  op = 0xbf // f64.reinterpret_i64
)

// mem is a load or store.
type mem struct{ code, align byte }

var (
	i32Load    = mem{0x28, 2}
	i64Load    = mem{0x29, 3}
	f64Load    = mem{0x2b, 3}
	i32Load8u  = mem{0x2d, 0}
	i32Load16u = mem{0x2f, 1}
	i32Store   = mem{0x36, 2}
	i64Store   = mem{0x37, 3}
	f64Store   = mem{0x39, 3}
	i32Store8  = mem{0x3a, 0}

	// At addresses that may be odd: a string's.
	i32LoadAny = mem{0x28, 0}
	i64LoadAny = mem{0x29, 0}
	f64LoadAny = mem{0x2b, 0}
)

// vector is an instruction on sixteen bytes at once.
type vector byte

const (
	bytesEq   vector = 35  // i8x16.eq
	vectorAnd vector = 78  // v128.and
	bytesMask vector = 100 // i8x16.bitmask
)

// wide appends instructions on vectors.
//
//go:noinline
func (f *fn) wide(ops ...vector) *fn {
	for _, o := range ops {
		f.b = append(f.b, 0xfd, byte(o))
	}
	return f
}

// bytes16 appends sixteen bytes, each of them c.
//
//go:noinline
func (f *fn) bytes16(c byte) *fn {
	f.b = append(append(f.b, 0xfd, 12), bytes.Repeat([]byte{c}, 16)...)
	return f
}

// load16 appends a load of sixteen bytes from the address on the stack, wherever
// it is.
//
//go:noinline
func (f *fn) load16(offset int) *fn {
	f.b = binary.AppendUvarint(append(f.b, 0xfd, 0, 0), uint64(offset))
	return f
}

// local is a parameter or local variable of a function.
type local uint32

// fn is a function being written. What appends an instruction is not inlined: it
// stands in thousands of places, where it cost 0.7 MB of the binary.
type fn struct {
	mod     *module
	index   int // in the module's function index space
	params  []byte
	results []byte
	locals  []byte
	b       []byte
	asks    *asker // writes its expressions; nil if it has none
	base    local  // where constant addresses count from, plus one; 0 = nothing does
	reads   int    // bytes of the event in its first parameter that it may read; 0 = none

	texts map[int]text // :: slot of the event → where its text has been found already

	write func() *fn // of a function made by later: writes the one it stands for
	real  *fn        // what it wrote
}

// later stands for a function that is written when it is first called.
func later(write func() *fn) *fn { return &fn{write: write} }

// do appends plain instructions.
//
//go:noinline
func (f *fn) do(ops ...op) *fn {
	for _, o := range ops {
		f.b = append(f.b, byte(o))
	}
	return f
}

//go:noinline
func (f *fn) put(code byte, operand uint64) *fn {
	f.b = binary.AppendUvarint(append(f.b, code), operand)
	return f
}

func (f *fn) get(l local) *fn { return f.put(0x20, uint64(l)) }
func (f *fn) set(l local) *fn { return f.put(0x21, uint64(l)) }
func (f *fn) tee(l local) *fn { return f.put(0x22, uint64(l)) }

func (f *fn) getG(g int) *fn { return f.put(0x23, uint64(g)) }
func (f *fn) setG(g int) *fn { return f.put(0x24, uint64(g)) }

func (f *fn) br(depth int) *fn   { return f.put(0x0c, uint64(depth)) }
func (f *fn) brIf(depth int) *fn { return f.put(0x0d, uint64(depth)) }

func (f *fn) call(to *fn) *fn {
	if to.write != nil {
		if to.real == nil {
			to.real = to.write()
		}
		to = to.real
	}
	return f.put(0x10, uint64(to.index))
}

//go:noinline
func (f *fn) i32(v int32) *fn {
	f.b = meter.AppendSigned(append(f.b, 0x41), int64(v))
	return f
}

//go:noinline
func (f *fn) i64(v int64) *fn {
	f.b = meter.AppendSigned(append(f.b, 0x42), v)
	return f
}

//go:noinline
func (f *fn) f64(v float64) *fn {
	f.b = binary.LittleEndian.AppendUint64(append(f.b, 0x44), math.Float64bits(v))
	return f
}

// mem appends a load or store at a constant offset from the address on the stack.
//
//go:noinline
func (f *fn) mem(m mem, offset int) *fn {
	f.b = binary.AppendUvarint(append(f.b, m.code, m.align), uint64(offset))
	return f
}

// noValue is the type of a block that leaves nothing on the stack.
const noValue byte = 0x40

// block writes body inside a block; br(0) in it leaves it.
func (f *fn) block(result byte, body func()) *fn { return f.nest(0x02, result, body) }

// when writes body to run if the i32 on the stack is not zero.
func (f *fn) when(body func()) *fn { return f.nest(0x04, noValue, body) }

// either writes the two arms of an if that leave a value of type result.
func (f *fn) either(result byte, then, otherwise func()) *fn {
	return f.nest(0x04, result, func() {
		then()
		f.b = append(f.b, 0x05)
		otherwise()
	})
}

func (f *fn) nest(code, result byte, body func()) *fn {
	f.b = append(f.b, code, result)
	body()
	f.b = append(f.b, 0x0b)
	return f
}

// loop writes body as a loop; br(0) in it turns once more.
func (f *fn) loop(body func()) *fn { return f.nest(0x03, noValue, body) }

// io leaves 0 on the stack, the address that constant offsets count from. It is a
// local that is never set, so that the engine knows all of them as one base: the
// function's first instructions prove that it is there as far as constants reach,
// and no access through it is checked again.
func (f *fn) io() *fn {
	if f.base == 0 {
		f.base = f.local(i32) + 1
	}
	return f.get(f.base - 1)
}

// proofs are the accesses that prove for all that follow: of what counts from io,
// and of the event in the first parameter.
func (f *fn) proofs() []byte {
	p := fn{}
	if f.base != 0 {
		p.get(f.base-1).mem(i32Load8u, addrData-1).do(drop)
	}
	if f.reads != 0 {
		p.get(0).mem(i32Load8u, f.reads-1).do(drop)
	}
	return p.b
}

// proveAgain proves inside of a loop, for one turn of it, what [fn.proofs] prove for a
// function: that the event in the first parameter is there as far as reads, and what
// counts from io.
func (f *fn) proveAgain(reads int) {
	f.io().mem(i32Load8u, addrData-1).do(drop)
	f.get(0).mem(i32Load8u, reads-1).do(drop)
}

// local adds a local variable.
func (f *fn) local(t byte) local {
	f.locals = append(f.locals, t)
	return local(len(f.params) + len(f.locals) - 1)
}

// body returns the function's entry in the code section.
func (f *fn) body() []byte {
	var out []byte
	out = binary.AppendUvarint(out, uint64(len(f.locals)))
	for _, t := range f.locals {
		out = append(out, 1, t)
	}
	out = append(append(append(out, f.proofs()...), f.b...), 0x0b)
	return append(binary.AppendUvarint(nil, uint64(len(out))), out...)
}
