package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	printTable(&b, []string{">#", "NAME", "X"}, [][]string{{"1", "José", ""}, {"10", "a\x1b[2Jb\n", "y"}})
	want := " #  NAME     X\n 1  José\n10  a·[2Jb·  y\n"
	if b.String() != want {
		t.Fatalf("got\n%q, want\n%q", b.String(), want)
	}
}

func TestProgressLine(t *testing.T) {
	f := func(done, total int64, want string) {
		t.Helper()
		p := &progress{what: "import", unit: bytesText}
		p.total.Store(total)
		p.to(done)
		if got := p.line(2 * time.Second); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(1<<20, 4<<20, "import  ["+strings.Repeat("█", 7)+strings.Repeat("·", 23)+"]  25 %  512.0 KB/s  6s")
	f(4<<20, 4<<20, "import  ["+strings.Repeat("█", 30)+"] 100 %  2.0 MB/s")
	f(10, 0, "import  10 B  5 B/s")
}

func TestProgressIsSilentElsewhere(t *testing.T) {
	var b bytes.Buffer
	c := &call{streams: &streams{err: &b}}
	p := c.startProgress("x", 1, bytesText)
	p.add(1)
	p.end()
	if b.Len() != 0 {
		t.Fatalf("a bar was drawn into a file: %q", b.String())
	}
}

func TestCounts(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		if got := strings.ReplaceAll(countText(n), "\u202f", "_"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(0, "0")
	f(999, "999")
	f(1234567, "1_234_567")
}
