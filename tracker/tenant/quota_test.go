package tenant

import (
	"testing"
	"time"

	"ripen/tracker"
)

func TestQuota(t *testing.T) {
	var now time.Duration
	q := Quota{now: func() int64 { return int64(now) }}
	src, other := &tracker.Source{ID: 1, Rate: 4}, &tracker.Source{ID: 2, Rate: 1}
	take := func(s *tracker.Source, want time.Duration) {
		t.Helper()
		if got := q.Wait(s, 0); got != want {
			t.Errorf("at %v source %d waits %v, want %v", now, s.ID, got, want)
		}
	}
	for range 4 {
		take(src, 0) // a second's worth at once
	}
	take(src, 250*time.Millisecond)
	take(src, 250*time.Millisecond) // a refusal takes nothing
	take(other, 0)
	take(other, time.Second)
	now += 250 * time.Millisecond
	take(src, 0)
	take(src, 250*time.Millisecond)
	now += time.Hour // rest does not add up beyond a second's worth
	for range 4 {
		take(src, 0)
	}
	take(src, 250*time.Millisecond)
	src = &tracker.Source{ID: 1} // the limit is taken away
	for range 100 {
		take(src, 0)
	}
}
