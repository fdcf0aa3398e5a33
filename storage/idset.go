package storage

import "math/bits"

// idSet is a generation of ids: those of the records of its range. It is a
// table with linear probing, at most half full; a hash is its own hash, and its
// highest bits are its place, so that the table is all but sorted. Go's map took
// three times as long, which was a third of the committer's time.
type idSet struct {
	idRange
	slots []idHash // zero = free; the length is a power of two
	n     int
}

const idSetMin = 1 << 10

// home is the place that h has to itself in a table of mask+1 slots.
func home(h idHash, mask uint64) uint64 { return h[0] >> bits.LeadingZeros64(mask) }

// slot returns where h is, or would be put.
func (s *idSet) slot(h idHash) (at uint64, found bool) {
	mask := uint64(len(s.slots) - 1)
	for at = home(h, mask); ; at = (at + 1) & mask {
		switch s.slots[at] {
		case h:
			return at, true
		case idHash{}:
			return at, false
		}
	}
}

func (s *idSet) has(h idHash) bool {
	if s.n == 0 {
		return false
	}
	_, found := s.slot(h)
	return found
}

// add puts h, which is not zero, and says whether it was not there.
func (s *idSet) add(h idHash) bool {
	if 2*(s.n+1) > len(s.slots) {
		s.resize(max(idSetMin, 2*len(s.slots)))
	}
	at, found := s.slot(h)
	if found {
		return false
	}
	s.slots[at] = h
	s.n++
	return true
}

func (s *idSet) resize(size int) {
	old := s.slots
	s.slots = make([]idHash, size)
	for _, h := range old {
		if h != (idHash{}) {
			at, _ := s.slot(h)
			s.slots[at] = h
		}
	}
}

// remove takes h out and moves what probed over it back.
func (s *idSet) remove(h idHash) {
	if s.n == 0 {
		return
	}
	hole, found := s.slot(h)
	if !found {
		return
	}
	s.n--
	mask := uint64(len(s.slots) - 1)
	for at := (hole + 1) & mask; s.slots[at] != (idHash{}); at = (at + 1) & mask {
		// Its home is not in (hole, at], so it was pushed over the hole.
		if (at-home(s.slots[at], mask))&mask >= (at-hole)&mask {
			s.slots[hole] = s.slots[at]
			hole = at
		}
	}
	s.slots[hole] = idHash{}
}

// hashes returns all of them, nearly in order.
func (s *idSet) hashes() []idHash {
	out := make([]idHash, 0, s.n)
	for _, h := range s.slots {
		if h != (idHash{}) {
			out = append(out, h)
		}
	}
	return out
}
