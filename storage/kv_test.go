package storage

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// TestCompressedTables opens leads/ whose tables an older version compressed: they
// are read, checked, and a flipped bit in them is named.
func TestCompressedTables(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir, Options{}).Close()
	leads := filepath.Join(dir, "leads")
	b, err := badger.Open(kvOptions("leads", leads, slog.New(slog.DiscardHandler)).
		WithCompression(options.Snappy).WithBlockCacheSize(1 << 20))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(tx *badger.Txn) error {
		for i := range 5000 {
			k := tableKey(nil, Tenant{1}, SpaceState, fmt.Appendf(nil, "key %04d", i))
			if err := tx.Set(k, bytes.Repeat([]byte{byte(i)}, 40)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := listedTables(leads)
	if err != nil || len(tables) != 1 || !tables[0].compressed {
		t.Fatalf("tables %v, %v, want one that is compressed", tables, err)
	}
	table := tables[0].path

	db := openTest(t, dir, Options{})
	n := 0
	err = db.Leads().View(func(tx *Tx) error {
		return tx.Scan(Tenant{1}, SpaceState, nil, nil, func(k, v []byte) error {
			if want := bytes.Repeat([]byte{byte(n)}, 40); string(k) != fmt.Sprintf("key %04d", n) || !bytes.Equal(v, want) {
				t.Fatalf("row %d: %q %x", n, k, v)
			}
			n++
			return nil
		})
	})
	if err != nil || n != 5000 {
		t.Fatalf("%d rows, %v, want 5000", n, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	rows, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	rows[len(rows)/4] ^= 1
	if err := os.WriteFile(table, rows, 0o600); err != nil {
		t.Fatal(err)
	}
	var damaged *CorruptError
	if err := preflight(leads, true); !errors.As(err, &damaged) || !strings.HasSuffix(damaged.File, filepath.Base(table)) {
		t.Fatalf("a flipped bit in %s: %v", table, err)
	}
}
