package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// pass does one pass of retention, turn by turn; where, if given, is called
// after each step and may end it there by returning true, as a crash would.
func (w *world) pass(age time.Duration, where func(step string) bool) Retained {
	w.t.Helper()
	ctx := context.Background()
	r, err := w.s.planRetention(ctx, age, false)
	if err != nil {
		w.t.Fatal(err)
	}
	if r.report.Records == 0 {
		return r.report
	}
	if _, err := r.carryAll(ctx); err != nil {
		w.t.Fatal(err)
	}
	if where != nil && where("carried") {
		return r.report
	}
	w.turns()
	if where != nil && where("dropped") {
		return r.report
	}
	if err := r.trim(ctx); err != nil {
		if where == nil || !where("untrimmed") {
			w.t.Fatal(err)
		}
	}
	return r.report
}

// forget takes from the facts what a pass will drop.
func (w *world) forget(age time.Duration) {
	w.t.Helper()
	ctx := context.Background()
	r, err := w.s.planRetention(ctx, age, true)
	if err != nil {
		w.t.Fatal(err)
	}
	old := map[[16]byte]bool{}
	w.eachEvent(func(rec *storage.Record, e *tracker.Event, _ int64) error {
		if rec.Seq < r.before {
			old[[16]byte(e.MessageID)] = true
		}
		return nil
	})
	known := map[string]bool{"": true}
	for _, f := range w.facts {
		if f.isMark() && !f.denied && !f.head {
			known[f.visitor] = true
		}
	}
	var kept []*fact
	for _, f := range w.facts {
		if !old[f.id] || known[f.visitor] || f.typ == "form_submit" {
			kept = append(kept, f)
		}
	}
	w.facts, w.retained = kept, true
}

// eachEvent calls fn with the events of the log, carried ones too, and with when
// each was received.
func (w *world) eachEvent(fn func(rec *storage.Record, e *tracker.Event, received int64) error) {
	w.t.Helper()
	ctx := context.Background()
	first, _ := w.db.Log().First(ctx, 0)
	err := w.db.Log().Read(ctx, 0, first, func(recs []storage.Record) error {
		for i := range recs {
			row, err := eventRow(&recs[i])
			if err != nil {
				return err
			}
			if row == nil {
				continue
			}
			received := recs[i].Received
			if recs[i].Kind == storage.KindCarry {
				c, err := tracker.DecodeCarry(recs[i].Row)
				if err != nil {
					return err
				}
				received = c.Received
			}
			var e tracker.Event
			if err := tracker.DecodeRow(row, &e); err != nil {
				return err
			}
			if err := fn(&recs[i], &e, received); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// some makes random events, half of them of visitors nobody knows.
func (w *world) some(n int) (out []*fact) {
	for range n {
		f := w.one(uint64(w.rnd.Uint32()))
		if w.rnd.IntN(2) == 0 {
			f.visitor, f.user, f.email = fmt.Sprintf("a%d", w.rnd.IntN(9)), "", ""
		}
		out = append(out, f)
		w.facts = append(w.facts, f)
	}
	return out
}

// everywhere checks what is shown, live and derived anew.
func (w *world) everywhere(how string) {
	w.t.Helper()
	w.turns()
	w.check(w.s, w.now, how)
	w.checkFeed(how)
	w.crash()
	w.turns()
	w.check(w.s, w.now, how+", after a crash")
	w.checkFeed(how + ", after a crash")
	if w.rnd.IntN(2) == 0 {
		w.wipe()
	} else {
		w.rebuild()
	}
	w.check(w.s, w.now, how+", rebuilt")
	w.checkFeed(how + ", rebuilt")
}

// faulty returns what goes wrong in a pass.
func (w *world) faulty(kind int) func(step string) bool {
	return func(step string) bool {
		switch {
		case kind == 1 && step == "carried", kind == 2 && step == "dropped":
			w.crash()
			return true
		case kind == 3 && step == "carried":
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
		case kind == 4 && step == "dropped", kind == 5 && step == "dropped":
			w.fault = func(write string) storage.Fault {
				if write == storage.WriteAnchor {
					return storage.Fault(kind - 3)
				}
				return storage.FaultNone
			}
		case step == "untrimmed":
			w.fault = nil
			w.crash()
			return true
		}
		return false
	}
}

func TestRetentionIsTheSameForEveryReader(t *testing.T) {
	rounds := 18
	if testing.Short() {
		rounds = 6
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			start := int64(1_763_784_000_000)
			w := &world{rig: newRig(t, start+8*day), rnd: rand.New(rand.NewPCG(uint64(seed), 11)), start: start}
			w.cfg.baseEvery, w.cfg.txRecords = uint64(seed%3*4), seed%2
			w.crash()
			w.publish(testCard, 1)
			w.arrive(w.some(10 + w.rnd.IntN(120)))
			w.now = max(w.now, start+20*day)
			w.turns()

			age := time.Duration(1+w.rnd.IntN(8))*24*time.Hour + time.Duration(w.now-start-20*day)*time.Millisecond
			w.forget(age)
			w.pass(age, w.faulty(seed%6))
			w.pass(age, nil)
			w.everywhere("after a pass")
			last, _ := w.db.Log().Last(context.Background(), 0)
			if done := w.pass(age, nil); done.Records != 0 {
				t.Fatalf("a second pass found %+v", done)
			}
			if again, _ := w.db.Log().Last(context.Background(), 0); again != last {
				t.Fatalf("a second pass appended %d records", again-last)
			}

			// What was carried grows old, too.
			w.publish(otherCard, 2)
			w.start = w.now
			w.arrive(w.some(w.rnd.IntN(60)))
			w.now = max(w.now, w.start+20*day) + w.rnd.Int64N(40*day)
			w.turns()
			w.forget(24 * time.Hour)
			w.pass(24*time.Hour, w.faulty(w.rnd.IntN(6)))
			w.pass(24*time.Hour, nil)
			w.everywhere("when carries grew old")
			w.healthy()
		})
	}
}

// healthy asks the doctor.
func (w *world) healthy() {
	w.t.Helper()
	w.closeDB()
	r, err := storage.Doctor(context.Background(), w.dir)
	if err != nil || r.Err() != nil {
		w.t.Fatalf("doctor: %v, %+v", err, r)
	}
	w.openDB()
}

// portrait is what people see of the leads, those of anonymous visitors aside
// unless all is set.
func (r *rig) portrait(all bool) (out []string) {
	r.t.Helper()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	err := r.s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
		if l.ID.Kind == tracker.VisitorIdentity && !all {
			return nil
		}
		whole, err := r.s.Lead(c, testTenant, l.ID.String())
		if err != nil {
			return err
		}
		page, err := r.s.Timeline(c, testTenant, l.ID.String(), "", 1000, true)
		if err != nil {
			return err
		}
		sc := l.Scores["saas"]
		line := fmt.Sprintf("%s %d %s %s %+v attributes %v identities %v", l.ID, sc.Score, sc.Band, sc.Grade, sc.Reasons, whole.Attributes, whole.Identities)
		for _, e := range page.Events {
			line += fmt.Sprintf("\n  %s %d %x received %d personal %d", e.Type, e.Time, e.MessageID, e.Received, len(e.Personal))
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// live runs the loop while fn does what others do beside it.
func (r *rig) live(fn func(ctx context.Context)) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.s.Run(ctx) }()
	fn(ctx)
	cancel()
	if err := <-ended; err != nil {
		r.t.Fatal(err)
	}
}

func TestFourteenMonths(t *testing.T) {
	start := int64(1_763_784_000_000)
	r := newRig(t, start)
	r.append(activation(testCard, 1))
	id := uint64(0)
	next := func() uint64 { id++; return id }
	for month := range 14 {
		r.now = start + int64(month)*Month.Milliseconds()
		at := r.now - 1000
		r.append(
			event(next(), "identify", at, "v1", "ana", "", nil, []tracker.Field{text(tracker.Trait, "job", "cto"), text(tracker.Trait, fmt.Sprint("in month ", month), "yes")}),
			view(next(), at, "v1", "/pricing"),
			view(next(), at, fmt.Sprint("once ", month), "/pricing"),
			view(next(), at, "often", "/pricing"),
			event(next(), "purchase", at, fmt.Sprint("buyer ", month%2), "", "", nil, []tracker.Field{text(tracker.System, "ip", "192.0.2.1")}),
		)
		r.turns()
	}
	r.now += 20 * day
	r.turns()
	ana := r.portrait(false)
	var done Retained
	r.live(func(ctx context.Context) {
		dry, err := r.s.Retain(ctx, defaultAnonymous, true)
		if err != nil {
			t.Fatal(err)
		}
		if last, _ := r.db.Log().Last(ctx, 0); last != id+1 {
			t.Fatalf("a dry run appended up to %d", last)
		}
		if done, err = r.s.Retain(ctx, defaultAnonymous, false); err != nil {
			t.Fatal(err)
		}
		if dry.DryRun = false; dry != done {
			t.Fatalf("said %+v, did %+v", dry, done)
		}
	})
	// Months 0 of 14: the card and five events; ana's two and the purchase stay.
	if want := (Retained{Cutoff: done.Cutoff, First: 7, Records: 6, Carried: 3, Cards: 1, Dropped: 2}); done != want {
		t.Fatalf("got %+v, want %+v", done, want)
	}
	if first, _ := r.db.Log().First(context.Background(), 0); first != done.First {
		t.Fatalf("the log begins at %d, not %d", first, done.First)
	}
	r.turns()
	compare := func(how string, got, want []string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s:\n got %s\nwant %s", how, got, want)
		}
	}
	compare("identified leads after a pass", r.portrait(false), ana)
	all := r.portrait(true)
	for _, l := range all {
		if l[:34] == (tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: hash("once 0")}).String() {
			t.Fatalf("still there: %s", l)
		}
	}
	if len(all) != 1+13+1+2 {
		t.Fatalf("%d leads: %s", len(all), all)
	}
	r.live(func(ctx context.Context) {
		if err := r.s.Replay(ctx, nil); err != nil {
			t.Fatal(err)
		}
	})
	r.turns()
	compare("replayed", r.portrait(true), all)
	r.live(func(ctx context.Context) {
		if again, err := r.s.Retain(ctx, defaultAnonymous, false); err != nil || again.Records != 0 {
			t.Fatalf("a second pass: %+v, %v", again, err)
		}
	})
	compare("after a second pass", r.portrait(true), all)
}

func TestErasedStaysErasedWhenCarried(t *testing.T) {
	start := int64(1_763_784_000_000)
	r := newRig(t, start)
	r.append(activation(testCard, 1),
		event(1, "identify", start, "v1", "ana", "", nil, []tracker.Field{text(tracker.Trait, "name", "Ana")}))
	r.turns()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	who := tracker.LeadID{Kind: tracker.UserIdentity, Hash: hash("ana")}.String()
	subjects, err := r.s.Subjects(c, testTenant, who)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.db.Erase(context.Background(), storage.Tenant(testTenant), subjects); err != nil {
		t.Fatal(err)
	}
	r.now += 60 * day
	r.turns()
	w := &world{rig: r}
	if done := w.pass(30*24*time.Hour, nil); done.Carried != 1 {
		t.Fatalf("got %+v", done)
	}
	for _, how := range []string{"live", "rebuilt"} {
		l, err := r.s.Lead(c, testTenant, who)
		if err != nil || len(l.Attributes) != 0 {
			t.Fatalf("%s: %+v, %v", how, l, err)
		}
		w.rebuild()
	}
}
