package server

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/score"
	"ripen/wasm/scorecard"
)

// A lead's timeline is drawn together when somebody asks: what it did lies in the
// fold's timelines, how its score moved in the feed, what was done with it in the
// notes of journeys, the queue of sales and the outbox. Nothing is stored twice.
// Each of these is a stream, latest first, of which some are read at a time; the
// latest of their heads comes next.

// spot is where a moment stands in the order of a timeline: by time, then by what
// can cause what, then by the order within its stream.
type spot struct {
	time   int64
	stream byte
	hi, lo uint64
}

// The streams, in the order in which one causes the next.
const (
	ofEvents byte = iota + 1
	ofChanges
	ofNotes
	ofHandoffs
	ofIntents
)

func (p spot) compare(q spot) int {
	return cmp.Or(cmp.Compare(p.time, q.time), cmp.Compare(p.stream, q.stream), cmp.Compare(p.hi, q.hi), cmp.Compare(p.lo, q.lo))
}

// cursor is where a page ended.
type cursor struct {
	spot
	change uint64 // the next of the feed
}

func (c cursor) String() string {
	b := binary.AppendVarint(nil, c.time)
	b = binary.BigEndian.AppendUint64(append(b, c.stream), c.hi)
	b = binary.AppendUvarint(binary.BigEndian.AppendUint64(b, c.lo), c.change)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (c cursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		var n, m int
		if c.time, n = binary.Varint(b); n > 0 && len(b) > n+17 {
			c.stream, c.hi, c.lo = b[n], binary.BigEndian.Uint64(b[n+1:]), binary.BigEndian.Uint64(b[n+9:])
			if c.change, m = binary.Uvarint(b[n+17:]); m > 0 && n+17+m == len(b) {
				return c, nil
			}
		}
	}
	return c, &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_cursor", Detail: "after: not a cursor of this list; use the next of a page"}
}

// placed is a moment at its spot.
type placed struct {
	spot
	tracker.Moment
	sealed bool // its event has a sealed part
}

// stream is moments of one kind of source, latest first.
type stream struct {
	more func() ([]placed, error) // the next ones; none = no more
	from *spot                    // only what comes before it; nil = more begins where the page does
	list []placed
	done bool
}

// head is the next moment; nil = no more.
func (s *stream) head() (*placed, error) {
	for {
		for len(s.list) > 0 {
			m := &s.list[0]
			if s.from == nil || m.spot.compare(*s.from) < 0 {
				return m, nil
			}
			s.list = s.list[1:]
		}
		if s.done {
			return nil, nil
		}
		var err error
		if s.list, err = s.more(); err != nil {
			return nil, err
		}
		s.done = len(s.list) == 0
	}
}

// teller draws the timeline of one lead together.
type teller struct {
	s    *Server
	st   *State
	t    *tracker.Tenant
	q    *tracker.MomentQuery
	ids  []tracker.LeadID // names under which it is known
	from *spot            // where the page before ended; nil = there was none

	streams []*stream
	history *fold.History // what it did; discarded when the page is made
	change  uint64        // the next of the feed
	changes *stream
	cards   map[string]*scorecard.Card // :: name@version → card that changes name; nil = it has no rules to ask
}

// Moments returns a page of a lead's timeline.
func (s *Server) Moments(by tracker.Caller, t *tracker.Tenant, q tracker.MomentQuery) (page tracker.MomentPage, err error) {
	st, err := s.state()
	if err != nil {
		return page, err
	}
	l, err := st.Lead(by, t.ID, q.Who)
	if err != nil {
		return page, err
	}
	page.Lead = l.ID
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	q.Limit, q.Card = min(q.Limit, maxPage), cmp.Or(q.Card, t.Ranking)
	k := &teller{s: s, st: st, t: t, q: &q, cards: map[string]*scorecard.Card{}}
	for _, id := range append([]tracker.LeadID{l.ID}, l.Superseded...) {
		if id.Kind != tracker.VisitorIdentity { // whoever is not known is in no journey
			k.ids = append(k.ids, id)
		}
	}
	if err := k.open(); err != nil {
		return page, err
	}
	defer k.close()
	page.Moments, page.Next, err = k.page()
	if errors.Is(err, storage.ErrClosed) {
		err = &tracker.Error{Kind: tracker.KindBusy, Code: "overload", Detail: "a replay began meanwhile: ask again", Err: err}
	}
	return page, err
}

// open opens the streams that may have moments of the kinds that are asked for.
func (k *teller) open() error {
	if k.q.After != "" {
		c, err := parseCursor(k.q.After)
		if err != nil {
			return err
		}
		k.from, k.change = &c.spot, c.change
	}
	if k.q.Wants(tracker.MomentEvent, tracker.MomentAnswer, tracker.MomentTouch, tracker.MomentHandoff) {
		if err := k.openEvents(); err != nil {
			return err
		}
	}
	if k.q.Wants(tracker.MomentScore) {
		if err := k.openChanges(); err != nil {
			return err
		}
	}
	for _, id := range k.ids {
		if k.q.Wants(tracker.MomentJourney, tracker.MomentTouch, tracker.MomentHandoff) {
			k.numbered(ofNotes, id, k.notes)
		}
		if k.q.Wants(tracker.MomentHandoff) {
			k.numbered(ofHandoffs, id, k.handoffs)
		}
		if k.q.Wants(tracker.MomentTouch) {
			k.numbered(ofIntents, id, k.intents)
		}
	}
	return nil
}

func (k *teller) close() {
	if k.history != nil {
		k.history.Discard()
	}
}

// numbered adds a stream of rows that are numbered in the order of their making.
func (k *teller) numbered(kind byte, id tracker.LeadID, read func(id tracker.LeadID, before uint64, limit int) ([]placed, error)) {
	before := uint64(0)
	k.streams = append(k.streams, &stream{from: k.from, more: func() ([]placed, error) {
		if before == 1 { // that was the first
			return nil, nil
		}
		list, err := read(id, before, k.some())
		for i := range list {
			list[i].stream, list[i].hi = kind, binary.BigEndian.Uint64(id.Hash[:])
			before = list[i].lo
		}
		return list, err
	}})
}

// some is how many of a stream are read at a time.
func (k *teller) some() int { return min(k.q.Limit+1, 256) }

// page takes the latest of all heads until it is full.
func (k *teller) page() (out []tracker.Moment, next string, err error) {
	sealed := map[uint64]*tracker.Event{} // :: sequence → event
	last := k.from
	for {
		var best *placed
		var of *stream
		for _, s := range k.streams {
			m, err := s.head()
			if err != nil {
				return nil, "", err
			}
			if m != nil && (best == nil || m.spot.compare(best.spot) > 0) {
				best, of = m, s
			}
		}
		if best == nil {
			break
		}
		if len(out) == k.q.Limit {
			next = cursor{*last, k.change}.String()
			break
		}
		at := best.spot
		last = &at
		if of == k.changes {
			k.change = best.Change.Prev
		}
		if k.wants(&best.Moment) {
			out = append(out, best.Moment)
			if e := best.Event; e != nil && best.sealed && (k.q.Personal || best.Kind == tracker.MomentHandoff) {
				sealed[e.Seq] = e
			}
		}
		of.list = of.list[1:]
	}
	if err := k.st.openEvents(sealed); err != nil {
		return nil, "", err
	}
	return out, next, k.because(out)
}

// wants says whether a moment is of a kind that is asked for. What a journey sent
// or handed over is a step of it, too.
func (k *teller) wants(m *tracker.Moment) bool {
	return m.Kind != "" && k.q.Wants(m.Kind) || m.Step != nil && k.q.Wants(tracker.MomentJourney)
}

// openChanges opens the stream of the score's changes.
func (k *teller) openChanges() error {
	if k.q.After == "" {
		var err error
		if k.change, err = k.st.lastChange(k.t.ID, k.q.Who, &k.q.Card); err != nil {
			return err
		}
	}
	at, top := k.change, int64(0)
	if k.from != nil {
		top = k.from.time
	}
	k.changes = &stream{more: func() (list []placed, err error) {
		if at == 0 || k.st.feed == nil {
			return nil, nil
		}
		err = k.st.feed.History(k.t.ID, at, func(c *tracker.Change) error {
			m := placed{spot: spot{time: c.Time, stream: ofChanges, lo: c.Seq}, Moment: tracker.Moment{Time: c.Time, Kind: tracker.MomentScore, What: moved(c), Change: c}}
			if top != 0 && m.spot.time > top { // the feed's order stands: a late event was told late
				m.spot.time = top
			}
			at, top = c.Prev, m.spot.time
			list = append(list, m)
			return storage.ErrStop
		})
		return list, err
	}}
	k.streams = append(k.streams, k.changes)
	return nil
}

// moved says in a word what a change did.
func moved(c *tracker.Change) string {
	switch {
	case c.Cause == causeWithdrawn:
		return "withdrawn"
	case !c.MergedInto.IsZero():
		return "merged"
	case c.NewScore < 0:
		return "ended"
	case c.OldScore < 0:
		return "begun"
	case c.NewScore > c.OldScore:
		return "rose"
	case c.NewScore < c.OldScore:
		return "fell"
	}
	return "moved" // the band or the grade alone
}

// because says of the changes of a page which events caused them, and what the
// card's rules say to those.
func (k *teller) because(list []tracker.Moment) error {
	by := map[uint64]*tracker.Event{} // :: sequence → event
	for i := range list {
		if c := list[i].Change; c != nil && c.Event != 0 {
			by[c.Event] = nil
		}
	}
	if err := k.st.readEvents(by); err != nil {
		return err
	}
	for i := range list {
		m := &list[i]
		if m.Change == nil || by[m.Change.Event] == nil {
			continue
		}
		m.Source = string(by[m.Change.Event].Type)
		card, err := k.card(m.Change.Card)
		if err != nil {
			return err
		}
		if card != nil {
			m.Because = score.Because(card, by[m.Change.Event])
		}
	}
	return nil
}
