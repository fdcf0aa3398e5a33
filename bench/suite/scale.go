package suite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ripen/bench/target"
)

// scenario is a data set of a size.
type scenario struct {
	events, visitors int
	visit            int    // events in a row of one visitor
	rss              string // figure of the memory; empty = it is only the base of a ratio
	open, list, line string // figures, may be empty
}

var scenarios = map[string]scenario{
	"1m":  {events: 1_000_000, visitors: 10_000, visit: 1},
	"10m": {events: 10_000_000, visitors: 100_000, visit: 1, rss: figRSS10M, open: figOpen, line: figTimeline},
	// A million people of whom each comes four times. All of them once, and then
	// all of them again for each event, is nobody's traffic.
	"1mleads": {events: 20_000_000, visitors: 1_000_000, visit: 5, rss: figRSSLeads, list: figListLeads},
}

// Scales are the names that Options.Scales takes.
func Scales() []string { return []string{"1m", "10m", "1mleads"} }

// restTime is how long a server rests before its memory is measured: what a data
// set takes, not what a rush left behind. The peak is in the note.
const restTime = 40 * time.Second

// scale loads a data set, lets the server fold it, and measures memory, the
// questions people ask while ingestion goes on, and a restart after a kill.
func (s *suite) scale(ctx context.Context, name string) error {
	sc, ok := s.sizes[name]
	if !ok {
		return fmt.Errorf("unknown scale %q: need one of %v", name, Scales())
	}
	t, err := s.open(ctx, "scale-"+name, false)
	if err != nil {
		return err
	}
	defer func() { t.Kill() }()
	begun := time.Now()
	stored, peak, err := s.fill(ctx, t, sc)
	if err != nil {
		return err
	}
	// Half of what it takes in and folds of this very data set.
	rate := float64(stored) / time.Since(begun).Seconds() / 2
	if err := s.memory(ctx, name, sc, t, peak); err != nil {
		return err
	}
	cfg := s.post20(t)
	cfg.Visitors, cfg.Visit, cfg.Rate, cfg.Duration = sc.visitors, sc.visit, rate/20, s.tempo.half
	more, err := s.halfLoad(ctx, t, cfg, figures{list: sc.list, timeline: sc.line})
	stored += more
	if err != nil {
		return err
	}
	if sc.open == "" {
		return nil
	}
	return s.reopen(ctx, &t, sc.open, stored)
}

// fill sends the events in portions and lets the fold catch up after each, so
// that what is measured is a server at work, not one with a backlog.
func (s *suite) fill(ctx context.Context, t *target.Server, sc scenario) (stored, peak int64, err error) {
	for stored < int64(sc.events) {
		cfg := s.post20(t)
		cfg.Visitors, cfg.Visit, cfg.Conns = sc.visitors, sc.visit, 64
		cfg.Each, cfg.Turn = true, int(stored)/sc.visit
		cfg.Requests, cfg.Duration = min(int64(s.tempo.portion), int64(sc.events)-stored)/20, 10*time.Minute
		lag := sampleLag(ctx, t)
		res, err := s.drive(ctx, cfg)
		if err != nil {
			lag.stop()
			return stored, 0, errors.Join(err, t.Died())
		}
		stored += res.Events
		settle, err := t.Settle(ctx)
		lag.stop()
		if err != nil {
			return stored, 0, err
		}
		peak = max(peak, lag.peak)
		s.say("%.1f M events: %.0f ev/s, settled in %v, RSS up to %d MB", float64(stored)/1e6, res.EventsPerSecond(), settle, lag.peak/1e6)
	}
	return stored, peak, nil
}

func (s *suite) memory(ctx context.Context, name string, sc scenario, t *target.Server, peak int64) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.tempo.rest):
	}
	m, err := t.Proc.Memory()
	if err != nil {
		return err
	}
	s.say("scale %s: RSS %d MB, anonymous %d MB, peak %d MB", name, m.RSS/1e6, m.Anon/1e6, peak/1e6)
	if s.rss == nil {
		s.rss = map[string]int64{}
	}
	s.rss[name] = m.RSS
	if sc.rss != "" {
		s.report.Set(sc.rss, float64(m.RSS)/1e6, fmt.Sprintf("anonymous %d, peak %d", m.Anon/1e6, peak/1e6))
	}
	if small, big := s.rss["1m"], s.rss["10m"]; small > 0 && big > 0 && !s.report.Figure(figRSSRatio).Known {
		s.report.Set(figRSSRatio, float64(big)/float64(small), fmt.Sprintf("%d ÷ %d MB", big/1e6, small/1e6))
	}
	return nil
}
