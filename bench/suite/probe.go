package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"ripen/bench/load"
	"ripen/bench/target"
)

// figures names where the latencies of one half-load run go; empty = nowhere.
type figures struct{ visible, list, timeline string }

// halfLoad ingests at a fixed rate and meanwhile asks what people ask: the top
// of the list, the timelines of leads, and when a fresh event is visible.
func (s *suite) halfLoad(ctx context.Context, t *target.Server, cfg load.Config, to figures) (stored int64, err error) {
	leads, err := t.Leads(ctx, 1000)
	if err != nil {
		return 0, err
	}
	if len(leads) == 0 {
		return 0, errors.New("no lead in /v1/leads after all that load")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	visible, list, timeline := &samples{}, &samples{}, &samples{}
	wg.Go(func() { probe(ctx, t, visible) })
	wg.Go(func() {
		paced(ctx, 10, list, func() error { return ask(ctx, t, "/v1/leads?limit=100") })
	})
	wg.Go(func() {
		paced(ctx, 50, timeline, func() error {
			return ask(ctx, t, "/v1/leads/"+leads[rand.IntN(len(leads))].ID+"/events?limit=100")
		})
	})
	res, err := s.drive(ctx, cfg)
	cancel()
	wg.Wait()
	if err != nil {
		return 0, errors.Join(err, t.Died())
	}
	s.say("at %.0f ev/s: acknowledged in p99 %.1f ms, visible after %s, list %s, timeline %s", res.EventsPerSecond(), ms(res.Latency(99)), visible, list, timeline)
	for id, got := range map[string]*samples{to.visible: visible, to.list: list, to.timeline: timeline} {
		if id == "" {
			continue
		}
		if got.err != nil || len(got.ms) == 0 {
			s.note("%s: %d samples, %v", s.report.Figure(id).Name, len(got.ms), got.err)
			continue
		}
		s.report.Set(id, got.at(99), fmt.Sprintf("p50 %.1f, %d samples at %.0f ev/s", got.at(50), len(got.ms), res.EventsPerSecond()))
	}
	return res.Events, nil
}

// samples are latencies in ms; one goroutine writes, readers wait for its end.
type samples struct {
	ms  []float64
	err error // the first failure
}

func (s *samples) at(q int) float64 {
	slices.Sort(s.ms)
	return s.ms[(len(s.ms)*q-1)/100]
}

func (s *samples) String() string {
	if len(s.ms) == 0 {
		return fmt.Sprintf("(none: %v)", s.err)
	}
	return fmt.Sprintf("p50 %.1f p99 %.1f ms", s.at(50), s.at(99))
}

// paced calls f at a fixed rate. A call that waited for the one before counts
// from when it was due; one that only waited for this program's own timer
// counts from when it left.
func paced(ctx context.Context, perSecond int, into *samples, f func() error) {
	begin, every := time.Now(), time.Second/time.Duration(perSecond)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for k := 0; ; k++ {
		from := begin.Add(time.Duration(k) * every)
		idle := time.Until(from)
		timer.Reset(idle)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if idle > 0 {
			from = time.Now()
		}
		err := f()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if into.err == nil {
				into.err = err
			}
			continue
		}
		into.ms = append(into.ms, ms(time.Since(from)))
	}
}

func ask(ctx context.Context, t *target.Server, path string) error {
	b, err := t.Call(ctx, "GET", path, "application/json", nil)
	if err == nil && !bytes.Contains(b, []byte(`"id"`)) && !bytes.Contains(b, []byte(`"type"`)) {
		err = fmt.Errorf("GET %s: nothing in it: %.200s", path, b)
	}
	return err
}

// probe sends, over and over, a person who must stand first in the list at
// once, and measures from the acknowledgement until the list says so.
func probe(ctx context.Context, t *target.Server, into *samples) {
	run, seen := rand.Uint32(), map[string]bool{} // :: ids of leads that stood first
	for n := 0; ctx.Err() == nil; n++ {
		took, err := probeOnce(ctx, t, fmt.Sprintf("probe-%08x-%d", run, n), seen)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if into.err == nil {
				into.err = err
			}
			return
		}
		into.ms = append(into.ms, ms(took))
	}
}

// probeLimit is how long a probe may stay invisible.
const probeLimit = 20 * time.Second

func probeOnce(ctx context.Context, t *target.Server, name string, seen map[string]bool) (time.Duration, error) {
	body, err := json.Marshal(map[string]any{
		"writeKey": t.WriteKey, "anonymousId": name, "userId": name,
		"traits": map[string]any{"email": name + "@bench.example", "bench_probe": true},
	})
	if err != nil {
		return 0, err
	}
	answer, err := t.Send(ctx, "/v1/identify", body)
	if err != nil {
		return 0, err
	}
	if !bytes.Contains(answer, []byte(`"success":true`)) {
		return 0, fmt.Errorf("probe refused: %.300s", answer)
	}
	acknowledged := time.Now()
	pause := time.NewTicker(2 * time.Millisecond)
	defer pause.Stop()
	for time.Since(acknowledged) < probeLimit {
		id, err := first(ctx, t)
		if err != nil {
			return 0, err
		}
		if id != "" && !seen[id] {
			seen[id] = true
			return time.Since(acknowledged), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-pause.C:
		}
	}
	return 0, fmt.Errorf("a probe was acknowledged but not first in /v1/leads after %v", probeLimit)
}

// probeScore is more than anybody but a probe can have on the bench's card.
const probeScore = 60

// first is the id of the lead that stands first, empty if it is no probe. The
// newest of equals is first, so each probe takes the place of the one before.
func first(ctx context.Context, t *target.Server) (string, error) {
	b, err := t.Call(ctx, "GET", "/v1/leads?limit=1", "application/json", nil)
	if err != nil {
		return "", err
	}
	var page struct {
		Leads []target.Lead `json:"leads"`
	}
	if err := json.Unmarshal(b, &page); err != nil {
		return "", fmt.Errorf("/v1/leads: %w: %.200q", err, b)
	}
	if len(page.Leads) == 0 || page.Leads[0].Score == nil || *page.Leads[0].Score < probeScore {
		return "", nil
	}
	return page.Leads[0].ID, nil
}
