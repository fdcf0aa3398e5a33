package ingest

import (
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"ripen/tracker"
)

func TestCounters(t *testing.T) {
	set, state := metrics.NewSet(), "ok"
	w := newWorld(t, func(c *Config, _ *tracker.Source) {
		c.Metrics = set
		c.Writable = func() bool { return state == "ok" }
	})
	w.do("POST /v1/batch?writeKey=wk", goodEvent)
	w.do("POST /v1/batch?writeKey=wk", goodEvent+"\n{\"type\":\"fly\"}")
	w.do("POST /v1/batch?writeKey=nobody", goodEvent)
	w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=a", "")
	state = "read-only"
	w.do("POST /v1/batch?writeKey=wk", goodEvent)
	var b strings.Builder
	set.WritePrometheus(&b)
	for _, line := range []string{
		`ripen_ingest_events_total{verdict="ok"} 2`, `ripen_ingest_events_total{verdict="duplicate"} 1`,
		`ripen_ingest_events_total{verdict="drop",code="unknown_type"} 1`, `ripen_ingest_refused_total{code="unknown_key"} 1`,
		`ripen_ingest_shed_total{reason="read_only"} 1`, `ripen_ingest_ack_seconds_count{path="post"} 4`, `ripen_ingest_ack_seconds_count{path="pixel"} 1`,
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
	if t.Failed() {
		t.Log(b.String())
	}
}
