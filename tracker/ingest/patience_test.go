package ingest

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	for behind, want := range map[time.Duration]time.Duration{
		0:                      0,
		300 * time.Millisecond: 0,
		700 * time.Millisecond: 50 * time.Millisecond,
		3 * time.Second:        100 * time.Millisecond,
		time.Hour:              0, // an import is being caught up with
	} {
		if got := patience(behind); got != want {
			t.Errorf("%v behind: %v, want %v", behind, got, want)
		}
	}
}
