// Package outbox brings intents into the world: what was decided inside and is
// to happen outside, such as telling a customer's system that a lead is ripe.
//
// It promises that an intent is made once, whatever is derived again: its ID is
// computed from what caused it, and the second of one ID is nothing. It promises
// that an intent is delivered at least once or parked for a person, that every
// attempt carries the same Idempotency-Key, and that what a destination said it
// has is not sent again. An attempt is written down before it begins and its
// outcome after it ends, so that only one whose outcome nobody knows (a cut
// connection, a killed process) is repeated blindly, and counted as unknown.
// The intents of one lead reach one destination in the order they were made;
// a parked one lets the next pass.
//
// A destination is a webhook of the tenant, or a [Channel], which every tenant
// has: e-mail is one.
//
// What it does not promise: that a destination which got a request and could not
// say so gets no second one. It may tell them apart by the key.
//
// Memory does not grow with what waits: it holds the destinations and what is
// being sent. It stores, in meta/ under storage.SpaceOutbox of the tenant:
//
//	i id16               → intent, JSON
//	b id16               → its body, sealed for the person it is about
//	t seq8               → id16: all, in order
//	p seq8               → id16: parked
//	q place8 lead17 seq8 → id16: what waits for one destination and lead, in order
//	d place8 due8 lead17 → id16 set8: when the first of these is due, and when that was said
//	f id16               → an attempt is under way
//	l lead17 seq8        → id16: a lead's, but for those that their maker finds by itself
//	n                    → last seq given
//
// A place is what the name of a destination hashes to. Webhooks lie under
// storage.SpaceWebhook, by name.
package outbox

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Config is what an [Outbox] needs. DB and Tenants are required.
type Config struct {
	DB      *storage.DB
	Tenants func() []*tracker.Tenant
	// Allow are addresses of this machine's own network that webhooks may go to,
	// over plain HTTP too; all others of that kind are refused.
	Allow []netip.Prefix
	// Channels are the destinations that are no webhooks, by name: every tenant
	// has each of them.
	Channels map[string]Channel
	// Version is the binary's, for the User-Agent.
	Version string
	// Count is told the outcome of every attempt; nil = nobody asks.
	Count func(outcome string)
	// Logger takes what goes wrong; nil = slog.Default().
	Logger *slog.Logger

	// In tests: how an attempt is made, the pauses between attempts, how long an
	// end waits for them, and the pause after a write that failed.
	send   func(ctx context.Context, d *delivery) result
	pauses []time.Duration
	grace  time.Duration
	rest   time.Duration
}

// pauses are between an intent's attempts; after the last one it is parked. In
// all they are three days, like those that Standard Webhooks suggests.
var pauses = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 16 * time.Hour, 24 * time.Hour,
}

func (c *Config) pause() []time.Duration {
	if c.pauses != nil {
		return c.pauses
	}
	return pauses
}

// drain is how long what is being sent may take when Run is told to end.
func (c *Config) drain() time.Duration {
	if c.grace != 0 {
		return c.grace
	}
	return 3 * time.Second
}

// again is the pause after a write that failed.
func (c *Config) again() time.Duration {
	if c.rest != 0 {
		return c.rest
	}
	return time.Second
}

// Outbox is the intents of all tenants.
type Outbox struct {
	cfg  Config
	db   *storage.DB
	meta *storage.Table
	slog *slog.Logger

	rows   sync.Mutex // held while rows are read to be changed, until that is committed
	fresh  fresh      // of the transaction under way; guarded by rows
	writes chan *write
	bell   chan struct{} // holds one ring: there may be something to send

	changing sync.Mutex // held by changes of hooks
	hooks    atomic.Pointer[hookView]

	mu     sync.Mutex // guards what follows
	places map[placeKey]*place
	flying sync.WaitGroup // of attempts
}

// New returns the outbox that lies in meta/. Nothing leaves before Run.
func New(cfg Config) (*Outbox, error) {
	o := &Outbox{
		cfg: cfg, db: cfg.DB, meta: cfg.DB.Meta(), slog: cfg.Logger,
		writes: make(chan *write), bell: make(chan struct{}, 1), places: make(map[placeKey]*place),
	}
	if o.slog == nil {
		o.slog = slog.Default()
	}
	if o.cfg.Count == nil {
		o.cfg.Count = func(string) {}
	}
	if o.cfg.send == nil {
		o.cfg.send = newSender(cfg.Allow, cfg.Version).send
	}
	return o, o.readHooks()
}

// Run sends what is due until ctx ends, then waits a little for what is being
// sent. An attempt that a former process left open has an unknown outcome.
func (o *Outbox) Run(ctx context.Context) {
	var writer sync.WaitGroup
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	writer.Go(func() { o.write(writing) })
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	o.settle(ctx)
	for ctx.Err() == nil {
		next := o.sendDue(ctx, sending)
		timer := time.NewTimer(time.Duration(max(1, next-o.db.Now())) * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-o.bell:
		case <-timer.C:
		}
		timer.Stop()
	}
	late := time.AfterFunc(o.cfg.drain(), cut)
	o.flying.Wait()
	late.Stop()
	cut()
	stop()
	writer.Wait()
}

// Wake lets Run look again.
func (o *Outbox) Wake() {
	select {
	case o.bell <- struct{}{}:
	default:
	}
}

// Update runs fn in one transaction of meta/ in which [Outbox.Enqueue] may be
// called, and lets Run look at what it left.
func (o *Outbox) Update(fn func(tx *storage.Tx) error) error {
	o.rows.Lock()
	defer o.rows.Unlock()
	defer o.Wake()
	defer o.fresh.close()
	return o.meta.Update(fn)
}

// write is a change of rows on its way into a transaction.
type write struct {
	fn   func(tx *storage.Tx) error
	done chan error
}

// writeMost is how many changes go into one synced transaction.
const writeMost = 64

// write commits the changes that senders make, those that wait together at once.
func (o *Outbox) write(ctx context.Context) {
	for {
		var group []*write
		select {
		case w := <-o.writes:
			group = append(group, w)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(group) < writeMost; {
			select {
			case w := <-o.writes:
				group = append(group, w)
			default:
				more = false
			}
		}
		err := o.Update(func(tx *storage.Tx) error {
			for _, w := range group {
				if err := w.fn(tx); err != nil {
					return err
				}
			}
			return nil
		})
		for _, w := range group {
			w.done <- err
		}
	}
}

// commit makes one change durable.
func (o *Outbox) commit(fn func(tx *storage.Tx) error) error {
	w := &write{fn: fn, done: make(chan error, 1)}
	o.writes <- w
	return <-w.done
}
