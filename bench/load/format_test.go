package load_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"ripen/bench/load"
	"ripen/tracker/trackertest"
)

// Every format is taken whole by a real tracker: each event, each identify.
func TestFormats(t *testing.T) {
	k := trackertest.Start(t)
	k.Advance(time.Since(trackertest.Begin) + time.Hour)
	for _, name := range load.Formats() {
		res, err := load.Run(t.Context(), load.Config{
			Addr: k.URL[len("http://"):], WriteKey: k.WriteKey, Events: 20, Format: name, Identify: 0.2, Conns: 2, Requests: 20, Duration: time.Minute,
		})
		if err != nil || res.Events != 400 || res.Drop+res.Retry+res.Duplicate > 0 {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
	}
	if segment, snowplow := load.EventBytes(""), load.EventBytes("snowplow"); segment < 300 || segment >= snowplow {
		t.Errorf("an event of segment has %d bytes, one of snowplow %d", segment, snowplow)
	}
	status, body := k.Do("GET", "/v1/sources/default/events", k.SecretKey, nil)
	counted, all := map[string]int{}, 0
	for line := range bytes.Lines(body) {
		var e struct{ Verdict, Type, Machine string }
		if err := json.Unmarshal(line, &e); err != nil || status != 200 || e.Verdict != "ok" || e.Machine != "human" {
			t.Fatalf("%d %s: %v", status, line, err)
		}
		counted[e.Type]++
		all++
	}
	for _, want := range []string{"page_view", "identify", "product_viewed", "add_to_cart"} {
		if counted[want] == 0 {
			t.Errorf("no %s among %v", want, counted)
		}
	}
	if want := 400 * len(load.Formats()); all != want {
		t.Errorf("%d events stored, need %d: %v", all, want, counted)
	}
}
