package journey

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ripen/tracker"
)

// happening is one thing that happened to somebody, as triggers see it.
type happening struct {
	job     *job
	person  *Person
	now     int64
	entered []string // segments
	moved   []string // journeys that a card begins, or that others gave the lead over to
}

// at is when it happened, in the lead's time.
func (h *happening) at() int64 {
	switch {
	case h.job.change != nil && h.job.change.Time > 0:
		return min(h.job.change.Time, h.now)
	case h.isEvent():
		return min(h.job.event.Time, h.now)
	}
	return h.now
}

func (h *happening) isEvent() bool { return h.job.event != nil && len(h.job.event.Type) > 0 }

func (h *happening) what() string {
	if h.isEvent() {
		return string(h.job.event.Type)
	}
	if c := h.job.change; c != nil {
		return c.NewBand
	}
	return strings.Join(h.entered, ", ")
}

// isRanking says that it is a change on the card that journeys go by.
func (h *happening) isRanking() bool {
	name, _, _ := strings.Cut(h.job.change.Card, "@")
	return name == h.person.Card
}

// begins names the journeys that the card begins for what happened.
func (e *Engine) begins(t *tracker.Tenant, h *happening) ([]string, error) {
	if h.job.change == nil || e.cfg.Begins == nil {
		return nil, nil
	}
	return e.cfg.Begins(t, h.job.change, h.person.Lead)
}

// causeReplay is of a change that a rebuild found: it sets nothing off.
const causeReplay = "replay"

// pulls says whether it is what a trigger waits for. A nil trigger waits for
// nothing.
func (h *happening) pulls(t *Trigger) (bool, error) {
	if t == nil {
		return false, nil
	}
	if t.When != nil {
		ok, _, err := t.When.Holds(h.person, h.now)
		if !ok || err != nil {
			return false, err
		}
	}
	c := h.job.change
	moves := c != nil && c.Cause != causeReplay && h.isRanking()
	switch {
	case t.Bands != nil:
		return moves && c.NewBand != c.OldBand && slices.Contains(t.Bands, c.NewBand), nil
	case t.Grades != nil:
		return moves && c.NewGrade != c.OldGrade && slices.Contains(t.Grades, c.NewGrade), nil
	case t.Segment != "":
		return slices.Contains(h.entered, t.Segment), nil
	case t.Event != "":
		return h.isEvent() && string(h.job.event.Type) == t.Event && t.Where.Matches(h.job.event), nil
	}
	return t.When != nil, nil
}

// enters says whether it is what a journey begins with.
func (h *happening) enters(j *Journey) (bool, error) {
	if j.Enter.Event != "" && h.isEvent() && h.at() < h.now-j.Within {
		return false, nil
	}
	return h.pulls(&j.Enter)
}

// segments asks to which segments somebody belongs now, and returns those that
// they have just entered.
func (w *world) segments(p *Person, j *job) (entered []string, err error) {
	for _, s := range w.f.segments {
		fresh, err := w.segment(p, s, j.due != nil && j.due.kind == dueSweep)
		if err != nil {
			return nil, err
		}
		if fresh {
			entered = append(entered, s.Name)
		}
	}
	return entered, nil
}

// segment asks whether somebody belongs to a segment, and writes what that
// changes. Who belongs when the segment begins has not entered it.
func (w *world) segment(p *Person, s *Segment, sweep bool) (entered bool, err error) {
	id := p.Lead.ID
	b, err := w.rows.get(leadKey(rowMember, id, s.Name))
	if err != nil {
		return false, err
	}
	old := parseMember(b)
	is, next, err := s.When.Holds(p, w.now)
	if err != nil {
		return false, err
	}
	now := member{next: next}
	if is {
		if now.since = old.since; now.since == 0 {
			now.since = w.now
		}
	}
	if now == old && b != nil {
		return false, nil
	}
	if old.next != now.next {
		if err := w.rows.drop(dueKey(old.next, id, dueSegment, s.Name)); err != nil {
			return false, err
		}
		if now.next != 0 {
			if err := w.rows.set(dueKey(now.next, id, dueSegment, s.Name), []byte{}); err != nil {
				return false, err
			}
		}
	}
	if now == (member{}) {
		err = w.rows.drop(leadKey(rowMember, id, s.Name))
	} else {
		err = w.rows.set(leadKey(rowMember, id, s.Name), now.append(nil))
	}
	if err != nil || is == (old.since != 0) {
		return false, err
	}
	if sweep {
		return false, w.crossed(id, s, is)
	}
	return is, errors.Join(w.crossed(id, s, is), w.tellCrossed(id, s, is))
}

// tellCrossed lets the log say that somebody entered a segment or left it, so that it can
// be scored, waited for and learned from like any event.
func (w *world) tellCrossed(id tracker.LeadID, s *Segment, is bool) error {
	typ := tracker.SegmentLeft
	if is {
		typ = tracker.SegmentEntered
	}
	return w.saying(id, &setting{Time: w.now, Key: fmt.Sprintf("%s %s@%d at %d", typ, s.Name, s.Version, w.now), Type: typ, Fields: [][2]string{{"segment", s.Name}}})
}

// crossed writes that somebody entered a segment or left it.
func (w *world) crossed(id tracker.LeadID, s *Segment, is bool) error {
	t, err := w.rows.count(segmentTally(s.Name))
	if err != nil {
		return err
	}
	n := &noteRow{At: w.now, Segment: s.Name, note: note{What: "left the segment"}}
	if is {
		n.What = "entered the segment"
		t.Active++
		t.Entered++
		err = w.rows.set(memberKey(s.Name, id), []byte{})
	} else {
		t.Active--
		t.Ended[whyLeft]++
		err = w.rows.drop(memberKey(s.Name, id))
	}
	if err != nil {
		return err
	}
	return w.rows.say(id, n)
}

// segmentTally is the name under which a segment is counted: no journey's.
func segmentTally(name string) string { return "/" + name }
