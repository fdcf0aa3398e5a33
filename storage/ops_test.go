package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"ripen/storage"
	"ripen/storage/storagetest"
)

func put(t testing.TB, tb *storage.Table, key, value string) {
	t.Helper()
	err := tb.Update(func(tx *storage.Tx) error {
		return tx.Set(storage.Tenant{1}, storage.SpaceState, []byte(key), []byte(value))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, tb *storage.Table, key string) (value string) {
	t.Helper()
	err := tb.View(func(tx *storage.Tx) error {
		v, err := tx.Get(storage.Tenant{1}, storage.SpaceState, []byte(key))
		value = string(v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestBackupUnderLoadAndRestore(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	erased, later := storagetest.Record(100_001), storagetest.Record(100_002)
	erased.Subject[9], later.Subject[9] = 1, 2
	if err := db.Log().Append(t.Context(), 0, []storage.Record{erased, later}); err != nil {
		t.Fatal(err)
	}
	if err := db.Erase(t.Context(), erased.Tenant, []storage.Subject{erased.Subject}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				recs := []storage.Record{storagetest.Record(g*10_000 + i)}
				if err := db.Log().Append(t.Context(), 0, recs); err != nil {
					t.Error(err)
				}
				// What a table says of the log must be in the log of the backup.
				put(t, db.Leads(), fmt.Sprint(g), fmt.Sprint(recs[0].Seq))
				put(t, db.Meta(), fmt.Sprint(g), fmt.Sprint(recs[0].Seq))
			}
		})
	}
	if err := db.Log().Wait(t.Context(), 0, 200); err != nil {
		t.Fatal(err)
	}
	var data, keys, erasures bytes.Buffer
	if err := errors.Join(db.Backup(t.Context(), &data), db.BackupKeys(t.Context(), &keys)); err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()
	if err := db.Erase(t.Context(), later.Tenant, []storage.Subject{later.Subject}); err != nil {
		t.Fatal(err)
	}
	if err := db.Erasures(t.Context(), &erasures); err != nil {
		t.Fatal(err)
	}

	dir := filepath.Join(t.TempDir(), "restored")
	stream := data.Bytes()
	f := func(name string, src storage.Source) {
		t.Helper()
		if err := storage.Restore(t.Context(), dir, src); err == nil {
			t.Fatalf("%s: restored", name)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("%s: a failed restore left a directory", name)
		}
	}
	f("cut", storage.Source{Data: bytes.NewReader(stream[:len(stream)-10])})
	f("end only", storage.Source{Data: bytes.NewReader(append(append([]byte(nil), stream[:8]...), stream[len(stream)-16:]...))})
	flipped := append([]byte(nil), stream...)
	flipped[len(flipped)/2] ^= 8
	f("flipped", storage.Source{Data: bytes.NewReader(flipped)})
	f("not a backup", storage.Source{Data: strings.NewReader("hello, world")})

	src := storage.Source{Data: bytes.NewReader(stream), Keys: &keys, Erasures: &erasures}
	if err := storage.Restore(t.Context(), dir, src); err != nil {
		t.Fatal(err)
	}
	restored := open(t, dir, nil)
	rows := storagetest.Stored(t, restored.Log())
	last, _ := restored.Log().Last(t.Context(), 0)
	if len(rows) < 150 {
		t.Fatalf("%d rows restored", len(rows))
	}
	for g := range 4 {
		for _, tb := range []*storage.Table{restored.Leads(), restored.Meta()} {
			var seq uint64
			fmt.Sscan(get(t, tb, fmt.Sprint(g)), &seq)
			if seq > last {
				t.Fatalf("a table knows record %d, the log ends at %d", seq, last)
			}
		}
	}
	err := restored.Get(t.Context(), 0, []uint64{1, 2, 3}, func(r *storage.Record) error {
		_, err := restored.Unseal(nil, r)
		if want := r.Seq < 3; errors.Is(err, storage.ErrErased) != want {
			return fmt.Errorf("record %d: %v", r.Seq, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dup := []storage.Record{later}
	if err := restored.Log().Append(t.Context(), 0, dup); err != nil || !dup[0].Dup {
		t.Fatalf("the restored log forgot an id: %v", err)
	}
	if err := storage.Restore(t.Context(), dir, src); err == nil {
		t.Fatal("restored over a directory in use")
	}
}

// TestRestoreErasesAgain: what the list erased after the backup goes, and the log is
// told; who was erased before it and came back keeps what came since, unless they
// were erased once more.
func TestRestoreErasesAgain(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	put := func(i int, who byte) storage.Record {
		r := []storage.Record{storagetest.Record(i)}
		r[0].Tenant, r[0].Subject = storage.Tenant{1}, storage.Subject{0: 'v', 9: who}
		if err := db.Log().Append(t.Context(), 0, r); err != nil {
			t.Fatal(err)
		}
		return r[0]
	}
	erase := func(r storage.Record) {
		if err := db.Erase(t.Context(), r.Tenant, []storage.Subject{r.Subject}); err != nil {
			t.Fatal(err)
		}
	}
	first := []storage.Record{put(1, 1), put(2, 2), put(3, 3)}
	erase(first[0])
	erase(first[1])
	back := []storage.Record{put(4, 1), put(5, 2)} // both come back
	var data, keys, own, later bytes.Buffer
	if err := errors.Join(db.Backup(t.Context(), &data), db.BackupKeys(t.Context(), &keys), db.Erasures(t.Context(), &own)); err != nil {
		t.Fatal(err)
	}
	for db.Now() <= int64(back[1].Received) { // the next erasures are later ones
		runtime.Gosched()
	}
	erase(back[1])
	erase(first[2])
	if err := db.Erasures(t.Context(), &later); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		list   []byte
		erased []uint64
		told   int
	}{
		"its own":  {own.Bytes(), []uint64{1, 2}, 0},
		"a newer":  {later.Bytes(), []uint64{1, 2, 3, 5}, 2},
		"timeless": {regexp.MustCompile(` \d+\n`).ReplaceAll(own.Bytes(), []byte("\n")), []uint64{1, 2, 4, 5}, 2},
	} {
		told := 0
		src := storage.Source{Data: bytes.NewReader(data.Bytes()), Keys: bytes.NewReader(keys.Bytes()), Erasures: bytes.NewReader(c.list)}
		src.Tell = func(tn storage.Tenant, subjects []storage.Subject) storage.Record {
			told += len(subjects)
			return storage.Record{Tenant: tn, Kind: storage.KindControl, Row: []byte("erased")}
		}
		dir := filepath.Join(t.TempDir(), "restored")
		if err := storage.Restore(t.Context(), dir, src); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		restored := open(t, dir, nil)
		var gone []uint64
		err := restored.Get(t.Context(), 0, []uint64{1, 2, 3, 4, 5}, func(r *storage.Record) error {
			_, err := restored.Unseal(nil, r)
			if errors.Is(err, storage.ErrErased) {
				gone, err = append(gone, r.Seq), nil
			}
			return err
		})
		last, _ := restored.Log().Last(t.Context(), 0)
		if err != nil || !slices.Equal(gone, c.erased) || told != c.told || last != 5+uint64(min(told, 1)) {
			t.Errorf("%s list: erased are %v, want %v; told of %d, want %d; the log ends at %d; %v", name, gone, c.erased, told, c.told, last, err)
		}
	}
}

func TestWipeLeads(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, nil)
	put(t, db.Leads(), "a", "1")
	put(t, db.Meta(), "a", "1")
	if err := db.WipeLeads(); err != nil {
		t.Fatal(err)
	}
	if get(t, db.Leads(), "a") != "" || get(t, db.Meta(), "a") != "1" {
		t.Fatal("wiped the wrong rows")
	}
	put(t, db.Leads(), "b", "2")
	if get(t, db.Leads(), "b") != "2" {
		t.Fatal("leads/ is not usable after it was wiped")
	}
}

func failures(r *storage.Report) (out []string) {
	for _, f := range r.Findings {
		if f.Severity == storage.Failure {
			out = append(out, f.File+": "+f.What+" → "+f.Do)
		}
	}
	return out
}

func TestDoctorAndRepair(t *testing.T) {
	dir, personal := flipSource(t, false)
	healthy, err := storage.Doctor(t.Context(), dir)
	if err != nil || healthy.Err() != nil || healthy.Last != 600 {
		t.Fatalf("a healthy directory: %+v, %v", healthy, err)
	}
	f := func(pattern string, spoil func([]byte) []byte, repairable, needsLoss bool) {
		t.Helper()
		copied := filepath.Join(t.TempDir(), "copy")
		copyDir(t, copied, dir)
		files, err := filepath.Glob(filepath.Join(copied, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no file matches %s", pattern)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[0], spoil(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if db, err := storage.Open(copied, storage.Options{Reserve: 1}); err == nil {
			_, err = tryUnsealAll(t, db)
			if db.Close(); err == nil {
				t.Fatalf("%s: everything is readable", pattern)
			}
		} else if !strings.Contains(err.Error(), "ripen doctor") {
			t.Fatalf("%s: the refusal names no remedy: %v", pattern, err)
		}
		r, err := storage.Doctor(t.Context(), copied)
		if err != nil || r.Err() == nil {
			t.Fatalf("%s: the doctor found nothing: %v", pattern, err)
		}
		if all := strings.Join(failures(r), "; "); !strings.Contains(all, strings.Split(pattern, "/")[0]) {
			t.Fatalf("%s: the doctor says %s", pattern, all)
		}
		if r, err = storage.Repair(t.Context(), copied, false); err != nil {
			t.Fatal(err)
		}
		if (r.Err() == nil) != (repairable && !needsLoss) {
			t.Fatalf("%s: after the repair: %v", pattern, failures(r))
		}
		if needsLoss {
			if r, err = storage.Repair(t.Context(), copied, true); err != nil {
				t.Fatal(err)
			}
			if r.Err() == nil && strings.HasPrefix(pattern, "log/") {
				repairable, needsLoss = true, false // what the rows named was found in its files again
			}
			if (r.Err() == nil) != repairable {
				t.Fatalf("%s: after the repair with loss: %v", pattern, failures(r))
			}
		}
		if !repairable {
			return
		}
		db := open(t, copied, nil)
		storagetest.Stored(t, db.Log())
		if got, err := tryUnsealAll(t, db); !needsLoss && (err != nil || got != personal) {
			t.Fatalf("%s: the repair lost something: %v", pattern, err)
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 16; return b }
	f("leads/*.sst", flip, true, false)
	f("leads/MANIFEST", flip, true, false)
	f("log.hwm", func(b []byte) []byte { b[9] ^= 1; b[530] ^= 1; return b }, true, false)
	f("meta.hwm", func(b []byte) []byte { return nil }, true, false)
	f("meta/*.sst", flip, false, true)
	f("log/*.sst", flip, false, true)
	f("log/MANIFEST", flip, false, true)
	f("keys/[0-9a-f][0-9a-f]", func(b []byte) []byte { b[len(b)/2] ^= 17; return b }, true, true)
	f("keys/[0-9a-f][0-9a-f]", func([]byte) []byte { return nil }, true, true)
}

func TestDoctorOnline(t *testing.T) {
	db := open(t, t.TempDir(), nil)
	for i := range 20 {
		if err := db.Log().Append(t.Context(), 0, []storage.Record{storagetest.Record(i)}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := db.Doctor(t.Context())
	if err != nil || r.Err() != nil || r.Last != 20 || r.Blocks == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}
