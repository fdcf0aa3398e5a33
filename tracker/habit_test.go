package tracker

import (
	"testing"
	"time"
)

// A few moments leave the usual hour standing; four about one hour do not.
func TestHabit(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 27, 0, 0, 0, 0, madrid) // two days before the clock changes
	at := func(d, hour, minute int) int64 {
		return time.Date(2026, 3, 27+d, hour, minute, 0, 0, madrid).UnixMilli()
	}
	best := func(h *Habit) (hour int) {
		for i := range 24 {
			if h.Weight(at(7, i, 0)) > h.Weight(at(7, hour, 0)) {
				hour = i
			}
		}
		return hour
	}
	f := func(moments []int64, want int, wantKnown bool) {
		t.Helper()
		h := NewHabit(moments, madrid, 10)
		_, _, known := h.Best()
		if got := best(h); got != want || known != wantKnown {
			t.Errorf("after %d moments: %d, known %t; want %d, %t", len(moments), got, known, want, wantKnown)
		}
	}
	f(nil, 10, false)
	f([]int64{at(0, 20, 0), at(1, 20, 30)}, 10, false)
	f([]int64{at(0, 20, 0), at(1, 20, 30), at(3, 20, 59), at(4, 20, 10)}, 20, true) // across the change
	f([]int64{at(0, 23, 0), at(1, 0, 30), at(3, 0, 59), at(4, 1, 10), at(5, 0, 0)}, 0, true)
	h := NewHabit([]int64{at(0, 20, 0), at(7, 20, 30)}, madrid, 10)
	if day.Weekday() != time.Friday || h.Weight(at(14, 20, 0)) <= h.Weight(at(15, 20, 0)) {
		t.Error("their own weekday weighs no more than another")
	}
}
