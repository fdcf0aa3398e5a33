package ingest

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unsafe"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

var (
	errUnknownKey = &tracker.Error{
		Kind: tracker.KindUnknownKey, Code: "unknown_key",
		Detail: "no source has this write key: send it as Basic user name, ?writeKey= or writeKey in the body (PostHog: api_key, Snowplow: appId)",
	}
	errForbidden = &tracker.Error{
		Kind: tracker.KindForbidden, Code: "forbidden",
		Detail: "the secret key belongs to another tenant than the write key",
	}
	errNeedsSecret = &tracker.Error{
		Kind: tracker.KindForbidden, Code: "forbidden",
		Detail: "an import needs a secret key: send it as Authorization: Bearer",
	}
	errOrigin = &tracker.Error{
		Kind: tracker.KindForbidden, Code: "origin_not_allowed",
		Detail: "the source does not allow this Origin: add it to the source's origins",
	}
)

// access is who sends a request.
type access struct {
	source *tracker.Source
	caller tracker.Caller
	secret bool // by a secret key; source may still be nil
	err    *tracker.Error
}

// access reads the keys of a request's head. With neither source nor error the
// key may be in the body.
func (h *Handler) access(ctx *fasthttp.RequestCtx) (a access) {
	key := queryValue(ctx.URI().QueryString(), "writeKey")
	auth := ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)
	if scheme, value, _ := bytes.Cut(auth, []byte(" ")); len(value) > 0 {
		value = trim(value)
		switch {
		case asciiEqual(scheme, "bearer"):
			if a.caller, a.secret = h.cfg.Keys.Caller(text(value)); a.secret {
				a.secret = a.caller.Role >= tracker.SecretRole
			}
			if !a.secret && len(key) == 0 {
				key = value
			}
		case asciiEqual(scheme, "basic"):
			var buf [2 * tracker.MaxID]byte
			if user := basicUser(buf[:], value); len(user) > 0 {
				a.resolve(h, user)
				return a
			}
		}
	}
	if len(key) > 0 {
		a.resolve(h, key)
	}
	return a
}

// resolve finds the source of a write key and checks it against the secret key,
// if there is one.
func (a *access) resolve(h *Handler, key []byte) {
	a.source = h.cfg.Keys.Lookup(text(key))
	switch {
	case a.source == nil || a.source.Disabled:
		a.source, a.err = nil, errUnknownKey
	case a.secret && a.caller.May(tracker.SecretRole, a.source.Tenant.ID) != nil:
		a.source, a.err = nil, errForbidden
	}
}

// complete ends an access whose head named no source and was no mistake, with
// the key of its body, if that holds one.
func (a *access) complete(h *Handler, key []byte) {
	if len(key) > 0 {
		a.resolve(h, key)
		return
	}
	if a.secret && h.cfg.Default != nil {
		a.source = h.cfg.Default(a.caller.Tenant)
	}
	if a.source == nil || a.source.Disabled {
		a.source, a.err = nil, errUnknownKey
	}
}

// text views bytes as a string for a callee that does not keep it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// basicUser returns the user name of Basic credentials; the colon may lack.
func basicUser(buf, value []byte) []byte {
	enc := base64.StdEncoding
	if bytes.IndexByte(value, '=') < 0 && len(value)%4 != 0 {
		enc = base64.RawStdEncoding
	}
	if enc.DecodedLen(len(value)) > len(buf) {
		return nil
	}
	n, err := enc.Decode(buf, value)
	if err != nil {
		return nil
	}
	user, _, _ := bytes.Cut(buf[:n], []byte(":"))
	return user
}

func asciiEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// queryValue returns the last value of a parameter as it stands; keys need no
// escaping.
func queryValue(q []byte, name string) (value []byte) {
	for len(q) > 0 {
		var pair []byte
		pair, q, _ = bytes.Cut(q, []byte("&"))
		if n, v, _ := bytes.Cut(pair, []byte("=")); string(n) == name {
			value = v
		}
	}
	return value
}

// bodyKey finds a key of that name in the first object of a body, or else in the first
// event of its batch, without asking the rest to be well formed.
func bodyKey(body []byte, word string) []byte {
	var s scanner
	s.resetScanner(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if s.peek() == '[' {
		s.p++
	}
	key, batch := s.keyHere(word)
	if key == nil && batch > 0 {
		s.code, s.p = "", batch
		if s.peek() == '[' {
			s.p++
			key, _ = s.keyHere(word)
		}
	}
	return key
}

// keyHere looks through the object that comes next.
func (s *scanner) keyHere(word string) (key []byte, batch int) {
	if s.peek() != '{' {
		return nil, 0
	}
	for m := (members{}); ; {
		name, more, ok := s.member(&m, 1)
		if !ok || !more {
			return key, batch
		}
		c := s.peek()
		switch {
		case c == '"' && string(name) == word:
			if key, ok = s.str(); !ok {
				return nil, 0
			}
		case c == '{' || c == '[':
			if string(name) == "batch" {
				if batch = s.p; key != nil {
					return key, batch
				}
			}
			if s.p, ok = s.balanced(s.p); !ok {
				return key, batch
			}
		default:
			var v tracker.Value
			if !s.scalar(c, &v) {
				return key, batch
			}
		}
	}
}

// allowed says that the source takes requests of pages of this origin. No
// origin at all is no page: a server, or a picture.
func allowed(src *tracker.Source, origin []byte) bool {
	return src.Others || len(origin) == 0 || isOwn(src, origin)
}

// offOrigin says that nothing speaks for a request's coming from the source's
// own pages: its Origin, or else its Referer, is not among the source's. Anybody
// can send what they like with a public key; a page cannot choose its origin.
func offOrigin(src *tracker.Source, head *fasthttp.RequestHeader) bool {
	if len(src.Origins) == 0 {
		return false
	}
	origin := head.Peek(fasthttp.HeaderOrigin)
	if len(origin) == 0 {
		origin = head.Referer()
		if at := bytes.Index(origin, []byte("://")); at >= 0 {
			if end := bytes.IndexByte(origin[at+3:], '/'); end >= 0 {
				origin = origin[:at+3+end]
			}
		}
	}
	return !isOwn(src, origin)
}

// isOwn says that an origin is one of the source's.
func isOwn(src *tracker.Source, origin []byte) bool {
	if len(src.Origins) == 0 {
		return true
	}
	for _, o := range src.Origins {
		if o == "*" || asciiEqual(origin, strings.ToLower(o)) || subdomain(origin, o) {
			return true
		}
	}
	return false
}

// subdomain matches https://*.example.org: any name under it, on its scheme and
// port.
func subdomain(origin []byte, pattern string) bool {
	scheme, host, ok := strings.Cut(pattern, "*.")
	if !ok || len(origin) <= len(scheme)+len(host)+1 {
		return false
	}
	tail := origin[len(origin)-len(host)-1:]
	name := origin[len(scheme) : len(origin)-len(tail)]
	return asciiEqual(origin[:len(scheme)], strings.ToLower(scheme)) && tail[0] == '.' &&
		asciiEqual(tail[1:], strings.ToLower(host)) && !bytes.ContainsAny(name, "/:@")
}

// share sends the CORS headers that let a page of the request's origin read the
// answer.
func share(ctx *fasthttp.RequestCtx, origin []byte) {
	if len(origin) == 0 {
		return
	}
	h := &ctx.Response.Header
	h.SetBytesV(fasthttp.HeaderAccessControlAllowOrigin, origin)
	h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
	h.Set(fasthttp.HeaderAccessControlExposeHeaders, "Retry-After, Ripen-Verdict, Ripen-Request-Id")
	h.Set(fasthttp.HeaderVary, "Origin")
}

// preflight answers OPTIONS. A source named in the query decides; without one
// the request that follows does.
func (h *Handler) preflight(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
	if key := queryValue(ctx.URI().QueryString(), "writeKey"); len(key) > 0 {
		src := h.cfg.Keys.Lookup(text(key))
		if src == nil || !allowed(src, origin) {
			return
		}
	}
	if len(origin) == 0 {
		return
	}
	share(ctx, origin)
	r := &ctx.Response.Header
	r.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, HEAD, POST, OPTIONS")
	r.Set(fasthttp.HeaderAccessControlMaxAge, "7200")
	r.Set(fasthttp.HeaderVary, "Origin, Access-Control-Request-Headers")
	if names := ctx.Request.Header.Peek(fasthttp.HeaderAccessControlRequestHeaders); len(names) > 0 {
		r.SetBytesV(fasthttp.HeaderAccessControlAllowHeaders, names)
	}
}
