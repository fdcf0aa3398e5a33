package ingest

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Listener accepts on when the machine is short of descriptors or memory: the
// server loop above would take the error for the end.
type Listener struct {
	net.Listener
	closed chan struct{}
	once   sync.Once
	wait   func(time.Duration, <-chan struct{}) // replaced in tests
}

// NewListener wraps a listener.
func NewListener(ln net.Listener) *Listener {
	return &Listener{Listener: ln, closed: make(chan struct{}), wait: pause}
}

// The pauses between attempts double from the first to the last.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// Accept waits for a connection; it fails only for good.
func (l *Listener) Accept() (net.Conn, error) {
	for next := firstPause; ; next = min(2*next, lastPause) {
		c, err := l.Listener.Accept()
		if err == nil || !passes(err) {
			return c, err
		}
		l.wait(next, l.closed)
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		default:
		}
	}
}

// Close ends Accept, in a pause too.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func pause(d time.Duration, stop <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-stop:
	}
}

// passes says that the error is of a kind that goes away.
func passes(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED,
		syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR, syscall.EPROTO,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
