package ingest

import (
	"bytes"
	"encoding/base64"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// snowplow is Snowplow's tracker protocol: payloads whose values are all texts,
// by POST or in the query of a picture. The app id is the write key. There is
// no click redirect: an open one sends people anywhere in our name.
//
// Its trackers come again for ever unless they hear 2xx, 400, 401, 403, 410 or
// 422, so a body that is too large is swallowed: its events are dead letters.
var snowplow = protocol{
	name: "snowplow", key: snowplowKey, value: (*decoder).snowplowValue, shape: (*decoder).snowplowShape,
	param: snowplowParam, answer: answerSnowplow, swallow: tooLarge,
}

func tooLarge(e *tracker.Error) bool { return e.Kind == tracker.KindTooLarge }

func answerSnowplow(ctx *fasthttp.RequestCtx, _ *job) {
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString("ok")
}

// snowplowKey finds the app id of the query, or of the first payload.
func snowplowKey(query, body []byte) []byte {
	if key := queryValue(query, "aid"); len(key) > 0 {
		return key
	}
	var s scanner
	s.resetScanner(body)
	if at := s.find("data"); at >= 0 {
		if s.p = at; s.peek() == '[' {
			s.p++
			key, _ := s.keyHere("aid")
			return key
		}
	}
	return nil
}

// snowplowValue reads one key of a payload, or of the wrapper around them.
func (d *decoder) snowplowValue(ev *draft, key []byte) bool {
	if string(key) == "data" && ev == &d.outer && d.peek() == '[' {
		return d.wrapped(ev)
	}
	var v []byte
	if c := d.peek(); c == '{' || c == '[' {
		_, ok := d.skip(1)
		return ok
	}
	return d.text(&v) && d.snowplowText(ev, key, v)
}

func snowplowParam(d *decoder, ev *draft, name, value []byte) { d.snowplowText(ev, name, value) }

// snowplowText takes one value of a payload.
func (d *decoder) snowplowText(ev *draft, key, v []byte) bool {
	switch string(key) {
	case "e":
		ev.typ = v
	case "eid":
		ev.msg = v
	case "uid":
		ev.user = v
	case "duid":
		ev.anon = v
	case "nuid", "tnuid":
		ev.prev = v // until the shape is known: the network's id, if there is no better one
	case "dtm":
		ev.original = clockOf(textValue(v))
	case "ttm":
		ev.stamp = clockOf(textValue(v)) // the true time, which nobody's clock corrects
		ev.ago = true
	case "stm":
		ev.sent = clockOf(textValue(v))
	case "ue_pr", "co":
		return d.nested(ev, key, v)
	case "ue_px", "cx":
		plain, ok := d.base64(v)
		return ok && d.nested(ev, key, plain)
	case "se_ac":
		ev.event = v
	default:
		snowplowField(ev, key, v)
	}
	return true
}

// snowplowContext returns what a key of the browser's and the page's is called
// here, nil if it has no name. Nearly every payload has most of them.
func snowplowContext(key []byte) []byte {
	switch string(key) {
	case "url":
		return pageNames[1]
	case "page":
		return pageNames[2]
	case "refr":
		return pageNames[3]
	case "ua":
		return userAgentName
	case "ip":
		return ipName
	case "lang":
		return localeName
	case "tz":
		return timezoneName
	case "sid":
		return sessionIDName
	case "p":
		return platformName
	case "tv":
		return libraryVersionName
	case "tna":
		return libraryName
	case "res":
		return screenName
	case "vp":
		return viewportName
	}
	return nil
}

var (
	userAgentName      = []byte("userAgent")
	localeName         = []byte("locale")
	timezoneName       = []byte("timezone")
	platformName       = []byte("platform")
	libraryName        = []byte("library.name")
	libraryVersionName = []byte("library.version")
	screenName         = []byte("screen")
	viewportName       = []byte("viewport")
)

// snowplowProperties are the keys of structured events, page pings and shops
// that have a name of ours.
var snowplowProperties = map[string][]byte{
	"se_ca": titleNames[1], "se_la": []byte("label"), "se_pr": []byte("property"), "se_va": []byte("value"),
	"pp_mix": []byte("min_x"), "pp_max": []byte("max_x"), "pp_miy": []byte("min_y"), "pp_may": []byte("max_y"),
	"tr_id": []byte("order_id"), "tr_tt": []byte("value"), "tr_tx": []byte("tax"), "tr_sh": []byte("shipping"),
	"tr_cu": []byte("currency"), "tr_af": []byte("affiliation"),
	"ti_id": []byte("order_id"), "ti_sk": []byte("sku"), "ti_nm": titleNames[0], "ti_ca": titleNames[1],
	"ti_pr": []byte("price"), "ti_qu": []byte("quantity"), "ti_cu": []byte("currency"),
}

// snowplowField files a value that has a name of ours. What the protocol writes
// as text and rules count with becomes a number.
func snowplowField(ev *draft, key, v []byte) {
	if len(v) == 0 {
		return
	}
	if name := snowplowContext(key); name != nil {
		ev.set(tracker.Context, name, textValue(v))
		return
	}
	if len(key) < 5 || key[2] != '_' { // as they all have it
		return
	}
	name, ok := snowplowProperties[string(key)]
	if !ok {
		return
	}
	value := textValue(v)
	if n, whole := numberLen(v); n > 0 && n == len(v) && !isName(key) {
		value = numberValue(v, whole)
	}
	ev.set(tracker.Property, name, value)
}

// isName says that a key holds a name, even if it looks like a number: a label may
// be somebody's telephone, and texts are sealed.
func isName(key []byte) bool {
	switch string(key) {
	case "se_ca", "se_la", "se_pr", "tr_id", "tr_af", "tr_cu", "ti_id", "ti_sk", "ti_nm", "ti_ca", "ti_cu":
		return true
	}
	return false
}

// base64 decodes a value into the arena.
func (d *decoder) base64(v []byte) ([]byte, bool) {
	from := len(d.arena)
	d.arena = append(d.arena, v...)
	coded := urlAlphabet(d.arena[from:])
	at := len(d.arena)
	plain, err := base64.RawURLEncoding.AppendDecode(d.arena, coded)
	if err != nil {
		return nil, d.fail(tracker.CodeInvalidJSON)
	}
	d.arena = plain
	return plain[at:len(plain):len(plain)], true
}

// nested reads JSON that is the text of a value: what the event says of itself,
// or its contexts. The text stands in for the body meanwhile.
func (d *decoder) nested(ev *draft, key, text []byte) bool {
	if len(text) == 0 {
		return true
	}
	b, p := d.b, d.p
	d.b, d.p = text, 0
	ok := false
	if key[0] == 'u' {
		ok = d.selfDescribing(ev, tracker.Property, 1)
	} else {
		ok = d.contexts(ev)
	}
	if ok && d.peek() != 0 {
		ok = d.fail(tracker.CodeInvalidJSON)
	}
	d.b, d.p = b, p
	return ok
}

// contexts reads {"schema":…,"data":[{"schema":…,"data":{…}},…]}.
func (d *decoder) contexts(ev *draft) bool {
	for m := (members{}); ; {
		key, more, ok := d.member(&m, 1)
		if !ok || !more {
			return ok
		}
		if string(key) != "data" || d.peek() != '[' {
			if _, ok := d.skip(1); !ok {
				return false
			}
			continue
		}
		for e := (members{}); ; {
			more, ok := d.element(&e, 2)
			if !ok {
				return false
			}
			if !more {
				break
			}
			if !d.selfDescribing(ev, tracker.Context, 3) {
				return false
			}
		}
	}
}

// selfDescribing reads {"schema":…,"data":…}. An event's own stands inside
// another; then the inner schema names it and its data are properties. The data
// of a context stand under its name.
func (d *decoder) selfDescribing(ev *draft, space tracker.Space, depth int) bool {
	at := -1
	var name []byte
	for m := (members{}); ; {
		key, more, ok := d.member(&m, depth)
		if !ok {
			return false
		}
		if !more {
			break
		}
		switch d.peek(); string(key) {
		case "schema":
			var schema []byte
			if !d.text(&schema) {
				return false
			}
			name = schemaName(schema)
			continue
		case "data":
			at = d.p
		}
		if _, ok := d.skip(depth); !ok {
			return false
		}
	}
	if at < 0 {
		return true
	}
	end := d.p
	d.p = at
	ok := d.described(ev, space, name, depth+1)
	d.p = end
	return ok
}

// described files the data of a schema.
func (d *decoder) described(ev *draft, space tracker.Space, name []byte, depth int) bool {
	switch {
	case d.peek() != '{':
		return true
	case string(name) == "unstruct_event":
		return d.selfDescribing(ev, space, depth)
	case space == tracker.Property:
		ev.event = name
		if string(name) == "identify" {
			space = tracker.Trait
		}
		return d.fields(ev, place{space: space}, nil, depth)
	case string(name) == "client_session":
		return d.clientSession(ev, depth)
	}
	return d.fields(ev, place{space: space}, name, depth)
}

// clientSession takes the session and, where there is no other, the visitor out
// of the context that mobile trackers send.
func (d *decoder) clientSession(ev *draft, depth int) bool {
	mark := len(ev.fields)
	if !d.fields(ev, place{space: tracker.Context}, nil, depth) {
		return false
	}
	var session, user []byte
	for i := mark; i < len(ev.fields); i++ {
		switch f := &ev.fields[i]; string(f.Name) {
		case "sessionId":
			session = f.Value.Str
		case "userId":
			user = f.Value.Str
		}
	}
	ev.fields = ev.fields[:mark]
	if session != nil {
		ev.set(tracker.Context, sessionIDName, textValue(session))
	}
	if ev.anon == nil {
		ev.anon = user
	}
	return true
}

// schemaName returns the third part of iglu:vendor/name/format/version.
func schemaName(schema []byte) []byte {
	rest := bytes.TrimPrefix(schema, []byte("iglu:"))
	if _, after, ok := bytes.Cut(rest, []byte("/")); ok {
		name, _, _ := bytes.Cut(after, []byte("/"))
		return name
	}
	return rest
}

// snowplowShape says in Segment's words what the payload is.
func (d *decoder) snowplowShape(ev *draft) {
	if ev.ago {
		ev.sent = clock{}
	}
	if ev.anon, ev.prev = ev.real(ev.anon), ev.real(ev.prev); ev.anon == nil {
		ev.anon = ev.prev
	}
	if ev.prev = nil; ev.anon == nil {
		ev.anon = d.network
	}
	event := ev.event
	ev.event = nil
	switch string(ev.typ) {
	case "pv":
		ev.typ = pageName
	case "pp":
		ev.typ, ev.event = trackName, pagePing
	case "se":
		ev.typ, ev.event = trackName, event
	case "tr":
		ev.typ, ev.event = trackName, purchaseName
	case "ti":
		ev.typ, ev.event = trackName, purchaseItem
	case "ue":
		switch ev.typ, ev.event = trackName, event; string(event) {
		case "identify":
			ev.typ, ev.event = identifyName, nil
		case "consent_preferences", "consent_granted", "consent_withdrawn":
			ev.event = consentName
			ev.snowplowConsent(event)
		}
	}
}

// snowplowConsent says in our words what a consent event of Snowplow's says.
func (ev *draft) snowplowConsent(event []byte) {
	kind := event[len("consent_"):]
	if string(kind) == "preferences" {
		kind = ev.property("eventType").Str
	}
	word := ""
	switch string(kind) {
	case "allow_all", "implicit_consent", "granted":
		word = "granted"
	case "deny_all", "withdrawn":
		word = "denied"
	case "pending", "expired":
		word = "pending"
	case "allow_selected": // the scopes, and nothing else
		scopes := ev.property("consentScopes")
		given := listed(&scopes, tracker.Granted)
		for _, p := range tracker.Purposes {
			choice := tracker.Refused
			if given.Of(p) == tracker.Granted {
				choice = tracker.Granted
			}
			ev.say(p, choice)
		}
		return
	default:
		return
	}
	ev.set(tracker.Context, consentName, textValue([]byte(word)))
}

// say sets a word on one purpose.
func (ev *draft) say(p tracker.Purpose, choice tracker.Choice) {
	ev.set(tracker.Context, []byte("consent."+p.String()), textValue([]byte(choice.String())))
}

// property returns a property; null if there is none.
func (ev *draft) property(name string) tracker.Value {
	for i := range ev.fields {
		if f := &ev.fields[i]; f.Space == tracker.Property && string(f.Name) == name {
			return f.Value
		}
	}
	return tracker.Value{}
}

var (
	pagePing     = []byte("page_ping")
	purchaseName = []byte("purchase")
	purchaseItem = []byte("purchase_item")
)
