package ingest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"ripen/tracker"
)

// The twins of the other protocols say the same event in Segment's words, in
// obvious code and by encoding/json; what is stored must be the same. They
// speak of well-formed bodies whose events are all taken; of the others the
// fuzz asks that each is a verdict and that a good neighbour is stored.

// twinText of a JSON value, "" for what is none.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimFunc(v, func(r rune) bool { return r <= ' ' })
	case json.Number:
		return v.String()
	}
	return ""
}

// plainTree says that no object has a key with a dot or the same key twice:
// what flattening makes of those is FuzzDecode's affair.
func plainTree(raw []byte, v any) bool {
	n := 0
	var count func(v any) bool
	count = func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				n++
				if strings.ContainsAny(k, ".\x00\ufffd") || k == "" || len(k) > 40 || !count(e) {
					return false
				}
			}
		case []any:
			for _, e := range v {
				if !count(e) {
					return false
				}
			}
		}
		return true
	}
	if !count(v) {
		return false
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	total, depth := 0, []bool{}
	key := false
	for {
		t, err := d.Token()
		if err != nil {
			return total == n
		}
		inObject := len(depth) > 0 && depth[len(depth)-1]
		switch t {
		case json.Delim('{'):
			depth, key = append(depth, true), true
			continue
		case json.Delim('['):
			depth = append(depth, false)
			continue
		case json.Delim('}'), json.Delim(']'):
			depth = depth[:len(depth)-1]
			key = true
			continue
		}
		if inObject && key {
			total++
		}
		key = !key || !inObject
	}
}

// twinPosthog says a PostHog event in Segment's words; nil leaves it.
func twinPosthog(ev map[string]any) map[string]any {
	props, _ := ev["properties"].(map[string]any)
	props = maps.Clone(props)
	if props == nil {
		props = map[string]any{}
	}
	take := func(k string) string { v := asText(props[k]); delete(props, k); return v }
	out, traits, context := map[string]any{}, map[string]any{}, map[string]any{}
	if set, ok := ev["$set"].(map[string]any); ok {
		props["$set"] = set
	}
	id := asText(ev["distinct_id"])
	if inner := take("distinct_id"); id == "" {
		id = inner
	}
	device, user, anon := take("$device_id"), id, take("$anon_distinct_id")
	switch {
	case props["$is_identified"] == true && id != device:
		if anon == "" {
			anon = device
		}
	case props["$is_identified"] == false || device != "" && id == device || props["$process_person_profile"] == false && anon == "":
		user = ""
		if anon == "" {
			anon = id
		}
	case device != "" && anon == "":
		anon = device
	}
	out["userId"], out["anonymousId"], out["messageId"], out["timestamp"] = user, anon, asText(ev["uuid"]), ev["timestamp"]
	switch name := asText(ev["event"]); name {
	case "$pageview":
		out["type"] = "page"
	case "$identify", "$set":
		out["type"] = "identify"
	default:
		out["type"], out["event"] = "track", name
	}
	names := map[string]string{"$current_url": "url", "$referrer": "referrer"}
	for k, v := range maps.Clone(props) {
		switch {
		case k == "token":
			delete(props, k)
		case k == "$set":
			if m, ok := v.(map[string]any); ok {
				maps.Copy(traits, m)
				delete(props, k)
			} else {
				return nil
			}
		case names[k] != "":
			delete(props, k)
			props[names[k]] = v
		case k == "$session_id":
			delete(props, k)
			context["sessionId"] = v
		case strings.HasPrefix(k, "$"):
			delete(props, k)
			context[k[1:]] = v
		}
	}
	out["properties"], out["traits"], out["context"] = props, traits, context
	return out
}

// storedAs shows the events of a body but for what a minted id is made of.
func storedAs(t *testing.T, d *decoder) (out []string) {
	t.Helper()
	for i := range d.items {
		it := &d.items[i]
		if it.status != tracker.OK {
			return nil
		}
		var e tracker.Event
		rec := d.recs[it.rec-1]
		if err := tracker.DecodeRow(rec.Row, &e); err != nil {
			t.Fatal(err)
		}
		var err error
		if e.Personal, err = tracker.DecodeFields(nil, rec.Personal); err != nil {
			t.Fatal(err)
		}
		fields := map[string]string{}
		for _, f := range e.Fields {
			fields["clear "+fieldName(&f)] = show(f.Value)
		}
		for _, f := range e.Personal {
			fields["sealed "+fieldName(&f)] = show(f.Value)
		}
		id := ""
		if !e.Minted {
			id = e.MessageText()
		}
		out = append(out, fmt.Sprintf("%s %d %q %x %x %x\n%s", e.Type, e.Time, id, e.Visitor, e.User, e.Email, strings.Join(lines(fields), "\n")))
	}
	return out
}

// fuzzProtocol decodes body in a protocol, and in Segment's words as said by
// twin.
func fuzzProtocol(t *testing.T, p *protocol, raw []byte, list string, good string, twin func(map[string]any) map[string]any) {
	t.Helper()
	var d, s decoder
	d.reset(sender{protocol: p, source: testSource(), now: testNow, agents: &agents{}})
	if json.Valid(raw) { // then the neighbour cannot be hidden by it
		if e := d.decode([]byte(`{"` + list + `":[` + string(raw) + `,` + good + `]}`)); e != nil {
			t.Fatalf("%q: %v", raw, e)
		}
		if n := len(d.items); n != 2 || d.items[1].status != tracker.OK {
			t.Fatalf("%q: %d verdicts, the neighbour's %+v", raw, n, d.items[n-1].verdict)
		}
	} else {
		_ = d.decode([]byte(`{"` + list + `":[` + string(raw) + `,` + good + `]}`))
		return
	}
	var ev map[string]any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if dec.Decode(&ev) != nil || ev == nil || !plainTree(raw, ev) {
		return
	}
	said := twin(ev)
	if said == nil {
		return
	}
	body, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	s.reset(sender{source: testSource(), now: testNow, agents: &agents{}})
	if e := s.decode(body); e != nil {
		t.Fatalf("%s: %v", body, e)
	}
	d.reset(d.sender)
	if e := d.decode([]byte(`{"` + list + `":[` + string(raw) + `]}`)); e != nil {
		t.Fatalf("%q: %v", raw, e)
	}
	if got, want := storedAs(t, &d), storedAs(t, &s); got != nil && want != nil && got[0] != want[0] {
		t.Errorf("%q\n got  %s\n need %s\n of %s", raw, got[0], want[0], body)
	}
}

func FuzzPosthog(f *testing.F) {
	for _, s := range []string{
		`{"event":"$pageview","uuid":"m","distinct_id":"d","timestamp":"2026-05-28T20:26:39Z","properties":{"$current_url":"https://x.example/?a","$referrer":"$direct","$session_id":"s","token":"t","n":1e400}}`,
		`{"event":"$identify","distinct_id":"u","properties":{"$anon_distinct_id":"v","$set":{"email":"a@b.example","x":null}}}`,
		`{"event":"Paid It","properties":{"distinct_id":"u","$device_id":"v","$is_identified":true,"a":{"b":[1]}},"$set":{"plan":"p"}}`,
		`{"event":"x","distinct_id":7,"properties":{"$process_person_profile":false,"$lib":"web"}}`, `{}`, `7`, `{"event":{},"properties":[]}`, `{"offset":-1,"sent_at":5}`,
		`{"event":"00000000","distinct_id":"1","properties":{"$anon_distinct_id":{"0":""}}}`,
	} {
		f.Add([]byte(s))
	}
	const good = `{"event":"good","uuid":"good","distinct_id":"g"}`
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < 8<<10 {
			fuzzProtocol(t, &posthog, raw, "batch", good, func(ev map[string]any) map[string]any {
				props, _ := ev["properties"].(map[string]any)
				for _, key := range untwinned {
					if _, ok := ev[key]; ok || props[key] != nil {
						return nil
					}
				}
				return twinPosthog(ev)
			})
		}
	})
}

// untwinned are the words that the twin leaves to the table tests.
var untwinned = []string{
	"offset", "sent_at", "session_id", "$set_once", "$distinct_id", "batch", "$insert_id", "$user_id", "$pathname", "$title", "$screen_name", "$ip", "$raw_user_agent",
	"$useragent", "$lib", "$lib_version", "$browser_language", "$timezone", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "$time", "$sent_at",
	"$group_set", "url", "referrer", "$", "$page", "$campaign", "$traits", "$userAgent", "$consent", "$sessionId", "$session", "products", "path", "title", "search",
}

// twinSnowplow says a payload in Segment's words.
func twinSnowplow(ev map[string]any) map[string]any {
	at := func(k string) string { return asText(ev[k]) }
	page, context, props := map[string]any{}, map[string]any{}, map[string]any{}
	out := map[string]any{"userId": at("uid"), "anonymousId": at("duid"), "messageId": at("eid"), "originalTimestamp": at("dtm"), "sentAt": at("stm")}
	put := func(m map[string]any, name, key string) {
		if v := at(key); v != "" {
			m[name] = v
			if twinNumber.MatchString(v) && name == "value" {
				m[name] = json.Number(v)
			}
		}
	}
	put(page, "url", "url")
	put(page, "title", "page")
	put(page, "referrer", "refr")
	put(context, "platform", "p")
	put(context, "sessionId", "sid")
	put(props, "category", "se_ca")
	put(props, "value", "se_va")
	context["page"] = page
	switch at("e") {
	case "pv":
		out["type"] = "page"
	case "se":
		out["type"], out["event"] = "track", at("se_ac")
	case "ue":
		text := at("ue_pr")
		if px := at("ue_px"); px != "" {
			b, err := base64.RawURLEncoding.DecodeString(px)
			if err != nil || text != "" {
				return nil
			}
			text = string(b)
		}
		var wrap struct {
			Schema string
			Data   struct {
				Schema string
				Data   map[string]any
			}
		}
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if dec.Decode(&wrap) != nil || !plainTree([]byte(text), wrap.Data.Data) || wrap.Schema != "iglu:a/unstruct_event/j/1" || !strings.HasPrefix(wrap.Data.Schema, "iglu:a/b_c/") {
			return nil
		}
		out["type"], out["event"] = "track", "b_c"
		props = wrap.Data.Data
	default:
		return nil
	}
	out["context"], out["properties"] = context, props
	return out
}

func FuzzSnowplow(f *testing.F) {
	ue := `{\"schema\":\"iglu:a/unstruct_event/j/1\",\"data\":{\"schema\":\"iglu:a/b_c/j/1\",\"data\":{\"x\":{\"y\":[1]},\"n\":0.1}}}`
	for _, s := range []string{
		`{"e":"pv","eid":"m","duid":"d","uid":"u","url":"https://x.example/a?b","page":"T","refr":"r","dtm":"1779999999000","stm":"1780000000000","p":"web","sid":"s"}`,
		`{"e":"se","duid":"d","se_ca":"c","se_ac":"Ac","se_va":"-1.50"}`,
		`{"e":"se","uid":"1","se_ca":"0","se_ac":"0"}`,
		`{"e":"ue","duid":"d","ue_pr":"` + ue + `"}`,
		`{"e":"ue","duid":"d","ue_px":"` + base64.RawURLEncoding.EncodeToString([]byte(strings.ReplaceAll(ue, `\`, ""))) + `"}`,
		`{"e":"ue","duid":"d","ue_px":"!","co":"{}"}`, `{"e":"pv","cx":"e30"}`, `{"e":7,"data":[]}`, `{"e":"ue","ue_pr":"{\"data\":{\"data\":[}"}`,
	} {
		f.Add([]byte(s))
	}
	const good = `{"e":"pv","eid":"good","duid":"g"}`
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < 8<<10 {
			fuzzProtocol(t, &snowplow, raw, "data", good, func(ev map[string]any) map[string]any {
				for key := range ev {
					if !strings.Contains(" e eid duid uid url page refr dtm stm p sid se_ca se_ac se_va ue_pr ue_px ", " "+key+" ") {
						return nil
					}
				}
				return twinSnowplow(ev)
			})
		}
	})
}
