package ingest

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

var (
	verdictHeader = []byte("Ripen-Verdict")
	cacheHeader   = []byte("Cache-Control")
	noStore       = []byte("no-store")
	gifType       = "image/gif"
)

// pixel answers with a picture whatever happens; what became of the event is in
// a header, after the commit.
func (h *Handler) pixel(ctx *fasthttp.RequestCtx, r route) {
	head := &ctx.Response.Header
	head.SetContentType(gifType)
	head.SetCanonical(cacheHeader, noStore)
	ctx.Response.SetBodyRaw(tracker.GIF)
	if code, _ := h.shed(); code != "" {
		head.SetCanonical(verdictHeader, []byte("retry"))
		return
	}
	a := h.access(ctx)
	if a.source == nil && a.err == nil {
		a.complete(h, r.key(ctx.URI().QueryString(), nil))
	}
	origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
	j := h.job()
	owned := false
	v := verdict{status: tracker.Drop}
	if a.err != nil {
		v.code = a.err.Code
	} else if !allowed(a.source, origin) {
		v.code = errOrigin.Code
	} else if wait := h.wait(ctx, &a, len(ctx.URI().QueryString())); wait > 0 {
		v.status = tracker.Retry
		head.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(retryAfter(wait)))
	} else {
		share(ctx, origin)
		v, owned = h.look(ctx, j, a, r)
	}
	if len(j.items) == 0 && !owned {
		h.tellPixel(a.source, r, v)
	}
	var buf [64]byte
	head.SetCanonical(verdictHeader, v.append(buf[:0]))
	if !owned {
		h.free(j)
	}
}

// append writes a verdict as the header shows it.
func (v verdict) append(dst []byte) []byte {
	dst = append(dst, v.status.String()...)
	if v.status == tracker.Drop {
		dst = append(append(dst, ";code="...), v.code...)
	}
	return dst
}

// look takes the event of a pixel's query.
func (h *Handler) look(ctx *fasthttp.RequestCtx, j *job, a access, r route) (v verdict, owned bool) {
	s := h.sender(ctx, a, r)
	s.referer = ctx.Request.Header.Referer()
	if ctx.IsHead() {
		s.fetched = tracker.HeadRequest
	}
	j.reset(s)
	if !j.decodePixel(ctx.URI().QueryString()) || len(j.items) == 0 {
		j.items = j.items[:0]
		return verdict{tracker.Drop, tracker.CodeInvalidJSON}, false
	}
	h.tellDropped(j, len(queryValue(ctx.URI().QueryString(), "data")) == 0)
	h.name(ctx, j)
	v = j.items[0].verdict
	owned, err := h.commit(j)
	if err != nil {
		h.count.failed.Inc()
		_ = h.failed(j, err) // answered by the verdict
		return verdict{tracker.Retry, tracker.CodeStorage}, false
	}
	if !owned {
		// The commit point: from here on the event is durable.
		j.duplicates()
		v = j.items[0].verdict
		h.settled(j)
	}
	return v, owned
}

// decodePixel reads one event from a query: parameters by the names of the JSON
// call, or the whole call as base64 in data.
func (d *decoder) decodePixel(query []byte) bool {
	if data := queryValue(query, "data"); len(data) > 0 {
		return d.decodeData(data)
	}
	d.resetScanner(query)
	ev := &d.outer
	for q, n := query, 0; len(q) > 0; n++ {
		var pair []byte
		pair, q, _ = bytes.Cut(q, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		name, value = d.unquery(name), d.unquery(value)
		switch {
		case n >= tracker.MaxKeys:
			d.fail(tracker.CodeTooManyKeys)
		case !utf8.Valid(name) || !utf8.Valid(value):
			d.fail(tracker.CodeInvalidUTF8)
		case bytes.IndexByte(name, 0) >= 0 || bytes.IndexByte(value, 0) >= 0:
			d.fail(tracker.CodeNUL)
		default:
			d.param(d, ev, name, value)
		}
	}
	if ev.fault = d.code; len(d.referer) > 0 && utf8.Valid(d.referer) && !ev.has(&tracker.Field{Space: tracker.Context, Name: pageNames[1]}) {
		ev.set(tracker.Context, pageNames[1], textValue(d.referer))
	}
	d.close(ev, 0, len(query))
	d.finish(0)
	return true
}

// decodeData reads a whole call from the parameter data.
func (d *decoder) decodeData(data []byte) bool {
	body, err := pixelCall(data)
	return err == nil && d.decode(body) == nil && len(d.items) == 1
}

// pixelCall is the JSON that the parameter data holds as base64.
func pixelCall(data []byte) ([]byte, error) {
	return base64.RawURLEncoding.AppendDecode(nil, urlAlphabet(appendUnquery(nil, data)))
}

// param takes one parameter; of two with one name the last stands.
func (ev *draft) param(name, value []byte) {
	switch string(name) {
	case "type":
		ev.typ = trim(value)
	case "event":
		ev.event = trim(value)
	case "anonymousId":
		ev.anon = trim(value)
	case "userId":
		ev.user = trim(value)
	case "userIdHash":
		ev.proof = trim(value)
	case "messageId":
		ev.msg = trim(value)
	case "groupId":
		ev.group = trim(value)
	case "previousId":
		ev.prev = trim(value)
	case "name":
		ev.title = trim(value)
	case "category":
		ev.category = trim(value)
	case "timestamp":
		ev.stamp = clockOf(textValue(value))
	case "sentAt":
		ev.sent = clockOf(textValue(value))
	case "path":
		ev.set(tracker.Context, pageNames[0], textValue(value))
	case "url":
		ev.set(tracker.Context, pageNames[1], textValue(value))
	case "title":
		ev.set(tracker.Context, pageNames[2], textValue(value))
	case "referrer":
		ev.set(tracker.Context, pageNames[3], textValue(value))
	default:
		ev.dotted(name, value)
	}
}

// dotted takes properties.x, traits.x and context.x. A value that looks like a
// JSON number or truth value is one: a query knows no types.
func (ev *draft) dotted(name, value []byte) {
	space, field, ok := bytes.Cut(name, []byte("."))
	if !ok {
		return
	}
	v := textValue(value)
	if n, whole := numberLen(value); n > 0 && n == len(value) {
		v = numberValue(value, whole)
	} else if string(value) == "true" {
		v = tracker.Value{Tag: tracker.True}
	} else if string(value) == "false" {
		v = tracker.Value{Tag: tracker.False}
	}
	switch string(space) {
	case "properties":
		ev.set(tracker.Property, field, v)
	case "traits":
		ev.set(tracker.Trait, field, v)
	case "context":
		ev.seen |= sawContext
		ev.set(tracker.Context, field, v)
	}
}

// set adds a field in the place of one with its name. As long as all fields were
// set, nothing is looked for that cannot be there.
func (ev *draft) set(space tracker.Space, name []byte, v tracker.Value) {
	bit := keyBit(name)
	if ev.setBits&bit != 0 || ev.setFields != len(ev.fields) {
		for i := range ev.fields {
			if f := &ev.fields[i]; f.Space == space && bytes.Equal(f.Name, name) {
				f.Value = v
				return
			}
		}
	} else {
		ev.setFields++
	}
	ev.setBits |= bit
	f := ev.grow()
	f.Space, f.Index, f.Name, f.Value = space, 0, name, v
}
