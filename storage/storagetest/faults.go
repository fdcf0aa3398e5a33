package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ripen/storage"
)

// Faulty is a log under test whose writes fail on demand.
type Faulty struct {
	Log    storage.Log
	Reopen func() storage.Log // closes it and opens the same data again
	// Writes are the names of the writes that fail; each is tried alone.
	Writes []string
}

// RunFaults checks a log while its writes are lost, and while they are kept
// but reported lost: what was acknowledged is there exactly once, what was
// refused can be sent again, and no write is acknowledged that failed. open
// returns an empty log that asks fault before every write.
func RunFaults(t *testing.T, open func(t *testing.T, fault func(write string) storage.Fault) Faulty) {
	names := open(t, nil).Writes
	for _, write := range names {
		for _, fault := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
			t.Run(fmt.Sprintf("%s/%d", write, fault), func(t *testing.T) {
				faultOne(t, open, write, fault)
				faultLoad(t, open, write, fault)
			})
		}
	}
}

// faultOne fails one single write and repeats the append until it succeeds.
func faultOne(t *testing.T, open func(t *testing.T, fault func(string) storage.Fault) Faulty, write string, fault storage.Fault) {
	var armed atomic.Bool
	f := open(t, func(w string) storage.Fault {
		if w == write && armed.CompareAndSwap(true, false) {
			return fault
		}
		return storage.FaultNone
	})
	mustAppend(t, f.Log, Record(1), Record(2))
	armed.Store(true)
	fresh := Record(3)
	fresh.Subject[5] = 77 // a subject of its own: its key is written, too
	err := f.Log.Append(t.Context(), 0, []storage.Record{fresh, Record(1)})
	if !armed.Load() && err == nil {
		t.Fatal("a failed write was acknowledged")
	}
	retry(t, f.Log, []storage.Record{fresh, Record(4)})
	for range 2 {
		rows := Stored(t, f.Log)
		for i := 1; i <= 4; i++ {
			if n := rows[string(Record(i).Row)]; n != 1 {
				t.Fatalf("record %d is stored %d times", i, n)
			}
		}
		f.Log = f.Reopen()
	}
}

// faultLoad fails every 7th write under load from several goroutines.
func faultLoad(t *testing.T, open func(t *testing.T, fault func(string) storage.Fault) Faulty, write string, fault storage.Fault) {
	var n, off atomic.Int64
	f := open(t, func(w string) storage.Fault {
		if w == write && off.Load() == 0 && n.Add(1)%7 == 0 {
			return fault
		}
		return storage.FaultNone
	})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 15 {
				r := Record(g*100 + i)
				r.Subject[7] = byte(i)
				retry(t, f.Log, []storage.Record{r})
			}
		})
	}
	wg.Wait()
	off.Store(1)
	for range 2 {
		if rows := Stored(t, f.Log); len(rows) != 60 {
			t.Fatalf("%d records are stored, want 60", len(rows))
		} else {
			for row, n := range rows {
				if n != 1 {
					t.Fatalf("%q is stored %d times", row, n)
				}
			}
		}
		f.Log = f.Reopen()
	}
}

// retry appends as a sender does: again, with the same ids, until it is
// acknowledged.
func retry(t testing.TB, l storage.Log, recs []storage.Record) {
	t.Helper()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for range 10_000 {
		err := l.Append(t.Context(), 0, recs)
		if err == nil {
			return
		}
		if !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("append under faults: %v", err)
			return
		}
		<-poll.C
	}
	t.Error("the log never recovered")
}
