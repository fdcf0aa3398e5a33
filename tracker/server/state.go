package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
	"ripen/tracker/rank"
	"ripen/tracker/score"
	"ripen/wasm/host"
)

// State is the loop behind the cursor named state: it reads the log, files each
// event in its timeline (fold), walks the leads it touched (score), keeps them
// in order and writes how they moved (rank). All it knows is derived from the
// log and can be rebuilt, except the change feed, which lies in meta/.
//
// One goroutine, Run, changes it; queries read beside it.
type State struct {
	cfg    StateConfig
	db     *storage.DB
	log    storage.Log
	host   *host.Host
	feed   *rank.Feed // nil = what moves is not written (a rebuild as of a moment)
	walker score.Walker
	texts  *score.Texts

	// mu is held for writing while the loop changes what queries read: slices
	// of a batch, the ends of checkpoints. The loop itself reads without it.
	// Queries hold it while they take what they need, never while they score,
	// unseal, or read the timelines in leads/.
	mu      sync.RWMutex
	fold    *fold.Fold
	tenants map[tracker.TenantID]*tenantState
	next    uint64 // sequence of the first record not applied

	// The loop's own.
	batch    []storage.Record // being applied; nil between batches
	cause    string           // of changes being found
	causeSeq uint64           // the record that caused them
	now      int64            // of this turn
	deferred map[leadKey]cause
	late     map[leadKey]struct{} // to be compared with the feed once recovering is over
	found    string               // cause of what is found when recovering is over
	flying   *commit              // to the feed, under way
	mark     uint64               // changes up to this record are in the feed already
	saved    time.Time            // last checkpoint
	stepped  time.Time            // last step of a checkpoint
	news     []fold.News
	entries  []fold.Entry
	event    tracker.Event // one of them
	plain    []byte
	entry    *fold.Entry // being walked or learned from, of the tenant walking; nil = an event of the batch
	walking  tracker.TenantID
	dirtied  bool // something since the last checkpoint began
	stuck    bool // the checkpoint under way waits for room on the disk

	opened  atomic.Uint64 // how often it was opened: leads may be missing behind a further time
	seen    atomic.Uint64 // last record whose effects queries see
	dropped atomic.Uint64 // nothing derived needs the log before it, see drop
	passed  atomic.Uint64 // last record of a drop that was read, whatever came of it
	lagging atomic.Int64  // received time of the oldest record not applied; 0 = none

	traps   atomic.Uint64  // calls of modules that trapped
	telling sync.WaitGroup // of goroutines that tell of a quarantine

	simulating sync.Mutex // held by the one simulation that goes on
	shadows    shadows

	keeping  sync.Mutex // held by a pass of retention, which must not carry what is being erased
	deciding sync.Mutex // guards decided
	decided  int64      // when the last decision about identities was taken, unix ms

	ending chan struct{} // closed by end when the state ends: writes that fail are not tried again
	end    sync.Once

	replays chan replayRequest
	scratch *storage.DB // of a state as of a moment: closed with it
	remove  string      // a directory to remove then

	wake sync.Mutex // guards what follows
	bell chan struct{}
}

// cause is why a lead changed.
type cause struct {
	word string
	seq  uint64
}

type leadKey struct {
	tenant *tenantState
	id     tracker.LeadID
}

// StateConfig says how the state loop works. The zero value of a field is its
// default.
type StateConfig struct {
	// Slog takes what goes wrong; default: nobody.
	Slog *slog.Logger
	// Now is the clock in unix ms; default: the log's own.
	Now func() int64
	// Host runs the guests; default: one of the state's own.
	Host *host.Host
	// Cache bounds the records kept in memory, in bytes; default 192 MiB.
	Cache int
	// Checkpoint is how often what changed is stored; default 15 s. It comes
	// earlier when much has changed. Each writes the lead anew of every event
	// since the last: at 100 k leads, a checkpoint every 4 s cost three times
	// the processor time of all else. A longer one costs memory, and time in
	// which the list is behind after a kill.
	Checkpoint time.Duration
	// Tenant returns a tenant, for the hashes of identities given as text;
	// default: nobody, only lead ids are understood.
	Tenant func(tracker.TenantID) *tracker.Tenant
	// ScoreTime is told when the walk of a lead with new events began, at its
	// end; default: nobody asks.
	ScoreTime func(begun time.Time)

	// Quarantine is told of a card that is given up because its module failed too
	// often, and why; it may put another version in force. Default: nobody.
	Quarantine func(id tracker.TenantID, a tracker.Activation, why string)

	// Shadowed returns the tenants whose shadow is followed unasked.
	Shadowed func() []*tracker.Tenant
	// ShadowSource returns the version that is a tenant's shadow; default: none.
	ShadowSource func(tracker.TenantID) (tracker.Activation, error)

	baseEvery uint64 // tests take bases more often; 0 = baseEvery
	txRecords int    // tests store in small transactions; 0 = fold's default
	until     int64  // walk only to this moment, and write no changes; 0 = live
	// leads is where the state lies; default: leads/ of the database.
	leads *storage.Table
}

func (c *StateConfig) slog() *slog.Logger {
	if c.Slog != nil {
		return c.Slog
	}
	return slog.New(slog.DiscardHandler)
}

func (c *StateConfig) checkpoint() time.Duration {
	if c.Checkpoint > 0 {
		return c.Checkpoint
	}
	return 15 * time.Second
}

func (c *StateConfig) every() uint64 {
	if c.baseEvery > 0 {
		return c.baseEvery
	}
	return baseEvery
}

// OpenState opens the state as its last checkpoint left it. Run brings it to
// the end of the log.
func OpenState(ctx context.Context, db *storage.DB, cfg StateConfig) (*State, error) {
	s := &State{cfg: cfg, db: db, log: db.Log(), host: cfg.Host, bell: make(chan struct{}), ending: make(chan struct{}), replays: make(chan replayRequest)}
	s.shadows.begin()
	if s.cfg.leads == nil {
		s.cfg.leads = db.Leads()
	}
	if s.cfg.until == 0 {
		s.feed = rank.OpenFeed(db.Meta())
	}
	if s.host == nil {
		var err error
		if s.host, err = host.New(ctx, host.Config{}); err != nil {
			return nil, err
		}
	}
	s.walker.Open = s.unseal
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", err), s.Close())
	}
	return s, nil
}

func (s *State) open(ctx context.Context) error {
	s.opened.Add(1)
	s.texts = new(score.Texts)
	s.tenants = make(map[tracker.TenantID]*tenantState)
	s.deferred = make(map[leadKey]cause)
	s.late, s.next, s.mark = make(map[leadKey]struct{}), 1, 0
	f, err := fold.New(fold.Config{Table: s.cfg.leads, NewBody: s.newBody, Cache: s.cfg.Cache, TxRecords: s.cfg.txRecords, Past: s.cfg.until != 0})
	if err != nil {
		return err
	}
	s.fold, s.saved = f, time.Now()
	if err := s.readCursor(ctx); err != nil {
		return err
	}
	first, err := s.log.First(ctx, 0)
	if err != nil {
		return err
	}
	s.next = max(s.next, first) // what retention dropped left its carry records
	for _, t := range s.tenants {
		if err := s.loadTenant(t); err != nil {
			return fmt.Errorf("tenant %s: %w", t.id, err)
		}
	}
	if s.feed == nil {
		return nil
	}
	mark, err := s.feed.Watermark()
	if err != nil {
		return err
	}
	s.mark, s.found = mark, causeEvent
	if s.next == first && mark > 0 {
		s.found = causeReplay // nothing was stored: all is found anew
	}
	s.seen.Store(s.next - 1)
	return s.recoverShown()
}

// Close ends the guests. Run must have returned.
func (s *State) Close() error {
	s.telling.Wait()
	errs := []error{s.endShadows(), s.endWrites()}
	for _, t := range s.tenants {
		errs = append(errs, t.close())
	}
	if s.fold != nil {
		s.fold.Close()
	}
	if s.cfg.Host == nil && s.host != nil {
		errs = append(errs, s.host.Close())
	}
	if s.scratch != nil {
		errs = append(errs, s.scratch.Close())
	}
	if s.remove != "" {
		errs = append(errs, os.RemoveAll(s.remove))
	}
	return errors.Join(errs...)
}

// clock is the moment of this turn.
func (s *State) clock() int64 {
	switch {
	case s.cfg.until != 0:
		return s.cfg.until
	case s.cfg.Now != nil:
		return s.cfg.Now()
	}
	return s.db.Now()
}

// Run follows the log until ctx ends, and then stores what is not stored. An
// error means that the state is unknown: open it again.
func (s *State) Run(ctx context.Context) (err error) {
	beside, end := context.WithCancel(ctx)
	var worker sync.WaitGroup
	worker.Go(func() { s.followShadows(beside) })
	defer worker.Wait()
	defer end()
	defer func() { err = errors.Join(err, s.endWrites()) }() // before another state is opened
	for ctx.Err() == nil {
		begun := time.Now()
		more, err := s.turn(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if !more {
			s.rest(ctx, begun)
		}
		select {
		case req := <-s.replays:
			err := s.restart(ctx)
			req.done <- err
			if err != nil {
				return fmt.Errorf("replay: %w", err)
			}
		default:
		}
	}
	return s.checkpoint(context.WithoutCancel(ctx))
}

// turnEvery is the rhythm of the turns under a steady load. Each ends with a
// synced write of the feed, whether it read three records or three hundred.
// Whoever is alone after a pause does not wait for it.
const turnEvery = 10 * time.Millisecond

// rest waits for the next record, timer or checkpoint, and for the rhythm.
func (s *State) rest(ctx context.Context, begun time.Time) {
	s.await(ctx)
	select {
	case <-ctx.Done():
	case <-time.After(turnEvery - time.Since(begun)):
	}
}

func (s *State) await(ctx context.Context) {
	pause := 250 * time.Millisecond
	soon := func(at int64) {
		if at != 0 {
			pause = min(pause, max(time.Duration(at-s.clock())*time.Millisecond, time.Millisecond))
		}
	}
	soon(s.fold.NextDue())
	for _, t := range s.tenants {
		soon(t.timers.Next())
	}
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	if c := s.fold.Committing(); c != nil {
		go func() {
			select {
			case <-c:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	if err := s.log.Wait(ctx, 0, s.next-1); err != nil && ctx.Err() == nil {
		s.cfg.slog().Error("wait for the log", "err", err)
		<-ctx.Done() // do not spin on an error that stays
	}
}

// turnTime is how long a turn reads the log before timers, checkpoints and the
// feed get theirs.
const turnTime = 25 * time.Millisecond

var errPause = errors.New("pause")

// turn reads on in the log, lets time pass, and makes what happened visible.
// more says that there is more to do at once.
func (s *State) turn(ctx context.Context) (more bool, err error) {
	s.now = s.clock()
	begun := time.Now()
	err = s.log.Read(ctx, 0, s.next, func(recs []storage.Record) error {
		if err := s.apply(ctx, recs); err != nil {
			return err
		}
		if time.Since(begun) > turnTime {
			return errPause
		}
		return nil
	})
	behind := errors.Is(err, errPause)
	if err != nil && !behind {
		return false, fmt.Errorf("read the log: %w", err)
	}
	if !behind {
		s.lagging.Store(0)
	}
	busy, err := s.settle(ctx, !behind)
	if err != nil {
		return false, err
	}
	late, err := s.compareLate()
	if err != nil {
		return false, err
	}
	more = behind || busy || late
	s.giveUp()
	if err := s.publish(ctx, !more); err != nil {
		return false, err
	}
	if behind && time.Since(s.stepped) < s.storePause() && !s.mustStore() {
		return true, nil
	}
	busy, err = s.store(ctx)
	s.stepped = time.Now()
	return more || busy, err
}

// slice is how many records are applied under one hold of the lock: queries
// wait about half a millisecond at most.
const slice = 32

// apply takes records of the log in.
func (s *State) apply(ctx context.Context, recs []storage.Record) error {
	s.lagging.Store(recs[0].Received)
	for len(recs) > 0 {
		n := min(slice, len(recs))
		if i := slices.IndexFunc(recs[:n], isControl); i == 0 {
			take := s.control
			if recs[0].Kind == storage.KindCarry {
				take = s.carry
			}
			if err := take(ctx, &recs[0]); err != nil {
				return err
			}
			n = 1
		} else {
			if i > 0 {
				n = i
			}
			if err := s.applySlice(recs[:n], s.fold.Apply); err != nil {
				return err
			}
		}
		s.next = recs[n-1].Seq + 1
		recs = recs[n:]
	}
	return nil
}

func isControl(r storage.Record) bool {
	return r.Kind == storage.KindControl || r.Kind == storage.KindCarry && !tracker.IsCarriedEvent(r.Row)
}

func (s *State) applySlice(recs []storage.Record, apply func([]storage.Record, int64) ([]fold.Touch, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.until == 0 {
		s.now = max(s.now, recs[len(recs)-1].Received)
	}
	s.batch, s.cause, s.dirtied = recs, causeEvent, true
	defer func() { s.batch = nil }()
	for i := range recs {
		if i > 0 && recs[i].Tenant == recs[i-1].Tenant {
			continue
		}
		if _, err := s.meet(recs[i].Tenant); err != nil {
			return err
		}
	}
	touches, err := apply(recs, s.now)
	if err != nil {
		return err
	}
	for i := range touches {
		if err := s.walk(&touches[i]); err != nil {
			return fmt.Errorf("lead %s: %w", touches[i].Lead.ID(), err)
		}
	}
	return nil
}

// openCopy appends the personal part of an entry that has a copy of it to dst; nothing
// if it was erased.
func (s *State) openCopy(dst []byte, t tracker.TenantID, n *fold.Entry) ([]byte, error) {
	dst, err := s.db.UnsealCopy(dst, n.Sealed, storage.Tenant(t), n.Subject.Key(), n.Seq)
	if errors.Is(err, storage.ErrErased) {
		return dst[:0], nil
	}
	return dst, err
}

// unseal is how walks get at the sealed part of an event.
func (s *State) unseal(e *tracker.Event) (err error) {
	e.Personal = e.Personal[:0]
	open := func(r *storage.Record) error {
		s.plain, err = s.db.Unseal(s.plain[:0], r)
		return err
	}
	if n := s.entry; n != nil && n.Seq == e.Seq && len(n.Sealed) > 0 {
		s.plain, err = s.openCopy(s.plain[:0], s.walking, n)
	} else if n := len(s.batch); n > 0 && e.Seq-s.batch[0].Seq < uint64(n) && s.batch[e.Seq-s.batch[0].Seq].Seq == e.Seq {
		err = open(&s.batch[e.Seq-s.batch[0].Seq])
	} else {
		err = s.db.Get(context.Background(), 0, []uint64{e.Seq}, open)
	}
	if errors.Is(err, storage.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	e.Personal, err = tracker.DecodeFields(e.Personal, s.plain)
	return err
}
