package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/journey"
	"ripen/wasm/scorecard"
)

// openEvents opens the stream of what the lead did, and of what its events say.
func (k *teller) openEvents() (err error) {
	if _, k.history, err = k.st.findHistory(k.t.ID, k.q.Who); err != nil {
		return err
	}
	var at fold.Place
	switch {
	case k.from == nil:
	case k.from.stream == ofEvents:
		at = fold.Place{Time: k.from.time, Hi: k.from.hi, Lo: k.from.lo}
	default: // of its moment the events come after all else
		at = fold.Place{Time: k.from.time + 1}
	}
	some := k.q.Limit + 1
	if k.q.Kinds != nil { // most are passed over
		some = maxPage
	}
	k.streams = append(k.streams, &stream{more: func() ([]placed, error) {
		for {
			es, err := k.history.Before(at, some)
			if err != nil || len(es) == 0 {
				return nil, err
			}
			at = es[len(es)-1].Place
			list, err := k.events(es)
			if err != nil || len(list) > 0 {
				return list, err
			}
		}
	}})
	return nil
}

// events makes moments of entries, as far as they are of kinds that are asked for.
func (k *teller) events(es []fold.Entry) ([]placed, error) {
	var list []placed
	clicks := [2]int64{} // the first and the last one
	for i := range es {
		e := &tracker.Event{}
		if err := es[i].Decode(e); err != nil {
			return nil, err
		}
		kind, what := tracker.MomentOf(e)
		if !k.q.Wants(kind) {
			continue
		}
		if known, err := k.isKnown(e); known || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		if what == "email_click" {
			clicks[0], clicks[1] = e.Time, max(clicks[1], e.Time)
		}
		p := es[i].Place
		list = append(list, placed{
			spot: spot{time: p.Time, stream: ofEvents, hi: p.Hi, lo: p.Lo}, sealed: es[i].Personal,
			Moment: tracker.Moment{Time: p.Time, Kind: kind, What: what, Event: e, Words: textOf(e, "template")},
		})
	}
	if clicks[1] == 0 {
		return list, nil
	}
	mails, err := k.history.Mails(clicks[0]-2*tracker.MaxSettle, clicks[1]+tracker.MaxSettle)
	if err != nil {
		return nil, err
	}
	verdicts, err := clickVerdicts(mails, k.st.clock())
	for i := range list {
		if why, is := verdicts[list[i].Event.Seq]; is {
			list[i].Event.Machine, list[i].Event.MachineReason = tracker.Bot, why
		}
	}
	return list, err
}

// isKnown says that an event tells that a message of ours left whose intent is still
// there: that is the moment. An SMS says so when it was decided.
func (k *teller) isKnown(e *tracker.Event) (bool, error) {
	typ := string(e.Type)
	if typ == tracker.SegmentEntered || typ == tracker.SegmentLeft || typ == tracker.JourneySet {
		return true, nil // the note of the segment, or of the step, is the moment
	}
	if typ != "email_sent" && typ != "sms_sent" || e.Machine != tracker.Server {
		return false, nil
	}
	in, err := k.intent(textOf(e, "message"))
	return in != nil && (typ == "sms_sent" || in.State == tracker.IntentDelivered), err
}

func textOf(e *tracker.Event, name string) string {
	v, _ := e.Find(name)
	return string(v.Str)
}

// intent is what leaves, with its body; nil if it is not known, or no more.
func (k *teller) intent(id string) (*tracker.Intent, error) {
	in, err := k.s.outbox.Get(k.t.ID, id)
	if tracker.KindOf(err) == tracker.KindNotFound {
		return nil, nil
	}
	return &in, err
}

// notes are what journeys and segments did. What they sent or handed over is told
// with what became of it.
func (k *teller) notes(id tracker.LeadID, before uint64, limit int) ([]placed, error) {
	notes, err := k.s.journeys.Notes(k.t.ID, id, before, limit)
	var list []placed
	for i := range notes {
		n := &notes[i]
		m := placed{spot: spot{time: n.At, lo: n.N}, Moment: tracker.Moment{Time: n.At, Kind: tracker.MomentJourney, What: n.What, Step: &n.JourneyStep}}
		if n.Intent != "" && err == nil {
			if err = k.sent(&m.Moment, n.Intent); err == nil && n.What == string(journey.Handoff) {
				m.Kind, m.What = tracker.MomentHandoff, offered
				var h tracker.Handoff
				if h, err = k.s.handoffs.Get(k.t.ID, n.Intent); err == nil {
					m.Handoff = &h
				}
			}
		}
		list = append(list, m)
	}
	return list, err
}

// offered is what a hand-off is before sales has said anything.
const offered = "offered"

// causeJourney is of a hand-off that a journey's step made: its note tells of it.
const causeJourney = "journey"

// sent makes a moment one of what leaves.
func (k *teller) sent(m *tracker.Moment, id string) error {
	in, err := k.intent(id)
	if err != nil {
		return err
	}
	m.Kind, m.What = tracker.MomentTouch, "forgotten" // intents are kept for a while only
	if in == nil {
		return nil
	}
	m.What, m.Words = outcome(in), wordsOf(in.Body)
	in.Body = nil
	m.Intent = in
	return nil
}

// outcome says in a word what became of an intent so far.
func outcome(in *tracker.Intent) string {
	if n := len(in.Attempts); in.State == tracker.IntentPending && n > 0 {
		return cmp.Or(in.Attempts[n-1].Outcome, "under way")
	}
	return in.State
}

// wordsOf is the template that a mail's intent names.
func wordsOf(body []byte) string {
	var b struct {
		Template string `json:"template"`
		Version  int    `json:"version"`
	}
	if json.Unmarshal(body, &b) != nil || b.Template == "" {
		return "" // not a mail's
	}
	return fmt.Sprintf("%s@%d", b.Template, b.Version)
}

// handoffs are those that the card made.
func (k *teller) handoffs(id tracker.LeadID, before uint64, limit int) (list []placed, err error) {
	rows, err := k.s.handoffs.Of(k.t.ID, id, before, limit)
	for i := range rows {
		h := &rows[i]
		m := placed{spot: spot{time: h.At, lo: h.Seq}, Moment: tracker.Moment{Time: h.At, Kind: tracker.MomentHandoff, What: offered, Handoff: h}}
		if h.Cause == causeJourney {
			m.Kind = "" // nobody asks for it, and its place is kept
		} else if m.Intent, err = k.intent(h.ID); err != nil {
			return nil, err
		} else if m.Intent != nil {
			m.Intent.Body = nil
		}
		list = append(list, m)
	}
	return list, err
}

// intents are those that nobody else notes: mails that were sent by hand or by
// another system.
func (k *teller) intents(id tracker.LeadID, before uint64, limit int) (list []placed, err error) {
	rows, err := k.s.outbox.Of(k.t.ID, id, before, limit)
	for i := range rows {
		in := &rows[i]
		m := placed{spot: spot{time: in.Created, lo: in.Seq}, Moment: tracker.Moment{Time: in.Created}}
		if err := k.sent(&m.Moment, in.ID); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, err
}

// readEvents reads events of the log by sequence, opened. Those that are there no
// more are left out.
func (s *State) readEvents(by map[uint64]*tracker.Event) error {
	read := func(seqs []uint64) error {
		return s.db.Get(context.Background(), 0, seqs, func(r *storage.Record) error {
			e := &tracker.Event{}
			if r.Kind != storage.KindEvent {
				return nil
			}
			if err := tracker.DecodeRow(slices.Clone(r.Row), e); err != nil {
				return err
			}
			plain, err := s.db.Unseal(nil, r)
			if err == nil && len(plain) > 0 {
				e.Personal, err = tracker.DecodeFields(nil, plain)
			}
			if errors.Is(err, storage.ErrErased) {
				err = nil
			}
			by[r.Seq] = e
			return err
		})
	}
	seqs := slices.Sorted(maps.Keys(by))
	err := read(seqs)
	var gap *storage.GapError
	if !errors.As(err, &gap) {
		return err
	}
	for _, seq := range seqs { // retention has taken some
		if err := read([]uint64{seq}); err != nil && !errors.As(err, &gap) {
			return err
		}
	}
	return nil
}

// card is the version of a card that a change names; nil if it is a module, or no
// more.
func (k *teller) card(name string) (*scorecard.Card, error) {
	if card, known := k.cards[name]; known {
		return card, nil
	}
	k.cards[name] = nil
	base, version, _ := strings.Cut(name, "@")
	list, err := k.s.registry.Cards(k.t.ID)
	if err != nil {
		return nil, err
	}
	for i := range list {
		for _, v := range list[i].Versions {
			if _, isModule := tracker.Ref(v.YAML); isModule || list[i].Name != base || fmt.Sprint(v.Version) != version {
				continue
			}
			if k.cards[name], err = scorecard.Parse(base, v.YAML); err != nil { // it is in force, so it was read before
				return nil, fmt.Errorf("card %s: %w", name, err)
			}
		}
	}
	return k.cards[name], nil
}
