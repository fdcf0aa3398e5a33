// Package score walks a lead's events through the cards in force. A walk is the
// whole of what a lead's score depends on: the guests' states, the bands, the
// sessions under way, and how far it has come. It promises that a walk's result
// is a function of the events in their order and of the moment it was led to,
// not of how the events arrived: between two events it steps through every
// moment at which a score may change by itself, as the timers would have,
// because a band depends on the path. A click in a mail counts only when it has
// settled, see mail.go: that is such a moment, too.
//
// It stores nothing; what it knows of a lead is a [Walk], which the state loop
// keeps with the lead. Guests are WebAssembly ([ripen/wasm/host]) behind the
// small interface [Guest].
package score

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// Guest is one instance of a card's module. It is for one goroutine.
type Guest interface {
	// FoldScore returns the state after the events, valid until the next call, and
	// where a lead with it stands at a moment. The state is nil if the fold failed;
	// it stands if only the score did.
	FoldScore(state []byte, evs []wasm.Event, now int64) ([]byte, host.Fast, error)
	// ScoreFast says where a lead with this state stands at a moment.
	ScoreFast(state []byte, now int64) (host.Fast, error)
	// Score is ScoreFast with dimensions and reasons.
	Score(state []byte, now int64, r *scorecard.Result) error
	// SetInputs gives what others say of the lead to be scored next, by dimension;
	// NaN is no answer.
	SetInputs(v []float64)
}

// Card is a card in force.
type Card struct {
	Name  string // name@version
	Card  *scorecard.Card
	Guest Guest

	grades  []string
	feeds   []*scorecard.Feed
	models  atomic.Pointer[map[string]*scorecard.Card] // :: name → a model that the card names, if it is in the deck
	inputs  []float64                                  // scratch of Inputs
	places  bool                                       // see readsPlace
	moved   bool                                       // in the pass at hand its score changed, see Deck.fed
	steps   int                                        // by time, since the event before
	traps   uint64                                     // since TakeTraps
	strikes int
	failed  string // why the guest is not called any more; empty = it is
}

// A trap is a strike of sixteen and a call that is answered takes one away:
// three traps in a row are too many, as is one in each sixteen calls. Only calls
// count, no clock, so that every node that walks the same way agrees.
const (
	strike     = 16
	strikesMax = 3 * strike
)

// judge takes note of how a call of the guest ended.
func (c *Card) judge(err error) {
	if err == nil {
		c.strikes = max(c.strikes-1, 0)
		return
	}
	if _, trapped := errors.AsType[*host.Trap](err); !trapped {
		return
	}
	c.traps++
	if c.strikes += strike; c.strikes >= strikesMax && c.failed == "" {
		c.failed = err.Error()
	}
}

// Failed says why the card is given up, because its guest trapped too often; it
// is empty while the card is trusted. The guest of a failed card is not called:
// the last good scores stand.
func (c *Card) Failed() string { return c.failed }

// TakeTraps returns how many calls have trapped since it was last asked.
func (c *Card) TakeTraps() uint64 {
	n := c.traps
	c.traps = 0
	return n
}

// NewCard returns a card in force.
func NewCard(name string, c *scorecard.Card, guest Guest) *Card {
	return &Card{Name: name, Card: c, Guest: guest, grades: c.GradeNames(), feeds: c.Feeds(), places: readsPlace(c)}
}

// Deck is all the cards in force for a tenant. Gen changes whenever they do: a
// walk of another generation is to be walked again from its beginning.
type Deck struct {
	Gen    uint64
	Cards  []*Card
	Topics *scorecard.Topics // the tenant's topic map; nil = it has none

	order []int // of Cards: who is named by others comes first
}

// NewDeck returns the deck of a generation.
func NewDeck(gen uint64, cards ...*Card) Deck {
	d := Deck{Gen: gen, Cards: cards}
	for _, c := range cards {
		c.meet(cards)
	}
	for _, names := range [2]bool{false, true} {
		for i, c := range cards {
			if len(c.feeds) > 0 == names {
				d.order = append(d.order, i)
			}
		}
	}
	return d
}

// State is where a walk stands on one card.
type State struct {
	Card    string // name@version
	Guest   []byte // the guest's state; belongs to the Walk
	Score   int
	Exact   int64 // thousandths, when last scored
	Null    bool  // not scored: a gate says so, or no event has counted yet
	Grade   string
	Band    string
	Next    int64  // the score may change by itself then; 0 = never
	Trouble string // why the last good score still stands
}

// Walk is a lead's way through its events.
type Walk struct {
	Gen    uint64
	First  int64 // time of the first event walked
	Last   int64 // of the last
	Active int64 // of the last that was an act of the person; 0 = none
	Step   int64 // the latest moment scored, by event or timer
	Events uint64
	Level  tracker.Level // the highest that an event has shown
	States []State
	// Consent is the person's last word on each purpose. While it denies,
	// nothing is scored.
	Consent tracker.Consent
	// Proved are the identities that clicks in mails have proved: those clicks that
	// have counted, and that nothing shows to be a machine's. In order.
	Proved []tracker.LeadID

	sessions []session
	marks    []mark // of mails, oldest first
	held     []held // clicks that wait, in the order they will count
	interest *interest
}

// session is the run of events of one subject that may still go on.
type session struct {
	subject uint64
	last    int64
	id      uint64
}

// Begin makes k the walk of a lead without events.
func (d *Deck) Begin(k *Walk) {
	states := k.States[:0]
	*k = Walk{Gen: d.Gen, Proved: k.Proved[:0], sessions: k.sessions[:0], marks: k.marks[:0], held: k.held[:0]}
	for i, c := range d.Cards {
		if i < cap(states) {
			states = states[:i+1]
		} else {
			states = append(states, State{})
		}
		states[i] = State{Card: c.Name, Null: true, Guest: states[i].Guest[:0]}
	}
	k.States = states
}

// Next is the first moment at which some score may change by itself, or a click
// that waits counts; 0 = never.
func (k *Walk) Next() int64 {
	next := k.next()
	if len(k.held) > 0 && (next == 0 || k.held[0].due < next) {
		return k.held[0].due
	}
	return next
}

func (k *Walk) next() (next int64) {
	for i := range k.States {
		if n := k.States[i].Next; n != 0 && (next == 0 || n < next) {
			next = n
		}
	}
	return next
}

// Walker leads walks through a deck. It is for one goroutine: it owns scratch
// and its deck's guests.
type Walker struct {
	// Open unseals the personal part of an event into e.Personal. It leaves
	// nothing there if the key is destroyed. It is asked only for what a rule
	// reads and does not find in the clear.
	Open func(e *tracker.Event) error

	// News names the events that the batch at hand brought. A click that counted
	// at Shown or before and that is withdrawn because of them adds to Withdrawn.
	News      []uint64
	Shown     int64
	Withdrawn int

	src   source
	evs   []wasm.Event
	click tracker.Event // one that waited
	known []mark        // scratch
	waits bool          // the event at hand counts later
}

// Event walks on to the next event, which must not lie before anything walked:
// neither an event nor a step. personal says that it has a sealed part.
func (w *Walker) Event(d *Deck, k *Walk, e *tracker.Event, subject tracker.LeadID, personal bool) error {
	if err := w.Advance(d, k, e.Time); err != nil {
		return err
	}
	if !e.Counts() { // it is evidence, and nothing else
		k.note(e, slices.Contains(w.News, e.Seq))
		return nil
	}
	consent := k.Consent.Then(e.Consent)
	chose := consent != k.Consent
	k.Consent = consent
	waits := false
	if !consent.Denied() {
		session := k.session(e, subject)
		waits = w.hold(k, e, session, personal)
		if err := w.count(d, k, e, session, personal, chose, waits); err != nil {
			return err
		}
	}
	if k.Events == 0 {
		k.First = e.Time
	}
	k.Events++
	k.Last, k.Step = e.Time, max(k.Step, e.Time)
	if !waits && isAct(e) && !consent.Denied() {
		k.Active = e.Time
	}
	return nil
}

// isAct says that the event is something that the person did.
func isAct(e *tracker.Event) bool {
	return !e.Machine.IsMachine() && !e.IsSend()
}

// count lets all cards have an event. If it waits they only learn that there is a
// lead. chose says that it changed what the person consents to.
func (w *Walker) count(d *Deck, k *Walk, e *tracker.Event, session uint64, personal, chose, waits bool) error {
	rose := false
	if level := e.Level(); !waits && level > k.Level {
		k.Level, rose = level, true
	}
	if e.IsClick() && e.Proves() && !waits {
		k.prove(tracker.LeadID{Kind: tracker.UserIdentity, Hash: e.User})
		k.prove(tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email})
	}
	w.src.reset(w, e, session, personal)
	w.src.topics = d.Topics
	w.src.level, w.src.rose, w.src.consent, w.src.chose, w.waits = k.Level, rose, k.Consent, chose, waits
	if d.Topics != nil && !waits {
		if k.care(d.Topics, &w.src); w.src.err != nil {
			return fmt.Errorf("open event %d: %w", e.Seq, w.src.err)
		}
	}
	if !waits {
		k.reads(e, w.src.typ)
	}
	for _, i := range d.order {
		if err := w.event(d, k, i, e); err != nil {
			return err
		}
	}
	return nil
}

// prove notes an identity that a click has proved.
func (k *Walk) prove(id tracker.LeadID) {
	at, found := slices.BinarySearchFunc(k.Proved, id, tracker.LeadID.Compare)
	if !found && !id.Hash.IsZero() {
		k.Proved = slices.Insert(k.Proved, at, id)
	}
}

// event takes an event into one card. Of an event that a card does not read it
// learns only what the modules that it names make of it.
func (w *Walker) event(d *Deck, k *Walk, i int, e *tracker.Event) error {
	c, s := d.Cards[i], &k.States[i]
	c.moved = false
	if s.givenUp(c) {
		return nil
	}
	w.src.places = c.places
	if w.evs = w.evs[:0]; !w.waits {
		w.evs = c.Card.Bind(w.evs, &w.src)
	}
	if w.src.err != nil {
		return fmt.Errorf("open event %d: %w", e.Seq, w.src.err)
	}
	if len(w.evs) == 0 && !s.Null {
		if d.fed(c) {
			k.score(c, s, s.Guest, e.Time)
		}
		return nil
	}
	c.tell(k)
	state, f, err := c.Guest.FoldScore(s.Guest, w.evs, e.Time)
	if state == nil { // a trap: the event counts for nothing here
		c.judge(err)
		s.Trouble = "fold: " + err.Error()
		return nil
	}
	c.judge(nil) // two questions were asked
	s.Guest = append(s.Guest[:0], state...)
	s.scored(c, &f, err)
	return nil
}

// maxSteps bounds the steps of one card between two events: a guest that asks
// for more is not scoring but counting time.
const maxSteps = 100_000

// Advance steps through every change by time up to a moment, all cards together:
// what a module says at a moment is what the cards that name it are scored with.
func (d *Deck) Advance(k *Walk, until int64) {
	for _, c := range d.Cards {
		c.steps = 0
	}
	for at := k.next(); at != 0 && at <= until; at = k.next() {
		k.Step = max(k.Step, at)
		for _, i := range d.order {
			c, s := d.Cards[i], &k.States[i]
			c.moved = false
			due := s.Next != 0 && s.Next <= at
			if !due && !d.fed(c) {
				continue
			}
			k.score(c, s, s.Guest, at)
			if s.Next != 0 && s.Next <= at {
				s.Next = at + 1000
			}
			if c.steps++; c.steps > maxSteps {
				s.Trouble, s.Next = "score: asks to be called more often than can be done", 0
			}
		}
	}
}

// score asks the guest where the lead stands and follows the bands. On a trap
// the last good score stands.
func (k *Walk) score(c *Card, s *State, state []byte, at int64) {
	if s.givenUp(c) {
		return
	}
	c.tell(k)
	f, err := c.Guest.ScoreFast(state, at)
	s.scored(c, &f, err)
}

// tell gives the guest what others say of the lead.
func (c *Card) tell(k *Walk) {
	if len(c.feeds) > 0 {
		c.Guest.SetInputs(c.Inputs(k.States))
	}
}

// scored takes in where the guest says that the lead stands.
func (s *State) scored(c *Card, f *host.Fast, err error) {
	c.judge(err)
	if err != nil {
		s.Trouble, s.Next = "score: "+err.Error(), 0
		return
	}
	c.moved = f.Score != s.Score || f.Null != s.Null || c.Card.Model != nil && f.Exact != s.Exact
	s.settle(c, f)
}

// givenUp leaves the last good score standing if the card has failed.
func (s *State) givenUp(c *Card) bool {
	if c.failed == "" {
		return false
	}
	s.Trouble, s.Next = "quarantined: "+c.failed, 0
	return true
}

func (s *State) settle(c *Card, f *host.Fast) {
	s.Score, s.Exact, s.Null, s.Next, s.Trouble = f.Score, f.Exact, f.Null, f.Next, ""
	if f.Null {
		s.Grade, s.Band = "", ""
		return
	}
	s.Grade = c.grades[f.Grade]
	s.Band = c.Card.Band(s.Band, f.Score, s.Grade)
}
