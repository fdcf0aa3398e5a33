package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
)

// Resent is what became of a repeated request.
type Resent struct {
	IDs           []ID // message ids in it
	OK, Duplicate int
}

var idMarks = [][]byte{[]byte(`"messageId":"`), []byte(`&messageId=`)}

// Resend sends one request, as [Config.Lost] was told it, on a new connection.
// Anything but "ok" or "duplicate" for each of its events is an error.
func Resend(ctx context.Context, addr string, raw []byte) (Resent, error) {
	var out Resent
	for _, mark := range idMarks {
		for rest := raw; ; {
			i := bytes.Index(rest, mark)
			if i < 0 || len(rest) < i+len(mark)+36 {
				break
			}
			rest = rest[i+len(mark):]
			if id, ok := ParseID(rest[:36]); ok {
				out.IDs = append(out.IDs, id)
			}
		}
	}
	if err := check(&Config{Addr: addr}); err != nil {
		return out, err
	}
	d := net.Dialer{Timeout: grace}
	c, err := d.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return out, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if _, err := c.Write(raw); err != nil {
		return out, err
	}
	var r reader
	r.reset(c)
	a, err := r.read()
	if err != nil {
		return out, err
	}
	n := len(out.IDs)
	if bytes.HasPrefix(raw, []byte("GET ")) {
		n = 0
	}
	v := judge(&a, n)
	out.OK, out.Duplicate = v.ok, v.duplicate
	if !v.good {
		return out, errors.Join(errors.New("a repeated request was not taken"), fmt.Errorf("%d retry, %d drop, %s", v.retry, v.drop, v.complaint))
	}
	return out, nil
}
