package server

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker/export"
)

// health is the answer of /healthz and /readyz.
type health struct {
	Status   string `json:"status"`           // ok, starting, not-folding, read-only
	Detail   string `json:"detail,omitempty"` // why not ok
	Instance string `json:"instance"`
	Version  string `json:"version,omitempty"`
	Log      uint64 `json:"log_last_seq"`
	Folded   uint64 `json:"folded_seq"`
	// Files are settings whose file cannot be taken: the one before is in force.
	Files map[string]string `json:"files,omitempty"`
}

func (s *Server) health(ctx *fasthttp.RequestCtx) health {
	h := health{Status: "ok", Instance: s.instance, Version: s.cfg.Version, Files: s.files.trouble()}
	last, err := s.db.Log().Last(ctx, 0)
	h.Log = last
	if s.folder != nil {
		h.Folded = s.folder.seen()
	}
	state, why := s.db.Health()
	switch {
	case why != nil:
		h.Status, h.Detail = state, why.Error()
	case err != nil:
		h.Status, h.Detail = "read-only", err.Error()
	case s.folder != nil && s.folder.failed() != nil:
		h.Status, h.Detail = "not-folding", s.folder.failed().Error()
	case s.folder != nil && s.folder.state() == nil:
		h.Status, h.Detail = "starting", "takes events; reads the leads"
	}
	return h
}

// serveHealth answers /healthz, which is 200 while the process is worth
// keeping, and /readyz, which is 200 only while it takes events and folds them.
func (s *Server) serveHealth(ctx *fasthttp.RequestCtx) bool {
	isReady := isPath(ctx, "/readyz")
	if !isReady && !isPath(ctx, "/healthz") {
		return false
	}
	h := s.health(ctx)
	status := fasthttp.StatusOK
	if isReady && h.Status != "ok" {
		status = fasthttp.StatusServiceUnavailable
		ctx.Response.Header.Set("Retry-After", "1")
	}
	export.JSON(ctx, status, h)
	return true
}

// serveRobots answers GET /robots.txt: nothing here is a page to be found, and a
// crawler that follows links of mails would make clicks of them.
func serveRobots(ctx *fasthttp.RequestCtx) bool {
	if !isPath(ctx, "/robots.txt") {
		return false
	}
	h := &ctx.Response.Header
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("X-Content-Type-Options", "nosniff")
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString("User-agent: *\nDisallow: /\n")
	return true
}
