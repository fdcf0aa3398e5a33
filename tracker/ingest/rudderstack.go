package ingest

import "github.com/valyala/fasthttp"

// rudderstack is Segment's shape under paths of its own: the beacon that a page
// sends as it closes, with the key in the query, and the pixel. Its other paths
// are Segment's. Its Node client sends gzip and calls it a form; no body is
// judged by its Content-Type here.
var rudderstack = protocol{
	name: "rudderstack", key: segmentKey, value: (*decoder).segmentValue, param: segmentParam, answer: answerOK,
}

// answerOK is what RudderStack's own server says. Its clients look at the
// status alone.
func answerOK(ctx *fasthttp.RequestCtx, _ *job) {
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString("OK")
}
