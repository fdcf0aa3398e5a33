package storage

import (
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync makes a file's bytes durable; its size does not change.
func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
