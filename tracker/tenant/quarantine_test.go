package tenant

import (
	"errors"
	"testing"

	"ripen/tracker"
)

func TestQuarantine(t *testing.T) {
	w := newWorld(t)
	mine := w.create("acme")
	publish := func(points int) tracker.Activation {
		t.Helper()
		w.draft(mine, "saas", card("saas", "path", points))
		a, err := w.Publish(t.Context(), mine.ID, "saas", false)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for points := 1; points <= 3; points++ {
		publish(points)
	}
	f := func(version, wantCurrent int, wantErr error) {
		t.Helper()
		_, err := w.Quarantine(t.Context(), mine.ID, "saas", version, "fold: out of gas")
		if !errors.Is(err, wantErr) {
			t.Errorf("version %d: %v, want %v", version, err, wantErr)
		}
		cards, err := w.Cards(mine.ID)
		if err != nil {
			t.Fatal(err)
		}
		v := cards[0].Version(version)
		if cards[0].Current != wantCurrent || v != nil && (v.Quarantined == 0 || v.Why != "fold: out of gas") {
			t.Errorf("after version %d: %d is in force, want %d: %+v", version, cards[0].Current, wantCurrent, v)
		}
	}
	f(2, 3, nil) // not in force: nothing else changes
	f(3, 1, nil) // over the one that is quarantined, too
	f(3, 1, nil)
	f(9, 1, nil)
	w.reopen()
	f(1, 1, errNoVersion)
	if _, err := w.Rollback(t.Context(), mine.ID, "saas"); err == nil {
		t.Error("rolled back to a version in quarantine")
	}
	if a := publish(1); a.Version != 4 {
		t.Errorf("a good version after it: %+v", a)
	}
	publish(2)
	if a, err := w.Rollback(t.Context(), mine.ID, "saas"); err != nil || a.Version != 4 {
		t.Errorf("rolled back to %+v, %v", a, err)
	}
	publish(3)
	f(6, 4, nil) // not 5: somebody rolled it back
	w.same(mine)
}
