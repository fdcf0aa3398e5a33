package server

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ripen/tracker/ingest"
)

// keptDescriptors are left to the databases: Badger ends the process when it
// cannot open a file, and a log of 10 M events has about a hundred.
const keptDescriptors = 512

// connectionLimit is how many connections fit into the process's descriptors;
// a small limit is shared by halves.
func connectionLimit(want, descriptors int) int {
	if descriptors <= 0 {
		return want
	}
	return min(want, descriptors-min(keptDescriptors, descriptors/2))
}

// descriptorLimit is how many descriptors the process may have; 0 = unknown or
// without end.
func descriptorLimit() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil || r.Cur > 1<<30 {
		return 0
	}
	return int(r.Cur)
}

// steadyListener gives its connections a time limit per write instead of one
// for a whole answer: a stream may last for hours as long as its reader reads.
// It also caps the connections of one address: further ones are closed at once.
type steadyListener struct {
	net.Listener
	raw     net.Listener // what lies under it, for its deadline
	limit   time.Duration
	perAddr int    // 0 = no cap
	refused func() // told of each connection that was closed at once

	mu   sync.Mutex         // guards open
	open map[netip.Addr]int // :: address → its connections; none at 0
}

func newSteadyListener(raw net.Listener, limit time.Duration, perAddr int, refused func()) *steadyListener {
	return &steadyListener{Listener: ingest.NewListener(raw), raw: raw, limit: limit, perAddr: perAddr, refused: refused, open: map[netip.Addr]int{}}
}

func (l *steadyListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, os.ErrDeadlineExceeded) { // stop was called, and nobody waits any more
			err = errors.Join(net.ErrClosed, l.Close())
		}
		if err != nil {
			return nil, err
		}
		addr, capped := l.addr(c)
		if capped && !l.enter(addr) {
			l.refused()
			_ = c.Close() // nothing was said on it
			continue
		}
		return &steadyConn{Conn: c, listener: l, addr: addr, capped: capped, head: headWatch{on: true}}, nil
	}
}

// lastCall is how long stop gives Accept to take what the kernel has taken
// already: closing the listener resets it.
const lastCall = 20 * time.Millisecond

// stop lets nobody in any more, and ends Accept once nobody waits.
func (l *steadyListener) stop() {
	d, ok := l.raw.(interface{ SetDeadline(time.Time) error })
	if err := hush(l.raw); err != nil || !ok || d.SetDeadline(time.Now().Add(lastCall)) != nil {
		_ = l.Close() // it is not to be used again
	}
}

// Close may be called more than once.
func (l *steadyListener) Close() error { return closeListener(l.Listener) }

// addr is whom a connection counts for; capped = false: for nobody.
func (l *steadyListener) addr(c net.Conn) (a netip.Addr, capped bool) {
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok || l.perAddr <= 0 {
		return a, false
	}
	return t.AddrPort().Addr().Unmap(), true
}

// enter counts a connection, if there is room for it.
func (l *steadyListener) enter(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[a] >= l.perAddr {
		return false
	}
	l.open[a]++
	return true
}

func (l *steadyListener) leave(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[a]--; l.open[a] <= 0 {
		delete(l.open, a)
	}
}

// steadyConn is one connection; it is never used again for another.
type steadyConn struct {
	net.Conn
	listener *steadyListener
	addr     netip.Addr
	capped   bool
	left     atomic.Bool // it does not count any more
	unread   atomic.Bool // what was refused is still coming in
	head     headWatch   // its reader's alone
}

// Read fails at once where more would be waited for after a bare LF in a head: a
// head that ends in one never ends for the parser.
func (c *steadyConn) Read(b []byte) (int, error) {
	if c.head.bare {
		return 0, errBareLF
	}
	n, err := c.Conn.Read(b)
	c.head.read(b[:n])
	return n, err
}

// Write fails if the reader takes nothing for the limit.
func (c *steadyConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.listener.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close may be called more than once: the reader and the sweep of idle
// connections both do.
func (c *steadyConn) Close() error {
	if c.capped && !c.left.Swap(true) {
		c.listener.leave(c.addr)
	}
	if c.unread.Swap(false) {
		c.readOut()
	}
	return c.Conn.Close()
}

// readOut waits for a while until a sender has said all that it meant to say:
// closing before that resets the connection, and the answer is lost on its way
// (RFC 9112, section 9.6).
func (c *steadyConn) readOut() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes) // the answer has left: what comes now matters to nobody
}

// How long, and for how much, a connection is read after a refusal.
const (
	lingerTime  = time.Second
	lingerBytes = 64 << 20
)
