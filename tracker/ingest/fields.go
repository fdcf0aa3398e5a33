package ingest

import (
	"bytes"
	"math"

	"ripen/tracker"
)

// maxPrefix bounds the names of flattened fields: an object whose own name is
// longer is kept as JSON text. Without it a long name over many short keys
// would turn 32 KiB into megabytes.
const maxPrefix = 100

// place is where the fields of an object go.
type place struct {
	space tracker.Space
	index uint16
}

// fields reads an object into flat fields with dotted names. A doubled key
// takes the first one's fields out, whatever it held.
func (d *decoder) fields(ev *draft, at place, prefix []byte, depth int) bool {
	var keys uint64 // one bit per key met, by a small hash
	for m := (members{}); ; {
		key, more, ok := d.member(&m, depth)
		if !ok || !more {
			return ok
		}
		name := key
		if prefix != nil { // it may be empty: a key can be
			name = d.join(prefix, key)
		}
		if bit := keyBit(key); keys&bit == 0 {
			keys |= bit
		} else {
			ev.forget(at, name)
		}
		if !d.field(ev, at, name, depth) {
			return false
		}
	}
}

// field reads the value of one field, in place.
func (d *decoder) field(ev *draft, at place, name []byte, depth int) bool {
	c := d.peek()
	switch {
	case c == '{' && len(name) <= maxPrefix:
		return d.fields(ev, at, name, depth+1)
	case c == '[' && at.space == tracker.Property && string(name) == "products":
		if done, ok := d.products(ev, depth+1); done || !ok {
			return ok
		}
	}
	f := ev.grow()
	f.Space, f.Index, f.Name = at.space, at.index, name
	ok := true
	if c == '{' || c == '[' {
		f.Value.Tag = tracker.JSON
		f.Value.Str, ok = d.skip(depth)
	} else {
		ok = d.scalar(c, &f.Value)
	}
	if !ok || f.Value.Tag == tracker.Null && at.space != tracker.Trait && (d.trait == nil || !d.trait(name)) {
		// Null is as good as absent; a null trait takes an attribute away.
		ev.fields = ev.fields[:len(ev.fields)-1]
	}
	return ok
}

// grow makes room for one more field, whose content is left from earlier use.
func (ev *draft) grow() *tracker.Field {
	n := len(ev.fields)
	if n == cap(ev.fields) {
		ev.fields = append(ev.fields, tracker.Field{})
	}
	ev.fields = ev.fields[:n+1]
	return &ev.fields[n]
}

// products reads properties.products, if it is an array of nothing but objects.
// Otherwise done is false and nothing has happened.
func (d *decoder) products(ev *draft, depth int) (done, ok bool) {
	from, mark := d.p, len(ev.fields)
	for m := (members{}); ; {
		more, ok := d.element(&m, depth)
		if !ok {
			return false, false
		}
		if !more && m.n > 0 {
			return true, true
		}
		if !more || d.peek() != '{' || m.n > math.MaxUint16 {
			d.p, ev.fields = from, ev.fields[:mark]
			return false, true
		}
		if !d.fields(ev, place{tracker.Product, uint16(m.n - 1)}, nil, depth+1) {
			return false, false
		}
	}
}

// join returns prefix.key in the arena.
func (s *scanner) join(prefix, key []byte) []byte {
	from := len(s.arena)
	s.arena = append(append(append(s.arena, prefix...), '.'), key...)
	return s.arena[from:len(s.arena):len(s.arena)]
}

// keyBit hashes a key up to its first dot, since "a.b" and b inside a make one
// name.
func keyBit(key []byte) uint64 {
	if i := bytes.IndexByte(key, '.'); i >= 0 {
		key = key[:i]
	}
	if len(key) == 0 {
		return 1
	}
	return 1 << ((uint(len(key))*7 + uint(key[0]) + uint(key[len(key)-1])*3) & 63)
}

// forget takes out the field of that name and all fields under it.
func (ev *draft) forget(at place, name []byte) {
	all := at.space == tracker.Property && string(name) == "products"
	ev.forgetIf(func(f *tracker.Field) bool {
		if all && f.Space == tracker.Product {
			return true
		}
		return f.Space == at.space && f.Index == at.index && under(f.Name, name)
	})
}

// under says that name is top or begins with top and a dot.
func under[T string | []byte](name []byte, top T) bool {
	n := len(top)
	return len(name) >= n && string(name[:n]) == string(top) && (len(name) == n || name[n] == '.')
}
