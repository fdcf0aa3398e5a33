package storage

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// DB is an open data directory. Close it to release the lock.
type DB struct {
	dir    string
	opts   Options
	slog   *slog.Logger
	lock   *os.File
	guard  *guard
	log    *diskLog
	leads  *Table
	meta   *Table
	keys   *keyStore
	claims sync.Mutex   // held while a claim is read and written
	carry  sync.RWMutex // held for reading while records are sealed anew, for writing while keys are destroyed

	epoch   uint32        // of this opening: part of the nonces of derived rows
	derived atomic.Uint64 // counts them

	closeOnce sync.Once
	closeErr  error
}

// Open opens the data directory, creating it if it is not there. A second
// process is refused. After a crash it recovers what was committed; a directory
// that lost something is refused with a [*GapError] or a [*CorruptError].
func Open(dir string, o Options) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	db := &DB{dir: dir, opts: o, slog: o.logger(), lock: lock}
	if err := db.open(); err != nil {
		return nil, errors.Join(err, db.closeParts())
	}
	return db, nil
}

func (db *DB) open() (err error) {
	if db.guard, err = newGuard(db.dir, &db.opts); err != nil {
		return err
	}
	if err := db.guard.check(max(db.guard.reserve/4, openNeeds)); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if db.keys, err = openKeyStore(filepath.Join(db.dir, "keys"), db.opts.faultAt, db.slog); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(db.dir, "leads"+wipedSuffix)); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	open := func(name string) *kv {
		dir := filepath.Join(db.dir, name)
		return newKV(name, dir, kvOptions(name, dir, db.slog))
	}
	db.log = newLog(db, open("log"))
	db.meta = &Table{db: db, kv: open("meta"), fault: WriteMeta, counted: true}
	db.leads = &Table{db: db, kv: open("leads"), fault: WriteLeads}
	db.leads.values = newApartValues(filepath.Join(db.dir, "leads"), func() Fault { return db.opts.faultAt(WriteValues) })
	if err := db.meta.open(); err != nil {
		return err
	}
	leads := make(chan error, 1)
	go func() { leads <- db.leads.open() }() // beside the log: these two are what an open waits for
	err = db.log.open()
	if err = errors.Join(err, <-leads); err != nil {
		return err
	}
	return db.finishErasures()
}

// Close commits what is queued, waits for every goroutine and releases the
// lock. Calls after it return [ErrClosed].
func (db *DB) Close() error {
	db.closeOnce.Do(func() { db.closeErr = db.closeParts() })
	return db.closeErr
}

func (db *DB) closeParts() error {
	var errs []error
	if db.log != nil && db.log.opened {
		errs = append(errs, db.log.close())
	}
	for _, t := range []*Table{db.leads, db.meta} {
		if t != nil {
			errs = append(errs, t.close())
		}
	}
	if db.keys != nil {
		errs = append(errs, db.keys.close())
	}
	errs = append(errs, db.lock.Close())
	return errors.Join(errs...)
}

// Log returns the log on the local disk.
func (db *DB) Log() Log { return db.log }

// Leads returns the table of what is derived from the log; not synced.
func (db *DB) Leads() *Table { return db.leads }

// Meta returns the table of what cannot be derived; synced.
func (db *DB) Meta() *Table { return db.meta }

// Now is the log's clock in unix ms: the wall clock, but never before a
// receive time that was given out.
func (db *DB) Now() int64 { return max(db.opts.now(), db.log.clock.Load()) }

// Pending is how many bytes wait for the committer: ingest sheds on it.
func (db *DB) Pending() int64 { return db.log.pending.Load() }

// Health says whether the log takes records: "ok", or "read-only" and why.
func (db *DB) Health() (state string, err error) {
	db.log.mu.Lock()
	latch := db.log.latch
	db.log.mu.Unlock()
	if latch == nil {
		latch = db.guard.check(db.guard.reserve)
	}
	if latch != nil {
		return "read-only", latch
	}
	return "ok", nil
}

// Writable says the same for those who ask before every request: cheap, and at
// most lookEvery behind what Health would say of free space.
func (db *DB) Writable() bool { return !db.log.latched.Load() && db.guard.ask() }

// commit sets one key of log/ and commits the transaction under a fault name.
func (db *DB) commit(txn *badger.Txn, key, value []byte, write string) error {
	if key != nil {
		if err := txn.Set(key, value); err != nil {
			return tooBig(err)
		}
	}
	return db.opts.faultAt(write).of(txn.Commit) // the commit point of log/
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // never fails: it ends the process instead
	return b
}
