package export

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
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
	open := encoder(ctx)
	conn := ctx.Conn()
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		if err := pour(w, open, f); err != nil {
			log.Warn("an answer was cut short", "err", err)
			_ = conn.Close() // so that the reader cannot take it for whole
		}
	})
}

// encoder chooses the coding that the reader likes, and says so in the answer.
func encoder(ctx *fasthttp.RequestCtx) func(io.Writer) io.WriteCloser {
	h := &ctx.Response.Header
	h.Set("Vary", "Accept, Accept-Encoding")
	switch list := string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptEncoding)); {
	case takes(list, "zstd"):
		h.Set("Content-Encoding", "zstd")
		return zstdWriter
	case takes(list, "gzip"):
		h.Set("Content-Encoding", "gzip")
		return gzipWriter
	}
	return plainWriter
}

// smallPage is what is not worth a coding: it fits into one packet or two.
const smallPage = 2 << 10

// page answers with v, compressed as the reader likes it.
func (c *call) page(v any) {
	JSON(c.ctx, fasthttp.StatusOK, v)
	plain := c.ctx.Response.Body()
	if len(plain) < smallPage {
		return
	}
	var packed bytes.Buffer
	w := bufio.NewWriter(&packed)
	err := pour(w, encoder(c.ctx), func(b *bufio.Writer) error {
		_, err := b.Write(plain)
		return err
	})
	if err != nil {
		panic("BUG: a page cannot be packed in memory: " + err.Error())
	}
	c.ctx.SetBody(packed.Bytes())
}

// pour lets f write through an encoder.
func pour(w *bufio.Writer, open func(io.Writer) io.WriteCloser, f func(w *bufio.Writer) error) error {
	z := open(w)
	b := bufio.NewWriterSize(z, 32<<10)
	if err := f(b); err != nil {
		return err
	}
	return errors.Join(b.Flush(), z.Close(), w.Flush())
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func plainWriter(w io.Writer) io.WriteCloser { return nopCloser{w} }
func gzipWriter(w io.Writer) io.WriteCloser  { return lend(&gzipWriters, w) }
func zstdWriter(w io.Writer) io.WriteCloser  { return lend(&zstdWriters, w) }

// Coders are lent: a new one costs more than packing a page.
var (
	gzipWriters = sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		return made(z, err)
	}}
	zstdWriters = sync.Pool{New: func() any {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		return made(z, err)
	}}
)

// coder is what both kinds of writers are.
type coder interface {
	io.WriteCloser
	Reset(w io.Writer)
}

func made(z coder, err error) coder {
	if err != nil {
		panic("BUG: options of a coder: " + err.Error())
	}
	return z
}

// lent is a coder that goes back when it is closed.
type lent struct {
	coder
	home *sync.Pool
}

func lend(from *sync.Pool, w io.Writer) io.WriteCloser {
	z := from.Get().(coder)
	z.Reset(w)
	return lent{z, from}
}

func (l lent) Close() error {
	defer l.home.Put(l.coder)
	return l.coder.Close()
}
