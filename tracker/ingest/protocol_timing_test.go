package ingest

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// protocolBodies say the same 20 page views in the words of each protocol.
func protocolBodies() map[string][2]string {
	var rudder, ph, sp []string
	for i := range 20 {
		rudder = append(rudder, benchEvent(i))
		id, who := fmt.Sprintf("018f3a2b-7c4d-7e5f-8a9b-%012x", i), fmt.Sprintf("3f1c8c1e-52d4-4a7b-9c7e-%012x", i/20)
		at := fmt.Sprintf("2026-05-28T20:26:%02d.123Z", i%40)
		url := fmt.Sprintf("https://tienda.example/cafeteras/express-%d?ref=home", i%7)
		ph = append(ph, fmt.Sprintf(`{"event":"$pageview","uuid":%q,"distinct_id":%q,"timestamp":%q,"properties":{"$device_id":%q,"$pathname":"/cafeteras/express-%d",`+
			`"$current_url":%q,"title":"Cafetera express %d","$referrer":"https://www.google.com/","price":249.9,"stock":true,"$lib":"web","$screen_width":1920,"$screen_height":1080}}`,
			id, who, at, who, i%7, url, i%7))
		sp = append(sp, fmt.Sprintf(`{"e":"pv","eid":%q,"duid":%q,"dtm":"17799999%05d","stm":"1780000000000","aid":"wk","url":%q,"page":"Cafetera express %d",`+
			`"refr":"https://www.google.com/","p":"web","tv":"js-4.10.1","tna":"sp","lang":"es-ES","res":"1920x1080","vp":"1900x900","cs":"UTF-8","cd":"24","cookie":"1"}`,
			id, who, i, url, i%7))
	}
	batch := func(name string, list []string) string {
		return `{"` + name + `":[` + strings.Join(list, ",") + `],"sentAt":"2026-05-28T20:26:40.000Z","sent_at":"2026-05-28T20:26:40.000Z"}`
	}
	return map[string][2]string{
		"segment":     {"/v1/batch?writeKey=wk", batch("batch", rudder)},
		"rudderstack": {"/beacon/v1/batch?writeKey=wk", batch("batch", rudder)},
		"posthog":     {"/batch/?token=wk", batch("batch", ph)},
		"posthog-v1":  {"/i/v1/analytics/events?token=wk", batch("batch", ph)},
		"snowplow":    {"/com.snowplowanalytics.snowplow/tp2", batch("data", sp)},
	}
}

// BenchmarkProtocol compares the protocols: a whole request of 20 events, with
// its answer and its verdicts, against a log that keeps nothing. The bar is 1.25
// of segment per event.
func BenchmarkProtocol(b *testing.B) {
	bodies := protocolBodies()
	for _, name := range []string{"segment", "rudderstack", "posthog", "posthog-v1", "snowplow"} {
		b.Run(name, func(b *testing.B) {
			body := []byte(bodies[name][1])
			if !json.Valid(body) {
				b.Fatal("not JSON")
			}
			b.SetBytes(int64(len(body)))
			before := cpuTime(b)
			benchRequest(b, "POST", bodies[name][0], body)
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N)/20, "cpu-ns/event")
		})
	}
}

// BenchmarkDecodeAs compares the decoders alone: one request's body of 20 events
// and the key in it, without HTTP, log and answer. The bar is 1.25 of segment.
func BenchmarkDecodeAs(b *testing.B) {
	bodies := protocolBodies()
	for _, p := range []*protocol{&segment, &rudderstack, &posthog, &posthogV1, &snowplow} {
		b.Run(p.name, func(b *testing.B) {
			body := []byte(bodies[p.name][1])
			var d decoder
			s := sender{protocol: p, source: testSource(), now: testNow, agents: &agents{}, agent: []byte("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")}
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			_, query, _ := strings.Cut(bodies[p.name][0], "?")
			before := cpuTime(b)
			for b.Loop() {
				if queryValue([]byte(query), "writeKey") == nil {
					p.key([]byte(query), body)
				}
				d.reset(s)
				if err := d.decode(body); err != nil || len(d.recs) != 20 {
					b.Fatal(err, len(d.recs))
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N)/20, "cpu-ns/event")
			b.ReportMetric(float64(len(body))/20, "B/event")
		})
	}
}

// The benchmark's bodies are taken whole.
func TestBenchBodies(t *testing.T) {
	for name, body := range protocolBodies() {
		w := newWorld(t, nil)
		if a := w.do("POST "+body[0], body[1]); a.status != 200 || len(w.log.recs) != 20 {
			t.Errorf("%s: %d, %d of 20 stored: %s", name, a.status, len(w.log.recs), a.body)
		}
	}
}

// cpuTime is what this process has used: other people's load is not in it.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
