package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

func TestHistogram(t *testing.T) {
	set := metrics.NewSet()
	h := NewHistograms(set, "x_seconds", []float64{.001, 1}, `path="a"`, "")
	h[0].Observe(time.Millisecond) // a bound belongs to its bucket
	h[0].Observe(2 * time.Millisecond)
	h[0].Observe(time.Minute)
	h[1].Since(time.Now())
	var b strings.Builder
	set.WritePrometheus(&b)
	want := "# TYPE x_seconds histogram\n" +
		"x_seconds_bucket{path=\"a\",le=\"0.001\"} 1\nx_seconds_bucket{path=\"a\",le=\"1\"} 2\nx_seconds_bucket{path=\"a\",le=\"+Inf\"} 3\n" +
		"x_seconds_sum{path=\"a\"} 60.003\nx_seconds_count{path=\"a\"} 3\n"
	if got := b.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "\nx_seconds_bucket{le=\"+Inf\"} 1\n") || !strings.HasSuffix(got, "\nx_seconds_count 1\n") {
		t.Errorf("got\n%s\nwant\n%s…", got, want)
	}
}
