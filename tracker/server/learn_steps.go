package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/train"
	"ripen/wasm/scorecard"
)

// triesMost is how often a training is begun that never came to its end: the process
// was killed meanwhile, or something failed.
const triesMost = 3

// train learns the card and judges it.
func (l *learner) train(ctx context.Context, st *State, p *planned, r *tracker.Training) error {
	if r.Tries >= triesMost {
		return l.end(p, r, tracker.TrainingStopped, tracker.GuardBroken, fmt.Sprintf("it was begun %d times", r.Tries))
	}
	r.Tries++
	if err := l.rows.save(p.tenant, r, nil, p.row); err != nil {
		return err
	}
	out, err := st.Train(ctx, learnCaller, p.tenant, p.training(), paced())
	switch e, known := errors.AsType[*tracker.Error](err); {
	case err == nil:
	case ctx.Err() != nil || known && e.Kind == tracker.KindBusy: // again in a moment
		r.Tries--
		return l.rows.save(p.tenant, r, nil, p.row)
	case known:
		return l.end(p, r, tracker.TrainingStopped, guardOf(e.Code), e.Detail)
	default:
		return err
	}
	made, err := fillTraining(r, out)
	if err != nil {
		return err
	}
	if state, guard, why := judged(out.Report.(*train.Report)); state != "" {
		if err := l.rows.save(p.tenant, r, made, nil); err != nil {
			return err
		}
		return l.end(p, r, state, guard, why)
	}
	r.State = tracker.TrainingWaits
	return l.rows.save(p.tenant, r, made, p.row)
}

// guardOf is the guard that a refusal to learn stands for.
func guardOf(code string) string {
	if code == "too_few" || code == "nothing_to_learn" {
		return tracker.GuardTooFew
	}
	return tracker.GuardInvalid
}

// paced rests as long as it works, half of the time.
func paced() func(done, total int) error {
	last := time.Now()
	return func(int, int) error {
		time.Sleep(min(time.Since(last), progressEvery))
		last = time.Now()
		return nil
	}
}

// fillTraining notes the figures of what was learned.
func fillTraining(r *tracker.Training, out *export.Trained) (*tracker.TrainedCard, error) {
	report := out.Report.(*train.Report)
	r.Sum, r.Rows, r.Conversions = sumOf([]byte(out.YAML)), report.Rows, report.Conversions
	if report.Log == nil || len(report.Models) == 0 {
		return nil, errors.New("BUG: what was learned from the log does not say so")
	}
	r.Moment = report.Log.Until
	m := report.Written()
	r.AUC = m.Random.AUC
	if m.Time != nil {
		r.AUCTime, r.Lift, r.Brier = m.Time.AUC, m.Time.Lift, m.Time.Brier
	}
	if m.Within != nil {
		r.AUCWithin = *m.Within
	}
	if c := report.Champion; c != nil {
		r.Champion, r.OldLift, r.OldBrier = c.Name, c.Champion.Lift, c.Champion.Brier
		r.Lift, r.Brier, r.Blind = c.Challenger.Lift, c.Challenger.Brier, c.Blind
	}
	r.Leaks, r.Drifted = nil, nil
	for _, k := range report.Leaks {
		r.Leaks = append(r.Leaks, k.Name)
	}
	r.Drift, r.Drifted, _ = report.Drifted()
	b, err := json.Marshal(report)
	return &tracker.TrainedCard{YAML: []byte(out.YAML), Report: b}, err
}

// judged says what ends a training that was learned; no state = it is to go on.
func judged(report *train.Report) (state, guard, why string) {
	switch most, _, alarms := report.Drifted(); {
	case len(report.Leaks) > 0:
		return tracker.TrainingStopped, tracker.GuardLeakage, report.Leaks[0].Name + ": " + report.Leaks[0].Why
	case alarms:
		return tracker.TrainingStopped, tracker.GuardDrift, fmt.Sprintf("stability index %.2f", most)
	case report.Champion == nil || !report.Champion.Better:
		return tracker.TrainingKept, "", ""
	}
	return "", "", ""
}

// beginShadow makes the challenger the draft, lets a simulation say who would move, and
// lets it run as a shadow. It waits while the tenant has a shadow of somebody's.
func (l *learner) beginShadow(ctx context.Context, st *State, p *planned, r *tracker.Training) error {
	if done, err := l.wasPublished(p, r); done || err != nil {
		return err
	}
	t := l.s.registry.Tenant(p.tenant)
	if t.Shadow != nil {
		ours, err := l.isOurs(p, r)
		if err != nil || !ours {
			return err
		}
		return l.shadowed(p, r, t.Shadow)
	}
	made, err := l.rows.made(p.tenant, r.ID)
	if err != nil {
		return err
	}
	if made == nil {
		return l.end(p, r, tracker.TrainingStopped, tracker.GuardBroken, "what it learned is gone")
	}
	free, err := l.isFree(p)
	if err != nil {
		return err
	}
	if !free {
		return l.end(p, r, tracker.TrainingStopped, tracker.GuardDraft, "a draft of "+p.card()+" is in the way")
	}
	if _, err := l.s.registry.Draft(p.tenant, p.card(), made.YAML); err != nil {
		return l.refused(p, r, err)
	}
	a, err := l.s.registry.Candidate(p.tenant, p.card(), 0)
	if err != nil {
		return l.refused(p, r, err)
	}
	r.Version = a.Name()
	sim, err := st.Simulate(ctx, learnCaller, p.tenant, a, 0, paced())
	if ctx.Err() != nil || tracker.KindOf(err) == tracker.KindBusy && err != nil {
		return nil // again in a moment
	}
	if err != nil {
		return err
	}
	if guard, why := movesOf(r, sim); guard != "" {
		return l.end(p, r, tracker.TrainingStopped, guard, why)
	}
	if _, err := (inForce{l.s.registry, l.s}).Shadow(p.tenant, p.card(), 0); err != nil {
		if tracker.KindOf(err) == tracker.KindConflict { // somebody was faster
			return l.rows.save(p.tenant, r, nil, p.row)
		}
		return l.refused(p, r, err)
	}
	return l.shadowed(p, r, l.s.registry.Tenant(p.tenant).Shadow)
}

// shadowed notes until when the challenger runs as a shadow.
func (l *learner) shadowed(p *planned, r *tracker.Training, sh *tracker.Shadow) error {
	if sh == nil {
		return nil // ended this very moment
	}
	r.State, r.Version, r.Shadow, r.Until = tracker.TrainingShadows, sh.Name(), sh.At, sh.At+p.plan.Shadow
	return l.rows.save(p.tenant, r, nil, p.row)
}

// refused ends a training whose card the registry refuses; other errors are the caller's.
func (l *learner) refused(p *planned, r *tracker.Training, err error) error {
	e, known := errors.AsType[*tracker.Error](err)
	if !known || e.Kind == tracker.KindBusy || e.Kind == tracker.KindInternal {
		return err
	}
	return l.end(p, r, tracker.TrainingStopped, tracker.GuardInvalid, e.Detail)
}

// movesOf notes how many leads would change band, and says what of it stops a challenger.
func movesOf(r *tracker.Training, sim *export.Simulation) (guard, why string) {
	r.Moves = float64(sim.Moved) / float64(max(sim.Leads, 1))
	switch {
	case len(sim.Failed) > 0:
		return tracker.GuardFails, fmt.Sprintf("%s (%d leads)", sim.Failed[0].Why, sim.Failed[0].Leads)
	case r.Moves > r.MovesMost:
		return tracker.GuardMoves, fmt.Sprintf("%.1f %% of the leads would change band", 100*r.Moves)
	}
	return "", ""
}

// watch decides when the challenger's time as a shadow is over.
func (l *learner) watch(ctx context.Context, st *State, p *planned, r *tracker.Training) error {
	if done, err := l.wasPublished(p, r); done || err != nil {
		return err
	}
	if sh := l.s.registry.Tenant(p.tenant).Shadow; sh == nil || sh.Card != r.Card || sh.At != r.Shadow {
		return l.end(p, r, tracker.TrainingWithdrawn, "", "its shadow was ended")
	}
	if l.s.db.Now() < r.Until {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	seen, err := st.Shadow(wait, learnCaller, p.tenant)
	if err != nil || !seen.Ready || seen.Waiting > 0 {
		return err // again in a moment
	}
	if guard, why := movesOf(r, &seen.Simulation); guard != "" {
		return errors.Join(l.unshadow(p, r), l.end(p, r, tracker.TrainingStopped, guard, why))
	}
	lacks, err := l.lacks(p, r)
	if err != nil {
		return err
	}
	if !p.plan.Publish || len(lacks) > 0 {
		why := ""
		if len(lacks) > 0 {
			why = fmt.Sprintf("the card in force has %s, what was learned has not: take over what is to stay, then publish", strings.Join(lacks, ", "))
		}
		return errors.Join(l.unshadow(p, r), l.end(p, r, tracker.TrainingAsks, "", why))
	}
	r.State = tracker.TrainingPublishes
	return l.rows.save(p.tenant, r, nil, p.row)
}

// lacks names what the card in force has and the challenger has not.
func (l *learner) lacks(p *planned, r *tracker.Training) ([]string, error) {
	made, err := l.rows.made(p.tenant, r.ID)
	if err != nil {
		return nil, err
	}
	learned := &scorecard.Card{} // what was made may be forgotten
	if made != nil {
		if learned, err = scorecard.Parse(p.card(), made.YAML); err != nil {
			return nil, err
		}
	}
	return lost(p.old, learned), nil
}

// publish puts the challenger in force. Done before, as a crash may leave it, it is
// found done.
func (l *learner) publish(ctx context.Context, _ *State, p *planned, r *tracker.Training) error {
	if done, err := l.wasPublished(p, r); done || err != nil {
		return err
	}
	a, err := l.s.registry.Candidate(p.tenant, p.card(), 0)
	if err == nil && sumOf(a.YAML) != r.Sum {
		return errors.Join(l.unshadow(p, r), l.end(p, r, tracker.TrainingWithdrawn, "", "another draft has taken its place"))
	}
	if err == nil {
		a, err = (inForce{l.s.registry, l.s}).Publish(ctx, p.tenant, p.card(), false)
	}
	if err != nil {
		return l.refused(p, r, err)
	}
	r.Version = a.Name()
	return l.end(p, r, tracker.TrainingPublished, "", "")
}

// wasPublished ends a training whose card is in force: somebody, or this server before a
// crash, has published it.
func (l *learner) wasPublished(p *planned, r *tracker.Training) (bool, error) {
	if sumOf(p.inForce.YAML) != r.Sum {
		row, err := l.cardOf(p)
		if err != nil || row == nil {
			return false, err
		}
		if v := row.Version(row.Current); v == nil || sumOf(v.YAML) != r.Sum {
			return false, nil
		}
		r.Version = (&tracker.Activation{Card: r.Card, Version: row.Current}).Name()
	} else {
		r.Version = p.inForce.Name()
	}
	return true, l.end(p, r, tracker.TrainingPublished, "", "")
}

func (l *learner) cardOf(p *planned) (*tracker.Card, error) {
	all, err := l.s.registry.Cards(p.tenant)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == p.card() {
			return &all[i], nil
		}
	}
	return nil, nil
}

// isFree says that no draft of somebody's is in the way: it is none, a version that was
// published, or what an earlier training left.
func (l *learner) isFree(p *planned) (bool, error) {
	row, err := l.cardOf(p)
	if err != nil || row == nil || row.Draft == nil {
		return err == nil, err
	}
	for i := range row.Versions {
		if bytes.Equal(row.Versions[i].YAML, row.Draft) {
			return true, nil
		}
	}
	list, err := l.rows.list(p.tenant, p.card(), 0, madeKept)
	sum := sumOf(row.Draft)
	for i := range list {
		if list[i].Sum == sum && list[i].Cause != tracker.TrainedByHand {
			return true, nil
		}
	}
	return false, err
}

// isOurs says that the tenant's shadow is the challenger.
func (l *learner) isOurs(p *planned, r *tracker.Training) (bool, error) {
	a, err := l.s.registry.ShadowSource(p.tenant)
	return err == nil && a.Card == r.Card && sumOf(a.YAML) == r.Sum, err
}

// unshadow ends the challenger's shadow; one of somebody else's stays.
func (l *learner) unshadow(p *planned, r *tracker.Training) error {
	sh := l.s.registry.Tenant(p.tenant).Shadow
	if sh == nil || sh.Card != r.Card || sh.At != r.Shadow {
		return nil
	}
	return l.s.registry.Unshadow(p.tenant, r.Card)
}
