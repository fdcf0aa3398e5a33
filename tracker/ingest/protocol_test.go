package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"ripen/tracker"
)

// heard is one request in a protocol and what must come of it.
type heard struct {
	t       *testing.T
	line    string
	headers []string
}

// stores checks that the one event of a body is stored as these fields, and
// what the sender hears.
func (h heard) stores(body, answer, typ, fields string) {
	h.t.Helper()
	w := newWorld(h.t, nil)
	a := w.do(h.line, body, h.headers...)
	if a.status != 200 || a.body != answer {
		h.t.Errorf("%s %.80q: %d %q, need 200 %q", h.line, body, a.status, a.body, answer)
	}
	es := w.log.events(h.t)
	if len(es) != 1 {
		h.t.Errorf("%s %.80q: %d events stored", h.line, body, len(es))
		return
	}
	if got := fieldsOf(&es[0]); string(es[0].Type) != typ || got != fields {
		h.t.Errorf("%s %.80q:\n got  %s %s\n need %s %s", h.line, body, es[0].Type, got, typ, fields)
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func TestRudderStack(t *testing.T) {
	event := `{"type":"track","event":"Guide Read","userId":"u","anonymousId":"a","messageId":"m","originalTimestamp":"2026-05-28T20:26:39.000Z","channel":"server"}`
	batch := `{"batch":[` + event + `],"sentAt":"2026-05-28T20:26:40.000Z"}`
	const fields = `*s.visitor="a" *s.user_id="u"`
	beacon := heard{t, "POST /beacon/v1/batch?writeKey=wk", []string{"Content-Type: text/plain"}}
	beacon.stores(batch, "OK", "guide_read", fields)
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("wk:"))
	node := heard{t, "POST /v1/batch", []string{basic, "Content-Type: application/x-www-form-urlencoded", "Content-Encoding: gzip"}}
	node.stores(zipped(batch), `{"success":true,"results":[{"messageId":"m","status":"ok"}]}`+"\n", "guide_read", fields)
	merge := heard{t, "POST /v1/merge?writeKey=wk", nil}
	ok := `{"success":true,"results":[{"messageId":"m","status":"ok"}]}` + "\n"
	merge.stores(`{"mergeProperties":[{"type":"email","value":"ana@x.example"},{"type":"user_id","value":"u"}],"messageId":"m"}`, ok, "identify", `*t.email="ana@x.example" *s.user_id="u" *s.email="ana@x.example"`)
	merge.stores(`{"mergeProperties":[{"value":"u","type":"userId"},{"type":"mobile","value":"+34"}],"messageId":"m","userId":"no"}`, ok, "identify", `*t.mobile="+34" *s.user_id="u"`)
	merge.stores(`{"messageId":"m","mergeProperties":[{"type":"user_id","value":"u"},{"type":"user_id","value":"w","x":{}},{"type":"user_id","value":"z"},7]}`, ok, "alias", `*s.visitor="u" *s.user_id="w" *s.previous_id="u"`)
	for _, body := range []string{`{"mergeProperties":[{"type":"mobile","value":"+34"}]}`, `{"mergeProperties":{}}`, `{}`} {
		if a := newWorld(t, nil).do(merge.line, body); !strings.Contains(a.body, tracker.CodeMissingID) {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	pixel := heard{t, "GET /pixel/v1/page?writeKey=wk&anonymousId=a&properties.plan=pro&receivedAt=1", nil}
	pixel.stores("", string(tracker.GIF), "page_view", `*p.plan="pro" *s.visitor="a"`)
}

// A browser's event without sentAt takes it from the head, and its clock may be
// wrong by a year.
func TestSentAtOfTheHead(t *testing.T) {
	f := func(line, header, body string) {
		t.Helper()
		w := newWorld(t, nil)
		w.do(line, body, "Authorization: Bearer wk", header)
		if es := w.log.events(t); len(es) != 1 || es[0].Time != testNow-5000 {
			t.Errorf("%s: stored %d, need one event five seconds before now", line, len(es))
		}
	}
	f("POST /v1/page", "SentAt: 2020-01-01T00:00:05.000Z", `{"anonymousId":"a","originalTimestamp":"2020-01-01T00:00:00.000Z"}`)
	f("POST /i/v1/analytics/events", "PostHog-Request-Timestamp: 2020-01-01T00:00:05.000Z",
		`{"batch":[{"event":"x","uuid":"m","distinct_id":"d","timestamp":"2020-01-01T00:00:00.000Z"}]}`)
}

func TestPosthogBodies(t *testing.T) {
	event := `{"event":"Guide Read","properties":{"distinct_id":"d","$device_id":"d","token":"wk","n":1,"$lib":"web"},"uuid":"m","timestamp":"2026-05-28T20:26:39.000Z"}`
	const fields = `p.n=1 *c.device_id="d" *c.library.name="web" *s.visitor="d"`
	strip := strings.Replace(fields, `*c.device_id="d" `, "", 1)
	b64 := base64.StdEncoding.EncodeToString([]byte(event))
	for _, path := range []string{"/e", "/e/", "/i/v0/e/", "/capture/", "/track", "/engage/", "/batch/"} {
		heard{t, "POST " + path, nil}.stores(event, `{"status":1}`, "guide_read", strip)
	}
	h := heard{t, "POST /e/?ip=1&compression=gzip-js", []string{"Content-Type: text/plain"}}
	h.stores(zipped(event), `{"status":1}`, "guide_read", strip)
	h.stores("["+event+"]", `{"status":1}`, "guide_read", strip)
	h.stores(`{"api_key":"wk","sent_at":"2026-05-28T20:26:40.000Z","batch":[`+event+`]}`, `{"status":1}`, "guide_read", strip)
	h.stores(b64, `{"status":1}`, "guide_read", strip)
	h.stores(base64.StdEncoding.EncodeToString([]byte(zipped(event))), `{"status":1}`, "guide_read", strip)
	h.stores(lzTwin(event), `{"status":1}`, "guide_read", strip)
	h.stores("data="+url.QueryEscape(lzTwin(event)), `{"status":1}`, "guide_read", strip)
	heard{t, "GET /e/?compression=lz64&data=" + url.QueryEscape(lzTwin(event)), nil}.stores("", `{"status":1}`, "guide_read", strip)
	h.stores("data="+url.QueryEscape(b64), `{"status":1}`, "guide_read", strip)
	h.stores("data="+b64+"&x=1", `{"status":1}`, "guide_read", strip) // plus signs that became blanks
	h.stores("data="+url.QueryEscape(event), `{"status":1}`, "guide_read", strip)
	heard{t, "GET /e/?compression=base64&data=" + url.QueryEscape(b64), nil}.stores("", `{"status":1}`, "guide_read", strip)

	for body, status := range map[string]int{"data=!!": 400, "": 400, `{"event":"x","distinct_id":"d"}`: 401, `{"api_key":"no","event":"x"}`: 401} {
		w := newWorld(t, nil)
		line := "POST /e/"
		if status == 400 {
			line += "?token=wk"
		}
		if a := w.do(line, body); a.status != status {
			t.Errorf("%q: %d %s, need %d", body, a.status, a.body, status)
		}
	}
}

func TestPosthogWords(t *testing.T) {
	f := func(event, typ, fields string) {
		t.Helper()
		heard{t, "POST /batch?api_key=wk", nil}.stores(`{"batch":[`+event+`]}`, `{"status":1}`, typ, fields)
	}
	f(`{"event":"$pageview","distinct_id":"d","properties":{"$is_identified":false,"$current_url":"https://x.example/a?b","$referrer":"$direct","utm_source":"s","$session_id":"s1"}}`,
		"page_view", `c.is_identified=false c.campaign.source="s" c.session="s1" p.path="/a" *p.url="https://x.example/a?b" *s.visitor="d"`)
	f(`{"event":"$identify","distinct_id":"u","properties":{"$anon_distinct_id":"v","$set_once":{"first":1}},"$set":{"email":"a@b.example"}}`,
		"identify", `*t.first=1 *t.email="a@b.example" *s.visitor="v" *s.user_id="u" *s.email="a@b.example"`)
	f(`{"event":"$create_alias","distinct_id":"u","properties":{"alias":"v"}}`, "alias", `*s.visitor="v" *s.user_id="u" *s.previous_id="v"`)
	f(`{"event":"$groupidentify","distinct_id":"u","properties":{"$group_key":"acme","$group_set":{"plan":"pro"},"$group_type":"company"}}`,
		"group", `*t.plan="pro" *c.group_type="company" *s.user_id="u" *s.group_id="acme"`)
	f(`{"event":"paid","distinct_id":"u","uuid":"","properties":{"$process_person_profile":false,"sum":2.5}}`, "paid", `c.process_person_profile=false p.sum=2.5f *s.visitor="u"`)
	f(`{"event":"paid","distinct_id":"u","properties":{"$device_id":"v","$is_identified":true}}`, "paid", `c.is_identified=true *s.visitor="v" *s.user_id="u"`)
}

func TestPosthogV1(t *testing.T) {
	w := newWorld(t, nil)
	body := `{"created_at":"2026-05-28T20:26:40.000Z","batch":[
		{"event":"a","uuid":"u1","distinct_id":"d","timestamp":"2026-05-28T20:26:39.000Z"},
		{"event":"b","uuid":"u2","timestamp":"2026-05-28T20:26:39.000Z"},
		{"event":"c","uuid":"u1","distinct_id":"d"},
		{"event":"d","uuid":"u3","distinct_id":"d","timestamp":"1980-05-28T20:26:39.000Z","session_id":"s"},
		{"event":"e","uuid":"u4","distinct_id":"` + "\xff" + `"}]}`
	a := w.do("POST /i/v1/analytics/events", body, "Authorization: Bearer wk")
	want := `{"results":{"u1":{"result":"ok"},"u2":{"result":"drop","details":"` + details[tracker.CodeMissingID] + `"},"u1":{"result":"ok"},"u3":{"result":"warning","details":"` +
		details[tracker.CodeTimeClamped] + `"},"u4":{"result":"drop","details":"` + details[tracker.CodeInvalidUTF8] + `"}}}` + "\n"
	if a.status != 200 || a.body != want {
		t.Errorf("%d\n got  %s\n need %s", a.status, a.body, want)
	}
	if a := w.do("POST /i/v1/analytics/events", body, "Authorization: Bearer no"); a.status != 401 {
		t.Errorf("an unknown token: %d", a.status)
	}
}

func TestSnowplow(t *testing.T) {
	const tail = `,"aid":"wk","duid":"d","eid":"m","dtm":"1779999999000","stm":"1780000000000","p":"web"`
	post := heard{t, "POST /com.snowplowanalytics.snowplow/tp2", []string{"Content-Type: application/json; charset=utf-8"}}
	f := func(payload, typ, fields string) {
		t.Helper()
		post.stores(`{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{`+payload+tail+`}]}`, "ok", typ, fields)
	}
	inner := `{\"schema\":\"iglu:com.acme/guide_read/jsonschema/1-0-0\",\"data\":{\"pages\":12,\"guide\":\"g\"}}`
	ue := `{\"schema\":\"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0\",\"data\":` + inner + `}`
	co := `{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1\",\"data\":[{\"schema\":\"iglu:com.acme/shop/jsonschema/1-0-0\",\"data\":{\"open\":true}}]}`
	f(`"e":"pv","url":"https://x.example/a?b","page":"T","refr":"R"`, "page_view", `p.path="/a" *c.platform="web" *p.url="https://x.example/a?b" *p.title="T" *p.referrer="R" *s.visitor="d"`)
	f(`"e":"se","se_ca":"c","se_ac":"add-to-list","se_va":"2.5","uid":"u"`, "add_to_list", `p.value=2.5f *p.category="c" *c.platform="web" *s.visitor="d" *s.user_id="u"`)
	f(`"e":"se","se_ca":"7","se_la":"34600123456","se_pr":"1","se_ac":"call","se_va":"7"`, "call", `p.value=7 *p.category="7" *p.label="34600123456" *p.property="1" *c.platform="web" *s.visitor="d"`)
	f(`"e":"ue","ue_pr":"`+ue+`","co":"`+co+`"`, "guide_read", `p.pages=12 c.shop.open=true *p.guide="g" *c.platform="web" *s.visitor="d"`)
	plain := strings.ReplaceAll(ue, `\`, "")
	f(`"e":"ue","ue_px":"`+base64.RawURLEncoding.EncodeToString([]byte(plain))+`"`, "guide_read", `p.pages=12 *p.guide="g" *c.platform="web" *s.visitor="d"`)
	f(`"e":"ue","ue_pr":"`+strings.NewReplacer("guide_read", "identify", `\"guide\"`, `\"email\"`, `\"g\"`, `\"a@b.example\"`).Replace(ue)+`","uid":"u"`,
		"identify", `*t.pages=12 *t.email="a@b.example" *c.platform="web" *s.visitor="d" *s.user_id="u" *s.email="a@b.example"`)
	f(`"e":"tr","tr_id":"0017","tr_tt":"99"`, "purchase", `p.value=99 *p.order_id="0017" *c.platform="web" *s.visitor="d"`)
	f(`"e":"pp","pp_may":"900"`, "page_ping", `p.max_y=900 *c.platform="web" *s.visitor="d"`)
	heard{t, "GET /i?stm=1780000000000&e=pv&aid=wk&eid=m&duid=d&url=https%3A%2F%2Fx.example%2Fa&page=T", nil}.
		stores("", string(tracker.GIF), "page_view", `p.path="/a" *p.url="https://x.example/a" *p.title="T" *s.visitor="d"`)
}

// A Snowplow tracker never hears a status that makes it come again for ever,
// and a broken payload harms no other.
func TestSnowplowPoison(t *testing.T) {
	good := func(id string) string { return `{"e":"pv","aid":"wk","duid":"d","eid":"` + id + `"}` }
	f := func(bad string, stored int) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do("POST /com.snowplowanalytics.snowplow/tp2", `{"schema":"s","data":[`+good("1")+`,`+bad+`,`+good("2")+`]}`)
		if a.status != 200 || a.body != "ok" || len(w.log.recs) != stored {
			t.Errorf("%.60q: %d %q, %d stored, need %d", bad, a.status, a.body, len(w.log.recs), stored)
		}
	}
	f(`{"e":"ue","eid":"3","duid":"d","ue_pr":"{\"schema\":"}`, 2)
	f(`{"e":"ue","eid":"3","duid":"d","ue_pr":"{} x"}`, 2)
	f(`{"e":"ue","eid":"3","duid":"d","ue_px":"!!"}`, 2)
	f(`{"e":"??","eid":"3","duid":"d"}`, 2)
	f(`{"e":"pv","eid":}`, 2)
	f(`{"e":"pv","eid":"3","duid":"`+strings.Repeat("x", 300)+`"}`, 2)
	f(`{"e":"pv","eid":"3"}`, 3) // by the network's id
	w := newWorld(t, nil)
	if a := w.do("POST /com.snowplowanalytics.snowplow/tp2?aid=wk", strings.Repeat(" ", tracker.MaxBody+1)); a.status != 200 || a.body != "ok" {
		t.Errorf("a body too large: %d %q", a.status, a.body)
	}
	if a := w.do("POST /com.snowplowanalytics.snowplow/tp2", good("1")); a.status != 401 {
		t.Errorf("no app id: %d", a.status)
	}
}

func TestSnowplowNetworkID(t *testing.T) {
	f := func(want string, headers ...string) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do("GET /i?e=pv&aid=wk", "", headers...)
		got := string(a.header.PeekCookie("sp"))
		if !strings.Contains(got, want) {
			t.Errorf("%v: cookie %q, need %q in it", headers, got, want)
		}
		if es := w.log.events(t); len(es) != 1 {
			t.Errorf("%v: %d stored, verdict %s", headers, len(es), a.header.Peek("Ripen-Verdict"))
		} else if anonymous := len(headers) > 1; anonymous != es[0].IsDenied() {
			t.Errorf("%v: consent %v", headers, es[0].Consent)
		}
	}
	f("max-age=31536000")
	f("sp=x1; max-age=31536000; path=/; HttpOnly; secure; SameSite=None", "Cookie: sp=x1")
	f("sp=; max-age=0", "Cookie: sp=x1", "SP-Anonymous: *")
	f("sp=; max-age=0", "Cookie: sp=x1", "Sec-GPC: 1")
}
