package ingest

import (
	"errors"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// post answers a call whose events are in wire, its body.
func (h *Handler) post(ctx *fasthttp.RequestCtx, r route, wire []byte) {
	origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
	a := h.access(ctx)
	if a.source == nil || allowed(a.source, origin) {
		share(ctx, origin) // so that a page can read why it was refused, too
	}
	if code, after := h.shed(); code != "" {
		e := &tracker.Error{Kind: tracker.KindBusy, Code: code, Detail: details[code]}
		h.tellRefused(a.source, r, e, nil)
		h.later(ctx, e, after)
		return
	}
	j := h.job()
	h.inflight.Add(int64(len(wire)))
	defer h.inflight.Add(-int64(len(wire)))
	owned, err := h.take(ctx, j, a, r, wire)
	if err != nil {
		h.answerError(ctx, r, err)
	}
	if !owned {
		h.free(j)
	}
}

// take reads, stores and answers a request. owned says that the job went to the
// fast queue.
func (h *Handler) take(ctx *fasthttp.RequestCtx, j *job, a access, r route, wire []byte) (owned bool, err error) {
	body, err := h.open(ctx, j, &a, r, wire)
	if err != nil {
		h.tellRefused(a.source, r, asRefusal(err), wire)
		return false, err
	}
	if r.history && !a.secret {
		h.tellRefused(a.source, r, errNeedsSecret, nil)
		return false, errNeedsSecret
	}
	j.reset(h.sender(ctx, a, r))
	if e := j.decode(body); e != nil {
		h.tellRefused(a.source, r, e, body)
		return false, e
	}
	h.tellDropped(j, false)
	h.name(ctx, j)
	h.invite(ctx, j.source)
	if a.source.FastAck {
		r.answer(ctx, j)
		if owned, err = h.commit(j); err == nil && !owned {
			h.settled(j)
		}
		return owned && err == nil, h.failed(j, err)
	}
	if _, err = h.commit(j); err != nil {
		return false, h.failed(j, err)
	}
	// The commit point: from here on the events are durable.
	j.duplicates()
	h.settled(j)
	r.answer(ctx, j)
	return false, nil
}

// open finds who sends, checks what may be checked before parsing, and inflates
// the body.
func (h *Handler) open(ctx *fasthttp.RequestCtx, j *job, a *access, r route, wire []byte) ([]byte, error) {
	if a.err != nil {
		return nil, a.err
	}
	limit := tracker.MaxBody
	if a.source != nil {
		limit = a.source.BodyLimit()
	}
	encoding := string(ctx.Request.Header.Peek(fasthttp.HeaderContentEncoding))
	body, buf, e := inflate(j.inflated, wire, encoding, limit)
	j.inflated = buf
	if e != nil {
		return nil, e
	}
	if r.unpack != nil {
		if body, e = r.unpack(j, body, limit); e != nil {
			return nil, e
		}
	}
	if a.source == nil && a.err == nil { // the head names none
		a.complete(h, r.key(ctx.URI().QueryString(), body))
	}
	if a.err != nil {
		return nil, a.err
	}
	if !allowed(a.source, ctx.Request.Header.Peek(fasthttp.HeaderOrigin)) {
		ctx.Response.Header.Del(fasthttp.HeaderAccessControlAllowOrigin)
		ctx.Response.Header.Del(fasthttp.HeaderAccessControlAllowCredentials)
		return nil, errOrigin
	}
	h.count.bytes.Add(len(wire))
	if wait := h.wait(ctx, a, len(body)); wait > 0 {
		return nil, &quotaError{wait}
	}
	return body, nil
}

// wait says how long the request must wait for others like it; 0 lets it pass.
func (h *Handler) wait(ctx *fasthttp.RequestCtx, a *access, size int) (wait time.Duration) {
	if h.cfg.Quota != nil {
		wait = h.cfg.Quota(a.source, size)
	}
	if wait == 0 && h.cfg.Flood != nil && !a.secret && !a.source.Server {
		wait = h.cfg.Flood(a.source, h.client(ctx))
	}
	if wait > 0 {
		h.count.shedQuota.Inc()
	}
	return wait
}

// retryAfter is a wait as Retry-After says it.
func retryAfter(wait time.Duration) int { return max(1, int((wait+time.Second-1)/time.Second)) }

type quotaError struct{ wait time.Duration }

func (e *quotaError) Error() string {
	return "more comes from the source, or from this address, than may: wait, then send it again with the same messageId"
}

// asRefusal is an error in the words of the API; what is not in them is the log's.
func asRefusal(err error) *tracker.Error {
	if q, ok := errors.AsType[*quotaError](err); ok {
		return &tracker.Error{Kind: tracker.KindQuota, Code: tracker.CodeQuota, Detail: q.Error()}
	}
	if e, ok := errors.AsType[*tracker.Error](err); ok {
		return e
	}
	return &tracker.Error{Kind: tracker.KindBusy, Code: tracker.CodeStorage, Detail: details[tracker.CodeStorage]}
}

// answerError maps what stopped a request to its answer.
func (h *Handler) answerError(ctx *fasthttp.RequestCtx, r route, err error) {
	e := asRefusal(err)
	if q, ok := errors.AsType[*quotaError](err); ok {
		h.later(ctx, e, retryAfter(q.wait))
		return
	}
	if e.Code == tracker.CodeStorage {
		h.cfg.logger().Warn("the log did not take events", "err", err)
	}
	if e.Kind == tracker.KindBusy {
		h.later(ctx, e, 2)
		return
	}
	if r.swallow != nil && r.swallow(e) {
		h.countRefusal(e)
		ctx.Response.ResetBody()
		r.answer(ctx, nil)
		return
	}
	h.refuse(ctx, e)
}

// sender gathers what the decoder needs to know of the request.
func (h *Handler) sender(ctx *fasthttp.RequestCtx, a access, r route) sender {
	s := sender{
		protocol: r.protocol,
		source:   a.source,
		secret:   a.secret,
		trusted:  a.secret || a.source.Server,
		history:  r.history,
		now:      h.cfg.now(),
		kind:     r.kind,
		agent:    ctx.Request.Header.UserAgent(),
		agents:   &h.agents,
		geo:      h.cfg.Places.Now(),
	}
	head := &ctx.Request.Header
	s.privacy = !a.secret && signals(head)
	s.offOrigin = !s.trusted && offOrigin(a.source, head)
	if announcesFetch(head) {
		s.fetched = tracker.PurposeHeader
	}
	if a.source.KeepIP || h.cfg.Datacenters != nil || h.cfg.Places != nil {
		s.address = h.address(ctx)
	}
	switch r.protocol {
	case &snowplow:
		h.networkID(ctx, &s)
	case &posthogV1:
		s.sentAt = clockOf(textValue(head.Peek("PostHog-Request-Timestamp")))
	case &segment:
		s.sentAt = clockOf(textValue(head.Peek("SentAt"))) // of RudderStack's browser client
	}
	if !r.pixel && !s.trusted {
		s.visitor = h.visitor(ctx, &s)
	}
	return s
}

// signals says that the browser asks for privacy on the person's behalf.
func signals(head *fasthttp.RequestHeader) bool {
	return string(trim(head.Peek("Sec-GPC"))) == "1" || string(trim(head.Peek("DNT"))) == "1"
}

// client is the address that the request comes from.
func (h *Handler) client(ctx *fasthttp.RequestCtx) netip.Addr {
	if h.cfg.Client != nil {
		return h.cfg.Client(ctx)
	}
	a, _ := netip.AddrFromSlice(ctx.RemoteIP())
	return a.Unmap()
}

func (h *Handler) address(ctx *fasthttp.RequestCtx) []byte {
	b, _ := h.client(ctx).MarshalText() // never fails
	return b
}

// duplicates takes the log's answer over into the verdicts.
func (d *decoder) duplicates() {
	for i := range d.items {
		if it := &d.items[i]; it.rec > 0 && d.recs[it.rec-1].Dup {
			it.verdict = verdict{status: tracker.Duplicate}
		}
	}
}
