package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// kv is one Badger database that can be closed and opened again while others
// hold it, which is how a failed log recovers and how leads/ is wiped.
type kv struct {
	name string // log, leads or meta
	dir  string // its directory
	opts badger.Options

	mu      sync.Mutex // guards what follows; never held during a use
	changed sync.Cond  // b, uses or opening changed
	b       *badger.DB // nil while closed
	uses    int        // uses under way; close waits for them, and a use may nest
	opening bool       // closed to be opened again: uses wait
}

func newKV(name, dir string, opts badger.Options) *kv {
	k := &kv{name: name, dir: dir, opts: opts}
	k.changed.L = &k.mu
	return k
}

// use calls fn with the open database. A panic inside Badger, which is how it
// meets some damaged files, becomes an error that names the database.
func (k *kv) use(fn func(*badger.DB) error) (err error) {
	k.mu.Lock()
	for k.b == nil && k.opening {
		k.changed.Wait()
	}
	b := k.b
	if b == nil {
		k.mu.Unlock()
		return ErrClosed
	}
	k.uses++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		if k.uses--; k.uses == 0 {
			k.changed.Broadcast()
		}
		k.mu.Unlock()
	}()
	defer k.recover(&err)
	return fn(b)
}

// recover turns a panic that starts in Badger into a CorruptError. Panics of
// the caller's own code go on.
func (k *kv) recover(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if !panickedIn("github.com/dgraph-io/") {
		panic(p)
	}
	*err = k.corrupt(fmt.Errorf("%v", p))
}

// panickedIn says whether the function that panicked, seen from a deferred
// call, belongs to a package with that prefix.
func panickedIn(prefix string) bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for seen := false; ; {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic" || f.Function == "runtime.sigpanic":
			seen = true
		case seen && !strings.HasPrefix(f.Function, "runtime."):
			return strings.HasPrefix(f.Function, prefix)
		}
		if !more {
			return false
		}
	}
}

// corrupt wraps an error of Badger, naming the file if the error does. One that is
// a [CorruptError] names it already.
func (k *kv) corrupt(err error) error {
	if named := (*CorruptError)(nil); errors.As(err, &named) {
		return err
	}
	file := k.name + "/"
	for _, word := range strings.FieldsFunc(err.Error(), func(r rune) bool { return strings.ContainsRune(" :,\"'()", r) }) {
		switch filepath.Ext(word) {
		case ".sst", ".mem", ".vlog":
			file = filepath.Join(k.name, filepath.Base(word))
		}
		if strings.Contains(word, "MANIFEST") {
			file = filepath.Join(k.name, "MANIFEST")
		}
	}
	return damage(filepath.Dir(k.dir), file, err)
}

// open opens the database; uses that wait for it go on.
func (k *kv) open() (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.changed.Broadcast()
	k.opening = false
	defer k.recover(&err)
	if err := preflight(k.dir, k.name != "log"); err != nil {
		return err // the log checks its own blocks
	}
	if err := removeEmptyWALs(k.dir); err != nil {
		return fmt.Errorf("open %s: %w", k.name, err)
	}
	b, err := badger.Open(k.opts)
	if err != nil {
		return k.corrupt(err)
	}
	k.b = b
	return nil
}

// close waits for the uses under way. With again, those to come wait for the
// next open instead of failing.
func (k *kv) close(again bool) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.uses > 0 {
		k.changed.Wait()
	}
	b := k.b
	k.b, k.opening = nil, again
	if b == nil {
		return nil
	}
	defer k.recover(&err)
	return b.Close()
}

// kvOptions are Badger's options for the database of that name. Values are
// always inline (ValueThreshold at its maximum, every row below it): Badger
// only logs a failed sync of its value log, but returns one of its WAL.
//
// Memtables and the buffers that tables are built in are most of what lives in
// a tracker's memory, so they are small. A builder starts with twice a table,
// each further buffer is twice the one before, and Badger keeps up to eight of
// them: with memtables of 16, 48 and 24 MiB they were 256 of 377 MiB. The
// processor time of an event did not differ by what can be told from noise. A
// transaction takes 15 % of a memtable.
func kvOptions(name, dir string, log *slog.Logger) badger.Options {
	o := badger.DefaultOptions(dir).
		WithLogger(badgerLogger{log.With("db", name)}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithNumCompactors(2).
		WithNumMemtables(2).
		WithMemTableSize(8 << 20).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		WithCompactL0OnClose(false).
		WithChecksumVerificationMode(options.OnBlockRead)
	switch name {
	case "log":
		// Few rows, but for the blocks that Restore puts into them, which are packed,
		// and those of older versions: a WAL of theirs needs a memtable of its size.
		return o.WithSyncWrites(true).WithMemTableSize(oldLogTable).
			WithCompression(options.None).WithBlockCacheSize(0)
	case "leads":
		// Its rows are written again and again, in no order. Ten tables at a time go
		// into a first level of 256 MiB: with five into 64 MiB compactions took a third
		// of what a million leads cost. Tables of 2 MiB on every level, because up to
		// ten are built at a time, each in nine times its size. Rows are small and what
		// is large lies packed in files: to unpack a block for each row that is read
		// cost a quarter of the processor, for a fifth less disk.
		o.TableSizeMultiplier = 1
		return o.WithSyncWrites(false).WithNumLevelZeroTables(10).WithNumLevelZeroTablesStall(30).
			WithBaseLevelSize(256 << 20).WithBaseTableSize(2 << 20).
			WithCompression(options.None).WithBlockCacheSize(0)
	default:
		return o.WithSyncWrites(true).
			WithCompression(options.Snappy).WithBlockCacheSize(8 << 20)
	}
}

// oldLogTable is the memtable with which the log was written when blocks lay in rows.
const oldLogTable = 16 << 20

// badgerLogger passes Badger's warnings and errors on. They name files and
// levels, never rows.
type badgerLogger struct{ log *slog.Logger }

func (l badgerLogger) Errorf(format string, args ...any) {
	l.log.Warn("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (l badgerLogger) Warningf(format string, args ...any) { l.Errorf(format, args...) }

func (l badgerLogger) Infof(string, ...any) {}

func (l badgerLogger) Debugf(string, ...any) {}
