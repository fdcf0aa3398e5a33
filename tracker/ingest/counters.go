package ingest

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"

	"ripen/tracker"
)

// counters are what /metrics shows of ingest.
type counters struct {
	ackPost, ackPixel         *Histogram
	shedPending, shedReadOnly *metrics.Counter
	shedQuota, fastLost       *metrics.Counter
	bytes                     *metrics.Counter
	ok, duplicate, failed     *metrics.Counter
	drop                      map[string]*metrics.Counter // :: code → events
	refused                   map[string]*metrics.Counter // :: code → requests
}

// ackBounds are the buckets of the time from a request to its answer, in
// seconds: an acknowledgement takes a sync of the disk, and a read times out.
var ackBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

var dropCodes = []string{
	tracker.CodeInvalidUTF8, tracker.CodeNUL, tracker.CodeInvalidJSON, tracker.CodeTooDeep, tracker.CodeTooLarge,
	tracker.CodeTooManyKeys, tracker.CodeIDTooLong, tracker.CodeMissingType, tracker.CodeUnknownType,
	tracker.CodeMissingEvent, tracker.CodeMissingID, tracker.CodeTimeOutOfRange,
}

var refusedCodes = []string{
	tracker.CodeInvalidJSON, "too_many_events", "unknown_key", "forbidden", "origin_not_allowed", "body_too_large",
	"inflation_ratio", "unsupported_encoding", "invalid_encoding", tracker.CodeQuota, tracker.CodeOverload, tracker.CodeStorage,
}

func newCounters(s *metrics.Set) *counters {
	ack := NewHistograms(s, "ripen_ingest_ack_seconds", ackBounds, `path="post"`, `path="pixel"`)
	c := &counters{
		ackPost:      ack[0],
		ackPixel:     ack[1],
		shedPending:  s.NewCounter(`ripen_ingest_shed_total{reason="pending"}`),
		shedReadOnly: s.NewCounter(`ripen_ingest_shed_total{reason="read_only"}`),
		shedQuota:    s.NewCounter(`ripen_ingest_shed_total{reason="quota"}`),
		fastLost:     s.NewCounter(`ripen_ingest_fast_lost_total`),
		bytes:        s.NewCounter(`ripen_ingest_body_bytes_total`),
		ok:           s.NewCounter(`ripen_ingest_events_total{verdict="ok"}`),
		duplicate:    s.NewCounter(`ripen_ingest_events_total{verdict="duplicate"}`),
		failed:       s.NewCounter(`ripen_ingest_events_total{verdict="retry"}`),
		drop:         map[string]*metrics.Counter{},
		refused:      map[string]*metrics.Counter{},
	}
	for _, code := range dropCodes {
		c.drop[code] = s.NewCounter(fmt.Sprintf(`ripen_ingest_events_total{verdict="drop",code=%q}`, code))
	}
	for _, code := range refusedCodes {
		c.refused[code] = s.NewCounter(fmt.Sprintf(`ripen_ingest_refused_total{code=%q}`, code))
	}
	return c
}

// events counts the verdicts of one request.
func (c *counters) events(items []item) {
	var ok, duplicate, retry int
	for i := range items {
		switch it := &items[i]; it.status {
		case tracker.OK:
			ok++
		case tracker.Duplicate:
			duplicate++
		case tracker.Retry:
			retry++
		case tracker.Drop:
			if n := c.drop[it.code]; n != nil {
				n.Inc()
			}
		}
	}
	c.ok.Add(ok)
	c.duplicate.Add(duplicate)
	c.failed.Add(retry)
}
