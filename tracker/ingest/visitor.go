package ingest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/valyala/fasthttp"
)

// What our snippet asks in the query of a POST; all other senders have none and
// pay one comparison.
//
//	?visitor=ID         keep this id for me in a cookie that scripts cannot read
//	?visitor=ID&new=1   the same, but I made the id just now: if there is a
//	                    cookie, its id is meant, and the answer names it
//	?cookieless=1       keep nothing: know me for today, by address and agent
//
// The cookie is set where page and tracker are of one site: only there do
// browsers keep it, and for longer than what scripts write.

const (
	visitorCookie = "ripen_visitor"
	visitorHeader = "Ripen-Visitor"
	cookieSeconds = 400 * 86400 // the most that browsers grant
)

// visitor returns the id under which a request's events are filed whatever they
// say, or nil, and prepares what the answer says about it.
func (h *Handler) visitor(ctx *fasthttp.RequestCtx, s *sender) []byte {
	query := ctx.URI().QueryString()
	if len(query) == 0 {
		return nil
	}
	kept := ctx.Request.Header.Cookie(visitorCookie)
	if string(queryValue(query, "cookieless")) == "1" {
		if len(kept) > 0 {
			h.setCookie(ctx, nil)
		}
		s.daily = true
		return h.salts.visitor(s.now, ctx.Request.Header.Peek(fasthttp.HeaderOrigin), h.address(ctx), s)
	}
	id := queryValue(query, "visitor")
	if !plainID(id) || !sameSite(ctx) {
		return nil
	}
	var instead []byte
	if len(queryValue(query, "new")) > 0 {
		if plainID(kept) && !bytes.Equal(kept, id) {
			id, instead = kept, append([]byte(nil), kept...)
		}
		ctx.Response.Header.SetBytesV(visitorHeader, id)
		ctx.Response.Header.Add(fasthttp.HeaderAccessControlExposeHeaders, visitorHeader)
	}
	h.setCookie(ctx, id)
	return instead
}

// setCookie keeps the id in the browser; nil takes it away.
func (h *Handler) setCookie(ctx *fasthttp.RequestCtx, id []byte) {
	c := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(c)
	c.SetKey(visitorCookie)
	c.SetPath("/")
	c.SetHTTPOnly(true)
	c.SetSameSite(fasthttp.CookieSameSiteLaxMode)
	// The page's scheme is the tracker's, or they were not of one site.
	c.SetSecure(bytes.HasPrefix(ctx.Request.Header.Peek(fasthttp.HeaderOrigin), []byte("https:")))
	c.SetValueBytes(id)
	if id != nil {
		c.SetMaxAge(cookieSeconds)
	} else {
		c.SetExpire(fasthttp.CookieExpireDelete)
	}
	ctx.Response.Header.SetCookie(c)
}

// plainID says that an id may stand in a cookie and a header as it is.
func plainID(id []byte) bool {
	for _, c := range id {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(id) >= 8 && len(id) <= 64
}

// sameSite says that the browser sends from a page of the tracker's own site;
// one too old to say so does if page and tracker have one host.
func sameSite(ctx *fasthttp.RequestCtx) bool {
	switch string(ctx.Request.Header.Peek("Sec-Fetch-Site")) {
	case "same-origin", "same-site":
		return true
	case "":
		_, host, _ := bytes.Cut(ctx.Request.Header.Peek(fasthttp.HeaderOrigin), []byte("://"))
		return len(host) > 0 && bytes.Equal(host, ctx.Host())
	}
	return false
}

// salts names visitors who keep nothing: by address, agent and site under a
// secret that is made anew each day and never leaves the memory. Once it is
// gone nobody can tell whose the name was. The price: after a restart the same
// person counts again.
type salts struct {
	mu  sync.Mutex // guards the rest
	day int64
	key [32]byte
}

func (s *salts) visitor(now int64, site, address []byte, who *sender) []byte {
	day := now / 86_400_000
	s.mu.Lock()
	if s.day != day {
		s.day = day
		rand.Read(s.key[:]) // never fails
	}
	mac := hmac.New(sha256.New, s.key[:])
	s.mu.Unlock()
	for _, part := range [][]byte{address, who.agent, []byte(who.source.WriteKey), site} {
		mac.Write(part)
		mac.Write([]byte{0})
	}
	return append([]byte("day-"), hex.AppendEncode(nil, mac.Sum(nil)[:16])...)
}
