package ingest

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
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
		Detail: "Content-Encoding must be gzip, zstd or identity",
	}
)

// inflater reads one compressed body; readers are expensive to make and pooled.
type inflater interface {
	io.Reader
	Reset(io.Reader) error
}

var (
	gzips sync.Pool // of *gzip.Reader
	zstds sync.Pool // of *zstd.Decoder
)

// maxWindow bounds the memory that a zstd stream may ask for.
const maxWindow = 8 << 20

// inflate returns the body in the clear. Compression is recognised by its magic
// bytes, which no JSON begins with, whatever the header says. The result
// may lie in dst, whose growth is bounded before it happens.
func inflate(dst, wire []byte, encoding string, limit int) (body, buf []byte, err *tracker.Error) {
	if len(wire) > limit {
		return nil, dst, errBodyTooLarge
	}
	pool := &gzips
	switch {
	case bytes.HasPrefix(wire, []byte{0x1f, 0x8b}):
	case bytes.HasPrefix(wire, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		pool = &zstds
	case encoding != "" && encoding != "identity" && encoding != "gzip" && encoding != "zstd":
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
	return buf, buf, err
}

func newInflater(pool *sync.Pool) inflater {
	if pool == &gzips {
		return new(gzip.Reader)
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
