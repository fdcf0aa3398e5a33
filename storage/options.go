package storage

import (
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"
)

// Options of [Open]. The zero value is the default.
type Options struct {
	// Reserve is the free disk space in bytes below which the log refuses
	// records; derived rows go on down to half of it. Badger dies of SIGBUS on
	// a full disk, so it is never 0. Default: 256 MiB or 2 % of the disk, the
	// greater.
	Reserve int64
	// DedupeWindow is for how long an id is remembered at least. Default: 8 days.
	DedupeWindow time.Duration
	// RecentIDs is how many ids one generation in memory holds. Default: 2^18, less a group.
	RecentIDs int
	// ProbeEvery is how often a failed log tries to write again. Default: 1 s.
	ProbeEvery time.Duration
	// ReblockEvery is how often closed runs of small blocks are looked for.
	// Default: 2 s. Negative: never by itself.
	ReblockEvery time.Duration
	// Now is the wall clock. Default: time.Now.
	Now func() time.Time
	// Logger receives warnings. Default: slog.Default().
	Logger *slog.Logger
	// Free reports the free and total bytes of the directory's file system.
	// Default: statfs. Tests fill the disk with it.
	Free func(dir string) (free, total int64, err error)
	// Fault, if set, is asked before every durable write what is to become of
	// it. For tests; the names of the writes are the constants Write….
	Fault func(write string) Fault
}

// Fault is what becomes of a write under test.
type Fault byte

// The two faults of a write.
const (
	FaultNone     Fault = iota
	FaultLost           // not written, reported as failed
	FaultReported       // written and kept, yet reported as failed
)

// of does a write under test.
func (f Fault) of(write func() error) error {
	if f == FaultLost {
		return errFault
	}
	if err := write(); err != nil {
		return err
	}
	if f == FaultReported {
		return errFault
	}
	return nil
}

// The durable writes that [Options.Fault] is asked about.
const (
	WriteCommit    = "log.commit"
	WriteKeys      = "keys.append"
	WriteErase     = "keys.erase"
	WriteRows      = "log.rows"
	WriteHighWater = "log.highwater"
	WriteReblock   = "log.reblock"
	WriteAnchor    = "log.anchor"
	WriteTrim      = "log.trim"
	WriteBlank     = "log.blank"
	WriteClaim     = "log.claim"
	WriteIDs       = "log.ids"
	WriteLeads     = "leads.update"
	WriteValues    = "leads.values"
	WriteMeta      = "meta.update"
)

// errFault is what a write under fault reports.
var errFault = fmt.Errorf("storage: injected fault: %w", unix.EIO)

func (o *Options) faultAt(write string) Fault {
	if o.Fault == nil {
		return FaultNone
	}
	return o.Fault(write)
}

func (o *Options) now() int64 {
	if o.Now != nil {
		return o.Now().UnixMilli()
	}
	return time.Now().UnixMilli()
}

func (o *Options) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}

func (o *Options) dedupeWindow() time.Duration {
	if o.DedupeWindow > 0 {
		return o.DedupeWindow
	}
	return 8 * 24 * time.Hour
}

// recentIDs is how many ids a generation in memory has: with a group on top it
// still fits into a set of 8 MiB, half full. As many records, twice, are read at
// an open.
func (o *Options) recentIDs() int {
	if o.RecentIDs > 0 {
		return o.RecentIDs
	}
	return 1<<18 - maxBlockRecords
}

func (o *Options) probeEvery() time.Duration {
	if o.ProbeEvery > 0 {
		return o.ProbeEvery
	}
	return time.Second
}

func (o *Options) reblockEvery() time.Duration {
	if o.ReblockEvery != 0 {
		return o.ReblockEvery
	}
	return 2 * time.Second
}
