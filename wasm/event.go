package wasm

import (
	"encoding/binary"
	"slices"
)

// Clear empties an event and gives it n slots, all of them missing.
func (e *Event) Clear(n int) {
	e.Slots = slices.Grow(e.Slots[:0], n)[:n]
	clear(e.Slots)
	head := EventHead + SlotSize*n
	e.Wire = slices.Grow(e.Wire[:0], head)[:head]
	clear(e.Wire)
	e.Buf = e.Buf[:0]
}

// Set gives a slot its value, once, and writes it where a module reads it.
func (e *Event) Set(i int, s Slot) {
	if s.Tag == Missing && !s.Product {
		return // as Clear left it
	}
	e.Slots[i] = s
	head, value := uint64(s.Tag), s.Num
	if s.Tag == String {
		head, value = head|uint64(len(s.Str))<<32, uint64(len(e.Wire))
		e.Wire = append(e.Wire, s.Str...)
	}
	if s.Product {
		head |= 1 << 8
	}
	to := e.Wire[EventHead+SlotSize*i:][:SlotSize]
	binary.LittleEndian.PutUint64(to, head)
	binary.LittleEndian.PutUint64(to[8:], value)
}

// Seal ends an event whose slots have been set.
func (e *Event) Seal() {
	var zeros [8]byte
	e.Wire = append(e.Wire, zeros[:-len(e.Wire)&7]...)
	le := binary.LittleEndian
	le.PutUint32(e.Wire, uint32(len(e.Wire)))
	le.PutUint16(e.Wire[4:], e.Index)
	le.PutUint16(e.Wire[6:], uint16(len(e.Slots)))
	le.PutUint64(e.Wire[8:], uint64(e.TimeMs))
}
