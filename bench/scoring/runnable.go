package scoring

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"ripen/bench/proc"
	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// made is a card made runnable.
type made struct {
	card *scorecard.Card
	mod  *host.Module
}

func makeCard(ctx context.Context, h *host.Host, number int) (*made, error) {
	c, err := scorecard.Parse("twenty.yaml", cardText(number))
	if err != nil {
		return nil, err
	}
	code, err := compile.Module(c)
	if err != nil {
		return nil, err
	}
	m, err := h.Load(ctx, c, code)
	return &made{c, m}, err
}

// runnable times cards that no cache knows, each different, from their text to an
// instance that can be called, with the cache on disk that the server has.
func (b *bench) runnable(ctx context.Context) (err error) {
	h, err := host.New(ctx, host.Config{CacheDir: filepath.Join(b.dir, "runnable")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	var ms []float64
	for i := range b.tempo.cards {
		began := time.Now()
		m, err := makeCard(ctx, h, i+1)
		if err != nil {
			return err
		}
		in, err := m.mod.NewInstance(ctx)
		if err != nil {
			return err
		}
		ms = append(ms, float64(time.Since(began).Microseconds())/1000)
		if err := errors.Join(in.Close(), m.mod.Close(), ctx.Err()); err != nil {
			return err
		}
	}
	p95 := percentile(ms, 95)
	b.report.Set(figRunnable, p95, fmt.Sprintf("%d different cards, p50 %.1f, max %.1f", len(ms), percentile(ms, 50), percentile(ms, 100)))
	return nil
}

// settled is this process's memory once nothing is left to collect.
func settled() (int64, error) {
	debug.FreeOSMemory()
	m, err := proc.Own()
	return m.RSS, err
}

// resident makes many tenants' cards runnable and asks the kernel what that
// took: heap, compiled code and all else; then an instance of each, which has
// folded and scored.
func (b *bench) resident(ctx context.Context) (err error) {
	h, err := host.New(ctx, host.Config{CacheDir: filepath.Join(b.dir, "resident")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	for i := range 5 { // what only the first cards cost
		if _, err := makeCard(ctx, h, 1_000_000+i); err != nil {
			return err
		}
	}
	before, err := settled()
	if err != nil {
		return err
	}
	tenants := make([]*made, b.tempo.tenants)
	for i := range tenants {
		if tenants[i], err = makeCard(ctx, h, i+1); err != nil {
			return err
		}
	}
	idle, err := settled()
	if err != nil {
		return err
	}
	first := records()[0]
	live := make([]*host.Instance, len(tenants))
	for i, t := range tenants {
		if live[i], err = t.mod.NewInstance(ctx); err != nil {
			return err
		}
		if err := useOnce(live[i], first.events(t.card)); err != nil {
			return err
		}
	}
	after, err := settled()
	if err != nil {
		return err
	}
	n := float64(len(tenants)) * 1024
	b.report.Set(figTenant, float64(idle-before)/n, fmt.Sprintf("card and module of 20 rules; %.1f MB more of RSS for %d", float64(idle-before)/1e6, len(tenants)))
	b.report.Set(figInstance, float64(after-idle)/n, fmt.Sprintf("after a fold and a score; %.1f MB more of RSS for %d", float64(after-idle)/1e6, len(live)))
	runtime.KeepAlive(tenants)
	runtime.KeepAlive(live)
	return nil
}

func useOnce(in *host.Instance, evs []wasm.Event) error {
	state, err := in.Fold(nil, evs)
	if err != nil {
		return err
	}
	var r scorecard.Result
	return in.Score(state, moment+1, &r)
}
