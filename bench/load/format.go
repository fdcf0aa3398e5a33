package load

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// format is a wire format of batches: the same visits in the words of other
// people's clients.
type format struct {
	name     string
	path     func(key string) string
	head     func(key string) string // headers of its own
	begin    func(key string) string // of a body
	end      string                  // of a body, with marks
	event    func(rng *rand.Rand, key string) string
	identify func(rng *rand.Rand, key string) string
	// judge counts the events that a good answer takes; -1 = it is none.
	judge func(body []byte, n int) int
}

func plainPath(path string) func(string) string { return func(string) string { return path } }
func nothing(string) string                     { return "" }
func segmentish(f func(*rand.Rand) string) func(*rand.Rand, string) string {
	return func(rng *rand.Rand, _ string) string { return f(rng) }
}

// whole is the judge of an answer that says nothing of single events: the bench
// compares what the server counted.
func whole(want string) func([]byte, int) int {
	return func(body []byte, n int) int {
		if string(bytes.TrimSpace(body)) != want {
			return -1
		}
		return n
	}
}

// formats are those that batches can be sent in; Segment's is the first.
var formats = []format{
	{
		name: "segment", path: plainPath("/v1/batch"), end: `],"sentAt":"` + markTime + `"}`,
		head: func(key string) string {
			return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(key+":")) + "\r\n"
		},
		begin: func(string) string { return `{"batch":[` }, event: segmentish(eventText), identify: segmentish(identifyText),
	},
	{
		name: NextFormat, path: plainPath("/v1/batch"), end: `],"sentAt":"` + markTime + `"}`,
		head: func(key string) string {
			return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(key+":")) + "\r\n"
		},
		begin: func(string) string { return `{"batch":[` }, event: segmentish(nextText), identify: segmentish(identifyText),
	},
	{
		name: "rudderstack", path: func(key string) string { return "/beacon/v1/batch?writeKey=" + url.QueryEscape(key) },
		head: nothing, begin: func(string) string { return `{"batch":[` }, end: `],"sentAt":"` + markTime + `"}`,
		event: segmentish(rudderText), identify: segmentish(identifyText), judge: whole("OK"),
	},
	{
		name: "snowplow", path: plainPath("/com.snowplowanalytics.snowplow/tp2"), head: nothing, end: `]}`,
		begin: func(string) string {
			return `{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[`
		},
		event: snowplowText, identify: snowplowIdentify, judge: whole("ok"),
	},
	{
		name: "posthog", path: plainPath("/batch/"), head: nothing, end: `],"sent_at":"` + markTime + `"}`,
		begin: func(key string) string { return fmt.Sprintf(`{"api_key":%q,"batch":[`, key) },
		event: posthogText, identify: posthogIdentify, judge: whole(`{"status":1}`),
	},
	{
		name: "posthog-v1", path: plainPath("/i/v1/analytics/events"), begin: func(string) string { return `{"batch":[` }, end: `]}`,
		head: func(key string) string {
			return "Authorization: Bearer " + key + "\r\nPostHog-Sdk-Info: bench/1\r\nPostHog-Attempt: 1\r\nPostHog-Request-Id: 1\r\n"
		},
		event: posthogText, identify: posthogIdentify,
		judge: func(body []byte, _ int) int { return bytes.Count(body, []byte(`{"result":"ok"`)) },
	},
}

// Formats names the wire formats of [Config.Format].
func Formats() (names []string) {
	for i := range formats {
		names = append(names, formats[i].name)
	}
	return names
}

// EventBytes is how long an event of a format is on the wire, in the mean: what a
// comparison of formats must be read with.
func EventBytes(name string) int {
	cfg := Config{Format: name, Seed: 1}
	total := 0
	for _, e := range newFragments(&cfg).events {
		total += len(e.text)
	}
	return total / variety
}

// format returns the one that a run sends in, or nil.
func (c *Config) format() *format {
	if c.Format == "" {
		return &formats[0]
	}
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == c.Format })
	if i < 0 {
		return nil
	}
	return &formats[i]
}

// NextFormat is Segment's, said as its browser library does: with as much about the
// page and the browser as those of the other formats say. What those cost is
// compared with it: the same visits, in other words.
const NextFormat = "analytics-next"

// nextText is a page view or a product as analytics-next says it.
func nextText(rng *rand.Rand) string {
	p := somePage(rng)
	page := fmt.Sprintf(`"path":%q,"referrer":%q,"title":%q,"url":%q`, p.path, p.referrer, p.title, "https://shop.example"+p.path)
	head, properties := `"type":"page"`, page
	switch roll := rng.IntN(100); {
	case roll < 50:
	case roll < 75:
		head = `"type":"track","event":"Product Viewed"`
		properties = fmt.Sprintf(`"product_id":"sku-%04d","category":"machines","price":%d.90,"currency":"EUR"`, rng.IntN(2000), 49+rng.IntN(900))
	default:
		head = `"type":"track","event":"Product Added"`
		properties = fmt.Sprintf(`"product_id":"sku-%04d","quantity":%d,"price":%d.90`, rng.IntN(2000), 1+rng.IntN(3), 49+rng.IntN(900))
	}
	return fmt.Sprintf(`{"timestamp":"%s","integrations":{},%s,"properties":{%s},"context":{"page":{%s},"userAgent":%q,"locale":"es-ES","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"timezone":"Europe/Madrid"},"messageId":"%s","anonymousId":"%s"}`,
		markTime, head, properties, page, p.agent, markID, markVisitor)
}

// rudderText is nextText as RudderStack's clients say it.
func rudderText(rng *rand.Rand) string {
	return strings.Replace(nextText(rng), `"timestamp":`, `"channel":"web","originalTimestamp":`, 1)
}

// snowplowText is a page view, a structured or a self-describing event, with
// what a browser's tracker adds to each.
func snowplowText(rng *rand.Rand, key string) string {
	p := somePage(rng)
	head, own := `"e":"pv"`, ""
	switch roll := rng.IntN(100); {
	case roll < 50:
	case roll < 75:
		head = `"e":"se"`
		own = fmt.Sprintf(`"se_ca":"shop","se_ac":"Product Added","se_la":"sku-%04d","se_va":"%d.90",`, rng.IntN(2000), 49+rng.IntN(900))
	default:
		head = `"e":"ue"`
		own = fmt.Sprintf(`"ue_pr":%q,`, fmt.Sprintf(`{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:example.shop/product_viewed/jsonschema/1-0-0","data":{"product_id":"sku-%04d","category":"machines","price":%d.9,"currency":"EUR"}}}`,
			rng.IntN(2000), 49+rng.IntN(900)))
	}
	return fmt.Sprintf(`{%s,%s"eid":"%s","duid":"%s","aid":%q,"dtm":"%s","stm":"%s","url":%q,"page":%q,"refr":%q,"ua":%q,"p":"web","tv":"js-4.6.0","tna":"sp","lang":"es-ES","tz":"Europe/Madrid","vp":"1280x720"}`,
		head, own, markID, markVisitor, key, markMillis, markMillis, "https://shop.example"+p.path, p.title, p.referrer, p.agent)
}

func snowplowIdentify(rng *rand.Rand, key string) string {
	data := fmt.Sprintf(`{"email":"person-%s@bench.example","employees":%d,"country":"ES"}`, markNumber, 1+rng.IntN(1000))
	text := `{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:example.shop/identify/jsonschema/1-0-0","data":` + data + `}}`
	return fmt.Sprintf(`{"e":"ue","ue_pr":"%s","eid":"%s","duid":"%s","uid":"user-%s","aid":%q,"dtm":"%s","stm":"%s","ua":%q,"p":"web"}`,
		strings.ReplaceAll(text, `"`, `\"`), markID, markVisitor, markNumber, key, markMillis, markMillis, somePage(rng).agent)
}

// posthogText is an event as posthog-js says it.
func posthogText(rng *rand.Rand, _ string) string {
	p := somePage(rng)
	name, own := "$pageview", ""
	switch roll := rng.IntN(100); {
	case roll < 50:
	case roll < 75:
		name, own = "Product Viewed", fmt.Sprintf(`"product_id":"sku-%04d","category":"machines","price":%d.90,"currency":"EUR",`, rng.IntN(2000), 49+rng.IntN(900))
	default:
		name, own = "Product Added", fmt.Sprintf(`"product_id":"sku-%04d","quantity":%d,"price":%d.90,`, rng.IntN(2000), 1+rng.IntN(3), 49+rng.IntN(900))
	}
	return fmt.Sprintf(`{"event":%q,"uuid":"%s","distinct_id":"%s","timestamp":"%s","properties":{%s"$current_url":%q,"$pathname":%q,"$title":%q,"$referrer":%q,"$raw_user_agent":%q,"$lib":"web","$lib_version":"1.449.2","$process_person_profile":false}}`,
		name, markID, markVisitor, markTime, own, "https://shop.example"+p.path, p.path, p.title, p.referrer, p.agent)
}

func posthogIdentify(rng *rand.Rand, _ string) string {
	return fmt.Sprintf(`{"event":"$identify","uuid":"%s","distinct_id":"user-%s","timestamp":"%s","properties":{"$anon_distinct_id":"%s","$raw_user_agent":%q,"$lib":"web","$set":{"email":"person-%s@bench.example","employees":%d,"country":"ES"}}}`,
		markID, markNumber, markTime, markVisitor, somePage(rng).agent, markNumber, 1+rng.IntN(1000))
}
