package fold

import "ripen/tracker"

// key names a record in memory: a tenant and an identity.
type key struct {
	tenant tracker.TenantID
	id     tracker.LeadID
}

// node is what every cached record carries.
type node struct {
	key
	dirty int32 // place in Fold.dirty plus one; 0 = as stored
	heavy int32 // what the cache counts it as
	ref   bool  // used since the clock's hand passed
	out   bool  // evicted: whoever still points here must look it up again
}

func (n *node) base() *node { return n }

// record is a record that can be stored.
type record interface {
	base() *node
	space() byte
	append(dst []byte) []byte // nil = delete
}

// cached is a record that says what it weighs.
type cached interface {
	record
	size() int
}

// cache keeps records of one kind by the clock algorithm. Dirty records are
// never dropped: what is not yet stored is always in view.
type cache[T cached] struct {
	m     map[key]T // :: tenant and identity → record
	ring  []T
	hand  int
	bytes int
	limit int
	gone  func(T) // told what is dropped; nil = nobody
}

func newCache[T cached](limit int) *cache[T] {
	return &cache[T]{m: make(map[key]T), limit: limit}
}

func (c *cache[T]) get(k key) (T, bool) {
	r, ok := c.m[k]
	if ok {
		r.base().ref = true
	}
	return r, ok
}

func (c *cache[T]) add(r T) {
	c.m[r.base().key] = r
	c.ring = append(c.ring, r)
	c.weigh(r)
}

// weigh corrects the budget after a record may have changed its size.
func (c *cache[T]) weigh(r T) {
	n, size := r.base(), int32(min(r.size(), 1<<30))
	c.bytes += int(size - n.heavy)
	n.heavy = size
}

func (c *cache[T]) drop(i int) {
	r := c.ring[i]
	n := r.base()
	n.out = true
	if c.gone != nil {
		c.gone(r)
	}
	delete(c.m, n.key)
	c.bytes -= int(n.heavy)
	last := len(c.ring) - 1
	c.ring[i] = c.ring[last]
	var none T
	c.ring[last] = none
	c.ring = c.ring[:last]
}

// forget drops one record at once. The ring keeps its place until the hand
// comes by.
func (c *cache[T]) forget(r T) {
	n := r.base()
	n.out, n.ref = true, false
	delete(c.m, n.key)
}

// shrink drops clean, unused records until the budget holds, lockRecords of
// them a call and in at most two turns of the hand. done is how many it has
// looked at before; more says that it is to be called again.
func (c *cache[T]) shrink(done int) (more bool) {
	if done == 0 && c.bytes <= c.limit {
		return false
	}
	enough := func() bool { return c.bytes <= c.limit*7/8 || len(c.ring) == 0 }
	for steps := min(lockRecords, 2*len(c.ring)-done); steps > 0 && !enough(); steps-- {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		n := c.ring[c.hand].base()
		switch {
		case n.dirty > 0:
			c.hand++
		case n.ref:
			n.ref = false
			c.hand++
		default:
			c.drop(c.hand)
		}
	}
	return !enough() && done+lockRecords < 2*len(c.ring)
}
