package scoring

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ripen/wasm"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

//go:embed guest/hostile.wasm
var hostileModule []byte

// hostileWays are the event types of guest/hostile.c, in its order.
var hostileWays = []string{"spin", "divide", "root", "miss", "copy", "grow"}

func hostileManifest() *wasm.Manifest {
	return &wasm.Manifest{ABI: wasm.ABI, Card: "hostile", Types: append([]string{""}, hostileWays...), Fields: []wasm.ManifestField{{Type: "flags"}}, StateMax: 8}
}

func openHostile(ctx context.Context, h *host.Host) (*host.Instance, error) {
	man := hostileManifest()
	c, err := scorecard.OfManifest(man)
	if err != nil {
		return nil, err
	}
	code, err := withManifest(hostileModule, man)
	if err != nil {
		return nil, err
	}
	m, err := h.Load(ctx, c, code)
	if err != nil {
		return nil, err
	}
	return m.NewInstance(ctx)
}

// stall lets a guest work without end, with the most gas that any call gets, and
// stops the world again and again meanwhile. What a stop takes is compared with
// what it takes beside a goroutine that is as busy, but can be interrupted.
func (b *bench) stall(ctx context.Context) (err error) {
	h, err := host.New(ctx, host.Config{FoldGas: wasm.GasMax})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	in, err := openHostile(ctx, h)
	if err != nil {
		return err
	}
	work := []func() error{busy}
	for i := range hostileWays {
		ev := []wasm.Event{{Type: hostileWays[i], Index: uint16(i + 1), TimeMs: moment, Slots: []wasm.Slot{{Tag: wasm.Int}}}}
		work = append(work, func() error {
			if _, err := in.Fold(nil, ev); !errors.Is(err, host.ErrGas) {
				return fmt.Errorf("%s: only gas should end it, but: %w", hostileWays[i], err)
			}
			return nil
		})
	}
	return b.stops(ctx, work)
}

// stops stops the world beside each work in turn.
func (b *bench) stops(ctx context.Context, work []func() error) error {
	const turns = 4
	ms := make([][]float64, len(work))
	for range turns {
		for i, w := range work {
			if err := ctx.Err(); err != nil {
				return err
			}
			some, err := stopBeside(w, max(1, b.tempo.stalls/turns))
			if err != nil {
				return err
			}
			ms[i] = append(ms[i], some...)
		}
	}
	base := percentile(ms[0], 99)
	worst, notes := 0.0, []string{fmt.Sprintf("busy Go p99 %.2f max %.2f", base, percentile(ms[0], 100))}
	for i, way := range hostileWays {
		p99 := percentile(ms[i+1], 99)
		worst = max(worst, p99-base)
		notes = append(notes, fmt.Sprintf("%s p50 %.2f p99 %.2f max %.2f", way, percentile(ms[i+1], 50), p99, percentile(ms[i+1], 100)))
	}
	b.report.Set(figStall, worst, fmt.Sprintf("%d stops each: %s", len(ms[0]), strings.Join(notes, "; ")))
	return nil
}

// busy is work that the scheduler may interrupt at any point.
func busy() error {
	x := uint64(1)
	for range 1_000_000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	sink.Store(x)
	return nil
}

var sink atomic.Uint64

// stopBeside stops the world n times, a little apart, while another goroutine does
// nothing but work, and returns how many ms each stop took.
func stopBeside(work func() error, n int) (ms []float64, err error) {
	var done atomic.Bool
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for !done.Load() && failed == nil {
			failed = work()
		}
	})
	var stats runtime.MemStats
	for range n {
		time.Sleep(time.Millisecond)
		began := time.Now()
		runtime.ReadMemStats(&stats) // stops the world
		ms = append(ms, float64(time.Since(began).Microseconds())/1000)
	}
	done.Store(true)
	wg.Wait()
	return ms, failed
}
