package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// isAdmin says that the request carries the admin key.
func (s *Server) isAdmin(ctx *fasthttp.RequestCtx) bool {
	key, ok := strings.CutPrefix(string(ctx.Request.Header.Peek("Authorization")), "Bearer ")
	return ok && s.isAdminKey(key)
}

// isAdminKey compares in constant time.
func (s *Server) isAdminKey(key string) bool {
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(s.adminKey))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// mayWatch says whether the request may see the live list and the metrics:
// anyone on this machine while the listener is on the loopback interface,
// otherwise the admin key.
func (s *Server) mayWatch(ctx *fasthttp.RequestCtx) bool {
	return s.open && isDirect(ctx) || s.isAdmin(ctx)
}

// isDirect says that nobody forwards the request for a stranger: a proxy on
// this machine says so in a header or keeps the public Host, and so does a
// page whose name was made to resolve to 127.0.0.1.
func isDirect(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via"} {
		if len(h.Peek(name)) > 0 {
			return false
		}
	}
	host := string(h.Host())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mayScrape is mayWatch, or a session of the operator in the console.
func (s *Server) mayScrape(ctx *fasthttp.RequestCtx) bool {
	if s.mayWatch(ctx) {
		return true
	}
	if s.console == nil {
		return false
	}
	c, ok := s.console.Caller(ctx)
	return ok && c.Role == tracker.AdminRole
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

// Lookup leaves mail providers out: their key stands in their settings and opens
// their webhook alone.
func (k keys) Lookup(writeKey string) *tracker.Source {
	if src := k.s.registry.Lookup(writeKey); src != nil && src.Kind == "" {
		return src
	}
	return nil
}

func (k keys) Caller(secret string) (tracker.Caller, bool) { return k.s.caller(secret) }
