package storage_test

import (
	"testing"
	"time"

	"ripen/storage"
	"ripen/storage/storagetest"
)

// open opens a directory in which nothing happens by itself: some tests copy one
// while it is open, others count the writes that fail.
func open(t *testing.T, dir string, fault func(string) storage.Fault) *storage.DB {
	t.Helper()
	db, err := storage.Open(dir, storage.Options{Reserve: 1 << 20, ProbeEvery: 2 * time.Millisecond, ReblockEvery: -1, Fault: fault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Log { return open(t, t.TempDir(), nil).Log() })
}

func TestFaults(t *testing.T) {
	storagetest.RunFaults(t, func(t *testing.T, fault func(string) storage.Fault) storagetest.Faulty {
		dir := t.TempDir()
		db := open(t, dir, fault)
		return storagetest.Faulty{
			Log:    db.Log(),
			Writes: []string{storage.WriteCommit, storage.WriteKeys},
			Reopen: func() storage.Log {
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				db = open(t, dir, fault)
				return db.Log()
			},
		}
	})
}
