package journey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Config is what an [Engine] needs. All but Check and Logger is required.
type Config struct {
	DB      *storage.DB
	Tenants func() []*tracker.Tenant
	// Source is the source that attributes which journeys set come from.
	Source func(tracker.TenantID) *tracker.Source
	// Update runs a transaction of meta/, one at a time, in which Do may be called.
	Update func(fn func(tx *storage.Tx) error) error
	// Do makes what a step asks for durable, once, and returns its id.
	Do func(tx *storage.Tx, e *Effect) (intent string, err error)
	// Person finds who an identity belongs to now; nil if nobody.
	Person func(t *tracker.Tenant, who tracker.LeadID) (*Person, error)
	// People returns the ids of leads that are known by name, from behind one on.
	People func(t tracker.TenantID, after tracker.LeadID, limit int) ([]tracker.LeadID, error)
	// Changes reads the feed.
	Changes func(t tracker.TenantID, after uint64, limit int) ([]tracker.Change, error)
	// Last is the last change of the feed.
	Last func(t tracker.TenantID) (uint64, error)
	// Seen is the last record of the log whose effects Person sees. It returns
	// false while a state is being built: then nothing is decided.
	Seen func(ctx context.Context) (seq uint64, ok bool)
	// Library returns what messages may be chosen from.
	Library func(t tracker.TenantID) (*Library, error)
	// Check says what the tenant has of what a journey needs; nil = all of it.
	Check func(t tracker.TenantID, j *Journey) ([]tracker.Check, error)
	// Begins names the journeys that a change of bands begins, as its card says; nil = none.
	Begins func(t *tracker.Tenant, c *tracker.Change, l *tracker.Lead) ([]string, error)
	// Silent says whether a telephone number gets no messages any more, and why; nil = all do.
	Silent func(t *tracker.Tenant, number string) (*tracker.MailSuppressed, error)
	// Onsite reads an on-site message, and returns what it calls itself and the
	// version that it was written from; nil = there are none.
	Onsite func(file string, src []byte) (name string, base int, err error)
	// Logger takes what goes wrong; nil = slog.Default().
	Logger *slog.Logger
}

// Engine walks the leads of all tenants along their journeys.
type Engine struct {
	cfg  Config
	db   *storage.DB
	log  storage.Log
	slog *slog.Logger

	turning sync.Mutex // held by a turn, and while what is in force changes
	tenants map[tracker.TenantID]*inForce
	batch   int    // how many jobs go into a transaction
	looked  uint64 // the last record looked at: there was nothing since the cursor
	seen    uint64 // the last record whose effects leads show, in this turn
}

// New returns the engine that lies in meta/. Nothing happens before Run or Turn.
func New(cfg Config) *Engine {
	e := &Engine{cfg: cfg, db: cfg.DB, log: cfg.DB.Log(), slog: cfg.Logger, tenants: map[tracker.TenantID]*inForce{}, batch: batchMost}
	if e.slog == nil {
		e.slog = slog.Default()
	}
	return e
}

// The rhythm of Run.
const (
	turnEvery = 50 * time.Millisecond
	turnAgain = time.Second // after one that failed
)

// batchMost is how many jobs go into a transaction; fewer after one that was too
// big. Each synced transaction costs some milliseconds, each job some hundred
// microseconds.
const batchMost = 256

// Run turns until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	for ctx.Err() == nil {
		more, err := e.Turn(ctx)
		pause := turnEvery
		switch {
		case err != nil && ctx.Err() == nil:
			e.slog.Error("journeys", "err", err)
			pause = turnAgain
		case more:
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// Turn takes in what happened and what is due, some of it; more says that there
// is more.
func (e *Engine) Turn(ctx context.Context) (more bool, err error) {
	e.turning.Lock()
	defer e.turning.Unlock()
	if idle, err := e.load(); idle || err != nil {
		return false, err
	}
	seen, ok := e.cfg.Seen(ctx)
	if !ok {
		return false, nil
	}
	e.seen = seen
	busy, err := e.follow(ctx, seen)
	more = busy
	for _, t := range e.cfg.Tenants() {
		f := e.tenants[t.ID]
		if f == nil || f.empty() || err != nil {
			continue
		}
		for _, part := range []func(*tracker.Tenant, *inForce) (bool, error){e.settings, e.changes, e.due, e.sweep} {
			busy, err = part(t, f)
			if more = more || busy; err != nil {
				return false, fmt.Errorf("tenant %s: %w", t.ID, err)
			}
		}
	}
	return more, err
}

// Settle turns until nothing is left to do now.
func (e *Engine) Settle(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = e.Turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// load reads what is in force, where that is not known; idle says that nothing
// is, anywhere.
func (e *Engine) load() (idle bool, err error) {
	idle = true
	for _, t := range e.cfg.Tenants() {
		if e.tenants[t.ID] == nil {
			f, err := e.read(t.ID)
			if err != nil {
				return false, fmt.Errorf("tenant %s: %w", t.ID, err)
			}
			e.tenants[t.ID] = f
		}
		idle = idle && e.tenants[t.ID].empty()
	}
	return idle, nil
}

// job is one thing that happened to a lead.
type job struct {
	lead   tracker.LeadID
	change *tracker.Change
	event  *tracker.Event
	due    *due
	erase  []tracker.LeadID
}

// jobs does some jobs of a tenant, in one transaction in which done is called
// too. Where that gets too big it is halved.
func (e *Engine) jobs(t *tracker.Tenant, f *inForce, list []job, done func(r *rows, n int) error) error {
	for n := min(e.batch, max(len(list), 1)); ; n = (n + 1) / 2 {
		part := list[:min(n, len(list))]
		err := e.commit(t, f, part, done)
		if errors.Is(err, storage.ErrTooBig) && n > 1 {
			e.batch = max((n+1)/2, 1)
			continue
		}
		if err == nil && n == e.batch {
			e.batch = min(batchMost, e.batch+1)
		}
		return err
	}
}

func (e *Engine) commit(t *tracker.Tenant, f *inForce, list []job, done func(r *rows, n int) error) error {
	people, err := e.people(t, list)
	for _, p := range people {
		if err == nil && f.texts && p != nil {
			err = e.hush(t, p)
		}
	}
	if err != nil {
		return err
	}
	return e.db.Meta().View(func(before *storage.Tx) error {
		return e.apply(t, f, list, people, before, done)
	})
}

func (e *Engine) apply(t *tracker.Tenant, f *inForce, list []job, people map[tracker.LeadID]*Person, before *storage.Tx, done func(r *rows, n int) error) error {
	return e.cfg.Update(func(tx *storage.Tx) error { // the commit point of steps, intents and cursors
		w := &world{e: e, t: t, f: f, rows: newRows(tx, t.ID), now: e.db.Now(), known: map[tracker.LeadID][]*stand{}}
		w.rows.read = before
		for i := range list {
			if err := w.one(people[list[i].lead], &list[i]); err != nil {
				return err
			}
		}
		if err := w.flush(); err != nil {
			return err
		}
		return done(w.rows, len(list))
	})
}

// people finds who the jobs are about. A lead that is nobody any more, or nobody
// known, is nil.
func (e *Engine) people(t *tracker.Tenant, list []job) (map[tracker.LeadID]*Person, error) {
	out := map[tracker.LeadID]*Person{}
	for i := range list {
		id := list[i].lead
		if id.IsZero() {
			continue
		}
		if _, known := out[id]; known {
			continue
		}
		p, err := e.cfg.Person(t, id)
		if err != nil {
			return nil, fmt.Errorf("lead %s: %w", id, err)
		}
		if p != nil && p.Lead.ID.Kind == tracker.VisitorIdentity {
			p = nil
		}
		if p != nil && p.Lead.ID != id {
			if same := out[p.Lead.ID]; same != nil {
				p = same
			}
			out[p.Lead.ID] = p
		}
		out[id] = p
	}
	return out, nil
}

// changes takes in the next changes of the feed.
func (e *Engine) changes(t *tracker.Tenant, f *inForce) (more bool, err error) {
	from, _, err := e.cursor(t.ID, []byte{rowFeed})
	if err != nil {
		return false, err
	}
	list, err := e.cfg.Changes(t.ID, from, e.batch)
	if err != nil || len(list) == 0 {
		return false, err
	}
	work := make([]job, len(list))
	for i := range list {
		c := &list[i]
		work[i].change = c
		if work[i].lead = c.Lead; !c.MergedInto.IsZero() {
			work[i].lead = c.MergedInto
		}
	}
	err = e.jobs(t, f, work, func(r *rows, n int) error {
		at, _, err := r.sequence([]byte{rowFeed})
		if err == nil && at != from {
			err = fmt.Errorf("the cursor of journeys is at %d, not at %d", at, from)
		}
		if err != nil {
			return err
		}
		return r.setSequence([]byte{rowFeed}, list[n-1].Seq)
	})
	return true, err
}

func (e *Engine) cursor(t tracker.TenantID, k []byte) (n uint64, ok bool, err error) {
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		n, ok, err = newRows(tx, t).sequence(k)
		return err
	})
	return n, ok, err
}

// due does what is due.
func (e *Engine) due(t *tracker.Tenant, f *inForce) (more bool, err error) {
	now := e.db.Now()
	var list []job
	var keys [][]byte
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		return tx.Scan(t.ID, storage.SpaceJourney, []byte{rowDue}, dueKey(now+1, tracker.LeadID{}, 0, ""), func(k, _ []byte) error {
			d, err := parseDue(k)
			if err != nil {
				return err
			}
			list, keys = append(list, job{lead: d.lead, due: &d}), append(keys, append([]byte(nil), k...))
			if len(list) == e.batch {
				return storage.ErrStop
			}
			return nil
		})
	})
	if err != nil || len(list) == 0 {
		return false, err
	}
	for i := range list {
		if list[i].due.kind == dueClick {
			if err := e.click(&list[i]); err != nil {
				return false, err
			}
		}
	}
	err = e.jobs(t, f, list, func(r *rows, n int) error {
		for i := range list[:n] {
			// A step that goes on at the same moment has set the row anew.
			if d := list[i].due; d.kind == dueStep {
				var p place
				if ok, err := r.getJSON(leadKey(rowPlace, d.lead, d.name), &p); err != nil || ok && p.Due == d.at {
					if err != nil {
						return err
					}
					continue
				}
			}
			if err := r.drop(keys[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return true, err
}

// cursorEvery is after how many records without anything for journeys the cursor
// is written.
const cursorEvery = 100_000

// follow takes in what the log says, up to what the state has seen.
func (e *Engine) follow(ctx context.Context, seen uint64) (more bool, err error) {
	from, begun, err := e.cursor(tracker.TenantID{}, []byte{rowLog})
	if err != nil || !begun || from >= seen {
		return false, err
	}
	first, err := e.log.First(ctx, 0)
	if err != nil {
		return false, err
	}
	to := max(from, first-1, e.looked)
	if to >= seen {
		return false, nil
	}
	work := map[tracker.TenantID][]job{}
	found := 0
	err = e.log.Read(ctx, 0, to+1, func(recs []storage.Record) error {
		for i := range recs {
			if recs[i].Seq > seen || found >= e.batch {
				return storage.ErrStop
			}
			jobs, err := e.listen(&recs[i])
			if err != nil {
				return fmt.Errorf("record %d: %w", recs[i].Seq, err)
			}
			if len(jobs) > 0 {
				work[recs[i].Tenant] = append(work[recs[i].Tenant], jobs...)
				found += len(jobs)
			}
			to = recs[i].Seq
		}
		return nil
	})
	if err != nil && !errors.Is(err, storage.ErrStop) {
		return false, fmt.Errorf("read the log: %w", err)
	}
	if e.looked = to; found == 0 && to < from+cursorEvery {
		return to < seen, nil
	}
	e.looked = 0 // what follows may fail: the cursor says where to go on
	return true, e.happened(ctx, work, from, to)
}

// happened does what the log told, tenant by tenant: where a tenant is within a
// piece of the log is kept until all are through.
func (e *Engine) happened(_ context.Context, work map[tracker.TenantID][]job, from, to uint64) error {
	for _, t := range e.cfg.Tenants() {
		list := work[t.ID]
		for len(list) > 0 {
			done, _, err := e.cursor(t.ID, []byte{rowLog})
			if err != nil {
				return err
			}
			for len(list) > 0 && list[0].event.Seq <= done {
				list = list[1:]
			}
			if len(list) == 0 {
				break
			}
			took := 0
			err = e.jobs(t, e.tenants[t.ID], list, func(r *rows, n int) error {
				// Several jobs of one record go together.
				took = n
				return r.setSequence([]byte{rowLog}, list[n-1].event.Seq)
			})
			if err != nil {
				return err
			}
			list = list[took:]
		}
	}
	return e.cfg.Update(func(tx *storage.Tx) error {
		r := newRows(tx, tracker.TenantID{})
		at, _, err := r.sequence([]byte{rowLog})
		if err != nil || at != from {
			return errors.Join(err, fmt.Errorf("the cursor of journeys is at %d, not at %d", at, from))
		}
		return r.setSequence([]byte{rowLog}, to)
	})
}

// noEvent is a job's event that only says that something may have changed.
func noEvent(seq uint64) *tracker.Event { return &tracker.Event{Seq: seq, Time: math.MinInt64} }
