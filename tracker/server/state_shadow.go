package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/rank"
)

// shadows are the versions of cards that run beside those in force, one of a
// tenant at most. One goroutine, followShadows, walks for all of them.
type shadows struct {
	mu    sync.Mutex // guards what follows; taken under State.mu
	of    map[tracker.TenantID]*shadow
	asked map[tracker.TenantID]struct{} // whose shadow somebody has asked about

	bell chan struct{} // holds one ring: look at once
}

func (q *shadows) begin() {
	q.of, q.asked, q.bell = map[tracker.TenantID]*shadow{}, map[tracker.TenantID]struct{}{}, make(chan struct{}, 1)
}

func (q *shadows) get(id tracker.TenantID) *shadow {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.of[id]
}

func (q *shadows) ring() {
	select {
	case q.bell <- struct{}{}:
	default: // it rings already
	}
}

// shadow is a version of a card that scores live events beside the one in force.
// It walks all leads once, and again those that the loop has touched and those
// whose score on it time moves. Of each it keeps what is counted.
type shadow struct {
	s      *State
	of     tracker.Shadow
	tenant tracker.TenantID
	events atomic.Uint64 // that came since it began

	noted   sync.Mutex // guards what follows; taken under State.mu
	touched map[tracker.LeadID]struct{}
	lost    bool // more were touched than it holds

	mu     sync.Mutex  // guards what follows; held while a few leads are walked
	m      *simulation // nil = to be loaded
	gen    uint64      // of the tenant's cards when it was
	spare  map[tracker.LeadID]struct{}
	queue  []tracker.LeadID // to be walked
	leads  map[tracker.LeadID]shadowed
	beyond int // leads that are not followed
	timers *rank.Timers
	bands  rank.Names
	whys   []string
	ready  bool // every lead was walked
	walks  uint64
	busy   time.Duration
	failed error // why it could not be loaded
	ended  bool
}

// shadowed is what is kept of a lead: 16 bytes; measured in a table of 800,000
// and of 2^20 leads 62 and 96 of them, and 48 more while it waits for a moment.
type shadowed struct {
	next          int64 // its score on the shadow may change by itself then; 0 = never
	actions       uint16
	before, after int8  // scores; -1 = none
	from, to      uint8 // bands, by shadow.bands
	why           uint8 // by shadow.whys, from 1; 0 = nothing went wrong
	unscored      bool
}

const (
	// shadowMost is how many leads of a tenant a shadow follows: at most 150 MB.
	// Of more leads it takes those that simulate takes as a sample.
	shadowMost = 1 << 20
	// touchedMost is how many touched leads wait to be walked again; of more it
	// forgets which, and walks all.
	touchedMost = 1 << 16
)

// note takes note of a lead that the loop has touched. State.mu is held.
func (sh *shadow) note(id tracker.LeadID) {
	sh.noted.Lock()
	defer sh.noted.Unlock()
	if len(sh.touched) < touchedMost {
		sh.touched[id] = struct{}{}
	} else {
		sh.lost = true
	}
}

// shadowTick is how long touched leads gather before they are walked; a lead
// with many events in a row is walked once.
const shadowTick = 100 * time.Millisecond

// shadowIdle is how long it takes to find out that a tenant has a shadow, or has
// none any more, unless it rings.
const shadowIdle = time.Second

// followShadows walks for the shadows, half of the time at most, until ctx ends.
func (s *State) followShadows(ctx context.Context) {
	for ctx.Err() == nil {
		begun := time.Now()
		some, more := s.shadowTurn(ctx)
		pause := shadowIdle
		switch {
		case more:
			pause = time.Since(begun)
		case some:
			pause = shadowTick
		}
		select {
		case <-ctx.Done():
		case <-s.shadows.bell:
		case <-time.After(pause):
		}
	}
}

// shadowTurn walks a few leads of each shadow. some says that there are shadows,
// more that leads are left.
func (s *State) shadowTurn(ctx context.Context) (some, more bool) {
	for _, sh := range s.shadowsNow() {
		left, err := sh.round(ctx)
		expected := errors.Is(err, errNoShadowSource) || errors.Is(err, storage.ErrClosed) // it was published, or a replay has begun
		if err != nil && !expected && ctx.Err() == nil {
			s.cfg.slog().Error("a shadow begins again", "tenant", sh.tenant, "card", sh.of.Name(), "err", err)
		}
		some, more = true, more || left
	}
	return some, more
}

// shadowsNow ends the shadows that are none any more, begins new ones, and
// returns those there are.
func (s *State) shadowsNow() (list []*shadow) {
	if s.cfg.ShadowSource == nil {
		return nil
	}
	want := map[tracker.TenantID]*tracker.Shadow{}
	if s.cfg.Shadowed != nil {
		for _, t := range s.cfg.Shadowed() {
			want[t.ID] = t.Shadow
		}
	}
	s.shadows.mu.Lock()
	for id := range s.shadows.asked {
		if t := s.cfg.Tenant(id); t != nil && t.Shadow != nil {
			want[id] = t.Shadow
		} else {
			delete(s.shadows.asked, id)
		}
	}
	var began, ended []*shadow
	for id, sh := range s.shadows.of {
		if of := want[id]; of == nil || *of != sh.of {
			ended = append(ended, sh)
			delete(s.shadows.of, id)
		}
	}
	for id, of := range want {
		sh := s.shadows.of[id]
		if sh == nil {
			sh = &shadow{s: s, of: *of, tenant: id, touched: map[tracker.LeadID]struct{}{}, spare: map[tracker.LeadID]struct{}{}}
			s.shadows.of[id] = sh
			began = append(began, sh)
		}
		list = append(list, sh)
	}
	s.shadows.mu.Unlock()
	for _, sh := range append(ended, began...) {
		s.tellShadow(sh.tenant)
	}
	for _, sh := range ended {
		if err := sh.end(); err != nil {
			s.cfg.slog().Warn("end a shadow", "tenant", sh.tenant, "card", sh.of.Name(), "err", err)
		}
	}
	return list
}

// tellShadow lets the loop know whom to tell of a tenant's leads.
func (s *State) tellShadow(id tracker.TenantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tenants[id]; t != nil {
		t.shadow = s.shadows.get(id)
	}
}

// endShadows ends all of them; followShadows must have returned.
func (s *State) endShadows() error {
	var errs []error
	for _, sh := range s.shadows.of {
		errs = append(errs, sh.end())
	}
	return errors.Join(errs...)
}

func (sh *shadow) end() error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ended = true
	return sh.unload()
}

// unload ends the guests. What was counted counts no more.
func (sh *shadow) unload() error {
	if sh.m == nil {
		return nil
	}
	err := sh.m.close()
	sh.m, sh.ready = nil, false
	return err
}

// round walks a few leads; more says that some are left. After an error all
// begins again.
func (sh *shadow) round(ctx context.Context) (more bool, err error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	defer func(begun time.Time) { sh.busy += time.Since(begun) }(time.Now())
	if gen := sh.s.generation(sh.tenant); sh.m == nil || gen != sh.gen {
		if sh.failed = sh.load(ctx, gen); sh.failed != nil {
			return false, sh.failed
		}
	}
	if len(sh.queue) == 0 {
		err = sh.fill(ctx)
	}
	if err == nil && len(sh.queue) > 0 {
		err = sh.walk()
	}
	if err != nil {
		return false, errors.Join(err, sh.unload())
	}
	sh.ready = sh.ready || len(sh.queue) == 0
	return len(sh.queue) > 0, nil
}

// generation is that of a tenant's cards in force.
func (s *State) generation(id tracker.TenantID) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tenants[id]; t != nil {
		return t.deck.Gen
	}
	return 0
}

var errNoShadowSource = errors.New("its source is not there: it has just ended")

// load makes guests of the shadow and of the cards in force, and lets all leads
// be walked. Those that are touched from here on are noted already.
func (sh *shadow) load(ctx context.Context, gen uint64) error {
	if err := sh.unload(); err != nil {
		return err
	}
	a, err := sh.s.cfg.ShadowSource(sh.tenant)
	if err == nil && (a.Card != sh.of.Card || a.Version != sh.of.Version) {
		err = errNoShadowSource
	}
	if err != nil {
		return err
	}
	if sh.m, err = sh.s.newSimulation(ctx, sh.tenant, a); err != nil {
		return err
	}
	sh.gen, sh.ready, sh.whys = gen, false, nil
	sh.leads, sh.timers, sh.bands = map[tracker.LeadID]shadowed{}, rank.NewTimers(), rank.Names{}
	return sh.all(ctx)
}
