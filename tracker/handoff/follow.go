package handoff

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// stateOf is what an event makes of a hand-off.
var stateOf = map[string]string{
	tracker.HandoffAccepted: tracker.HandoffIsTaken,
	tracker.HandoffRejected: tracker.HandoffIsBack,
	tracker.Won:             tracker.HandoffIsWon,
	tracker.Lost:            tracker.HandoffIsLost,
}

// Pauses of Run.
const (
	followEvery = 50 * time.Millisecond // between two looks at a log that grows
	followAgain = time.Second           // after one that failed
)

// Run follows the log until ctx ends.
func (q *Queue) Run(ctx context.Context) {
	for ctx.Err() == nil {
		last, err := q.Follow(ctx)
		pause := followEvery
		if err == nil {
			err = q.log.Wait(ctx, 0, last)
		}
		if err != nil && ctx.Err() == nil {
			q.slog.Error("hand-offs: follow the log", "err", err)
			pause = followAgain
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// said is an event about a hand-off.
type said struct {
	tenant tracker.TenantID
	seq    uint64
	time   int64
	state  string
	id     id // zero: the latest open one of the lead
	leads  []tracker.LeadID
}

// Follow takes in what the log says of hand-offs, to its end, and returns the
// last record that it has looked at. A record that is met again changes nothing.
// While nobody was ever handed over nothing is read: that would be an eighth of
// what a server does under load.
func (q *Queue) Follow(ctx context.Context) (last uint64, err error) {
	q.follows.Lock()
	defer q.follows.Unlock()
	from, begun, err := q.cursor()
	if err != nil {
		return 0, err
	}
	if !begun {
		return q.log.Last(ctx, 0)
	}
	first, err := q.log.First(ctx, 0)
	if err != nil {
		return 0, err
	}
	last = max(from, first-1)
	err = q.log.Read(ctx, 0, last+1, func(recs []storage.Record) error {
		var list []said
		for i := range recs {
			s, err := q.listen(&recs[i])
			if err != nil {
				return fmt.Errorf("record %d: %w", recs[i].Seq, err)
			}
			if s != nil {
				list = append(list, *s)
			}
		}
		last = recs[len(recs)-1].Seq
		if len(list) == 0 && last < from+cursorEvery {
			return nil
		}
		from = last
		return q.meta.Update(func(tx *storage.Tx) error { // the commit point of what the events say
			for i := range list {
				if err := apply(tx, &list[i]); err != nil {
					return err
				}
			}
			return tx.Set(storage.Tenant{}, storage.SpaceHandoff, []byte{rowCursor}, binary.BigEndian.AppendUint64(nil, last))
		})
	})
	return last, err
}

// cursorEvery is after how many records without anything about hand-offs the
// cursor is written: so many are looked at again after a start.
const cursorEvery = 200_000

// cursor is the last record that was looked at; begun says that there is a
// hand-off for which to look.
func (q *Queue) cursor() (seq uint64, begun bool, err error) {
	err = q.meta.View(func(tx *storage.Tx) error {
		b, err := tx.Get(storage.Tenant{}, storage.SpaceHandoff, []byte{rowCursor})
		if begun = len(b) == 8; begun {
			seq = binary.BigEndian.Uint64(b)
		}
		return err
	})
	return seq, begun, err
}

// listen says what a record tells of a hand-off; nil if nothing. Most records
// are told apart by two bytes.
func (q *Queue) listen(rec *storage.Record) (*said, error) {
	if rec.Kind != storage.KindEvent || !tracker.IsProvedRow(rec.Row) {
		return nil, nil
	}
	var e tracker.Event
	if err := tracker.DecodeRow(rec.Row, &e); err != nil {
		return nil, err
	}
	s := &said{tenant: rec.Tenant, seq: rec.Seq, time: e.Time, state: stateOf[string(e.Type)]}
	if s.state == "" {
		return nil, nil
	}
	if err := q.read(rec, &e); err != nil {
		return nil, err
	}
	if v, ok := e.Find(tracker.HandoffProperty); ok {
		i, err := parseID(string(v.Str))
		if err != nil {
			return nil, nil // it is about something else
		}
		s.id = i
		return s, nil
	}
	for _, l := range []tracker.LeadID{{Kind: tracker.UserIdentity, Hash: e.User}, {Kind: tracker.EmailIdentity, Hash: e.Email}} {
		if !l.Hash.IsZero() {
			s.leads = append(s.leads, l)
		}
	}
	return s, nil
}

// read decodes an event with its sealed part, unless that was erased.
func (q *Queue) read(rec *storage.Record, e *tracker.Event) error {
	if err := tracker.DecodeRow(rec.Row, e); err != nil {
		return err
	}
	plain, err := q.db.Unseal(nil, rec)
	if errors.Is(err, storage.ErrErased) {
		return nil
	}
	if err == nil && len(plain) > 0 {
		e.Personal, err = tracker.DecodeFields(nil, plain)
	}
	return err
}

// apply lets an event change the hand-off it is about.
func apply(tx *storage.Tx, s *said) error {
	r := rows{tx, s.tenant}
	i := s.id
	for _, lead := range s.leads {
		var err error
		if i, err = r.latestOpen(lead, ""); err != nil {
			return err
		}
		if i != (id{}) {
			break
		}
	}
	h, err := r.handoff(i)
	if err != nil || h == nil || s.seq <= h.Event {
		return err
	}
	h.State, h.Since, h.Event = s.state, s.time, s.seq
	if p := h.public(i); p.IsOpen() {
		err = r.set(seqKey(rowOpen, h.Seq), i[:])
	} else {
		err = tx.Delete(s.tenant, storage.SpaceHandoff, seqKey(rowOpen, h.Seq))
	}
	return errors.Join(err, r.save(i, h))
}

// Decide says what sales decided, as an event of the lead, and returns the
// hand-off as it stands then.
func (q *Queue) Decide(ctx context.Context, t tracker.TenantID, name string, d tracker.HandoffDecision) (tracker.Handoff, error) {
	q.deciding.Lock()
	defer q.deciding.Unlock()
	if _, err := q.Follow(ctx); err != nil {
		return tracker.Handoff{}, err
	}
	h, err := q.Get(t, name)
	if err == nil {
		err = check(&h, &d)
	}
	if err != nil || h.State == stateOf[d.Type] {
		return h, err // said again, it is said once
	}
	rec, err := q.record(t, &h, &d)
	if err != nil {
		return h, err
	}
	if err := q.log.Append(ctx, 0, []storage.Record{rec}); err != nil { // the commit point of the decision
		return h, &tracker.Error{Kind: tracker.KindBusy, Code: tracker.CodeStorage, Detail: "the log did not confirm this: ask for the same again in a moment, it is done once", Err: err}
	}
	if _, err := q.Follow(ctx); err != nil {
		return h, err
	}
	return q.Get(t, name)
}

func check(h *tracker.Handoff, d *tracker.HandoffDecision) error {
	switch {
	case !h.IsOpen() && h.State != stateOf[d.Type]:
		return &tracker.Error{Kind: tracker.KindConflict, Code: "handoff_ended", Detail: "it is " + h.State + " already: the lead comes back when it enters the band again"}
	case d.Type == tracker.HandoffRejected && d.Reason == "":
		return invalid("reason", "say why the lead goes back: it is what the score learns from")
	case len(d.Reason) > 500:
		return invalid("reason", "need at most 500 bytes")
	case d.Value < 0:
		return invalid("value", "need a number from 0")
	case len(d.Currency) > 8:
		return invalid("currency", "need a code like EUR")
	}
	return nil
}

// record makes the event of a decision.
func (q *Queue) record(t tracker.TenantID, h *tracker.Handoff, d *tracker.HandoffDecision) (rec storage.Record, err error) {
	tenant, src := q.cfg.Tenant(t), q.cfg.Source(t)
	if tenant == nil || src == nil {
		return rec, errNone
	}
	// The same decision about the same state is the same event, however often
	// it is sent because an answer got lost.
	mid := tracker.DerivedID("handoff", h.ID, d.Type, fmt.Sprint(h.Event))
	e := tracker.Event{
		Time: q.db.Now(), Type: []byte(d.Type), MessageID: mid, MessageUUID: true, Source: src.ID, Machine: tracker.Server, Proved: true,
	}
	switch h.Lead.Kind {
	case tracker.UserIdentity:
		e.User = h.Lead.Hash
	case tracker.EmailIdentity:
		e.Email = h.Lead.Hash
	case tracker.VisitorIdentity:
		e.Visitor = h.Lead.Hash
	}
	var personal []tracker.Field
	put := func(name string, v tracker.Value, open bool) {
		f := tracker.Field{Space: tracker.Property, Name: []byte(name), Value: v}
		if _, named := tenant.Clear[name]; open || named {
			e.Fields = append(e.Fields, f)
			return
		}
		personal = append(personal, f)
	}
	text := func(s string) tracker.Value { return tracker.Value{Tag: tracker.String, Str: []byte(s)} }
	put(tracker.HandoffProperty, text(h.ID), true)
	put("band", text(h.Band), true)
	if h.Queue != "" {
		put("queue", text(h.Queue), true)
	}
	if d.Reason != "" {
		put("reason", text(d.Reason), false)
	}
	if d.Value != 0 {
		put("value", tracker.Value{Tag: tracker.Float, Num: math.Float64bits(d.Value)}, true)
	}
	if d.Currency != "" {
		put("currency", text(d.Currency), true)
	}
	rec = storage.Record{Tenant: t, ID: mid, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e)}
	if len(personal) > 0 {
		rec.Personal = tracker.AppendFields(nil, personal)
	}
	rec.Subject = e.Subject().Key()
	return rec, nil
}
