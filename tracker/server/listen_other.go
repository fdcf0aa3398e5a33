//go:build !linux

package server

import "net"

// hush can be done on Linux only: elsewhere a connection that comes with the
// very end of the listener may be reset.
func hush(net.Listener) error { return nil }
