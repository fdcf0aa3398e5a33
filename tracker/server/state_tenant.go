package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
	"ripen/tracker/score"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// tenantState is what the state loop keeps of one tenant.
type tenantState struct {
	id      tracker.TenantID
	deck    score.Deck
	cards   []*cardState // those of the deck, in its order, and cards of accounts
	topics  *topicMap    // nil = none
	ranking string       // the card whose order is the default
	timers  *rank.Timers
	orders  map[string]*rank.Order // :: card without version → its leads in order
	bands   rank.Names
	grades  rank.Names

	changes []tracker.Change // not committed yet
	flying  []tracker.Change // being committed
	next    uint64           // sequence of the next change
	shown   map[shownKey]tracker.Change
	// shown are the last changes of leads whose stored form may be older than
	// the feed. Only while recovering.
	told []string // the cards of shown; a lead may be met before its card is

	known   uint64 // last change at the checkpoint that was opened
	sweep   sweep
	swept   tracker.LeadID // how far the sweep came
	changed bool           // the cards, since the last checkpoint

	then   map[string]tracker.Activation // :: card → what was in force at the moment of a past state
	shadow *shadow                       // is told of the leads that the loop has touched; nil = none
}

// sweep is the way of a new card through all leads.
type sweep byte

const (
	noSweep   sweep = iota
	sweepNext       // begins after the next checkpoint: all leads must be in storage
	sweeping
)

// shownKey names a line of what is shown: a lead on a card without version.
type shownKey struct {
	id   tracker.LeadID
	card string
}

// cardState is one card in force.
type cardState struct {
	activation tracker.Activation
	card       *score.Card
	module     *host.Module
	coarse     bool
	told       bool // that its module has failed

	mu     sync.Mutex // guards reader, the guest of queries, and closed
	reader *host.Instance
	closed bool // another version took its place
}

// cardName cuts the version off.
func cardName(s string) string {
	name, _, _ := strings.Cut(s, "@")
	return name
}

// nameOn returns name@version as the lead was walked with it.
func (b *body) nameOn(card string) string {
	for i := range b.walk.States {
		if cardName(b.walk.States[i].Card) == card {
			return b.walk.States[i].Card
		}
	}
	return card
}

// tenant returns what the state keeps of a tenant, new if it is the first time.
// mu is held.
func (s *State) tenant(id tracker.TenantID) (*tenantState, error) {
	if t := s.tenants[id]; t != nil {
		return t, nil
	}
	t := &tenantState{id: id, timers: rank.NewTimers(), orders: make(map[string]*rank.Order), next: 1, shadow: s.shadows.get(id)}
	if s.feed != nil {
		last, err := s.feed.Last(id)
		if err != nil {
			return nil, err
		}
		t.next = last + 1
	}
	s.tenants[id] = t
	return t, nil
}

// meet is tenant for a record of the log. A tenant that the cursor does not
// know may have leads all the same, if its first checkpoint was cut short, and
// changes in the feed.
func (s *State) meet(id tracker.TenantID) (*tenantState, error) {
	if t := s.tenants[id]; t != nil {
		return t, nil
	}
	t, err := s.tenant(id)
	if err != nil {
		return nil, err
	}
	if err := s.loadTenant(t); err != nil {
		return nil, err
	}
	if s.feed == nil || t.next == 1 {
		return t, nil
	}
	return t, s.readShown(t)
}

// met is meet for who does not hold mu.
func (s *State) met(id tracker.TenantID) (*tenantState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meet(id)
}

func (t *tenantState) order(card string) *rank.Order {
	o := t.orders[card]
	if o == nil {
		o = rank.NewOrder(nil)
		t.orders[card] = o
	}
	return o
}

func (t *tenantState) on(card string) *cardState {
	for _, c := range t.cards {
		if c.activation.Card == card {
			return c
		}
	}
	return nil
}

func (t *tenantState) coarse(card string) bool {
	c := t.on(card)
	return c != nil && c.coarse
}

// add numbers a change and queues it for the feed.
func (t *tenantState) add(c tracker.Change) uint64 {
	c.Seq = t.next
	t.next++
	t.changes = append(t.changes, c)
	return c.Seq
}

func (t *tenantState) close() error {
	var errs []error
	for _, c := range t.cards {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

func (c *cardState) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	if in, ok := c.card.Guest.(*host.Instance); ok {
		errs = append(errs, in.Close())
	}
	return errors.Join(append(errs, c.reader.Close(), c.module.Close())...)
}

// control lets a control record take effect.
func (s *State) control(ctx context.Context, rec *storage.Record) error {
	c, err := tracker.DecodeControl(rec.Row)
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.Seq, err)
	}
	t, err := s.met(rec.Tenant)
	switch {
	case err != nil:
		return err
	case c.Link != nil:
		return s.link(rec, c.Link)
	case c.Erased != nil:
		return s.erase(ctx, rec, c.Erased)
	case c.Expiry != nil:
		return s.expire(ctx, rec, c.Expiry)
	case rec.Seq <= t.deck.Gen:
		return nil // it was applied before
	}
	if s.cfg.until != 0 && rec.Received <= s.cfg.until {
		if t.then == nil {
			t.then = map[string]tracker.Activation{}
		}
		t.then[c.Activation.Card] = *c.Activation
	}
	return s.activate(ctx, t, *c.Activation, rec.Seq)
}

// activate puts a card in force from a record of the log on.
func (s *State) activate(ctx context.Context, t *tenantState, a tracker.Activation, seq uint64) error {
	if a.Card == tracker.TopicMap {
		return s.locked(func() error { s.dirtied = true; return s.putTopics(t, a, seq) })
	}
	if a.Card == tracker.OfferTable {
		return nil // no score depends on it: it is asked for where it is wanted
	}
	card, err := s.load(ctx, a)
	if err != nil {
		// The log cannot be changed any more: the tenant keeps what it had.
		s.cfg.slog().Error("a card in the log cannot be put in force", "tenant", t.id, "card", a.Name(), "err", err)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirtied = true
	return t.put(card, seq)
}

// load makes a card of its source: YAML, or a tenant's own module.
func (s *State) load(ctx context.Context, a tracker.Activation) (*cardState, error) {
	m, err := s.loadModule(ctx, a)
	if err != nil {
		return nil, err
	}
	card := m.Card()
	c := &cardState{activation: a, module: m, coarse: card.Score.To[1]-card.Score.To[0] < 99}
	guest, err := m.NewInstance(ctx)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if c.reader, err = m.NewInstance(ctx); err != nil {
		return nil, errors.Join(err, guest.Close(), m.Close())
	}
	c.card = score.NewCard(a.Name(), card, guest)
	return c, nil
}

func (s *State) loadModule(ctx context.Context, a tracker.Activation) (*host.Module, error) {
	if tracker.IsModule(a.YAML) {
		return s.host.LoadUpload(ctx, a.YAML)
	}
	card, err := scorecard.Parse(a.Card, a.YAML)
	if err != nil {
		return nil, err
	}
	code, err := compile.Module(card)
	if err != nil {
		return nil, err
	}
	return s.host.Load(ctx, card, code)
}

// put puts a card in force, in place of its former version. Every walk of the
// tenant becomes one of an older generation.
func (t *tenantState) put(c *cardState, gen uint64) error {
	i := slices.IndexFunc(t.cards, func(o *cardState) bool { return o.activation.Card == c.activation.Card })
	var err error
	if i < 0 {
		t.cards = append(t.cards, c)
	} else {
		err = t.cards[i].close()
		t.cards[i] = c
	}
	if !c.card.Card.OfAccounts() {
		if t.ranking == "" || c.activation.Ranking {
			t.ranking = c.activation.Card
		}
		t.order(c.activation.Card)
	}
	t.deal(gen)
	return err
}

// deal makes the deck of a generation. Every lead is walked again with it. Cards of
// accounts are not in it: no lead is scored by them.
func (t *tenantState) deal(gen uint64) {
	cards := make([]*score.Card, 0, len(t.cards))
	for _, c := range t.cards {
		if !c.card.Card.OfAccounts() {
			cards = append(cards, c.card)
		}
	}
	t.deck = score.NewDeck(gen, cards...)
	t.deck.Topics = t.topics.inForce()
	t.changed, t.sweep = true, sweepNext
}

// loadTenant reads the order and the timers of a tenant from its stored leads.
func (s *State) loadTenant(t *tenantState) error {
	if err := s.fold.Meet(t.id); err != nil {
		return err
	}
	items := make(map[string][]rank.Item) // :: card → its leads
	b := body{tenant: t}
	err := fold.Bodies(s.cfg.leads, t.id, tracker.LeadID{}, func(id tracker.LeadID, stored []byte) error {
		b.id = id
		r := bodyReader{b: stored, texts: s.texts}
		r.head(&b)
		if r.err != nil {
			return fmt.Errorf("lead %s: %w", id, r.err)
		}
		for i := range b.shown {
			if it := b.shown[i].item; !it.ID.IsZero() {
				items[b.shown[i].card] = append(items[b.shown[i].card], it)
			}
		}
		t.timers.Move(id, 0, b.wake)
		if b.waits {
			s.deferred[leadKey{t, id}] = cause{word: causeEvent}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for card, list := range items {
		slices.SortFunc(list, rank.Compare)
		t.orders[card] = rank.NewOrder(list)
	}
	return nil
}
