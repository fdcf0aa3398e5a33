//go:build !linux

package server

// lowerPriority can be done on Linux only: elsewhere a niceness is the process's.
func lowerPriority() error { return nil }
