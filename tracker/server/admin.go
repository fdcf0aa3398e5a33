package server

import (
	"errors"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// adminRoute is one call of the admin API.
type adminRoute struct {
	method string
	path   string // below /v1/admin/; a last element * stands for one name
	answer func(s *Server, ctx *fasthttp.RequestCtx, name string) error
}

// adminRoutes lists what the command line asks of a running server.
var adminRoutes = []adminRoute{
	{"GET", "tenants", (*Server).adminTenants},
	{"POST", "tenants", (*Server).adminCreateTenant},
	{"POST", "tenants/*/rotate-keys", (*Server).adminRotate},
	{"GET", "sources", (*Server).adminSources},
	{"POST", "sources", (*Server).adminCreateSource},
	{"GET", "sources/*", (*Server).adminSource},
	{"PATCH", "sources/*", (*Server).adminUpdateSource},
	{"GET", "events", (*Server).adminEvents},
	{"POST", "settle", (*Server).adminSettle},
	{"POST", "replay", (*Server).adminReplay},
	{"GET", "backup", (*Server).adminBackup},
	{"GET", "backup-keys", (*Server).adminBackupKeys},
	{"GET", "erasures", (*Server).adminErasures},
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
			if err := r.answer(s, ctx, name); err != nil {
				writeError(ctx, err)
			}
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

// adminSettle answers once everything that is in the log now is folded, scored
// and in view.
func (s *Server) adminSettle(ctx *fasthttp.RequestCtx, _ string) error {
	last, err := s.db.Log().Last(s.life, 0)
	if err != nil {
		return err
	}
	if s.folder != nil {
		if err := s.folder.settle(s.life, last); err != nil {
			return &tracker.Error{Kind: tracker.KindBusy, Code: "not_settled", Detail: "the state does not keep up with the log", Err: err}
		}
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]uint64{"seq": last})
	return nil
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
