package journey

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"ripen/tracker"
)

// place is where a lead stands in a journey: one row, on disk. Its fields are
// only ever added.
type place struct {
	Version int    `json:"v"`
	Entry   int    `json:"n"`           // how often it entered
	Born    string `json:"b"`           // the lead's id when it entered: part of its intents' names
	Entered int64  `json:"e"`           // unix ms, the moment of what let it in
	Step    string `json:"s,omitempty"` // that it waits in; empty = it has ended
	Since   int64  `json:"t,omitempty"` // unix ms, when it came to that step
	Due     int64  `json:"d,omitempty"` // unix ms, when it goes on by itself
	Passes  int    `json:"p,omitempty"` // steps done, all in all
	Why     string `json:"w,omitempty"` // it ended
	Ended   int64  `json:"x,omitempty"` // unix ms
	Held    bool   `json:"h,omitempty"` // of the hold-out: nothing is done, the goal is counted
	Sent    int    `json:"m,omitempty"` // messages
	Put     bool   `json:"q,omitempty"` // the step was put off: it is done when it is due

	trial
}

// The words for why a journey ended.
const (
	whyDone  = "done"
	whyGoal  = "goal"
	whyLeft  = "left"
	whyMoved = "moved"
)

func (p *place) open() bool { return p != nil && p.Step != "" }

// Effect is what a step does to the world. Its key is the same however often it
// is derived.
type Effect struct {
	Tenant  *tracker.Tenant
	Journey *Journey
	Step    *Step
	Person  *Person
	Key     string // journey@version/step
	Cause   string // of which entry, and which pass
	Now     int64

	Template string         // Message
	Variant  string         // Message: of a test
	Phone    string         // Message by SMS: where it goes
	Text     string         // Message by SMS
	Offer    *tracker.Offer // Message: what it offers; nil = nothing
}

// notes is one line of what a journey did with a lead.
type note struct {
	Journey string `json:"journey"` // name@version
	Step    string `json:"step,omitempty"`
	What    string `json:"what"`
	Detail  string `json:"detail,omitempty"`
	Intent  string `json:"intent,omitempty"`
}

// walker takes one lead along one journey. It reads no clock and stores nothing.
type walker struct {
	j      *Journey
	p      *place
	q      *Person
	now    int64
	do     func(*Effect) (intent string, err error)
	say    func(note)
	sent   func(channel string) []int64 // when messages of a channel left, unix ms
	leaves func(channel, template string)
	timed  bool // the step at hand was put off: its hour was looked for

	library func() (*Library, error)
	had     func(template string) (bool, error) // the lead was sent it before
}

// run does the steps from s on, until one waits or the journey ends. at is the
// moment in the lead's time: a wait that ended while nobody was there ended then.
func (w *walker) run(s *Step, at int64) error {
	for n := 0; ; n++ {
		if s == nil {
			w.end(whyDone, at)
			return nil
		}
		if n > 4*stepsMax {
			panic("BUG: a journey goes in a circle: " + w.j.FullName())
		}
		w.p.Step, w.p.Since, w.p.Due, w.p.Put = s.ID, at, 0, false
		next, waits, err := w.step(s, at)
		if err != nil || waits || w.p.Step == "" {
			return err
		}
		if s.Kind != Branch && s.Kind != Wait {
			at = max(at, w.now)
		}
		s = next
	}
}

// step does one step and returns the one that follows, unless it waits.
func (w *walker) step(s *Step, at int64) (next *Step, waits bool, err error) {
	_, i := w.j.step(s.ID)
	next = w.j.after(i)
	switch s.Kind {
	case Wait:
		w.p.Due = w.until(s, at)
		if w.p.Due > w.now || s.Until != nil {
			w.say(note{Step: s.ID, What: "waits", Detail: waitText(w.p.Due)})
			return nil, true, nil
		}
		return next, false, nil
	case Branch:
		for k := range s.Ways {
			ok, err := s.Ways[k].holds(w.q, w.now)
			if err != nil {
				return nil, false, err
			}
			if ok {
				next, _ = w.j.step(s.Ways[k].Go)
				w.say(note{Step: s.ID, What: "takes", Detail: s.Ways[k].why()})
				return next, false, nil
			}
		}
		return next, false, nil
	case Exit:
		w.end(s.Why, max(at, w.now))
		return nil, false, nil
	case Message:
		waits, err = w.message(s)
		return next, waits, err
	}
	return next, false, w.effect(s, chosen{})
}

func waitText(due int64) string {
	if due == 0 {
		return ""
	}
	return time.UnixMilli(due).UTC().Format(time.RFC3339)
}

// until is when a wait ends that began at a moment.
func (w *walker) until(s *Step, at int64) int64 {
	if s.Until != nil {
		return at + s.Timeout
	}
	if s.Days == nil && s.For > 0 {
		return at + s.For
	}
	loc := w.q.zone(w.j.Zone)
	t := time.UnixMilli(at).In(loc)
	for d := range 9 {
		due := time.Date(t.Year(), t.Month(), t.Day()+d, s.Minute/60, s.Minute%60, 0, 0, loc)
		if !due.Before(t) && (s.Days == nil || slices.Contains(s.Days, due.Weekday())) {
			return due.UnixMilli()
		}
	}
	return at // unreachable unless a week has no such day
}

// message sends a message, or puts it off, or leaves it out.
func (w *walker) message(s *Step) (waits bool, err error) {
	if !w.j.Service && w.q.Lead.Consent.Of(tracker.Marketing) >= tracker.Refused {
		w.say(note{Step: s.ID, What: "not sent", Detail: "the person did not allow marketing"})
		return false, nil
	}
	// The mail itself asks again as it leaves; here it keeps caps, counts and simulations true.
	if s.Channel == channelEmail && !w.allowed() {
		w.say(note{Step: s.ID, What: "not sent", Detail: noYes})
		return false, nil
	}
	if why := w.mayText(); s.Channel == SMS && why != "" {
		w.say(note{Step: s.ID, What: "not sent", Detail: why})
		return false, nil
	}
	if why := w.mayPost(); s.Channel == Paper && why != "" {
		w.say(note{Step: s.ID, What: "not sent", Detail: why})
		return false, nil
	}
	due, why := w.later(s.Channel), ""
	if s.Send != nil && (due > w.now || !w.timed) {
		due, why = w.bestTime(s.Send, due)
	}
	w.timed = false
	if due > w.now {
		w.p.Due, w.p.Put = due, true
		w.say(note{Step: s.ID, What: "put off", Detail: strings.TrimSuffix(waitText(due)+", "+why, ", ")})
		return true, nil
	}
	what, err := w.choose(s)
	if err != nil {
		return false, err
	}
	if what.template == "" && s.Text == "" {
		w.say(note{Step: s.ID, What: "not sent", Detail: what.why})
		return false, nil
	}
	if held := w.drawn(s, what.variant); held {
		w.say(note{Step: s.ID, What: "not sent", Detail: "hold-out of this message: to compare with"})
		return false, nil
	}
	err = w.effect(s, what)
	if k := tracker.KindOf(err); k == tracker.KindInvalid || k == tracker.KindNotFound {
		w.say(note{Step: s.ID, What: "not sent", Detail: err.Error()}) // the template changed since the journey was published
		return false, nil
	}
	if err != nil {
		return false, err
	}
	w.p.Sent++
	w.leaves(s.Channel, what.template)
	return false, nil
}

// later is the first moment from now on at which caps and quiet hours allow a
// message.
func (w *walker) later(channel string) int64 {
	due := w.now
	for range 4 { // a cap may end in a quiet hour, and the other way round
		was := due
		for _, c := range w.j.Caps {
			sent := w.sent(channel)
			if c.Channel == channel && len(sent) >= c.Most {
				due = max(due, sent[len(sent)-c.Most]+c.Per)
			}
		}
		if q := w.j.Quiet; q != nil {
			due = q.end(due, w.q.zone(w.j.Zone))
		}
		if due == was {
			break
		}
	}
	return due
}

// end is at, or the end of the quiet time that at lies in.
func (q *Quiet) end(at int64, loc *time.Location) int64 {
	t := time.UnixMilli(at).In(loc)
	m := t.Hour()*60 + t.Minute()
	quiet := m >= q.From && m < q.To
	if q.From > q.To {
		quiet = m >= q.From || m < q.To
	}
	if !quiet {
		return at
	}
	d := 0
	if m >= q.To {
		d = 1
	}
	return time.Date(t.Year(), t.Month(), t.Day()+d, q.To/60, q.To%60, 0, 0, loc).UnixMilli()
}

// choose picks what a message says to the person: their band's words before all
// others.
func (w *walker) choose(s *Step) (out chosen, err error) {
	band := w.q.stands().Band
	at := slices.IndexFunc(s.Bands, func(c Choice) bool { return c.Name == band })
	switch {
	case s.Tests != nil:
		out = w.test(s)
	case s.Pick != nil && at < 0:
		if out, err = w.pick(s.Pick); err != nil {
			return out, err
		}
	default:
		out.template = s.Template
	}
	if at >= 0 {
		out.template = s.Bands[at].Template
	}
	if s.Offer == nil {
		return out, nil
	}
	if out.offer, err = w.q.offer(s.Offer, w.now); out.offer == nil && err == nil {
		out = chosen{template: s.NoOffer, why: "there is nothing to offer: " + strings.Join(s.Offer, ", ")}
	}
	return out, err
}

// test draws one of the variants.
func (w *walker) test(s *Step) (out chosen) {
	total := 0
	for _, c := range s.Tests {
		total += c.Weight
	}
	n := draw(w.p.Born, w.j.Name, s.ID, total)
	for _, c := range s.Tests {
		if n -= c.Weight; n < 0 {
			return chosen{template: c.Template, variant: c.Name}
		}
	}
	panic("BUG: a draw beyond the weights")
}

// draw is a number below n that is always the same for a lead and a use.
func draw(lead, journey, use string, n int) int {
	sum := sha256.Sum256([]byte("ripen draw\x00" + lead + "\x00" + journey + "\x00" + use))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(n))
}

// effect does what changes something outside.
func (w *walker) effect(s *Step, what chosen) error {
	w.p.Passes++
	phone, text := "", ""
	if s.Channel == SMS {
		phone, text = phoneOf(w.q.Lead), w.q.fill(s.Text)
	}
	id, err := w.do(&Effect{
		Phone: phone, Text: text,
		Journey: w.j, Step: s, Person: w.q, Now: w.now, Template: what.template, Variant: what.variant, Offer: what.offer,
		Key:   w.j.FullName() + "/" + s.ID,
		Cause: fmt.Sprintf("%s entry %d at %d pass %d", w.p.Born, w.p.Entry, w.p.Entered, w.p.Passes),
	})
	if err != nil {
		return err
	}
	detail := s.To
	if s.Kind == Set {
		w.q.set(s.Values)
		detail = setText(s.Values)
	}
	if s.Kind == Message {
		detail = cmp.Or(what.template, s.Channel+" "+s.To)
		if why := cmp.Or(what.variant, what.why); why != "" {
			detail += " (" + why + ")"
		}
		if what.offer != nil {
			detail += ", " + what.offer.Kind + " " + what.offer.Product
		}
	}
	w.say(note{Step: s.ID, What: string(s.Kind), Detail: detail, Intent: id})
	return nil
}

func (w *walker) end(why string, at int64) {
	w.p.Step, w.p.Due, w.p.Put, w.p.Why, w.p.Ended = "", 0, false, why, at
	if why == whyGoal {
		w.p.reach(at)
	}
	w.say(note{What: "ended", Detail: why})
}

// enter begins a journey. cause is the moment of what let the lead in.
func (w *walker) enter(cause int64) error {
	p := w.p
	p.Version, p.Entry, p.Born, p.Entered = w.j.Version, p.Entry+1, w.q.Lead.ID.String(), cause
	p.Why, p.Ended, p.Sent, p.Passes = "", 0, 0, 0
	p.Held = w.j.Holdout > 0 && draw(p.Born, w.j.Name, "hold-out", 10_000) < w.j.Holdout
	if p.Entry == 1 {
		p.trial = trial{First: cause, Of: p.Version, Out: p.Held, Band: w.q.stands().Band}
	}
	if p.Held {
		p.Step, p.Since, p.Due = w.j.Steps[0].ID, cause, 0
		w.say(note{What: "entered", Detail: "hold-out: nothing is sent"})
		return nil
	}
	w.say(note{What: "entered"})
	return w.run(w.j.Steps[0], cause)
}

// wake goes on when the place is due.
func (w *walker) wake() error {
	s, i := w.j.step(w.p.Step)
	if s == nil { // of a version that had another step: only a migration leads here
		w.end(whyDone, w.now)
		return nil
	}
	due := w.p.Due
	switch {
	case w.p.Put:
		w.timed = true
		return w.run(s, due)
	case s.Until != nil && s.Else != "":
		next, _ := w.j.step(s.Else)
		return w.run(next, due)
	}
	return w.run(w.j.after(i), due)
}
