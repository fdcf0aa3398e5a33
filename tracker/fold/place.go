package fold

import (
	"encoding/binary"
	"hash/fnv"

	"ripen/tracker"
)

// Place is where an event stands in its lead's history: by time, then by
// message id. It is a function of the event alone, never of its arrival.
type Place struct {
	Time   int64  // unix ms
	Hi, Lo uint64 // the message id, see placeOf
}

// Compare orders places.
func (p Place) Compare(q Place) int {
	switch {
	case p.Time != q.Time:
		if p.Time < q.Time {
			return -1
		}
		return 1
	case p.Hi != q.Hi:
		if p.Hi < q.Hi {
			return -1
		}
		return 1
	case p.Lo < q.Lo:
		return -1
	case p.Lo > q.Lo:
		return 1
	}
	return 0
}

// Less says that p stands before q.
func (p Place) Less(q Place) bool {
	return p.Time < q.Time || p.Time == q.Time && (p.Hi < q.Hi || p.Hi == q.Hi && p.Lo < q.Lo)
}

// IsZero says that there is no event here: the place before all others.
func (p Place) IsZero() bool { return p == Place{} }

// PlaceOf returns the place of an event. Ids of up to 16 bytes (all packed
// UUIDs) compare as their bytes do; of longer ones the first eight bytes count,
// then a digest of the whole.
func PlaceOf(e *tracker.Event) Place {
	p := Place{Time: e.Time}
	id := e.MessageID
	if len(id) <= 16 {
		var b [16]byte
		copy(b[:], id)
		p.Hi, p.Lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
		return p
	}
	h := fnv.New64a()
	h.Write(id)
	p.Hi, p.Lo = binary.BigEndian.Uint64(id[:8]), h.Sum64()
	return p
}

// AppendPlace appends p so that it can be read back with [ReadPlace].
func AppendPlace(dst []byte, p Place) []byte {
	dst = binary.AppendVarint(dst, p.Time)
	dst = binary.BigEndian.AppendUint64(dst, p.Hi)
	return binary.BigEndian.AppendUint64(dst, p.Lo)
}

// ReadPlace reads what [AppendPlace] wrote and returns the rest.
func ReadPlace(b []byte) (Place, []byte, error) {
	r := reader{b: b}
	p := r.place()
	return p, r.b, r.err
}

// sortable appends a time so that byte order is time order.
func sortable(dst []byte, t int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t)^1<<63)
}
