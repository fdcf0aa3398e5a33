// Package scoring is the bench of the scoring platform: what a compiled card
// costs beside the same rules by hand and beside other engines, what gas costs,
// what strangers' modules can do to the process, and how long a change of rules
// takes over many leads. Whatever is compared is compared in its results first,
// and timed in turn within one run.
package scoring

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"ripen/bench/suite"
	"ripen/bench/target"
	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// Options says what to run. The zero value is all of it.
type Options struct {
	Binary string    // path of ripen; empty = build it
	Dir    string    // for data; empty = a temporary directory, removed at the end
	Quick  bool      // a minute or two, with fewer leads
	Only   []string  // parts, by name; empty = all
	Log    io.Writer // progress; nil = none
}

// tempo is how much of everything a run does.
type tempo struct {
	rounds   int
	slice    time.Duration // of a lane in a round
	cards    int           // from text to runnable
	stalls   int           // times that the world is stopped, with and without a hostile guest
	uploads  int           // hostile uploads of each kind
	tenants  int           // compiled cards in memory
	rescored int           // leads with ten events
	simulate int           // leads with twenty events
}

func (o *Options) tempo() tempo {
	if o.Quick {
		return tempo{5, 40 * time.Millisecond, 40, 300, 1, 50, 50_000, 10_000}
	}
	return tempo{11, 160 * time.Millisecond, 300, 2000, 2, 200, 1_000_000, 100_000}
}

// bench is one run under way.
type bench struct {
	Options
	tempo  tempo
	dir    string
	report suite.Report
}

// Run measures. What fails becomes a note and a figure that was not measured;
// the error is for what makes the run pointless.
func Run(ctx context.Context, o Options) (*suite.Report, error) {
	b := &bench{Options: o, tempo: o.tempo()}
	return b.run(ctx)
}

// part is something that can be measured alone.
type part struct {
	name, what string
	run        func(context.Context) error
}

// Parts are the names that Options.Only takes.
func Parts() (names []string) {
	for _, p := range (&bench{}).parts() {
		names = append(names, p.name)
	}
	return names
}

func (b *bench) parts() []part {
	return []part{
		{"card", "twenty rules: compiled, by hand, by other engines", b.card},
		{"trees", "a model of a hundred trees: compiled, and flat in Go", b.trees},
		{"guest", "a guest in C: in its box, and native", b.guest},
		{"gas", "what gas costs", b.gas},
		{"runnable", "a card from text to runnable", b.runnable},
		{"resident", "what a tenant takes of memory", b.resident},
		{"stall", "how long a hostile guest holds the world up", b.stall},
		{"neighbour", "what a runaway does to another tenant", b.neighbour},
		{"upload", "hostile uploads", b.upload},
		{"simulate", "a simulation over many leads", b.simulate},
		{"rescore", "a publication over many leads", b.rescore},
	}
}

func (b *bench) run(ctx context.Context) (*suite.Report, error) {
	for _, name := range b.Only {
		if !slices.Contains(Parts(), name) {
			return nil, fmt.Errorf("unknown part %q: need one of %v", name, Parts())
		}
	}
	b.report.Begun = time.Now()
	b.report.Machine = fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	b.report.Figures = bars()
	if b.dir = b.Dir; b.dir == "" {
		dir, err := os.MkdirTemp("", "ripen-scoring-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		b.dir = dir
	}
	if b.Quick {
		b.note("--quick: %d instead of 1,000,000 leads are scored again, %d instead of 100,000 simulated; times are extended to the full number", b.tempo.rescored, b.tempo.simulate)
	}
	for _, p := range b.parts() {
		if len(b.Only) > 0 && !slices.Contains(b.Only, p.name) {
			continue
		}
		b.say("%s: %s", p.name, p.what)
		if err := p.run(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			b.note("%s: %v", p.name, err)
		}
	}
	b.report.Seconds = time.Since(b.report.Begun).Seconds()
	return &b.report, nil
}

// binary builds ripen when it is first needed.
func (b *bench) binary(ctx context.Context) (string, error) {
	if b.Binary == "" {
		b.say("building ripen (CGO_ENABLED=0)")
		path, err := target.Build(ctx, b.dir)
		if err != nil {
			return "", err
		}
		b.Binary = path
	}
	return b.Binary, nil
}

// open starts a tracker on a directory of its own.
func (b *bench) open(ctx context.Context, name string) (*target.Server, error) {
	binary, err := b.binary(ctx)
	if err != nil {
		return nil, err
	}
	return target.Open(ctx, target.Config{Binary: binary, Dir: filepath.Join(b.dir, name)})
}

func (b *bench) note(format string, args ...any) {
	b.report.Notes = append(b.report.Notes, fmt.Sprintf(format, args...))
	b.say("NOTE "+format, args...)
}

func (b *bench) say(format string, args ...any) {
	if b.Log != nil {
		fmt.Fprintf(b.Log, "%5.1fs  %s\n", time.Since(b.report.Begun).Seconds(), fmt.Sprintf(format, args...))
	}
}

// twenty is the card of the twenty rules at work.
type twenty struct {
	card   *scorecard.Card
	in     *host.Instance
	events [][]wasm.Event // of each record
	host   *host.Host
}

func openTwenty(ctx context.Context) (*twenty, error) {
	c, err := scorecard.Parse("twenty.yaml", cardText(0))
	if err != nil {
		return nil, err
	}
	code, err := compile.Module(c)
	if err != nil {
		return nil, err
	}
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return nil, err
	}
	t := &twenty{card: c, host: h}
	m, err := h.Load(ctx, c, code)
	if err == nil {
		t.in, err = m.NewInstance(ctx)
	}
	if err != nil {
		_ = h.Close() // what went wrong first is what counts
		return nil, err
	}
	for _, r := range records() {
		t.events = append(t.events, r.events(c))
	}
	return t, nil
}

func (t *twenty) close() error { return t.host.Close() }
