package journey

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// The kinds of rows. Texts lie under their own kinds, 'J', 'G' and 'O'.
const (
	rowPlace   = 'p'
	rowDue     = 'd'
	rowMember  = 'm'
	rowMembers = 'M'
	rowNote    = 'h'
	rowSent    = 's'
	rowHad     = 'c'
	rowAsked   = 'a'
	rowSetting = 'f'
	rowTally   = 't'
	rowFeed    = 'F'
	rowLog     = 'C'
	rowSweep   = 'w'
)

// The kinds of what is due.
const (
	dueStep    = 'j' // a lead goes on in a journey
	dueSegment = 'g' // a lead may belong to a segment no more, or again
	dueClick   = 'c' // a click in a mail has settled
)

// What is remembered of sent messages, for caps.
const (
	sentKept = 32
	sentFor  = 90 * day
)

const leadLen = 17

func appendLead(dst []byte, l tracker.LeadID) []byte {
	return append(append(dst, byte(l.Kind)), l.Hash[:]...)
}

func parseLead(b []byte) tracker.LeadID { return tracker.LeadOf([leadLen]byte(b)) }

func leadKey(kind byte, l tracker.LeadID, name string) []byte {
	return append(appendLead([]byte{kind}, l), name...)
}

func nameKey(kind byte, name string) []byte { return append([]byte{kind}, name...) }

func dueKey(at int64, l tracker.LeadID, kind byte, name string) []byte {
	b := binary.BigEndian.AppendUint64([]byte{rowDue}, uint64(max(at, 0)))
	return append(append(appendLead(b, l), kind), name...)
}

// due is a row under d.
type due struct {
	at   int64
	lead tracker.LeadID
	kind byte
	name string
}

func parseDue(k []byte) (d due, err error) {
	if len(k) < 1+8+leadLen+1 {
		return d, fmt.Errorf("journey: a row of %d bytes, need %d", len(k), 1+8+leadLen+1)
	}
	return due{int64(binary.BigEndian.Uint64(k[1:])), parseLead(k[9:]), k[9+leadLen], string(k[10+leadLen:])}, nil
}

// rows reads and writes the rows of one tenant in a transaction. What is counted
// is written by flush.
type rows struct {
	tx *storage.Tx
	// read is what was before the transaction, for scans of what it does not write
	// before: each in a transaction sorts all that it has written. nil = tx.
	read  *storage.Tx
	t     tracker.TenantID
	tally map[string]*tracker.JourneyTally // :: name@version → what is counted
	notes map[tracker.LeadID]uint64        // :: lead → its last note
}

func newRows(tx *storage.Tx, t tracker.TenantID) *rows {
	return &rows{tx: tx, t: t, tally: map[string]*tracker.JourneyTally{}, notes: map[tracker.LeadID]uint64{}}
}

func (r *rows) get(k []byte) ([]byte, error) { return r.tx.Get(r.t, storage.SpaceJourney, k) }

func (r *rows) set(k, v []byte) error { return r.tx.Set(r.t, storage.SpaceJourney, k, v) }

func (r *rows) drop(k []byte) error { return r.tx.Delete(r.t, storage.SpaceJourney, k) }

func (r *rows) scan(prefix []byte, visit func(k, v []byte) error) error {
	return r.before().Scan(r.t, storage.SpaceJourney, prefix, storage.Behind(prefix), visit)
}

func (r *rows) before() *storage.Tx {
	if r.read != nil {
		return r.read
	}
	return r.tx
}

func (r *rows) getJSON(k []byte, out any) (bool, error) {
	b, err := r.get(k)
	if err != nil || b == nil {
		return false, err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return false, fmt.Errorf("decode a journey's row %q: %w", k[0], err)
	}
	return true, nil
}

func (r *rows) setJSON(k []byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.set(k, b)
}

// stand is a place with its key.
type stand struct {
	lead tracker.LeadID
	name string
	place
}

// places returns where a lead stands, under any of its names.
func (r *rows) places(ids []tracker.LeadID) (out []stand, err error) {
	for _, id := range ids {
		prefix := leadKey(rowPlace, id, "")
		err := r.scan(prefix, func(k, v []byte) error {
			s := stand{lead: id, name: string(k[len(prefix):])}
			if err := json.Unmarshal(v, &s.place); err != nil {
				return fmt.Errorf("decode a place in %s: %w", s.name, err)
			}
			out = append(out, s)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// save writes a place, and the row by which it wakes. was is its due moment
// before.
func (r *rows) save(s *stand, was int64) error {
	if was != 0 && was != s.Due {
		if err := r.drop(dueKey(was, s.lead, dueStep, s.name)); err != nil {
			return err
		}
	}
	if s.Due != 0 {
		if err := r.set(dueKey(s.Due, s.lead, dueStep, s.name), []byte{}); err != nil {
			return err
		}
	}
	return r.setJSON(leadKey(rowPlace, s.lead, s.name), &s.place)
}

// noteRow is a note as it is stored.
type noteRow struct {
	At int64 `json:"at"`
	note
	Segment string `json:"segment,omitempty"`
}

// say keeps a note.
func (r *rows) say(l tracker.LeadID, n *noteRow) error {
	prefix := leadKey(rowNote, l, "")
	last, known := r.notes[l]
	if !known {
		err := r.before().ScanReverse(r.t, storage.SpaceJourney, prefix, storage.Behind(prefix), func(k, _ []byte) error {
			last = binary.BigEndian.Uint64(k[len(prefix):])
			return storage.ErrStop
		})
		if err != nil {
			return err
		}
	}
	last++
	r.notes[l] = last
	return r.setJSON(binary.BigEndian.AppendUint64(prefix, last), n)
}

// count returns what is counted of a version, to be added to.
func (r *rows) count(name string) (*tracker.JourneyTally, error) {
	if t := r.tally[name]; t != nil {
		return t, nil
	}
	t := &tracker.JourneyTally{}
	if _, err := r.getJSON(nameKey(rowTally, name), t); err != nil {
		return nil, err
	}
	if t.Ended == nil {
		t.Ended, t.Steps = map[string]int{}, map[string]int{}
	}
	if t.Answers == nil {
		t.Answers = map[string]map[string]int{}
	}
	r.tally[name] = t
	return t, nil
}

// flush writes what was counted.
func (r *rows) flush() error {
	for _, name := range slices.Sorted(maps.Keys(r.tally)) {
		if err := r.setJSON(nameKey(rowTally, name), r.tally[name]); err != nil {
			return err
		}
	}
	return nil
}

// sent returns when messages of a channel left for somebody.
func (r *rows) sent(ids []tracker.LeadID, channel string) (out []int64, err error) {
	for _, id := range ids {
		b, err := r.get(leadKey(rowSent, id, channel))
		if err != nil {
			return nil, err
		}
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, int64(binary.BigEndian.Uint64(b)))
		}
	}
	slices.Sort(out)
	return out, nil
}

// had says whether somebody was sent a template by a journey.
func (r *rows) had(ids []tracker.LeadID, template string) (bool, error) {
	for _, id := range ids {
		if b, err := r.get(leadKey(rowHad, id, template)); b != nil || err != nil {
			return b != nil, err
		}
	}
	return false, nil
}

// leaves remembers that a message leaves now, and its template.
func (r *rows) leaves(id tracker.LeadID, channel, template string, now int64) error {
	if template != "" {
		if err := r.set(leadKey(rowHad, id, template), binary.BigEndian.AppendUint64(nil, uint64(now))); err != nil {
			return err
		}
	}
	list, err := r.sent([]tracker.LeadID{id}, channel)
	if err != nil {
		return err
	}
	list = append(slices.DeleteFunc(list, func(t int64) bool { return t < now-sentFor }), now)
	list = list[max(0, len(list)-sentKept):]
	var b []byte
	for _, t := range list {
		b = binary.BigEndian.AppendUint64(b, uint64(t))
	}
	return r.set(leadKey(rowSent, id, channel), b)
}

// sequence reads a cursor.
func (r *rows) sequence(k []byte) (n uint64, ok bool, err error) {
	b, err := r.get(k)
	if len(b) == 8 {
		return binary.BigEndian.Uint64(b), true, err
	}
	return 0, false, err
}

func (r *rows) setSequence(k []byte, n uint64) error {
	return r.set(k, binary.BigEndian.AppendUint64(nil, n))
}

// forget takes everything about somebody away.
func (r *rows) forget(ids []tracker.LeadID) error {
	var keys [][]byte
	var codes []string
	for _, id := range ids {
		for _, kind := range []byte{rowPlace, rowMember, rowNote, rowSent, rowHad, rowAsked, rowSetting, rowPhones, rowLetter} {
			prefix := leadKey(kind, id, "")
			err := r.tx.Scan(r.t, storage.SpaceJourney, prefix, storage.Behind(prefix), func(k, v []byte) error {
				keys = append(keys, bytes.Clone(k))
				name := string(k[len(prefix):])
				switch kind {
				case rowPlace:
					var p place
					if err := json.Unmarshal(v, &p); err != nil {
						return err
					}
					keys = append(keys, dueKey(p.Due, id, dueStep, name))
				case rowLetter:
					var l letterRow
					if err := json.Unmarshal(v, &l); err != nil {
						return err
					}
					codes = append(codes, l.Code)
				case rowPhones:
					keys = append(keys, nameKey(rowPhone, name))
				case rowMember:
					keys = append(keys, memberKey(name, id), dueKey(parseMember(v).next, id, dueSegment, name))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	for _, k := range keys {
		if err := r.drop(k); err != nil {
			return err
		}
	}
	for _, code := range codes {
		if err := newRows(r.tx, tracker.TenantID{}).drop(nameKey(rowCode, code)); err != nil {
			return err
		}
	}
	return nil
}

// member is that somebody belongs to a segment, or may later.
type member struct {
	since int64 // 0 = does not belong
	next  int64 // when to look again; 0 = when something happens
}

func parseMember(b []byte) (m member) {
	if len(b) == 16 {
		m = member{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
	}
	return m
}

func (m member) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(m.since)), uint64(m.next))
}

func memberKey(segment string, l tracker.LeadID) []byte {
	return appendLead(append(nameKey(rowMembers, segment), 0), l)
}
