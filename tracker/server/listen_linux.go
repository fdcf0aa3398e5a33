package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hush makes the kernel drop requests to connect, without a word: who asks
// tries again after a second, and is refused then, or let in by the next
// process. Those who are connected do not notice.
func hush(l net.Listener) error {
	c, ok := l.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	dropAll := unix.SockFprog{Len: 1, Filter: &unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}}
	e := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &dropAll)
	})
	if e != nil {
		return e
	}
	return err
}
