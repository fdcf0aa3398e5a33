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

// snowplowWords are the keys that have a name of ours.
var snowplowWords = map[string]tracker.Field{
	"url": {Space: tracker.Context, Name: pageNames[1]}, "page": {Space: tracker.Context, Name: pageNames[2]},
	"refr": {Space: tracker.Context, Name: pageNames[3]},
	"ua":   {Space: tracker.Context, Name: []byte("userAgent")}, "ip": {Space: tracker.Context, Name: []byte("ip")},
	"lang": {Space: tracker.Context, Name: []byte("locale")}, "tz": {Space: tracker.Context, Name: []byte("timezone")},
	"sid": {Space: tracker.Context, Name: sessionIDName}, "p": {Space: tracker.Context, Name: []byte("platform")},
	"tv": {Space: tracker.Context, Name: []byte("library.version")}, "tna": {Space: tracker.Context, Name: []byte("library.name")},
	"res": {Space: tracker.Context, Name: []byte("screen")}, "vp": {Space: tracker.Context, Name: []byte("viewport")},
	"se_ca": {Space: tracker.Property, Name: []byte("category")}, "se_la": {Space: tracker.Property, Name: []byte("label")},
	"se_pr": {Space: tracker.Property, Name: []byte("property")}, "se_va": {Space: tracker.Property, Name: []byte("value")},
	"pp_mix": {Space: tracker.Property, Name: []byte("min_x")}, "pp_max": {Space: tracker.Property, Name: []byte("max_x")},
	"pp_miy": {Space: tracker.Property, Name: []byte("min_y")}, "pp_may": {Space: tracker.Property, Name: []byte("max_y")},
	"tr_id": {Space: tracker.Property, Name: []byte("order_id")}, "tr_tt": {Space: tracker.Property, Name: []byte("value")},
	"tr_tx": {Space: tracker.Property, Name: []byte("tax")}, "tr_sh": {Space: tracker.Property, Name: []byte("shipping")},
	"tr_cu": {Space: tracker.Property, Name: []byte("currency")}, "tr_af": {Space: tracker.Property, Name: []byte("affiliation")},
	"ti_id": {Space: tracker.Property, Name: []byte("order_id")}, "ti_sk": {Space: tracker.Property, Name: []byte("sku")},
	"ti_nm": {Space: tracker.Property, Name: []byte("name")}, "ti_ca": {Space: tracker.Property, Name: []byte("category")},
	"ti_pr": {Space: tracker.Property, Name: []byte("price")}, "ti_qu": {Space: tracker.Property, Name: []byte("quantity")},
	"ti_cu": {Space: tracker.Property, Name: []byte("currency")},
}

// snowplowField files a value that has a name of ours. What the protocol writes
// as text and rules count with becomes a number.
func snowplowField(ev *draft, key, v []byte) {
	w, ok := snowplowWords[string(key)]
	if !ok || len(v) == 0 {
		return
	}
	value := textValue(v)
	if n, whole := numberLen(v); w.Space == tracker.Property && n > 0 && n == len(v) && !isID(key) {
		value = numberValue(v, whole)
	}
	ev.set(w.Space, w.Name, value)
}

// isID says that a key holds a name, even if it looks like a number.
func isID(key []byte) bool {
	return bytes.HasSuffix(key, []byte("_id")) || string(key) == "ti_sk"
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
