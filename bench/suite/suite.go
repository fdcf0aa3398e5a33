// Package suite is the bench as one table: it starts the tracker and the
// reference servers, drives them in turn, and sets what was measured against
// the bars. Ratios come from neighbouring cells of one run, median over rounds,
// so that a machine that slows down slows both sides.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"ripen/bench/load"
	"ripen/bench/proc"
	"ripen/bench/target"
)

// Options says what to run. The zero value is the full suite without scale
// scenarios.
type Options struct {
	Binary string    // path of ripen; empty = build it
	Self   string    // this program, which also serves as the bare server
	Dir    string    // for data; empty = a temporary directory, removed at the end
	Quick  bool      // under a minute, for a first look
	Conns  int       // connections; default 256
	Scales []string  // 1m, 10m, 1mleads
	Only   bool      // the scale scenarios alone
	Crash  int       // rounds of kill -9; 0 = 10 (3 if quick), < 0 = none
	Log    io.Writer // progress; nil = none
}

func (o *Options) conns() int {
	if o.Conns > 0 {
		return o.Conns
	}
	return 256
}

// tempo is how much of everything a run does.
type tempo struct {
	rounds     int
	warm, cell time.Duration // per cell: not measured, measured
	flat, half time.Duration // per try for the sustained rate; at half of it
	portion    int           // events between two settlings of a scale scenario
	rest       time.Duration // before memory is measured
	window     time.Duration // in which a server that has nothing to do shows it
}

func (o *Options) tempo() tempo {
	if o.Quick {
		return tempo{2, 250 * time.Millisecond, 1800 * time.Millisecond, 4 * time.Second, 6 * time.Second, 500_000, restTime, restWindow}
	}
	return tempo{5, time.Second, 8 * time.Second, 20 * time.Second, 30 * time.Second, 500_000, restTime, restWindow}
}

func (o *Options) crash() int {
	if o.Crash != 0 {
		return max(0, o.Crash)
	}
	return pick(o.Quick, 3, 10)
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// Report is everything one run measured.
type Report struct {
	Machine string    `json:"machine"`
	Begun   time.Time `json:"begun"`
	Seconds float64   `json:"seconds"`
	Figures []Figure  `json:"figures"`
	Cells   []Cell    `json:"cells"`
	Notes   []string  `json:"notes,omitempty"` // what was skipped or went wrong, aloud
}

// suite is one run under way.
type suite struct {
	Options
	tempo  tempo
	sizes  map[string]scenario
	report Report
	dir    string
	rss    map[string]int64 // :: scale → bytes once folded
}

// Run measures. What fails becomes a note and a figure that was not measured;
// the error is for what makes the run pointless.
func Run(ctx context.Context, o Options) (*Report, error) {
	s := &suite{Options: o, tempo: o.tempo(), sizes: scenarios}
	return s.run(ctx)
}

func (s *suite) run(ctx context.Context) (*Report, error) {
	s.dir = s.Dir
	s.report.Begun = time.Now()
	s.report.Machine = fmt.Sprintf("%s/%s, %d cores, %s, client and server on the same cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "ripen-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	s.report.Machine += "; " + s.writeCost()
	if s.Binary == "" {
		s.say("building ripen (CGO_ENABLED=0)")
		path, err := target.Build(ctx, s.dir)
		if err != nil {
			return nil, err
		}
		s.Binary = path
	}
	s.report.Figures = bars()
	s.binarySize()
	for _, step := range s.steps() {
		s.say("%s", step.name)
		if err := step.run(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			s.note("%s: %v", step.name, err)
		}
	}
	s.report.Seconds = time.Since(s.report.Begun).Seconds()
	return &s.report, nil
}

type step struct {
	name string
	run  func(context.Context) error
}

func (s *suite) steps() []step {
	var steps []step
	if !s.Only {
		steps = append(steps,
			step{"requests against the reference servers", s.ratios},
			step{"sustained load, lag, latencies, disk, restart", s.sustained},
			step{"kill -9 under load", s.crashes})
	}
	for _, name := range s.Scales {
		steps = append(steps, step{"scale " + name, func(ctx context.Context) error { return s.scale(ctx, name) }})
	}
	return steps
}

// open starts a tracker on a directory of its own.
func (s *suite) open(ctx context.Context, name string, captureOnly bool) (*target.Server, error) {
	return target.Open(ctx, target.Config{Binary: s.Binary, Dir: filepath.Join(s.dir, name), CaptureOnly: captureOnly})
}

func (s *suite) note(format string, args ...any) {
	s.report.Notes = append(s.report.Notes, fmt.Sprintf(format, args...))
	s.say("NOTE "+format, args...)
}

// writeCost says what a write costs on this machine.
func (s *suite) writeCost() string {
	c, err := proc.MeasureWrites(s.dir)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("a MiB to the disk costs %.1f ms of processor time through a mapped file, %.1f ms by write", ms(c.Mapped), ms(c.Plain))
}

func (s *suite) say(format string, args ...any) {
	if s.Log != nil {
		fmt.Fprintf(s.Log, "%5.1fs  %s\n", time.Since(s.report.Begun).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (s *suite) binarySize() {
	info, err := os.Stat(s.Binary)
	if err != nil {
		s.note("binary: %v", err)
		return
	}
	s.report.Set(figBinary, float64(info.Size())/1e6, "")
}

// drive runs one load and turns a wrong answer into an error.
func (s *suite) drive(ctx context.Context, cfg load.Config) (*load.Result, error) {
	if cfg.Conns == 0 {
		cfg.Conns = s.conns()
	}
	if cfg.Rate > 0 {
		// A client that mostly waits is cheaper on one processor: none of its
		// threads spins in search of work (measured: 63 instead of 117 µs a
		// request at 2,000 a second).
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	res, err := load.Run(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return res, errors.Join(res.Err(), ctx.Err())
}
