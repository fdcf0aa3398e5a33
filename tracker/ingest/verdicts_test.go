package ingest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

// toldOf asks what became of a request.
func (w *world) toldOf(a answer, headers ...string) (status int, v struct {
	Events, OK, Duplicate, Drop, Retry int
	Left                               int    `json:"requests_left"`
	Kept                               string `json:"kept_until"`
	Results                            []result
},
) {
	w.t.Helper()
	b := w.do("GET /v1/verdicts/"+string(a.header.Peek("Ripen-Request-Id")), "", headers...)
	if b.status == 200 {
		if err := json.Unmarshal([]byte(b.body), &v); err != nil {
			w.t.Fatal(err)
		}
	}
	return b.status, v
}

func TestVerdictsOfEveryProtocol(t *testing.T) {
	f := func(line, body string) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do(line, body)
		status, v := w.toldOf(a, "Authorization: Bearer sk")
		if status != 200 || v.Events != 2 || v.OK != 1 || v.Drop != 1 || len(v.Results) != 1 || v.Results[0].Code != tracker.CodeMissingID || v.Left < 1 || v.Kept == "" {
			t.Errorf("%s: %d %+v", line, status, v)
		}
		if status, _ := w.toldOf(a, "Authorization: Bearer wk"); status != 200 {
			t.Errorf("%s: the source itself hears %d", line, status)
		}
		for _, key := range []string{"Authorization: Bearer other", "X: y"} {
			if status, _ := w.toldOf(a, key); status == 200 {
				t.Errorf("%s: a stranger with %q hears it", line, key)
			}
		}
	}
	f("POST /v1/batch?writeKey=wk", `[{"type":"page","anonymousId":"a","messageId":"1"},{"type":"page","messageId":"2"}]`)
	f("POST /beacon/v1/batch?writeKey=wk", `{"batch":[{"type":"page","anonymousId":"a","messageId":"1"},{"type":"page","messageId":"2"}]}`)
	f("POST /batch?token=wk", `{"batch":[{"event":"x","distinct_id":"a","uuid":"1"},{"event":"x","uuid":"2"}]}`)
	f("POST /i/v1/analytics/events?token=wk", `{"batch":[{"event":"x","distinct_id":"a","uuid":"1"},{"event":"x","uuid":"2"}]}`)
	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Server = true })
	a := w.do("POST /com.snowplowanalytics.snowplow/tp2", `{"data":[{"e":"pv","aid":"wk","duid":"a","eid":"1"},{"e":"pv","eid":"2"}]}`)
	if status, v := w.toldOf(a, "Authorization: Bearer sk"); status != 200 || v.OK != 1 || v.Drop != 1 {
		t.Errorf("snowplow: %d %+v", status, v)
	}
	a = w.do("GET /i?e=pv&aid=wk&duid=a&eid=1", "")
	if status, v := w.toldOf(a, "Authorization: Bearer sk"); status != 200 || v.Duplicate != 1 {
		t.Errorf("a picture again: %d %+v", status, v)
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	now := int64(testNow)
	w := newWorld(t, func(c *Config, _ *tracker.Source) { c.Now = func() int64 { return now } })
	first := w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a&messageId=m", "")
	now += keptFor + 1
	if status, _ := w.toldOf(first, "Authorization: Bearer sk"); status != 404 {
		t.Errorf("after an hour: %d", status)
	}
	w.h.verdicts.numbers.Add(keptRequests - 1) // as if so many had come
	w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a&messageId=m2", "")
	now = testNow
	if status, _ := w.toldOf(first, "Authorization: Bearer sk"); status != 404 {
		t.Errorf("after its place was taken: %d", status)
	}
	body := "[" + strings.Repeat(`{"type":"page","messageId":"`+strings.Repeat("x", 150)+`"},`, 1000) + `{}]`
	for range 150 {
		w.do("POST /v1/batch?writeKey=wk", body)
	}
	if n := w.h.verdicts.bytes; n > keptBytes {
		t.Errorf("%d bytes are kept", n)
	}
	sum := 0
	for i := range w.h.verdicts.ring {
		sum += len(w.h.verdicts.ring[i].said)
	}
	if sum != w.h.verdicts.bytes {
		t.Errorf("%d bytes are kept, counted %d", sum, w.h.verdicts.bytes)
	}
}

// What was said early and then lost is taken back.
func TestVerdictOfALostFastEvent(t *testing.T) {
	w := newWorld(t, func(_ *Config, s *tracker.Source) { s.FastAck = true })
	w.log.err = errors.New("no disk")
	a := w.do("POST /v1/page?writeKey=wk", `{"anonymousId":"a","messageId":"m"}`)
	if a.verdicts() != "ok" {
		t.Fatalf("%s", a.body)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		status, v := w.toldOf(a, "Authorization: Bearer sk")
		if status == 200 {
			if v.Retry != 1 || v.Results[0].Code != tracker.CodeStorage {
				t.Errorf("%+v", v)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no verdict came")
		}
	}
}
