package ingest

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

// What [CheckHeader] refuses. Two readers of one connection that disagree on
// any of these can be made to see different requests in it.
var (
	errVersion  = errors.New("header: HTTP/1.1 or HTTP/1.0 is needed")
	errTarget   = errors.New("header: the request target must begin with /")
	errBareLF   = errors.New("header: a line ends in LF without CR")
	errFold     = errors.New("header: a line begins with white space")
	errName     = errors.New("header: a name with a space in it")
	errBothLens = errors.New("header: Content-Length and Transfer-Encoding together")
	errCoding   = errors.New("header: Transfer-Encoding must be chunked, once, in HTTP/1.1")
)

// CheckHeader closes what fasthttp leaves open to request smuggling: lines that
// end in a bare LF, folded lines, names with a space in them, Content-Length
// beside Transfer-Encoding, codings other than chunked, versions other than 1.0
// and 1.1, and targets in absolute form, which override Host. The server calls it
// before routing and answers an error with 400 and closes the connection. It does
// not allocate.
func CheckHeader(h *fasthttp.RequestHeader) error {
	old := string(h.Protocol()) == "HTTP/1.0"
	if !old && string(h.Protocol()) != "HTTP/1.1" {
		return errVersion
	}
	if uri := h.RequestURI(); len(uri) == 0 || uri[0] != '/' && !(string(uri) == "*" && h.IsOptions()) {
		return errTarget
	}
	length, coding := false, false
	for raw := h.RawHeaders(); len(raw) > 0; {
		n := bytes.IndexByte(raw, '\n')
		if n < 1 || raw[n-1] != '\r' {
			return errBareLF
		}
		line := raw[:n-1]
		raw = raw[n+1:]
		if len(line) == 0 {
			continue
		}
		if at := bytes.IndexByte(line, ' '); at > 0 && at < bytes.IndexByte(line, ':') {
			return errName
		}
		switch line[0] {
		case ' ', '\t':
			return errFold
		case 'c', 'C':
			length = length || headerIs(line, "content-length")
		case 't', 'T':
			if !headerIs(line, "transfer-encoding") {
				continue
			}
			if coding || old || !asciiEqual(trim(line[len("transfer-encoding:"):]), "chunked") {
				return errCoding
			}
			coding = true
		}
	}
	if length && coding {
		return errBothLens
	}
	return nil
}

// headerIs says that the line's name is the given one.
func headerIs(line []byte, lower string) bool {
	return len(line) > len(lower) && line[len(lower)] == ':' && asciiEqual(line[:len(lower)], lower)
}
