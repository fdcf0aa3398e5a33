package wasm

import (
	"encoding/binary"
	"slices"
)

// Clear empties an event and gives it n slots, all of them missing.
func (e *Event) Clear(n int) {
	e.Slots = slices.Grow(e.Slots[:0], n)[:n]
	clear(e.Slots)
	e.Wire = wireHead(e.Wire, n)
	e.Buf = e.Buf[:0]
}

// wireHead empties b but for room for an event's head and n slots, all zeros.
func wireHead(b []byte, n int) []byte {
	head := EventHead + SlotSize*n
	b = slices.Grow(b[:0], head)[:head]
	clear(b)
	return b
}

// Set gives a slot its value, once, and writes it where a module reads it.
func (e *Event) Set(i int, s Slot) {
	if s.Tag == Missing && !s.Product {
		return // as Clear left it
	}
	e.Slots[i] = s
	e.put(i, &s)
}

// put writes a slot where a module reads it.
func (e *Event) put(i int, s *Slot) {
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

// Encode writes an event into b, which is emptied first, texts in the order of their
// slots: the same bytes whoever made the event, and in whatever order it was set.
func (e *Event) Encode(b []byte) []byte {
	w := Event{Index: e.Index, TimeMs: e.TimeMs, Slots: e.Slots, Wire: wireHead(b, len(e.Slots))}
	for i := range e.Slots {
		w.put(i, &e.Slots[i])
	}
	w.Seal()
	return w.Wire
}
