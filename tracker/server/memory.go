package server

import (
	"context"
	"math"
	"math/bits"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// gcPercent is how far the heap may grow between collections, unless GOGC says
// otherwise. Measured with 1 M events of 10 k visitors, 20 a POST, on two cores
// shared with the client and others: at 100, 1162 MiB of anonymous memory and
// 25.5 µs of CPU an event; at 50, 825 MiB and 20.3 µs: less memory at no cost
// that can be told from noise. Half of what lives is Badger's: memtables and
// the buffers of compactions. A limit below that is no help: GOMEMLIMIT=400MiB
// brought 288 MiB, and 88.6 µs.
const gcPercent = 50

// tuneGC sets how eagerly garbage is collected.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// spareProcs is how many goroutines may run beyond one for each core. Compactions
// run up to ten at once and write through mapped files: who meets a page that the
// disk has not taken yet sleeps in the kernel and keeps its place, for up to 190 ms
// as traces show, and everybody else queues for the places left. With places to
// spare the kernel shares out the cores, and prefers who wakes up. Measured on two
// cores at half load, in turn, p99 of three windows each: with two places more the
// list 0.14-0.24 s, timelines 0.2-0.9 s; with six 0.06-0.13 s and 0.04-0.6 s; the
// processor time of an event is the same.
const spareProcs = 6

// tuneProcs sets how many goroutines run at once, unless GOMAXPROCS says it.
func tuneProcs() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareProcs)
	}
}

// limitMemory sets the soft limit of the Go runtime: what the setting says,
// else what GOMEMLIMIT says, else three quarters of what the container or the
// machine has, so that the collector works harder before the kernel kills.
func limitMemory(setting int64) int64 {
	switch {
	case setting > 0:
		debug.SetMemoryLimit(setting)
	case os.Getenv("GOMEMLIMIT") == "":
		if have := availableMemory("/sys/fs/cgroup", "/proc/meminfo"); have > 0 {
			debug.SetMemoryLimit(have / 4 * 3)
		}
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	return 0
}

// A server is at rest when fewer than restEvents came, or were folded, in
// restEvery. It gives memory back at once, and again after twice, four times … as
// long, up to restTicks times: the last checkpoint and Badger's compactions let go
// of theirs when they are done.
const (
	restEvery  = 5 * time.Second
	restEvents = 1_000
	restTicks  = 32
)

// giveBack returns to the machine what a rush left behind, each time the server
// has come to rest. The runtime by itself collects every two minutes when nothing
// is allocated, and keeps the heap of its busiest moment until then. done counts
// what has been taken in and folded so far.
func giveBack(ctx context.Context, done func() (uint64, error)) {
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	before, _ := done()
	for quiet := restTicks + 1; ; quiet++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := done()
		if err != nil {
			return // the log is closed
		}
		if now-before >= restEvents {
			quiet = 0
		}
		if before = now; quiet <= restTicks && bits.OnesCount(uint(quiet)) == 1 {
			debug.FreeOSMemory()
		}
	}
}

// availableMemory is the smaller of the container's limit and the machine's
// memory; 0 = unknown.
func availableMemory(cgroup, meminfo string) int64 {
	best := int64(0)
	for _, file := range []string{cgroup + "/memory.max", cgroup + "/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// "max", and cgroup v1's page-rounded 2^63, mean no limit.
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n < 1<<60 {
			best = n
		}
	}
	b, err := os.ReadFile(meminfo)
	if err != nil {
		return best
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "MemTotal:" {
			continue
		}
		if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil && (best == 0 || kb<<10 < best) {
			best = kb << 10
		}
	}
	return best
}

// residentMemory is the process's resident set in bytes; 0 = unknown.
func residentMemory() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return float64(pages * int64(os.Getpagesize()))
}
