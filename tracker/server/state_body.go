package server

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
	"ripen/tracker/score"
)

// body is what score and rank keep with a lead.
//
//	body  = version:1 shown* wake waits:1 places profile walk          (in storage)
//	shown = card score band grade prev:uvarint key seen
type body struct {
	tenant *tenantState
	id     tracker.LeadID
	shown  []shown
	wake   int64      // the lead's timer; 0 = none
	waits  bool       // it is in State.deferred
	pos    fold.Place // of the last event walked
	walk   score.Walk
	bases  []base // saved walks to begin again from, oldest first
	based  uint64 // events walked when the last was taken
	near   []base // in memory only, see keepNear
	late   bool   // some event came late once
	gone   bool
	parts  []part // of the profile

	dropped []fold.Place // bases to delete
	sent    int          // of dropped, how many a transaction on its way deletes
}

// base is a saved walk. blob is nil once it is stored.
type base struct {
	pos  fold.Place
	blob []byte
	sent bool // stored, or on its way there
}

// baseEvery is how many events lie between two bases: a late event is walked
// again with at most this many before it.
const baseEvery = 128

// shown is what the feed last said of a lead on one card, and its place in the
// order.
type shown struct {
	card  string // without version
	score int16  // -1 = none
	band  string
	grade string
	prev  uint64    // sequence of the lead's last change
	item  rank.Item // zero id = not in the order
}

const bodyVersion = 2

func (b *body) Size() int {
	n := 360 + b.walk.Size() + 112*cap(b.shown) + 64*cap(b.bases)
	for i := range b.bases {
		n += len(b.bases[i].blob)
	}
	for i := range b.near {
		n += 64 + cap(b.near[i].blob)
	}
	for i := range b.parts {
		n += 72 + 8*cap(b.parts[i].known) + cap(b.parts[i].sealed)
	}
	return n
}

func (b *body) Append(dst []byte) []byte {
	dst = append(dst, bodyVersion, byte(len(b.shown)))
	for i := range b.shown {
		q := &b.shown[i]
		dst = appendText(dst, q.card)
		dst = binary.AppendVarint(dst, int64(q.score))
		dst = appendText(appendText(dst, q.band), q.grade)
		dst = binary.AppendUvarint(dst, q.prev)
		if q.item.ID.IsZero() {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendVarint(append(dst, 1), int64(q.item.Key))
		dst = binary.AppendVarint(dst, q.item.Seen)
		// The order may be ahead of what the feed says.
		dst = appendText(appendText(dst, b.tenant.bands.Name(q.item.Band)), b.tenant.grades.Name(q.item.Grade))
	}
	dst = binary.AppendVarint(dst, b.wake)
	if b.waits {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	dst = fold.AppendPlace(dst, b.pos)
	dst = binary.AppendUvarint(dst, b.based)
	dst = binary.AppendUvarint(dst, uint64(len(b.bases)))
	for i := range b.bases {
		dst = fold.AppendPlace(dst, b.bases[i].pos)
	}
	return b.walk.Append(b.appendParts(dst))
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// bodyReader reads the parts of a stored body.
type bodyReader struct {
	b     []byte
	err   error
	texts *score.Texts
}

var errBody = errors.New("stored lead ends early: run ripen replay")

func (r *bodyReader) byte() byte {
	if len(r.b) == 0 {
		r.err = errBody
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *bodyReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.err = nil, errBody
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *bodyReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *bodyReader) text() string { return r.texts.Of(r.take(r.uvarint())) }

// take returns the next n bytes; they are not copied.
func (r *bodyReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.err = nil, errBody
		return nil
	}
	t := r.b[:n:n]
	r.b = r.b[n:]
	return t
}

func (r *bodyReader) id() (l tracker.LeadID) {
	l.Kind = tracker.IdentityKind(r.byte())
	r.bytes(l.Hash[:])
	return l
}

func (r *bodyReader) bytes(dst []byte) {
	if len(r.b) < len(dst) {
		r.b, r.err = nil, errBody
		return
	}
	r.b = r.b[copy(dst, r.b):]
}

func (r *bodyReader) place() (p fold.Place) {
	if r.err == nil {
		p, r.b, r.err = fold.ReadPlace(r.b)
	}
	return p
}

// head reads what the order and the timers are rebuilt from.
func (r *bodyReader) head(b *body) {
	if v := r.byte(); v != bodyVersion && r.err == nil {
		r.err = fmt.Errorf("stored lead has version %d, this binary reads %d: upgrade it", v, bodyVersion)
		return
	}
	b.shown = b.shown[:0]
	for n := r.byte(); n > 0 && r.err == nil; n-- {
		q := shown{card: r.text(), score: int16(r.varint()), band: r.text(), grade: r.text(), prev: r.uvarint()}
		if r.byte() != 0 {
			q.item = rank.Item{ID: b.id, Key: int32(r.varint()), Seen: r.varint()}
			q.item.Band, q.item.Grade = b.tenant.bands.Index(r.text()), b.tenant.grades.Index(r.text())
		}
		b.shown = append(b.shown, q)
	}
	b.wake, b.waits = r.varint(), r.byte() != 0
}

// newBody makes a lead's body from its stored form, or of a new lead from nil.
// It may be called by readers: it changes nothing of the state.
func (s *State) newBody(t tracker.TenantID, id tracker.LeadID, stored []byte) (fold.Body, error) {
	ts := s.tenants[t]
	if ts == nil {
		return nil, fmt.Errorf("tenant %s is not known to the state", t) // unreachable unless apply forgot it
	}
	b := &body{tenant: ts, id: id}
	if stored == nil {
		ts.deck.Begin(&b.walk)
		ts.overlay(b)
		return b, nil
	}
	r := bodyReader{b: stored, texts: s.texts}
	r.head(b)
	b.pos, b.based = r.place(), r.uvarint()
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		return nil, errBody
	}
	b.bases = make([]base, n)
	for i := range b.bases {
		b.bases[i] = base{pos: r.place(), sent: true}
	}
	b.parts = r.parts()
	if r.err != nil {
		return nil, r.err
	}
	if err := b.walk.Decode(r.b, s.texts); err != nil {
		return nil, err
	}
	ts.overlay(b)
	return b, nil
}

// on returns what is shown of a card.
func (b *body) on(card string) *shown {
	for i := range b.shown {
		if b.shown[i].card == card {
			return &b.shown[i]
		}
	}
	b.shown = append(b.shown, shown{card: card, score: -1})
	return &b.shown[len(b.shown)-1]
}

// keepBase saves the walk as it stands, to begin again from.
func (b *body) keepBase() {
	b.bases = append(b.bases, base{pos: b.pos, blob: b.walk.Append(nil)})
	b.based = b.walk.Events
}

// keepNear saves the walk before the events of a batch. Batches of one visitor
// overtake each other by milliseconds, and who sends such does it often: with
// the last two places at hand, a late event costs what came since.
func (b *body) keepNear() {
	if len(b.near) < 2 {
		b.near = append(b.near, base{})
	} else {
		b.near[0], b.near[1] = b.near[1], b.near[0]
	}
	q := &b.near[len(b.near)-1]
	q.pos, q.blob = b.pos, b.walk.Append(q.blob[:0])
}

// dropBases forgets the bases that are not before a place.
func (b *body) dropBases(from fold.Place) {
	for n := len(b.near); n > 0 && !b.near[n-1].pos.Less(from); n-- {
		b.near = b.near[:n-1]
	}
	n := len(b.bases)
	for n > 0 && !b.bases[n-1].pos.Less(from) {
		n--
		if b.bases[n].sent {
			b.dropped = append(b.dropped, b.bases[n].pos)
		}
		b.bases[n] = base{}
	}
	b.bases = b.bases[:n]
}

// A base lies in leads/ under storage.SpaceScore: key = lead:17 place:18…, value
// = walk.
func baseKey(id tracker.LeadID, p fold.Place) []byte {
	k := append([]byte{byte(id.Kind)}, id.Hash[:]...)
	k = binary.BigEndian.AppendUint64(k, uint64(p.Time)^1<<63)
	k = binary.BigEndian.AppendUint64(k, p.Hi)
	return binary.BigEndian.AppendUint64(k, p.Lo)
}

// Save writes the bases that came and deletes those that went.
func (b *body) Save(tx fold.Rows, l *fold.Lead) error {
	if l.Gone {
		b.dropBases(fold.Place{})
	}
	for _, p := range b.dropped {
		if err := tx.Delete(l.Tenant(), storage.SpaceScore, baseKey(b.id, p)); err != nil {
			return err
		}
	}
	for i := range b.bases {
		if b.bases[i].blob == nil {
			continue
		}
		if err := tx.Set(l.Tenant(), storage.SpaceScore, baseKey(b.id, b.bases[i].pos), b.bases[i].blob); err != nil {
			return err
		}
	}
	return nil
}

// Sent notes that what Save wrote is on its way to the disk.
func (b *body) Sent() {
	for i := range b.bases {
		b.bases[i].sent = true
	}
	b.sent = len(b.dropped)
}

// Saved notes that what was sent is stored.
func (b *body) Saved() {
	for i := range b.bases {
		if b.bases[i].sent {
			b.bases[i].blob = nil
		}
	}
	if b.dropped = b.dropped[b.sent:]; len(b.dropped) == 0 {
		b.dropped = nil
	}
	b.sent, b.near = 0, nil
}

// Revive lets a lead that had ended stand for itself again. Its walk begins anew.
func (b *body) Revive() {
	b.dropBases(fold.Place{})
	b.tenant.deck.Begin(&b.walk)
	b.gone, b.late, b.parts = false, false, nil
	b.pos, b.based = fold.Place{}, 0
}

// restore makes the walk what it was at a base.
func (s *State) restore(b *body, at *base) error {
	blob := at.blob
	if blob == nil {
		err := s.cfg.leads.View(func(tx *storage.Tx) (err error) {
			blob, err = tx.Get(b.tenant.id, storage.SpaceScore, baseKey(b.id, at.pos))
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := b.walk.Decode(blob, s.texts); err != nil {
		return fmt.Errorf("saved walk: %w", err)
	}
	b.pos, b.based = at.pos, min(b.based, b.walk.Events)
	return nil
}
