package storage

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// residentTables is the resident part of the mappings of a database's tables,
// in KiB, as proc(5) tells it.
func residentTables(t *testing.T, dir string) (kib int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("no /proc/self/smaps here: what is resident cannot be asked")
	}
	ours := false
	for line := range strings.Lines(string(b)) {
		if head, _, _ := strings.Cut(line, " "); !strings.HasSuffix(head, ":") { // a mapping, with or without a file
			ours = strings.Contains(line, dir) && strings.HasSuffix(strings.TrimSpace(line), ".sst")
		}
		var n int
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &n); ours && err == nil {
			kib += n
		}
	}
	return kib
}

// Tables that were written or read do not stay in the resident set, and read
// the same afterwards; a reader in the middle of one notices nothing.
func TestTablesAreLetGo(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8), 7}, 20_000) }
	const rows = 800
	for i := range rows {
		err := db.Leads().Update(func(tx *Tx) error {
			return tx.Set(Tenant{}, SpaceIdentity, []byte{byte(i >> 8), byte(i)}, value(i))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(each func(i int)) {
		t.Helper()
		n := 0
		err := db.Leads().View(func(tx *Tx) error {
			return tx.Scan(Tenant{}, SpaceIdentity, nil, nil, func(k, v []byte) error {
				i := int(k[0])<<8 | int(k[1])
				if !bytes.Equal(v, value(i)) {
					return fmt.Errorf("row %d is not what was written", i)
				}
				each(i)
				n++
				return nil
			})
		})
		if err != nil || n != rows {
			t.Fatalf("read %d rows of %d: %v", n, rows, err)
		}
	}
	read(func(int) {})
	before := residentTables(t, dir)
	if before < 256 {
		t.Fatalf("only %d KiB of tables are resident: the test shows nothing", before)
	}
	if err := db.leads.kv.letGo(); err != nil {
		t.Fatal(err)
	}
	if after := residentTables(t, dir); after > before/4 {
		t.Fatalf("%d KiB of tables are resident after letting go, %d before", after, before)
	}
	read(func(i int) {
		if i%50 == 0 {
			if err := db.leads.kv.letGo(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
