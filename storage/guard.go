package storage

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// guard keeps Badger from ever meeting a full disk.
type guard struct {
	dir     string
	free    func(dir string) (free, total int64, err error)
	reserve int64
	slog    *slog.Logger

	looked atomic.Int64 // when ask last looked, unix ns
	short  atomic.Bool  // there was too little space then
}

// openNeeds is what must be free for a directory to be opened, whatever the reserve:
// Badger dies of SIGBUS when it opens on a full disk. With 5 MiB it did, with 8 not.
const openNeeds = 32 << 20

// lookEvery bounds how often ask looks: a statfs per request was 5 % of the
// CPU of a pixel.
const lookEvery = 100 * time.Millisecond

// ask is check for those who ask before every request: the answer may be
// lookEvery old. A commit always looks itself.
func (g *guard) ask() bool {
	now := time.Now().UnixNano()
	if last := g.looked.Load(); now-last >= int64(lookEvery) || now < last {
		if g.looked.CompareAndSwap(last, now) {
			err := g.check(g.reserve)
			switch was := g.short.Swap(err != nil); {
			case err != nil && !was:
				g.slog.Error("storage: events are refused until there is space", "err", err)
			case err == nil && was:
				g.slog.Info("storage: there is space, events are taken again")
			}
		}
	}
	return !g.short.Load()
}

func newGuard(dir string, o *Options) (*guard, error) {
	g := &guard{dir: dir, free: o.Free, reserve: o.Reserve, slog: o.logger()}
	if g.free == nil {
		g.free = statfs
	}
	_, total, err := g.free(dir)
	if err != nil {
		return nil, fmt.Errorf("open: free space of %s: %w", dir, err)
	}
	if g.reserve <= 0 {
		g.reserve = max(256<<20, total/50)
	}
	return g, nil
}

// check returns ErrNoSpace if less than keep bytes are free.
func (g *guard) check(keep int64) error {
	free, _, err := g.free(g.dir)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", g.dir, err)
	}
	if free < keep {
		return fmt.Errorf("%w: %d MiB free in %s, need %d", ErrNoSpace, free>>20, g.dir, keep>>20)
	}
	return nil
}

func statfs(dir string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	block := int64(s.Bsize) // an int64 here, a uint32 on macOS
	return int64(s.Bavail) * block, int64(s.Blocks) * block, nil
}
