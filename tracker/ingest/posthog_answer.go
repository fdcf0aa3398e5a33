package ingest

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// answerPosthog is the one thing that the old clients read: JSON.
func answerPosthog(ctx *fasthttp.RequestCtx, _ *job) {
	ctx.SetContentType("application/json")
	ctx.SetBodyString(`{"status":1}`)
}

// answerPosthogV1 names each event by its uuid, one that a batch holds twice
// twice: a reader of JSON takes the last.
func answerPosthogV1(ctx *fasthttp.RequestCtx, j *job) {
	ctx.SetContentType("application/json")
	b := append(j.answer[:0], `{"results":{`...)
	for i := range j.items {
		it := &j.items[i]
		if len(it.given) == 0 {
			continue // no name to call it by
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendJSON(b, it.given)
		b = append(append(append(b, `:{"result":"`...), it.posthogResult()...), '"')
		if it.code != "" {
			b = append(b, `,"details":`...)
			b = appendJSON(b, []byte(details[it.code]))
		}
		b = append(b, '}')
	}
	j.answer = append(b, "}}\n"...)
	ctx.SetBody(j.answer)
}

// posthogResult is PostHog's word for a verdict: a warning is an event that was
// taken with something said about it.
func (it *item) posthogResult() string {
	switch {
	case it.status == tracker.OK && it.code != "":
		return "warning"
	case it.status == tracker.OK || it.status == tracker.Duplicate:
		return "ok"
	}
	return it.status.String()
}
