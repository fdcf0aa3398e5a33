package scoring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ripen/wasm"
	"ripen/wasm/host"
)

// neighbour scores a tenant's leads while another tenant's module runs away on the
// other core, and compares the slow end of a fold and a score with what it is beside a
// goroutine that is as busy and belongs to nobody. What one runaway call takes before
// gas ends it, which is what waits if both are in one loop, stands beside it.
func (b *bench) neighbour(ctx context.Context) (err error) {
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	bad, err := openHostile(ctx, h)
	if err != nil {
		return err
	}
	good, err := makeCard(ctx, h, 1)
	if err != nil {
		return err
	}
	in, err := good.mod.NewInstance(ctx)
	if err != nil {
		return err
	}
	first := records()[0]
	evs := first.events(good.card)
	var burnt []float64 // ms of each runaway call
	spin := []wasm.Event{{Type: hostileWays[0], Index: 1, TimeMs: moment, Slots: []wasm.Slot{{Tag: wasm.Int}}}}
	runaway := func() error {
		began := time.Now()
		if _, err := bad.Fold(nil, spin); !errors.Is(err, host.ErrGas) {
			return fmt.Errorf("only gas should end it, but: %w", err)
		}
		burnt = append(burnt, float64(time.Since(began).Microseconds())/1000)
		return nil
	}
	const turns = 6
	var us [2][]float64 // beside what is busy, beside the runaway
	for range turns {
		for i, beside := range []func() error{busy, runaway} {
			some, err := scoreBeside(ctx, beside, in, evs, max(1, b.tempo.stalls*200/turns))
			if err != nil {
				return err
			}
			us[i] = append(us[i], some...)
		}
	}
	base, p99 := percentile(us[0], 99), percentile(us[1], 99)
	b.report.Set(figNeighbour, p99/base, fmt.Sprintf("p50 %.1f and p99 %.1f µs, beside busy Go %.1f and %.1f; a runaway call ends after %.2f ms, p99 %.2f, and a version after 3",
		percentile(us[1], 50), p99, percentile(us[0], 50), base, percentile(burnt, 50), percentile(burnt, 99)))
	return nil
}

// scoreBeside folds and scores n times while another goroutine does nothing but
// work, and returns how many µs each took.
func scoreBeside(ctx context.Context, work func() error, in *host.Instance, evs []wasm.Event, n int) (us []float64, err error) {
	var done atomic.Bool
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for !done.Load() && failed == nil {
			failed = work()
		}
	})
	for range n {
		began := time.Now()
		if err = useOnce(in, evs); err != nil {
			break
		}
		us = append(us, float64(time.Since(began).Nanoseconds())/1000)
	}
	done.Store(true)
	wg.Wait()
	return us, errors.Join(err, failed, ctx.Err())
}
