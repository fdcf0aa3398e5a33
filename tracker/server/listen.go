package server

import (
	"net"
	"time"
)

// steadyListener gives its connections a time limit per write instead of one
// for a whole answer: a stream may last for hours as long as its reader reads.
type steadyListener struct {
	net.Listener
	limit time.Duration
}

func (l steadyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &steadyConn{Conn: c, limit: l.limit}, nil
}

type steadyConn struct {
	net.Conn
	limit time.Duration
}

// Write fails if the reader takes nothing for the limit.
func (c *steadyConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
