package storage

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSnapshot checks that a snapshot shows what was there when it was taken,
// whatever is written and however many read, and refuses after a wipe.
func TestSnapshot(t *testing.T) {
	db, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	set := func(v string) {
		t.Helper()
		if err := db.Leads().Update(func(tx *Tx) error { return tx.Set(Tenant{1}, SpaceLead, []byte("k"), []byte(v)) }); err != nil {
			t.Fatal(err)
		}
	}
	get := func(s *Snapshot) (v string, err error) {
		err = s.View(func(tx *Tx) error {
			b, err := tx.Get(Tenant{1}, SpaceLead, []byte("k"))
			v = string(b)
			return err
		})
		return v, err
	}
	set("old")
	s, err := db.Leads().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	other := s.Keep()
	set("new")
	s.Close()
	if v, err := get(other); v != "old" || err != nil {
		t.Errorf("the snapshot shows %q: %v", v, err)
	}
	if err := db.WipeLeads(); err != nil {
		t.Fatal(err)
	}
	if _, err := get(other); !errors.Is(err, ErrClosed) {
		t.Errorf("after a wipe: %v", err)
	}
	other.Close()
}

// TestScanShared checks scans whose bounds share a prefix against those that
// name none.
func TestScanShared(t *testing.T) {
	db, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	keys := []string{"a", "ab", "aba", "abb", "ac", "b", "ba"}
	err = db.Leads().Update(func(tx *Tx) error {
		for _, k := range keys {
			if err := tx.Set(Tenant{1}, SpaceLead, []byte(k), []byte("v")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range append(keys, "") {
		for _, to := range append(keys, "z") {
			want := ""
			for _, k := range keys {
				if from <= k && k < to {
					want += k + " "
				}
			}
			forth, back := "", ""
			err := db.Leads().View(func(tx *Tx) error {
				return errors.Join(
					tx.Scan(Tenant{1}, SpaceLead, []byte(from), []byte(to), func(k, _ []byte) error { forth += string(k) + " "; return nil }),
					tx.ScanReverse(Tenant{1}, SpaceLead, []byte(from), []byte(to), func(k, _ []byte) error { back = string(k) + " " + back; return nil }),
				)
			})
			if err != nil || forth != want || back != want {
				t.Errorf("from %q to %q: %q and backwards %q, want %q: %v", from, to, forth, back, want, err)
			}
		}
	}
}

// TestRanges checks ranges of a snapshot, near and far, forwards and back, against
// scans of a transaction; that what is written later is not shown; and that a wipe
// ends them.
func TestRanges(t *testing.T) {
	db, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	r := rand.New(rand.NewPCG(1, 2))
	fill := func(space byte) {
		t.Helper()
		err := db.Leads().Update(func(tx *Tx) error {
			for range 300 {
				if err := tx.Set(Tenant{1}, space, key(r.Uint32N(2000)), key(r.Uint32())); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fill(SpaceLead)
	fill(SpaceTimeline)
	fill(SpaceScore)
	s, err := db.Leads().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := s.Ranges(Tenant{1}, SpaceTimeline)
	defer q.Close()
	rows, at := 0, uint32(0)
	for i := range 2000 {
		if i == 1000 {
			fill(SpaceTimeline)
		}
		if at += r.Uint32N(40); i%10 == 0 {
			at = r.Uint32N(2100)
		}
		from, to := at, at+r.Uint32N(60)
		stop := -1
		if i%7 == 0 {
			stop = 2
		}
		var got, want [][2]string
		collect := func(out *[][2]string) func(k, v []byte) error {
			return func(k, v []byte) error {
				if *out = append(*out, [2]string{string(k), string(v)}); len(*out) == stop {
					return ErrStop
				}
				return nil
			}
		}
		if err := q.Scan(key(from), key(to), collect(&got)); err != nil {
			t.Fatal(err)
		}
		err := s.View(func(tx *Tx) error {
			return tx.Scan(Tenant{1}, SpaceTimeline, key(from), key(to), collect(&want))
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("range %d, %d to %d: %d rows, want %d", i, from, to, len(got), len(want))
		}
		rows += len(got)
		at = to
	}
	if rows < 5000 {
		t.Errorf("%d rows in all: the ranges say nothing", rows)
	}
	if err := db.WipeLeads(); err != nil {
		t.Fatal(err)
	}
	if err := q.Scan(key(0), key(9), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after a wipe: %v", err)
	}
}
