package onsite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ripen/storage"
	"ripen/tracker"
)

// told are the beginnings of the types that a row which is looked at holds.
var told = [][]byte{[]byte("onsite_"), []byte("survey_"), []byte("chat_")}

// heard is what a record says of a message.
type heard struct {
	tenant tracker.TenantID
	erase  []tracker.LeadID

	typ     string
	at      int64
	who     tracker.LeadID // zero = nobody in particular
	showing string
	m       *Message
	part    string // question or step
	answer  string
}

const (
	// cursorEvery is after how many records without anything for us the cursor is
	// written: so many are looked at again after a start.
	cursorEvery = 100_000
	// commitMost is how many things heard go into a transaction.
	commitMost = 256
	// expireMost is how many rows are looked at in a search for old ones.
	expireMost = 1000
)

// Follow takes in what the log says of messages, to its end. While no tenant has
// any it does nothing.
func (s *Site) Follow(ctx context.Context) error {
	s.follows.Lock()
	defer s.follows.Unlock()
	any := false
	for _, t := range s.cfg.Tenants() {
		any = any || s.Any(t.ID)
	}
	if !any {
		return nil
	}
	if err := s.readCursor(ctx); err != nil {
		return err
	}
	stored := s.seen
	err := s.log.Read(ctx, 0, s.seen+1, func(recs []storage.Record) error {
		for len(recs) > 0 {
			var list []*heard
			n := 0
			for ; n < len(recs) && len(list) < commitMost; n++ {
				h, err := s.hear(&recs[n])
				if err != nil {
					return fmt.Errorf("record %d: %w", recs[n].Seq, err)
				}
				if h != nil {
					list = append(list, h)
				}
			}
			last := recs[n-1].Seq
			if len(list) > 0 || last >= stored+cursorEvery {
				if err := s.commit(list, last); err != nil {
					return err
				}
				stored = last
			}
			s.seen, recs = last, recs[n:]
		}
		return nil
	})
	return errors.Join(err, s.sweep())
}

// commit takes in what was heard, up to a record.
func (s *Site) commit(list []*heard, last uint64) error {
	return s.db.Meta().Update(func(tx *storage.Tx) error { // the commit point of counts, caps and what was shown
		for _, h := range list {
			if err := h.apply(rows{tx, h.tenant}); err != nil {
				return err
			}
		}
		return tx.Set(storage.Tenant{}, storage.SpaceOnsite, []byte{rowCursor}, binary.BigEndian.AppendUint64(nil, last))
	})
}

// readCursor finds where to go on, once: at the end of the log, if this is the
// first time. follows is held.
func (s *Site) readCursor(ctx context.Context) error {
	if s.known {
		return nil
	}
	var b []byte
	err := s.db.Meta().View(func(tx *storage.Tx) (err error) {
		b, err = tx.Get(storage.Tenant{}, storage.SpaceOnsite, []byte{rowCursor})
		return err
	})
	if err != nil {
		return err
	}
	first, err := s.log.First(ctx, 0)
	if err != nil {
		return err
	}
	if len(b) == 8 {
		s.seen = max(first, 1) - 1
		s.seen = max(s.seen, binary.BigEndian.Uint64(b))
	} else {
		if s.seen, err = s.log.Last(ctx, 0); err != nil {
			return err
		}
		if err := s.commit(nil, s.seen); err != nil {
			return err
		}
	}
	s.known = true
	return nil
}

// hear says what a record tells; nil if nothing. Most records are passed over
// without being decoded.
func (s *Site) hear(rec *storage.Record) (*heard, error) {
	if rec.Kind == storage.KindControl {
		c, err := tracker.DecodeControl(rec.Row)
		if err != nil || len(c.Erased) == 0 {
			return nil, err
		}
		return &heard{tenant: rec.Tenant, erase: c.Erased}, nil
	}
	if rec.Kind != storage.KindEvent || !slices.ContainsFunc(told, func(w []byte) bool { return bytes.Contains(rec.Row, w) }) {
		return nil, nil
	}
	var e tracker.Event
	if err := tracker.DecodeRow(rec.Row, &e); err != nil {
		return nil, err
	}
	if e.Machine.IsMachine() || e.OffOrigin {
		return nil, nil
	}
	h := &heard{tenant: rec.Tenant, typ: string(e.Type), at: e.Time}
	switch h.typ {
	case tracker.OnsiteShown, tracker.OnsiteClicked, tracker.OnsiteClosed, tracker.SurveyOpened, tracker.SurveyAnswered,
		tracker.ChatOpened, tracker.ChatAnswered, tracker.ChatMessage, tracker.ChatHandoff:
	default:
		return nil, nil
	}
	f, err := s.inForce(rec.Tenant)
	if err != nil {
		return nil, err
	}
	plain, err := s.db.Unseal(nil, rec)
	if errors.Is(err, storage.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if e.Personal, err = tracker.DecodeFields(nil, plain); err != nil {
		return nil, err
	}
	if !h.read(&e, f) {
		return nil, nil
	}
	return h, nil
}

// read takes what an event says; false if it is of no message of the tenant.
func (h *heard) read(e *tracker.Event, f *inForce) bool {
	text := func(name string) string {
		if v, ok := e.Find(name); ok && v.Tag != tracker.Null {
			return fmt.Sprint(v.Any())
		}
		return ""
	}
	name, version, _ := strings.Cut(text("template"), "@")
	n, err := strconv.Atoi(version)
	if err != nil {
		return false
	}
	if h.m = f.versions[name][n]; h.m == nil {
		return false
	}
	if !e.IsDenied() {
		h.who = e.Subject()
	}
	h.showing, h.part, h.answer = text("message"), text("question")+text("step"), text("answer")
	return true
}

func (r rows) tally(name string) (*tracker.OnsiteTally, error) {
	t := &tracker.OnsiteTally{}
	_, err := r.get(nameKey(rowTally, name), t)
	if t.Answers == nil {
		t.Answers = map[string]map[string]int{}
	}
	return t, err
}

// apply writes what was heard.
func (h *heard) apply(r rows) error {
	for _, id := range h.erase {
		if err := r.forget(id); err != nil {
			return err
		}
	}
	if h.m == nil {
		return nil
	}
	t, err := r.tally(h.m.FullName())
	if err != nil {
		return err
	}
	answered := h.count(t)
	if err := r.put(nameKey(rowTally, h.m.FullName()), t); err != nil {
		return err
	}
	if h.typ == tracker.OnsiteShown && h.showing != "" {
		if err := r.unwait(h.showing); err != nil {
			return err
		}
	}
	if h.who.IsZero() || h.typ != tracker.OnsiteShown && !answered {
		return nil
	}
	return h.see(r, answered)
}

// count adds to what is counted, and says whether it is an answer.
func (h *heard) count(t *tracker.OnsiteTally) (answered bool) {
	switch h.typ {
	case tracker.OnsiteShown:
		t.Shown++
	case tracker.OnsiteClosed:
		t.Closed++
	case tracker.ChatHandoff:
		t.Handoffs++
	case tracker.SurveyOpened, tracker.ChatOpened:
		t.Opened++
	default:
		t.Answered++
		for one := range strings.SplitSeq(h.answer, ", ") {
			if h.m.answers(h.part, one) {
				if t.Answers[h.part] == nil {
					t.Answers[h.part] = map[string]int{}
				}
				t.Answers[h.part][one]++
			}
		}
		return true
	}
	return false
}

// see writes what somebody has seen of a message.
func (h *heard) see(r rows, answered bool) error {
	k := leadKey(rowSeen, h.who, h.m.Name)
	var s seenRow
	if _, err := r.get(k, &s); err != nil {
		return err
	}
	if answered {
		s.Answered = max(s.Answered, h.at)
	} else {
		s.Shown = append(s.Shown, h.at)
		s.Shown = s.Shown[max(0, len(s.Shown)-capKept):]
	}
	return errors.Join(r.put(k, &s), r.mark(dayKey(h.at, k[1:])))
}

// sweep takes away, once an hour, what is older than any cap.
func (s *Site) sweep() error {
	now := s.db.Now()
	if now < s.swept+3600_000 {
		return nil
	}
	s.swept = now
	for _, t := range s.cfg.Tenants() {
		err := s.db.Meta().Update(func(tx *storage.Tx) error { return rows{tx, t.ID}.expire(now, expireMost) })
		if err != nil {
			return err
		}
	}
	return nil
}
