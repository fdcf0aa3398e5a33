package storage

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// thirds blanks every third record before a sequence, and takes the personal
// part of every fifth.
func thirds(before uint64) BlankTask {
	return BlankTask{Name: []byte("thirds"), Before: before, Edit: func(r *Record) (bool, error) {
		switch {
		case r.Seq >= before:
			return false, nil
		case r.Seq%3 == 0 && r.Kind != KindBlank:
			r.Kind = KindBlank
			return true, nil
		case r.Seq%5 == 0 && len(r.Personal) > 0:
			r.Personal = nil
			return true, nil
		}
		return false, nil
	}}
}

// blanked is what is to stand there after thirds.
func blanked(all []Record, before uint64) []Record {
	out := slices.Clone(all)
	for i := range out {
		switch r := &out[i]; {
		case r.Seq >= before:
		case r.Seq%3 == 0:
			*r = Record{Tenant: r.Tenant, Kind: KindBlank, Seq: r.Seq, Received: r.Received, epoch: r.epoch}
		case r.Seq%5 == 0:
			r.Personal = nil
		}
	}
	return out
}

func sameAfterBlank(t *testing.T, db *DB, want []Record) {
	t.Helper()
	got := readAll(t, db, 1)
	for i := range got {
		if len(got[i].Personal) == 0 {
			got[i].Personal = nil
		}
		if got[i].Kind == KindBlank {
			got[i].ID, got[i].Row = nil, nil
		}
	}
	sameRecords(t, got, want)
	for _, w := range want {
		err := db.Get(t.Context(), 0, []uint64{w.Seq}, func(r *Record) error {
			if r.Kind != w.Kind || !bytes.Equal(r.Row, w.Row) || !bytes.Equal(r.ID, w.ID) || (len(r.Personal) > 0) != (len(w.Personal) > 0) {
				return fmt.Errorf("record %d: got %+v, want %+v", w.Seq, r, w)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := db.Doctor(t.Context())
	if err != nil || r.Err() != nil {
		t.Fatalf("doctor: %v, %+v", err, r)
	}
}

func TestBlankKeepsTheChain(t *testing.T) {
	dir, clock := t.TempDir(), newFakeClock()
	o := Options{Now: clock.now, ReblockEvery: -1}
	db := openTest(t, dir, o)
	fill(t, db, 0, 1000)
	clock.advance(24 * time.Hour)
	fill(t, db, 1000, 1100)
	db.SyncHighWater()
	if _, err := db.log.reblock(); err != nil { // the first day's blocks are joined, the second's are not
		t.Fatal(err)
	}
	all := readAll(t, db, 1)
	if err := db.Get(t.Context(), 0, []uint64{3, 6, 9}, func(*Record) error { return nil }); err != nil { // into the cache
		t.Fatal(err)
	}
	for _, before := range []uint64{501, 1001, 1050} {
		if err := db.Blank(t.Context(), 0, thirds(before)); err != nil {
			t.Fatal(err)
		}
		if done, err := db.Blanked(0, []byte("thirds")); err != nil || done != before {
			t.Fatalf("blanked up to %d, %v", done, err)
		}
		sameAfterBlank(t, db, blanked(all, before))
	}
	if err := db.Blank(t.Context(), 0, thirds(2000)); err == nil {
		t.Fatal("records that are not written yet were blanked")
	}
	fill(t, db, 1100, 1300)
	db.SyncHighWater()
	if _, err := db.log.reblock(); err != nil { // what is blanked can be joined
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir, o)
	sameAfterBlank(t, db, append(blanked(all, 1050), readAll(t, db, 1101)...))
}

func TestBlankUnderFaults(t *testing.T) {
	for _, fault := range []Fault{FaultLost, FaultReported} {
		for at := range 2 { // the blocks, the note that it is done
			left := -1
			db := openTest(t, t.TempDir(), Options{ReblockEvery: -1, Fault: func(w string) Fault {
				if w != WriteBlank || left < 0 {
					return FaultNone
				}
				if left--; left < 0 {
					return fault
				}
				return FaultNone
			}})
			fill(t, db, 0, 700)
			all := readAll(t, db, 1)
			left = at
			if err := db.Blank(t.Context(), 0, thirds(600)); err == nil {
				t.Fatal("the fault was not reported")
			}
			if err := db.Blank(t.Context(), 0, thirds(600)); err != nil {
				t.Fatal(err)
			}
			sameAfterBlank(t, db, blanked(all, 600))
		}
	}
}

func TestBlankLater(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{ReblockEvery: -1})
	fill(t, db, 0, 700)
	task := thirds(100)
	edit, seen := task.Edit, uint64(0)
	task.Later = true
	task.Edit = func(r *Record) (bool, error) { seen = max(seen, r.Seq); return edit(r) }
	if err := db.Blank(t.Context(), 0, task); err != nil {
		t.Fatal(err)
	}
	if seen != 693 { // seven in a group: the last one is the newest block
		t.Fatalf("looked at records up to %d", seen)
	}
}
