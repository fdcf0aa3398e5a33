package ingest

import (
	"errors"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Page is a page of a source's own that asks for something.
type Page struct {
	Source  *tracker.Source
	Visitor tracker.Hash // zero: nobody who may be known
	Denied  bool         // the browser says no on the person's behalf
	Machine bool         // no person asks
}

// Admit holds a page that asks for something to what holds for one that brings
// events: its key, its origin, its rate, the load of the machine; and lets it read
// the answer. id is the visitor's, as the page knows it; without one that of the
// cookie counts. A page that is not admitted has its answer: ok is false.
func (h *Handler) Admit(ctx *fasthttp.RequestCtx, key, id []byte, size int) (p Page, ok bool) {
	origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
	a := access{}
	a.resolve(h, key)
	if a.source == nil || allowed(a.source, origin) {
		share(ctx, origin)
	}
	ctx.Response.Header.SetCanonical(cacheHeader, noStore)
	if code, after := h.shed(); code != "" {
		h.later(ctx, &tracker.Error{Kind: tracker.KindBusy, Code: code, Detail: details[code]}, after)
		return p, false
	}
	var err error
	switch {
	case a.err != nil:
		err = a.err
	case !allowed(a.source, origin):
		err = errOrigin
	default:
		if wait := h.wait(ctx, &a, size); wait > 0 {
			err = &quotaError{wait}
		}
	}
	if err != nil {
		if q, is := errors.AsType[*quotaError](err); is {
			h.later(ctx, asRefusal(err), retryAfter(q.wait))
		} else {
			h.refuse(ctx, asRefusal(err))
		}
		return p, false
	}
	p.Source, p.Denied = a.source, signals(&ctx.Request.Header)
	machine, _ := h.JudgeRequest(&ctx.Request.Header, string(h.address(ctx)))
	p.Machine = machine.IsMachine()
	if kept := ctx.Request.Header.Cookie(visitorCookie); len(id) == 0 && sameSite(ctx) {
		id = kept
	}
	if plainID(id) && !p.Denied {
		p.Visitor = a.source.Tenant.Identity.Hash(tracker.VisitorIdentity, id)
	}
	return p, true
}

// showHeader tells the snippet that there are messages for its site's visitors.
const showHeader = "Ripen-Show"

// invite tells a page whose events were taken that it may ask for messages.
func (h *Handler) invite(ctx *fasthttp.RequestCtx, src *tracker.Source) {
	if h.cfg.Shows == nil || len(ctx.Request.Header.Peek(fasthttp.HeaderOrigin)) == 0 || !h.cfg.Shows(src.Tenant.ID) {
		return
	}
	ctx.Response.Header.Set(showHeader, "1")
	ctx.Response.Header.Add(fasthttp.HeaderAccessControlExposeHeaders, showHeader)
}
