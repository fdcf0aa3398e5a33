package scoring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ripen/bench/target"
)

// upload sends hostile modules to the server that people run, and watches what
// becomes of it: each has to be answered, in time, by a process that lives on and
// does not grow.
func (b *bench) upload(ctx context.Context) error {
	list, err := bombs()
	if err != nil {
		return err
	}
	t, err := b.open(ctx, "upload")
	if err != nil {
		return err
	}
	defer t.Kill()
	harmless, err := withFunctions(hostileManifest(), 0, nil)
	if err != nil {
		return err
	}
	if _, err := put(ctx, t, harmless); err != nil { // what any first upload costs
		return fmt.Errorf("an upload that is none of them: %w", err)
	}
	before, err := t.Proc.Memory()
	if err != nil {
		return err
	}
	peak := watch(t)
	s := b.throw(ctx, t, list)
	grown := peak() - before.RSS
	b.report.Set(figAlive, 100*float64(s.alive)/float64(s.sent), fmt.Sprintf("%d uploads of %d kinds: %d refused, %d taken that are within the limits", s.sent, len(list), s.refused, s.alive-s.refused))
	if t.Died() == nil {
		b.report.Set(figAnswer, s.slowest.Seconds(), s.slowName)
		b.report.Set(figGrowth, float64(grown)/1e6, fmt.Sprintf("from %.1f MB, highest of a sample each 2 ms", float64(before.RSS)/1e6))
	}
	return ctx.Err()
}

// siege is what became of hostile uploads.
type siege struct {
	sent, alive, refused int
	slowest              time.Duration
	slowName             string
}

// throw sends every bomb, and stops when the server has died of one.
func (b *bench) throw(ctx context.Context, t *target.Server, list []bomb) (s siege) {
	for range b.tempo.uploads {
		for _, one := range list {
			began := time.Now()
			taken, err := put(ctx, t, one.module)
			if took := time.Since(began); took > s.slowest {
				s.slowest, s.slowName = took, one.name
			}
			switch {
			case err != nil:
			case taken && !one.fits:
				err = errors.New("it was taken")
			default:
				_, err = t.Call(ctx, "GET", "/readyz", "", nil)
			}
			if s.sent++; err != nil {
				died := t.Died()
				b.note("hostile upload, %s: %v", one.name, errors.Join(err, died))
				if died != nil || ctx.Err() != nil {
					return s
				}
				continue
			}
			s.alive++
			if !taken {
				s.refused++
			}
		}
	}
	return s
}

// put uploads a module; to be refused is no error.
func put(ctx context.Context, t *target.Server, module []byte) (taken bool, err error) {
	_, err = t.Call(ctx, "PUT", "/v1/modules/hostile", "application/wasm", module)
	if status := target.StatusOf(err); status == 422 || status == 413 {
		return false, nil
	}
	return err == nil, err
}

// watch samples the server's memory until the function it returns is called,
// which says what the highest was.
func watch(t *target.Server) func() int64 {
	stop, peak := make(chan struct{}), int64(0)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			if m, err := t.Proc.Memory(); err == nil { // a process that has gone is noticed elsewhere
				peak = max(peak, m.RSS)
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() int64 {
		close(stop)
		wg.Wait()
		return peak
	}
}
