package ingest

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

const (
	networkCookie = "sp"
	networkAge    = 365 * 24 * 60 * 60 // seconds
)

// anonymousNetwork stands for those who ask to be anonymous. Their events are
// denied: they are nobody's.
var anonymousNetwork = []byte("anonymous network")

// networkID gives a browser the id that Snowplow's collector gives it, for
// events that bring no visitor of their own, and takes it back from one that
// asks to be anonymous or not to be sold.
func (h *Handler) networkID(ctx *fasthttp.RequestCtx, s *sender) {
	old := ctx.Request.Header.Cookie(networkCookie)
	if len(ctx.Request.Header.Peek("SP-Anonymous")) > 0 {
		s.privacy, s.address = true, nil
	}
	if s.privacy {
		s.network = anonymousNetwork
		if len(old) > 0 {
			setNetworkCookie(ctx, nil, -1)
		}
		return
	}
	if s.source.Server {
		return
	}
	if s.network = old; len(old) == 0 || len(old) > tracker.MaxID {
		e := tracker.Event{MessageUUID: true, MessageID: randomID(h.cfg.now())}
		s.network = []byte(e.MessageText())
	}
	setNetworkCookie(ctx, s.network, networkAge)
}

func setNetworkCookie(ctx *fasthttp.RequestCtx, value []byte, age int) {
	c := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(c)
	c.SetKey(networkCookie)
	c.SetValueBytes(value)
	c.SetPath("/")
	c.SetMaxAge(age) // below zero: at once
	c.SetSecure(true)
	c.SetHTTPOnly(true)
	c.SetSameSite(fasthttp.CookieSameSiteNoneMode)
	ctx.Response.Header.SetCookie(c)
}
