package server

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/tracker/export"
)

// serveLetter answers the personal code of a letter, which leads on to where the letter
// says. That the person came is an event; a machine that looks is none.
func (s *Server) serveLetter(ctx *fasthttp.RequestCtx) bool {
	code, ok := under(ctx, "/l/")
	if !ok || s.folder == nil {
		return false
	}
	if !ctx.IsGet() {
		export.NotAllowed(ctx, []string{fasthttp.MethodGet})
		return true
	}
	who, _ := s.ingest.JudgeRequest(&ctx.Request.Header, s.proxies.client(ctx).String())
	link, err := s.journeys.FollowCode(code, who == tracker.Human)
	switch {
	case err != nil:
		s.log.Error("follow a letter's code", "err", err)
		export.Error(ctx, &tracker.Error{Kind: tracker.KindBusy, Code: "busy", Detail: "ask again in a moment"})
	case link == "":
		export.Problem(ctx, fasthttp.StatusNotFound, "not_found", "no letter has this code; ninguna carta tiene este código")
	default:
		ctx.Response.Header.Set("Cache-Control", "no-store")
		ctx.Response.Header.Set("Referrer-Policy", "no-referrer")
		ctx.Redirect(link, fasthttp.StatusFound)
	}
	return true
}
