package storage

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"
)

// letGo takes the pages of the database's tables out of the process's resident
// set. Badger writes tables through mappings and leaves them mapped: without
// this, memory as people and limits see it grows with all that was ever
// written. The kernel goes on caching the pages, and a page that is read again
// is mapped again; what is dirty stays.
//
// MADV_DONTNEED on a shared mapping of a file does just that (madvise(2)); on
// anything else it would destroy. So only tables are touched that an iterator
// holds: those that were in the levels before it was opened and after.
func (k *kv) letGo() error {
	dir, err := filepath.Abs(k.dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir) // as the kernel names it
	}
	if err != nil {
		return err
	}
	return k.use(func(b *badger.DB) error {
		before := b.Tables()
		txn := b.NewTransaction(false)
		defer txn.Discard()
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		held := make(map[string]bool, len(before)) // :: path
		known := make(map[uint64]bool, len(before))
		for i := range before {
			known[before[i].ID] = true
		}
		after := b.Tables()
		for i := range after {
			if id := after[i].ID; known[id] {
				held[filepath.Join(dir, fmt.Sprintf("%06d.sst", id))] = true
			}
		}
		return eachMapping(func(path string, from, to uintptr) error {
			if !held[path] {
				return nil
			}
			if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); errno != 0 {
				return fmt.Errorf("madvise %s: %w", path, errno)
			}
			return nil
		})
	})
}

// eachMapping calls fn with the shared mappings of files, as proc(5) lists them.
func eachMapping(fn func(path string, from, to uintptr) error) error {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) != 6 || !strings.HasSuffix(w[1], "s") {
			continue
		}
		lo, hi, _ := strings.Cut(w[0], "-")
		from, err1 := strconv.ParseUint(lo, 16, 64)
		to, err2 := strconv.ParseUint(hi, 16, 64)
		if err1 == nil && err2 == nil {
			if err := fn(w[5], uintptr(from), uintptr(to)); err != nil {
				return err
			}
		}
	}
	return nil
}
