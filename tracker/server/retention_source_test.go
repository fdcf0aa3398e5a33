package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

var secondSource = &tracker.Source{ID: 2, Tenant: &tracker.Tenant{ID: testTenant, Name: "acme"}, Name: "blog"}

// expire does one pass over the second source, turn by turn; where, if given, is
// called after each step and may end it there by returning true, as a crash would.
func (w *world) expire(age time.Duration, where func(step string) bool) Expired {
	w.t.Helper()
	ctx := context.Background()
	src := *secondSource
	src.Retention = age
	p, due, err := w.s.planExpiry(ctx, &src)
	if err != nil {
		w.t.Fatal(err)
	}
	if !due {
		return p.report
	}
	if err := p.find(ctx); err != nil {
		w.t.Fatal(err)
	}
	if recs := p.records(); len(recs) > 0 {
		if err := w.s.log.Append(ctx, 0, recs); err != nil {
			w.t.Fatal(err)
		}
	}
	if where != nil && where("told") {
		return p.report
	}
	w.turns()
	if where != nil && where("forgotten") {
		return p.report
	}
	if err := w.db.Blank(ctx, 0, p.task); err != nil {
		if where == nil || !where("unblanked") {
			w.t.Fatal(err)
		}
	}
	return p.report
}

// age returns the facts without what a pass over the second source takes away.
func (w *world) age(age time.Duration) {
	w.t.Helper()
	cutoff := (w.now - age.Milliseconds()) / day * day
	received := map[[16]byte]int64{}
	w.eachEvent(func(_ *storage.Record, e *tracker.Event, at int64) error {
		received[[16]byte(e.MessageID)] = at
		return nil
	})
	w.retained = true
	w.facts = slices.DeleteFunc(w.facts, func(f *fact) bool {
		return f.source == 2 && received[f.id] < cutoff && f.typ != "form_submit"
	})
}

// noneOf checks that the log holds nothing of the second source from before a moment
// but lasting events, and nothing sealed of those.
func (w *world) noneOf(age time.Duration) {
	w.t.Helper()
	cutoff := (w.now - age.Milliseconds()) / day * day
	x := tracker.Expiry{Source: 2, Before: cutoff}
	w.eachEvent(func(rec *storage.Record, e *tracker.Event, received int64) error {
		if gone, bare := x.Takes(e, received); gone || bare && len(rec.Personal) > 0 {
			return fmt.Errorf("record %d is there: %s", rec.Seq, e.Type)
		}
		return nil
	})
}

// crashes returns what goes wrong in a pass over a source.
func (w *world) crashes(kind int) func(step string) bool {
	return func(step string) bool {
		switch {
		case kind == 1 && step == "told", kind == 2 && step == "forgotten":
			w.crash()
			return true
		case kind == 3 && step == "told":
			left := w.rnd.IntN(8)
			w.fault = func(write string) storage.Fault {
				if left--; write == storage.WriteLeads && left < 0 {
					return storage.FaultLost
				}
				return storage.FaultNone
			}
			more, err := true, error(nil)
			for more && err == nil {
				more, err = w.s.turn(context.Background())
			}
			w.fault = nil
			w.crash()
			return true
		case (kind == 4 || kind == 5) && step == "forgotten":
			left := w.rnd.IntN(2)
			w.fault = func(write string) storage.Fault {
				if write != storage.WriteBlank {
					return storage.FaultNone
				}
				if left--; left < 0 {
					return storage.Fault(kind - 3)
				}
				return storage.FaultNone
			}
		case step == "unblanked":
			w.fault = nil
			w.crash()
			return true
		}
		return false
	}
}

// ofSources makes random events of two sources, none that happens later than a day
// after it is received: so it is of every event that ingest takes, and no retention
// is shorter than a month.
func (w *world) ofSources(n int) []*fact {
	all := w.some(n)
	for _, f := range all {
		f.source = 1 + uint32(w.rnd.IntN(2))
		f.at = min(f.at, w.now+w.rnd.Int64N(day))
	}
	return all
}

func TestRetentionOfASourceIsTheSameForEveryReader(t *testing.T) {
	rounds := 18
	if testing.Short() {
		rounds = 6
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			start := int64(1_763_784_000_000)
			w := &world{rig: newRig(t, start+8*day), rnd: rand.New(rand.NewPCG(uint64(seed), 12)), start: start}
			w.cfg.baseEvery, w.cfg.txRecords = uint64(seed%3*4), seed%2
			w.crash()
			w.publish(testCard, 1)
			w.arrive(w.ofSources(20 + w.rnd.IntN(120)))
			w.now = max(w.now, start+20*day)
			w.turns()

			age := time.Duration(1+w.rnd.IntN(8))*24*time.Hour + time.Duration(w.now-start-20*day)*time.Millisecond
			w.age(age)
			w.expire(age, w.crashes(seed%6))
			w.expire(age, nil)
			w.noneOf(age)
			w.everywhere("after a pass")
			last, _ := w.db.Log().Last(context.Background(), 0)
			if done := w.expire(age, nil); done.Dropped+done.Bared != 0 {
				t.Fatalf("a second pass found %+v", done)
			}
			if again, _ := w.db.Log().Last(context.Background(), 0); again != last {
				t.Fatalf("a second pass appended %d records", again-last)
			}

			// Whole days are dropped, too, and what they left of the source grows old.
			w.publish(otherCard, 2)
			w.start = w.now
			w.arrive(w.ofSources(w.rnd.IntN(60)))
			w.now = max(w.now, w.start+20*day) + w.rnd.Int64N(40*day)
			w.turns()
			whole := time.Duration(10+w.rnd.IntN(10)) * 24 * time.Hour
			w.forget(whole)
			w.pass(whole, nil)
			w.now += day
			later := whole + time.Duration(w.rnd.IntN(7)-3)*24*time.Hour
			w.age(later)
			w.expire(later, w.crashes(w.rnd.IntN(6)))
			w.expire(later, nil)
			w.noneOf(later)
			live := w.portrait(true)
			w.everywhere("with days dropped")
			if now := w.portrait(true); fmt.Sprint(now) != fmt.Sprint(live) {
				t.Fatalf("live:\n%s\nderived anew:\n%s", live, now)
			}
			w.healthy()
		})
	}
}

// ofBlog makes a record one of the second source.
func ofBlog(r storage.Record) storage.Record {
	var e tracker.Event
	if err := tracker.DecodeRow(r.Row, &e); err != nil {
		panic(err)
	}
	e.Source = 2
	r.Row = tracker.AppendRow(nil, &e)
	return r
}

func TestASourceForgets(t *testing.T) {
	start := int64(1_763_784_000_000)
	r := newRig(t, start)
	ip := []tracker.Field{text(tracker.System, "ip", "192.0.2.1")}
	r.append(activation(testCard, 1),
		event(1, "identify", start-4000, "v1", "ana", "", nil, []tracker.Field{text(tracker.Trait, "job", "cto")}),
		ofBlog(event(2, "identify", start-3000, "v1", "ana", "", nil, []tracker.Field{text(tracker.Trait, "name", "Ana")})),
		ofBlog(view(3, start-2000, "v1", "/pricing")),
		ofBlog(event(4, "purchase", start-1000, "v2", "", "", nil, ip)),
		ofBlog(event(5, "identify", start-1000, "v3", "bob", "", nil, nil)), // nobody else says who v3 is
		view(6, start-500, "v3", "/pricing"),
	)
	r.turns()
	r.now += 40 * day
	r.append(ofBlog(view(7, r.now, "v1", "/about")))
	r.turns()
	src := *secondSource
	src.Retention = Month
	want := Expired{Tenant: "acme", Source: "blog", Keep: 2629800, Cutoff: "2025-12-01T00:00:00Z", Dropped: 3, Bared: 1}
	r.live(func(ctx context.Context) {
		for _, dry := range []bool{true, false} {
			done, err := r.s.RetainSource(ctx, &src, dry)
			if err != nil {
				t.Fatal(err)
			}
			if done != want {
				t.Fatalf("dry %v: got %+v, want %+v", dry, done, want)
			}
		}
		if again, err := r.s.RetainSource(ctx, &src, false); err != nil || again.Dropped+again.Bared > 0 {
			t.Fatalf("a second pass: %+v, %v", again, err)
		}
	})
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	for _, how := range []string{"live", "rebuilt"} {
		ana, err := r.s.Lead(c, testTenant, tracker.LeadID{Kind: tracker.UserIdentity, Hash: hash("ana")}.String())
		if err != nil || ana.Attributes["job"] != "cto" || ana.Attributes["name"] != nil || ana.Events != 2 {
			t.Fatalf("%s: %+v, %v", how, ana, err)
		}
		if l, err := r.s.Lead(c, testTenant, tracker.LeadID{Kind: tracker.UserIdentity, Hash: hash("bob")}.String()); err == nil {
			t.Fatalf("%s: bob is still known: %+v", how, l)
		}
		if l, err := r.s.Lead(c, testTenant, tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: hash("v3")}.String()); err != nil || l.ID.Kind != tracker.VisitorIdentity {
			t.Fatalf("%s: v3: %+v, %v", how, l, err)
		}
		page, err := r.s.Timeline(c, testTenant, tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: hash("v2")}.String(), "", 10, true)
		if err != nil || len(page.Events) != 1 || len(page.Events[0].Personal) > 0 {
			t.Fatalf("%s: v2 did %+v, %v", how, page.Events, err)
		}
		(&world{rig: r}).rebuild()
	}
	(&world{rig: r}).healthy()
}
