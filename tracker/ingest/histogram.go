package ingest

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Histogram counts durations in cumulative buckets, as Prometheus adds them up.
// The metrics library's own are of another kind up to the release that has
// both; that one writes to stderr when a process begins.
type Histogram struct {
	labels string // name="value", or empty
	bounds []float64
	counts []atomic.Uint64 // :: bucket → observations in it alone; the last is above all bounds
	sum    atomic.Int64    // ns
}

// NewHistograms adds one histogram per set of labels to a set of metrics.
// Bounds are in seconds and ascend.
func NewHistograms(set *metrics.Set, name string, bounds []float64, labels ...string) []*Histogram {
	family := make([]*Histogram, len(labels))
	for i := range family {
		family[i] = &Histogram{labels: labels[i], bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
	}
	set.RegisterMetricsWriter(func(w io.Writer) {
		fmt.Fprintf(w, "# TYPE %s histogram\n", name)
		for _, h := range family {
			h.write(w, name)
		}
	})
	return family
}

// Since counts the time since begun.
func (h *Histogram) Since(begun time.Time) { h.Observe(time.Since(begun)) }

// Observe counts a duration.
func (h *Histogram) Observe(d time.Duration) {
	i, s := 0, d.Seconds()
	for i < len(h.bounds) && s > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// write writes the buckets, each with all below it, so that a scrape during an
// observation still sees counts that never fall.
func (h *Histogram) write(w io.Writer, name string) {
	comma, braces := "", ""
	if h.labels != "" {
		comma, braces = ",", "{"+h.labels+"}"
	}
	total := uint64(0)
	for i := range h.counts {
		bound := math.Inf(1)
		if i < len(h.bounds) {
			bound = h.bounds[i]
		}
		total += h.counts[i].Load()
		fmt.Fprintf(w, "%s_bucket{%s%sle=\"%g\"} %d\n", name, h.labels, comma, bound, total)
	}
	fmt.Fprintf(w, "%s_sum%s %g\n%s_count%s %d\n", name, braces, time.Duration(h.sum.Load()).Seconds(), name, braces, total)
}
