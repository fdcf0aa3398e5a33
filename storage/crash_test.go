package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ripen/storage"
	"ripen/storage/storagetest"
)

// childEnv makes the test binary the child of a crash test: it loads the
// directory that it names until it is killed.
const childEnv = "RIPEN_STORAGE_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := crashChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashChild appends records and prints the row of each one that was
// acknowledged, only then.
func crashChild(dir string) error {
	db, err := storage.Open(dir, storage.Options{Reserve: 1 << 20, RecentIDs: 1000})
	if err != nil {
		return err
	}
	out := make(chan string, 64)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				recs := []storage.Record{storagetest.Record(rand.Int()), storagetest.Record(rand.Int())}
				recs[0].Subject[3] = byte(rand.Int())
				if err := db.Log().Append(context.Background(), 0, recs); err != nil {
					return
				}
				out <- string(recs[0].Row) + "\n" + string(recs[1].Row) + "\n"
			}
		})
	}
	go func() { wg.Wait(); close(out) }()
	for s := range out {
		if _, err := io.WriteString(os.Stdout, s); err != nil {
			return nil // the parent is gone
		}
	}
	return errors.New("append failed")
}

// crashOnce runs the child for so many acknowledged records, kills it and
// returns what it acknowledged.
func crashOnce(t *testing.T, dir string, lines int) (acked []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	for killed := false; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		acked = append(acked, strings.TrimSuffix(line, "\n"))
		if len(acked) >= lines && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) < lines {
		t.Fatalf("the child ended by itself after %d records: %v", len(acked), err)
	}
	return acked
}

func TestKilledUnderLoadLosesNothing(t *testing.T) {
	dir, acked := t.TempDir(), []string(nil)
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		acked = append(acked, crashOnce(t, dir, 500+rand.IntN(1500))...)
		db := open(t, dir, nil)
		rows := storagetest.Stored(t, db.Log())
		for _, row := range acked {
			if rows[row] != 1 {
				t.Fatalf("round %d: %q was acknowledged and is stored %d times", round, row, rows[row])
			}
		}
		last, _ := db.Log().Last(t.Context(), 0)
		err := db.Get(t.Context(), 0, []uint64{1, last / 2, last}, func(r *storage.Record) error {
			_, err := db.Unseal(nil, r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d acknowledged, %d stored", round, len(acked), len(rows))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTornTail cuts the end off the blocks of a killed process, as a power cut may
// do to bytes that were not synced, and past it, which is a loss to be named.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	crashOnce(t, dir, 500)
	files, err := filepath.Glob(filepath.Join(dir, "log", "blocks", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no blocks: %v", err)
	}
	last := files[len(files)-1]
	b, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	end := len(b)
	// What the high-water mark does not cover may go; what it covers may not go
	// unnoticed. Whatever is left must read without a hole.
	for _, cut := range []int{1, 7, 100, 5000, end / 2, end - 30} {
		copied := filepath.Join(t.TempDir(), "copy")
		copyDir(t, copied, dir)
		torn := append([]byte(nil), b...)
		clear(torn[end-cut:])
		if err := os.WriteFile(filepath.Join(copied, "log", "blocks", filepath.Base(last)), torn, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := storage.Open(copied, storage.Options{Reserve: 1 << 20})
		if err != nil {
			var gap *storage.GapError
			if !errors.As(err, &gap) {
				t.Fatalf("cut of %d bytes: %v", cut, err)
			}
			continue
		}
		storagetest.Stored(t, db.Log())
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoSpace(t *testing.T) {
	var free int64 = 1 << 30
	var said bytes.Buffer
	db, err := storage.Open(t.TempDir(), storage.Options{
		Reserve: 100 << 20,
		Logger:  slog.New(slog.NewTextHandler(&said, nil)),
		Free:    func(string) (int64, int64, error) { return free, 1 << 40, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	send := func(i int) error {
		return db.Log().Append(t.Context(), 0, []storage.Record{storagetest.Record(i)})
	}
	set := func(tb *storage.Table) error {
		return tb.Update(func(tx *storage.Tx) error { return tx.Set(storage.Tenant{}, storage.SpaceState, nil, nil) })
	}
	f := func(space int64, append, table error, health string) {
		t.Helper()
		free = space
		if err := send(int(space)); !errors.Is(err, append) {
			t.Fatalf("append with %d free: %v, want %v", space, err, append)
		}
		if err := errors.Join(set(db.Leads()), set(db.Meta())); !errors.Is(err, table) {
			t.Fatalf("update with %d free: %v, want %v", space, err, table)
		}
		if state, _ := db.Health(); state != health {
			t.Fatalf("health with %d free: %s, want %s", space, state, health)
		}
		storagetest.Stored(t, db.Log())
		db.LookAgain()
		if db.Writable() != (append == nil) {
			t.Fatalf("writable with %d free: %v", space, db.Writable())
		}
	}
	f(1<<30, nil, nil, "ok")
	f(70<<20, storage.ErrNoSpace, nil, "read-only")
	f(10<<20, storage.ErrNoSpace, storage.ErrNoSpace, "read-only")
	f(200<<20, nil, nil, "ok")
	if log := said.String(); strings.Count(log, "events are refused") != 1 || strings.Count(log, "events are taken again") != 1 {
		t.Errorf("the log does not say once that and once that no more events are refused:\n%s", log)
	}
	if rows := storagetest.Stored(t, db.Log()); len(rows) != 2 {
		t.Fatalf("stored %v", rows)
	}
}

// Badger deletes a WAL in two steps, cutting it to nothing first. A crash
// between them leaves an empty file, which is no damage; a WAL that lost its
// rows the same way is.
func TestEmptyWAL(t *testing.T) {
	dir := t.TempDir()
	crashOnce(t, dir, 500)
	leftover := filepath.Join(dir, "log", "00000.mem")
	if err := os.WriteFile(leftover, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := storage.Open(dir, storage.Options{Reserve: 1 << 20, ReblockEvery: -1})
	if err != nil {
		t.Fatalf("with a leftover of a deletion: %v", err)
	}
	storagetest.Stored(t, db.Log())
	err = db.Log().Append(t.Context(), 0, []storage.Record{storagetest.Record(1 << 20)})
	if err != nil {
		t.Fatal(err)
	}
	db.SyncHighWater()
	lost := filepath.Join(t.TempDir(), "lost")
	copyDir(t, lost, dir) // as a crash would leave it
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	mems, err := filepath.Glob(filepath.Join(lost, "log", "*.mem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range mems {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	var gap *storage.GapError
	if db, err := storage.Open(lost, storage.Options{Reserve: 1 << 20}); !errors.As(err, &gap) {
		if err == nil {
			err = db.Close()
		}
		t.Fatalf("opened without its WAL: %v, want the lost range", err)
	}
}
