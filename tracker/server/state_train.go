package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/fold"
	"ripen/tracker/score"
	"ripen/tracker/train"
)

// Train learns a card from the histories of a tenant's leads. One is learned at a
// time, and none while a card is simulated.
func (s *State) Train(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, ask export.Training, progress func(done, total int) error) (*export.Trained, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if err := s.alone("another card is being learned or simulated"); err != nil {
		return nil, err
	}
	defer s.simulating.Unlock()
	table, err := s.snapshots(ctx, tenant, ask, progress)
	if err != nil {
		return nil, err
	}
	o := train.Options{Name: ask.Card, Label: ask.Label.Text, Plan: ask.Plan, Seed: ask.Seed, Model: ask.Model, Language: ask.Language}
	o.Progress = func(done, total int) { _ = progress(done, total) } // who has gone is noticed at the end
	if err := table.Without(ask.Drop); err != nil {
		return nil, refused(err)
	}
	for _, text := range ask.Constrain {
		k, err := train.ParseConstraint(text)
		if err != nil {
			return nil, refused(err)
		}
		o.Constraints = append(o.Constraints, k)
	}
	r, err := train.Run(ctx, table, o)
	if few, ok := errors.AsType[*train.TooFew](err); ok {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "too_few", Detail: few.Error() + ": begin with a card made by hand"}
	}
	if ctx.Err() != nil {
		return nil, stopping(ctx.Err())
	}
	if err != nil {
		return nil, refused(err)
	}
	return &export.Trained{YAML: string(r.Card), Model: string(r.Model), ModelName: r.ModelName, Report: r.Report, Better: r.Report.Champion != nil && r.Report.Champion.Better}, nil
}

// alone takes the one place of long work on all leads; who gets it unlocks
// simulating. busy says who else has it.
func (s *State) alone(busy string) error {
	if !s.simulating.TryLock() {
		return &tracker.Error{Kind: tracker.KindBusy, Code: "overload", Detail: busy + ": ask again in a moment"}
	}
	return nil
}

func refused(err error) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "cannot_learn", Detail: err.Error()}
}

// snapshots looks at all leads of a tenant, each as of a moment of its own.
func (s *State) snapshots(ctx context.Context, tenant tracker.TenantID, ask export.Training, progress func(done, total int) error) (*train.Table, error) {
	until := s.clock()
	if err := s.seeAll(ctx); err != nil {
		return nil, err
	}
	ids, err := s.leadIDs(ctx, tenant)
	if err != nil {
		return nil, err
	}
	all := len(ids)
	ids = learnable(ids)
	q := &reading{s: s, tenant: tenant, byTime: ask.ByTime, until: until}
	defer q.stored.Close()
	if q.champion, err = s.champion(ctx, tenant, ask.Card); err != nil {
		return nil, err
	}
	into := train.NewSnapshots(train.SnapshotOptions{
		Label: ask.Label, Until: until, ByTime: ask.ByTime, Seed: ask.Seed, Language: ask.Language, Beyond: all - len(ids), Topics: q.about(),
	})
	if m := q.champion; m != nil {
		defer m.close() // of guests that are not asked again
		into.Against(m.draft.activation.Name(), m.draft.card.Card)
	}
	err = eachSome(ctx, ids, progress, func(ids []tracker.LeadID) (int, error) { return q.some(ids, into) })
	if err != nil {
		return nil, err
	}
	return into.Table()
}

// learnMost is how many leads are learned from; of more those that a simulation takes
// as a sample. A row takes about a kilobyte.
const learnMost = 200_000

// learnable are the leads that are learned from, in the order of their ids.
func learnable(ids []tracker.LeadID) []tracker.LeadID {
	if len(ids) > learnMost {
		slices.SortFunc(ids, bySample)
		ids = ids[:learnMost]
		slices.SortFunc(ids, tracker.LeadID.Compare)
	}
	return ids
}

// seeAll waits until the log's events up to now are seen. A state of the past is led to
// its moment before it answers.
func (s *State) seeAll(ctx context.Context) error {
	if s.cfg.until != 0 {
		return nil
	}
	last, err := s.log.Last(ctx, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	if err := s.WaitSeen(ctx, last); err != nil {
		return &tracker.Error{Kind: tracker.KindBusy, Code: "behind", Detail: "the leads are behind the log: ask again in a moment", Err: err}
	}
	return nil
}

// champion is the card in force under a name, then if the state is of the past, to be
// walked to any moment; nil if there is none.
func (s *State) champion(ctx context.Context, tenant tracker.TenantID, name string) (*simulation, error) {
	serving, _ := s.serving(tenant, name)
	if serving != nil && s.cfg.until != 0 { // a past state scores by the cards of today
		then, ok := s.tenants[tenant].then[name]
		if serving = &then; !ok {
			serving = nil
		}
	}
	if serving == nil {
		return nil, nil
	}
	return s.newSimulation(ctx, tenant, *serving)
}

// reading reads histories beside the loop.
type reading struct {
	s        *State
	tenant   tracker.TenantID
	byTime   bool
	until    int64 // what was received later is not known
	champion *simulation
	stored   fold.Stored
	event    tracker.Event
	entry    *fold.Entry // being read
	plain    []byte      // its personal part, opened
}

// about says what events are about, by the tenant's topic map; nil if it has none.
func (q *reading) about() func(*tracker.Event) ([]string, error) {
	topics := q.s.topicsOf(q.tenant)
	if topics == nil {
		return nil
	}
	return func(e *tracker.Event) ([]string, error) { return score.About(topics, e, q.open) }
}

// some takes the first leads, as many as holdTime allows and at least one; n counts
// those that are gone, too.
func (q *reading) some(ids []tracker.LeadID, into *train.Snapshots) (n int, err error) {
	var histories []*fold.History
	n, err = q.take(ids, &histories)
	for i, h := range histories {
		if h == nil {
			continue
		}
		if err != nil {
			h.Discard()
			continue
		}
		var es []fold.Entry
		if es, err = h.Walked(&q.stored); err == nil {
			err = q.lead(ids[i], es, into)
		}
	}
	return n, err
}

func (q *reading) take(ids []tracker.LeadID, into *[]*fold.History) (n int, err error) {
	q.s.mu.RLock()
	defer q.s.mu.RUnlock()
	r := q.s.fold.Reader()
	for until := time.Now().Add(holdTime); n < len(ids); {
		l, err := r.Lead(q.tenant, ids[n])
		var h *fold.History
		if err == nil && l != nil {
			h, err = r.History(l)
		}
		if err != nil {
			return n, err
		}
		*into = append(*into, h)
		if n++; time.Now().After(until) {
			break
		}
	}
	return n, nil
}

// lead hands a lead's events over, up to where they can matter.
func (q *reading) lead(id tracker.LeadID, es []fold.Entry, into *train.Snapshots) error {
	es = slices.DeleteFunc(es, func(n fold.Entry) bool { return n.Received > q.until })
	first := int64(math.MaxInt64)
	for i := range es {
		if first = min(first, es[i].Received); q.byTime {
			first = es[0].Time
			break
		}
	}
	if len(es) == 0 || !into.Lead(id, first) {
		return nil
	}
	if m := q.champion; m != nil {
		at := into.Moment()
		known := slices.DeleteFunc(slices.Clone(es), func(n fold.Entry) bool { return n.Time > at || !q.byTime && n.Received > at })
		if err := m.through(known, at); err != nil {
			return fmt.Errorf("lead %s: %w", id, err)
		}
		st := m.outcome()
		into.Stands(st.Exact, !st.Null)
	}
	e := &q.event
	for i := range es {
		q.entry = &es[i]
		err := q.entry.Decode(e)
		if err == nil {
			err = into.Event(e, q.entry.Subject, q.open)
		}
		if err != nil {
			return fmt.Errorf("lead %s: record %d: %w", id, es[i].Seq, err)
		}
	}
	return nil
}

// open reads the sealed part of the event under way.
func (q *reading) open(e *tracker.Event) (err error) {
	if !q.entry.Personal {
		return nil
	}
	if len(q.entry.Sealed) == 0 {
		e.Personal, err = q.s.personal(e.Seq)
		return err
	}
	if q.plain, err = q.s.openCopy(q.plain[:0], q.tenant, q.entry); err == nil && len(q.plain) > 0 {
		e.Personal, err = tracker.DecodeFields(e.Personal[:0], q.plain)
	}
	return err
}
