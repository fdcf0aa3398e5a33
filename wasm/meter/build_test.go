package meter

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// built is a module written section by section, to be right or wrong.
type built struct {
	sections map[byte][]byte
	bodies   [][]byte // locals and instructions
}

// one is a module with one function of type () -> () and these instructions,
// exported as f, and a page of memory.
func one(code ...byte) *built {
	return &built{
		sections: map[byte][]byte{
			1: {1, 0x60, 0, 0},
			5: {1, 1, 1, 1},
			7: {1, 1, 'f', 0, 0},
		},
		bodies: [][]byte{slices.Concat([]byte{0}, code, []byte{opEnd})},
	}
}

func (b *built) set(id byte, contents ...byte) *built {
	b.sections[id] = contents
	return b
}

func (b *built) function(locals []byte, code ...byte) *built {
	b.bodies = append(b.bodies, slices.Concat(locals, code, []byte{opEnd}))
	return b
}

func (b *built) bytes() []byte {
	if _, ok := b.sections[3]; !ok {
		b.set(3, append(uleb(len(b.bodies)), make([]byte, len(b.bodies))...)...)
	}
	if _, ok := b.sections[10]; !ok {
		code := uleb(len(b.bodies))
		for _, body := range b.bodies {
			code = append(append(code, uleb(len(body))...), body...)
		}
		b.set(10, code...)
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, id := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11} {
		if s, ok := b.sections[id]; ok {
			out = appendSection(out, int(id), s)
		}
	}
	return out
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func repeat(code []byte, n int) []byte { return bytes.Repeat(code, n) }

// nested puts n blocks of an opcode into each other.
func nested(op byte, n int) []byte {
	head := []byte{op, 0x40}
	if op == opIf {
		head = []byte{opI32Const, 0, op, 0x40}
	}
	return slices.Concat(repeat(head, n), repeat([]byte{opEnd}, n))
}
