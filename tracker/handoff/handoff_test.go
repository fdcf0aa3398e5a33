package handoff

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// world is a queue on a data directory that a test may open again.
type world struct {
	*Queue
	t      *testing.T
	dir    string
	db     *storage.DB
	tenant *tracker.Tenant
	fault  atomic.Pointer[func(write string) storage.Fault]
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), tenant: &tracker.Tenant{ID: tracker.TenantID{3}, Name: "acme", Clear: map[string]struct{}{}}}
	w.open()
	t.Cleanup(func() { w.db.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.db, err = storage.Open(w.dir, storage.Options{ReblockEvery: -1, Reserve: 1 << 20, ProbeEvery: time.Millisecond, Fault: func(name string) storage.Fault {
		fault := w.fault.Load()
		if fault == nil || name == storage.WriteRows || name == storage.WriteHighWater {
			return storage.FaultNone
		}
		return (*fault)(name)
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Queue = New(Config{
		DB: w.db, Tenant: func(tracker.TenantID) *tracker.Tenant { return w.tenant },
		Source: func(tracker.TenantID) *tracker.Source { return &tracker.Source{ID: 1, Tenant: w.tenant} },
	})
}

func (w *world) reopen() {
	w.t.Helper()
	w.fault.Store(nil)
	w.db.Close() // may say what the fault did
	w.open()
}

func (w *world) user(name string) tracker.LeadID {
	return tracker.LeadID{Kind: tracker.UserIdentity, Hash: w.tenant.Identity.Hash(tracker.UserIdentity, []byte(name))}
}

func handoffID(n int) string { return fmt.Sprintf("%032x", n) }

func (w *world) add(n int, lead tracker.LeadID, to string) {
	w.t.Helper()
	h := tracker.Handoff{ID: handoffID(n), At: w.db.Now(), Lead: lead, Card: "shop@1", Band: "hot", Score: 80, Cause: "event", To: to, Queue: "sales", Due: 1}
	if err := w.meta.Update(func(tx *storage.Tx) error { return w.Add(tx, w.tenant.ID, &h) }); err != nil {
		w.t.Fatal(err)
	}
}

// say appends an event, as a customer's system sends one.
func (w *world) say(typ, user, handoff string, proved bool) {
	w.t.Helper()
	e := tracker.Event{
		Time: w.db.Now(), Type: []byte(typ), MessageID: tracker.DerivedID("handoff", typ, user, handoff, fmt.Sprint(proved)), MessageUUID: true, Source: 1,
		User: w.user(user).Hash, Proved: proved,
	}
	rec := storage.Record{Tenant: w.tenant.ID, ID: e.MessageID, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e)}
	rec.Subject[0] = 'u'
	copy(rec.Subject[1:], e.User[:])
	if handoff != "" { // sealed, as no card names it
		rec.Personal = tracker.AppendFields(nil, []tracker.Field{
			{Space: tracker.Property, Name: []byte("handoff"), Value: tracker.Value{Tag: tracker.String, Str: []byte(handoff)}},
			{Space: tracker.Property, Name: []byte("reason"), Value: tracker.Value{Tag: tracker.String, Str: []byte("said by the CRM")}},
		})
	}
	if err := w.log.Append(w.t.Context(), 0, []storage.Record{rec}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Follow(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) is(n int, state string) tracker.Handoff {
	w.t.Helper()
	h, err := w.Get(w.tenant.ID, handoffID(n))
	if err != nil || h.State != state {
		w.t.Errorf("hand-off %d: got %+v, %v; want %s", n, h, err, state)
	}
	return h
}

func TestStateIsWhatEventsSay(t *testing.T) {
	w := newWorld(t)
	ana, bea := w.user("ana"), w.user("bea")
	w.add(1, ana, "crm")
	w.add(1, ana, "crm") // derived again
	w.add(2, ana, "crm")
	w.add(3, bea, "crm")
	w.say(tracker.Won, "ana", handoffID(1), false) // by somebody with the public key
	w.say("page_view", "ana", handoffID(1), true)
	w.say(tracker.Won, "ana", "order-7", true) // about something else
	w.is(1, tracker.HandoffPending)
	w.is(2, tracker.HandoffPending)
	w.say(tracker.HandoffRejected, "ana", handoffID(1), true)
	if h := w.is(1, tracker.HandoffIsBack); h.Reason != "said by the CRM" || h.Message == "" {
		t.Errorf("got %+v", h)
	}
	w.say(tracker.HandoffAccepted, "ana", "", true) // the one that is open
	w.is(2, tracker.HandoffIsTaken)
	w.say(tracker.HandoffAccepted, "nobody", "", true)
	w.is(3, tracker.HandoffPending)
	pending, overdue, accepted, err := w.Count(w.tenant.ID)
	if err != nil || pending != 1 || overdue != 1 || accepted != 1 {
		t.Errorf("%d pending, %d overdue, %d accepted, %v", pending, overdue, accepted, err)
	}
	f := func(state string, want int) {
		t.Helper()
		list, err := w.List(w.tenant.ID, tracker.HandoffQuery{State: state, Queue: "sales"})
		if err != nil || len(list) != want {
			t.Errorf("%q: got %+v, %v", state, list, err)
		}
	}
	f("", 3)
	f("open", 2)
	f(tracker.HandoffIsBack, 1)
	if _, err := w.List(w.tenant.ID, tracker.HandoffQuery{State: "ripe"}); tracker.KindOf(err) != tracker.KindInvalid {
		t.Errorf("an unknown state: %v", err)
	}
	if list, err := w.List(tracker.TenantID{9}, tracker.HandoffQuery{}); err != nil || len(list) != 0 {
		t.Errorf("another tenant sees %+v, %v", list, err)
	}
	open := func(to string, want string, leads ...tracker.LeadID) {
		t.Helper()
		err := w.db.Meta().View(func(tx *storage.Tx) error {
			got, err := w.Open(tx, w.tenant.ID, leads, to)
			if got != want {
				t.Errorf("open at %s: %q, want %q", to, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	open("crm", handoffID(2), ana)
	open("crm", handoffID(3), w.user("nobody"), bea)
	open("other", "", ana, bea)

	// Two steps of journeys in one transaction: the second sees what the first added.
	err = w.db.Meta().Update(func(tx *storage.Tx) error {
		h := tracker.Handoff{ID: handoffID(9), At: 1, Lead: ana, To: "other", State: tracker.HandoffPending}
		if err := w.Add(tx, w.tenant.ID, &h); err != nil {
			return err
		}
		if got, err := w.Open(tx, w.tenant.ID, []tracker.LeadID{ana}, "other"); got != h.ID || err != nil {
			t.Errorf("just added: %q, %v", got, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDecisionsUnderFaults lets each durable write of a decision fail, in both
// ways, and asks again, in the same process and in the next: there is one event
// of it, and the queue says what that says.
func TestDecisionsUnderFaults(t *testing.T) {
	for _, kind := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
		for _, write := range []string{storage.WriteMeta, storage.WriteCommit} {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/restart=%t", write, kind, restart), func(t *testing.T) { decideUnderFault(t, write, kind, restart) })
			}
		}
	}
}

func decideUnderFault(t *testing.T, write string, kind storage.Fault, restart bool) {
	w := newWorld(t)
	w.add(1, w.user("ana"), "crm")
	var armed atomic.Bool // writes are another goroutine's
	armed.Store(true)
	fault := func(name string) storage.Fault {
		if name == write && armed.CompareAndSwap(true, false) {
			return kind
		}
		return storage.FaultNone
	}
	w.fault.Store(&fault)
	ask := func() error {
		_, err := w.Decide(context.Background(), w.tenant.ID, handoffID(1), tracker.HandoffDecision{Type: tracker.Won, Value: 12.5, Currency: "EUR"})
		return err
	}
	if err := ask(); err == nil || armed.Load() {
		t.Fatalf("a write failed and nobody was told (%v)", err)
	}
	if restart {
		w.reopen()
	}
	for tries := 0; ; tries++ {
		err := ask()
		if err == nil {
			break
		}
		if tries > 10_000 {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	w.is(1, tracker.HandoffIsWon)
	events := 0
	err := w.log.Read(t.Context(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			var e tracker.Event
			if err := tracker.DecodeRow(recs[i].Row, &e); err != nil {
				return err
			}
			if v, ok := e.Find("value"); string(e.Type) == tracker.Won && ok && v.Any() == 12.5 {
				events++
			}
		}
		return nil
	})
	if err != nil || events != 1 {
		t.Errorf("%d events of one decision, %v", events, err)
	}
}

func TestDecisionsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.add(1, w.user("ana"), "crm")
	f := func(n int, d tracker.HandoffDecision, want tracker.Kind) {
		t.Helper()
		if _, err := w.Decide(t.Context(), w.tenant.ID, handoffID(n), d); tracker.KindOf(err) != want || err == nil {
			t.Errorf("%+v: %v", d, err)
		}
	}
	f(2, tracker.HandoffDecision{Type: tracker.Won}, tracker.KindNotFound)
	f(1, tracker.HandoffDecision{Type: tracker.HandoffRejected}, tracker.KindInvalid)
	f(1, tracker.HandoffDecision{Type: tracker.Lost, Reason: strings.Repeat("x", 501)}, tracker.KindInvalid)
	f(1, tracker.HandoffDecision{Type: tracker.Won, Value: -1}, tracker.KindInvalid)
	for range 2 { // said again, it is said once
		h, err := w.Decide(t.Context(), w.tenant.ID, handoffID(1), tracker.HandoffDecision{Type: tracker.Lost, Reason: "chose another"})
		if err != nil || h.State != tracker.HandoffIsLost || h.Reason != "chose another" {
			t.Fatalf("got %+v, %v", h, err)
		}
	}
	if last, err := w.log.Last(t.Context(), 0); last != 1 || err != nil {
		t.Errorf("%d records, %v", last, err)
	}
	f(1, tracker.HandoffDecision{Type: tracker.HandoffAccepted}, tracker.KindConflict)
	ana := w.user("ana")
	if err := w.db.Erase(t.Context(), w.tenant.ID, []storage.Subject{storage.Subject(append([]byte{'u'}, ana.Hash[:]...))}); err != nil {
		t.Fatal(err)
	}
	if h := w.is(1, tracker.HandoffIsLost); h.Reason != "" {
		t.Errorf("what was said of somebody who was erased: %q", h.Reason)
	}
}
