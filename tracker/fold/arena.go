package fold

import "encoding/binary"

// arenas hold the entries that no checkpoint has stored yet. While one is under
// way new entries go to the other: the older is empty when it ends. A ref names
// an entry, its top bit the arena; entries of one subject are chained from the
// newest back.
type arenas struct {
	young uint32 // where new entries go
	of    [2]arena
}

const arenaBit = 31

func (a *arenas) add(prev uint32, head, body []byte) uint32 {
	return a.of[a.young].add(prev, head, body) | a.young<<arenaBit
}

// get returns the entry and the ref before it.
func (a *arenas) get(ref uint32) (entry []byte, prev uint32) {
	return a.of[ref>>arenaBit].get(ref &^ (1 << arenaBit))
}

// cut ends the chain that ref is in before the entry at, which is older.
func (a *arenas) cut(ref, at uint32) {
	for {
		_, prev := a.get(ref)
		if prev == at {
			a.of[ref>>arenaBit].end(ref &^ (1 << arenaBit))
			return
		}
		ref = prev
	}
}

func (a *arenas) bytes() int { return a.of[0].bytes + a.of[1].bytes }

// turn lets new entries go to the other arena.
func (a *arenas) turn() { a.young ^= 1 }

// empty lets go of the older arena. Entries read from it must no longer be used.
func (a *arenas) empty() { a.of[a.young^1] = arena{} }

// arena is append-only pages that are let go of whole, so that filing an event
// makes no garbage of its own.
//
//	entry in a page = previous ref:4 length:4 entry
type arena struct {
	pages [][]byte
	bytes int
}

const pageBits = 20

// add stores an entry behind prev and returns its ref, never 0. head and body
// are joined.
func (a *arena) add(prev uint32, head, body []byte) uint32 {
	n := 8 + len(head) + len(body)
	last := len(a.pages) - 1
	if last < 0 || len(a.pages[last])+n > cap(a.pages[last]) {
		a.pages = append(a.pages, make([]byte, 0, max(1<<pageBits, n)))
		last++
	}
	p := a.pages[last]
	ref := uint32(last)<<pageBits | uint32(len(p))
	p = binary.LittleEndian.AppendUint32(p, prev)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(head)+len(body)))
	a.pages[last] = append(append(p, head...), body...)
	a.bytes += n
	return ref + 1
}

func (a *arena) at(ref uint32) []byte { return a.pages[(ref-1)>>pageBits][(ref-1)&(1<<pageBits-1):] }

// end makes an entry the oldest of its chain.
func (a *arena) end(ref uint32) { binary.LittleEndian.PutUint32(a.at(ref), 0) }

func (a *arena) get(ref uint32) (entry []byte, prev uint32) {
	p := a.at(ref)
	n := binary.LittleEndian.Uint32(p[4:])
	return p[8 : 8+n : 8+n], binary.LittleEndian.Uint32(p)
}
