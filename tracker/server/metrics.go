package server

import (
	"bytes"
	"context"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"ripen/tracker/export"
	"ripen/tracker/ingest"
)

// edgeMetrics counts what happens at the edge, before any stage.
type edgeMetrics struct {
	refused *metrics.Counter // not plainly HTTP/1.1, or too large, or too slow
	panics  *metrics.Counter // requests that failed inside
}

func newEdgeMetrics(set *metrics.Set) *edgeMetrics {
	return &edgeMetrics{
		refused: set.NewCounter("ripen_http_refused_total"),
		panics:  set.NewCounter("ripen_http_panics_total"),
	}
}

// watch registers the gauges that are read when they are asked for.
func (s *Server) watch() {
	metrics.ExposeMetadata(true) // TYPE lines: without them some scrapers take a counter for a gauge
	s.set.NewGauge("ripen_log_last_seq", func() float64 {
		last, err := s.db.Log().Last(s.life, 0)
		if err != nil {
			return -1
		}
		return float64(last)
	})
	s.set.NewGauge("ripen_log_first_seq", func() float64 {
		first, err := s.db.Log().First(s.life, 0)
		if err != nil {
			return -1
		}
		return float64(first)
	})
	s.set.NewGauge("ripen_log_read_only", func() float64 {
		if _, err := s.db.Health(); err != nil {
			return 1
		}
		return 0
	})
	s.set.NewGauge("ripen_log_pending_bytes", func() float64 { return float64(s.db.Pending()) })
	s.set.NewGauge("ripen_http_connections", func() float64 { return float64(s.front.http.GetOpenConnectionsCount()) })
	s.set.NewGauge("ripen_resident_bytes", residentMemory)
	if s.folder == nil {
		return
	}
	// The age of the oldest event that is acknowledged and not yet folded.
	s.set.NewGauge("ripen_fold_lag_seconds", func() float64 {
		_, ms := s.folder.lag(s.life)
		return float64(ms) / 1000
	})
	s.set.NewGauge("ripen_fold_lag_records", func() float64 {
		n, _ := s.folder.lag(s.life)
		return float64(n)
	})
	s.set.NewGauge("ripen_module_traps", func() float64 { return float64(s.folder.traps()) })
	s.set.NewGauge("ripen_fold_seq", func() float64 { return float64(s.folder.seen()) })
	s.set.NewGauge("ripen_fold_failed", func() float64 {
		if s.folder.failed() != nil {
			return 1
		}
		return 0
	})
}

// lagEvery is how often the lag goes into its histogram.
const lagEvery = 100 * time.Millisecond

// lagBounds and scoreBounds are the buckets of the histograms, in seconds: a lag
// of minutes is an import being caught up with; a walk of one lead takes
// microseconds unless it begins anew.
var (
	lagBounds   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 300, 1800}
	scoreBounds = []float64{2e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, .001, .0025, .005, .01, .1, 1}
)

// sampleLag keeps a histogram of how old the oldest event is that is
// acknowledged and not yet folded, until ctx ends.
func (s *Server) sampleLag(ctx context.Context) {
	h := ingest.NewHistograms(s.set, "ripen_fold_delay_seconds", lagBounds, "")[0]
	tick := time.NewTicker(lagEvery)
	defer tick.Stop()
	for {
		_, ms := s.folder.lag(ctx)
		h.Observe(time.Duration(ms) * time.Millisecond)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// scored notes how long a touched lead's walk took.
func (s *State) scored(begun time.Time) {
	if s.cfg.ScoreTime != nil {
		s.cfg.ScoreTime(begun)
	}
}

// serveMetrics answers /metrics in Prometheus' text format.
func (s *Server) serveMetrics(ctx *fasthttp.RequestCtx) bool {
	if !isPath(ctx, "/metrics") {
		return false
	}
	if !s.mayScrape(ctx) {
		ctx.Response.Header.Set("WWW-Authenticate", `Bearer realm="ripen"`)
		export.Problem(ctx, fasthttp.StatusUnauthorized, "unknown_key", "send the admin key: Authorization: Bearer <admin.key of the data directory>")
		return true
	}
	var b bytes.Buffer
	s.set.WritePrometheus(&b)
	metrics.WriteProcessMetrics(&b)
	ctx.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	ctx.SetBody(bytes.ReplaceAll(b.Bytes(), []byte("_total gauge\n"), []byte("_total counter\n"))) // those that are read when asked for
	return true
}
