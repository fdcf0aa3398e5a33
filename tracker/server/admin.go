package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/tracker/export"
)

// adminRoute is one call of the admin API.
type adminRoute struct {
	method string
	path   string // below /v1/admin/; a last element * stands for one name
	answer func(s *Server, ctx *fasthttp.RequestCtx, name string) error
}

// adminRoutes lists what the command line asks of a running server, tenants and
// sources aside, which are export's.
var adminRoutes = []adminRoute{
	{"GET", "events", (*Server).adminEvents},
	{"POST", "settle", (*Server).adminSettle},
	{"POST", "replay", (*Server).adminReplay},
	{"POST", "retention", (*Server).adminRetention},
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
		export.Problem(ctx, fasthttp.StatusUnauthorized, "unknown_key", "this needs the admin key: Authorization: Bearer <admin.key of the data directory>")
		return true
	}
	allow := []string{}
	for _, r := range adminRoutes {
		name, ok := export.MatchRoute(r.path, path)
		if ok && r.method == string(ctx.Method()) {
			if err := r.answer(s, ctx, name); err != nil {
				export.Error(ctx, err)
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
	export.NotAllowed(ctx, allow)
	return true
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
		if !s.cfg.Private {
			if err := errors.Join(s.journeys.Settle(s.life), s.onsite.Follow(s.life)); err != nil {
				return err
			}
		}
	}
	export.JSON(ctx, fasthttp.StatusOK, map[string]uint64{"seq": last})
	return nil
}
