package server

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/snippet"
	"ripen/tracker/export"
)

// serveSnippet answers GET /r.js, which changes with the version and is asked
// for again after five minutes, and /r/<version>.js, which never changes, nor does
// the script of on-site messages, which has a version of its own; also what goes with the script: its types and the template for a tag manager.
func (s *Server) serveSnippet(ctx *fasthttp.RequestCtx) bool {
	cache := "public, max-age=300, stale-while-revalidate=86400"
	switch name, versioned := under(ctx, "/r/"); {
	case isPath(ctx, "/r.js"):
	case isPath(ctx, "/r.d.ts"):
		serveText(ctx, snippet.Types)
		return true
	case isPath(ctx, "/r.tpl"):
		host := s.cfg.PublicURL
		if host == "" {
			host = "https://" + string(ctx.Host()) // tag managers load by TLS only
		}
		serveText(ctx, snippet.TagManager(host))
		return true
	case !versioned || !strings.HasSuffix(name, ".js"):
		return false
	case name == snippet.OnsiteVersion+".js":
		serveScript(ctx, snippet.Onsite, snippet.OnsiteVersion, immutable)
		return true
	case name != snippet.Version+".js":
		export.Problem(ctx, fasthttp.StatusNotFound, "not_found", "this server does not have that version of the snippet; /r.js is the current one")
		return true
	default:
		cache = immutable
	}
	serveScript(ctx, snippet.Bytes, snippet.Version, cache)
	return true
}

const immutable = "public, max-age=31536000, immutable"

func serveScript(ctx *fasthttp.RequestCtx, body []byte, version, cache string) {
	h := &ctx.Response.Header
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+version+`"`)
	// A page that checks integrity fetches with CORS; there is nothing secret here.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if string(ctx.Request.Header.Peek("If-None-Match")) == `"`+version+`"` {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	ctx.SetContentType("text/javascript; charset=utf-8")
	ctx.SetBody(body)
}

func serveText(ctx *fasthttp.RequestCtx, body []byte) {
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBody(body)
}

var sitePath = regexp.MustCompile(`^/[a-z0-9-]{1,40}$`)

// isSitePath says that sites may use the path: it is plain, and not ours.
func isSitePath(path string) bool {
	return sitePath.MatchString(path) && !slices.Contains([]string{"/r", "/p", "/l", "/v1", "/demo", "/healthz", "/readyz", "/metrics", "/login", "/logout"}, path)
}

// renameSitePath turns a request of the operator's own path for sites into one
// of ours, and leaves it to the stages. Its name is nobody's list of trackers.
func (s *Server) renameSitePath(ctx *fasthttp.RequestCtx) bool {
	rest, ok := bytes.CutPrefix(ctx.URI().PathOriginal(), []byte(s.cfg.SitePath))
	if !ok {
		return false
	}
	ours := ""
	switch {
	case len(rest) == 0:
		ours = "/v1/batch"
	case string(rest) == "/tp2": // what Snowplow's trackers call postPath
		ours = "/com.snowplowanalytics.snowplow/tp2"
	case string(rest) == "/show":
		ours = "/v1/show"
	case string(rest) == ".gif":
		ours = "/p.gif"
	case string(rest) == ".js" || rest[0] == '/' && bytes.HasSuffix(rest, []byte(".js")):
		ours = "/r" + string(rest)
	default:
		return false
	}
	if query := ctx.URI().QueryString(); len(query) > 0 {
		ours += "?" + string(query)
	}
	ctx.Request.SetRequestURI(ours)
	return false
}
