package storage

import (
	"errors"
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
