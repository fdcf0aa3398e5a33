package suite

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ripen/bench/faketracker"
	"ripen/bench/ref"
)

// TestMain is also the two servers that the suite starts: the bare one and a
// stand-in for ripen.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "bare" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := ref.ServeBare(ctx, os.Args[3])
		stop()
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	faketracker.Main()
	os.Exit(m.Run())
}

// A whole run, scale scenarios included, against the stand-in: every figure
// gets a value, every table is printed.
func TestTheSuiteMeasuresEveryFigure(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(faketracker.Env, "none")
	small := map[string]scenario{}
	for name, sc := range scenarios {
		sc.events, sc.visitors = 2000, 100
		small[name] = sc
	}
	blink := 80 * time.Millisecond
	var log sharedLog
	s := &suite{
		Options: Options{Binary: self, Self: self, Dir: t.TempDir(), Conns: 8, Crash: 1, Log: &log, Scales: Scales()},
		tempo:   tempo{rounds: 2, warm: blink / 3, cell: blink, flat: blink, half: 4 * blink, portion: 1000},
		sizes:   small,
	}
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	nginx := ref.FindNginx() != ""
	for i := range report.Figures {
		f := &report.Figures[i]
		if !f.Known && (nginx || f.ID != figNginx) {
			t.Errorf("%s: not measured (%s)", f.Name, f.Note)
		}
	}
	if nginx && len(report.Notes) > 0 {
		t.Errorf("notes: %q", report.Notes)
	}
	cells := map[string]int{}
	for i := range report.Cells {
		c := &report.Cells[i]
		cells[c.Server]++
		if c.Trouble != "" || c.Events <= 0 || c.P50 <= 0 || c.P99 < c.P50 || c.P999 < c.P99 {
			t.Errorf("cell %+v", *c)
		}
	}
	if cells[nameBare] != 8 || cells[nameCapture] != 8+2*len(formatCases()) || cells[nameFull] != 9 {
		t.Errorf("cells by server: %v, want two rounds of four cases and the wire formats, and the one flat out", cells)
	}
	var out bytes.Buffer
	if err := report.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"durable pixel GET requests/s ÷ bare, capture only", "≥ 60000 ev/s", "p999 ms", nameCapture} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if t.Failed() {
		t.Log(log.String(), out.String())
	}
}

func TestWhatCannotRunIsANote(t *testing.T) {
	s := &suite{Options: Options{Binary: "/bin/false", Self: "/bin/false", Dir: t.TempDir(), Crash: -1, Scales: []string{"7m"}}, tempo: (&Options{Quick: true}).tempo(), sizes: scenarios}
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(report.Notes, "\n")
	for _, want := range []string{"reference servers: bare fasthttp", "ripen tenant create", `unknown scale "7m"`} {
		if !strings.Contains(all, want) {
			t.Errorf("notes lack %q:\n%s", want, all)
		}
	}
	if report.Missed() != 0 {
		t.Errorf("%d figures missed without being measured", report.Missed())
	}
}

func TestVerdict(t *testing.T) {
	f := func(least bool, measured float64, want string) {
		t.Helper()
		fig := Figure{Least: least, Reach: 10, Stretch: 20, Measured: measured, Known: true}
		if !least {
			fig.Reach, fig.Stretch = 20, 10
		}
		if got := fig.Verdict(); got != want {
			t.Errorf("least %v, %v: %s, want %s", least, measured, got, want)
		}
	}
	f(true, 9.9, "MISSED")
	f(true, 10, "reached")
	f(true, 20, "stretch")
	f(false, 20.1, "MISSED")
	f(false, 20, "reached")
	f(false, 10, "stretch")
	if got := (&Figure{}).Verdict(); got != "not measured" {
		t.Errorf("an unknown figure: %s", got)
	}
}

func TestFiguresAreDistinct(t *testing.T) {
	var ids []string
	for _, f := range bars() {
		if f.Least && f.Stretch < f.Reach || !f.Least && f.Stretch > f.Reach {
			t.Errorf("%s: stretch %v is easier than reach %v", f.Name, f.Stretch, f.Reach)
		}
		ids = append(ids, f.ID)
	}
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
		t.Errorf("ids repeat: %v", ids)
	}
}

// Ratios pair the cells of one round; the median of the rounds counts.
func TestRatiosAreMediansOverRounds(t *testing.T) {
	f := func(name string, cells []Cell, want float64, known bool, note string) {
		t.Run(name, func(t *testing.T) {
			s := &suite{}
			s.report.Figures, s.report.Cells = bars(), cells
			s.compare()
			got := s.report.Figure(figGetFull)
			if got.Measured != want && known || got.Known != known || !strings.Contains(got.Note, note) {
				t.Fatalf("%+v", *got)
			}
		})
	}
	cell := func(round int, server string, events, lag float64) Cell {
		return Cell{Round: round, Server: server, Case: casePixel.name, Events: events, LagP99: lag}
	}
	rounds := []Cell{
		cell(1, nameBare, 100, 0), cell(1, nameFull, 50, 1),
		cell(2, nameBare, 10, 0), cell(2, nameFull, 4, 1),
		cell(3, nameBare, 100, 0), cell(3, nameFull, 90, 1),
	}
	f("three rounds", rounds, 0.5, true, "0.40–0.90 over 3 rounds")
	f("no cells", nil, 0, false, "")
	f("the fold is behind", append(slices.Clone(rounds), cell(4, nameBare, 100, 0), cell(4, nameFull, 50, 5000)), 0, false, "did not keep up")
	bad := cell(4, nameFull, 50, 0)
	bad.Trouble = "3 wrong answers"
	f("a cell with errors", append(slices.Clone(rounds), bad), 0, false, "3 wrong answers")
}

// sharedLog takes what the suite and the servers it starts say at once.
type sharedLog struct {
	mu sync.Mutex // guards b, during each call
	b  bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *sharedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
