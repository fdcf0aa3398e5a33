package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ripen/bench/load"
	"ripen/bench/proc"
	"ripen/bench/target"
)

// sustained finds the highest rate at which fold, score and rank keep up,
// measures latencies at half of it, and then what is left on disk and how long
// a restart after a kill takes. The data directory sees nothing but POSTs of 20.
func (s *suite) sustained(ctx context.Context) error {
	t, err := s.open(ctx, "sustained", false)
	if err != nil {
		return err
	}
	defer func() { t.Kill() }()
	before, err := t.Disk()
	if err != nil {
		return err
	}
	var stored int64
	rate, err := s.findRate(ctx, t, &stored)
	if err != nil {
		return err
	}
	cfg := s.post20(t)
	cfg.Rate, cfg.Duration = rate/2/20, s.tempo.half
	more, err := s.halfLoad(ctx, t, cfg, figures{figVisible, figListSmall, figTimelineNow})
	stored += more
	if err != nil {
		return err
	}
	if err := s.reopen(ctx, &t, figOpenNow, stored); err != nil {
		return err
	}
	if err := t.Stop(); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	after, err := t.Disk()
	if err != nil {
		return err
	}
	s.disk(after.Sub(before), stored)
	return nil
}

func (s *suite) post20(t *target.Server) load.Config {
	return load.Config{Addr: t.Addr, WriteKey: t.WriteKey, Events: 20, Identify: 0.02, Conns: s.conns()}
}

// findRate drives the server flat out once; if the fold falls behind, it goes
// down from what the fold achieved until the lag holds.
func (s *suite) findRate(ctx context.Context, t *target.Server, stored *int64) (rate float64, err error) {
	cfg := s.post20(t)
	for try, share := range []float64{0, 0.95, 0.85, 0.75, 0.6, 0.4, 0.2} {
		cfg.Rate, cfg.Duration = share*rate/20, s.tempo.flat
		r, err := s.rateRun(ctx, t, cfg)
		if err != nil {
			return 0, err
		}
		*stored += r.res.Events
		got := r.res.EventsPerSecond()
		s.say("POST 20 at %s: %.0f ev/s, %.1f µs/ev, p99 %.1f ms, fold lag p99 %.0f ms, settled in %v",
			pick(share == 0, "full speed", fmt.Sprintf("%.0f ev/s", share*rate)), got, r.cpu, ms(r.res.Latency(99)), r.lag, r.settle)
		if share == 0 {
			s.report.Cells = append(s.report.Cells, r.cell("POST 20, flat out"))
		}
		kept := r.lag <= keepsUp && (share == 0 || got >= 0.98*share*rate)
		if kept {
			s.report.Set(figSustained, got, pick(share == 0, "flat out", fmt.Sprintf("open loop, %d tries", try+1)))
			s.report.Set(figLagSustained, r.lag, "")
			s.report.Set(figCPU, r.cpu, fmt.Sprintf("client %.1f µs", r.client))
			if share > 0 {
				s.report.Cells = append(s.report.Cells, r.cell("POST 20, sustained"))
			}
			return got, nil
		}
		if share == 0 {
			rate = float64(r.res.Events) / (r.res.Elapsed + r.settle).Seconds()
		}
	}
	return 0, errors.New("the fold did not keep up at any rate tried")
}

// rateRun is one run at a rate, measured until everything was folded.
type rateRun struct {
	res         *load.Result
	lag         float64 // ms, p99
	settle      time.Duration
	cpu, client float64 // µs per event
}

func (s *suite) rateRun(ctx context.Context, t *target.Server, cfg load.Config) (rateRun, error) {
	var r rateRun
	cpu, err := t.Proc.CPU()
	if err != nil {
		return r, err
	}
	lag := sampleLag(ctx, t)
	r.res, err = s.drive(ctx, cfg)
	r.lag = lag.stop()
	if err != nil {
		return r, errors.Join(err, t.Died())
	}
	if lag.err != nil {
		s.note("%v: lag is judged by how long the server takes to settle", lag.err)
	}
	if r.settle, err = t.Settle(ctx); err != nil {
		return r, err
	}
	if lag.err != nil {
		r.lag = ms(r.settle)
	}
	after, err := t.Proc.CPU()
	if err != nil {
		return r, err
	}
	r.cpu = float64((after - cpu).Microseconds()) / float64(max(1, r.res.Events))
	r.client = float64(r.res.ClientCPU.Microseconds()) / float64(max(1, r.res.Events))
	return r, nil
}

func (r *rateRun) cell(name string) Cell {
	c := Cell{Server: nameFull, Case: name, LagP99: r.lag}
	c.fill(r.res, 0)
	c.CPU = r.cpu
	return c
}

// reopen kills the server and starts it again on the same directory.
func (s *suite) reopen(ctx context.Context, t **target.Server, figure string, stored int64) error {
	(*t).Kill()
	next, err := s.open(ctx, filepath.Base((*t).Dir()), false)
	if err != nil {
		return fmt.Errorf("open after kill -9: %w", err)
	}
	*t = next
	s.report.Set(figure, next.OpenTime.Seconds(), fmt.Sprintf("%.1f M events; leads answered after %.2f s", float64(stored)/1e6, next.ReadyTime.Seconds()))
	_, err = next.Settle(ctx)
	return err
}

// disk sets the bytes per event, in all and by store.
func (s *suite) disk(d proc.Disk, stored int64) {
	if stored == 0 {
		return
	}
	parts := make([]string, 0, len(d.Part))
	for part := range d.Part {
		parts = append(parts, part)
	}
	slices.SortFunc(parts, func(a, b string) int { return int(min(1, max(-1, d.Part[b]-d.Part[a]))) })
	var words []string
	for _, part := range parts {
		if per := float64(d.Part[part]) / float64(stored); per >= 0.05 {
			words = append(words, fmt.Sprintf("%s %.1f", part, per))
		}
	}
	s.report.Set(figDisk, float64(d.Total)/float64(stored), strings.Join(words, ", ")+fmt.Sprintf("; %.1f M events", float64(stored)/1e6))
}
