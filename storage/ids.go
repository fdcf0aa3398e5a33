package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dchest/siphash"
)

// idHash is the keyed hash of (tenant, id): 128 bits, so that a collision never
// drops an event, keyed so that nobody outside can make one.
type idHash [2]uint64

// idSecret keys the hashes; it is made once per log and stored in it.
type idSecret [2]uint64

func secretOf(b []byte) idSecret {
	return idSecret{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func (s *idSecret) hash(t *Tenant, id []byte) idHash {
	var buf [8 + MaxID]byte
	copy(buf[:], t[:])
	n := 8 + copy(buf[8:], id)
	a, b := siphash.Hash128(s[0], s[1], buf[:n])
	return idHash{a, b | 1} // never zero, which means none
}

// knownIDs says which ids were stored within the window: two generations in
// memory, and tables for what is older. A generation that is full is written as
// a table in the background while the next one fills, and stays in memory until
// the table is there. It belongs to the committer; the background only hands
// over tables.
type knownIDs struct {
	dir    string
	limit  int
	young  idSet
	old    *idSet // being written as a table; nil if none
	tables []*idTable

	mu      sync.Mutex
	written *idTable // guarded by mu: old as a table, to be taken over
	failed  error    // guarded by mu: why it could not be written
	merged  *idTable // guarded by mu: replaces the tables of its range
	work    sync.WaitGroup
}

func newKnownIDs(dir string, limit int) *knownIDs {
	k := &knownIDs{dir: dir, limit: limit}
	k.start(1)
	return k
}

// start begins an empty young generation at a sequence.
func (k *knownIDs) start(from uint64) {
	k.young = idSet{idRange: idRange{from: from, to: from}}
}

// add marks an id in the young generation and says whether no generation in
// memory had it.
func (k *knownIDs) add(h idHash) bool {
	if k.old != nil && k.old.has(h) {
		return false
	}
	return k.young.add(h)
}

// remove takes back what add marked since the last rotate.
func (k *knownIDs) remove(h idHash) { k.young.remove(h) }

// inTables looks the ids of a group up in the tables, table by table, so that
// the misses of the cache overlap.
func (k *knownIDs) inTables(w *waiter) error {
	w.known = append(w.known[:0], make([]bool, len(w.ids))...)
	for _, t := range k.tables {
		for i, h := range w.ids {
			if h == (idHash{}) {
				continue
			}
			ok, err := t.has(h)
			if err != nil {
				return k.damaged(t, err)
			}
			w.known[i] = w.known[i] || ok
		}
	}
	return nil
}

// damaged removes a table, which the next recovery builds again from the log.
func (k *knownIDs) damaged(t *idTable, err error) error {
	err = &CorruptError{Dir: filepath.Dir(filepath.Dir(k.dir)), File: filepath.Join("log", "ids", filepath.Base(t.path)), Err: err}
	return errors.Join(err, os.Remove(t.path))
}

// committed notes that the records before to are committed, and moves a full
// generation on. It runs on the committer. An error means that the ids do not
// fit in memory any more, because tables cannot be written.
func (k *knownIDs) committed(to uint64, received, oldest int64, fault func(string) Fault) error {
	k.young.to, k.young.newest = to, received
	n := len(k.tables)
	failed := k.takeOver()
	if len(k.tables) != n {
		k.expire(oldest)
		k.merge(fault)
	}
	switch {
	case k.young.n < k.limit:
		return nil
	case k.old == nil:
		old := k.young
		k.old = &old
		k.start(to)
		k.young.resize(len(old.slots)) // it will fill as far: no rehashing on the way
		k.write(fault)
	case failed != nil && k.young.n > 4*k.limit:
		return failed
	case failed != nil:
		k.write(fault)
	}
	return nil
}

// write makes the old generation a table in the background.
func (k *knownIDs) write(fault func(string) Fault) {
	old := k.old
	k.work.Go(func() {
		t, err := writeIDTable(k.dir, uint64(old.n), sorted(old.hashes()), old.idRange, fault(WriteIDs))
		k.mu.Lock()
		defer k.mu.Unlock()
		k.written, k.failed = t, err
	})
}

// takeOver accepts what the background has finished and returns why it could
// not finish the old generation.
func (k *knownIDs) takeOver() (failed error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.written != nil {
		k.tables = append(k.tables, k.written)
		k.old, k.written = nil, nil
	}
	if m := k.merged; m != nil {
		k.merged = nil
		var keep []*idTable
		for _, t := range k.tables {
			if t.from >= m.from && t.to <= m.to {
				_ = t.close()
				_ = os.Remove(t.path) // if it stays, the next open removes it
				continue
			}
			keep = append(keep, t)
		}
		k.tables = append(keep, m)
		k.sort()
	}
	failed, k.failed = k.failed, nil
	return failed
}

func (k *knownIDs) sort() {
	slices.SortFunc(k.tables, func(a, b *idTable) int {
		switch {
		case a.from != b.from:
			return int(int64(a.from - b.from))
		case a.to > b.to: // the wider one first
			return -1
		}
		return 1
	})
}

// expire drops tables whose records are all older than a time or trimmed.
func (k *knownIDs) expire(before int64) {
	k.tables = slices.DeleteFunc(k.tables, func(t *idTable) bool {
		if t.newest >= before {
			return false
		}
		_ = t.close()
		_ = os.Remove(t.path) // if it stays, it expires again at the next open
		return true
	})
}

// idMergeRun is how many neighbours of one size become one table.
const idMergeRun = 4

// merge starts, in the background, to join neighbours of the same size class
// into one table, so that a lookup asks few.
func (k *knownIDs) merge(fault func(string) Fault) {
	class := func(t *idTable) int { return bits.Len64(t.count/uint64(k.limit)+1) / 2 }
	for i := 0; i+idMergeRun <= len(k.tables); i++ {
		run := k.tables[i : i+idMergeRun]
		same := class(run[0]) < 4
		for _, t := range run[1:] {
			same = same && class(t) == class(run[0])
		}
		if !same {
			continue
		}
		paths := make([]string, len(run))
		for i, t := range run {
			paths[i] = t.path
		}
		r := idRange{run[0].from, run[len(run)-1].to, run[len(run)-1].newest}
		k.work.Go(func() { k.join(paths, r, fault(WriteIDs)) })
		return
	}
}

// join writes the tables of paths as one. It opens them anew: a table is used
// by one goroutine.
func (k *knownIDs) join(paths []string, r idRange, fault Fault) {
	var tables []*idTable
	most := uint64(0)
	for _, path := range paths {
		t, err := openIDTable(path)
		if err != nil {
			return // the committer meets it, too
		}
		defer t.close()
		tables = append(tables, t)
		most += t.count
	}
	t, err := writeIDTable(k.dir, most, merged(tables), r, fault)
	if err != nil {
		return // tried again later
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.merged != nil {
		_ = t.close()
		return
	}
	k.merged = t
}

// load opens the tables in the directory, in order, and removes those that are
// damaged or inside another one.
func (k *knownIDs) load(warn func(msg string, args ...any)) error {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return fmt.Errorf("open ids: %w", err)
	}
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return fmt.Errorf("open ids: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(k.dir, e.Name())
		if filepath.Ext(path) != ".ids" {
			_ = os.Remove(path) // unfinished
			continue
		}
		t, err := openIDTable(path)
		if err != nil {
			warn("storage: an id table is damaged and is built again from the log", "file", path, "err", err)
			_ = os.Remove(path)
			continue
		}
		k.tables = append(k.tables, t)
	}
	k.sort()
	end := uint64(0)
	k.tables = slices.DeleteFunc(k.tables, func(t *idTable) bool {
		if t.to > end {
			end = t.to
			return false
		}
		_ = t.close()
		_ = os.Remove(t.path)
		return true
	})
	return nil
}

// holes returns the ranges of [from, to) that no table covers.
func (k *knownIDs) holes(from, to uint64) (out []idRange) {
	for _, t := range k.tables {
		if t.from > from {
			out = append(out, idRange{from: from, to: min(t.from, to)})
		}
		from = max(from, t.to)
		if from >= to {
			return out
		}
	}
	if from < to {
		out = append(out, idRange{from: from, to: to})
	}
	return out
}

func (k *knownIDs) close() error {
	k.work.Wait()
	_ = k.takeOver() // a generation that is in no table is read from the log again
	var errs []error
	for _, t := range k.tables {
		errs = append(errs, t.close())
	}
	k.tables = nil
	return errors.Join(errs...)
}
