package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
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
	first, _ := w.db.Log().First(ctx, 0)
	old := map[[16]byte]bool{}
	err = w.db.Log().Read(ctx, 0, first, func(recs []storage.Record) error {
		for i := range recs {
			row, err := eventRow(&recs[i])
			if row == nil || err != nil || recs[i].Seq >= r.before {
				return err
			}
			var e tracker.Event
			if err := tracker.DecodeRow(row, &e); err != nil {
				return err
			}
			old[[16]byte(e.MessageID)] = true
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	known := map[string]bool{"": true}
	for _, f := range w.facts {
		if f.isMark() && !f.denied {
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
