package tenant

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// card is a card of one rule that reads the property called field.
func card(name, field string, points int) []byte {
	return fmt.Appendf(nil, `scorecard: %s
dimensions:
  interest:
    kind: behaviour
    max: 100
    groups:
      web: {max: 100, rules: [
        {id: look, event: page_view, where: {%s: "/price*"}, points: %d, why: "Looks"}]}
score:
  combine: sum
  of: [{dimension: interest, times: 1}]
  scale: {from: [0, 100], to: [1, 100]}
`, name, field, points)
}

// world is a registry on a data directory that a test may open again.
type world struct {
	*Registry
	t     *testing.T
	dir   string
	db    *storage.DB
	fault func(write string) storage.Fault // asked once open
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.open()
	t.Cleanup(func() { w.db.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.fault = nil
	w.db, err = storage.Open(w.dir, storage.Options{ReblockEvery: -1, ProbeEvery: time.Millisecond, Fault: func(write string) storage.Fault {
		if write == storage.WriteRows || write == storage.WriteHighWater || w.fault == nil { // these have a goroutine of their own
			return storage.FaultNone
		}
		return w.fault(write)
	}})
	if err == nil {
		w.Registry, err = Open(w.db.Meta(), w.db.Log(), w.db.Now)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reopen() {
	w.t.Helper()
	if err := w.db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) create(name string) *tracker.Tenant {
	w.t.Helper()
	t, _, _, err := w.Create(name, "", "")
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) draft(t *tracker.Tenant, name string, yaml []byte) {
	w.t.Helper()
	if _, err := w.Draft(t.ID, name, yaml); err != nil {
		w.t.Fatal(err)
	}
}

// activations returns what the log put in force for a tenant, in order.
func (w *world) activations(t *tracker.Tenant) (names []string) {
	w.t.Helper()
	err := w.db.Log().Read(context.Background(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			if recs[i].Kind != storage.KindControl || recs[i].Tenant != t.ID {
				continue
			}
			c, err := tracker.DecodeControl(recs[i].Row)
			if err != nil {
				return err
			}
			names = append(names, c.Activation.Name())
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// same fails unless meta/ says what the log says: the last activation of a card
// is the version that the registry calls current, and nothing is pending.
func (w *world) same(t *tracker.Tenant) {
	w.t.Helper()
	last := map[string]string{}
	for _, a := range w.activations(t) {
		name, _, _ := strings.Cut(a, "@")
		last[name] = a
	}
	rows, err := w.cardRows(t.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, row := range rows {
		got := ""
		if row.Current > 0 {
			got = fmt.Sprintf("%s@%d", name, row.Current)
		}
		if got != last[name] || row.Pending != nil {
			w.t.Errorf("meta/ says %q is in force (pending %v), the log says %q", got, row.Pending, last[name])
		}
	}
}

func TestPublishIsInTheLog(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	mine, other := w.create("mine"), w.create("other")
	w.draft(mine, "shop", card("shop", "path", 10))
	a, err := w.Publish(ctx, mine.ID, "shop", false)
	if err != nil || a.Name() != "shop@1" || !a.Ranking {
		t.Fatalf("the first card of a tenant is its ranking: got %+v, %v", a, err)
	}
	w.draft(mine, "web", card("web", "title", 10))
	if a, err := w.Publish(ctx, mine.ID, "web", false); err != nil || a.Ranking {
		t.Fatalf("a second card is not, unless it says so: got %+v, %v", a, err)
	}
	w.draft(mine, "shop", card("shop", "path", 20))
	for range 2 {
		if _, err := w.Publish(ctx, mine.ID, "shop", false); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(w.activations(mine)); got != "[shop@1 web@1 shop@2 shop@3]" {
		t.Errorf("the log says %s", got)
	}
	w.reopen()
	w.same(mine)
	now := w.Tenant(mine.ID)
	if _, title := now.Clear["title"]; now.Ranking != "shop" || !title {
		t.Errorf("got %+v", now)
	}
	if cards, err := w.Cards(other.ID); err != nil || len(cards) != 0 || len(w.activations(other)) != 0 {
		t.Errorf("another tenant got %+v, %v", cards, err)
	}
	if _, title := w.Tenant(other.ID).Clear["title"]; title {
		t.Error("what one tenant's card reads is in the clear for another")
	}
}

// TestActivationsUnderFaults makes each durable write of a publication and of a
// rollback fail, in both ways, and looks whether meta/ and the log still say
// the same: when it is asked for again, and after the process died there.
func TestActivationsUnderFaults(t *testing.T) {
	for _, kind := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
		for _, write := range []string{storage.WriteMeta, storage.WriteCommit} {
			for nth := 1; nth <= 2; nth++ {
				for _, restart := range []bool{false, true} {
					for _, op := range []string{askPublish, askRollback} {
						t.Run(fmt.Sprintf("%s/%s/%d/%d/restart=%t", op, write, nth, kind, restart), func(t *testing.T) {
							t.Parallel()
							activateUnderFault(t, op, write, nth, kind, restart)
						})
					}
				}
			}
		}
	}
}

func activateUnderFault(t *testing.T, op, write string, nth int, kind storage.Fault, restart bool) {
	w, ctx := newWorld(t), context.Background()
	mine := w.create("mine")
	for i := range 3 {
		w.draft(mine, "shop", card("shop", "path", 10*(i+1)))
		if _, err := w.Publish(ctx, mine.ID, "shop", true); err != nil {
			t.Fatal(err)
		}
	}
	w.draft(mine, "shop", card("shop", "path", 40))
	ask := func() (tracker.Activation, error) {
		if op == askRollback {
			return w.Rollback(ctx, mine.ID, "shop")
		}
		return w.Publish(ctx, mine.ID, "shop", true)
	}
	want := map[string]string{askPublish: "shop@4", askRollback: "shop@2"}[op]
	seen := 0
	w.fault = func(name string) storage.Fault {
		if name == write {
			if seen++; seen == nth {
				return kind
			}
		}
		return storage.FaultNone
	}
	got, failed := ask()
	done := failed == nil
	if restart {
		w.reopen()
		w.same(mine)
		done = len(w.activations(mine)) == 4 // the answer got lost, or said "not known"
		if failed == nil && !done {
			t.Fatal("what was answered for is not in the log")
		}
	}
	if !done { // ask again until the log takes records
		for failed = nil; ; {
			if got, failed = ask(); failed == nil {
				break
			}
			if tracker.KindOf(failed) != tracker.KindBusy {
				t.Fatalf("asked again: %v", failed)
			}
			runtime.Gosched()
		}
	}
	if failed == nil && got.Name() != want {
		t.Errorf("got %s, want %s", got.Name(), want)
	}
	w.same(mine)
	if log := w.activations(mine); len(log) != 4 || log[3] != want {
		t.Errorf("the log says %v, want %s once at its end", log, want)
	}
}

func TestRollbackGoesBackOneVersion(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	mine := w.create("mine")
	for i := range 3 {
		w.draft(mine, "shop", card("shop", "path", 10*(i+1)))
		if _, err := w.Publish(ctx, mine.ID, "shop", true); err != nil {
			t.Fatal(err)
		}
	}
	f := func(want string) {
		t.Helper()
		a, err := w.Rollback(ctx, mine.ID, "shop")
		if err != nil || a.Name() != want {
			t.Fatalf("got %s, %v; want %s", a.Name(), err, want)
		}
	}
	f("shop@2")
	f("shop@1")
	if _, err := w.Rollback(ctx, mine.ID, "shop"); tracker.KindOf(err) != tracker.KindConflict {
		t.Errorf("before the first version: %v", err)
	}
	w.draft(mine, "shop", card("shop", "path", 50))
	if a, err := w.Publish(ctx, mine.ID, "shop", true); err != nil || a.Version != 4 {
		t.Errorf("a version number was used again: %+v, %v", a, err)
	}
	w.reopen()
	before := w.clock()
	f("shop@1") // not 3: somebody rolled it back
	if rows, err := w.Cards(mine.ID); err != nil || rows[0].Since < before {
		t.Errorf("in force since %d, rolled back after %d, %v", rows[0].Since, before, err)
	}
	w.same(mine)
}

// A file that was written from an older version would undo, unseen, what was
// published since.
func TestStaleFileIsRefused(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	mine := w.create("mine")
	from := func(version int) []byte {
		return append(fmt.Appendf(nil, "version: %d\n", version), card("shop", "path", 10)...)
	}
	for _, version := range []int{7, 7, 1} { // nothing published yet: any base will do
		if _, err := w.Draft(mine.ID, "shop", from(version)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := w.Publish(ctx, mine.ID, "shop", true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Draft(mine.ID, "shop", from(1)); tracker.KindOf(err) != tracker.KindConflict {
		t.Errorf("a file written from version 1 after version 2: %v, want a conflict", err)
	}
	if _, err := w.Draft(mine.ID, "shop", from(2)); err != nil {
		t.Errorf("a file written from the latest version: %v", err)
	}
}
