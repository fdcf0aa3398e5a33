// Package storagetest proves that a [storage.Log] keeps its promises: [Run] on
// a healthy one, [RunFaults] on one whose writes fail. Every implementation
// runs both in its own tests.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"ripen/storage"
)

// Run checks a healthy log. open returns an empty one that lives as long as
// the test.
func Run(t *testing.T, open func(t *testing.T) storage.Log) {
	for name, check := range map[string]func(*testing.T, storage.Log){
		"Empty":        empty,
		"Dense":        dense,
		"Duplicates":   duplicates,
		"Race":         race,
		"Follow":       follow,
		"Wait":         wait,
		"Claim":        claim,
		"Refusals":     refusals,
		"BuffersReuse": buffersReuse,
		"LargeAppend":  largeAppend,
		"TrimToday":    trimToday,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

// Record makes record i: its bytes tell which one it is.
func Record(i int) storage.Record {
	return storage.Record{
		Tenant: storage.Tenant{1, byte(i % 2)}, Subject: storage.Subject{'v', byte(i % 17)}, Kind: storage.KindEvent,
		ID: fmt.Appendf(nil, "id-%d", i), Row: fmt.Appendf(nil, "row of %d", i), Personal: fmt.Appendf(nil, "personal of %d", i),
	}
}

// Stored reads the whole log, checks that it is dense with times that never go
// back, and returns how often each row is in it.
func Stored(t testing.TB, l storage.Log) map[string]int {
	t.Helper()
	first, err := l.First(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	rows, next, received := make(map[string]int), first, int64(math.MinInt64)
	err = l.Read(t.Context(), 0, first, func(recs []storage.Record) error {
		for i := range recs {
			r := &recs[i]
			if r.Seq != next {
				return fmt.Errorf("sequence %d follows %d", r.Seq, next-1)
			}
			if r.Received < received {
				return fmt.Errorf("receive time of %d goes back", r.Seq)
			}
			next, received = next+1, r.Received
			rows[string(r.Row)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if last, err := l.Last(t.Context(), 0); err != nil || last != next-1 {
		t.Fatalf("last is %d, %v; read up to %d", last, err, next-1)
	}
	return rows
}

func mustAppend(t testing.TB, l storage.Log, recs ...storage.Record) []storage.Record {
	t.Helper()
	if err := l.Append(t.Context(), 0, recs); err != nil {
		t.Fatal(err)
	}
	return recs
}

func empty(t *testing.T, l storage.Log) {
	if rows := Stored(t, l); len(rows) != 0 {
		t.Fatalf("a new log holds %v", rows)
	}
	if first, err := l.First(t.Context(), 0); err != nil || first != 1 {
		t.Fatalf("first is %d, %v; want 1", first, err)
	}
	if err := l.Append(t.Context(), 0, nil); err != nil {
		t.Fatalf("appending nothing: %v", err)
	}
	if l.Parts() < 1 {
		t.Fatal("no partition")
	}
}

func dense(t *testing.T, l storage.Log) {
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 25 {
				recs := []storage.Record{Record(g*100 + 2*i), Record(g*100 + 2*i + 1)}
				if err := l.Append(t.Context(), 0, recs); err != nil {
					t.Error(err)
				}
				if recs[0].Seq == 0 || recs[1].Seq != recs[0].Seq+1 {
					t.Errorf("one append got sequences %d and %d", recs[0].Seq, recs[1].Seq)
				}
			}
		})
	}
	wg.Wait()
	rows := Stored(t, l)
	for g := range 16 {
		for i := range 50 {
			if n := rows[string(Record(g*100+i).Row)]; n != 1 {
				t.Fatalf("record %d is stored %d times", g*100+i, n)
			}
		}
	}
	for _, from := range []uint64{1, 2, 399, 800, 801, 5000} {
		want := from
		err := l.Read(t.Context(), 0, from, func(recs []storage.Record) error {
			if recs[0].Seq != want {
				return fmt.Errorf("reading from %d starts at %d, want %d", from, recs[0].Seq, want)
			}
			want = recs[len(recs)-1].Seq + 1
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	if err := l.Read(t.Context(), 0, 1, func([]storage.Record) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("the reader's error came back as %v", err)
	}
}

func duplicates(t *testing.T, l storage.Log) {
	a, other, none := Record(2), Record(2), Record(4)
	other.Tenant = storage.Tenant{9}
	none.ID = nil
	recs := mustAppend(t, l, a, other, a, none, none)
	for i, want := range []bool{false, false, true, false, false} {
		if recs[i].Dup != want || recs[i].Seq == 0 != want {
			t.Fatalf("record %d: dup %v, sequence %d; want dup %v", i, recs[i].Dup, recs[i].Seq, want)
		}
	}
	a.Row = []byte("other content, same id")
	if recs = mustAppend(t, l, a); !recs[0].Dup {
		t.Fatal("the first of an id does not win")
	}
	if rows := Stored(t, l); len(rows) != 2 || rows[string(none.Row)] != 2 {
		t.Fatalf("stored %v", rows)
	}
}

// race sends each id from many goroutines at once: exactly one of them stores it.
func race(t *testing.T, l storage.Log) {
	var fresh atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for i := range 20 {
				recs := []storage.Record{Record(i)}
				if err := l.Append(t.Context(), 0, recs); err != nil {
					t.Error(err)
				}
				if !recs[0].Dup {
					fresh.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if rows := Stored(t, l); len(rows) != 20 || fresh.Load() != 20 {
		t.Fatalf("%d rows stored, %d acknowledged as new; want 20", len(rows), fresh.Load())
	}
}

// follow reads behind writers to the end, as the fold does.
func follow(t *testing.T, l storage.Log) {
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				if err := l.Append(t.Context(), 0, []storage.Record{Record(g*each + i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := uint64(0)
	for seen < writers*each {
		if err := l.Wait(t.Context(), 0, seen); err != nil {
			t.Fatal(err)
		}
		err := l.Read(t.Context(), 0, seen+1, func(recs []storage.Record) error {
			for i := range recs {
				if seen++; recs[i].Seq != seen {
					return fmt.Errorf("sequence %d at %d", recs[i].Seq, seen)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func wait(t *testing.T, l storage.Log) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Wait(ctx, 0, 0) }()
	mustAppend(t, l, Record(1))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() { done <- l.Wait(ctx, 0, 1) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled wait returned %v", err)
	}
}

func claim(t *testing.T, l storage.Log) {
	var won atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			ok, err := l.Claim(t.Context(), 0, []byte("intent"), []byte{byte(g)})
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d claims won, want 1", won.Load())
	}
	if ok, err := l.Claim(t.Context(), 0, []byte("another"), nil); err != nil || !ok {
		t.Fatalf("another id: %v, %v", ok, err)
	}
}

func refusals(t *testing.T, l storage.Log) {
	f := func(part int, change func(*storage.Record)) {
		t.Helper()
		r := Record(1)
		change(&r)
		if err := l.Append(t.Context(), part, []storage.Record{r}); err == nil {
			t.Fatal("accepted")
		}
	}
	f(l.Parts(), func(*storage.Record) {})
	f(-1, func(*storage.Record) {})
	f(0, func(r *storage.Record) { r.ID = make([]byte, storage.MaxID+1) })
	f(0, func(r *storage.Record) { r.Row = make([]byte, storage.MaxRecord+1) })
	f(0, func(r *storage.Record) { r.Subject = storage.Subject{} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Append(ctx, 0, []storage.Record{Record(1)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled append returned %v", err)
	}
	if rows := Stored(t, l); len(rows) != 0 {
		t.Fatalf("a refusal stored %v", rows)
	}
	var gap *storage.GapError
	if err := l.Read(t.Context(), 0, 0, func([]storage.Record) error { return nil }); !errors.As(err, &gap) {
		t.Fatalf("reading before the first: %v", err)
	}
}

// buffersReuse overwrites what it appended: the log must not have kept it.
func buffersReuse(t *testing.T, l storage.Log) {
	r := Record(1)
	for i := range 50 {
		want := Record(i)
		r.ID, r.Row = append(r.ID[:0], want.ID...), append(r.Row[:0], want.Row...)
		mustAppend(t, l, r)
		clear(r.Row)
		clear(r.ID)
	}
	rows := Stored(t, l)
	for i := range 50 {
		if rows[string(Record(i).Row)] != 1 {
			t.Fatalf("record %d is lost", i)
		}
	}
}

func largeAppend(t *testing.T, l storage.Log) {
	recs := make([]storage.Record, 10_000)
	for i := range recs {
		recs[i] = Record(i)
		if i%100 == 0 {
			recs[i].Row = append(recs[i].Row, make([]byte, 100<<10)...)
		}
	}
	mustAppend(t, l, recs...)
	if rows := Stored(t, l); len(rows) != len(recs) {
		t.Fatalf("%d rows stored, want %d", len(rows), len(recs))
	}
	if !slices.IsSortedFunc(recs, func(a, b storage.Record) int { return int(a.Seq) - int(b.Seq) }) {
		t.Fatal("one append is not stored in its order")
	}
}

// trimToday asks for more than whole days: today's records stay.
func trimToday(t *testing.T, l storage.Log) {
	for i := range 10 {
		mustAppend(t, l, Record(i))
	}
	if err := l.Trim(t.Context(), 0, 8); err != nil {
		t.Fatal(err)
	}
	first, err := l.First(t.Context(), 0)
	if err != nil || first > 8 {
		t.Fatalf("first is %d, %v; asked to keep from 8", first, err)
	}
	if rows := Stored(t, l); len(rows) < 3 {
		t.Fatalf("have %d rows, want 3 at least", len(rows))
	}
}
