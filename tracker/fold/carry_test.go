package fold

import (
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// A carried event counts once, stands for the original, and outlives it; what
// was not carried is gone, in view and in storage.
func TestCarriedOutlivesDropped(t *testing.T) {
	db, err := storage.Open(t.TempDir(), storage.Options{ReblockEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	f, err := New(Config{Table: db.Leads(), NewBody: func(tracker.TenantID, tracker.LeadID, []byte) (Body, error) { return noBody{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	visitor := tracker.Hash{1}
	id := tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: visitor}
	row := func(n byte) []byte {
		return tracker.AppendRow(nil, &tracker.Event{Type: []byte("purchase"), Time: int64(n), MessageID: []byte{n}, Visitor: visitor})
	}
	apply := func(kind byte, seq uint64, row []byte) {
		t.Helper()
		if _, err := f.Apply([]storage.Record{{Kind: kind, Seq: seq, Received: 100, Row: row}}, 1000); err != nil {
			t.Fatal(err)
		}
	}
	update := func(fn func(Rows) error) error {
		return db.Leads().Update(func(tx *storage.Tx) error { return fn(tx) })
	}
	for i := range byte(3) {
		apply(storage.KindEvent, uint64(i+1), row(i+1))
	}
	apply(storage.KindCarry, 10, tracker.AppendCarriedEvent(nil, row(2), 2, 100))
	apply(storage.KindCarry, 11, tracker.AppendCarriedEvent(nil, row(2), 2, 100)) // a pass done again
	s, err := f.subject(key{id: id})
	if err != nil || s.filed != 3 || s.counted != 3 {
		t.Fatalf("%d filed, %d counted, want 3: %v", s.filed, s.counted, err)
	}
	touches, err := f.Drop(tracker.TenantID{}, []tracker.LeadID{id}, 4, 12, 1000)
	if err != nil || len(touches) != 1 || !touches[0].Walk {
		t.Fatalf("got %+v, %v", touches, err)
	}
	es, err := f.entries(nil, s, Place{})
	if err != nil || len(es) != 1 || es[0].Seq != 11 || es[0].Received != 100 || s.filed != 1 {
		t.Fatalf("left: %+v, %d filed, %v", es, s.filed, err)
	}
	if touches, err = f.Drop(tracker.TenantID{}, []tracker.LeadID{id}, 12, 13, 1000); err != nil || len(touches) != 1 || !touches[0].Lead.Gone {
		t.Fatalf("got %+v, %v", touches, err)
	}
	if err := f.Sweep(tracker.TenantID{}, []tracker.LeadID{id}, update); err != nil {
		t.Fatal(err)
	}
	if l, err := f.Lead(tracker.TenantID{}, id); l != nil || err != nil {
		t.Fatalf("the lead is still there: %+v, %v", l, err)
	}
}
