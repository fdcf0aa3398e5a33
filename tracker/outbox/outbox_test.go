package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// TestPlaceThatWasAway lets a destination fail for a while: it is left alone,
// and when it is back each lead's intents come in order, without waiting for
// pauses of their own.
func TestPlaceThatWasAway(t *testing.T) {
	w := newWorld(t)
	w.hook("crm")
	w.box.cfg.pauses = slices.Repeat(pauses[11:12], 20) // hours
	var away atomic.Bool
	var asked atomic.Int64
	away.Store(true)
	w.answer = func(*delivery) result {
		asked.Add(1)
		if away.Load() {
			return result{outcome: tracker.OutcomeRefused, status: 503}
		}
		return result{outcome: tracker.OutcomeAccepted}
	}
	w.run()
	if _, err := w.enqueue(9, 2); err != nil {
		t.Fatal(err)
	}
	p := func() (p place) {
		w.box.mu.Lock()
		defer w.box.mu.Unlock()
		return *w.box.place(placeKey{w.tenant.ID, "crm"})
	}
	w.await("a place that is left alone", func() bool { return p().until > 0 && len(p().flying) == 0 })
	if n := asked.Load(); n > failuresMost+3 { // and those that flew when it began
		t.Errorf("a place that is away was asked %d times", n)
	}
	away.Store(false)
	w.box.mu.Lock()
	w.box.places[placeKey{w.tenant.ID, "crm"}].until = 0 // the pause is over
	w.box.mu.Unlock()
	w.box.Wake()
	w.settled()
	w.checkTaken(9, 2)
}

// TestParked parks what fails too often, lets what is behind it pass, and sends
// it when a person says so.
func TestParked(t *testing.T) {
	w := newWorld(t)
	w.hook("crm")
	bad := w.intent(0, 0)
	var refuse atomic.Bool
	refuse.Store(true)
	w.answer = func(d *delivery) result {
		if d.id == bad.ID && refuse.Load() {
			return result{outcome: tracker.OutcomeRefused, status: 400}
		}
		return result{outcome: tracker.OutcomeAccepted}
	}
	w.run()
	if _, err := w.enqueue(1, 3); err != nil {
		t.Fatal(err)
	}
	w.settled()
	parked := w.list(tracker.IntentParked)
	if len(parked) != 1 || parked[0].ID != bad.ID.String() || len(parked[0].Attempts) != 4 || len(w.taken) != 2 {
		t.Fatalf("parked %+v, taken %v", parked, w.taken)
	}
	refuse.Store(false)
	if _, err := w.box.Retry(w.tenant.ID, bad.ID.String()); err != nil {
		t.Fatal(err)
	}
	w.settled()
	if len(w.taken) != 3 || len(w.list(tracker.IntentParked)) != 0 {
		t.Errorf("taken %v", w.taken)
	}
	if _, err := w.box.Retry(w.tenant.ID, bad.ID.String()); tracker.KindOf(err) != tracker.KindConflict {
		t.Errorf("what was delivered, again: %v", err)
	}
	if _, err := w.box.Retry(w.tenant.ID, strings.Repeat("0", 32)); tracker.KindOf(err) != tracker.KindNotFound {
		t.Errorf("what is not there: %v", err)
	}
}

// TestRetryGoesFirst puts a parked intent back before a later one of its lead.
func TestRetryGoesFirst(t *testing.T) {
	w := newWorld(t)
	if _, err := w.enqueue(1, 1); err != nil {
		t.Fatal(err)
	}
	w.hook("crm")
	if fresh, err := w.enqueue(1, 3); err != nil || fresh != 2 {
		t.Fatal(fresh, err)
	}
	first := w.list(tracker.IntentParked)
	if len(first) != 1 || !strings.Contains(first[0].Why, "no webhook crm") {
		t.Fatalf("got %+v", first)
	}
	if _, err := w.box.Retry(w.tenant.ID, first[0].ID); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.settled()
	w.checkTaken(1, 3)
}

// TestErased withdraws what is about somebody who was erased before it left.
func TestErased(t *testing.T) {
	w := newWorld(t)
	w.hook("crm")
	if _, err := w.enqueue(2, 1); err != nil {
		t.Fatal(err)
	}
	in := w.intent(0, 0)
	if err := w.db.Erase(context.Background(), w.tenant.ID, []storage.Subject{in.Subject}); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.settled()
	got, err := w.box.Get(w.tenant.ID, in.ID.String())
	if err != nil || got.State != tracker.IntentWithdrawn || got.Body != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(w.taken) != 1 || w.taken[0] != string(w.intent(1, 0).Body) {
		t.Errorf("taken: %v", w.taken)
	}
	if n := len(w.list(tracker.IntentDelivered)); n != 1 {
		t.Errorf("%d were delivered", n)
	}
}

// TestDeleteWebhook parks what waits, and lets it go to the next of that name.
func TestDeleteWebhook(t *testing.T) {
	w := newWorld(t)
	w.hook("crm")
	if _, err := w.enqueue(3, 2); err != nil {
		t.Fatal(err)
	}
	if err := w.box.DeleteWebhook(w.tenant.ID, "crm"); err != nil {
		t.Fatal(err)
	}
	if err := w.box.DeleteWebhook(w.tenant.ID, "crm"); tracker.KindOf(err) != tracker.KindNotFound {
		t.Errorf("once more: %v", err)
	}
	waiting, parked, err := w.box.Count()
	if err != nil || waiting != 0 || parked != 6 {
		t.Fatalf("%d wait, %d are parked, %v", waiting, parked, err)
	}
	w.run()
	w.hook("crm")
	for _, in := range w.list(tracker.IntentParked) {
		w.await("a lead at rest", func() bool {
			_, err := w.box.Retry(w.tenant.ID, in.ID)
			return err == nil || tracker.KindOf(err) != tracker.KindBusy
		})
	}
	w.settled()
	if len(w.taken) != 6 {
		t.Errorf("taken: %v", w.taken)
	}
}

func TestRotateWebhook(t *testing.T) {
	w := newWorld(t)
	w.hook("crm")
	first, err := w.box.Webhook(w.tenant.ID, "crm")
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.box.RotateWebhook(w.tenant.ID, "crm", 0)
	if err != nil {
		t.Fatal(err)
	}
	now := w.db.Now()
	f := func(at int64, want int) {
		t.Helper()
		got := strings.Fields(signatures(second.Secrets, at, "id", "1", []byte("{}")))
		if len(got) != want || got[0] != signatures(second.Secrets[:1], at, "id", "1", []byte("{}")) {
			t.Errorf("got %v, want %d", got, want)
		}
	}
	f(now, 2)
	f(now+25*3_600_000, 1)
	if second.Secrets[1].Secret != first.Secrets[0].Secret || second.Secrets[0].Secret == first.Secrets[0].Secret {
		t.Errorf("got %+v after %+v", second.Secrets, first.Secrets)
	}
	if _, err := w.box.RotateWebhook(w.tenant.ID, "crm", now-1); err != nil { // one that leaked
		t.Fatal(err)
	}
	w.close()
	w.open()
	third, err := w.box.Webhook(w.tenant.ID, "crm")
	if err != nil || len(third.Secrets) != 1 {
		t.Errorf("got %+v, %v", third, err)
	}
}

func TestWebhooksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	f := func(field, name, url string, concurrency int) {
		t.Helper()
		_, err := w.box.CreateWebhook(w.tenant.ID, tracker.Webhook{Name: name, URL: url, Concurrency: concurrency})
		if tracker.KindOf(err) != tracker.KindInvalid || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s %s: %v", name, url, err)
		}
	}
	f("name", "", "https://a.example", 1)
	f("name", "a/b", "https://a.example", 1)
	f("url", "a", "http://a.example", 1)
	f("url", "a", "ftp://a.example", 1)
	f("url", "a", "https://u:p@a.example", 1)
	f("url", "a", "https://a.example/ b", 1)
	f("url", "a", "a.example", 1)
	f("concurrency", "a", "https://a.example", 99)
	for i := range hooksMost {
		w.hook(fmt.Sprintf("h%d", i))
	}
	f("name", "one_more", "https://a.example", 1)
}

// TestForget drops what ended long ago, and nothing else.
func TestForget(t *testing.T) {
	w := newWorld(t)
	w.hook("crm")
	w.run()
	if _, err := w.enqueue(2, 1); err != nil {
		t.Fatal(err)
	}
	w.settled()
	old := w.list("")
	err := w.box.Update(func(tx *storage.Tx) error {
		r := rows{tx, w.tenant.ID}
		id, err := parseID(old[1].ID)
		if err != nil {
			return err
		}
		row, err := r.intent(id)
		if err != nil {
			return err
		}
		row.Created -= Keep + 1000
		return r.save(id, row)
	})
	if err != nil {
		t.Fatal(err)
	}
	if next, err := w.box.Forget(w.tenant.ID, 1); next != 0 || err != nil {
		t.Fatal(next, err)
	}
	left := w.list("")
	if len(left) != 1 || left[0].ID != old[0].ID {
		t.Errorf("left: %+v", left)
	}
}
