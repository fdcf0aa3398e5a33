package main

import (
	"testing"
	"time"
)

func TestParsePeriod(t *testing.T) {
	f := func(in string, want time.Duration) {
		t.Helper()
		if got, err := parsePeriod(in); err != nil || got != want {
			t.Fatalf("%q: got %v, %v; want %v", in, got, err, want)
		}
	}
	f("0", 0)
	f("1d", 24*time.Hour)
	f("2w", 14*24*time.Hour)
	f("13mo", 13*2629800*time.Second)
	f("1y", 31557600*time.Second)

	bad := func(in string) {
		t.Helper()
		if got, err := parsePeriod(in); err == nil {
			t.Fatalf("%q: got %v, want an error", in, got)
		}
	}
	bad("13")
	bad("-1d")
	bad("1.5y")
	bad("9000y")
	bad("mo")
}
