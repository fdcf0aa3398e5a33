package outbox

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// TestDeathAtEveryWrite lets the process die at each of its durable writes, the
// write lost or kept, while a receiver refuses now and then. What comes up again
// derives its intents again, and delivers: none is missing, none was made twice,
// each lead's come in order, and only what may have arrived came a second time.
func TestDeathAtEveryWrite(t *testing.T) {
	for _, to := range []string{"crm", tracker.MailPlace} {
		dieEverywhere(t, to)
	}
}

func dieEverywhere(t *testing.T, to string) {
	for _, kind := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
		for n := int64(1); ; n++ {
			died := false
			t.Run(fmt.Sprintf("%s/%d/%d", to, kind, n), func(t *testing.T) { died = dieAt(t, to, kind, n) })
			if t.Failed() || !died {
				if n < 8 {
					t.Errorf("a life has only %d writes: the test shows nothing", n)
				}
				break
			}
		}
	}
}

func dieAt(t *testing.T, to string, kind storage.Fault, n int64) (died bool) {
	const leads, each = 2, 2
	w := newWorld(t)
	w.to = to
	w.hook("crm")
	var writes, asked atomic.Int64
	fault := func() storage.Fault {
		switch at := writes.Add(1); {
		case at == n:
			return kind
		case at > n:
			return storage.FaultLost
		}
		return storage.FaultNone
	}
	w.fault.Store(&fault)
	w.answer = func(*delivery) result {
		switch n := asked.Add(1) % 4; {
		case n == 0 && to != "crm":
			return result{outcome: tracker.OutcomePutOff, after: 1}
		case n == 2:
			return result{outcome: tracker.OutcomeRefused, status: 422}
		}
		return result{outcome: tracker.OutcomeAccepted, status: 200}
	}
	w.run()
	_, err := w.enqueue(leads, each)
	w.await("the end of a life", func() bool {
		waiting, _, _ := w.box.Count()
		return writes.Load() >= n || err == nil && waiting == 0
	})
	died = writes.Load() >= n
	w.stop()
	w.fault.Store(nil)
	w.close()
	w.open()
	w.run()
	fresh, err := w.enqueue(leads, each)
	if err != nil {
		t.Fatal(err)
	}
	if n > 1 && fresh != 0 || n == 1 && kind == storage.FaultReported && fresh != 0 {
		t.Errorf("%d intents were made again", fresh)
	}
	w.settled()
	w.checkTaken(leads, each)
	return died
}

// checkTaken says whether the receiver has each intent of each lead, in order,
// and none more often than there were attempts with an unknown outcome.
func (w *world) checkTaken(leads, each int) {
	w.t.Helper()
	list := w.list("")
	if len(list) != leads*each {
		w.t.Fatalf("%d intents are stored, want %d", len(list), leads*each)
	}
	for n := range leads {
		var order []string
		for _, body := range w.taken {
			if strings.HasPrefix(body, fmt.Sprintf(`{"lead":%d,`, n)) && !slices.Contains(order, body) {
				order = append(order, body)
			}
		}
		for i := range each {
			if want := string(w.intent(n, i).Body); i >= len(order) || order[i] != want {
				w.t.Fatalf("lead %d: got %v, want %s at %d", n, order, want, i)
			}
		}
	}
	for _, in := range list {
		unknown, times := 0, 0
		for _, a := range in.Attempts {
			if a.Outcome == tracker.OutcomeUnknown {
				unknown++
			}
		}
		for _, body := range w.taken {
			if body == w.bodies[in.ID] {
				times++
			}
		}
		if in.State != tracker.IntentDelivered || times > 1+unknown {
			w.t.Errorf("%+v: it was taken %d times", in, times)
		}
	}
}

// TestWritesThatFailNowAndThen lets every third write fail without an end of the
// process: the outbox goes on by itself.
func TestWritesThatFailNowAndThen(t *testing.T) {
	for _, kind := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
		w := newWorld(t)
		w.hook("crm")
		var n atomic.Int64
		fault := func() storage.Fault {
			if n.Add(1)%3 == 0 {
				return kind
			}
			return storage.FaultNone
		}
		w.fault.Store(&fault)
		w.run()
		for made := 0; made < 4; {
			fresh, err := w.enqueue(2, 2)
			if made += fresh; err != nil && kind == storage.FaultReported {
				made = 4
			}
		}
		w.settled()
		w.checkTaken(2, 2)
		if len(w.taken) != 4 {
			t.Errorf("taken %d times without an unknown outcome: %v", len(w.taken), w.taken)
		}
		w.fault.Store(nil)
	}
}
