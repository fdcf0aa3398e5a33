package meter

import (
	"encoding/binary"
	"fmt"
)

// Names of the exports that metering adds.
const (
	ExportGas   = Reserved + "gas"   // i64: what is left; below zero it stops
	ExportDepth = Reserved + "depth" // i32: calls within cycles that are open
)

// The value types and codes that are written.
const (
	i32 = 0x7f
	i64 = 0x7e
)

// Metered returns the module with gas: the globals [ExportGas], which begins at
// initial and which the host fills before a call, and [ExportDepth]. Custom
// sections but the manifest are dropped.
func (m *Module) Metered(initial int64) ([]byte, error) {
	g := m.graph()
	if need, from := g.depth(); need > StackMax {
		return nil, &Refusal{"code", m.entry(from), fmt.Sprintf("at most %d", StackMax), fmt.Sprintf("calls that need %d bytes of stack", need)}
	}
	code := m.code(g)
	if len(code) > meteredMax {
		return nil, &Refusal{"code", m.Code(), fmt.Sprintf("at most %d", meteredMax), fmt.Sprintf("%d bytes with gas: too many calls that may come back", len(code))}
	}
	out := append(make([]byte, 0, len(m.src)+len(code)/2), "\x00asm\x01\x00\x00\x00"...)
	for _, id := range [...]int{1, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11} {
		s := m.sections[id]
		switch old := m.src[s.from:s.to]; {
		case id == 6:
			out = appendSection(out, id, m.globalSection(old, initial))
		case id == 7:
			out = appendSection(out, id, m.exported(old))
		case s.empty():
		case id == 5 && m.memories > 0:
			memory := binary.AppendUvarint([]byte{1, 1}, uint64(m.pages[0]))
			out = appendSection(out, id, binary.AppendUvarint(memory, uint64(m.pages[1])))
		case id == 10:
			out = appendSection(out, id, code)
		default:
			out = appendSection(out, id, old)
		}
	}
	return out, nil
}

func (m *Module) entry(node int) int {
	if node < len(m.bodies) {
		return int(m.bodies[node].locals)
	}
	return m.sections[10].from
}

func appendSection(b []byte, id int, contents []byte) []byte {
	b = binary.AppendUvarint(append(b, byte(id)), uint64(len(contents)))
	return append(b, contents...)
}

// more returns a vector's bytes with its count raised by n.
func more(old []byte, n uint64) []byte {
	count, width := binary.Uvarint(old) // 0, 0 if there is none yet
	return append(binary.AppendUvarint(nil, count+n), old[width:]...)
}

func (m *Module) globalSection(old []byte, initial int64) []byte {
	out := AppendSigned(append(more(old, 2), i64, 1, opI64Const), initial)
	return append(out, opEnd, i32, 1, opI32Const, 0, opEnd)
}

func (m *Module) exported(old []byte) []byte {
	out := more(old, 2)
	for i, name := range [...]string{ExportGas, ExportDepth} {
		out = append(append(out, byte(len(name))), name...)
		out = binary.AppendUvarint(append(out, 3), uint64(m.globals+i))
	}
	return out
}

// code writes the code section anew.
func (m *Module) code(g *graph) []byte {
	paid := make([]int, len(m.funcs))
	marks := make([][]mark, len(m.funcs))
	for _, v := range g.order { // whoever is called first
		if int(v) < len(m.funcs) {
			marks[v] = m.marks(g, int(v), paid)
		}
	}
	out := binary.AppendUvarint(nil, uint64(len(m.funcs)))
	var buf []byte
	for i := range m.bodies {
		buf = m.rewrite(buf[:0], &m.bodies[i], marks[i])
		out = append(binary.AppendUvarint(out, uint64(len(buf))), buf...)
	}
	return out
}

// rewrite appends a body with its marks.
func (m *Module) rewrite(out []byte, b *body, marks []mark) []byte {
	locals := m.src[b.locals:b.code]
	if b.bulk {
		out = append(append(out, more(locals, 1)...), 1, i32)
	} else {
		out = append(out, locals...)
	}
	w := writer{b: out, gas: uint64(m.globals), depth: uint64(m.globals + 1)}
	at := int(b.code)
	for _, k := range marks {
		w.b = append(w.b, m.src[at:k.at]...)
		at = k.at
		switch k.kind {
		case markCharge:
			w.op(opGlobalGet, w.gas).num(opI64Const, int64(k.gas)).spend()
		case markBulk:
			w.length(uint64(b.n))
		case markDeeper:
			w.op(opGlobalGet, w.depth).num(opI32Const, int64(k.gas)).do(0x6a).op(opGlobalSet, w.depth)
			w.op(opGlobalGet, w.depth).num(opI32Const, DepthMax).do(0x4b).stop() // i32.gt_u
		case markBack:
			w.op(opGlobalGet, w.depth).num(opI32Const, int64(k.gas)).do(0x6b).op(opGlobalSet, w.depth)
		}
	}
	return append(w.b, m.src[at:b.end]...)
}

// writer appends instructions.
type writer struct {
	b          []byte
	gas, depth uint64 // indices of the globals
}

func (w *writer) do(codes ...byte) *writer {
	w.b = append(w.b, codes...)
	return w
}

func (w *writer) op(code byte, index uint64) *writer {
	w.b = binary.AppendUvarint(append(w.b, code), index)
	return w
}

func (w *writer) num(code byte, v int64) *writer {
	w.b = AppendSigned(append(w.b, code), v)
	return w
}

// spend takes what is on the stack from the gas below it, and stops the module
// when none is left.
func (w *writer) spend() {
	w.do(0x7d).op(opGlobalSet, w.gas) // i64.sub
	w.op(opGlobalGet, w.gas).num(opI64Const, 0).do(0x53).stop()
}

// stop ends the module if the i32 on the stack is not zero.
func (w *writer) stop() { w.do(opIf, 0x40, opUnreachable, opEnd) }

// length charges a bulk instruction by the length on top of the stack, which it
// leaves there.
func (w *writer) length(local uint64) {
	w.op(opLocalTee, local).op(opGlobalGet, w.gas).op(opLocalGet, local)
	w.num(opI32Const, 4).do(0x76, 0xad).spend() // i32.shr_u, i64.extend_i32_u
}

// AppendSigned appends v as signed LEB128 (WebAssembly core specification, 5.2.2).
func AppendSigned(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
