package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// killed copies the directory of an open log as kill -9 would leave it, while its
// newest blocks have no rows.
func killed(t *testing.T, db *DB, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "killed")
	for i := 1 << 20; len(db.log.blocks.from(0)) == 0; i++ { // a second has passed
		fill(t, db, i, i+1)
	}
	for { // a journal of keys that moves to the shards meanwhile
		err := os.CopyFS(copied, os.DirFS(dir))
		if err == nil {
			return copied
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(copied); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBlocksWithoutRows kills a log before its rows are written, again and again:
// its blocks are found, each once, and their ids are known.
func TestBlocksWithoutRows(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	fill(t, db, 0, 500)
	db.SyncHighWater()
	for round := range 3 {
		fill(t, db, 500*(round+1), 500*(round+2))
		dir = killed(t, db, dir)
		want := readAll(t, db, 1)
		db = openTest(t, dir, Options{})
		sameRecords(t, readAll(t, db, 1)[:len(want)], want)
		recs := []Record{testRecord(500*(round+2) - 1)}
		if appendOne(t, db, recs...); !recs[0].Dup {
			t.Fatalf("round %d: what was acknowledged is stored again", round)
		}
	}
	r, err := db.Doctor(t.Context())
	if err != nil || r.Err() != nil {
		t.Fatalf("the doctor: %v, %+v", err, r)
	}
}

// TestOldEnd lets blocks appear behind the end that a recovery found, as a disk may
// that failed a sync: they are not taken for what was acknowledged after it.
func TestOldEnd(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	fill(t, db, 0, 100)
	db.SyncHighWater()
	before := filepath.Join(t.TempDir(), "before")
	if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	fill(t, db, 100, 200)
	longer, err := os.ReadFile(db.log.blocks.hot.name(1))
	if err != nil {
		t.Fatal(err)
	}

	db = openTest(t, before, Options{})
	fill(t, db, 300, 400)
	want := readAll(t, db, 1)
	after := killed(t, db, before)
	if err := os.WriteFile(filepath.Join(after, "log", "blocks", "00000001"), longer, 0o600); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, after, Options{})
	sameRecords(t, readAll(t, db, 1)[:len(want)], want)
}

// TestRowsUnderFaults lets rows fail, kept or not: the log recovers, and has
// everything once.
func TestRowsUnderFaults(t *testing.T) {
	for _, fault := range []Fault{FaultLost, FaultReported} {
		var armed atomic.Bool
		db := openTest(t, t.TempDir(), Options{ProbeEvery: time.Millisecond, Fault: func(w string) Fault {
			if w != WriteRows || !armed.CompareAndSwap(true, false) {
				return FaultNone
			}
			return fault
		}})
		armed.Store(true)
		fill(t, db, 0, 50)
		want := readAll(t, db, 1)
		for armed.Load() {
			_ = db.log.writeHighWater() // or the second's did
		}
		again := []Record{testRecord(49), testRecord(50)}
		for {
			err := db.Log().Append(t.Context(), 0, again)
			if err == nil {
				break
			}
			if !errors.Is(err, ErrReadOnly) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		got := readAll(t, db, 1)
		if sameRecords(t, got[:50], want); len(got) != 51 || !again[0].Dup {
			t.Fatalf("%d records, want 51; %+v", len(got), again)
		}
	}
}

// TestBlocksCannotBeWritten takes the right to write from the file of the newest
// blocks: the group is refused, the next ones go into another file.
func TestBlocksCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{ProbeEvery: time.Millisecond})
	fill(t, db, 0, 100)
	hot := &db.log.blocks.hot
	readOnly, err := os.Open(hot.name(1))
	if err != nil {
		t.Fatal(err)
	}
	hot.mu.Lock()
	hot.files[1], readOnly = readOnly, hot.files[1]
	hot.mu.Unlock()
	defer readOnly.Close()
	refused := []Record{testRecord(100)}
	if err := db.Log().Append(t.Context(), 0, refused); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("a write that failed: %v", err)
	}
	for db.Log().Append(t.Context(), 0, refused) != nil {
		time.Sleep(time.Millisecond)
	}
	want := readAll(t, db, 1)
	if len(want) != 101 || refused[0].Dup || hot.next().file < 2 {
		t.Fatalf("%d records, want 101; they go into file %d", len(want), hot.next().file)
	}
	sameRecords(t, readAll(t, openTest(t, killed(t, db, dir), Options{}), 1)[:101], want)
}

// blockDirs says how many files of blocks there are.
func blockDirs(t testing.TB, db *DB) (hot, cold int) {
	t.Helper()
	a, err := db.log.blocks.hot.list()
	b, err2 := db.log.blocks.cold.list()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return len(a), len(b)
}

// TestReclaimBlocks joins blocks, trims and blanks: what nobody needs goes, and all
// else stays as it was.
func TestReclaimBlocks(t *testing.T) {
	dir, clock := t.TempDir(), newFakeClock()
	o := Options{Now: clock.now, ReblockEvery: -1, DedupeWindow: time.Hour}
	db := openTest(t, dir, o)
	small := func() { db.log.blocks.hot.most, db.log.blocks.cold.most = 16<<10, 16<<10 }
	reclaim := func() {
		db.log.maintain.Lock()
		defer db.log.maintain.Unlock()
		if _, err := db.log.reclaimBlocks(); err != nil {
			t.Fatal(err)
		}
		db.log.ring.blocks = nil
		db.log.cache.forget()
	}
	small()
	join := func() {
		db.SyncHighWater()
		if _, err := db.log.reblock(); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, db, 0, 3000)
	clock.advance(24 * time.Hour)
	fill(t, db, 3000, 3100)
	before, _ := blockDirs(t, db)
	reclaim()
	if n, _ := blockDirs(t, db); n != before {
		t.Fatalf("%d files of blocks became %d, though all are needed", before, n)
	}
	join()
	fill(t, db, 3100, 4000)
	want := readAll(t, db, 1)
	join()
	before, _ = blockDirs(t, db)
	reclaim()
	after, cold := blockDirs(t, db)
	if 4*after > before || cold < 2 {
		t.Fatalf("%d files of blocks became %d and %d", before, after, cold)
	}
	sameRecords(t, readAll(t, db, 1), want)

	db.Close()
	db = openTest(t, dir, o)
	small()
	sameRecords(t, readAll(t, db, 1), want)
	fill(t, db, 4000, 4001)
	if err := db.log.Trim(t.Context(), 0, 3500); err != nil {
		t.Fatal(err)
	}
	reclaim()
	if _, n := blockDirs(t, db); n != cold-1 {
		t.Fatalf("%d files of joined blocks became %d when the first day was trimmed", cold, n)
	}
	sameRecords(t, readAll(t, db, 3001)[:1000], want[3000:])
	r, err := db.Doctor(t.Context())
	if err != nil || r.Err() != nil {
		t.Fatalf("the doctor: %v, %+v", err, r)
	}
}

// onWrite is a destination that does something at the first write.
type onWrite struct {
	bytes.Buffer
	do func()
}

func (w *onWrite) Write(b []byte) (int, error) {
	if w.do != nil {
		w.do()
		w.do = nil
	}
	return w.Buffer.Write(b)
}

// TestBackupBesideReclaim lets files go that a backup has yet to read: they wait.
func TestBackupBesideReclaim(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{ReblockEvery: -1})
	db.log.blocks.hot.most = 4 << 10
	fill(t, db, 0, 5000)
	want := readAll(t, db, 1)
	err := db.Meta().Update(func(tx *Tx) error { // is written before a block is read
		return tx.Set(Tenant{1}, SpaceState, []byte("large"), randomBytes(200<<10))
	})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := blockDirs(t, db)
	db.SyncHighWater()
	done := make(chan error, 1)
	data := &onWrite{do: func() {
		go func() {
			_, err := db.log.reblock()
			for range 2 { // what the first one removes is open until the second
				db.log.maintain.Lock()
				_, err2 := db.log.reclaimBlocks()
				err = errors.Join(err, err2)
				db.log.maintain.Unlock()
			}
			done <- err
		}()
		time.Sleep(200 * time.Millisecond) // it begins
	}}
	var keys bytes.Buffer
	if err := errors.Join(db.Backup(t.Context(), data), db.BackupKeys(t.Context(), &keys)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n, _ := blockDirs(t, db); 4*n > before {
		t.Fatalf("%d of %d files of blocks are left: nothing was reclaimed", n, before)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if err := Restore(t.Context(), dir, Source{Data: data, Keys: &keys}); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, readAll(t, openTest(t, dir, Options{}), 1), want)
}

// TestBlocksDamaged shortens, changes and removes files of blocks: whoever reads
// them is told which records are lost, and where.
func TestBlocksDamaged(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{ReblockEvery: -1})
	fill(t, db, 0, 3000)
	db.SyncHighWater()
	if _, err := db.log.reblock(); err != nil {
		t.Fatal(err)
	}
	fill(t, db, 3000, 3100)
	db.Close()
	for _, name := range []string{"blocks", "joined"} {
		for what, spoil := range map[string]func(path string, b []byte) error{
			"removed":   func(path string, _ []byte) error { return os.Remove(path) },
			"shortened": func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)-1], 0o600) },
			"changed": func(path string, b []byte) error {
				b[len(b)-30] ^= 4
				return os.WriteFile(path, b, 0o600)
			},
			"moved": func(path string, b []byte) error { return os.WriteFile(path, append([]byte{1}, b...), 0o600) },
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				copied := filepath.Join(t.TempDir(), "copy")
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				files, err := filepath.Glob(filepath.Join(copied, "log", name, "*"))
				if err != nil || len(files) == 0 {
					t.Fatalf("no files: %v", err)
				}
				b, err := os.ReadFile(files[len(files)-1])
				if err != nil {
					t.Fatal(err)
				}
				if err := spoil(files[len(files)-1], bytes.Clone(b)); err != nil {
					t.Fatal(err)
				}
				db, err := Open(copied, Options{Reserve: 1, ReblockEvery: -1})
				if err == nil {
					defer db.Close()
					err = db.Log().Read(t.Context(), 0, 1, func([]Record) error { return nil })
				}
				var gap *GapError
				if !errors.As(err, &gap) || !strings.Contains(err.Error(), name+"/0") || !strings.Contains(err.Error(), "ripen doctor --data "+copied) {
					t.Fatalf("%v, want the records that are lost, where, and what to run", err)
				}
				if db == nil {
					return
				}
				if r, err := db.Doctor(t.Context()); err != nil || r.Err() == nil {
					t.Fatalf("the doctor finds nothing: %v", err)
				}
			})
		}
	}
}

// TestOldWAL opens what a version left that was killed and kept blocks in rows: a WAL
// as large as they were.
func TestOldWAL(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	o := kvOptions("log", dir, (&Options{}).logger()).WithMemTableSize(16 << 20)
	b, err := badger.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range 140 {
		err := b.Update(func(txn *badger.Txn) error {
			return txn.Set(fmt.Appendf(nil, "row %03d", i), bytes.Repeat([]byte{byte(i)}, 100<<10))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	k := newKV("log", copied, kvOptions("log", copied, (&Options{}).logger()))
	if err := k.open(); err != nil {
		t.Fatal(err)
	}
	defer k.close(false)
	err = k.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		v, err := getValue(txn, []byte("row 139"))
		if len(v) != 100<<10 {
			t.Errorf("the last row has %d bytes", len(v))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBlocksInRows goes on with a restored log, whose rows hold the blocks
// themselves: it is read, joined and blanked like any other.
func TestBlocksInRows(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{ReblockEvery: -1})
	fill(t, db, 0, 1000)
	var data, keys bytes.Buffer
	if err := errors.Join(db.Backup(t.Context(), &data), db.BackupKeys(t.Context(), &keys)); err != nil {
		t.Fatal(err)
	}
	want := readAll(t, db, 1)
	dir := filepath.Join(t.TempDir(), "restored")
	if err := Restore(t.Context(), dir, Source{Data: &data, Keys: &keys}); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir, Options{ReblockEvery: -1})
	fill(t, db, 1000, 2000)
	want = append(want, readAll(t, db, 1001)...)
	sameRecords(t, readAll(t, db, 1), want)
	db.SyncHighWater()
	if n, err := db.log.reblock(); err != nil || n < 1500 {
		t.Fatalf("joined %d records, %v", n, err)
	}
	db.log.ring.blocks = nil
	sameRecords(t, readAll(t, db, 1), want)
	if err := db.Blank(t.Context(), 0, thirds(1500)); err != nil {
		t.Fatal(err)
	}
	got := readAll(t, db, 1)
	if len(got) != 2000 || got[2].Kind != KindBlank || fmt.Sprint(got[1600:]) != fmt.Sprint(want[1600:]) {
		t.Fatal("blanking did something else")
	}
	if slices.ContainsFunc(got, func(r Record) bool { return r.Seq%3 == 0 && r.Seq < 1500 && len(r.Row) > 0 }) {
		t.Fatal("blanked rows are there")
	}
}
