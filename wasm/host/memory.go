package host

import "github.com/tetratelabs/wazero/experimental"

// memory is what an instance's module works in. It outlives a trap: the instance
// that takes the trapped one's place begins in the same bytes, zeroed, so that a
// guest which traps at each call does not keep the collector of the whole process
// busy with a megabyte a call.
type memory struct{ bytes []byte }

// Allocate begins anew, for one module at a time.
func (m *memory) Allocate(uint64, uint64) experimental.LinearMemory {
	clear(m.bytes)
	m.bytes = m.bytes[:0]
	return m
}

// Reallocate grows the memory; what it grows by is zero.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(cap(m.bytes)) {
		m.bytes = append(make([]byte, 0, size), m.bytes...)
	}
	m.bytes = m.bytes[:size]
	return m.bytes
}

// Free keeps the bytes for the next module.
func (m *memory) Free() {}
