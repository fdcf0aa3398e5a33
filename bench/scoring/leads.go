package scoring

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ripen/bench/load"
	"ripen/bench/target"
)

// The card that is in force first is the bench's own; the one that follows gives
// other points, so that every lead's score is another.
//
//go:embed next.yaml
var nextCard []byte

// fill sends so many events to each of so many leads, and waits now and then for
// the fold, so that the server under measurement has no backlog.
func (b *bench) fill(ctx context.Context, t *target.Server, leads, each int) error {
	const portion = 500_000
	for sent := 0; sent < leads*each; {
		n := min(portion, leads*each-sent)
		res, err := load.Run(ctx, load.Config{
			Addr: t.Addr, WriteKey: t.WriteKey, Events: 20, Identify: 0.02, Conns: 64,
			Visitors: leads, Each: true, Turn: sent, Requests: int64(n / 20), Duration: 10 * time.Minute,
		})
		if err == nil {
			err = errors.Join(res.Err(), ctx.Err())
		}
		if err != nil {
			return errors.Join(err, t.Died())
		}
		if sent += n; res.Events != int64(n) {
			return fmt.Errorf("%d of %d events were taken", res.Events, n)
		}
		took, err := t.Settle(ctx)
		if err != nil {
			return err
		}
		b.say("%d of %d events: %.0f a second, settled in %v", sent, leads*each, res.EventsPerSecond(), took.Round(time.Millisecond))
	}
	return nil
}

// rest waits until the server has nothing left to do in the background, such as
// merging the tables that loading it has left: that is not what is measured.
func rest(ctx context.Context, t *target.Server) error {
	const look, longest, idle = 500 * time.Millisecond, time.Minute, 25 * time.Millisecond
	was, err := t.Proc.CPU()
	for until := time.Now().Add(longest); err == nil && time.Now().Before(until); {
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		var now time.Duration
		if now, err = t.Proc.CPU(); now-was < idle {
			break
		}
		was = now
	}
	return err
}

// draft makes the next card the draft.
func draft(ctx context.Context, t *target.Server) error {
	_, err := t.Call(ctx, "PUT", "/v1/scorecards/bench", "application/yaml", nextCard)
	return err
}

// ready opens a server with leads of that many events each, and the next card as
// its draft.
func (b *bench) ready(ctx context.Context, name string, leads, each int) (*target.Server, error) {
	t, err := b.open(ctx, name)
	if err != nil {
		return nil, err
	}
	if err = b.fill(ctx, t, leads, each); err == nil {
		err = errors.Join(draft(ctx, t), rest(ctx, t))
	}
	if err != nil {
		t.Kill()
		return nil, err
	}
	return t, nil
}

// cost says how long a call took by the clock and of the server's processor time.
func cost(t *target.Server, call func() error) (wall, cpu time.Duration, err error) {
	before, err := t.Proc.CPU()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := call(); err != nil {
		return 0, 0, err
	}
	wall = time.Since(began)
	after, err := t.Proc.CPU()
	return wall, after - before, err
}

// rescore publishes another card over many leads and waits until the server says
// that every one has met it.
func (b *bench) rescore(ctx context.Context) (err error) {
	const each = 10
	leads := b.tempo.rescored
	t, err := b.ready(ctx, "rescore", leads, each)
	if err != nil {
		return err
	}
	defer t.Kill()
	wall, cpu, err := cost(t, func() error {
		if _, err := t.Call(ctx, "POST", "/v1/scorecards/bench/publish?ranking=true", "", nil); err != nil {
			return err
		}
		_, err := t.Settle(ctx)
		return err
	})
	if err != nil {
		return err
	}
	top, err := t.Leads(ctx, 1)
	if err != nil {
		return err
	}
	if len(top) == 0 || top[0].Score == nil || *top[0].Score <= bestBefore {
		return fmt.Errorf("the first of the list has %v: the next card is not in force", top)
	}
	b.report.Set(figRescore, cpu.Seconds()*1e6/float64(leads), fmt.Sprintf("%d leads took %.1f s of processor time on all of the server's cores, %.1f s by the clock", leads, cpu.Seconds(), wall.Seconds()))
	return nil
}

// bestBefore is a score that the first card gives nobody who is no probe; the next
// gives more to many.
const bestBefore = 41

// simulate asks the server who would move, and checks that it went through all.
func (b *bench) simulate(ctx context.Context) error {
	const each = 20
	leads := b.tempo.simulate
	t, err := b.ready(ctx, "simulate", leads, each)
	if err != nil {
		return err
	}
	defer t.Kill()
	var said []byte
	wall, cpu, err := cost(t, func() (err error) {
		said, err = t.Call(ctx, "POST", "/v1/scorecards/bench/simulate", "application/x-ndjson", nil)
		return err
	})
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	var last struct {
		Result *struct {
			Leads int `json:"leads"`
			Rose  int `json:"rose"`
			Fell  int `json:"fell"`
		}
		Error json.RawMessage
	}
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
		return fmt.Errorf("the last line of the simulation: %w: %.300q", err, lines[len(lines)-1])
	}
	if last.Result == nil || last.Result.Leads != leads || last.Result.Rose+last.Result.Fell == 0 {
		return fmt.Errorf("the simulation ends with %.300s, need %d leads, some of which move", lines[len(lines)-1], leads)
	}
	b.report.Set(figSimulate, wall.Seconds()*1e5/float64(leads), fmt.Sprintf("%d leads took %.1f s, %d would rise, %d fall; %.1f s of processor time", leads, wall.Seconds(), last.Result.Rose, last.Result.Fell, cpu.Seconds()))
	return nil
}
