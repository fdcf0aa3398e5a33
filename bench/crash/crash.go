// Package crash kills a tracker under load, again and again, and counts what
// is missing afterwards. The promise it tests: an event that was acknowledged
// is in the log exactly once, whatever happens to the process; an event that
// was sent but not acknowledged is there once or not at all; and a sender that
// repeats its unanswered requests ends with every event there exactly once.
package crash

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ripen/bench/load"
	"ripen/bench/target"
)

// Config says what to kill and how often.
type Config struct {
	Binary string    // path of ripen
	Dir    string    // data directory; the list of acknowledged ids goes beside it
	Rounds int       // default 10
	Conns  int       // connections; default 48
	Seed   uint64    // of the moments of death; 0 = from the clock
	Log    io.Writer // a line per round; nil = none
	// Shortest and Longest bound a server's life under load; default 0.3 to 2 s.
	Shortest, Longest time.Duration
}

// Result is the count over all rounds.
type Result struct {
	Rounds     int
	Sent       int // distinct events that left at least once
	Acked      int // events acknowledged before the kill
	Resent     int // events of unanswered requests, sent again after the restart
	Survived   int // of these, found stored already: the answer was duplicate
	Lost       int // acknowledged and not in the log
	Duplicated int // in the log more than once
	Strange    int // in the log but never sent
	OpenMax    time.Duration
}

// Err is the broken promise in words, nil if all were kept.
func (r *Result) Err() error {
	if r.Lost+r.Duplicated+r.Strange > 0 {
		return fmt.Errorf("after %d kills: %d acknowledged events lost, %d stored twice, %d never sent", r.Rounds, r.Lost, r.Duplicated, r.Strange)
	}
	return nil
}

// state of an id in the ledger, as bits.
const (
	sent  = 1 << iota
	acked // the sender was told that it is stored
	found // seen in the log
	twice // seen in the log again
)

// ledger knows every id and what is known about it.
type ledger struct {
	mu   sync.Mutex // guards all below
	ids  map[load.ID]byte
	file *bufio.Writer // acknowledged ids as text, one a line: what an outsider could check
	lost [][]byte      // requests without an answer
	err  error         // of writing file
}

func (l *ledger) mark(ids []load.ID, bit byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.ids[id] |= bit
		if bit == acked && l.err == nil {
			_, l.err = fmt.Fprintln(l.file, id)
		}
	}
}

// Run kills and checks until the rounds are over or a promise is broken.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if cfg.Rounds <= 0 {
		cfg.Rounds = 10
	}
	if cfg.Conns <= 0 {
		cfg.Conns = 48
	}
	if cfg.Seed == 0 {
		cfg.Seed = uint64(time.Now().UnixNano())
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(cfg.Dir)), 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Clean(cfg.Dir) + ".acked")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := &runner{
		Config: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0)),
		ledger: ledger{ids: map[load.ID]byte{}, file: bufio.NewWriter(file)},
	}
	for r.result.Rounds < cfg.Rounds {
		if err := r.round(ctx); err != nil {
			return &r.result, fmt.Errorf("round %d: %w", r.result.Rounds+1, err)
		}
		if r.result.Err() != nil {
			break
		}
	}
	return &r.result, r.verifyAll(ctx)
}

type runner struct {
	Config
	rng    *rand.Rand
	ledger ledger
	result Result
	next   uint64 // first sequence number of the log not yet read
}

// round loads, kills at a random moment, restarts, repeats what had no answer,
// and checks everything the log has gained.
func (r *runner) round(ctx context.Context) error {
	t, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { t.Kill() }()
	life := r.life()
	if err := r.loadAndKill(ctx, t, life); err != nil {
		return err
	}
	if t, err = r.open(ctx); err != nil {
		return fmt.Errorf("restart after the kill: %w", err)
	}
	r.result.OpenMax = max(r.result.OpenMax, t.OpenTime)
	if err := r.resend(ctx, t); err != nil {
		return err
	}
	r.result.Rounds++
	if err := r.read(ctx, t); err != nil {
		return err
	}
	r.count()
	if r.Log != nil {
		fmt.Fprintf(r.Log, "kill %d after %v: acked %d, resent %d (%d were stored), lost %d, twice %d, open %v\n", r.result.Rounds, life.Round(time.Millisecond),
			r.result.Acked, r.result.Resent, r.result.Survived, r.result.Lost, r.result.Duplicated, t.OpenTime.Round(time.Millisecond))
	}
	return r.ledger.file.Flush()
}

func (r *runner) life() time.Duration {
	shortest, longest := r.Shortest, r.Longest
	if shortest <= 0 {
		shortest = 300 * time.Millisecond
	}
	if longest <= shortest {
		longest = max(shortest, 2*time.Second)
	}
	return shortest + time.Duration(r.rng.Int64N(int64(longest-shortest)+1))
}

func (r *runner) open(ctx context.Context) (*target.Server, error) {
	return target.Open(ctx, target.Config{Binary: r.Binary, Dir: r.Dir})
}

// loadAndKill runs pixels and batches side by side until the server's death.
func (r *runner) loadAndKill(ctx context.Context, t *target.Server, life time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg, begun sync.WaitGroup
	errs := make([]error, 2)
	for i, events := range []int{0, 20} {
		begun.Add(1)
		begin := sync.OnceFunc(begun.Done)
		cfg := load.Config{
			Addr: t.Addr, WriteKey: t.WriteKey, Events: events, Identify: 0.05, Visitors: 2000,
			Conns: max(1, r.Conns/2), Duration: life + 10*time.Second, Seed: r.rng.Uint64(),
			Sent:  func(_ int, ids []load.ID) { begin(); r.ledger.mark(ids, sent) },
			Acked: func(_ int, ids []load.ID) { r.ledger.mark(ids, acked) },
			Lost:  func(_ int, raw []byte, _ []load.ID) { r.ledger.keep(raw) },
		}
		wg.Go(func() {
			defer begin()
			res, err := load.Run(ctx, cfg)
			if err == nil && res.Wrong > 0 {
				err = fmt.Errorf("a wrong answer under load: %w", res.Err())
			}
			errs[i] = err
		})
	}
	begun.Wait() // on a busy machine a life may be shorter than the way to the first request
	timer := time.NewTimer(life)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Proc.Done():
		cancel()
		wg.Wait()
		return fmt.Errorf("the server ended by itself: %v", t.Proc.Exit())
	case <-ctx.Done():
	}
	t.Kill()
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (l *ledger) keep(raw []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = append(l.lost, append([]byte(nil), raw...))
}

// resend repeats the requests that had no answer, as a sender would.
func (r *runner) resend(ctx context.Context, t *target.Server) error {
	for _, raw := range r.ledger.lost {
		v, err := load.Resend(ctx, t.Addr, raw)
		if err != nil {
			return fmt.Errorf("resend: %w", err)
		}
		r.result.Resent += len(v.IDs)
		r.result.Survived += v.Duplicate
		r.ledger.mark(v.IDs, acked)
	}
	r.ledger.lost = nil
	return r.ledger.err
}

// read notes which ids the log has gained since it was last read.
func (r *runner) read(ctx context.Context, t *target.Server) error {
	from := r.next
	return t.Tail(ctx, from, func(line []byte) error {
		e, err := target.ParseEvent(line)
		if err != nil {
			return err
		}
		if e.Seq < from {
			return nil
		}
		r.next = max(r.next, e.Seq+1)
		id, ok := load.ParseID([]byte(e.MessageID))
		if !ok {
			return nil // not ours: a published card
		}
		r.ledger.see(id)
		return nil
	})
}

func (l *ledger) see(id load.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bits := l.ids[id]
	if bits&found != 0 {
		bits |= twice
	}
	l.ids[id] = bits | found
}

// count judges every id known so far.
func (r *runner) count() {
	res := &r.result
	res.Sent, res.Acked, res.Lost, res.Duplicated, res.Strange = 0, 0, 0, 0, 0
	for _, bits := range r.ledger.ids {
		if bits&sent != 0 {
			res.Sent++
		}
		if bits&acked != 0 {
			res.Acked++
		}
		if bits&acked != 0 && bits&found == 0 {
			res.Lost++
		}
		if bits&twice != 0 {
			res.Duplicated++
		}
		if bits&sent == 0 {
			res.Strange++
		}
	}
}

// verifyAll reads the whole log once more from its start: what was there after
// an earlier kill must still be there after the last.
func (r *runner) verifyAll(ctx context.Context) error {
	if err := r.ledger.file.Flush(); err != nil {
		return err
	}
	t, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer t.Kill()
	for id, bits := range r.ledger.ids {
		r.ledger.ids[id] = bits &^ (found | twice)
	}
	r.next = 0
	if err := r.read(ctx, t); err != nil {
		return err
	}
	r.count()
	return nil
}
