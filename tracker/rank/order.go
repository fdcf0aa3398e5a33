// Package rank keeps leads in order and remembers how they moved: the order of
// one card's leads, the times at which leads are to be looked at again, and the
// change feed with every lead's score history in it.
//
// Order and timers live in memory and are rebuilt when the state loop opens.
// The feed lies in meta/ under storage.SpaceChange: it cannot be derived, for
// it records what was shown and when.
package rank

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"sync"

	"github.com/tidwall/btree"

	"ripen/tracker"
)

// Item is a lead's place in an order: by Key, greatest first, then by Seen,
// latest first, then by id. It holds what lists are filtered by.
type Item struct {
	Key   int32 // the score in thousandths, rounded to whole points unless the scale is coarse
	Band  uint8 // index in the names the order was given
	Grade uint8
	ID    tracker.LeadID
	Seen  int64 // time of the lead's last event, unix ms
}

// Less says that a stands before b.
func Less(a, b Item) bool {
	switch {
	case a.Key != b.Key:
		return a.Key > b.Key
	case a.Seen != b.Seen:
		return a.Seen > b.Seen
	case a.ID.Kind != b.ID.Kind:
		return a.ID.Kind < b.ID.Kind
	}
	return bytes.Compare(a.ID.Hash[:], b.ID.Hash[:]) < 0
}

// Compare orders items as [Less] does.
func Compare(a, b Item) int {
	switch {
	case Less(a, b):
		return -1
	case Less(b, a):
		return 1
	}
	return 0
}

// Order is the leads of one card in order. One goroutine changes it; others may
// call [Order.Copy] while it does not.
type Order struct {
	t *btree.BTreeG[Item]

	mu   sync.Mutex // held while copy is made: a copy marks what it shares
	copy *Order     // the order as it stands; nil = it has changed since
}

func less(a, b Item) bool { return Less(a, b) }

// NewOrder returns an order of items, which it sorts quickest if they are in
// order already.
func NewOrder(items []Item) *Order {
	o := &Order{t: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
	for _, it := range items {
		o.t.Load(it)
	}
	return o
}

// Move replaces a lead's place. A zero id in from or to means that it had none
// or has none any more.
func (o *Order) Move(from, to Item) {
	if from == to {
		return
	}
	o.copy = nil
	if !from.ID.IsZero() && !to.ID.IsZero() && Compare(from, to) == 0 {
		o.t.Set(to) // the same place
		return
	}
	if !from.ID.IsZero() {
		o.t.Delete(from)
	}
	if !to.ID.IsZero() {
		o.t.Set(to)
	}
}

// Len is the number of leads.
func (o *Order) Len() int { return o.t.Len() }

// Copy returns the order as it stands, in constant time. The copy may be read
// while the order goes on changing, and is never to be moved in.
func (o *Order) Copy() *Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.copy == nil {
		o.copy = &Order{t: o.t.IsoCopy()}
	}
	return o.copy
}

// After calls visit with the items behind a cursor, in order, until it returns
// false. The zero cursor is before the first.
func (o *Order) After(c Cursor, visit func(Item) bool) {
	if !c.set {
		o.t.Scan(visit)
		return
	}
	o.t.Ascend(c.item, func(it Item) bool {
		return !Less(c.item, it) || visit(it)
	})
}

// Cursor is a place in an order, whether or not a lead stands there now: whoever
// reads on from it neither skips nor repeats a lead that did not move.
type Cursor struct {
	item Item
	set  bool
}

// At returns the cursor behind an item.
func At(it Item) Cursor { return Cursor{item: it, set: true} }

// Before says that an item stands behind the cursor.
func (c Cursor) Before(it Item) bool { return !c.set || Less(c.item, it) }

// String returns the cursor as one word for a URL.
func (c Cursor) String() string {
	if !c.set {
		return ""
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(c.item.Key))
	b = binary.BigEndian.AppendUint64(b, uint64(c.item.Seen))
	b = append(append(b, byte(c.item.ID.Kind)), c.item.ID.Hash[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads what [Cursor.String] wrote.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 29 {
		return Cursor{}, &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_cursor", Detail: "after: not a cursor of this list; use the next of a page"}
	}
	c := Cursor{set: true}
	c.item.Key = int32(binary.BigEndian.Uint32(b))
	c.item.Seen = int64(binary.BigEndian.Uint64(b[4:]))
	c.item.ID = tracker.LeadOf([17]byte(b[12:]))
	return c, nil
}

// Timers says which lead of a tenant is to be looked at when.
type Timers struct {
	t *btree.BTreeG[timer]
}

type timer struct {
	at int64
	id tracker.LeadID
}

// NewTimers returns timers without entries.
func NewTimers() *Timers {
	return &Timers{t: btree.NewBTreeGOptions(func(a, b timer) bool {
		if a.at != b.at {
			return a.at < b.at
		}
		return a.id.Compare(b.id) < 0
	}, btree.Options{NoLocks: true})}
}

// Move replaces a lead's time; 0 = none.
func (t *Timers) Move(id tracker.LeadID, from, to int64) {
	if from == to {
		return
	}
	if from != 0 {
		t.t.Delete(timer{from, id})
	}
	if to != 0 {
		t.t.Set(timer{to, id})
	}
}

// Due returns the first lead whose time has come.
func (t *Timers) Due(now int64) (id tracker.LeadID, at int64, ok bool) {
	first, ok := t.t.Min()
	if !ok || first.at > now {
		return tracker.LeadID{}, 0, false
	}
	return first.id, first.at, true
}

// Next is the first time there is; 0 = none.
func (t *Timers) Next() int64 {
	first, ok := t.t.Min()
	if !ok {
		return 0
	}
	return first.at
}

// Len is the number of leads that wait.
func (t *Timers) Len() int { return t.t.Len() }

// Names numbers the bands or grades of an order's items. 0 is no name. Its
// methods may be called concurrently.
type Names struct {
	mu   sync.RWMutex
	list []string
}

// Index returns the number of a name, adding it. After 255 names it gives 255,
// which [Names.Name] does not know.
func (n *Names) Index(name string) uint8 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name == "" {
		return 0
	}
	for i, s := range n.list {
		if s == name {
			return uint8(i + 1)
		}
	}
	if len(n.list) >= 254 {
		return 255
	}
	n.list = append(n.list, name)
	return uint8(len(n.list))
}

// Find returns the number of a name that is known.
func (n *Names) Find(name string) (uint8, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for i, s := range n.list {
		if s == name {
			return uint8(i + 1), true
		}
	}
	return 0, name == ""
}

// Name returns the name of a number.
func (n *Names) Name(i uint8) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if i == 0 || int(i) > len(n.list) {
		return ""
	}
	return n.list[i-1]
}
