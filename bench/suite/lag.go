package suite

import (
	"context"
	"errors"
	"slices"
	"time"

	"ripen/bench/target"
)

// lagSampler asks a server again and again how far its fold is behind and how
// much memory it holds.
type lagSampler struct {
	cancel context.CancelFunc
	done   chan struct{}
	lags   []float64 // ms; valid after done
	peak   int64     // bytes of RSS; valid after done
	anon   int64     // bytes of anonymous memory at its peak; valid after done
	err    error     // why there are no lags; valid after done
}

// sampleEvery is seldom enough to cost nothing: /metrics is text made anew.
const sampleEvery = 50 * time.Millisecond

func sampleLag(ctx context.Context, t *target.Server) *lagSampler {
	ctx, cancel := context.WithCancel(ctx)
	s := &lagSampler{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			s.sample(ctx, t)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return s
}

func (s *lagSampler) sample(ctx context.Context, t *target.Server) {
	if m, err := t.Proc.Memory(); err == nil {
		s.peak, s.anon = max(s.peak, m.RSS), max(s.anon, m.Anon)
	}
	lag, err := t.Metric(ctx, target.LagMetric)
	switch {
	case err == nil:
		s.lags = append(s.lags, lag*1000)
	case errors.Is(err, target.ErrNoMetric):
		s.err = err
	}
}

// stop ends the sampling and returns the lag's p99 in ms, 0 if none was seen.
func (s *lagSampler) stop() float64 {
	s.cancel()
	<-s.done
	if len(s.lags) == 0 {
		return 0
	}
	slices.Sort(s.lags)
	return s.lags[(len(s.lags)*99-1)/100]
}
