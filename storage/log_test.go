package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func openTest(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	if o.Reserve == 0 {
		o.Reserve = 1 << 20
	}
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func testRecord(i int) Record {
	r := Record{Tenant: Tenant{1, byte(i % 3)}, Subject: Subject{0: 'v', 1: byte(i), 2: byte(i >> 8)}, Kind: KindEvent}
	r.ID = fmt.Appendf(nil, "id-%d", i)
	r.Row = fmt.Appendf(nil, "row %d %s %s page_view https://example.org/path", i, r.ID, r.Subject[1:])
	r.Personal = fmt.Appendf(nil, "personal of %d: somebody@example.org", i)
	return r
}

// readAll returns the records from a sequence on, with Personal unsealed.
func readAll(t testing.TB, db *DB, from uint64) []Record {
	t.Helper()
	var all []Record
	err := db.Log().Read(t.Context(), 0, from, func(recs []Record) error {
		for _, r := range recs {
			p, err := db.Unseal(nil, &r)
			if err != nil {
				return err
			}
			r.ID, r.Row, r.Personal = slices.Clone(r.ID), slices.Clone(r.Row), p
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAppendReadReopen(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				recs := []Record{testRecord(g*1000 + 2*i), testRecord(g*1000 + 2*i + 1)}
				if err := db.Log().Append(context.Background(), 0, recs); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	check := func(db *DB) {
		t.Helper()
		all := readAll(t, db, 1)
		if len(all) != 320 {
			t.Fatalf("have %d records, want 320", len(all))
		}
		for i, r := range all {
			var n int
			fmt.Sscanf(string(r.ID), "id-%d", &n)
			want := testRecord(n)
			if r.Seq != uint64(i+1) || string(r.Row) != string(want.Row) || string(r.Personal) != string(want.Personal) ||
				r.Tenant != want.Tenant || r.Subject != want.Subject || r.Kind != want.Kind {
				t.Fatalf("record %d is %+v, want %+v", i, r, want)
			}
		}
	}
	check(db)
	dup := []Record{testRecord(3), testRecord(999999), testRecord(999999)}
	if err := db.Log().Append(t.Context(), 0, dup); err != nil {
		t.Fatal(err)
	}
	if !dup[0].Dup || dup[1].Dup || dup[1].Seq != 321 || !dup[2].Dup {
		t.Fatalf("duplicates are not told: %+v", dup)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir, Options{})
	dup = []Record{testRecord(3)}
	if err := db.Log().Append(t.Context(), 0, dup); err != nil || !dup[0].Dup {
		t.Fatalf("a duplicate was stored after reopening: %v", err)
	}
	if err := db.Get(t.Context(), 0, []uint64{7, 300, 7}, func(r *Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if last, _ := db.Log().Last(t.Context(), 0); last != 321 {
		t.Fatalf("last is %d, want 321", last)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir, Options{})
	_, err := Open(dir, Options{Reserve: 1})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use by process") {
		t.Fatalf("got %v", err)
	}
}

func TestTable(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{})
	a, b := Tenant{1}, Tenant{2}
	err := db.Leads().Update(func(tx *Tx) error {
		for i := range byte(5) {
			if err := errors.Join(tx.Set(a, SpaceLead, []byte{i}, []byte{i}), tx.Set(b, SpaceLead, []byte{i}, nil)); err != nil {
				return err
			}
		}
		return tx.Delete(a, SpaceLead, []byte{2})
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(reverse bool, from, to []byte, want string) {
		t.Helper()
		got := ""
		err := db.Leads().View(func(tx *Tx) error {
			scan := tx.Scan
			if reverse {
				scan = tx.ScanReverse
			}
			return scan(a, SpaceLead, from, to, func(k, v []byte) error {
				got += fmt.Sprint(k[0])
				return nil
			})
		})
		if err != nil || got != want {
			t.Fatalf("scan gave %q, %v; want %q", got, err, want)
		}
	}
	f(false, nil, nil, "0134")
	f(false, []byte{1}, []byte{4}, "13")
	f(true, nil, nil, "4310")
	f(true, []byte{1}, []byte{4}, "31")
	f(true, []byte{2}, []byte{3, 0}, "3")
}

func TestTableTooBig(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{})
	size, rows := db.Leads().Limit()
	t.Logf("leads limit: %d bytes, %d rows", size, rows)
	err := db.Leads().Update(func(tx *Tx) error {
		for i := range 20 {
			if err := tx.Set(Tenant{}, SpaceLead, []byte{byte(i)}, make([]byte, 1<<19)); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, ErrTooBig) {
		t.Fatalf("got %v, want ErrTooBig", err)
	}
}
