package server

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

var errBareLF = errors.New("header: a line ends in LF without CR")

// headWatch looks for a bare LF in the heads of a connection's requests: the
// parser takes one for the end of a request line, where nobody sees it
// afterwards, and waits for more after one that ends a head. Once a request came
// in one piece with what follows it, or in chunks, nobody knows here where heads
// begin, and no further one is watched.
type headWatch struct {
	on   bool // what is read next belongs to a head
	lost bool // nobody knows where heads begin
	bare bool // a line of one ended in a bare LF
	said bool // the head has begun: it is not only empty lines
	last byte // the byte read last
	line int  // bytes of the current line that have been read
	rest int  // bytes read after the head
}

// read takes what the connection gave.
func (w *headWatch) read(b []byte) {
	for w.on && len(b) > 0 {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			w.line += len(b)
			w.last = b[len(b)-1]
			return
		}
		if n > 0 {
			w.last = b[n-1]
		}
		w.line += n
		switch {
		case w.line == 0 || w.last != '\r':
			w.bare, w.on = true, false
		case w.line > 1:
			w.said = true
		case w.said: // the empty line
			w.on = false
		}
		w.line, b = 0, b[n+1:]
	}
	w.rest += len(b)
}

// next begins with the next head, if a request that has been read to its end
// was all that came.
func (w *headWatch) next(head *fasthttp.RequestHeader) {
	n := head.ContentLength()
	w.lost = w.lost || w.on || n == -1 || w.rest != max(n, 0)
	w.on = !w.lost && !w.bare
	w.said, w.rest = false, 0
}
