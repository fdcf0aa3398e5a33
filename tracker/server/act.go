package server

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/outbox"
	"ripen/wasm/scorecard"
)

// actor is the loop behind the cursor named act: it reads what changed and makes
// the intents that a card asks for when a lead enters a band. Cursor and intents
// are committed together, so no change is acted on twice and none is passed
// over, wherever the process dies. A rebuild of the state moves this cursor not
// at all: what a replay finds to differ is a change with cause replay, which
// sets nothing off.
//
// A hand-off needs somebody to call: an anonymous lead is not handed over, but
// once it is known who it is, which is a change of its own. What nobody did (a
// publication, a merge) hands nobody over whose hand-off is still open. To notify
// is to tell a destination of the entry, and no more: nobody has to take it.
type actor struct {
	s     *Server
	cards map[string]*scorecard.Card    // :: tenant and name@version → what it asks for; nil = nothing
	prior map[tracker.TenantID]actPlace // where the cursors are
}

// actPlace is how far a tenant's changes were looked at. Of those behind kept no card
// asks for anything, whenever they are looked at: that need not be written down.
type actPlace struct{ at, kept uint64 }

// actUnkept is how many of such changes are looked at again after a start, at most.
const actUnkept = 10_000

// The pauses of the loop. Each look that finds changes ends with a synced write
// of meta/, for which the feed waits: under load one look takes many.
const (
	actEvery = 50 * time.Millisecond  // at least from one look to the next
	actRest  = 250 * time.Millisecond // at most between two looks
	actAgain = time.Second            // after one that failed
)

// actBatch is how many changes are acted on in one transaction.
const actBatch = 256

var (
	actKey   = []byte("changes") // a tenant's cursor
	actBegan = []byte("began")   // of the machine: cursors count from here on
)

// beginActing lets the cursors begin at the end of the feeds of a directory that
// an older version wrote: nobody is handed over for what is long past.
func beginActing(meta *storage.Table, tenants []*tracker.Tenant, last func(tracker.TenantID) (uint64, error)) error {
	began := false
	err := meta.View(func(tx *storage.Tx) error {
		b, err := tx.Get(storage.Tenant{}, storage.SpaceAct, actBegan)
		began = b != nil
		return err
	})
	if err != nil || began {
		return err
	}
	return meta.Update(func(tx *storage.Tx) error {
		for _, t := range tenants {
			seq, err := last(t.ID)
			if err == nil {
				err = setCursor(tx, t.ID, seq)
			}
			if err != nil {
				return err
			}
		}
		return tx.Set(storage.Tenant{}, storage.SpaceAct, actBegan, []byte{1})
	})
}

func setCursor(tx *storage.Tx, t tracker.TenantID, seq uint64) error {
	return tx.Set(t, storage.SpaceAct, actKey, binary.BigEndian.AppendUint64(nil, seq))
}

func cursorOf(tx *storage.Tx, t tracker.TenantID) (seq uint64, err error) {
	b, err := tx.Get(t, storage.SpaceAct, actKey)
	if len(b) == 8 {
		seq = binary.BigEndian.Uint64(b)
	}
	return seq, err
}

// act runs the loop until ctx ends.
func (s *Server) act(ctx context.Context) {
	if _, err := s.folder.wait(ctx); err != nil {
		return // Run says so
	}
	a := &actor{s: s, cards: map[string]*scorecard.Card{}, prior: map[tracker.TenantID]actPlace{}}
	for ctx.Err() == nil {
		begun, bell := time.Now(), s.folder.state().ring()
		pause := actRest
		more, err := a.turn(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("act on what changed", "err", err)
			pause, bell = actAgain, nil
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-bell:
		case <-time.After(pause):
		}
		select {
		case <-ctx.Done():
		case <-time.After(actEvery - time.Since(begun)):
		}
	}
}

// turn acts on some changes of every tenant; more says that there are others.
func (a *actor) turn(ctx context.Context) (more bool, err error) {
	for _, t := range a.s.registry.Tenants() {
		done, err := a.tenant(ctx, t)
		if err != nil {
			return false, fmt.Errorf("tenant %s: %w", t.ID, err)
		}
		more = more || !done
	}
	return more, nil
}

// tenant acts on the tenant's next changes; done says that there were no more.
func (a *actor) tenant(ctx context.Context, t *tracker.Tenant) (done bool, err error) {
	place, known := a.prior[t.ID]
	if !known {
		err := a.s.db.Meta().View(func(tx *storage.Tx) (err error) { place.kept, err = cursorOf(tx, t.ID); return err })
		if err != nil {
			return false, err
		}
		place.at = place.kept
	}
	st := a.s.folder.state()
	opened := st.opened.Load()
	if !st.steady(ctx, actAgain) {
		return true, nil // a replay, a start: another look will find it done
	}
	admin := tracker.Caller{Role: tracker.AdminRole, Key: "act"}
	now, cancel := context.WithCancel(ctx)
	cancel() // take what there is, wait for nothing
	list, err := st.Changes(now, admin, t.ID, place.at, actBatch)
	if err != nil || len(list) == 0 && place.at == place.kept {
		return true, err
	}
	var out []handover
	write := len(list) == 0 // a moment of rest: nobody waits for this write
	for i := range list {
		card, band, err := a.asks(t, &list[i])
		if err != nil {
			return false, err
		}
		if band == nil {
			continue
		}
		write = true // what comes of it hangs on how the lead stands now
		hs, err := a.handovers(st, t, &list[i], card, band)
		if err != nil {
			return false, err
		}
		out = append(out, hs...)
	}
	if st != a.s.folder.state() || opened != st.opened.Load() {
		return false, nil // a replay began meanwhile: what it hid may be a lead
	}
	if n := len(list); n > 0 {
		place.at = list[n-1].Seq
	}
	if write || place.at-place.kept > actUnkept {
		if err := a.commit(t.ID, place.kept, place.at, out); err != nil {
			delete(a.prior, t.ID) // it may have been kept: read where the cursor is
			return false, err
		}
		place.kept = place.at
	}
	a.prior[t.ID] = place
	return len(list) < actBatch, nil
}

// handover is what one entry of a band sets off.
type handover struct {
	handoff tracker.Handoff // without an ID: somebody is notified, there is none
	intent  outbox.Intent
}

// commit makes intents and hand-offs durable, with the cursor behind them.
func (a *actor) commit(t tracker.TenantID, from, to uint64, list []handover) error {
	return a.s.outbox.Update(func(tx *storage.Tx) error {
		at, err := cursorOf(tx, t)
		if err != nil {
			return err
		}
		if at != from {
			return fmt.Errorf("the act cursor is at %d, not at %d", at, from)
		}
		for i := range list {
			if h := &list[i].handoff; h.ID != "" {
				if err := a.s.handoffs.Add(tx, t, h); err != nil {
					return err
				}
			}
			if _, err := a.s.outbox.Enqueue(tx, &list[i].intent); err != nil {
				return err
			}
		}
		return setCursor(tx, t, to)
	})
}

// entered says that a change is somebody's entry into a band, which a card may
// have something to say to.
func entered(c *tracker.Change) bool {
	return c.NewBand != "" && c.NewBand != c.OldBand && c.Cause != causeReplay
}

// leaves says that an action is an intent of this loop: journeys have a loop of their
// own, and an audience nobody yet.
func leaves(x scorecard.Action) bool { return x.Do == doHandoff || x.Do == doNotify }

const doHandoff, doNotify = "handoff", "notify"

// asks returns the band of a card whose intents a change may set off; nil if it
// sets nothing off, now or ever.
func (a *actor) asks(t *tracker.Tenant, c *tracker.Change) (*scorecard.Card, *scorecard.Band, error) {
	if !entered(c) || c.Lead.Kind == tracker.VisitorIdentity {
		return nil, nil, nil
	}
	card, err := a.card(t.ID, c.Card)
	if card == nil || err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(card.Bands, func(b scorecard.Band) bool { return b.Name == c.NewBand })
	if i < 0 || !slices.ContainsFunc(card.Bands[i].Actions, leaves) {
		return nil, nil, nil
	}
	return card, &card.Bands[i], nil
}

// handovers returns what a change sets off.
func (a *actor) handovers(st *State, t *tracker.Tenant, c *tracker.Change, card *scorecard.Card, band *scorecard.Band) (out []handover, err error) {
	admin := tracker.Caller{Role: tracker.AdminRole, Key: "act"}
	l, err := st.Lead(admin, t.ID, c.Lead.String())
	if errors.Is(err, errNoLead) {
		return nil, nil // erased since
	}
	if err != nil {
		return nil, err
	}
	subjects, err := st.Subjects(admin, t.ID, c.Lead.String())
	if err != nil || len(subjects) == 0 {
		if errors.Is(err, errNoLead) {
			err = nil
		}
		return nil, err
	}
	for n := range band.Actions {
		x := &band.Actions[n]
		if !leaves(*x) || !x.Holds(dimsOf(card, l)) {
			continue
		}
		if x.Do == doHandoff {
			again, err := a.isOpen(t.ID, c, l, x.To)
			if err != nil {
				return nil, err
			}
			if again {
				continue
			}
		}
		h, err := a.handover(t, c, l, x, n)
		if err != nil {
			return nil, err
		}
		h.intent.Subject = subjects[0]
		out = append(out, h)
	}
	return out, nil
}

// dimsOf puts a lead's dimensions in the card's order; one that is not known is 0.
func dimsOf(card *scorecard.Card, l *tracker.Lead) []float64 {
	dims := make([]float64, len(card.Dims))
	if sc := l.Scores[card.Name]; sc != nil {
		for i, d := range card.Dims {
			dims[i] = sc.Dims[d.Name]
		}
	}
	return dims
}

// isOpen says that nothing the person did caused the change, and that the person
// is being looked after already, under this id or one that it had.
func (a *actor) isOpen(t tracker.TenantID, c *tracker.Change, l *tracker.Lead, to string) (bool, error) {
	if c.Cause != causePublish && c.Cause != causeMerge && c.OldScore >= 0 {
		return false, nil
	}
	var id string
	err := a.s.db.Meta().View(func(tx *storage.Tx) (err error) {
		id, err = a.s.handoffs.Open(tx, t, append([]tracker.LeadID{c.Lead, l.ID}, l.Superseded...), to)
		return err
	})
	return id != "", err
}

// card returns the version that a change names, nil if it asks for nothing.
func (a *actor) card(t tracker.TenantID, name string) (*scorecard.Card, error) {
	key := t.String() + " " + name
	if card, known := a.cards[key]; known {
		return card, nil
	}
	list, err := a.s.registry.Cards(t)
	if err != nil {
		return nil, err
	}
	if len(a.cards) > 256 {
		clear(a.cards)
	}
	a.cards[key] = nil
	for i := range list {
		for _, v := range list[i].Versions {
			if _, ref := tracker.Ref(v.YAML); ref || fmt.Sprintf("%s@%d", list[i].Name, v.Version) != name {
				continue
			}
			card, err := scorecard.Parse(list[i].Name, v.YAML)
			if err != nil { // it is in force, so it was read before
				return nil, fmt.Errorf("card %s: %w", name, err)
			}
			if slices.ContainsFunc(card.Bands, func(b scorecard.Band) bool { return len(b.Actions) > 0 }) {
				a.cards[key] = card
			}
		}
	}
	return a.cards[key], nil
}

// handover makes the hand-off of a lead, if it is one, and the intent that tells of
// it, under one name: whose, who, by which rule, because of what.
func (a *actor) handover(t *tracker.Tenant, c *tracker.Change, l *tracker.Lead, x *scorecard.Action, n int) (h handover, err error) {
	cause := fmt.Sprintf("%s %d", c.Cause, c.Event)
	if c.Event == 0 {
		cause = fmt.Sprintf("%s at %d", c.Cause, c.Time)
	}
	id := outbox.NewID(t.ID, c.Lead, fmt.Sprintf("%s/%s/%d", c.Card, c.NewBand, n), cause)
	h.handoff = tracker.Handoff{
		ID: id.String(), At: a.s.db.Now(), Lead: l.ID, Card: c.Card, Band: c.NewBand, Grade: c.NewGrade, Score: c.NewScore,
		Cause: c.Cause, To: x.To, Queue: x.Queue, State: tracker.HandoffPending,
	}
	if x.SLA > 0 {
		h.handoff.Due = h.handoff.At + x.SLA
	}
	h.intent = outbox.Intent{Tenant: t.ID, ID: id, Kind: x.Do, To: x.To, Lead: l.ID, Noted: true}
	if x.Do == doNotify {
		h.handoff.ID = ""
	}
	h.intent.Body, err = a.tell(t, c, l, &h.handoff)
	return h, err
}

// handoffBody is what a destination is told.
type handoffBody struct {
	Type      string `json:"type"` // handoff.created; band.entered if somebody is notified
	Timestamp string `json:"timestamp"`
	Data      struct {
		Handoff string            `json:"handoff,omitempty"`
		To      string            `json:"to"`
		Queue   string            `json:"queue,omitempty"`
		Due     string            `json:"due,omitempty"` // until when somebody must have taken it
		Owner   string            `json:"owner,omitempty"`
		Entered enteredBody       `json:"entered"`
		Lead    any               `json:"lead"` // as the API shows it, now
		Links   map[string]string `json:"links"`
	} `json:"data"`
}

// enteredBody is the change that hands the lead over.
type enteredBody struct {
	Scorecard string `json:"scorecard"`
	Band      string `json:"band"`
	From      string `json:"from,omitempty"`
	Score     int    `json:"score"`
	Grade     string `json:"grade,omitempty"`
	Time      string `json:"time"`
	Cause     string `json:"cause"`
}

func (a *actor) tell(t *tracker.Tenant, c *tracker.Change, l *tracker.Lead, h *tracker.Handoff) ([]byte, error) {
	var b handoffBody
	b.Type, b.Timestamp = "handoff.created", export.Time(h.At)
	d := &b.Data
	d.Handoff, d.To, d.Queue = h.ID, h.To, h.Queue
	if h.Due != 0 {
		d.Due = export.Time(h.Due)
	}
	d.Owner, _ = l.Attributes["owner"].(string)
	d.Entered = enteredBody{Scorecard: c.Card, Band: c.NewBand, From: c.OldBand, Score: c.NewScore, Grade: c.NewGrade, Time: export.Time(c.Time), Cause: c.Cause}
	d.Lead = export.Lead(l, cardName(c.Card))
	base := a.s.publicURL()
	d.Links = map[string]string{
		"timeline": base + "/v1/leads/" + l.ID.String() + "/timeline",
		"page":     base + "/?tenant=" + t.ID.String() + "#" + l.ID.String(),
	}
	if h.ID != "" {
		d.Links["handoff"] = base + "/v1/handoffs/" + h.ID
	} else {
		b.Type = "band.entered"
	}
	out, err := json.Marshal(&b)
	if err == nil && len(out) > outbox.MaxBody { // somebody has very long attributes
		short := *l
		short.Attributes = map[string]any{}
		d.Lead = export.Lead(&short, cardName(c.Card))
		out, err = json.Marshal(&b)
	}
	return out, err
}

// publicURL is the origin under which the world reaches this server, as far as
// it knows.
func (s *Server) publicURL() string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	return s.URL()
}
