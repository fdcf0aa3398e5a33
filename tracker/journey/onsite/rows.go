package onsite

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// The kinds of rows.
const (
	rowSeen    = 'c'
	rowDay     = 'x'
	rowWaiting = 'w'
	rowWaits   = 'W'
	rowErased  = 'e'
	rowTally   = 't'
	rowCursor  = 'C'
)

const dayLen = 4 // of a day in a key

// seenRow is what somebody has seen of a message. Its fields are only ever added.
type seenRow struct {
	Shown    []int64 `json:"s,omitempty"` // unix ms, the last of them
	Answered int64   `json:"a,omitempty"`
}

// add takes another device of the same person in.
func (s *seenRow) add(o *seenRow) {
	s.Shown = append(s.Shown, o.Shown...)
	s.Answered = max(s.Answered, o.Answered)
}

// last is when it was written last.
func (s *seenRow) last() (at int64) {
	for _, t := range append(slices.Clone(s.Shown), s.Answered) {
		at = max(at, t)
	}
	return at
}

// waitRow is a message that waits for somebody.
type waitRow struct {
	Name    string `json:"name"`
	Lead    string `json:"lead"`
	Subject string `json:"subject"` // with whose erasure it goes
	At      int64  `json:"at"`
}

func leadKey(kind byte, l tracker.LeadID, name string) []byte {
	k := l.Key()
	return append(append([]byte{kind}, k[:]...), name...)
}

func nameKey(kind byte, name string) []byte { return append([]byte{kind}, name...) }

func dayKey(ms int64, rest []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{rowDay}, uint32(max(ms, 0)/day)), rest...)
}

// rows reads and writes the rows of one tenant in a transaction.
type rows struct {
	tx *storage.Tx
	t  tracker.TenantID
}

func (r rows) get(k []byte, out any) (bool, error) {
	b, err := r.tx.Get(r.t, storage.SpaceOnsite, k)
	if err != nil || b == nil {
		return false, err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return false, fmt.Errorf("decode an on-site message's row %q: %w", k[0], err)
	}
	return true, nil
}

func (r rows) put(k []byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.tx.Set(r.t, storage.SpaceOnsite, k, b)
}

func (r rows) mark(k []byte) error { return r.tx.Set(r.t, storage.SpaceOnsite, k, []byte{}) }

func (r rows) drop(k []byte) error { return r.tx.Delete(r.t, storage.SpaceOnsite, k) }

func (r rows) keys(prefix []byte, visit func(k []byte) error) error {
	return r.tx.Scan(r.t, storage.SpaceOnsite, prefix, storage.Behind(prefix), func(k, _ []byte) error { return visit(k) })
}

// waiting returns what waits for a lead, given all its names, the oldest first.
func (r rows) waiting(ids []tracker.LeadID) (out []wait, err error) {
	for _, id := range ids {
		prefix := leadKey(rowWaits, id, "")
		err := r.keys(prefix, func(k []byte) error {
			w := wait{id: string(k[len(prefix):])}
			ok, err := r.get(nameKey(rowWaiting, w.id), &w.waitRow)
			if ok {
				out = append(out, w)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b wait) int { return int(min(max(a.At-b.At, -1), 1)) })
	return out, nil
}

type wait struct {
	id string
	waitRow
}

// saw adds what somebody has seen under an identity.
func (r rows) saw(id tracker.LeadID, seen map[string]*seenRow) error {
	prefix := leadKey(rowSeen, id, "")
	return r.keys(prefix, func(k []byte) error {
		name := string(k[len(prefix):])
		if seen[name] == nil {
			seen[name] = &seenRow{}
		}
		var s seenRow
		_, err := r.get(k, &s)
		seen[name].add(&s)
		return err
	})
}

// unwait takes away what waited.
func (r rows) unwait(id string) error {
	var w waitRow
	ok, err := r.get(nameKey(rowWaiting, id), &w)
	if !ok || err != nil {
		return err
	}
	for kind, who := range map[byte]string{rowWaits: w.Lead, rowErased: w.Subject} {
		l, err := tracker.ParseLeadID(who)
		if err != nil {
			return err
		}
		if err := r.drop(leadKey(kind, l, id)); err != nil {
			return err
		}
	}
	return r.drop(nameKey(rowWaiting, id))
}

// forget takes everything about an identity away.
func (r rows) forget(id tracker.LeadID) error {
	var gone [][]byte
	err := r.keys(leadKey(rowSeen, id, ""), func(k []byte) error {
		gone = append(gone, bytes.Clone(k))
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range gone {
		if err := r.drop(k); err != nil {
			return err
		}
	}
	var waits []string
	prefix := leadKey(rowErased, id, "")
	err = r.keys(prefix, func(k []byte) error {
		waits = append(waits, string(k[len(prefix):]))
		return nil
	})
	for _, w := range waits {
		if err == nil {
			err = r.unwait(w)
		}
	}
	return err
}

// expire takes away what nobody saw again for as long as caps reach; some of it
// at a time.
func (r rows) expire(now int64, most int) error {
	var days, seen [][]byte
	err := r.tx.Scan(r.t, storage.SpaceOnsite, []byte{rowDay}, dayKey(now-capFor-day, nil), func(k, _ []byte) error {
		days = append(days, bytes.Clone(k))
		seen = append(seen, append([]byte{rowSeen}, k[1+dayLen:]...))
		if len(days) == most {
			return storage.ErrStop
		}
		return nil
	})
	for i := range days {
		if err == nil {
			err = r.expireOne(days[i], seen[i], now)
		}
	}
	return err
}

func (r rows) expireOne(dayRow, seen []byte, now int64) error {
	var s seenRow
	ok, err := r.get(seen, &s)
	if err != nil {
		return err
	}
	if ok && s.last() <= now-capFor {
		if err := r.drop(seen); err != nil {
			return err
		}
	}
	return r.drop(dayRow)
}
