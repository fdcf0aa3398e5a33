//go:build !linux

package storage

import "os"

// fdatasync makes a file's bytes durable.
func fdatasync(f *os.File) error { return f.Sync() }
