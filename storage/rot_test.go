package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/storage/storagetest"
)

// flipSource makes a data directory with every kind of file in it and returns
// what it holds. killed leaves WALs, else the databases are flushed to tables.
func flipSource(t *testing.T, killed bool) (dir, personal string) {
	t.Helper()
	dir = t.TempDir()
	if killed {
		crashOnce(t, dir, 2500)
	}
	db := open(t, dir, nil)
	if !killed {
		for i := range 300 {
			if err := db.Log().Append(t.Context(), 0, []storage.Record{storagetest.Record(i), storagetest.Record(1000 + i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tb := range []*storage.Table{db.Leads(), db.Meta()} {
		err := tb.Update(func(tx *storage.Tx) error {
			for i := range 500 {
				space, key, value := flipRow(i)
				if err := tx.Set(storage.Tenant{1}, space, key, value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	personal = unsealAll(t, db)
	if !killed {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return dir, personal
	}
	// A copy of a running directory, after its last second, is a killed one.
	copied := filepath.Join(t.TempDir(), "killed")
	db.SyncHighWater()
	copyDir(t, copied, dir)
	return copied, personal
}

// flipRow is a row of a table: the first lie in it, of others the value lies in a
// file if the table is leads/.
func flipRow(i int) (space byte, key, value []byte) {
	if i < 250 {
		return storage.SpaceState, fmt.Appendf(nil, "key %03d", i), fmt.Appendf(nil, "value of %d", i)
	}
	return storage.SpaceTimeline, fmt.Appendf(nil, "key %03d", i), fmt.Appendf(nil, "value of %d%080d", i, i)
}

func unsealAll(t *testing.T, db *storage.DB) string {
	t.Helper()
	s, err := tryUnsealAll(t, db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryUnsealAll(t *testing.T, db *storage.DB) (string, error) {
	var b strings.Builder
	err := db.Log().Read(t.Context(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			p, err := db.Unseal(nil, &recs[i])
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s %s\n", recs[i].Row, p)
		}
		return nil
	})
	return b.String(), err
}

// tableRows counts the good rows that flipSource wrote.
func tableRows(tb *storage.Table) (n int, err error) {
	err = tb.View(func(tx *storage.Tx) error {
		for _, space := range []byte{storage.SpaceState, storage.SpaceTimeline} {
			err := tx.Scan(storage.Tenant{1}, space, nil, nil, func(k, v []byte) error {
				_, key, value := flipRow(n)
				if !bytes.Equal(k, key) || !bytes.Equal(v, value) {
					return fmt.Errorf("row %d reads %q %q", n, k, v)
				}
				n++
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// TestFlippedBit flips one bit in each kind of file: it is detected and named,
// or harmless, never silent.
func TestFlippedBit(t *testing.T) {
	for _, killed := range []bool{false, true} {
		dir, personal := flipSource(t, killed)
		kinds := map[string][]string{} // :: database and extension → files
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(dir, path)
			if err == nil && !d.IsDir() && d.Name() != "lock" && d.Name() != "LOCK" {
				kind := filepath.Dir(rel) + " " + filepath.Ext(rel)
				if filepath.Ext(rel) == "" {
					kind = filepath.Dir(rel) + " " + strings.TrimRight(filepath.Base(rel), "0123456789abcdef-")
				}
				kinds[kind] = append(kinds[kind], rel)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for kind, files := range kinds {
			t.Run(fmt.Sprintf("killed=%v/%s", killed, kind), func(t *testing.T) {
				trials := 2
				if testing.Short() || raceEnabled {
					trials = 1
				}
				for trial := range trials {
					rng := rand.New(rand.NewPCG(uint64(trial), 1))
					flipOne(t, dir, files[rng.IntN(len(files))], rng, personal)
				}
			})
		}
	}
}

func flipOne(t *testing.T, dir, file string, rng *rand.Rand, personal string) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	copyDir(t, copied, dir)
	path := filepath.Join(copied, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := len(b)
	for used > 1 && b[used-1] == 0 {
		used--
	}
	if len(b) == 0 {
		return
	}
	at, bit := rng.IntN(used), rng.IntN(8)
	b[at] ^= 1 << bit
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	what := fmt.Sprintf("%s byte %d bit %d of %d", file, at, bit, used)
	// The newest WAL of leads/ is not synced: its end may go, and the cursor in
	// the same transactions goes with it, so the fold writes the rows again.
	mayEnd := filepath.Dir(file) == "leads" && filepath.Ext(file) == ".mem"
	if err := readEverything(t, copied, personal, mayEnd); err != nil {
		if !strings.Contains(err.Error(), copied) && !strings.Contains(err.Error(), filepath.Dir(file)) {
			t.Errorf("%s: the error does not name the place: %v", what, err)
		}
		t.Logf("%s: detected: %v", what, err)
	}
}

// copyDir copies a data directory, leaving holes where the files have them. Where
// it is open, a file may go meanwhile, as a journal of keys does that has moved to
// the shards: then all is copied again.
func copyDir(t testing.TB, to, from string) {
	t.Helper()
	err := copyOnce(to, from)
	for range 3 {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		err = errors.Join(os.RemoveAll(to), copyOnce(to, from))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func copyOnce(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, path)
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(to, rel), 0o700))
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		used := len(b)
		for used > 0 && b[used-1] == 0 {
			used--
		}
		name := filepath.Join(to, rel)
		return errors.Join(os.WriteFile(name, b[:used], 0o600), os.Truncate(name, int64(len(b))))
	})
}

// readEverything opens the directory and reads all of it. It fails the test if
// something is wrong and no error says so.
func readEverything(t *testing.T, dir, personal string, mayEnd bool) error {
	t.Helper()
	db, err := storage.Open(dir, storage.Options{Reserve: 1 << 20})
	if err != nil {
		return named(t, err)
	}
	defer db.Close()
	got, err := tryUnsealAll(t, db)
	if err != nil {
		return named(t, err)
	}
	if got != personal {
		t.Errorf("silent loss in the log: %d bytes, want %d", len(got), len(personal))
	}
	for _, tb := range []*storage.Table{db.Leads(), db.Meta()} {
		n, err := tableRows(tb)
		if err != nil {
			return named(t, err)
		}
		if n != 500 && !(n == 0 && mayEnd && tb == db.Leads()) {
			t.Errorf("silent loss in a table: %d rows, want 500", n)
		}
	}
	return nil
}

// named checks that an error is one of ours, which name the file.
func named(t *testing.T, err error) error {
	t.Helper()
	var gap *storage.GapError
	var corrupt *storage.CorruptError
	if !errors.As(err, &gap) && !errors.As(err, &corrupt) {
		t.Errorf("not named: %v", err)
	}
	return err
}
