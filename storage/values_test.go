package storage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// values is what a test expects of the rows whose values lie in files.
type values map[string]string

func (want values) set(t testing.TB, db *DB, keys ...string) {
	t.Helper()
	err := db.Leads().Update(func(tx *Tx) error {
		for _, k := range keys {
			v := fmt.Sprintf("%s %d %0*d", k, rand.Uint64(), valueLeast+rand.IntN(400), 0)
			if err := tx.Set(Tenant{1}, SpaceTimeline, []byte(k), []byte(v)); err != nil {
				return err
			}
			want[k] = v
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (want values) check(t testing.TB, view func(func(*Tx) error) error) {
	t.Helper()
	got := values{}
	err := view(func(tx *Tx) error {
		for k, v := range want {
			if b, err := tx.Get(Tenant{1}, SpaceTimeline, []byte(k)); err != nil || string(b) != v {
				return fmt.Errorf("%s reads %q, %w", k, b, err)
			}
		}
		return tx.Scan(Tenant{1}, SpaceTimeline, nil, nil, func(k, v []byte) error {
			got[string(k)] = string(v)
			return nil
		})
	})
	if err != nil || !maps.Equal(got, want) {
		t.Fatalf("%d rows, want %d: %v", len(got), len(want), err)
	}
}

func valueFilesOf(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "leads", "values", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func never() bool { return false }

// TestValues writes rows whose values lie in files, anew, removes some, and finds
// them in what is open, opened again, and restored from a backup; a wipe takes all.
func TestValues(t *testing.T) {
	dir := t.TempDir()
	db := reopen(t, dir, nil, Options{})
	db.leads.values.kinds[0].most = 2 << 10
	want := values{}
	for i := range 60 {
		want.set(t, db, fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("a", i/2))
	}
	err := db.Leads().Update(func(tx *Tx) error {
		delete(want, "a7")
		return tx.Delete(Tenant{1}, SpaceTimeline, []byte("a7"))
	})
	if err != nil {
		t.Fatal(err)
	}
	want.check(t, db.Leads().View)
	if n := len(valueFilesOf(t, dir)); n < 3 {
		t.Errorf("%d files: the test says nothing of a next one", n)
	}
	db = reopen(t, dir, db, Options{})
	want.check(t, db.Leads().View)
	want.set(t, db, "behind", "what", "was")
	want.check(t, db.Leads().View)

	var data bytes.Buffer
	if err := db.Backup(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "restored")
	if err := Restore(t.Context(), other, Source{Data: &data}); err != nil {
		t.Fatal(err)
	}
	restored := reopen(t, other, nil, Options{})
	want.check(t, restored.Leads().View)
	want.set(t, restored, "a1", "new")
	want.check(t, restored.Leads().View)

	if err := db.WipeLeads(); err != nil {
		t.Fatal(err)
	}
	want = values{}
	want.check(t, db.Leads().View)
	want.set(t, db, "begun", "anew")
	want.check(t, db.Leads().View)
}

// reopen closes db, if any, and opens the directory until the test ends.
func reopen(t testing.TB, dir string, db *DB, o Options) *DB {
	t.Helper()
	if db != nil {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	o.Reserve = 1 << 20
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestValuesUnderFaults lets writes of values and of rows fail, kept or not: a
// transaction that failed changes nothing, and the next ones are whole.
func TestValuesUnderFaults(t *testing.T) {
	dir := t.TempDir()
	fault := map[string]Fault{}
	db := reopen(t, dir, nil, Options{Fault: func(write string) Fault {
		f := fault[write]
		delete(fault, write)
		return f
	}})
	want := values{}
	for i := range 100 {
		k := fmt.Sprint(i % 30)
		switch write := []string{WriteLeads, WriteValues}[i%2]; i % 6 {
		case 0, 1, 2, 3:
			fault[write] = FaultLost
			if i%6 > 1 && write == WriteValues {
				fault[write] = FaultReported // written, but no row names it
			}
			err := db.Leads().Update(func(tx *Tx) error {
				return tx.Set(Tenant{1}, SpaceTimeline, []byte(k), bytes.Repeat([]byte{'x'}, 500))
			})
			if !errors.Is(err, errFault) {
				t.Fatalf("a write that failed: %v", err)
			}
		default:
			want.set(t, db, k)
		}
	}
	want.check(t, db.Leads().View)
	db = reopen(t, dir, db, Options{})
	want.check(t, db.Leads().View)
}

// TestReclaim removes most rows: files that none names go, the values of others are
// moved, whoever began to read before reads on, and nothing else changes.
func TestReclaim(t *testing.T) {
	dir := t.TempDir()
	db := reopen(t, dir, nil, Options{})
	db.leads.values.kinds[0].most = 16 << 10
	want := values{}
	for i := range 400 {
		want.set(t, db, fmt.Sprintf("%03d", i), "again")
	}
	before := maps.Clone(want)
	snap, err := db.Leads().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	err = db.Leads().Update(func(tx *Tx) error {
		for i := range 400 {
			k := fmt.Sprintf("%03d", i)
			if i < 150 || i%9 != 0 && i < 300 {
				if err := tx.Delete(Tenant{1}, SpaceTimeline, []byte(k)); err != nil {
					return err
				}
				delete(want, k)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files := len(valueFilesOf(t, dir))
	removed, err := db.leads.reclaim(db.leads.values.kinds[0], never)
	if err != nil || removed < files/2 || len(valueFilesOf(t, dir)) > files-removed+1 {
		t.Fatalf("%d of %d files removed, %d left, %v", removed, files, len(valueFilesOf(t, dir)), err)
	}
	want.check(t, db.Leads().View)
	before.check(t, snap.View)
	if removed, err = db.leads.reclaim(db.leads.values.kinds[0], never); removed > 1 || err != nil {
		t.Errorf("nothing was left to remove, yet %d files were: %v", removed, err)
	}
	db = reopen(t, dir, db, Options{})
	want.check(t, db.Leads().View)
	if err := db.leads.walk(); err != nil {
		t.Error(err)
	}
}

// TestRowsWrittenAnew writes leads of several tenants over and over: the files stay
// about as large as what lives, rows of other spaces stay, and who began to read
// early reads what was, however often space was reclaimed since.
func TestRowsWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	db := reopen(t, dir, nil, Options{})
	v := db.leads.values.kinds[1]
	v.most = 32 << 10
	value := func(round, tenant, i int) string {
		return fmt.Sprintf("%d %d %d %0*d", round, tenant, i, 200+i, rand.Uint64())
	}
	got := map[string]string{}
	write := func(round int) {
		err := db.Leads().Update(func(tx *Tx) error {
			for tenant := range 3 {
				for i := range 100 {
					if round > 0 && i%10 == 0 {
						continue // one in ten is never written again
					}
					k := fmt.Sprintf("%02d", i)
					got[fmt.Sprint(tenant, k)] = value(round, tenant, i)
					if err := tx.Set(Tenant{byte(tenant)}, SpaceLead, []byte(k), []byte(got[fmt.Sprint(tenant, k)])); err != nil {
						return err
					}
				}
				if err := tx.Set(Tenant{byte(tenant)}, SpaceIdentity, []byte("beside"), []byte("stays")); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(want map[string]string, view func(func(*Tx) error) error) {
		t.Helper()
		err := view(func(tx *Tx) error {
			for k, v := range want {
				if b, err := tx.Get(Tenant{k[0] - '0'}, SpaceLead, []byte(k[1:])); err != nil || string(b) != v {
					return fmt.Errorf("%s reads %q, %w", k, b, err)
				}
			}
			b, err := tx.Get(Tenant{2}, SpaceIdentity, []byte("beside"))
			if string(b) != "stays" {
				return fmt.Errorf("beside them: %q, %w", b, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	first := maps.Clone(got)
	early, err := db.Leads().Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	size := func() (n int64) {
		sizes, err := v.list()
		for _, s := range sizes {
			n += s
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	once := size()
	for round := range 12 {
		write(round + 1)
		if _, err := db.leads.reclaim(v, never); err != nil {
			t.Fatal(err)
		}
		check(got, db.Leads().View)
		check(first, early.View)
	}
	if n := size(); n > 4*once {
		t.Errorf("%d bytes after 12 rounds, %d after the first", n, once)
	}
	if len(v.gone) == 0 {
		t.Error("nothing was removed that the early snapshot reads")
	}
	early.Close()
	if v.forgetGone(db.leads.values.readers.oldest()); len(v.gone) > 0 {
		t.Errorf("%d removed files are open, and nobody reads them", len(v.gone))
	}
	db = reopen(t, dir, db, Options{})
	check(got, db.Leads().View)
}

// TestValuesDamaged shortens, changes and removes a file of values: whoever reads
// them, and the doctor, name it, and a repair empties leads/.
func TestValuesDamaged(t *testing.T) {
	harm := map[string]func(path string, b []byte) error{
		"shortened": func(path string, b []byte) error { return os.Truncate(path, int64(len(b)-9)) },
		"changed": func(path string, b []byte) error {
			b[len(b)/2] ^= 4
			return os.WriteFile(path, b, 0o600)
		},
		"removed": func(path string, _ []byte) error { return os.Remove(path) },
	}
	for how, do := range harm {
		dir := t.TempDir()
		db := reopen(t, dir, nil, Options{})
		want := values{}
		for i := range 100 {
			want.set(t, db, fmt.Sprint(i))
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		path := valueFilesOf(t, dir)[0]
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(path, b); err != nil {
			t.Fatal(err)
		}
		db = reopen(t, dir, nil, Options{})
		err = db.Leads().View(func(tx *Tx) error {
			return tx.Scan(Tenant{1}, SpaceTimeline, nil, nil, func(_, _ []byte) error { return nil })
		})
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.File != filepath.Join("leads", "values", filepath.Base(path)) {
			t.Errorf("%s: reading says %v", how, err)
		}
		r, err := db.Doctor(t.Context())
		if err != nil || len(r.Findings) == 0 || r.Findings[0].File != corrupt.File || r.Findings[0].Do != doRepair {
			t.Errorf("%s: the doctor says %+v, %v", how, r, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err = Repair(t.Context(), dir, false); err != nil || r.Err() != nil {
			t.Errorf("%s: after a repair: %+v, %v", how, r, err)
		}
		values{}.check(t, reopen(t, dir, nil, Options{}).Leads().View)
	}
}

func FuzzValuePlace(f *testing.F) {
	f.Add(filePlace{1, 2, 3, 4}.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePlace(b)
		if err != nil {
			return
		}
		q, err := parsePlace(p.append(nil))
		if err != nil || q != p {
			t.Errorf("%+v reads %+v, %v", p, q, err)
		}
	})
}
