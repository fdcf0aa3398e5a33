package server

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sample is a line of Prometheus' text format: name{labels} value.
var sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*",? ?)*)\})? (\S+)$`)

// le is the label that every bucket must have.
var le = regexp.MustCompile(`,?le="([^"]+)"`)

// parseExposition reads Prometheus' text format as strictly as a scraper. It
// returns the samples by name and labels, and the kind of each name.
func parseExposition(t *testing.T, text string) (samples map[string]float64, order []string, kinds map[string]string) {
	t.Helper()
	samples, kinds = map[string]float64{}, map[string]string{}
	if !strings.HasSuffix(text, "\n") {
		t.Error("the last line does not end")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if f := strings.Fields(line); len(f) == 4 && f[0] == "#" && f[1] == "TYPE" {
			if kinds[f[2]] != "" {
				t.Errorf("a second TYPE line for %s", f[2])
			}
			kinds[f[2]] = f[3]
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("not a sample: %q", line)
			continue
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		key := m[1] + "{" + strings.TrimSuffix(m[2], ",") + "}"
		if _, twice := samples[key]; twice {
			t.Errorf("%s stands there twice", key)
		}
		samples[key] = v
		order = append(order, key)
	}
	return samples, order, kinds
}

// checkHistogram fails unless the series (name, labels without le) is a
// cumulative histogram. It returns how many observations it holds.
func checkHistogram(t *testing.T, samples map[string]float64, order []string, name, labels string) float64 {
	t.Helper()
	bound, count, buckets := math.Inf(-1), 0.0, 0
	for _, key := range order {
		m := le.FindStringSubmatch(key)
		if m == nil || strings.Replace(key, m[0], "", 1) != name+"_bucket{"+labels+"}" {
			continue
		}
		b, err := strconv.ParseFloat(m[1], 64)
		if err != nil || b <= bound {
			t.Errorf("%s: bucket %s comes after %v", name, m[1], bound)
		}
		if samples[key] < count {
			t.Errorf("%s: %v up to %s, but %v up to %v", name, samples[key], m[1], count, bound)
		}
		bound, count, buckets = b, samples[key], buckets+1
	}
	if buckets < 5 || !math.IsInf(bound, 1) {
		t.Errorf("%s{%s}: %d buckets, the last up to %v; want more, up to +Inf", name, labels, buckets, bound)
	}
	if total := samples[name+"_count{"+labels+"}"]; total != count {
		t.Errorf("%s: %v in all, but %v in buckets", name, total, count)
	}
	if _, ok := samples[name+"_sum{"+labels+"}"]; !ok {
		t.Errorf("%s has no sum", name)
	}
	return count
}

func TestMetricsAreWhatPrometheusReads(t *testing.T) {
	s, _ := startServer(t, Config{Demo: true})
	for i := range 3 {
		event := fmt.Sprintf(`{"event":"Product Added","anonymousId":"v%d"}`, i)
		if status, body, _ := post(t, s, "/v1/track?writeKey="+s.Demo().WriteKey, event); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	get(t, s, "GET", "/p.gif?writeKey="+s.Demo().WriteKey+"&type=page&anonymousId=v0")
	settleAll(t, s)
	_, text, _ := get(t, s, "GET", "/metrics")
	samples, order, kinds := parseExposition(t, text)
	f := func(name, labels string, atLeast float64) {
		t.Helper()
		if n := checkHistogram(t, samples, order, name, labels); n < atLeast {
			t.Errorf("%s{%s} holds %v observations, want %v or more", name, labels, n, atLeast)
		}
		if kinds[name] != "histogram" {
			t.Errorf("%s is said to be a %q", name, kinds[name])
		}
	}
	f("ripen_ingest_ack_seconds", `path="post"`, 3)
	f("ripen_ingest_ack_seconds", `path="pixel"`, 1)
	f("ripen_fold_delay_seconds", "", 1)
	f("ripen_score_seconds", "", 3)
	for _, name := range []string{"ripen_fold_lag_seconds{}", "ripen_log_last_seq{}", "ripen_resident_bytes{}", `ripen_ingest_shed_total{reason="pending"}`} {
		if _, ok := samples[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	for key := range samples {
		name, _, _ := strings.Cut(key, "{")
		if kind := kinds[name]; strings.HasPrefix(name, "ripen_") && kind != "counter" && strings.HasSuffix(name, "_total") {
			t.Errorf("%s counts, but is said to be a %q", name, kind)
		}
	}
	if strings.Contains(text, "vmrange") {
		t.Error("a histogram is of a kind that Prometheus does not add up")
	}
}
