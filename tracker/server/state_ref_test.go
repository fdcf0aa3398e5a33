package server

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// fact is an event as the reference knows it: plain values, no rows.
type fact struct {
	id      [16]byte
	at      int64
	typ     string
	visitor string
	user    string
	email   string
	path    string
	session string
	job     string // a trait
	denied  bool
	head    bool // a HEAD request: of a click it is evidence, and no more
	erased  bool
	sent    bool
	machine string
	message string // of a mail
	link    string
	why     tracker.MachineReason
	settle  int64 // what its source says; 0 = nothing
	proved  bool
	signed  bool // its user id is proved whatever else
	country string
	city    string
	source  uint32

	run int   // its session, numbered by the reference
	due int64 // of a click that waits: when it counts
}

func (f *fact) Type() string                 { return f.typ }
func (f *fact) Time() int64                  { return max(f.at, f.due) }
func (f *fact) Session() uint64              { return uint64(f.run) + 1 }
func (f *fact) Ignore() string               { return f.machine }
func (f *fact) Send() bool                   { return f.typ == "email_sent" }
func (f *fact) Products() int                { return 0 }
func (f *fact) Product(int) scorecard.Source { return nil }
func (f *fact) Field(n string) (wasm.Slot, bool) {
	if n == "message" {
		return slotOf(true, f.message)
	}
	if tracker.IsPlace(n) {
		return slotOf(n == tracker.PlaceCountry, f.country)
	}
	return slotOf(n == "path", f.path)
}

func (f *fact) Trait(n string) (wasm.Slot, bool) {
	if n == tracker.PlaceCountry {
		return slotOf(f.machine == "" && !strings.HasPrefix(f.typ, "email_"), f.country)
	}
	return slotOf(n == "job" && f.typ == "identify", f.job)
}

func slotOf(is bool, v string) (wasm.Slot, bool) {
	if !is || v == "" {
		return wasm.Slot{}, false
	}
	return wasm.Slot{Tag: wasm.String, Str: []byte(v)}, true
}

func (f *fact) isMark() bool { return !f.head && (f.user != "" || f.email != "") }

func compareFacts(a, b *fact) int {
	if a.at != b.at {
		return int(a.at - b.at)
	}
	return bytes.Compare(a.id[:], b.id[:])
}

// refLead is where the reference sees a lead.
type refLead struct {
	id     tracker.LeadID
	facts  []*fact
	score  scorecard.Result
	band   string
	first  int64
	last   int64
	events int
	proved map[tracker.LeadID]bool
}

// reference computes all leads at a moment from nothing but the set of events,
// in the plainest way there is: no batches, no caches, no checkpoints, the card
// walked by Eval.
func reference(t testing.TB, yaml string, all []*fact, links []tracker.Link, now int64) []*refLead {
	card, err := scorecard.Parse("saas", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	decided := decisions(links, now)
	var facts []*fact
	for _, f := range all {
		if f.at <= now && !f.denied && !f.erased && (!f.head || f.typ == "email_click") {
			own := *f
			own.blind(decided)
			facts = append(facts, &own)
		}
	}
	slices.SortFunc(facts, compareFacts)
	owner := map[string]string{}
	for _, f := range facts {
		if f.user != "" && f.email != "" && !f.head && owner[f.email] == "" {
			owner[f.email] = f.user
		}
	}
	leads := map[tracker.LeadID]*refLead{}
	for _, f := range facts {
		id := refRoot(refOwner(f, facts, owner), decided)
		if leads[id] == nil {
			leads[id] = &refLead{id: id}
		}
		leads[id].facts = append(leads[id].facts, f)
	}
	var out []*refLead
	for _, l := range leads {
		if l.walk(card, now); l.first != 0 {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *refLead) int {
		if a.score.Score != b.score.Score {
			return b.score.Score - a.score.Score
		}
		if a.last != b.last {
			return int(b.last - a.last)
		}
		return a.id.Compare(b.id)
	})
	return out
}

func refOwner(f *fact, facts []*fact, owner map[string]string) tracker.LeadID {
	who := f
	if f.visitor != "" && !f.isMark() {
		var before, first *fact
		for _, m := range facts {
			if m.visitor == f.visitor && m.isMark() {
				if first == nil {
					first = m
				}
				if m.at <= f.at {
					before = m
				}
			}
		}
		switch {
		case before != nil:
			who = before
		case first != nil:
			who = first
		}
	}
	switch {
	case who.head && who.visitor != "": // it names nobody
	case who.user != "":
		return tracker.LeadID{Kind: 'u', Hash: hash(who.user)}
	case who.email != "" && owner[who.email] != "":
		return tracker.LeadID{Kind: 'u', Hash: hash(owner[who.email])}
	case who.email != "":
		return tracker.LeadID{Kind: 'e', Hash: hash(who.email)}
	}
	return tracker.LeadID{Kind: 'v', Hash: hash(who.visitor)}
}

func (f *fact) subject() string {
	switch {
	case f.visitor != "":
		return "v" + f.visitor
	case f.user != "":
		return "u" + f.user
	}
	return "e" + f.email
}

// walk numbers sessions and steps through the card.
func (l *refLead) walk(card *scorecard.Card, now int64) {
	runs, lastOf, runOf := map[string]int{}, map[string]int64{}, map[string]int{}
	for _, f := range l.facts {
		if f.head {
			continue
		}
		s := f.subject()
		if last, ok := lastOf[s]; !ok || f.at-last >= tracker.DefaultSession {
			runs[s+fmt.Sprint(f.at)] = len(runs)
			runOf[s] = runs[s+fmt.Sprint(f.at)]
		}
		lastOf[s] = f.at
		if f.session != "" {
			if _, ok := runs["own"+f.session]; !ok {
				runs["own"+f.session] = len(runs)
			}
			runOf[s] = runs["own"+f.session]
		}
		f.run = runOf[s]
	}
	e := card.NewEval()
	var waiting []*fact
	step := func(until int64) {
		for l.score.Next != 0 && l.score.Next <= until {
			l.at(card, e, l.score.Next)
		}
	}
	count := func(until int64) {
		for len(waiting) > 0 && waiting[0].due <= until {
			f := waiting[0]
			waiting = waiting[1:]
			step(f.due)
			l.prove(f)
			if evs := card.Bind(nil, f); len(evs) > 0 {
				e.Fold(evs...)
				l.at(card, e, f.due)
			}
		}
	}
	for _, f := range l.facts {
		if f.head {
			continue
		}
		count(f.at)
		step(f.at)
		var evs []wasm.Event
		if wait := f.wait(); wait == 0 {
			evs = card.Bind(nil, f)
			l.prove(f)
		} else {
			f.due = f.at + wait
			if l.scanned(f) {
				f.machine = "bot"
			}
			waiting = append(waiting, f)
			slices.SortStableFunc(waiting, func(a, b *fact) int { return int(a.due - b.due) })
		}
		if len(evs) > 0 || l.first == 0 {
			e.Fold(evs...)
			l.at(card, e, f.at)
		}
		if l.first == 0 {
			l.first = f.at
		}
		l.last = f.at
		l.events++
	}
	count(now)
	step(now)
	l.at(card, e, now)
}

// prove takes what a fact proves that counts.
func (l *refLead) prove(f *fact) {
	if l.proved == nil {
		l.proved = map[tracker.LeadID]bool{}
	}
	proved := f.proved && (f.typ != "email_click" || f.machine == "")
	if f.user != "" && (proved || f.signed) {
		l.proved[tracker.LeadID{Kind: 'u', Hash: hash(f.user)}] = true
	}
	if f.email != "" && proved {
		l.proved[tracker.LeadID{Kind: 'e', Hash: hash(f.email)}] = true
	}
}

// wait is how long a fact waits before it counts.
func (f *fact) wait() int64 {
	if f.typ != "email_click" || f.machine == "bot" || f.settle < 0 {
		return 0
	}
	return cmp.Or(f.settle, tracker.DefaultSettle)
}

// scanned says that a click was no person's, from all that happened within its
// window on either side.
func (l *refLead) scanned(c *fact) bool {
	now := map[string]bool{}
	soon := map[string]bool{}
	for _, f := range l.facts {
		before := c.at - f.at
		near := max(before, -before)
		if f.message != c.message || near >= c.due-c.at {
			continue
		}
		switch {
		case f.typ == "email_delivered" && before <= 5000,
			f.typ == "email_sent" && before >= 0 && before <= 5000,
			f.why == tracker.TrapLink && !f.head, // else its record says that it was a HEAD
			f.head && f.link == c.link && near <= 2000:
			return true
		case f.typ == "email_click":
			now[f.link] = now[f.link] || near <= 1000
			soon[f.link] = soon[f.link] || near <= 5000
		}
	}
	count := func(m map[string]bool) (n int) {
		for link, is := range m {
			if is && link != "" {
				n++
			}
		}
		return n
	}
	return count(now) >= 2 || count(soon) >= 3
}

func (l *refLead) at(card *scorecard.Card, e *scorecard.Eval, t int64) {
	l.score = e.Score(t)
	l.band = card.Band(l.band, l.score.Score, l.score.Grade)
}

// decisions are the last ones about each pair at a moment: true = joined.
func decisions(all []tracker.Link, now int64) map[[2]tracker.LeadID]bool {
	last := map[[2]tracker.LeadID]tracker.Link{}
	for _, d := range all {
		for _, pair := range [2][2]tracker.LeadID{{d.A, d.B}, {d.B, d.A}} {
			was, ok := last[pair]
			if d.Time <= now && (!ok || d.Time > was.Time || d.Time == was.Time && was.Joined) {
				last[pair] = d
			}
		}
	}
	out := map[[2]tracker.LeadID]bool{}
	for pair, d := range last {
		out[pair] = d.Joined
	}
	return out
}

// blind takes from a fact what is kept apart.
func (f *fact) blind(decided map[[2]tracker.LeadID]bool) {
	apart := func(a, b tracker.LeadID) bool {
		joined, ok := decided[[2]tracker.LeadID{a, b}]
		return ok && !joined
	}
	v, u, e := tracker.LeadID{Kind: 'v', Hash: hash(f.visitor)}, tracker.LeadID{Kind: 'u', Hash: hash(f.user)}, tracker.LeadID{Kind: 'e', Hash: hash(f.email)}
	if f.visitor != "" && f.user != "" && apart(v, u) {
		f.user = ""
	}
	if f.visitor != "" && f.email != "" && apart(v, e) {
		f.email = ""
	}
	if f.user != "" && f.email != "" && apart(u, e) {
		f.email = ""
	}
}

// refRoot is the strongest of all that are joined with an identity.
func refRoot(id tracker.LeadID, decided map[[2]tracker.LeadID]bool) tracker.LeadID {
	seen := map[tracker.LeadID]bool{id: true}
	for again := true; again; {
		again = false
		for pair, joined := range decided {
			if joined && seen[pair[0]] && !seen[pair[1]] {
				seen[pair[1]], again = true, true
			}
		}
	}
	for other := range seen {
		if strings.Index("uev", string(other.Kind)) < strings.Index("uev", string(id.Kind)) || other.Kind == id.Kind && other.Compare(id) < 0 {
			id = other
		}
	}
	return id
}
