package outbox

import (
	"sync/atomic"
	"testing"

	"ripen/tracker"
)

// TestChannelSaysWhatItMeans lets a channel put off, park and end: what is put off
// counts for no attempt, what is ended keeps no body and lets the next one pass.
func TestChannelSaysWhatItMeans(t *testing.T) {
	w := newWorld(t)
	w.to = tracker.MailPlace
	var asked atomic.Int64
	w.answer = func(*delivery) result {
		switch asked.Add(1) {
		case 1, 2:
			return result{outcome: tracker.OutcomePutOff, after: 1}
		case 3:
			return result{outcome: tracker.OutcomeRefused, status: 550, detail: "it bounced", ended: true}
		case 4:
			return result{outcome: tracker.OutcomeRefused, status: 554, detail: "spam", gone: true}
		}
		return result{outcome: tracker.OutcomeAccepted, status: 250}
	}
	w.run()
	if _, err := w.enqueue(1, 3); err != nil {
		t.Fatal(err)
	}
	w.settled()
	list := w.list("")
	want := []string{tracker.IntentDelivered, tracker.IntentParked, tracker.IntentWithdrawn} // the newest first
	for i, in := range list {
		if in.State != want[i] || in.Tries != 1 || len(in.Attempts) != 1 {
			t.Errorf("%d: %+v, want %s after one attempt", i, in, want[i])
		}
	}
	if list[2].Why != "it bounced" || list[1].Why != "spam" {
		t.Errorf("reasons: %q, %q", list[2].Why, list[1].Why)
	}
	in, err := w.box.Retry(w.tenant.ID, list[1].ID)
	if err != nil || in.State != tracker.IntentPending {
		t.Fatalf("%+v, %v", in, err)
	}
	w.settled()
	if _, err := w.box.Retry(w.tenant.ID, list[2].ID); tracker.KindOf(err) != tracker.KindConflict {
		t.Errorf("what bounced is sent again: %v", err)
	}
}
