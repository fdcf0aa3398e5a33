package score

import (
	"encoding/binary"
	"fmt"
	"slices"

	"ripen/tracker"
)

// A click in a mail may be a scanner's. What shows it is mostly not the click but
// what happens about the same time: so a click waits for a while, its settle
// window, before it counts, and is then judged by what the lead's timeline holds
// from that window before it to its end. Nothing else waits.
//
// The verdict is a function of the timeline alone, so it is the same in whatever
// order events came. What comes in late may find that the click has counted: the
// walk goes back, as for any late event, and the click is withdrawn.
const (
	// pairGap is how far a HEAD and a GET of one link lie apart at most: scanners
	// send both at once, a mail program asks with HEAD when the mail is opened.
	pairGap = 2_000 // ms
	// A person may follow two links of a mail quickly, but not two in a second,
	// nor three in five.
	twoLinks   = 1_000
	threeLinks = 5_000
	// soonGap is how soon after the delivery of a mail nobody has read it yet.
	soonGap = 5_000
	// marksMost is how many marks a walk keeps at most; it forgets the oldest.
	marksMost = 256
)

// mark is what is remembered of an event of a mail for as long as it may be
// evidence.
type mark struct {
	time    int64
	message uint64 // hash of the mail's name
	link    uint64 // of the link's; 0 = it has none
	kind    markKind
	news    bool // the batch at hand brought it; not stored
}

type markKind byte

const (
	clickMark markKind = iota // a person's, as far as it shows itself
	botMark                   // a click of a machine
	headMark
	trapMark
	sentMark
	deliveredMark
)

// held is a click that waits.
type held struct {
	due      int64
	seq      uint64
	received int64
	session  uint64
	personal bool
	news     bool // the batch at hand brought it; not stored
	row      []byte
}

// markOf says what an event is as evidence.
func markOf(e *tracker.Event) (m mark, ok bool) {
	m.time = e.Time
	switch string(e.Type) {
	case "email_sent":
		m.kind = sentMark
	case "email_delivered":
		m.kind = deliveredMark
	case "email_click":
		m.link = named(e, "link")
		switch {
		case e.MachineReason == tracker.TrapLink:
			m.kind = trapMark
		case e.MachineReason == tracker.HeadRequest:
			m.kind = headMark
		case e.Machine.IsMachine():
			m.kind = botMark
		}
	default:
		return m, false
	}
	m.message = named(e, "message")
	return m, true
}

// named is the hash of a property; 0 if it is not in the clear.
func named(e *tracker.Event, name string) uint64 {
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Space == tracker.Property && string(f.Name) == name && f.Value.Tag == tracker.String {
			h := uint64(14695981039346656037)
			for _, b := range f.Value.Str {
				h = (h ^ uint64(b)) * 1099511628211
			}
			return h | 1
		}
	}
	return 0
}

// suspect says what shows that a click, one of the marks, was no person's. Only
// what happened before due counts, and after the click's window before it.
func suspect(marks []mark, click *mark, due int64) tracker.MachineReason {
	window := due - click.time
	reason := tracker.NoReason
	two, three := links{}, links{}
	for i := range marks {
		m := &marks[i]
		after := m.time - click.time // how long after the click
		if m.message != click.message || after >= window || -after >= window {
			continue
		}
		found := tracker.NoReason
		switch m.kind {
		case trapMark:
			found = tracker.TrapBurst
		case headMark:
			if m.link == click.link && max(after, -after) <= pairGap {
				found = tracker.HeadPair
			}
		case deliveredMark:
			if -after <= soonGap {
				found = tracker.TooSoon
			}
		case sentMark:
			if after <= 0 && -after <= soonGap {
				found = tracker.TooSoon
			}
		}
		if m.kind < sentMark && m.link != 0 && max(after, -after) <= threeLinks {
			three.add(m.link)
			if max(after, -after) <= twoLinks {
				two.add(m.link)
			}
		}
		if found != tracker.NoReason && (reason == tracker.NoReason || found < reason) {
			reason = found // the strongest first, whatever the order
		}
	}
	if reason > tracker.ManyLinks || reason == tracker.NoReason {
		if two.n >= 2 || three.n >= 3 {
			return tracker.ManyLinks
		}
	}
	return reason
}

// links counts different links, up to three.
type links struct {
	is [3]uint64
	n  int
}

func (q *links) add(link uint64) {
	if q.n < len(q.is) && !slices.Contains(q.is[:q.n], link) {
		q.is[q.n] = link
		q.n++
	}
}

// note remembers an event of a mail and forgets what is too old to say anything.
func (k *Walk) note(e *tracker.Event, news bool) (m mark, is bool) {
	// A click that still waits came less than its window ago, and looks back as
	// far again.
	old := 0
	for old < len(k.marks) && k.marks[old].time <= e.Time-2*tracker.MaxSettle {
		old++
	}
	if m, is = markOf(e); is && len(k.marks)-old >= marksMost {
		old++
	}
	k.marks = slices.Delete(k.marks, 0, old)
	if is {
		m.news = news
		k.marks = append(k.marks, m)
	}
	return m, is
}

// waits says that an event is a click to wait for.
func waits(e *tracker.Event, m *mark) bool {
	return m.kind == clickMark && e.Settle() > 0
}

// hold lets a click wait if it is one to wait for.
func (w *Walker) hold(k *Walk, e *tracker.Event, session uint64, personal bool) bool {
	if len(k.marks) == 0 && (len(e.Type) < len("email_") || string(e.Type[:len("email_")]) != "email_") {
		return false
	}
	news := slices.Contains(w.News, e.Seq)
	m, is := k.note(e, news)
	if !is || !waits(e, &m) {
		return false
	}
	h := held{due: e.Time + e.Settle(), seq: e.Seq, received: e.Received, session: session, personal: personal, news: news, row: tracker.AppendRow(nil, e)}
	at := len(k.held)
	for at > 0 && k.held[at-1].due > h.due {
		at--
	}
	k.held = slices.Insert(k.held, at, h)
	return true
}

// Advance steps a walk through everything that time does to it up to a moment:
// scores change, and clicks that waited count.
func (w *Walker) Advance(d *Deck, k *Walk, until int64) error {
	for len(k.held) > 0 && k.held[0].due <= until {
		d.Advance(k, k.held[0].due)
		if err := w.settle(d, k); err != nil {
			return err
		}
	}
	d.Advance(k, until)
	return nil
}

// settle judges the click that has waited longest and lets it count, as what it
// is then taken for.
func (w *Walker) settle(d *Deck, k *Walk) error {
	h := k.held[0]
	k.held = slices.Delete(k.held, 0, 1)
	k.Step = max(k.Step, h.due)
	if k.Consent.Denied() { // said while it waited
		return nil
	}
	e := &w.click
	if err := tracker.DecodeRow(h.row, e); err != nil {
		return fmt.Errorf("a click that waited: %w", err)
	}
	e.Seq, e.Received, e.Personal = h.seq, h.received, e.Personal[:0]
	click, _ := markOf(e)
	reason := suspect(k.marks, &click, h.due)
	if reason != tracker.NoReason {
		e.Machine, e.MachineReason, e.Proved = tracker.Bot, reason, false
		if h.due <= w.Shown && !h.news && !w.suspected(k, &click, h.due) {
			w.Withdrawn++
		}
	} else if e.Machine != tracker.Server {
		k.Active = max(k.Active, e.Time)
	}
	e.Time = h.due // it counts from now on
	return w.count(d, k, e, h.session, h.personal, false, false)
}

// suspected says that a click was suspect before the batch at hand.
func (w *Walker) suspected(k *Walk, click *mark, due int64) bool {
	w.known = w.known[:0]
	for _, m := range k.marks {
		if !m.news {
			w.known = append(w.known, m)
		}
	}
	return suspect(w.known, click, due) != tracker.NoReason
}

// Judge says of the clicks of a timeline what a walk takes them for.
type Judge struct {
	k       Walk
	waiting []judged
	// Verdicts is what shows of clicks that they were no person's.
	Verdicts map[uint64]tracker.MachineReason // :: sequence → why
}

type judged struct {
	click mark
	due   int64
	seq   uint64
}

// Add takes the next event of the timeline.
func (j *Judge) Add(e *tracker.Event) {
	j.Until(e.Time)
	m, is := j.k.note(e, false)
	if is && waits(e, &m) {
		j.waiting = append(j.waiting, judged{m, e.Time + e.Settle(), e.Seq})
	}
}

// Until judges the clicks whose time has come at a moment, and returns how many
// still wait.
func (j *Judge) Until(now int64) int {
	j.waiting = slices.DeleteFunc(j.waiting, func(q judged) bool {
		if q.due > now {
			return false
		}
		if reason := suspect(j.k.marks, &q.click, q.due); reason != tracker.NoReason {
			if j.Verdicts == nil {
				j.Verdicts = make(map[uint64]tracker.MachineReason)
			}
			j.Verdicts[q.seq] = reason
		}
		return true
	})
	return len(j.waiting)
}

// A walk keeps its marks and its clicks that wait, if it has any, as
//
//	mails = marks held
//	mark  = kind:1 time message:8 link:8
//	held  = personal:1 due received sequence session:8 row

func (k *Walk) appendMails(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(k.marks)))
	for i := range k.marks {
		m := &k.marks[i]
		dst = binary.AppendVarint(append(dst, byte(m.kind)), m.time-k.First)
		dst = binary.LittleEndian.AppendUint64(dst, m.message)
		dst = binary.LittleEndian.AppendUint64(dst, m.link)
	}
	dst = binary.AppendUvarint(dst, uint64(len(k.held)))
	for i := range k.held {
		h := &k.held[i]
		personal := byte(0)
		if h.personal {
			personal = 1
		}
		dst = binary.AppendVarint(append(dst, personal), h.due-k.First)
		dst = binary.AppendVarint(dst, h.received-k.First)
		dst = binary.AppendUvarint(dst, h.seq)
		dst = binary.LittleEndian.AppendUint64(dst, h.session)
		dst = append(binary.AppendUvarint(dst, uint64(len(h.row))), h.row...)
	}
	return dst
}

func (r *reader) mails(k *Walk) {
	k.marks, k.held = k.marks[:0], k.held[:0]
	if len(r.b) == 0 {
		return
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		k.marks = append(k.marks, mark{kind: markKind(r.byte()), time: r.varint() + k.First, message: r.uint64(), link: r.uint64()})
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		h := held{personal: r.byte() != 0, due: r.varint() + k.First, received: r.varint() + k.First, seq: r.uvarint(), session: r.uint64()}
		h.row = slices.Clone(r.bytes(r.uvarint()))
		k.held = append(k.held, h)
	}
}
