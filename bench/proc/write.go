package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// WriteCost is the processor time of a MiB that goes to a file and to the disk.
type WriteCost struct {
	Mapped time.Duration // through a mapping and msync, as Badger writes its tables and WALs
	Plain  time.Duration // by write and fsync
}

// MeasureWrites writes new files in dir both ways. What a mapped page costs differs
// by a factor of twenty between machines, with what its hypervisor makes of a page
// fault, and with it much of what an event costs.
func MeasureWrites(dir string) (c WriteCost, err error) {
	const files = 64
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	each := func(write func(*os.File) error) (cost time.Duration, err error) {
		begun := OwnCPU()
		for i := 0; i < files && err == nil; i++ {
			err = inNewFile(filepath.Join(dir, fmt.Sprintf("write-%d", i)), write)
		}
		return (OwnCPU() - begun) / files, err
	}
	if c.Mapped, err = each(func(f *os.File) error { return writeMapped(f, data) }); err != nil {
		return c, fmt.Errorf("mapped writes: %w", err)
	}
	if c.Plain, err = each(func(f *os.File) error { _, err := f.Write(data); return errors.Join(err, f.Sync()) }); err != nil {
		return c, fmt.Errorf("plain writes: %w", err)
	}
	return c, nil
}

func inNewFile(path string, write func(*os.File) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close(), os.Remove(path))
}

func writeMapped(f *os.File, data []byte) error {
	if err := f.Truncate(int64(len(data))); err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, len(data), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(m, data)
	return errors.Join(unix.Msync(m, unix.MS_SYNC), unix.Munmap(m))
}

// OwnCPU is the processor time, user and system, that this process has used.
func OwnCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
