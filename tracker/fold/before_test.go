package fold

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// TestBeforeIsReadBackwards holds pages of a history, whatever their size, to be
// the whole of it from its end: events of any time in any order, some stored and
// some not, some twice at one place.
func TestBeforeIsReadBackwards(t *testing.T) {
	db, err := storage.Open(t.TempDir(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f, err := New(Config{Table: db.Leads(), NewBody: func(tracker.TenantID, tracker.LeadID, []byte) (Body, error) { return noBody{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	visitor := tracker.Hash{9}
	for seq := uint64(1); seq <= 3000; seq++ {
		typ := "page_view"
		if seq%10 == 0 {
			typ = "email_open"
		}
		e := tracker.Event{Type: []byte(typ), Time: 1e12 + rnd.Int64N(9*partSpan), MessageID: []byte(fmt.Sprint(seq)), Visitor: visitor}
		rec := storage.Record{Kind: storage.KindEvent, Seq: seq, Received: 2e12, Row: tracker.AppendRow(nil, &e)}
		if _, err := f.Apply([]storage.Record{rec}, 2e12); err != nil {
			t.Fatal(err)
		}
		if seq == 700 || seq == 2100 {
			checkpoint(t, f, db)
		}
	}
	l, err := f.Reader().Lead(tracker.TenantID{}, tracker.LeadID{Kind: 'v', Hash: visitor})
	if err != nil || l == nil {
		t.Fatal(l, err)
	}
	want, err := history(f.Reader(), l)
	if err != nil || len(want) != 3000 {
		t.Fatal(len(want), err)
	}
	mails := 0
	from, to := want[500].Time, want[2500].Time
	for i := range want {
		var e tracker.Event
		if err := want[i].Decode(&e); err != nil {
			t.Fatal(err)
		}
		if string(e.Type) == "email_open" && e.Time >= from && e.Time <= to {
			mails++
		}
	}
	slices.Reverse(want)
	h, err := f.Reader().History(l)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Discard()
	for _, n := range []int{1, 7, 256, 1000, 5000} {
		var got []Entry
		for at := (Place{}); ; at = got[len(got)-1].Place {
			page, err := h.Before(at, n)
			if err != nil || len(page) > n {
				t.Fatal(len(page), err)
			}
			if len(page) == 0 {
				break
			}
			if got = append(got, page...); n == 1 && len(got) == 40 {
				break // it reads an hour for each
			}
		}
		if n > 1 && len(got) != len(want) {
			t.Fatalf("pages of %d hold %d entries, want %d", n, len(got), len(want))
		}
		for i := range got {
			if got[i].Place != want[i].Place || got[i].Seq != want[i].Seq || string(got[i].Row) != string(want[i].Row) {
				t.Fatalf("pages of %d: entry %d is record %d, want %d", n, i, got[i].Seq, want[i].Seq)
			}
		}
	}
	es, err := h.Mails(from, to)
	if err != nil || len(es) != mails || !slices.IsSortedFunc(es, func(a, b Entry) int { return a.Place.Compare(b.Place) }) {
		t.Fatalf("%d entries about mails, want %d: %v", len(es), mails, err)
	}
}
