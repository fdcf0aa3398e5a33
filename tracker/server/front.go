package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker/export"
	"ripen/tracker/ingest"
)

// stage answers the requests that are its own and leaves the others alone.
type stage interface {
	// Handle reports whether the request was the stage's.
	Handle(ctx *fasthttp.RequestCtx) bool
}

// stageFunc is a function that is a stage.
type stageFunc func(ctx *fasthttp.RequestCtx) bool

func (f stageFunc) Handle(ctx *fasthttp.RequestCtx) bool { return f(ctx) }

// front is the edge: one hardened HTTP server in front of the stages, asked in
// order. It refuses what is not plainly HTTP/1.1 before any stage sees it,
// keeps one request's panic to that request, and drains on Close.
type front struct {
	http   *fasthttp.Server
	stages []stage
	log    *slog.Logger
	m      *edgeMetrics

	perAddr int // connections at a time from one address; 0 = no cap

	leaving  atomic.Bool                    // every answer ends its connection
	listener atomic.Pointer[steadyListener] // nil before serve
}

// maxHeader is the size of a request line and its headers together; more is 431.
const maxHeader = 8 << 10

// newFront leaves fasthttp's MaxConnsPerIP alone (ours is in [steadyListener]):
// it pools connections, and one that is closed twice (by its reader and by the
// sweep of idle ones) goes on living as another client's, whose answers it then
// takes. Measured in v1.74.0 under load: answers to the wrong connection, then a
// nil dereference.
func newFront(cfg *Config, stages []stage, m *edgeMetrics) *front {
	f := &front{stages: stages, log: cfg.log(), m: m, perAddr: cfg.MaxConnsPerIP}
	f.http = &fasthttp.Server{
		Handler:                            f.handle,
		ErrorHandler:                       f.refuse,
		Logger:                             quietLogger{cfg.log()},
		ReadTimeout:                        cfg.readTimeout(),
		IdleTimeout:                        cfg.idleTimeout(),
		ReadBufferSize:                     maxHeader,
		MaxRequestBodySize:                 cfg.maxBody(),
		Concurrency:                        cfg.maxConns(),
		SleepWhenConcurrencyLimitsExceeded: 10 * time.Millisecond,
		NoDefaultServerHeader:              true,
		DisablePreParseMultipartForm:       true,
		CloseOnShutdown:                    true,
		SecureErrorLogMessage:              true,
		NoDefaultContentType:               true,
	}
	return f
}

// serve accepts until the listener closes.
func (f *front) serve(l net.Listener) error {
	steady := newSteadyListener(l, f.http.ReadTimeout, f.perAddr, f.m.refused.Inc)
	f.listener.Store(steady)
	err := f.http.Serve(steady)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// leave takes no further connections and ends those there are with their next
// answer.
func (f *front) leave() {
	f.leaving.Store(true)
	if l := f.listener.Load(); l != nil {
		l.stop()
	}
}

// lingerPoll is how often linger looks whether everybody has left.
const lingerPoll = 5 * time.Millisecond

// linger gives those who are connected the time to ask once more and be told
// that the connection ends: one that is closed while it rests may just then be
// asked something, which would be lost without an answer.
func (f *front) linger(limit time.Duration) {
	if limit <= 0 {
		return
	}
	tick := time.NewTicker(lingerPoll)
	defer tick.Stop()
	for end := time.Now().Add(limit); f.http.GetCurrentConcurrency() > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

// drain stops accepting and waits for the requests under way, until ctx ends.
func (f *front) drain(ctx context.Context) error {
	err := f.http.ShutdownWithContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("drain: %d connections were cut", f.http.GetOpenConnectionsCount())
	}
	return err
}

// handle is the way of every request.
func (f *front) handle(ctx *fasthttp.RequestCtx) {
	defer f.rescue(ctx)
	c, _ := ctx.Conn().(*steadyConn)
	f.route(ctx, c)
	if c != nil {
		c.head.next(&ctx.Request.Header)
	}
	if f.leaving.Load() {
		ctx.SetConnectionClose()
	}
}

// route finds who answers.
func (f *front) route(ctx *fasthttp.RequestCtx, c *steadyConn) {
	err := ingest.CheckHeader(&ctx.Request.Header)
	if c != nil && c.head.bare {
		err = errBareLF
	}
	if err != nil {
		f.m.refused.Inc()
		export.Problem(ctx, fasthttp.StatusBadRequest, "bad_request", err.Error())
		ctx.SetConnectionClose()
		return
	}
	for _, s := range f.stages {
		if s.Handle(ctx) {
			return
		}
	}
	export.Problem(ctx, fasthttp.StatusNotFound, "not_found", "nothing lives at this path")
}

// rescue keeps a panic to its own request.
func (f *front) rescue(ctx *fasthttp.RequestCtx) {
	r := recover()
	if r == nil {
		return
	}
	f.m.panics.Inc()
	f.log.Error("request failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	ctx.Response.Reset()
	export.Problem(ctx, fasthttp.StatusInternalServerError, "internal", "the server failed at this request; its log says why")
	ctx.SetConnectionClose()
}

// refuse answers what cannot be read as a request, and closes.
func (f *front) refuse(ctx *fasthttp.RequestCtx, err error) {
	f.m.refused.Inc()
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.As(err, &small):
		export.Problem(ctx, fasthttp.StatusRequestHeaderFieldsTooLarge, "headers_too_large", "request line and headers together may have 8 KB")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		export.Problem(ctx, fasthttp.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("a body may have %d bytes", f.http.MaxRequestBodySize))
	case errors.As(err, &timeout) && timeout.Timeout():
		export.Problem(ctx, fasthttp.StatusRequestTimeout, "timeout", "the request did not arrive in time")
	default:
		export.Problem(ctx, fasthttp.StatusBadRequest, "bad_request", "this is not an HTTP/1.1 request")
	}
	if c, ok := ctx.Conn().(*steadyConn); ok {
		c.unread.Store(true)
	}
	ctx.SetConnectionClose()
}

// quietLogger keeps fasthttp's own messages, which may quote a request, out of
// the log: headers hold keys, paths hold people.
type quietLogger struct{ log *slog.Logger }

// Printf logs the format alone, never its arguments.
func (q quietLogger) Printf(format string, _ ...any) {
	q.log.Debug("http server", "event", format)
}

// isPath compares the path as it was sent, undecoded: what is encoded is
// another path.
func isPath(ctx *fasthttp.RequestCtx, path string) bool {
	return string(ctx.URI().PathOriginal()) == path
}

// under returns what stands behind prefix in the path as it was sent.
func under(ctx *fasthttp.RequestCtx, prefix string) (string, bool) {
	rest, ok := bytes.CutPrefix(ctx.URI().PathOriginal(), []byte(prefix))
	return string(rest), ok
}
