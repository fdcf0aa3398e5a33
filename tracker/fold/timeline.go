package fold

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// A timeline lies in storage as parts, one for each checkpoint that had new
// entries, and is never rewritten:
//
//	key   = subject:17 time of the first entry:8 sequence of the first entry:8
//	value = version:1 (length:uvarint entry)*
//	entry = sequence:uvarint received:varint flags:1 (length:uvarint copy)? row
//
// Flags are 1 for an event with a sealed part, and 2 if a copy of that follows, as
// sealed as it is in the log: see [Entry].Sealed.
// Entries of a part are in order and at most partSpan apart, so whoever wants
// all from a time on starts reading partSpan before it.
const (
	partSpan  = 60 * 60 * 1000
	partBytes = 16 << 10
)

// Entry is one event in a timeline.
type Entry struct {
	Place
	Seq      uint64
	Received int64
	Personal bool // the log has a sealed part
	// Sealed is a copy of that, as [storage.Record.AppendSealed] makes it; nil = only
	// the log has it. Events that set attributes have one: whoever walks a history
	// reads all of those, and each would be a read of another block of the log.
	Sealed  []byte
	Row     []byte
	Subject tracker.LeadID
	apart   []pair // what is not in it, though the row says so
}

// Decode reads the entry's event, but for the sealed part. Identities that are
// kept apart are not both in it.
func (n *Entry) Decode(e *tracker.Event) error {
	if err := tracker.DecodeRow(n.Row, e); err != nil {
		return err
	}
	without(e, n.apart)
	e.Seq, e.Received, e.Personal = n.Seq, n.Received, e.Personal[:0]
	return nil
}

// The flags of an entry.
const (
	entryPersonal = 1 << iota
	entryCopy
)

// SetsTraits says whether an event sets attributes.
func SetsTraits(e *tracker.Event) bool {
	switch string(e.Type) {
	case "identify", "group", "alias", tracker.JourneySet:
		return true
	}
	return false
}

// appendEntry appends an entry without a sealed part.
func appendEntry(dst []byte, seq uint64, received int64, row []byte) []byte {
	dst = binary.AppendVarint(binary.AppendUvarint(dst, seq), received)
	return append(append(dst, 0), row...)
}

// store files an event; a checkpoint will write it.
func (f *Fold) store(s *subject, e *tracker.Event, rec *storage.Record) {
	b := binary.AppendUvarint(f.head[:0], rec.Seq)
	b = binary.AppendVarint(b, rec.Received)
	flags := appendFlag(0, len(rec.Personal) > 0, entryPersonal)
	var own storage.Subject
	appendID(own[:0], s.id)
	if flags != 0 && SetsTraits(e) && rec.Subject == own {
		f.copy = rec.AppendSealed(f.copy[:0])
		b = binary.AppendUvarint(append(b, flags|entryCopy), uint64(len(f.copy)))
		f.head = append(b, f.copy...)
	} else {
		f.head = append(b, flags)
	}
	s.tail = f.arenas.add(s.tail, f.head, rec.Row)
}

// readEntry reads one stored entry. Its bytes are not copied; e is scratch and
// holds the event afterwards, but for its fields.
func readEntry(b []byte, id tracker.LeadID, e *tracker.Event) (Entry, error) {
	r := reader{b: b}
	n := Entry{Subject: id, Seq: r.uvarint(), Received: r.varint()}
	flags := r.byte()
	n.Personal = flags&entryPersonal != 0
	if flags&entryCopy != 0 {
		n.Sealed = r.bytes(r.uvarint())
	}
	n.Row = r.b
	if r.err != nil {
		return n, fmt.Errorf("timeline of %s: %w", id, r.err)
	}
	if err := tracker.DecodeRowHead(n.Row, e); err != nil {
		return n, fmt.Errorf("timeline of %s: record %d: %w", id, n.Seq, err)
	}
	n.Place = PlaceOf(e)
	return n, nil
}

// finder looks heads of timelines and owners of e-mails up. The Fold itself
// caches what it finds; a reader beside the state loop must not.
type finder interface {
	subject(k key) (*subject, error)
	mail(k key) (*mail, error)
	decided(t tracker.TenantID) links
}

// scan reads the entries of a timeline from a place on. visit gets them in no
// particular order, events without their fields; its bytes are valid until it
// returns.
func (f *Fold) scan(s *subject, from Place, visit func(n *Entry, e *tracker.Event) error) error {
	one := visitor(s, f.links[s.tenant].apartOn(s), from, f.cfg.seen.of(s), visit)
	for ref := s.tail; ref > 0; {
		var b []byte
		b, ref = f.arenas.get(ref)
		if err := one(b); err != nil {
			return err
		}
	}
	return f.stored.scan(f.snap, s, from, one)
}

// Stored reads stored timelines. Whoever reads many keeps one, and reads them in
// the order of their subjects: the next is then where the last one ended.
type Stored struct {
	snap   *storage.Snapshot
	tenant tracker.TenantID
	ranges *storage.Ranges // of both; nil = none yet
	list   []Entry         // the last history read
	rows   []byte          // its bytes
}

// Close lets go of the table. The next read opens it again.
func (q *Stored) Close() {
	if q.ranges != nil {
		q.ranges.Close()
		q.ranges = nil
	}
}

// visitor reads entries of s for visit: those from a place on that are in view.
func visitor(s *subject, apart []pair, from Place, seen sight, visit func(n *Entry, e *tracker.Event) error) func(b []byte) error {
	var e tracker.Event
	var n Entry // one for all: visit keeps neither
	return func(b []byte) (err error) {
		n, err = readEntry(b, s.id, &e)
		if err != nil || n.Place.Less(from) || !seen.shows(&n, &e) {
			return err
		}
		n.apart = apart
		without(&e, apart)
		return visit(&n, &e)
	}
}

// scan calls one with the stored entries of a timeline from a place on, and
// some before it.
func (q *Stored) scan(snap *storage.Snapshot, s *subject, from Place, one func(b []byte) error) error {
	if s.stored.Less(from) {
		return nil
	}
	lo := appendID(nil, s.id)
	hi := append(bytes.Clone(lo), bytes.Repeat([]byte{0xff}, 17)...)
	if !from.IsZero() {
		lo = sortable(lo, from.Time-partSpan)
	}
	if q.ranges == nil || q.snap != snap || q.tenant != s.tenant {
		q.Close()
		q.snap, q.tenant, q.ranges = snap, s.tenant, snap.Ranges(s.tenant, storage.SpaceTimeline)
	}
	return q.ranges.Scan(lo, hi, func(_, v []byte) error { return eachEntry(v, one) })
}

// entries appends the entries of a timeline from a place on, in order, rows
// copied, without the doubles that a very late repetition or a carried event
// may have left.
func (f *Fold) entries(dst []Entry, s *subject, from Place) ([]Entry, error) {
	err := f.scan(s, from, func(n *Entry, _ *tracker.Event) error {
		dst = append(dst, *n)
		dst[len(dst)-1].Row, dst[len(dst)-1].Sealed = bytes.Clone(n.Row), bytes.Clone(n.Sealed)
		return nil
	})
	return inOrder(dst), err
}

func inOrder(es []Entry) []Entry {
	slices.SortFunc(es, func(a, b Entry) int {
		if c := a.Place.Compare(b.Place); c != 0 {
			return c
		}
		return cmp.Compare(b.Seq, a.Seq) // the log keeps the last one longest
	})
	return slices.CompactFunc(es, func(a, b Entry) bool { return a.Place == b.Place && a.Subject == b.Subject })
}

// bound keeps the last place that is scored of a timeline with more events
// than count. It says whether the event at p is scored.
func (f *Fold) bound(s *subject, p Place) (scored bool, err error) {
	if s.counted > tracker.MaxTimeline && s.limit.Less(p) {
		return false, nil
	}
	var all []Place
	err = f.scan(s, Place{}, func(n *Entry, e *tracker.Event) error {
		if e.Walks() {
			all = append(all, n.Place)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	slices.SortFunc(all, Place.Compare)
	all = slices.Compact(all)
	s.limit = all[min(len(all), tracker.MaxTimeline)-1]
	if s.counted == tracker.MaxTimeline {
		return true, nil
	}
	ls, err := f.leadsOf(nil, s) // one event that was scored no longer is
	for _, l := range ls {
		f.union(s, l)
		f.rewalk(l, p)
	}
	return true, err
}

func scored(s *subject, n *Entry, e *tracker.Event) bool {
	return e.Walks() && (s.counted <= tracker.MaxTimeline || !s.limit.Less(n.Place))
}

// intervals returns the question whether an entry of s lies in one of the
// lead's intervals.
func intervals(f finder, l *Lead, s *subject) (func(*Entry, *tracker.Event) bool, error) {
	if len(s.runs) == 0 {
		id, err := owner(f, s, nil)
		return func(*Entry, *tracker.Event) bool { return id == l.id }, err
	}
	ours := make([]bool, len(s.runs))
	for i := range s.runs {
		id, err := owner(f, s, &s.runs[i])
		if err != nil {
			return nil, err
		}
		ours[i] = id == l.id
	}
	return func(n *Entry, e *tracker.Event) bool { return ours[s.runAt(n.Place, isMark(e))] }, nil
}

// Timeline appends the events of a lead from a place on, as they are to be
// walked. The entries are valid until the next call.
func (f *Fold) Timeline(dst []Entry, l *Lead, from Place) ([]Entry, error) {
	f.rows = f.rows[:0]
	for _, m := range l.Members {
		if m.Last < from.Time {
			continue
		}
		s, err := f.subject(key{l.tenant, m.Subject})
		if err != nil {
			return dst, err
		}
		mine, err := intervals(f, l, s)
		if err != nil {
			return dst, err
		}
		err = f.scan(s, from, func(n *Entry, e *tracker.Event) error {
			if !mine(n, e) || !scored(s, n, e) {
				return nil
			}
			n.Row, f.rows = keep(f.rows, n.Row)
			n.Sealed, f.rows = keep(f.rows, n.Sealed)
			dst = append(dst, *n)
			return nil
		})
		if err != nil {
			return dst, err
		}
	}
	return inOrder(dst), nil
}

// keep copies bytes to the end of rows.
func keep(rows, b []byte) (own, longer []byte) {
	at := len(rows)
	rows = append(rows, b...)
	return rows[at:len(rows):len(rows)], rows
}
