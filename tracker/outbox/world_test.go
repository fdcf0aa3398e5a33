package outbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// world is an outbox on a data directory that a test may open again, and a
// receiver that remembers all it gets.
type world struct {
	t      *testing.T
	dir    string
	db     *storage.DB
	box    *Outbox
	tenant *tracker.Tenant
	fault  atomic.Pointer[func() storage.Fault] // asked at each write of meta/; nil = none. The outbox runs beside.
	to     string                               // where intents go; default crm
	answer func(d *delivery) result             // of the receiver; nil = it takes everything
	stop   func()

	mu     sync.Mutex // guards what follows
	taken  []string   // bodies that were accepted, in order
	bodies map[string]string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, to: "crm", dir: t.TempDir(), tenant: &tracker.Tenant{ID: tracker.TenantID{7}, Name: "acme"}, bodies: map[string]string{}}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.db, err = storage.Open(w.dir, storage.Options{ReblockEvery: -1, Reserve: 1 << 20, ProbeEvery: time.Millisecond, Fault: func(name string) storage.Fault {
		if fault := w.fault.Load(); fault != nil && name == storage.WriteMeta { // the mark has a goroutine of its own
			return (*fault)()
		}
		return storage.FaultNone
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.box, err = New(Config{
		DB: w.db, Tenants: func() []*tracker.Tenant { return []*tracker.Tenant{w.tenant} },
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		Channels: map[string]Channel{tracker.MailPlace: {Concurrency: 3, Send: w.deliver}},
		send:     w.receive, pauses: []time.Duration{1, 1, 1}, grace: time.Millisecond, rest: time.Millisecond,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	box := w.box
	go func() { box.Run(ctx); close(done) }()
	w.stop = func() { cancel(); <-done; w.stop = nil }
}

func (w *world) close() {
	if w.stop != nil {
		w.stop()
	}
	if err := w.db.Close(); err != nil && w.fault.Load() == nil {
		w.t.Error(err)
	}
}

func (w *world) hook(name string) {
	w.t.Helper()
	if _, err := w.box.Webhook(w.tenant.ID, name); err == nil {
		return
	}
	if _, err := w.box.CreateWebhook(w.tenant.ID, tracker.Webhook{Name: name, URL: "https://crm.example.org/", Concurrency: 3}); err != nil {
		w.t.Fatal(err)
	}
}

// receive is the receiver.
func (w *world) receive(_ context.Context, d *delivery) result {
	res := result{outcome: tracker.OutcomeAccepted, status: 204}
	if w.answer != nil {
		res = w.answer(d)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, ok := w.bodies[d.id.String()]; ok && old != string(d.body) {
		w.t.Errorf("%s was sent as %s and as %s", d.id, old, d.body)
	}
	w.bodies[d.id.String()] = string(d.body)
	if res.outcome == tracker.OutcomeAccepted {
		w.taken = append(w.taken, string(d.body))
	}
	return res
}

// deliver is the receiver, as a channel leads to it.
func (w *world) deliver(ctx context.Context, d *tracker.Delivery) tracker.DeliveryResult {
	id, err := parseID(d.ID)
	if err != nil {
		w.t.Error(err)
	}
	res := w.receive(ctx, &delivery{id: id, lead: d.Lead, at: d.At, body: d.Body})
	return tracker.DeliveryResult{Outcome: res.outcome, Status: res.status, Detail: res.detail, After: res.after, Place: res.places, Park: res.gone, End: res.ended}
}

func lead(n int) tracker.LeadID {
	return tracker.LeadID{Kind: tracker.UserIdentity, Hash: tracker.Hash{1: byte(n), 2: 9}}
}

func (w *world) intent(n, i int) *Intent {
	l := lead(n)
	in := &Intent{
		Tenant: w.tenant.ID, ID: NewID(w.tenant.ID, l, "saas/sql/0", fmt.Sprint(i)), Kind: "handoff", To: w.to, Lead: l,
		Body: fmt.Appendf(nil, `{"lead":%d,"n":%d}`, n, i),
	}
	in.Subject[0] = byte(l.Kind)
	copy(in.Subject[1:], l.Hash[:])
	return in
}

// enqueue makes intents 0 to each-1 of leads 0 to leads-1, in one transaction.
func (w *world) enqueue(leads, each int) (fresh int, err error) {
	err = w.box.Update(func(tx *storage.Tx) error {
		fresh = 0
		for i := range each {
			for n := range leads {
				is, err := w.box.Enqueue(tx, w.intent(n, i))
				if err != nil {
					return err
				}
				if is {
					fresh++
				}
			}
		}
		return nil
	})
	return fresh, err
}

// await waits until something holds.
func (w *world) await(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(60 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			w.t.Fatalf("waited for nothing: %s", what)
		}
	}
}

func (w *world) list(state string) []tracker.Intent {
	w.t.Helper()
	list, err := w.box.List(w.tenant.ID, 0, state, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// settled waits until nothing waits.
func (w *world) settled() {
	w.t.Helper()
	w.await("an empty outbox", func() bool {
		waiting, _, err := w.box.Count()
		return err == nil && waiting == 0
	})
}
