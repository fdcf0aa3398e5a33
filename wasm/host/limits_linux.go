package host

import (
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

const childFile = 64 << 20 // bytes that a child may write into one file

// limitChild bounds the process it runs in, for good.
func limitChild() error {
	debug.SetMemoryLimit(childData * 3 / 4)
	for _, l := range [...]struct {
		what int
		most uint64
	}{
		{syscall.RLIMIT_DATA, dataNow() + childData},
		{syscall.RLIMIT_CPU, childCPU},
		{syscall.RLIMIT_FSIZE, childFile},
		{syscall.RLIMIT_CORE, 0},
	} {
		if err := syscall.Setrlimit(l.what, &syscall.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return err
		}
	}
	return nil
}

// dataNow is what the process holds already: little, but for the tables of a
// race detector.
func dataNow() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	f := strings.Fields(string(b))
	if err != nil || len(f) < 6 {
		return 0
	}
	pages, err := strconv.ParseUint(f[5], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// attach lets a child end with its parent.
func attach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
