package ingest

import (
	"errors"
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
		h.later(ctx, &tracker.Error{Kind: tracker.KindBusy, Code: code, Detail: details[code]}, after)
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
		if e, ok := errors.AsType[*tracker.Error](err); ok {
			h.tellRefused(a.source, r, e, wire)
		}
		return false, err
	}
	if r.history && !a.secret {
		return false, errNeedsSecret
	}
	j.reset(h.sender(ctx, a, r))
	if e := j.decode(body); e != nil {
		h.tellRefused(a.source, r, e, body)
		return false, e
	}
	h.tellDropped(j, false)
	h.name(ctx, j)
	if a.source.FastAck {
		r.answer(ctx, j)
		if owned, err = h.commit(j); err == nil && !owned {
			h.settled(j)
		}
		return owned && err == nil, err
	}
	if _, err = h.commit(j); err != nil {
		return false, err
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
	a.complete(h, r.key(ctx.URI().QueryString(), body))
	if a.err != nil {
		return nil, a.err
	}
	if !allowed(a.source, ctx.Request.Header.Peek(fasthttp.HeaderOrigin)) {
		ctx.Response.Header.Del(fasthttp.HeaderAccessControlAllowOrigin)
		ctx.Response.Header.Del(fasthttp.HeaderAccessControlAllowCredentials)
		return nil, errOrigin
	}
	h.count.bytes.Add(len(wire))
	if h.cfg.Quota != nil {
		if wait := h.cfg.Quota(a.source, len(body)); wait > 0 {
			h.count.shedQuota.Inc()
			return nil, &quotaError{wait}
		}
	}
	return body, nil
}

type quotaError struct{ wait time.Duration }

func (e *quotaError) Error() string {
	return "the source sends more than its quota: wait, then send it again with the same messageId"
}

// answerError maps what stopped a request to its answer.
func (h *Handler) answerError(ctx *fasthttp.RequestCtx, r route, err error) {
	if q, ok := errors.AsType[*quotaError](err); ok {
		e := &tracker.Error{Kind: tracker.KindQuota, Code: tracker.CodeQuota, Detail: q.Error()}
		h.later(ctx, e, int((q.wait+time.Second-1)/time.Second))
		return
	}
	e, ok := errors.AsType[*tracker.Error](err)
	if !ok {
		h.cfg.logger().Warn("the log did not take events", "err", err)
		e = &tracker.Error{Kind: tracker.KindBusy, Code: tracker.CodeStorage, Detail: details[tracker.CodeStorage]}
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
	}
	head := &ctx.Request.Header
	s.privacy = !a.secret && string(trim(head.Peek("Sec-GPC"))) == "1"
	if announcesFetch(head) {
		s.fetched = tracker.PurposeHeader
	}
	if a.source.KeepIP || h.cfg.Datacenters != nil {
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

func (h *Handler) address(ctx *fasthttp.RequestCtx) []byte {
	if h.cfg.ClientIP != nil {
		return []byte(h.cfg.ClientIP(ctx))
	}
	return []byte(ctx.RemoteIP().String())
}

// settled counts and keeps the verdicts of a job, which are final.
func (h *Handler) settled(j *job) {
	h.count.events(j.items)
	h.verdicts.keep(j, j.now)
}

// duplicates takes the log's answer over into the verdicts.
func (d *decoder) duplicates() {
	for i := range d.items {
		if it := &d.items[i]; it.rec > 0 && d.recs[it.rec-1].Dup {
			it.verdict = verdict{status: tracker.Duplicate}
		}
	}
}

// tellDropped passes on what is refused for good.
func (h *Handler) tellDropped(j *job, query bool) {
	if h.cfg.Dropped == nil || j.privacy {
		return // nothing is kept of who does not want it
	}
	for i := range j.items {
		it := &j.items[i]
		if it.status != tracker.Drop {
			continue
		}
		h.cfg.Dropped(j.source, &tracker.DeadLetter{
			Protocol: j.name, Kind: j.kind, Query: query, Code: it.code, Received: j.now, Subject: it.ev.Subject(), Trusted: j.trusted,
			Agent: string(j.agent), Text: j.b[it.from:it.to],
		})
	}
}

// tellRefused passes on a whole body that is refused for good, as far as it is
// kept.
func (h *Handler) tellRefused(src *tracker.Source, r route, e *tracker.Error, body []byte) {
	if h.cfg.Dropped == nil || src == nil || e.Kind != tracker.KindInvalid && e.Kind != tracker.KindTooLarge {
		return
	}
	h.cfg.Dropped(src, &tracker.DeadLetter{Protocol: r.name, Kind: r.kind, Code: e.Code, Received: h.cfg.now(), Trusted: src.Server, Text: body})
}
