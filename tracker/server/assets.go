package server

import (
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/snippet"
	"ripen/tracker/export"
)

// serveSnippet answers GET /r.js, which changes with the version and is asked
// for again after five minutes, and /r/<version>.js, which never changes.
func serveSnippet(ctx *fasthttp.RequestCtx) bool {
	cache := "public, max-age=300, stale-while-revalidate=86400"
	if !isPath(ctx, "/r.js") {
		name, ok := under(ctx, "/r/")
		if !ok || !strings.HasSuffix(name, ".js") {
			return false
		}
		if name != snippet.Version+".js" {
			export.Problem(ctx, fasthttp.StatusNotFound, "not_found", "this server does not have that version of the snippet; /r.js is the current one")
			return true
		}
		cache = "public, max-age=31536000, immutable"
	}
	h := &ctx.Response.Header
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+snippet.Version+`"`)
	// A page that checks integrity fetches with CORS; there is nothing secret here.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if string(ctx.Request.Header.Peek("If-None-Match")) == `"`+snippet.Version+`"` {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return true
	}
	ctx.SetContentType("text/javascript; charset=utf-8")
	ctx.SetBody(snippet.Bytes)
	return true
}
