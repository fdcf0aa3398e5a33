package ingest

import (
	"bytes"
	"encoding/base64"

	"ripen/tracker"
)

// posthog is PostHog's capture API before version 1: bodies as JSON, gzip that
// calls itself text, base64 or lz64 in a form or alone, or the same in a query.
var posthog = protocol{
	name: "posthog", key: posthogKey, value: (*decoder).posthogValue, shape: (*decoder).posthogShape, param: segmentParam,
	trait: becomesTrait, unpack: unpackPosthog, answer: answerPosthog,
}

// posthogV1 is the API whose answers name each event.
var posthogV1 = protocol{
	name: "posthog-v1", key: posthogKey, value: (*decoder).posthogValue, shape: (*decoder).posthogShape, param: segmentParam,
	trait: becomesTrait, answer: answerPosthogV1,
}

var errBase64 = &tracker.Error{
	Kind: tracker.KindInvalid, Code: "invalid_encoding",
	Detail: "the body is neither JSON nor base64 of JSON, gzip or lz64: send JSON, gzip of it, or data=<base64>",
}

// unpackPosthog takes the JSON out of a form, of base64 and of gzip inside
// either. A plus sign that a form made a blank is mended.
func unpackPosthog(j *job, body []byte, limit int) ([]byte, *tracker.Error) {
	body = trim(body)
	if looksJSON(body) || bytes.HasPrefix(body, bom) {
		return body, nil
	}
	if data := queryValue(body, "data"); len(data) > 0 {
		j.unpacked[0] = appendUnquery(j.unpacked[0][:0], data)
		if body = trim(j.unpacked[0]); looksJSON(body) {
			return body, nil
		}
	} else {
		j.unpacked[0] = append(j.unpacked[0][:0], body...)
		body = j.unpacked[0]
	}
	coded := urlAlphabet(body)
	plain, err := base64.RawURLEncoding.AppendDecode(j.unpacked[1][:0], coded)
	j.unpacked[1] = plain
	if err == nil && looksJSON(trim(plain)) {
		return plain, nil
	}
	if err == nil && packed(plain) != nil {
		plain, buf, e := inflate(j.inflated, plain, "", limit)
		j.inflated = buf
		return plain, e
	}
	plain, e := unlz64(j.unpacked[1][:0], coded, limit)
	j.unpacked[1] = plain
	if e == nil && !looksJSON(trim(plain)) {
		e = errBase64
	}
	return plain, e
}

var bom = []byte("\xef\xbb\xbf")

func looksJSON(b []byte) bool { return len(b) > 0 && (b[0] == '{' || b[0] == '[') }

// urlAlphabet turns base64 of either alphabet, in place, into the one without
// padding that is safe in a URL.
func urlAlphabet(b []byte) []byte {
	b = bytes.TrimRight(b, "=")
	for i, c := range b {
		switch c {
		case '+', ' ':
			b[i] = '-'
		case '/':
			b[i] = '_'
		}
	}
	return b
}

// posthogKey finds the project's token: the write key of a source. The query is
// asked first, so that a body is not read in vain.
func posthogKey(query, body []byte) []byte {
	names := [2]string{"api_key", "token"}
	for _, name := range names {
		if key := queryValue(query, name); len(key) > 0 {
			return key
		}
	}
	for _, name := range names {
		if key := bodyKey(body, name); len(key) > 0 {
			return key
		}
	}
	return propertiesToken(body)
}

// propertiesToken finds properties.token of the first event.
func propertiesToken(body []byte) []byte {
	var s scanner
	s.resetScanner(bytes.TrimPrefix(body, bom))
	if s.peek() == '[' {
		s.p++
	}
	for _, name := range [2]string{"batch", "properties"} {
		if at := s.find(name); at < 0 {
			continue
		} else if s.p = at; s.peek() == '[' {
			s.p++
		}
		if name == "properties" {
			key, _ := s.keyHere("token")
			return key
		}
	}
	return nil
}

// find returns where the value of a key begins in the object that comes next
// and stays where it was, or -1.
func (s *scanner) find(word string) int {
	from, at := s.p, -1
	if s.peek() != '{' {
		return -1
	}
	for m := (members{}); ; {
		name, more, ok := s.member(&m, 1)
		if !ok || !more {
			break
		}
		s.peek()
		if string(name) == word {
			at = s.p
			break
		}
		if _, ok := s.skip(1); !ok {
			break
		}
	}
	s.p, s.code = from, ""
	return at
}

// posthogValue reads one of an event's own keys.
func (d *decoder) posthogValue(ev *draft, key []byte) bool {
	switch string(key) {
	case "event":
		return d.text(&ev.typ)
	case "uuid":
		return d.text(&ev.msg)
	case "distinct_id", "$distinct_id":
		return d.text(&ev.user)
	case "properties":
		return d.section(ev, sawProperties, tracker.Property)
	case "timestamp":
		return d.clock(&ev.stamp)
	case "sent_at":
		return d.clock(&ev.sent)
	case "offset":
		return d.offset(ev)
	case "session_id":
		return d.member1(ev, tracker.Context, sessionIDName)
	case "$set":
		return d.under(ev, setName)
	case "$set_once":
		return d.under(ev, setOnceName)
	case "batch":
		if ev == &d.outer && d.peek() == '[' {
			return d.wrapped(ev)
		}
	}
	_, ok := d.skip(1)
	return ok
}

var (
	setName       = []byte("$set")
	setOnceName   = []byte("$set_once")
	sessionIDName = []byte("sessionId")
)

// under reads an object into properties with dotted names, as if it stood
// there: the place where other clients have it.
func (d *decoder) under(ev *draft, name []byte) bool {
	if d.peek() != '{' {
		_, ok := d.skip(1)
		return ok
	}
	return d.fields(ev, place{space: tracker.Property}, name, 2)
}

// member1 reads a scalar into a field of that name.
func (d *decoder) member1(ev *draft, space tracker.Space, name []byte) bool {
	var v []byte
	if !d.text(&v) {
		return false
	}
	if v != nil {
		ev.set(space, name, textValue(v))
	}
	return true
}

// offset reads how many milliseconds ago the event happened.
func (d *decoder) offset(ev *draft) bool {
	var v tracker.Value
	_, ok := d.plain(&v)
	if ms, isNumber := v.AsFloat(); ok && isNumber && ms >= 0 && ms <= maxClock {
		ev.original = clock{d.now - int64(ms), goodClock}
		ev.ago = true
	}
	return ok
}

// posthogShape says in Segment's words what the event is.
func (d *decoder) posthogShape(ev *draft) {
	if ev.ago {
		ev.stamp, ev.sent = ev.original, clock{ms: d.now, state: goodClock} // it counts from now, whatever the client's clock says
	}
	var group, alias []byte
	switch string(ev.typ) {
	case "$groupidentify":
		group = ev.takeText("$group_key")
	case "$create_alias", "$merge_dangerously":
		alias = ev.takeText("alias")
	}
	said := ev.takeIDs()
	if len(ev.msg) == 0 {
		ev.msg = said.insert
	}
	if ev.user == nil {
		ev.user = said.distinct
	}
	ev.identity(&said)
	name := ev.typ
	switch string(name) {
	case "":
		ev.typ, ev.event = trackName, nil // an event without a name
	case "$pageview", "$screen":
		ev.typ = pageName
	case "$identify", "$set":
		ev.typ = identifyName
	case "$groupidentify":
		ev.typ, ev.group = groupName, group
	case "$create_alias", "$merge_dangerously":
		ev.typ, ev.prev = aliasName, alias
	case "$opt_in":
		ev.typ, ev.event = trackName, consentName
		ev.set(tracker.Context, consentName, textValue([]byte("granted")))
	default:
		ev.typ, ev.event = trackName, name
	}
	if said.cookieless == tracker.True {
		// Nobody is to be known by it; all who refuse share one distinct_id.
		ev.say(tracker.Marketing, tracker.Refused)
		ev.say(tracker.Profiling, tracker.Refused)
	}
}

var (
	trackName = []byte("track")
	pageName  = []byte("page")
)

// posthogIDs are the properties that say whose an event is.
type posthogIDs struct {
	insert, distinct, device, user, previous []byte
	profile, identified, cookieless          tracker.Tag
}

// at returns where the id of that name goes, nil if it is none.
func (said *posthogIDs) at(name []byte) *[]byte {
	switch string(name) {
	case "$insert_id":
		return &said.insert
	case "distinct_id":
		return &said.distinct
	case "$device_id":
		return &said.device
	case "$user_id":
		return &said.user
	case "$anon_distinct_id":
		return &said.previous
	}
	return nil
}

// takeIDs reads them in one go, takes out the ids, and gives the other fields the
// names that they have here.
func (ev *draft) takeIDs() (said posthogIDs) {
	kept := ev.fields[:0]
	for i := range ev.fields {
		f := &ev.fields[i]
		if f.Space == tracker.Property && len(f.Name) > 0 && (f.Name[0] == '$' || f.Name[0] == 'd') && said.take(f, len(ev.msg) == 0) {
			continue
		}
		if posthogField(f); f.Space == 0 {
			continue
		}
		if len(kept) < i {
			kept = append(kept, *f)
		} else {
			kept = ev.fields[:i+1]
		}
	}
	ev.fields, ev.setBits = kept, ^uint64(0)
	return said
}

// take reads a field that may say whose the event is. An id goes, with all that is
// under it: of one that is an object nothing remains. The $insert_id of an event
// that has an id already is left alone.
func (said *posthogIDs) take(f *tracker.Field, insert bool) bool {
	top := f.Name
	if i := bytes.IndexByte(top, '.'); i >= 0 {
		top = top[:i]
	}
	if id := said.at(top); id != nil && (id != &said.insert || insert) {
		if v := f.Value; len(top) == len(f.Name) && (v.Tag == tracker.String || v.Tag == tracker.Number) {
			*id = idOf(v.Str)
		}
		return true
	}
	switch string(f.Name) {
	case "$process_person_profile":
		said.profile = f.Value.Tag
	case "$is_identified":
		said.identified = f.Value.Tag
	case "$cookieless_mode":
		said.cookieless = f.Value.Tag
	}
	return false
}

// identity tells a device's id from a person's. A browser says which device it
// is, so what differs from that is a person; a server that asks for no profile
// means nobody in particular.
func (ev *draft) identity(said *posthogIDs) {
	id, device := ev.user, said.device
	switch {
	case said.user != nil:
		ev.user, ev.anon = said.user, device
	case said.identified == tracker.True && !bytes.Equal(id, device):
		ev.anon = device
	case said.identified == tracker.False || device != nil && bytes.Equal(id, device), said.profile == tracker.False && said.previous == nil:
		ev.user, ev.anon = nil, id
	case device != nil:
		ev.anon = device
	}
	if said.previous != nil {
		ev.anon = said.previous
	}
}

// takeText takes a property out, with all that is under it, and returns it if
// it is a text or a number: of an id that is an object nothing remains.
func (ev *draft) takeText(name string) (v []byte) {
	for i := range ev.fields {
		f := &ev.fields[i]
		if f.Space != tracker.Property || !under(f.Name, name) {
			continue
		}
		if len(f.Name) == len(name) && (f.Value.Tag == tracker.String || f.Value.Tag == tracker.Number) {
			v = idOf(f.Value.Str)
		}
		f.Space = 0 // taken
	}
	return v
}

// idOf is a text as an id: nil if nothing is in it.
func idOf(text []byte) []byte {
	if text = trim(text); len(text) > 0 {
		return text
	}
	return nil
}

// posthogWord says what a property that has a name of ours is called here; of
// one that is taken out the space is 0.
func posthogWord(name []byte) (space tracker.Space, ours []byte, ok bool) {
	switch string(name) {
	case "$current_url":
		return tracker.Property, placeNames[1], true
	case "$pathname":
		return tracker.Property, placeNames[0], true
	case "$title":
		return tracker.Property, placeNames[2], true
	case "$referrer":
		return tracker.Property, placeNames[3], true
	case "$screen_name":
		return tracker.Property, titleNames[0], true
	case "$session_id":
		return tracker.Context, sessionIDName, true
	case "$ip":
		return tracker.Context, ipName, true
	case "$raw_user_agent", "$useragent":
		return tracker.Context, userAgentName, true
	case "$lib":
		return tracker.Context, libraryName, true
	case "$lib_version":
		return tracker.Context, libraryVersionName, true
	case "$browser_language":
		return tracker.Context, localeName, true
	case "$timezone":
		return tracker.Context, timezoneName, true
	case "token", "$time", "$sent_at": // the key, and clocks of the client
		return 0, nil, true
	}
	if name[0] == 'u' {
		for i := range utm {
			if bytes.Equal(name, utm[i][0]) {
				return tracker.Context, utm[i][1], true
			}
		}
	}
	return 0, nil, false
}

// posthogField renames a property: what PostHog's own code adds is context, and
// what it sets on the person is a trait.
func posthogField(f *tracker.Field) {
	if f.Space != tracker.Property || len(f.Name) == 0 {
		return
	}
	if space, name, ok := posthogWord(f.Name); ok {
		f.Space, f.Name = space, name
		return
	}
	if f.Name[0] != '$' {
		return
	}
	for _, prefix := range posthogTraits {
		if name, ok := bytes.CutPrefix(f.Name, prefix); ok {
			f.Space, f.Name = tracker.Trait, name
			return
		}
	}
	f.Space, f.Name = tracker.Context, f.Name[1:]
}

var posthogTraits = [3][]byte{[]byte("$set."), []byte("$set_once."), []byte("$group_set.")}

// becomesTrait says that a property of that name will be a trait.
func becomesTrait(name []byte) bool {
	for _, prefix := range posthogTraits {
		if bytes.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
