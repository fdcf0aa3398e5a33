package server

import (
	"time"

	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
)

// The causes of a change.
const (
	causeEvent   = "event"
	causeTime    = "time"
	causePublish = "publish"
	causeReplay  = "replay"
	causeMerge   = "merge"
	// All that was known of an anonymous lead, or a part of it, has grown too old.
	causeRetention = "retention"
	causeErase     = "erase" // somebody asked to be forgotten
	// What has come in late shows that a click in a mail, which had counted, was no
	// person's.
	causeWithdrawn = "evidence withdrawn"
)

// walk brings a touched lead up to date: on from where it stands if what is new
// lies behind everything walked so far, else again from the last base before
// it, else from the beginning. mu is held.
func (s *State) walk(t *fold.Touch) (err error) {
	defer s.scored(time.Now())
	l := t.Lead
	b := l.Body.(*body)
	s.causeSeq = t.Seq
	if l.Gone {
		s.retire(l, b)
		return nil
	}
	again, from := t.Walk, t.From
	s.news = s.fold.News(s.news[:0], t)
	if sh := b.tenant.shadow; sh != nil {
		sh.events.Add(uint64(len(s.news)))
	}
	if len(s.news) > 0 {
		if p := s.news[0].Place; b.isLate(p) && (!again || p.Less(from)) {
			again, from = true, p
			b.late = true
		}
	}
	if b.walk.Gen != b.tenant.deck.Gen {
		again, from = true, fold.Place{}
	}
	known := false // that s.entries is the whole history
	if t.Walk {
		if known, err = s.relearn(l, b); err != nil {
			return err
		}
	}
	for i := range s.news {
		if n := &s.news[i]; !t.Walk {
			if err := s.learn(b, n.Event, n.Place, len(n.Rec.Personal) > 0, n.Event.Moves()); err != nil {
				return err
			}
		}
	}
	if again {
		return s.walkBack(l, b, from, known)
	}
	if b.late && b.walk.Events > 0 {
		b.keepNear()
	}
	if err := s.walkOn(b); err != nil {
		return err
	}
	s.leave(b)
	return nil
}

// walkBack walks a lead again because of the news, and says so if they withdraw a
// click that had counted.
func (s *State) walkBack(l *fold.Lead, b *body, from fold.Place, known bool) error {
	w := &s.walker
	w.Shown, w.News, w.Withdrawn = b.walk.Step, w.News[:0], 0
	for i := range s.news {
		w.News = append(w.News, s.news[i].Event.Seq)
	}
	err := s.walkAgain(l, b, from, known)
	w.Shown, w.News = 0, w.News[:0]
	if err != nil {
		return err
	}
	if w.Withdrawn > 0 {
		defer func(was string) { s.cause = was }(s.cause)
		s.cause = causeWithdrawn
	}
	s.leave(b)
	return nil
}

// relearn reads the profile anew: events may have left the lead. known says that
// s.entries is its whole history then.
func (s *State) relearn(l *fold.Lead, b *body) (known bool, err error) {
	b.parts = nil
	if b.id.Kind == tracker.VisitorIdentity {
		return false, nil
	}
	if s.entries, err = s.fold.Timeline(s.entries[:0], l, fold.Place{}); err != nil {
		return false, err
	}
	last, err := lastMoves(s.entries, &s.event)
	if err != nil {
		return false, err
	}
	// Events that set attributes come first: they name the person, mostly from
	// the batch at hand, and what the others say is known then without a read.
	for _, first := range [2]bool{true, false} {
		if err := s.learnAll(b, first, last); err != nil {
			return false, err
		}
	}
	return true, nil
}

// learnAll learns from the entries that set attributes, or from the others.
func (s *State) learnAll(b *body, traits bool, moves map[tracker.LeadID]uint64) error {
	e := &s.event
	for i := range s.entries {
		n := &s.entries[i]
		if err := n.Decode(e); err != nil {
			return err
		}
		if fold.SetsTraits(e) != traits {
			continue
		}
		s.entry, s.walking = n, b.tenant.id
		err := s.learn(b, e, n.Place, n.Personal, moves[n.Subject] == n.Seq)
		s.entry = nil
		if err != nil {
			return err
		}
	}
	return nil
}

// isLate says that an event lies before something that was walked, an event or
// a step of time.
func (b *body) isLate(p fold.Place) bool {
	return !b.pos.IsZero() && (!b.pos.Less(p) || p.Time < b.walk.Step)
}

// walkOn walks the new events of the batch.
func (s *State) walkOn(b *body) error {
	for i := range s.news {
		n := &s.news[i]
		if err := s.walker.Event(&b.tenant.deck, &b.walk, n.Event, n.Event.Subject(), len(n.Rec.Personal) > 0); err != nil {
			return err
		}
		b.pos = n.Place
		if b.walk.Events-b.based >= s.cfg.every() {
			b.keepBase()
		}
	}
	return nil
}

// goBack makes the walk what it was last before a place.
func (s *State) goBack(b *body, from fold.Place) error {
	b.dropBases(from)
	fits := func(at *base) (bool, error) {
		err := s.restore(b, at)
		return b.walk.Gen == b.tenant.deck.Gen && b.walk.Step <= from.Time, err
	}
	for len(b.near) > 0 {
		at := &b.near[len(b.near)-1]
		if n := len(b.bases); n > 0 && at.pos.Less(b.bases[n-1].pos) {
			break // a base is nearer
		}
		if ok, err := fits(at); ok || err != nil {
			return err
		}
		b.near = b.near[:len(b.near)-1]
	}
	for n := len(b.bases); n > 0; n-- {
		if ok, err := fits(&b.bases[n-1]); ok || err != nil {
			if ok {
				b.based = b.walk.Events
			}
			return err
		}
		b.dropBases(b.bases[n-1].pos)
	}
	b.tenant.deck.Begin(&b.walk)
	b.pos, b.based = fold.Place{}, 0
	return nil
}

// walkAgain walks a lead's history from a place on, and up to now. known says that
// s.entries is that history.
func (s *State) walkAgain(l *fold.Lead, b *body, from fold.Place, known bool) error {
	err := s.goBack(b, from)
	if err == nil && !known {
		s.entries, err = s.fold.Timeline(s.entries[:0], l, b.pos)
	}
	if err != nil {
		return err
	}
	e := &s.event
	for i := range s.entries {
		n := &s.entries[i]
		if !b.pos.IsZero() && !b.pos.Less(n.Place) {
			continue
		}
		if err := n.Decode(e); err != nil {
			return err
		}
		s.entry, s.walking = n, b.tenant.id
		err := s.walker.Event(&b.tenant.deck, &b.walk, e, n.Subject, n.Personal)
		s.entry = nil
		if err != nil {
			return err
		}
		b.pos = n.Place
		if b.walk.Events-b.based >= s.cfg.every() {
			b.keepBase()
		}
	}
	return s.walker.Advance(&b.tenant.deck, &b.walk, s.now)
}

// settleWait is how long a lead may show the score of a past moment, in ms,
// while the log is being caught up with.
const settleWait = 10_000

// leave ends a walk: the lead takes its place in the order, its timer is set,
// and what changed goes to the feed. A lead whose score has moved by time since
// its last event waits for that until the log is read to its end: what is shown
// is the score of now, and an import does not walk ten years of decay for every
// event.
func (s *State) leave(b *body) {
	if next := b.walk.Next(); next != 0 && next <= s.now {
		s.deferred[leadKey{b.tenant, b.id}] = cause{s.cause, s.causeSeq}
		b.waits = true
		if b.wake <= s.now || b.wake > s.now+settleWait {
			s.rewake(b, s.now+settleWait)
		}
		return
	}
	if b.waits {
		b.waits = false
		delete(s.deferred, leadKey{b.tenant, b.id})
	}
	s.rewake(b, b.walk.Next())
	s.place(b)
	s.show(b)
	if sh := b.tenant.shadow; sh != nil {
		sh.note(b.id)
	}
}

// rewake sets the lead's timer. A timer that will go off too early is left as
// it is: most events only put off the moment at which a score falls, and a lead
// that is woken early just sleeps on.
func (s *State) rewake(b *body, at int64) {
	if b.wake > s.now && (at == 0 || at >= b.wake) {
		return
	}
	b.tenant.timers.Move(b.id, b.wake, at)
	b.wake = at
}

// place puts the lead where it belongs in the order of each card.
func (s *State) place(b *body) {
	for i := range b.walk.States {
		st := &b.walk.States[i]
		name := cardName(st.Card)
		q := b.on(name)
		to := rank.Item{}
		if !st.Null && b.walk.Events > 0 {
			to = rank.Item{Key: int32(1000 * st.Score), Band: b.tenant.bands.Index(st.Band), Grade: b.tenant.grades.Index(st.Grade), ID: b.id, Seen: b.walk.Last}
			if b.tenant.coarse(name) {
				to.Key = int32(st.Exact)
			}
		}
		b.tenant.order(name).Move(q.item, to)
		q.item = to
	}
}

// show writes to the feed what differs from what it last said.
func (s *State) show(b *body) {
	if s.feed == nil {
		return
	}
	if s.recovering() {
		s.late[leadKey{b.tenant, b.id}] = struct{}{}
		return
	}
	for i := range b.walk.States {
		st := &b.walk.States[i]
		q := b.on(cardName(st.Card))
		points := int16(-1)
		if !st.Null && b.walk.Events > 0 {
			points = int16(st.Score)
		}
		if points == q.score && st.Band == q.band && st.Grade == q.grade {
			continue
		}
		c := tracker.Change{
			Time: max(b.walk.Step, b.walk.Last), Lead: b.id, Card: st.Card, Cause: s.cause,
			OldScore: int(q.score), NewScore: int(points),
			OldBand: q.band, NewBand: st.Band, OldGrade: q.grade, NewGrade: st.Grade, Prev: q.prev,
		}
		if s.cause == causeEvent || s.cause == causeWithdrawn {
			c.Event = s.causeSeq
		}
		q.prev = b.tenant.add(c)
		q.score, q.band, q.grade = points, st.Band, st.Grade
	}
}

// retire takes a lead out of view whose events belong to another now.
func (s *State) retire(l *fold.Lead, b *body) {
	if b.gone {
		return
	}
	why := causeMerge
	if l.Into.IsZero() {
		why = s.cause // retention or erasure
	}
	b.gone = true
	if sh := b.tenant.shadow; sh != nil {
		sh.note(b.id)
	}
	if s.recovering() {
		s.late[leadKey{b.tenant, b.id}] = struct{}{}
	}
	delete(s.deferred, leadKey{b.tenant, b.id})
	b.tenant.timers.Move(b.id, b.wake, 0)
	b.wake = 0
	for i := range b.shown {
		q := &b.shown[i]
		b.tenant.order(q.card).Move(q.item, rank.Item{})
		q.item = rank.Item{}
		if s.feed == nil || s.recovering() || q.score < 0 {
			continue
		}
		delete(b.tenant.shown, shownKey{b.id, q.card}) // should it come back, it comes anew
		q.prev = b.tenant.add(tracker.Change{
			Time: max(b.walk.Step, b.walk.Last), Lead: b.id, MergedInto: l.Into, Card: b.nameOn(q.card), Cause: why, Event: s.causeSeq,
			OldScore: int(q.score), NewScore: -1, OldBand: q.band, OldGrade: q.grade, Prev: q.prev,
		})
		q.score, q.band, q.grade = -1, "", ""
	}
	if !s.recovering() {
		delete(s.late, leadKey{b.tenant, b.id}) // it has just been said
	}
}
