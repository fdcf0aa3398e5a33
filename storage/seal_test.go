package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// grepDir returns the files under dir that contain b.
func grepDir(t testing.TB, dir string, b []byte) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, b) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func appendOne(t testing.TB, db *DB, recs ...Record) {
	t.Helper()
	if err := db.Log().Append(t.Context(), 0, recs); err != nil {
		t.Fatal(err)
	}
}

func TestEraseLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	gone, stays := testRecord(1), testRecord(2)
	gone.Tenant, stays.Tenant = Tenant{1}, Tenant{1}
	appendOne(t, db, gone, stays)
	derived, err := db.SealFor(nil, []byte("derived of 1"), gone.Tenant, gone.Subject, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.OpenFor(nil, derived, gone.Tenant, gone.Subject, 7); err != nil || string(got) != "derived of 1" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := db.OpenFor(nil, derived, gone.Tenant, gone.Subject, 8); err == nil {
		t.Fatal("a derived row opened under another row's number")
	}
	var copied []byte
	err = db.Get(t.Context(), 0, []uint64{1}, func(r *Record) error { copied = r.AppendSealed(nil); return nil })
	if got, e := db.UnsealCopy(nil, copied, gone.Tenant, gone.Subject, 1); err != nil || e != nil || string(got) != string(gone.Personal) {
		t.Fatalf("a copy opens as %q, %v, %v", got, err, e)
	}
	for _, no := range [][]byte{nil, copied[:3], copied[:len(copied)-1]} {
		if _, err := db.UnsealCopy(nil, no, gone.Tenant, gone.Subject, 1); err == nil {
			t.Fatalf("a copy cut to %d bytes opened", len(no))
		}
	}
	if _, err := db.UnsealCopy(nil, copied, gone.Tenant, gone.Subject, 2); err == nil {
		t.Fatal("a copy opened under another sequence")
	}
	id := keyIDOf(&gone.Tenant, &gone.Subject)
	key, _ := db.keys.get(&id)
	if len(grepDir(t, dir, key[:])) == 0 {
		t.Fatal("the key is nowhere on disk")
	}
	if err := db.Erase(t.Context(), gone.Tenant, []Subject{gone.Subject}); err != nil {
		t.Fatal(err)
	}
	check := func(db *DB) {
		t.Helper()
		if files := grepDir(t, dir, key[:]); len(files) > 0 {
			t.Fatalf("the key is still in %v", files)
		}
		if got, err := db.UnsealCopy(nil, copied, gone.Tenant, gone.Subject, 1); !errors.Is(err, ErrErased) {
			t.Fatalf("a copy outlives its key: %q, %v", got, err)
		}
		err := db.Get(t.Context(), 0, []uint64{1, 2}, func(r *Record) error {
			got, err := db.Unseal(nil, r)
			if r.Seq == 1 && !errors.Is(err, ErrErased) {
				return fmt.Errorf("erased record: got %q, %v", got, err)
			}
			if r.Seq == 2 && string(got) != string(stays.Personal) {
				return fmt.Errorf("other record: got %q, %v", got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.OpenFor(nil, derived, gone.Tenant, gone.Subject, 7); !errors.Is(err, ErrErased) {
			t.Fatalf("derived row: %v", err)
		}
	}
	check(db)
	if _, err := db.SealFor(nil, nil, gone.Tenant, gone.Subject, 7); !errors.Is(err, ErrErased) {
		t.Fatalf("sealing again for an erased subject: %v", err)
	}
	db.Close()
	db = openTest(t, dir, Options{})
	check(db)

	gone.ID = []byte("the person is back")
	appendOne(t, db, gone)
	check(db)
	db.Close()
	db = openTest(t, dir, Options{})
	check(db)
	if all := readBack(t, db, 3); string(all) != string(gone.Personal) {
		t.Fatalf("the new record reads %q", all)
	}
}

// readBack returns the personal part of one record.
func readBack(t testing.TB, db *DB, seq uint64) (got []byte) {
	t.Helper()
	err := db.Get(t.Context(), 0, []uint64{seq}, func(r *Record) (err error) {
		got, err = db.Unseal(nil, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestRestoredCopySealsApart lets a directory and its restored copy go on: they
// must not use one nonce for two records.
func TestRestoredCopySealsApart(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{})
	appendOne(t, db, testRecord(1))
	var data, keys bytes.Buffer
	if err := errors.Join(db.Backup(t.Context(), &data), db.BackupKeys(t.Context(), &keys)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := Restore(t.Context(), dir, Source{Data: &data, Keys: &keys}); err != nil {
		t.Fatal(err)
	}
	if twin := openTest(t, dir, Options{}); twin.epoch < db.epoch+1<<20 {
		t.Fatalf("the copy seals in epoch %d, the original in %d", twin.epoch, db.epoch)
	}
}

func TestInterruptedEraseIsFinished(t *testing.T) {
	for _, fault := range []Fault{FaultLost, FaultReported} {
		dir := t.TempDir()
		var now Fault
		o := Options{Fault: func(w string) Fault {
			if w == WriteErase {
				return now
			}
			return FaultNone
		}}
		db := openTest(t, dir, o)
		r := testRecord(1)
		appendOne(t, db, r)
		now = fault
		if err := db.Erase(t.Context(), r.Tenant, []Subject{r.Subject}); err == nil {
			t.Fatal("the fault was not reported")
		}
		db.Close()
		now = FaultNone
		db = openTest(t, dir, o)
		err := db.Get(t.Context(), 0, []uint64{1}, func(r *Record) error {
			_, err := db.Unseal(nil, r)
			return err
		})
		if !errors.Is(err, ErrErased) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestNothingPersonalOnDisk(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	r := testRecord(1)
	r.Personal = []byte("a unique and personal sentence that no dictionary knows")
	appendOne(t, db, r)
	db.Close()
	if files := grepDir(t, dir, []byte("unique and personal")); len(files) > 0 {
		t.Fatalf("found in the clear in %v", files)
	}
}

func TestTenantIsPartOfTheSeal(t *testing.T) {
	db := openTest(t, t.TempDir(), Options{})
	a, b := testRecord(1), testRecord(1)
	a.Tenant, b.Tenant = Tenant{1}, Tenant{2}
	appendOne(t, db, a, b)
	err := db.Get(t.Context(), 0, []uint64{1}, func(r *Record) error {
		r.Tenant = b.Tenant
		if got, err := db.Unseal(nil, r); err == nil {
			return fmt.Errorf("opened under another tenant: %q", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestJournalMovesIntoShards(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	appendOne(t, db, testRecord(1), testRecord(2), testRecord(3))
	db.Close()
	db = openTest(t, dir, Options{}) // moves the old journal
	db.keys.moving.Wait()
	if n, _ := db.keys.journals(); len(n) != 1 {
		t.Fatalf("have %d journals, want the open one", len(n))
	}
	db.Close()
	db = openTest(t, dir, Options{})
	if got := readBack(t, db, 3); string(got) != string(testRecord(3).Personal) {
		t.Fatalf("got %q", got)
	}
}

func FuzzPack(f *testing.F) {
	f.Add([]byte("\x05\x05\x05agentoMozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0"))
	f.Add([]byte("\x01\x05\x05\avisitor$1f20917e-59e9-4276-b8f5-4444fcb8df3c1f20917e-59e9-4276-b8f5-4444fcb8df3"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		packed := appendPackedText(nil, b)
		if len(packed) > len(b)+packExtra {
			t.Fatalf("%d bytes packed to %d", len(b), len(packed))
		}
		if got, err := appendUnpackedText(nil, packed); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("got %q, %v; want %q", got, err, b)
		}
		_, _ = appendUnpackedText(nil, b) // must not panic
	})
}

// Whichever bit of a key file flips, its keys are read as they were written, and it
// is said.
func TestFlippedBitOfAKeyFile(t *testing.T) {
	one := keyEntry{kind: keyLive, id: keyID{1}, key: sealKey{2}}
	two := keyEntry{kind: keyErased, id: keyID{3}}
	whole := appendKeyEntry(appendKeyEntry(nil, &one), &two)
	for _, b := range [][]byte{bytes.Clone(whole), append(bytes.Clone(whole), make([]byte, keyEntrySize)...)} {
		for bit := range 8 * len(whole) {
			b[bit/8] ^= 1 << (bit % 8)
			var got []byte
			size, flaw, err := parseKeyFile(b, func(e *keyEntry) { got = appendKeyEntry(got, e) })
			if err != nil || size != len(whole) || flaw != keysFlipped || !bytes.Equal(got, whole) {
				t.Fatalf("bit %d: %d bytes, %q, %v", bit, size, flaw, err)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
	dir := t.TempDir()
	db := openTest(t, dir, Options{})
	appendOne(t, db, testRecord(1))
	db.Close()
	openTest(t, dir, Options{}).Close() // moves the key into its shard
	files, err := filepath.Glob(filepath.Join(dir, "keys", "[0-9a-f][0-9a-f]"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := bytes.Clone(b)
		spoilt[len(b)-5] ^= 64
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		db = openTest(t, dir, Options{})
		if got := readBack(t, db, 1); string(got) != string(testRecord(1).Personal) {
			t.Fatalf("got %q", got)
		}
		db.Close()
		if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s is not put right: %v", path, err)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	e := keyEntry{kind: keyLive, id: keyID{1}, key: sealKey{2}}
	f.Add(appendKeyEntry(appendKeyEntry(nil, &e), &e))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		size, _, err := parseKeyFile(b, func(e *keyEntry) { again = appendKeyEntry(again, e) })
		if err == nil && len(again) != size {
			t.Fatalf("%d bytes of entries were read, size is %d", len(again), size)
		}
	})
}

func FuzzHighWater(f *testing.F) {
	f.Add(appendHighWater(nil, &highWater{1, 2, chainHash{3}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHighWater(b)
		if err == nil && !bytes.Equal(appendHighWater(nil, &h)[:36], b[:36]) {
			t.Fatal("a slot that was read is not written the same")
		}
		_, _, _ = parseHighWaterFile(b)
	})
}

func TestPackSavesOnRealParts(t *testing.T) {
	f := func(b string, most int) {
		t.Helper()
		if n := len(appendPackedText(nil, []byte(b))); n > most {
			t.Fatalf("%d bytes packed to %d, want at most %d", len(b), n, most)
		}
	}
	f("\x03\x05\x05\x05agentoMozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36", 30)
	f("\x02\x02\x05\x05email\x12jane.doe@gmail.com\x02\x05\x09firstName\x04Jane", 32)
	f("\x01\x05\x05\avisitor$1f20917e-59e9-4276-b8f5-4444fcb8df3c", 26)
}

// What was packed before UUIDs had a form of their own is read for ever.
func TestUnpackOld(t *testing.T) {
	const text = "Mozilla/5.0 (X11; Linux x86_64)"
	old := appendPackedText(nil, []byte(text))
	old[0] = packOld
	if got, err := appendUnpackedText(nil, old); err != nil || string(got) != text {
		t.Fatalf("got %q, %v", got, err)
	}
}
