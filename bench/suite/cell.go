package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"ripen/bench/load"
	"ripen/bench/proc"
	"ripen/bench/ref"
	"ripen/bench/target"
)

// Cell is one server driven with one case in one round.
type Cell struct {
	Round    int     `json:"round"`
	Server   string  `json:"server"`
	Case     string  `json:"case"`
	Requests float64 `json:"requests_per_second"`
	Events   float64 `json:"events_per_second"`
	CPU      float64 `json:"cpu_us_per_event"`    // of the server, until it had folded what it took
	Client   float64 `json:"client_us_per_event"` // of this program
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	LagP99   float64 `json:"lag_p99_ms"` // of the fold; 0 where nothing is folded
	Shed     int64   `json:"shed,omitempty"`
	Trouble  string  `json:"trouble,omitempty"`
}

// caseOf is what a cell sends.
type caseOf struct {
	name   string
	events int
	fresh  bool
	deep   bool   // in the full suite only
	format string // of a batch; empty = Segment's
}

// formatCases are batches in other people's words, the first in those of Segment's
// own browser library. They are measured against that, in turn, on the server that only
// captures: folding costs all of them the same.
func formatCases() (list []caseOf) {
	for _, name := range load.Formats()[1:] {
		list = append(list, caseOf{name: "POST 20 " + name, events: 20, format: name})
	}
	return list
}

var (
	casePixel = caseOf{name: "GET pixel"}
	casePost  = caseOf{name: "POST 20", events: 20}
	caseOne   = caseOf{name: "POST 1", events: 1, deep: true}
	caseFresh = caseOf{name: "GET pixel, new connection", fresh: true, deep: true}
)

// contender is one server that takes part in the rounds.
type contender struct {
	name    string
	addr    string
	key     string
	proc    *proc.Process
	tracker *target.Server // nil for a reference
	folds   bool
	pixels  bool // can only do pixels
}

const (
	nameBare    = "bare fasthttp"
	nameNginx   = "nginx + access log"
	nameCapture = "ripen, capture only"
	nameFull    = "ripen"
)

// ratios drives all servers in turn, round after round.
func (s *suite) ratios(ctx context.Context) error {
	servers, closeAll, err := s.contenders(ctx)
	defer closeAll()
	if err != nil {
		return err
	}
	captures := slices.IndexFunc(servers, func(c *contender) bool { return c.name == nameCapture })
	for round := range s.tempo.rounds {
		for _, c := range []caseOf{casePixel, caseOne, caseFresh, casePost} {
			if c.deep && s.Quick {
				continue
			}
			for i := range servers {
				server := servers[(i+round)%len(servers)] // nobody is always first
				if server.pixels && c.events > 0 {
					continue
				}
				if err := s.add(ctx, server, c, round); err != nil {
					return err
				}
			}
		}
		for i, list := 0, formatCases(); i < len(list); i++ {
			if err := s.add(ctx, servers[captures], list[(i+round)%len(list)], round); err != nil {
				return err
			}
		}
	}
	s.compare()
	return nil
}

// add measures a cell and puts it into the report.
func (s *suite) add(ctx context.Context, server *contender, c caseOf, round int) error {
	cell := s.measure(ctx, server, c)
	cell.Round = round + 1
	s.report.Cells = append(s.report.Cells, cell)
	s.say("%-20s %-26s %9.0f req/s %9.0f ev/s %6.1f µs/ev  p99 %.1f ms %s", cell.Server, cell.Case, cell.Requests, cell.Events, cell.CPU, cell.P99, cell.Trouble)
	return ctx.Err()
}

// contenders starts all servers; closeAll is never nil.
func (s *suite) contenders(ctx context.Context) (servers []*contender, closeAll func(), err error) {
	var closers []func()
	closeAll = func() {
		for _, c := range slices.Backward(closers) {
			c()
		}
	}
	bare, err := ref.StartBare(s.Log, s.Self)
	if err != nil {
		return nil, closeAll, err
	}
	closers = append(closers, bare.Close)
	servers = append(servers, &contender{name: nameBare, addr: bare.Addr, key: "bench", proc: bare.Proc})
	for _, captureOnly := range []bool{true, false} {
		name := pick(captureOnly, nameCapture, nameFull)
		t, err := s.open(ctx, pick(captureOnly, "capture", "full"), captureOnly)
		if err != nil {
			return nil, closeAll, fmt.Errorf("%s: %w", name, err)
		}
		closers = append(closers, t.Kill)
		servers = append(servers, &contender{name: name, addr: t.Addr, key: t.WriteKey, proc: t.Proc, tracker: t, folds: !captureOnly})
	}
	path := ref.FindNginx()
	if path == "" {
		s.note("nginx is not installed (apt-get install nginx-light): its row is skipped")
		return servers, closeAll, nil
	}
	nginx, err := ref.StartNginx(s.Log, path, filepath.Join(s.dir, "nginx"))
	if err != nil {
		s.note("nginx: %v: its row is skipped", err)
		return servers, closeAll, nil
	}
	closers = append(closers, nginx.Close)
	return append(servers, &contender{name: nameNginx, addr: nginx.Addr, key: "bench", proc: nginx.Proc, pixels: true}), closeAll, nil
}

// measure warms a server up, drives it for a cell's length, and waits until it
// has folded what it took: that work is in the cell's processor time.
func (s *suite) measure(ctx context.Context, c *contender, what caseOf) Cell {
	cell := Cell{Server: c.name, Case: what.name}
	cfg := load.Config{Addr: c.addr, WriteKey: c.key, Events: what.events, Format: what.format, Fresh: what.fresh, Identify: 0.02}
	cfg.Duration = s.tempo.warm
	_, err := s.drive(ctx, cfg)
	if err != nil {
		cell.Trouble = "warm-up: " + err.Error()
		return cell
	}
	if err := s.settle(ctx, c, what); err != nil {
		cell.Trouble = err.Error()
		return cell
	}
	cpu, err := c.proc.CPU()
	if err != nil {
		cell.Trouble = err.Error()
		return cell
	}
	before := s.stored(ctx, c, what)
	var lag *lagSampler
	if c.folds {
		lag = sampleLag(ctx, c.tracker)
	}
	cfg.Duration = s.tempo.cell
	res, err := s.drive(ctx, cfg)
	if lag != nil {
		cell.LagP99 = lag.stop()
	}
	err = errors.Join(err, s.settle(ctx, c, what))
	after, err2 := c.proc.CPU()
	if err = errors.Join(err, err2); err != nil && c.tracker != nil {
		err = errors.Join(err, c.tracker.Died())
	}
	if err != nil {
		cell.Trouble = err.Error()
	}
	if res != nil {
		cell.fill(res, after-cpu)
		if got := s.stored(ctx, c, what) - before; what.format != "" && cell.Trouble == "" && got != res.Events {
			cell.Trouble = fmt.Sprintf("the server stored %d of %d events that it said it took", got, res.Events)
		}
	}
	return cell
}

// stored is how many events a tracker says it has stored: what most protocols'
// answers do not say.
func (s *suite) stored(ctx context.Context, c *contender, what caseOf) int64 {
	if what.format == "" {
		return 0
	}
	n, err := c.tracker.Metric(ctx, `ripen_ingest_events_total{verdict="ok"}`)
	if err != nil {
		s.note("%s: %v", c.name, err)
	}
	return int64(n)
}

// settle waits until the server has done what its events ask for: it has folded them,
// or, where formats are compared, joined and compacted their blocks. That work comes
// seconds later, and would be in the next cell's processor time.
func (s *suite) settle(ctx context.Context, c *contender, what caseOf) error {
	if c.folds {
		_, err := c.tracker.Settle(ctx)
		return err
	}
	if what.format == "" || s.tempo.window == 0 {
		return nil
	}
	last := time.Duration(-1)
	for end := time.Now().Add(maxRest); time.Now().Before(end); {
		now, err := c.proc.CPU()
		if err != nil || last >= 0 && now-last < s.tempo.window/50 {
			return err
		}
		last = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.tempo.window):
		}
	}
	return nil
}

// A server rests that has used a fiftieth of a processor over a window; blocks are
// joined every two seconds.
const (
	restWindow = 2500 * time.Millisecond
	maxRest    = 15 * time.Second
)

func (c *Cell) fill(res *load.Result, cpu time.Duration) {
	c.Requests, c.Events, c.Shed = res.PerSecond(), res.EventsPerSecond(), res.Retry
	if res.Events > 0 {
		c.CPU = float64(cpu.Microseconds()) / float64(res.Events)
		c.Client = float64(res.ClientCPU.Microseconds()) / float64(res.Events)
	}
	c.P50, c.P99, c.P999 = ms(res.Latency(50)), ms(res.Latency(99)), ms(res.Latency(99.9))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// compare turns the cells into ratios: one per round, the median counts.
func (s *suite) compare() {
	// Events with the verdict ok, not answers: what was shed does not count.
	events := func(c *Cell) float64 { return c.Events }
	s.ratio(figGetCapture, casePixel, nameCapture, nameBare, events)
	s.ratio(figGetFull, casePixel, nameFull, nameBare, events)
	s.ratio(figNginx, casePixel, nameCapture, nameNginx, events)
	s.ratio(figPostCapture, casePost, nameCapture, nameBare, events)
	for _, f := range formatCases() {
		cpu := func(c *Cell) float64 { return c.CPU }
		if f.format != load.NextFormat {
			s.quotient(figFormat+f.format, cellName{nameCapture, f.name}, cellName{nameCapture, formatCases()[0].name}, cpu)
			s.formatNote(f)
		}
	}
	s.ratio(figP99, casePixel, nameCapture, nameBare, func(c *Cell) float64 { return c.P99 })
}

// formatNote adds what both sides of a format's ratio cost, how much they sent, and
// the ratio to the lean events of the other rows.
func (s *suite) formatNote(f caseOf) {
	figure := s.report.Figure(figFormat + f.format)
	if !figure.Known {
		return
	}
	cost := func(name string) float64 {
		var list []float64
		for i := range s.report.Cells {
			if c := &s.report.Cells[i]; c.Server == nameCapture && c.Case == name {
				list = append(list, c.CPU)
			}
		}
		slices.Sort(list)
		return median(list)
	}
	own, lean := cost(f.name), cost(casePost.name)
	figure.Note += fmt.Sprintf("; %.1f against %.1f µs, %d against %d bytes an event; %.2f of Segment's events of %d bytes", own, cost(formatCases()[0].name),
		load.EventBytes(f.format), load.EventBytes(load.NextFormat), own/lean, load.EventBytes(""))
}

// cellName is which cells of a round a side of a ratio is.
type cellName struct{ server, what string }

func (s *suite) ratio(id string, what caseOf, ours, theirs string, of func(*Cell) float64) {
	s.quotient(id, cellName{ours, what.name}, cellName{theirs, what.name}, of)
}

func (s *suite) quotient(id string, ours, theirs cellName, of func(*Cell) float64) {
	byRound := map[int][2]float64{} // :: round → ours, theirs
	lag, trouble := 0.0, ""
	for i := range s.report.Cells {
		c := &s.report.Cells[i]
		is := cellName{c.Server, c.Case}
		if is != ours && is != theirs {
			continue
		}
		pair := byRound[c.Round]
		if is == ours {
			pair[0] = of(c)
			lag = max(lag, c.LagP99)
		} else {
			pair[1] = of(c)
		}
		if c.Trouble != "" {
			trouble = c.Server + ": " + c.Trouble
		}
		byRound[c.Round] = pair
	}
	var ratios []float64
	for _, pair := range byRound {
		if pair[0] > 0 && pair[1] > 0 {
			ratios = append(ratios, pair[0]/pair[1])
		}
	}
	switch {
	case len(ratios) == 0:
		s.report.Figure(id).Note = trouble
	case trouble != "":
		s.note("%s: left out, its cells have errors: %s", s.report.Figure(id).Name, trouble)
		s.report.Figure(id).Note = trouble
	default:
		slices.Sort(ratios)
		note := fmt.Sprintf("%.2f–%.2f over %d rounds", ratios[0], ratios[len(ratios)-1], len(ratios))
		if lag > 0 {
			note += fmt.Sprintf(", fold lag p99 %.0f ms", lag)
		}
		s.report.Set(id, median(ratios), note)
		if lag > keepsUp {
			s.report.Figure(id).Known = false
			s.report.Figure(id).Note = fmt.Sprintf("%.2f, but the fold did not keep up: lag p99 %.0f ms", median(ratios), lag)
		}
	}
}

// keepsUp is the fold lag, in ms, beyond which a rate does not count as kept.
const keepsUp = 1000

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
