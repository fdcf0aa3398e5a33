package export

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"
)

// accepts says whether the request asks for a media type.
func accepts(ctx *fasthttp.RequestCtx, mime string) bool {
	return strings.Contains(strings.ToLower(string(ctx.Request.Header.Peek(fasthttp.HeaderAccept))), mime)
}

// takes says whether a list of codings with weights takes one of this name.
func takes(list, coding string) bool {
	for item := range strings.SplitSeq(list, ",") {
		name, params, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		_, weight, ok := strings.Cut(params, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return !ok || err == nil && q > 0
	}
	return false
}

// stream answers with what f writes, compressed as the reader likes it. The
// status is gone when f fails: the answer is then cut short, which every reader
// of the encoding notices, and the reason goes to the log.
func (c *call) stream(mime string, f func(w *bufio.Writer) error) {
	ctx, log := c.ctx, c.log
	ctx.SetContentType(mime)
	h := &ctx.Response.Header
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept, Accept-Encoding")
	open := plainWriter
	switch list := string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptEncoding)); {
	case takes(list, "zstd"):
		h.Set("Content-Encoding", "zstd")
		open = zstdWriter
	case takes(list, "gzip"):
		h.Set("Content-Encoding", "gzip")
		open = gzipWriter
	}
	conn := ctx.Conn()
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		if err := pour(w, open, f); err != nil {
			log.Warn("an answer was cut short", "err", err)
			_ = conn.Close() // so that the reader cannot take it for whole
		}
	})
}

// pour lets f write through an encoder.
func pour(w *bufio.Writer, open func(io.Writer) (io.WriteCloser, error), f func(w *bufio.Writer) error) error {
	z, err := open(w)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(z, 32<<10)
	if err := f(b); err != nil {
		return err
	}
	return errors.Join(b.Flush(), z.Close(), w.Flush())
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func plainWriter(w io.Writer) (io.WriteCloser, error) { return nopCloser{w}, nil }
func gzipWriter(w io.Writer) (io.WriteCloser, error)  { return gzip.NewWriterLevel(w, gzip.BestSpeed) }

func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
}
