package ingest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"ripen/tracker"
)

var (
	errBodyTooLarge = &tracker.Error{
		Kind: tracker.KindTooLarge, Code: "body_too_large",
		Detail: "the body is over the source's limit (4 MiB by default), as sent or inflated: send it in parts",
	}
	errRatio = &tracker.Error{
		Kind: tracker.KindTooLarge, Code: "inflation_ratio",
		Detail: "the body inflates to more than 100 times its size",
	}
	errInflate = &tracker.Error{
		Kind: tracker.KindInvalid, Code: "invalid_encoding",
		Detail: "the compressed body is damaged",
	}
	errEncoding = &tracker.Error{
		Kind: tracker.KindInvalid, Code: "unsupported_encoding",
		Detail: "Content-Encoding must be gzip, deflate, br, zstd or identity",
	}
)

// inflater reads one compressed body; readers are expensive to make and pooled.
type inflater interface {
	io.Reader
	Reset(io.Reader) error
}

var (
	gzips     sync.Pool // of *gunzipper
	zstds     sync.Pool // of *zstd.Decoder
	deflaters sync.Pool // of *deflater
	brotlis   sync.Pool // of *brotli.Reader
)

// maxWindow bounds the memory that a zstd stream may ask for.
const maxWindow = 8 << 20

// deflater reads deflate as it is sent under that name: with zlib's head, as the
// standard has it, or without.
type deflater struct {
	io.Reader // one of the two
	zlib, raw io.ReadCloser
}

// Reset begins anew with r, a [*bytes.Reader].
func (d *deflater) Reset(r io.Reader) (err error) {
	var head [2]byte
	if b, ok := r.(*bytes.Reader); ok {
		_, _ = b.ReadAt(head[:], 0) // too short for a head: no zlib
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(r)
		} else {
			err = d.zlib.(zlib.Resetter).Reset(r, nil)
		}
		d.Reader = d.zlib
		return err
	}
	if d.raw == nil {
		d.raw = flate.NewReader(r)
	} else {
		err = d.raw.(flate.Resetter).Reset(r, nil)
	}
	d.Reader = d.raw
	return err
}

// gunzipper reads gzip member by member: the library takes one whose head is cut
// off for the end of the body, and we would acknowledge what was never read.
type gunzipper struct {
	gzip.Reader
	in *bytes.Reader
}

// Reset begins anew with r, a [*bytes.Reader].
func (z *gunzipper) Reset(r io.Reader) error {
	z.in, _ = r.(*bytes.Reader)
	return z.member(r)
}

// member begins with the next member of r.
func (z *gunzipper) member(r io.Reader) error {
	err := z.Reader.Reset(r)
	z.Multistream(false)
	return err
}

// Read is [io.Reader]: it ends where a member ends and nothing follows.
func (z *gunzipper) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if z.in != nil && z.in.Len() > 0 {
		if z.member(z.in) != nil {
			return n, gzip.ErrHeader
		}
		return n, nil
	}
	return n, io.EOF
}

// packed says by its magic bytes what a body is packed with, nil if with nothing.
func packed(b []byte) *sync.Pool {
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return &gzips
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return &zstds
	}
	return nil
}

// inflate returns the body in the clear. Gzip and zstd are recognised by their
// magic bytes, which no JSON begins with, whatever the header says; deflate and
// brotli have none, so the header is believed unless that fails and the body is
// JSON. The result
// may lie in dst, whose growth is bounded before it happens.
func inflate(dst, wire []byte, encoding string, limit int) (body, buf []byte, err *tracker.Error) {
	if len(wire) > limit {
		return nil, dst, errBodyTooLarge
	}
	pool := packed(wire)
	switch {
	case pool != nil:
	case encoding == "deflate":
		pool = &deflaters
	case encoding == "br":
		pool = &brotlis
	case encoding != "" && !strings.Contains(" identity gzip zstd deflate br ", " "+encoding+" "):
		return nil, dst, errEncoding
	default:
		return wire, dst, nil
	}
	r, _ := pool.Get().(inflater)
	if r == nil {
		r = newInflater(pool)
	}
	buf, err = readBounded(dst[:0], r, wire, limit)
	_ = r.Reset(bytes.NewReader(nil)) // lets go of the body; EOF is what it says
	pool.Put(r)
	if err == errInflate && packed(wire) == nil && looksJSON(trim(wire)) {
		return wire, buf, nil // somebody on the way took it out
	}
	return buf, buf, err
}

func newInflater(pool *sync.Pool) inflater {
	switch pool {
	case &gzips:
		return new(gunzipper)
	case &deflaters:
		return new(deflater)
	case &brotlis:
		return brotli.NewReader(nil)
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic("BUG: zstd options: " + err.Error())
	}
	return d
}

// readBounded inflates into dst and stops at the limit or at 100 times the
// wire, whichever is less.
func readBounded(dst []byte, r inflater, wire []byte, limit int) ([]byte, *tracker.Error) {
	if r.Reset(bytes.NewReader(wire)) != nil {
		return dst, errInflate
	}
	ratio := len(wire) * tracker.MaxInflate
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, make([]byte, max(4<<10, min(len(dst), 1<<20)))...)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, errBodyTooLarge
		case len(dst) > ratio:
			return dst, errRatio
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, errInflate
		}
	}
}
