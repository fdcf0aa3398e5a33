package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/fold"
	"ripen/tracker/score"
)

// simulation walks leads through a version of a card that is not in force. Both
// versions have guests of its own: the loop's are not asked, and a publication
// meanwhile takes nothing away.
type simulation struct {
	s      *State
	tenant tracker.TenantID
	name   string // of the card, without version
	at     int64
	old    *cardState // nil = no version is in force
	draft  *cardState
	named  []*cardState // the modules in force that either of them names
	deck   score.Deck   // named, draft
	former score.Deck   // named, old
	walker score.Walker
	stored fold.Stored
	walk   score.Walk
	event  tracker.Event
	entry  *fold.Entry // being walked
	plain  []byte      // its personal part, opened
	tally  tally
}

// simulated is a lead to walk, taken while the loop holds still.
type simulated struct {
	id      tracker.LeadID
	at      int64         // the simulation's moment, or the lead's last step if that is later
	before  score.State   // a copy; Null without a version in force
	named   []score.State // copies, of the modules in force
	history *fold.History
}

// Simulate walks all leads of a tenant through a version of a card, or with
// sample > 0 that many, the same ones each time, and says what would change if
// it were put in force now. progress is called now and then; its error ends it,
// as ctx does. Nothing changes.
func (s *State) Simulate(ctx context.Context, c tracker.Caller, tenant tracker.TenantID, a tracker.Activation, sample int, progress func(done, total int) error) (*export.Simulation, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return nil, err
	}
	if err := s.alone("another card is being simulated"); err != nil {
		return nil, err
	}
	defer s.simulating.Unlock()
	m, err := s.newSimulation(ctx, tenant, a)
	if err != nil {
		return nil, err
	}
	var out *export.Simulation
	if m.draft.card.Card.OfAccounts() {
		out, err = m.accounts(ctx)
	} else {
		out, err = m.run(ctx, sample, progress)
	}
	return out, errors.Join(err, m.close())
}

func (s *State) newSimulation(ctx context.Context, tenant tracker.TenantID, a tracker.Activation) (*simulation, error) {
	m := &simulation{s: s, tenant: tenant, name: a.Card, at: s.clock()}
	m.walker.Open = func(e *tracker.Event) (err error) {
		if m.entry == nil || len(m.entry.Sealed) == 0 {
			e.Personal, err = s.personal(e.Seq)
			return err
		}
		if m.plain, err = s.openCopy(m.plain[:0], m.tenant, m.entry); err == nil {
			e.Personal, err = tracker.DecodeFields(e.Personal[:0], m.plain)
		}
		return err
	}
	serving, inForce := s.serving(tenant, a.Card)
	var err error
	if m.draft, err = s.load(ctx, a); err != nil {
		return nil, fmt.Errorf("load %s: %w", a.Name(), err)
	}
	if serving != nil {
		if m.old, err = s.load(ctx, *serving); err != nil {
			return nil, errors.Join(fmt.Errorf("load %s: %w", serving.Name(), err), m.close())
		}
	}
	if err := m.loadNamed(ctx, inForce); err != nil {
		return nil, errors.Join(err, m.close())
	}
	m.tally.begin(m)
	return m, nil
}

// serving returns the version of a card that is in force, nil if there is none,
// and all that are.
func (s *State) serving(tenant tracker.TenantID, card string) (own *tracker.Activation, all []tracker.Activation) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tenants[tenant]; t != nil {
		for _, c := range t.cards {
			all = append(all, c.activation)
			if c.activation.Card == card {
				own = &all[len(all)-1]
			}
		}
	}
	return own, all
}

// loadNamed loads the modules in force that the card's versions name and makes the
// decks.
func (m *simulation) loadNamed(ctx context.Context, inForce []tracker.Activation) error {
	names := m.draft.card.Names()
	if m.old != nil {
		names = append(names, m.old.card.Names()...)
	}
	var cards []*score.Card
	for _, a := range inForce {
		if a.Card == m.name || !slices.Contains(names, a.Card) {
			continue
		}
		c, err := m.s.load(ctx, a)
		if err != nil {
			return fmt.Errorf("load %s: %w", a.Name(), err)
		}
		m.named, cards = append(m.named, c), append(cards, c.card)
	}
	m.deck = score.NewDeck(1, append(slices.Clip(cards), m.draft.card)...)
	m.deck.Topics = m.s.topicsOf(m.tenant)
	if m.old != nil {
		m.former = score.NewDeck(1, append(slices.Clip(cards), m.old.card)...)
		m.former.Topics = m.deck.Topics
	}
	return nil
}

func (m *simulation) close() error {
	err := m.draft.close()
	for _, c := range m.named {
		err = errors.Join(err, c.close())
	}
	if m.old != nil {
		err = errors.Join(err, m.old.close())
	}
	return err
}

// simulateMost is how many leads are held at a time between two reads.
const simulateMost = 64

// progressEvery is how often who asked hears how far it is.
const progressEvery = 100 * time.Millisecond

func (m *simulation) run(ctx context.Context, sample int, progress func(done, total int) error) (*export.Simulation, error) {
	defer m.stored.Close()
	ids, err := m.s.leadIDs(ctx, m.tenant)
	if err != nil {
		return nil, err
	}
	total := len(ids)
	if sample > 0 && sample < total {
		slices.SortFunc(ids, bySample)
		ids = ids[:sample]
	}
	err = eachSome(ctx, ids, progress, func(ids []tracker.LeadID) (int, error) {
		some, n, err := m.take(ids)
		if err == nil {
			err = m.score(some, m.tally.add)
		}
		return n, err
	})
	if err != nil {
		return nil, err
	}
	return m.tally.result(total), nil
}

// eachSome goes through leads beside the loop, simulateMost of them at most at a
// time, and tells how far it is. take says how many it took, at least one.
func eachSome(ctx context.Context, ids []tracker.LeadID, progress func(done, total int) error, take func(ids []tracker.LeadID) (n int, err error)) error {
	var said time.Time
	for done := 0; done < len(ids); {
		if err := ctx.Err(); err != nil {
			return stopping(err)
		}
		n, err := take(ids[done:min(len(ids), done+simulateMost)])
		if errors.Is(err, storage.ErrClosed) {
			err = &tracker.Error{Kind: tracker.KindBusy, Code: "replaying", Detail: "a replay has begun: ask again when it is done", Err: err}
		}
		if err != nil {
			return err
		}
		if done += n; time.Since(said) > progressEvery {
			said = time.Now()
			if err := progress(done, len(ids)); err != nil {
				return err
			}
		}
	}
	return nil
}

func stopping(err error) error {
	return &tracker.Error{Kind: tracker.KindBusy, Code: "stopped", Detail: "the server is stopping: ask again in a moment", Err: err}
}

// bySample orders leads by what their ids hash to, which is not how they came.
func bySample(a, b tracker.LeadID) int {
	mix := func(id tracker.LeadID) uint64 {
		x := binary.LittleEndian.Uint64(id.Hash[:]) * 0x9e3779b97f4a7c15
		return x ^ x>>32
	}
	if x, y := mix(a), mix(b); x != y {
		if x < y {
			return -1
		}
		return 1
	}
	return a.Compare(b)
}

// leadIDs returns the ids of all leads of a tenant, each once: those in memory first, so that
// a checkpoint in between hides none.
func (s *State) leadIDs(ctx context.Context, tenant tracker.TenantID) ([]tracker.LeadID, error) {
	s.mu.RLock()
	ids, gone := s.fold.Reader().Unsaved(tenant)
	s.mu.RUnlock()
	err := fold.Bodies(s.cfg.leads, tenant, tracker.LeadID{}, func(id tracker.LeadID, _ []byte) error {
		ids = append(ids, id)
		return ctx.Err()
	})
	slices.SortFunc(ids, tracker.LeadID.Compare)
	slices.SortFunc(gone, tracker.LeadID.Compare)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id tracker.LeadID) bool {
		_, is := slices.BinarySearchFunc(gone, id, tracker.LeadID.Compare)
		return is
	})
	return ids, err
}

// take takes the first leads as they stand, as many as holdTime allows and at
// least one; done counts those that are gone, too.
func (m *simulation) take(ids []tracker.LeadID) (some []simulated, done int, err error) {
	m.s.mu.RLock()
	defer m.s.mu.RUnlock()
	r := m.s.fold.Reader()
	for until := time.Now().Add(holdTime); done < len(ids); {
		l, err := r.Lead(m.tenant, ids[done])
		if err == nil && l != nil {
			b := l.Body.(*body)
			one := simulated{id: ids[done], at: max(m.at, b.walk.Step), before: standing(b, m.name)}
			for _, c := range m.named {
				one.named = append(one.named, standing(b, c.activation.Card))
			}
			one.history, err = r.History(l)
			if err == nil {
				some = append(some, one)
			}
		}
		if err != nil {
			discard(some)
			return nil, done, err
		}
		if done++; time.Now().After(until) {
			break
		}
	}
	return some, done, nil
}

func discard(some []simulated) {
	for i := range some {
		some[i].history.Discard()
	}
}

// standing copies where a lead stands on a card's version in force.
func standing(b *body, card string) score.State {
	for i := range b.walk.States {
		if st := b.walk.States[i]; cardName(st.Card) == card {
			st.Guest = slices.Clone(st.Guest)
			return st
		}
	}
	return score.State{Null: true}
}

// score walks what was taken and hands each lead to visit, with where it stands
// on the draft.
func (m *simulation) score(some []simulated, visit func(one *simulated, after *score.State)) error {
	for i := range some {
		es, err := some[i].history.Walked(&m.stored)
		if err == nil {
			err = m.through(es, some[i].at)
		}
		if err != nil {
			discard(some[i+1:])
			return fmt.Errorf("lead %s: %w", some[i].id, err)
		}
		m.toNow(&some[i])
		some[i].named = m.walk.States[:len(m.named)] // the same modules at the same moment
		visit(&some[i], m.outcome())
	}
	return nil
}

// outcome is where the last lead that was walked stands on the draft.
func (m *simulation) outcome() *score.State { return &m.walk.States[len(m.named)] }

// through leads a walk through the draft, as publishing it will.
func (m *simulation) through(es []fold.Entry, at int64) error {
	m.deck.Begin(&m.walk)
	e := &m.event
	for i := range es {
		n := &es[i]
		if err := n.Decode(e); err != nil {
			return err
		}
		m.entry = n
		if err := m.walker.Event(&m.deck, &m.walk, e, n.Subject, n.Personal); err != nil {
			return err
		}
	}
	return m.walker.Advance(&m.deck, &m.walk, at)
}

// toNow steps a standing through what time has changed since it was last
// scored; it may wait for the end of the log.
func (m *simulation) toNow(one *simulated) {
	k := score.Walk{States: append(one.named, one.before)}
	for i, c := range m.former.Cards {
		if k.States[i].Card != c.Name {
			return // of a version before the one in force
		}
	}
	m.former.Advance(&k, one.at)
	one.before = k.States[len(m.named)]
}
