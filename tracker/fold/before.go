package fold

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"ripen/storage"
	"ripen/tracker"
)

// Before returns the last entries before a place, latest first, at most n; with
// the zero place the last of all. It keeps little more than n in memory, however
// long the history is. The history may be asked again, until it is discarded.
func (h *History) Before(p Place, n int) ([]Entry, error) {
	k := latest{before: p, n: n}
	to := int64(0)
	if !p.IsZero() {
		to = p.Time
	}
	err := h.visit(k.isPast, to, func(e *Entry, _ *tracker.Event) error {
		k.add(e)
		return nil
	})
	k.cut()
	return k.list, err
}

// Mails returns the entries about mails from one moment to another, in order:
// what a click in a mail is judged by.
func (h *History) Mails(from, to int64) ([]Entry, error) {
	var out []Entry
	past := func(last int64) bool { return last < from }
	err := h.visit(past, to, func(e *Entry, x *tracker.Event) error {
		if e.Time >= from && e.Time <= to && strings.HasPrefix(string(x.Type), "email_") {
			own := *e
			own.Row, own.Sealed = bytes.Clone(e.Row), nil
			out = append(out, own)
		}
		return nil
	})
	return inOrder(out), err
}

// visit shows the entries of the parts that begin at a moment or before it, at 0
// all, the latest part of each subject first, until past says that what ended at
// some moment is of no interest any more.
func (h *History) visit(past func(last int64) bool, to int64, one func(*Entry, *tracker.Event) error) error {
	for i := range h.filed {
		q := &h.filed[i]
		show := visitor(q.subject, q.apart, Place{}, h.seen.of(q.subject), func(e *Entry, x *tracker.Event) error {
			if !q.mine(e, x) {
				return nil
			}
			return one(e, x)
		})
		for _, b := range q.tail {
			if err := show(b); err != nil {
				return err
			}
		}
		if q.subject.stored.IsZero() {
			continue
		}
		lo := appendID(nil, q.subject.id)
		hi := append(bytes.Clone(lo), bytes.Repeat([]byte{0xff}, 17)...)
		if to != 0 {
			hi = sortable(bytes.Clone(lo), to+1)
		}
		err := h.snap.View(func(tx *storage.Tx) error {
			return tx.ScanReverse(q.subject.tenant, storage.SpaceTimeline, lo, hi, func(key, v []byte) error {
				first := int64(binary.BigEndian.Uint64(key[len(lo):]) ^ 1<<63)
				if past(first + partSpan) {
					return storage.ErrStop
				}
				return eachEntry(v, show)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// latest keeps the last n entries before a place.
type latest struct {
	before Place
	n      int
	list   []Entry
	floor  Place // there are n from here on; zero = not yet
}

func (k *latest) add(e *Entry) {
	if !k.before.IsZero() && !e.Place.Less(k.before) || e.Place.Less(k.floor) {
		return
	}
	own := *e
	own.Row, own.Sealed = bytes.Clone(e.Row), nil
	if k.list = append(k.list, own); len(k.list) >= 2*k.n {
		k.cut()
	}
}

// cut puts the latest first and forgets what is beyond n. Of doubles, which a very
// late repetition or a carried event may have left, the last in the log stays.
func (k *latest) cut() {
	slices.SortFunc(k.list, func(a, b Entry) int {
		return cmp.Or(b.Place.Compare(a.Place), cmp.Compare(b.Seq, a.Seq))
	})
	k.list = slices.CompactFunc(k.list, func(a, b Entry) bool { return a.Place == b.Place && a.Subject == b.Subject })
	if len(k.list) >= k.n {
		clear(k.list[k.n:])
		k.list = k.list[:k.n]
		k.floor = k.list[k.n-1].Place
	}
}

// isPast says that what ended at a moment comes before the last n.
func (k *latest) isPast(last int64) bool {
	if len(k.list) < k.n {
		return false
	}
	k.cut()
	return len(k.list) == k.n && last < k.floor.Time
}
