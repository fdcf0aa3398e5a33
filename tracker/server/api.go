package server

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// who is the caller of an API request and the tenant it acts for.
type who struct {
	caller tracker.Caller
	tenant *tracker.Tenant
}

var errNeedKey error = &tracker.Error{
	Kind: tracker.KindUnknownKey, Code: "unknown_key",
	Detail: "send the tenant's secret key: Authorization: Bearer sk_…",
}

// authorize finds who asks: a tenant by its secret key, or the machine's
// operator by the admin key, who names the tenant in a header.
func (s *Server) authorize(ctx *fasthttp.RequestCtx) (who, error) {
	secret, ok := strings.CutPrefix(string(ctx.Request.Header.Peek("Authorization")), "Bearer ")
	if !ok {
		return who{}, errNeedKey
	}
	c, ok := s.caller(secret)
	if !ok {
		return who{}, errNeedKey
	}
	if c.Role == tracker.AdminRole {
		t, err := s.registry.Named(string(ctx.Request.Header.Peek(TenantHeader)))
		return who{c, t}, err
	}
	return who{c, s.registry.Tenant(c.Tenant)}, nil
}

// apiRoute is one call of the tenants' API.
type apiRoute struct {
	method string
	path   string // below /v1/; * stands for one name
	answer func(s *Server, ctx *fasthttp.RequestCtx, w who, name string) error
}

var apiRoutes = []apiRoute{
	{"GET", "leads", (*Server).apiLeads},
	{"GET", "leads/*", (*Server).apiLead},
	{"GET", "leads/*/events", (*Server).apiTimeline},
	{"GET", "leads/*/scores", (*Server).apiHistory},
	{"GET", "changes", (*Server).apiChanges},
	{"GET", "scorecards", (*Server).apiCards},
	{"GET", "scorecards/*", (*Server).apiCard},
	{"PUT", "scorecards/*", (*Server).apiDraft},
	{"POST", "scorecards/*/publish", (*Server).apiPublish},
	{"POST", "scorecards/*/rollback", (*Server).apiRollback},
}

// serveAPI answers the tenants' API.
func (s *Server) serveAPI(ctx *fasthttp.RequestCtx) bool {
	path, ok := under(ctx, "/v1/")
	if !ok {
		return false
	}
	var allow []string
	for i := range apiRoutes {
		r := &apiRoutes[i]
		name, ok := matchRoute(r.path, path)
		if !ok {
			continue
		}
		if r.method != string(ctx.Method()) {
			allow = append(allow, r.method)
			continue
		}
		w, err := s.authorize(ctx)
		if err == nil {
			err = r.answer(s, ctx, w, name)
		}
		if err != nil {
			writeError(ctx, err)
		}
		return true
	}
	if len(allow) == 0 {
		return false
	}
	ctx.Response.Header.Set("Allow", strings.Join(allow, ", "))
	writeProblem(ctx, fasthttp.StatusMethodNotAllowed, "method_not_allowed", "use "+strings.Join(allow, " or "))
	return true
}

// caller says whose secret this is: the operator's, or a tenant's.
func (s *Server) caller(secret string) (tracker.Caller, bool) {
	if s.isAdminKey(secret) {
		return tracker.Caller{Role: tracker.AdminRole, Key: "admin"}, true
	}
	return s.registry.Caller(secret)
}

// keys is what ingest knows of keys.
type keys struct{ s *Server }

func (k keys) Lookup(writeKey string) *tracker.Source      { return k.s.registry.Lookup(writeKey) }
func (k keys) Caller(secret string) (tracker.Caller, bool) { return k.s.caller(secret) }

// query reads the parameters of a request; the first that is no good is kept.
type query struct {
	args *fasthttp.Args
	err  error
}

func (q *query) text(name string) string { return string(q.args.Peek(name)) }

func (q *query) bad(name, need string) {
	if q.err == nil {
		q.err = invalid(name, need)
	}
}

func (q *query) number(name string) uint64 {
	v := q.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		q.bad(name, "need a whole number")
	}
	return n
}

func (q *query) float(name string) float64 {
	v := q.text(name)
	if v == "" {
		return 0
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		q.bad(name, "need a number")
	}
	return f
}

func (q *query) time(name string) time.Time {
	v := q.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		q.bad(name, "need a time like 2026-01-31T12:00:00Z")
	}
	return t
}

// accepts says whether the request asks for a media type.
func accepts(ctx *fasthttp.RequestCtx, mime string) bool {
	return strings.Contains(string(ctx.Request.Header.Peek("Accept")), mime)
}

// streamBody answers with what f writes, compressed as the reader likes it.
// The status is gone when f fails: the answer is then cut short, which every
// reader of the encoding notices, and the reason goes to the log.
func (s *Server) streamBody(ctx *fasthttp.RequestCtx, mime string, f func(w *bufio.Writer) error) {
	ctx.SetContentType(mime)
	h := &ctx.Response.Header
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding")
	open := plainWriter
	switch enc := string(ctx.Request.Header.Peek("Accept-Encoding")); {
	case strings.Contains(enc, "zstd"):
		h.Set("Content-Encoding", "zstd")
		open = zstdWriter
	case strings.Contains(enc, "gzip"):
		h.Set("Content-Encoding", "gzip")
		open = gzipWriter
	}
	conn := ctx.Conn()
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		z, err := open(w)
		if err == nil {
			b := bufio.NewWriterSize(z, 32<<10)
			err = f(b)
			if err == nil {
				err = errors.Join(b.Flush(), z.Close(), w.Flush())
			}
		}
		if err != nil {
			s.log.Warn("an answer was cut short", "err", err)
			_ = conn.Close() // so that the reader cannot take it for whole
		}
	})
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func plainWriter(w io.Writer) (io.WriteCloser, error) { return nopCloser{w}, nil }
func gzipWriter(w io.Writer) (io.WriteCloser, error)  { return gzip.NewWriterLevel(w, gzip.BestSpeed) }
func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
}
