package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm/scorecard"
)

// learner learns cards anew whose plan asks for it, as `ripen train` by hand does, and
// leads the challenger from the draft by a simulation and a shadow to its publication.
//
// It learns one card at a time, over all tenants, and none while somebody learns or
// simulates; on a thread of low priority, and half of the time at most while it reads
// leads. What it does next is written down before it is done: whatever a crash leaves
// is gone on with, and what was done already is found done.
type learner struct {
	s    *Server
	rows trainings

	// The loop's own.
	plans map[cardKey]*planRow // :: card → how far its plan is; nil = nothing is read yet
	saved time.Time            // the counts of plans
	event tracker.Event
	plain []byte
}

func newLearner(s *Server) *learner {
	return &learner{s: s, rows: trainings{meta: s.db.Meta()}}
}

// read reads what the last process left under way.
func (l *learner) read() error {
	if l.plans != nil {
		return nil
	}
	plans := map[cardKey]*planRow{}
	for _, t := range l.s.registry.Tenants() {
		open, err := l.rows.open(t.ID)
		if err != nil {
			return err
		}
		for card, row := range open {
			plans[cardKey{t.ID, card}] = row
		}
	}
	l.plans = plans
	return nil
}

// planned is a card in force that is to be learned anew.
type planned struct {
	tenant   tracker.TenantID
	inForce  tracker.Activation
	plan     *scorecard.Plan
	label    *scorecard.Label
	language string
	old      *scorecard.Card
	row      *planRow
}

func (p *planned) card() string { return p.inForce.Card }

// planned returns the cards in force that are to be learned anew, in order.
func (s *State) planned() (out []*planned) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tenants {
		for _, c := range t.cards {
			if card := c.card.Card; card.Plan != nil {
				out = append(out, &planned{tenant: t.id, inForce: c.activation, plan: card.Plan, label: card.Label, language: card.Language, old: card})
			}
		}
	}
	slices.SortFunc(out, func(a, b *planned) int {
		return cmp.Or(slices.Compare(a.tenant[:], b.tenant[:]), cmp.Compare(a.card(), b.card()))
	})
	return out
}

// lost names what a card has and the one that was learned has not: it is not to be lost
// unasked.
func lost(old, learned *scorecard.Card) (out []string) {
	has := func(g *scorecard.Gate) bool {
		return slices.ContainsFunc(learned.Gates, func(l *scorecard.Gate) bool { return l.ID == g.ID && l.Text == g.Text && l.Skip == g.Skip })
	}
	for _, g := range old.Gates {
		if !has(g) {
			out = append(out, "gate "+g.ID)
		}
	}
	for i := range old.Bands {
		b := &old.Bands[i]
		at := slices.IndexFunc(learned.Bands, func(l scorecard.Band) bool { return l.Name == b.Name })
		if len(b.Grades) > 0 {
			out = append(out, "band "+b.Name+": require")
		}
		for _, a := range b.Actions {
			if at < 0 || !slices.ContainsFunc(learned.Bands[at].Actions, func(l scorecard.Action) bool { return l.Text == a.Text }) {
				out = append(out, fmt.Sprintf("on_band %s: %s %s", b.Name, a.Do, a.To))
			}
		}
	}
	if old.Rollup != nil {
		out = append(out, "rollup")
	}
	return out
}

// learnEvery is how often plans are looked at.
const learnEvery = 2 * time.Second

// run looks at plans until ctx ends.
func (l *learner) run(ctx context.Context) {
	runtime.LockOSThread() // and never unlocked: the thread ends with its priority
	if err := lowerPriority(); err != nil {
		l.s.log.Warn("learning goes on at the priority of all else", "err", err)
	}
	tick := time.NewTicker(learnEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := l.turn(ctx); err != nil && ctx.Err() == nil {
			l.s.log.Error("learn anew", "err", err)
		}
	}
}

// turn does what is to be done now.
func (l *learner) turn(ctx context.Context) error {
	st := l.s.folder.state()
	if st == nil || !st.steady(ctx, 0) {
		return nil
	}
	if err := l.read(); err != nil {
		return err
	}
	plans := st.planned()
	for _, p := range plans {
		var err error
		if p.row, err = l.planOf(p); err != nil {
			return err
		}
	}
	errs := []error{l.count(ctx, plans), l.orphans(ctx, plans)}
	for _, p := range plans {
		if ctx.Err() != nil {
			break
		}
		if err := l.look(ctx, st, p); err != nil {
			errs = append(errs, fmt.Errorf("tenant %s, card %s: %w", l.s.tenantName(p.tenant), p.card(), err))
			delete(l.plans, cardKey{p.tenant, p.card()}) // what is stored is what counts
		}
	}
	return errors.Join(errs...)
}

// look goes on with the training under way, or begins one that is due.
func (l *learner) look(ctx context.Context, st *State, p *planned) error {
	var open *tracker.Training
	if p.row.Open != 0 {
		var err error
		if open, err = l.rows.get(p.tenant, p.row.Open); err != nil {
			return err
		}
	}
	switch {
	case open == nil:
	case open.IsOpen():
		return l.goOn(ctx, st, p, open)
	case open.State == tracker.TrainingAsks:
		if done, err := l.wasPublished(p, open); done || err != nil {
			return err
		}
	}
	now := l.s.db.Now()
	cause := p.due(now)
	if cause == "" {
		return nil
	}
	if by, err := l.byHand(p); by || err != nil {
		return err
	}
	if open != nil && open.State == tracker.TrainingAsks {
		if err := l.end(p, open, tracker.TrainingSuperseded, "", ""); err != nil {
			return err
		}
	}
	r := &tracker.Training{
		Card: p.card(), Begun: now, Cause: cause, Label: p.label.Text, ByTime: p.plan.ByTime, Seed: p.plan.Seed,
		State: tracker.TrainingRuns, MovesMost: p.plan.Moves,
	}
	if p.plan.New > 0 {
		r.New, r.Of = p.row.Total-p.row.Base, p.row.Base
	}
	p.row.Since, p.row.Base = now, p.row.Total
	if err := l.rows.save(p.tenant, r, nil, p.row); err != nil {
		return err
	}
	l.s.log.Info("a card is learned anew", "tenant", l.s.tenantName(p.tenant), "card", p.inForce.Name(), "training", r.ID, "cause", cause)
	return l.goOn(ctx, st, p, r)
}

// byHand says that somebody has learned the card since the plan's last training: the
// plan counts from then on.
func (l *learner) byHand(p *planned) (bool, error) {
	list, err := l.rows.list(p.tenant, p.card(), 0, 1)
	if err != nil || len(list) == 0 || list[0].Begun <= p.row.Since || list[0].Cause != tracker.TrainedByHand {
		return false, err
	}
	p.row.Since, p.row.Base = list[0].Begun, p.row.Total
	return true, l.rows.savePlan(p.tenant, p.card(), p.row)
}

// goOn leads a training as far as it comes now.
func (l *learner) goOn(ctx context.Context, st *State, p *planned, r *tracker.Training) error {
	for {
		was, step := r.State, l.watch
		switch was {
		case tracker.TrainingRuns:
			step = l.train
		case tracker.TrainingWaits:
			step = l.beginShadow
		case tracker.TrainingPublishes:
			step = l.publish
		}
		if err := step(ctx, st, p, r); err != nil || r.State == was || !r.IsOpen() || ctx.Err() != nil {
			return err
		}
	}
}

// end writes down what became of a training, and tells.
func (l *learner) end(p *planned, r *tracker.Training, state, guard, why string) error {
	r.State, r.Guard, r.Why, r.Ended = state, guard, why, l.s.db.Now()
	p.row.Open = 0
	if state == tracker.TrainingAsks { // its publication is still to be seen
		p.row.Open = r.ID
	}
	if err := l.rows.save(p.tenant, r, nil, p.row); err != nil {
		return err
	}
	l.s.set.GetOrCreateCounter(fmt.Sprintf("ripen_trainings_total{outcome=%q}", state)).Inc()
	l.s.log.Info("a training has ended", "tenant", l.s.tenantName(p.tenant), "card", r.Card, "training", r.ID, "outcome", state, "guard", guard)
	return nil
}

// orphans ends the trainings of cards whose plan is gone.
func (l *learner) orphans(ctx context.Context, plans []*planned) error {
	for key, row := range l.plans {
		if row.Open == 0 || slices.ContainsFunc(plans, func(p *planned) bool { return p.tenant == key.tenant && p.card() == key.card }) {
			continue
		}
		r, err := l.rows.get(key.tenant, row.Open)
		if err != nil {
			return err
		}
		p := &planned{tenant: key.tenant, row: row}
		row.Open = 0
		if r != nil && (r.IsOpen() || r.State == tracker.TrainingAsks) {
			if err := errors.Join(l.unshadow(p, r), l.end(p, r, tracker.TrainingWithdrawn, "", "the card in force has no plan to learn any more")); err != nil {
				return err
			}
		}
		delete(l.plans, key)
	}
	return ctx.Err()
}

// learnCaller asks for the learner.
var learnCaller = tracker.Caller{Role: tracker.AdminRole, Key: "learner"}

// training is what is asked for: what `ripen train --name CARD` asks for by itself.
func (p *planned) training() export.Training {
	return export.Training{
		Card: p.card(), Label: p.label, Plan: p.plan.Text, ByTime: p.plan.ByTime, Seed: p.plan.Seed, Language: p.language,
		Drop: p.plan.Drop, Constrain: p.plan.Constrain,
	}
}

func sumOf(source []byte) string {
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:])
}

// List returns the latest trainings.
func (l *learner) List(t tracker.TenantID, card string, before uint64, limit int) ([]tracker.Training, error) {
	return l.rows.list(t, card, before, limit)
}

// Get returns a training and what it made.
func (l *learner) Get(t tracker.TenantID, id uint64) (*tracker.Training, *tracker.TrainedCard, error) {
	r, err := l.rows.get(t, id)
	if err != nil || r == nil {
		return nil, nil, err
	}
	made, err := l.rows.made(t, id)
	return r, made, err
}

// Note adds what was learned by hand.
func (l *learner) Note(t tracker.TenantID, begun int64, ask export.Training, out *export.Trained) error {
	r := &tracker.Training{
		Card: ask.Card, Begun: begun, Ended: l.s.db.Now(), Cause: tracker.TrainedByHand, Label: ask.Label.Text, ByTime: ask.ByTime, Seed: ask.Seed,
		Version: out.Scorecard, State: tracker.TrainingDrafted,
	}
	if out.Published {
		r.State = tracker.TrainingPublished
	}
	made, err := fillTraining(r, out)
	if err != nil {
		return err
	}
	return l.rows.save(t, r, made, nil)
}
