package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// adminRoute is one call of the admin API.
type adminRoute struct {
	method string
	path   string // below /v1/admin/; a last element * stands for one name
	answer func(s *Server, ctx *fasthttp.RequestCtx, name string)
}

// adminRoutes lists what the command line asks of a running server.
var adminRoutes = []adminRoute{
	{"GET", "events", func(s *Server, ctx *fasthttp.RequestCtx, _ string) { s.serveEvents(ctx) }},
	{"POST", "settle", func(s *Server, ctx *fasthttp.RequestCtx, _ string) { s.serveSettle(ctx) }},
}

// serveAdmin answers /v1/admin/…. All of it needs the admin key.
func (s *Server) serveAdmin(ctx *fasthttp.RequestCtx) bool {
	path, ok := under(ctx, "/v1/admin/")
	if !ok {
		return false
	}
	if !s.isAdmin(ctx) {
		ctx.Response.Header.Set("WWW-Authenticate", `Bearer realm="ripen"`)
		writeProblem(ctx, fasthttp.StatusUnauthorized, "unknown_key", "this needs the admin key: Authorization: Bearer <admin.key of the data directory>")
		return true
	}
	allow := []string{}
	for _, r := range adminRoutes {
		name, ok := matchRoute(r.path, path)
		if ok && r.method == string(ctx.Method()) {
			r.answer(s, ctx, name)
			return true
		}
		if ok {
			allow = append(allow, r.method)
		}
	}
	if len(allow) == 0 {
		return false
	}
	ctx.Response.Header.Set("Allow", strings.Join(allow, ", "))
	writeProblem(ctx, fasthttp.StatusMethodNotAllowed, "method_not_allowed", "use "+strings.Join(allow, " or "))
	return true
}

// matchRoute compares a path with a pattern and returns the name in it.
func matchRoute(pattern, path string) (name string, ok bool) {
	before, after, hasName := strings.Cut(pattern, "*")
	if !hasName {
		return "", pattern == path
	}
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(rest, after)
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", false
	}
	b := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(b)
	b.Parse("n=" + strings.ReplaceAll(name, "+", "%2B"))
	return string(b.Peek("n")), true
}

// settleLimit is how long POST settle waits at most.
const settleLimit = 10 * time.Minute

// serveSettle answers once everything that is in the log now is folded, scored
// and in view.
func (s *Server) serveSettle(ctx *fasthttp.RequestCtx) {
	last, err := s.db.Log().Last(s.life, 0)
	if err != nil {
		writeError(ctx, err)
		return
	}
	if s.folder != nil {
		wait, cancel := context.WithTimeout(s.life, settleLimit)
		defer cancel()
		if err := s.folder.state().WaitSeen(wait, last); err != nil {
			writeError(ctx, &tracker.Error{Kind: tracker.KindBusy, Code: "not_settled", Detail: "the state does not keep up with the log", Err: err})
			return
		}
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]uint64{"seq": last})
}

// statusOf maps the kind of an error to a status: the one place that does.
var statusOf = map[tracker.Kind]int{
	tracker.KindInternal:   fasthttp.StatusInternalServerError,
	tracker.KindInvalid:    fasthttp.StatusBadRequest,
	tracker.KindUnknownKey: fasthttp.StatusUnauthorized,
	tracker.KindForbidden:  fasthttp.StatusForbidden,
	tracker.KindNotFound:   fasthttp.StatusNotFound,
	tracker.KindConflict:   fasthttp.StatusConflict,
	tracker.KindTooLarge:   fasthttp.StatusRequestEntityTooLarge,
	tracker.KindQuota:      fasthttp.StatusTooManyRequests,
	tracker.KindBusy:       fasthttp.StatusServiceUnavailable,
}

// writeError answers with the problem that an error is.
func writeError(ctx *fasthttp.RequestCtx, err error) {
	code, detail := "internal", err.Error()
	if e, ok := errors.AsType[*tracker.Error](err); ok {
		code, detail = e.Code, e.Error()
	}
	kind := tracker.KindOf(err)
	if kind == tracker.KindBusy || kind == tracker.KindQuota {
		ctx.Response.Header.Set("Retry-After", "1")
	}
	writeProblem(ctx, statusOf[kind], code, detail)
}
