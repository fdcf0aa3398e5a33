package ingest

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

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

// mergeProperties reads [{"type":"email","value":"…"},…]: the two identities that
// RudderStack's merge call says are one person's.
func (d *decoder) mergeProperties(ev *draft) bool {
	if d.peek() != '[' {
		_, ok := d.skip(1)
		return ok
	}
	ev.merged = [2]tracker.Field{}
	for m := (members{}); ; {
		more, ok := d.element(&m, 1)
		if !ok || !more {
			return ok
		}
		if d.peek() != '{' || m.n > len(ev.merged) {
			if _, ok := d.skip(2); !ok {
				return false
			}
		} else if !d.identity(&ev.merged[m.n-1]) {
			return false
		}
	}
}

// identity reads {"type":…,"value":…}.
func (d *decoder) identity(f *tracker.Field) bool {
	var value []byte
	for m := (members{}); ; {
		key, more, ok := d.member(&m, 2)
		if !ok || !more {
			f.Value = textValue(value)
			return ok
		}
		switch string(key) {
		case "type":
			ok = d.text(&f.Name)
		case "value":
			ok = d.text(&value)
		default:
			_, ok = d.skip(2)
		}
		if !ok {
			return false
		}
	}
}

// takeMerge says in Segment's words what a merge is: an identify that holds both
// identities, or, of two user ids, an alias. Known people never become one by
// it, as by nothing that a sender says.
func (ev *draft) takeMerge() {
	ev.typ = identifyName
	for i := range ev.merged {
		f := &ev.merged[i]
		switch v := trim(f.Value.Str); string(f.Name) {
		case "":
		case "userId", "user_id":
			if i == 1 && ev.user != nil {
				ev.typ, ev.prev = aliasName, ev.user
			}
			ev.user = v
		case "anonymousId", "anonymous_id":
			ev.anon = v
		default:
			ev.set(tracker.Trait, f.Name, textValue(v))
		}
	}
}
