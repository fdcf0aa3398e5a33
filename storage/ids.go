package storage

import (
	"encoding/binary"

	"github.com/dchest/siphash"
)

// idHash is the keyed hash of (tenant, id): 128 bits, so that a collision never
// drops an event, keyed so that nobody outside can make one.
type idHash [2]uint64

// idSecret keys the hashes; it is made once per log and stored in it.
type idSecret [2]uint64

func secretOf(b []byte) idSecret {
	return idSecret{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func (s *idSecret) hash(t *Tenant, id []byte) idHash {
	var buf [8 + MaxID]byte
	copy(buf[:], t[:])
	n := 8 + copy(buf[8:], id)
	a, b := siphash.Hash128(s[0], s[1], buf[:n])
	return idHash{a, b}
}

// recentIDs are the ids of the newest records: two generations, each a set of
// bounded size with the range of sequences that it covers. Only the committer
// touches them.
type recentIDs struct {
	limit     int
	young     map[idHash]struct{}
	old       map[idHash]struct{}
	youngFrom uint64 // sequence of the first record that young covers
	oldFrom   uint64 // same of old; equal to youngFrom if old is empty
}

func newRecentIDs(limit int, from uint64) *recentIDs {
	return &recentIDs{limit: limit, young: make(map[idHash]struct{}), youngFrom: from, oldFrom: from}
}

// add marks an id and says whether it was new.
func (r *recentIDs) add(h idHash) bool {
	if _, ok := r.old[h]; ok {
		return false
	}
	n := len(r.young)
	r.young[h] = struct{}{}
	return len(r.young) > n
}

// remove takes back what add marked since the last rotation.
func (r *recentIDs) remove(h idHash) { delete(r.young, h) }

// full says that the young generation is due to become the old one.
func (r *recentIDs) full() bool { return len(r.young) >= r.limit }
