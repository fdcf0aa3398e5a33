package journey

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// bed is an engine on a data directory that a test may open again, in a world
// whose leads and changes are given.
type bed struct {
	t      testing.TB
	dir    string
	db     *storage.DB
	e      *Engine
	tenant *tracker.Tenant
	source *tracker.Source
	now    int64
	feed   []tracker.Change
	fault  func() storage.Fault // asked at each write of meta/; nil = none
}

func newBed(t testing.TB) *bed {
	tenant := &tracker.Tenant{ID: tracker.TenantID{7}, Name: "acme", Ranking: "shop"}
	b := &bed{t: t, dir: t.TempDir(), tenant: tenant, source: &tracker.Source{ID: 1, Tenant: tenant}, now: time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC).UnixMilli()}
	b.open()
	t.Cleanup(func() { b.db.Close() }) // the end of a test may come after a fault
	return b
}

func (b *bed) open() {
	b.t.Helper()
	var err error
	b.db, err = storage.Open(b.dir, storage.Options{
		ReblockEvery: -1, Reserve: 1 << 20, Now: func() time.Time { return time.UnixMilli(b.now) },
		Fault: func(name string) storage.Fault {
			if name == storage.WriteMeta && b.fault != nil { // other writes have goroutines of their own
				return b.fault()
			}
			return storage.FaultNone
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.e = New(Config{
		DB: b.db, Tenants: func() []*tracker.Tenant { return []*tracker.Tenant{b.tenant} },
		Source: func(tracker.TenantID) *tracker.Source { return b.source },
		Update: b.db.Meta().Update, Do: b.do, Person: b.person,
		People: func(tracker.TenantID, tracker.LeadID, int) ([]tracker.LeadID, error) { return nil, nil },
		Changes: func(_ tracker.TenantID, after uint64, limit int) ([]tracker.Change, error) {
			return b.feed[min(int(after), len(b.feed)):min(int(after)+limit, len(b.feed))], nil
		},
		Last: func(tracker.TenantID) (uint64, error) { return uint64(len(b.feed)), nil },
		Seen: func(ctx context.Context) (uint64, bool) {
			last, err := b.db.Log().Last(ctx, 0)
			return last, err == nil
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

// do keeps an intent under its name, as the outbox does: of one name there is
// never a second. What it is is its value.
func (b *bed) do(tx *storage.Tx, x *Effect) (string, error) {
	name := x.Person.Lead.ID.String() + "\x00" + x.Key + "\x00" + x.Cause
	sum := sha256.Sum256([]byte(name))
	what := x.Person.Lead.ID.String() + " " + x.Step.ID
	return what, tx.Set(b.tenant.ID, storage.SpaceOutbox, sum[:], []byte(what))
}

func (b *bed) person(_ *tracker.Tenant, who tracker.LeadID) (*Person, error) {
	return &Person{Card: "shop", Lead: &tracker.Lead{ID: who, Attributes: map[string]any{}, Scores: map[string]*tracker.Score{"shop": {Score: 70, Band: "warm"}}}}, nil
}

// intents are what the world is to see, sorted.
func (b *bed) intents() (out []string) {
	b.t.Helper()
	err := b.db.Meta().View(func(tx *storage.Tx) error {
		return tx.Scan(b.tenant.ID, storage.SpaceOutbox, nil, nil, func(_, v []byte) error {
			out = append(out, string(v))
			return nil
		})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// sets counts the attributes that the log says were set, by lead.
func (b *bed) sets() map[string]int {
	b.t.Helper()
	out := map[string]int{}
	err := b.db.Log().Read(b.t.Context(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			var e tracker.Event
			if err := tracker.DecodeRow(recs[i].Row, &e); err != nil {
				return err
			}
			if string(e.Type) == tracker.JourneySet {
				out[leadOf(&e).String()]++
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func leadOfNumber(n int) tracker.LeadID {
	return tracker.LeadID{Kind: tracker.UserIdentity, Hash: tracker.Hash{byte(n), byte(n >> 8), byte(n >> 16), 1}}
}

// enters lets leads enter the band warm.
func (b *bed) enters(leads int) {
	for n := range leads {
		b.feed = append(b.feed, tracker.Change{
			Seq: uint64(len(b.feed) + 1), At: b.now, Time: b.now, Lead: leadOfNumber(n), Card: "shop@1", OldScore: 10, NewScore: 70, OldBand: "cold", NewBand: "warm", Cause: "event",
		})
	}
}

// happens writes an event of each lead into the log.
func (b *bed) happens(leads int, event string) error {
	var recs []storage.Record
	for n := range leads {
		e := tracker.Event{Time: b.now, Type: []byte(event), MessageID: []byte(fmt.Sprint(event, n)), Source: 1, User: leadOfNumber(n).Hash}
		rec := storage.Record{Tenant: b.tenant.ID, ID: e.MessageID, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e)}
		s := e.Subject()
		rec.Subject[0] = byte(s.Kind)
		copy(rec.Subject[1:], s.Hash[:])
		recs = append(recs, rec)
	}
	return b.db.Log().Append(b.t.Context(), 0, recs)
}

func (b *bed) publish(yaml string) {
	b.t.Helper()
	name := strings.Fields(yaml)[1]
	if _, err := b.e.Draft(b.tenant.ID, Journeys, name, []byte(yaml)); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.e.Publish(b.t.Context(), b.tenant.ID, Journeys, name, false); err != nil {
		b.t.Fatal(err)
	}
}

const faulty = `journey: f
enter: {band: warm}
goal: {event: bought}
steps:
  - {id: mark, set: {stage: begun}}
  - {id: first, webhook: crm}
  - {id: pause, wait: 1d}
  - {id: second, webhook: crm}
  - {id: answer, wait: {event: answered, timeout: 30d, else: exit}}
  - {id: third, handoff: crm}
`

// life lets the leads of a world go all the way, as far as it can.
func (b *bed) life(leads int) error {
	ctx := b.t.Context()
	if err := b.e.Settle(ctx); err != nil {
		return err
	}
	b.now += day
	if err := b.e.Settle(ctx); err != nil {
		return err
	}
	if err := b.happens(leads, "answered"); err != nil {
		return err
	}
	return b.e.Settle(ctx)
}

// TestDeathAtEveryWrite lets the process die at each of its durable writes, the
// write lost or kept. What comes up again goes on: each step of each lead was
// done once, none is missing.
func TestDeathAtEveryWrite(t *testing.T) {
	const leads = 3
	var want []string
	for n := range leads {
		for _, step := range []string{"first", "second", "third"} {
			want = append(want, leadOfNumber(n).String()+" "+step)
		}
	}
	slices.Sort(want)
	for _, kind := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
		for n := 1; ; n++ {
			b := newBed(t)
			b.publish(faulty)
			b.enters(leads)
			b.e.batch = 2
			writes := 0
			b.fault = func() storage.Fault {
				switch writes++; {
				case writes == n:
					return kind
				case writes > n:
					return storage.FaultLost
				}
				return storage.FaultNone
			}
			began := b.now
			err := b.life(leads)
			died := writes >= n
			if died == (err == nil) {
				t.Fatalf("%d writes, the fault at %d: %v", writes, n, err)
			}
			b.fault = nil
			if err := b.db.Close(); err != nil {
				t.Fatal(err)
			}
			b.open()
			b.now = max(b.now, began)
			if err := b.life(leads); err != nil {
				t.Fatal(err)
			}
			b.now += 2 * day
			if err := b.e.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := b.intents(); !slices.Equal(got, want) {
				t.Fatalf("died at write %d (%v): got  %q\nwant %q", n, kind, got, want)
			}
			for lead, times := range b.sets() {
				if times != 1 {
					t.Fatalf("died at write %d (%v): %s was set %d times", n, kind, lead, times)
				}
			}
			if len(b.sets()) != leads {
				t.Fatalf("died at write %d (%v): set for %v", n, kind, slices.Collect(maps.Keys(b.sets())))
			}
			if !died {
				if n < 8 {
					t.Errorf("a life has only %d writes: the test shows nothing", n)
				}
				break
			}
		}
	}
}

// A write that fails now and then stops nobody for good.
func TestWritesThatFailNowAndThen(t *testing.T) {
	b := newBed(t)
	b.publish(faulty)
	b.enters(20)
	b.e.batch = 3
	n := 0
	b.fault = func() storage.Fault {
		if n++; n%3 == 0 {
			return []storage.Fault{storage.FaultLost, storage.FaultReported}[n/3%2]
		}
		return storage.FaultNone
	}
	go1 := func() {
		for range 200 {
			if err := b.e.Settle(t.Context()); err == nil {
				return
			}
		}
		t.Fatal(errors.New("it never settles"))
	}
	go1()
	b.now += day
	go1()
	if got := len(b.intents()); got != 40 {
		t.Errorf("%d intents, want 40", got)
	}
}
