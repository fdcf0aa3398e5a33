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
// becomes of it: each has to be refused, in time, by a process that lives on and
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
	if err := send(ctx, t, harmless, true); err != nil { // what any first upload costs
		return fmt.Errorf("an upload that is none of them: %w", err)
	}
	before, err := t.Proc.Memory()
	if err != nil {
		return err
	}
	alive, sent, slowest, slowName := 0, 0, time.Duration(0), ""
	peak := watch(t)
	for range b.tempo.uploads {
		for _, one := range list {
			began := time.Now()
			err := send(ctx, t, one.module, false)
			if took := time.Since(began); took > slowest {
				slowest, slowName = took, one.name
			}
			if err == nil {
				_, err = t.Call(ctx, "GET", "/readyz", "", nil)
			}
			sent++
			if err == nil {
				alive++
				continue
			}
			b.note("hostile upload, %s: %v", one.name, errors.Join(err, t.Died()))
			if t.Died() != nil {
				peak()
				b.report.Set(figAlive, 100*float64(alive)/float64(sent), one.name+" ended the process")
				return nil
			}
		}
	}
	grown := peak() - before.RSS
	b.report.Set(figAlive, 100*float64(alive)/float64(sent), fmt.Sprintf("%d of %d uploads of %d kinds refused and survived", alive, sent, len(list)))
	b.report.Set(figAnswer, slowest.Seconds(), slowName)
	b.report.Set(figGrowth, float64(grown)/1e6, fmt.Sprintf("from %.1f MB, highest sample of one each 2 ms", float64(before.RSS)/1e6))
	return nil
}

// send uploads a module; a hostile one has to be refused.
func send(ctx context.Context, t *target.Server, module []byte, good bool) error {
	_, err := t.Call(ctx, "PUT", "/v1/modules/upload", "application/wasm", module)
	switch refused := target.StatusOf(err); {
	case good:
		return err
	case refused == 422 || refused == 413:
		return nil
	case err == nil:
		return errors.New("it was taken")
	}
	return err
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
