package ingest

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// protocol is one wire format. All of them are read by the one decoder, which
// knows how bodies break and how to go on; a protocol brings the words: which
// key of an event means what, and how its senders want to be answered.
type protocol struct {
	name string
	// key finds the write key in a query or body, if the head names none.
	key func(query, body []byte) []byte
	// value reads the value of one of an event's own keys into the draft.
	value func(d *decoder, ev *draft, key []byte) bool
	// shape ends a draft that has been read: it says in Segment's words what
	// the event is. Nil leaves it as it is.
	shape func(d *decoder, ev *draft)
	// trait says that a property of that name is one of the person's, of which
	// a null is kept; nil has none.
	trait func(name []byte) bool
	// param takes one parameter of a picture's query, decoded.
	param func(d *decoder, ev *draft, name, value []byte)
	// unpack takes a body out of what it is wrapped in beside compression; nil
	// takes it as it is.
	unpack func(j *job, body []byte, limit int) ([]byte, *tracker.Error)
	// answer writes what a sender hears whose events have been read.
	answer func(ctx *fasthttp.RequestCtx, j *job)
	// swallow says that a refusal is answered like a success, because the
	// sender would come again for ever; nil never does.
	swallow func(e *tracker.Error) bool
}

// route is what a path asks for.
type route struct {
	*protocol
	pixel   bool
	history bool   // /v1/import: times are taken as given
	kind    string // type of events that have none; empty for batches
}

// calls are Segment's paths under /v1/, long and short.
var calls = map[string]route{
	"batch": {}, "b": {}, "import": {history: true},
	"track": {kind: "track"}, "t": {kind: "track"},
	"page": {kind: "page"}, "p": {kind: "page"},
	"screen": {kind: "screen"}, "s": {kind: "screen"},
	"identify": {kind: "identify"}, "i": {kind: "identify"},
	"group": {kind: "group"}, "g": {kind: "group"},
	"alias": {kind: "alias"}, "a": {kind: "alias"},
	"merge": {kind: "merge"},
}

// paths are those of the other protocols, without the slash that may end them.
var paths = map[string]route{
	"/p.gif": {protocol: &segment, pixel: true},

	"/beacon/v1/batch": {protocol: &rudderstack},
	"/pixel/v1/track":  {protocol: &rudderstack, pixel: true, kind: "track"},
	"/pixel/v1/page":   {protocol: &rudderstack, pixel: true, kind: "page"},

	"/com.snowplowanalytics.snowplow/tp2": {protocol: &snowplow},
	"/i":                                  {protocol: &snowplow, pixel: true},
	"/ice.png":                            {protocol: &snowplow, pixel: true},

	"/batch": {protocol: &posthog}, "/i/v0/e": {protocol: &posthog}, "/e": {protocol: &posthog},
	"/capture": {protocol: &posthog}, "/track": {protocol: &posthog}, "/engage": {protocol: &posthog},
	"/i/v1/analytics/events": {protocol: &posthogV1},
}

func routeOf(path []byte) (route, bool) {
	if rest, ok := bytes.CutPrefix(path, []byte("/v1/")); ok {
		return callOf(bytes.TrimSuffix(rest, []byte("/")))
	}
	r, ok := paths[string(path)]
	if !ok && len(path) > 1 {
		r, ok = paths[string(bytes.TrimSuffix(path, []byte("/")))]
	}
	return r, ok
}

// callOf finds one of Segment's calls, or its picture.
func callOf(rest []byte) (route, bool) {
	kind, pixel := bytes.CutPrefix(rest, []byte("pixel/"))
	r, ok := calls[string(kind)]
	if !ok || pixel && r.kind == "" {
		return route{}, false
	}
	r.protocol, r.pixel = &segment, pixel
	return r, true
}

// segment is Segment's HTTP API, and Ripen's own.
var segment = protocol{
	name: "segment", key: segmentKey, value: (*decoder).segmentValue, param: segmentParam, answer: answerVerdicts,
}

// segmentKey finds the write key of a body, or of the call in a picture's data.
func segmentKey(query, body []byte) []byte {
	if data := queryValue(query, "data"); len(body) == 0 && len(data) > 0 {
		body, _ = pixelCall(data)
	}
	return bodyKey(body, "writeKey")
}

func segmentParam(_ *decoder, ev *draft, name, value []byte) { ev.param(name, value) }

// answerVerdicts says what became of each event.
func answerVerdicts(ctx *fasthttp.RequestCtx, j *job) {
	j.answer = j.appendAnswer(j.answer[:0])
	ctx.SetContentType("application/json")
	ctx.SetBody(j.answer)
}

// allow names the methods of a path.
func (r *route) allow() string {
	switch {
	case r.pixel:
		return "GET, HEAD, OPTIONS"
	case r.unpack != nil:
		return "GET, POST, OPTIONS"
	}
	return "POST, OPTIONS"
}
