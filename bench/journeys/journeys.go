// Package journeys measures what journeys cost the running binary: how fast many
// leads enter one, how long a step takes to follow its cause, what a waiting lead
// takes of memory, and what capture loses while leads are under way.
package journeys

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ripen/bench/crash"
	"ripen/bench/load"
	"ripen/bench/suite"
	"ripen/bench/target"
	"ripen/bench/world"
)

// Options says what to measure with. The zero value builds the binary and works in a
// temporary directory.
type Options struct {
	Binary string
	Dir    string
	Quick  bool
	Log    io.Writer
}

const (
	figEnter   = "journey_enter"
	figCPU     = "journey_cpu"
	figStep    = "journey_step"
	figRSS     = "journey_rss"
	figCapture = "journey_capture"
)

func bars() []suite.Figure {
	return []suite.Figure{
		{ID: figEnter, Name: "100,000 leads enter a journey, intents durable, one core", Unit: "s", Reach: 60, Stretch: 30, Digits: 1},
		{ID: figCPU, Name: "  processor time for that", Unit: "s", Reach: 60, Stretch: 30, Digits: 1},
		{ID: figStep, Name: "step after its cause, p99 at 1,000 events/s", Unit: "ms", Reach: 1000, Stretch: 250},
		{ID: figRSS, Name: "RSS per waiting lead", Unit: "B", Reach: 200, Stretch: 100},
		{ID: figCapture, Name: "durable pixel GET requests/s, journeys running ÷ without", Least: true, Reach: 0.95, Stretch: 1, Digits: 2},
	}
}

// The card in its two versions: the second lifts everybody whom the first left cold.
const card = `scorecard: enter
dimensions:
  interest: {kind: behaviour, max: 100, groups: {web: {max: 100, rules: [
    {id: prices, event: page_view, where: {path: "/prices"}, points: %d, decay: none, ignore: [], why: "Looks at prices"}]}}}
score: {combine: sum, of: [{dimension: interest, times: 1}], scale: {from: [0, 100], to: [0, 100]}}
bands: [{name: cold, from: 0}, {name: warm, from: 50}]
`

const note = `mail: note
language: en
purpose: marketing
subject: "A note"
text: |
  Read on: https://vaho.example/note
`

// journey tells a webhook at once and then waits; it also listens to what leads do.
const journey = `journey: enter
purpose: marketing
enter: {band: warm}
goal: {event: purchase}
steps:
  - {id: tell, webhook: {to: crm, type: enter.told}}
  - {id: rest, wait: {event: email_click, timeout: 30d, else: exit}}
`

// segment listens to everything that leads do.
const segment = `segment: regulars
when: "count(page_view, 30d) >= 3"
`

type bench struct {
	Options
	report suite.Report
}

// Run measures everything.
func Run(ctx context.Context, o Options) (*suite.Report, error) {
	b := &bench{Options: o, report: suite.Report{Figures: bars()}}
	temp, err := os.MkdirTemp("", "ripen-journeys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	if b.Dir == "" {
		b.Dir = temp
	}
	if b.Binary == "" {
		if b.Binary, err = target.Build(ctx, temp); err != nil {
			return nil, err
		}
	}
	for _, part := range []func(context.Context) error{b.enter, b.steps, b.capture} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return &b.report, nil
}

func (b *bench) say(format string, args ...any) {
	if b.Log != nil {
		fmt.Fprintf(b.Log, format+"\n", args...)
	}
}

// set says what was measured, and shows it at once.
func (b *bench) set(id string, v float64, note string) {
	b.report.Set(id, v, note)
	b.say("%s %.2f: %s", id, v, note)
}

func (b *bench) leads() int {
	if b.Quick {
		return 10_000
	}
	return 100_000
}

// open starts a server; oneCore lets its code run on one at a time.
func (b *bench) open(ctx context.Context, name string, oneCore bool) (*target.Server, error) {
	if oneCore {
		if err := os.Setenv("GOMAXPROCS", "1"); err != nil {
			return nil, err
		}
		defer os.Unsetenv("GOMAXPROCS")
	}
	return target.Open(ctx, target.Config{Binary: b.Binary, Dir: filepath.Join(b.Dir, name), NoCard: true, Args: []string{"--webhook-allow", "127.0.0.1", "--public-url", "https://t.vaho.example"}})
}

// closed is an address that nobody listens at: what is to leave waits, so that only
// entering is measured.
const closed = "http://127.0.0.1:9/in"

// enter fills a server with leads who are cold, publishes what makes all of them
// warm, and waits until every one has entered and its intent is durable. RSS is that
// of a server that was started again, before and after.
func (b *bench) enter(ctx context.Context) error {
	n := b.leads()
	t, err := b.open(ctx, "enter", true)
	if err != nil {
		return err
	}
	defer func() { t.Kill() }()
	if err := crash.SetUpJourney(ctx, t, fmt.Sprintf(card, 10), note, journey, "127.0.0.1:9", closed); err != nil {
		return err
	}
	b.say("%d leads", n)
	if err := fill(ctx, t, n); err != nil {
		return err
	}
	before, err := b.rested(ctx, &t)
	if err != nil {
		return err
	}
	if _, err := t.Call(ctx, "PUT", "/v1/scorecards/enter", "application/yaml", fmt.Appendf(nil, card, 60)); err != nil {
		return err
	}
	begun := time.Now()
	cpu, err := t.Proc.CPU()
	if err != nil {
		return err
	}
	published := make(chan error, 1)
	go func() {
		_, err := t.Call(ctx, "POST", "/v1/scorecards/enter/publish?ranking=true", "", nil)
		published <- err
	}()
	if err := entered(ctx, t, n); err != nil {
		return err
	}
	took := time.Since(begun)
	if err := <-published; err != nil {
		return err
	}
	spent, err := t.Proc.CPU()
	if err != nil {
		return err
	}
	each := float64(100_000) / float64(n)
	b.set(figEnter, took.Seconds()*each, fmt.Sprintf("%d leads: from the publication that moves them, scoring anew included; GOMAXPROCS=1%s", n, loadNote()))
	b.set(figCPU, (spent-cpu).Seconds()*each, "")
	after, err := b.rested(ctx, &t)
	if err != nil {
		return err
	}
	b.set(figRSS, float64(after-before)/float64(n), fmt.Sprintf("%.1f MB with %d leads waiting, %.1f MB before they entered; started again, at rest", float64(after)/1e6, n, float64(before)/1e6))
	return t.Stop()
}

// fill makes leads that are known and cold.
func fill(ctx context.Context, t *target.Server, n int) error {
	const lanes = 8
	var wg sync.WaitGroup
	errs := make([]error, lanes)
	for lane := range lanes {
		wg.Go(func() {
			for at := lane * 500; at < n && errs[lane] == nil; at += lanes * 500 {
				var body strings.Builder
				body.WriteString(`{"writeKey":"` + t.WriteKey + `","batch":[`)
				for i := at; i < min(n, at+500); i++ {
					if i > at {
						body.WriteByte(',')
					}
					body.Write(events(i))
				}
				body.WriteString("]}")
				_, errs[lane] = t.Send(ctx, "/v1/batch", []byte(body.String()))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	_, err := t.Settle(ctx)
	return err
}

// events are those of a lead who says who it is and looks at prices.
func events(i int) []byte {
	body := crash.EnterBody("", i)
	_, list, _ := strings.Cut(string(body), "[")
	return []byte(strings.TrimSuffix(list, "]}"))
}

// entered waits until so many leads have entered the journey.
func entered(ctx context.Context, t *target.Server, n int) error {
	for {
		b, err := t.Call(ctx, "GET", "/v1/journeys/enter/stats", "", nil)
		if err != nil {
			return err
		}
		var s struct {
			Stats map[string]struct {
				Entered int            `json:"entered"`
				Steps   map[string]int `json:"steps"`
			} `json:"stats"`
		}
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if v := s.Stats["enter@1"]; v.Entered >= n && v.Steps["tell webhook"] >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-died(t):
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func died(t *target.Server) <-chan error {
	out := make(chan error, 1)
	if err := t.Died(); err != nil {
		out <- err
	}
	return out
}

// restTime is how long a server rests before its memory is read.
const restTime = 40 * time.Second

// rested starts the server again and reads its RSS when it has come to rest.
func (b *bench) rested(ctx context.Context, t **target.Server) (int64, error) {
	if err := (*t).Stop(); err != nil {
		return 0, err
	}
	again, err := b.open(ctx, "enter", true)
	if err != nil {
		return 0, err
	}
	*t = again
	if _, err := again.Settle(ctx); err != nil {
		return 0, err
	}
	rest := restTime
	if b.Quick {
		rest /= 2
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(rest):
	}
	m, err := again.Proc.Memory()
	return m.RSS, err
}

// steps sends events at a steady rate, among them those that let leads in, and
// measures from the answer to such an event until the journey's webhook has come.
func (b *bench) steps(ctx context.Context) error {
	t, err := b.open(ctx, "steps", false)
	if err != nil {
		return err
	}
	defer t.Kill()
	hook, err := world.OpenReceiver()
	if err != nil {
		return err
	}
	defer hook.Close()
	if err := crash.SetUpJourney(ctx, t, fmt.Sprintf(card, 60), note, journey, "127.0.0.1:9", hook.URL); err != nil {
		return err
	}
	length := 60 * time.Second
	if b.Quick {
		length = 15 * time.Second
	}
	b.say("1,000 events a second for %v", length)
	busy, stop := context.WithTimeout(ctx, length+5*time.Second)
	defer stop()
	driven := make(chan error, 1)
	var res *load.Result
	go func() {
		var err error
		res, err = load.Run(busy, load.Config{Addr: t.Addr, WriteKey: t.WriteKey, Events: 20, Rate: 50, Conns: 8, Duration: length, Identify: 0.02})
		driven <- err
	}()
	var took []time.Duration
	for i, end := 0, time.Now().Add(length); time.Now().Before(end); i++ {
		d, err := step(ctx, t, hook, 5_000_000+i, i+1)
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	if err := <-driven; err != nil {
		return err
	}
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1e3 }
	b.set(figStep, at(0.99), fmt.Sprintf("from the answer to the event that lets in until the webhook came; p50 %.0f ms, max %.0f ms of %d; %.0f events/s beside them%s", at(0.5), at(1), len(took), res.EventsPerSecond(), loadNote()))
	return nil
}

// step lets one lead in and waits for what the journey does with it: the nth that
// the receiver gets.
func step(ctx context.Context, t *target.Server, hook *world.Receiver, lead, nth int) (time.Duration, error) {
	if _, err := t.Send(ctx, "/v1/batch", crash.EnterBody(t.WriteKey, lead)); err != nil {
		return 0, err
	}
	begun := time.Now()
	for end := begun.Add(time.Minute); hook.Keys() < nth; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) || ctx.Err() != nil {
			return 0, fmt.Errorf("lead %d: no webhook after a minute", lead)
		}
	}
	return time.Since(begun), nil
}

// capture drives two servers in turn, one of which has a journey and a segment that
// listen to everything, with leads under way.
func (b *bench) capture(ctx context.Context) error {
	without, err := b.open(ctx, "without", false)
	if err != nil {
		return err
	}
	defer without.Kill()
	with, err := b.open(ctx, "with", false)
	if err != nil {
		return err
	}
	defer with.Kill()
	for t, j := range map[*target.Server]string{without: "", with: journey} {
		if err := crash.SetUpJourney(ctx, t, fmt.Sprintf(card, 60), note, j, "127.0.0.1:9", closed); err != nil {
			return err
		}
		if err := fill(ctx, t, b.leads()/10); err != nil {
			return err
		}
	}
	if _, err := with.Call(ctx, "PUT", "/v1/segments/regulars", "application/yaml", []byte(segment)); err != nil {
		return err
	}
	if _, err := with.Call(ctx, "POST", "/v1/segments/regulars/publish", "", nil); err != nil {
		return err
	}
	if err := entered(ctx, with, b.leads()/10); err != nil {
		return err
	}
	rounds, cell := 7, 8*time.Second
	if b.Quick {
		rounds, cell = 3, 3*time.Second
	}
	var ratios []float64
	for i := range rounds {
		var rate [2]float64
		for j, t := range []*target.Server{without, with} {
			res, err := load.Run(ctx, load.Config{Addr: t.Addr, WriteKey: t.WriteKey, Conns: 64, Duration: cell, Base: 1_000_000 * (i + 1)})
			if err == nil {
				err = res.Err()
			}
			if err != nil {
				return err
			}
			if _, err := t.Settle(ctx); err != nil {
				return err
			}
			rate[j] = res.PerSecond()
		}
		b.say("capture: %.0f without, %.0f with", rate[0], rate[1])
		ratios = append(ratios, rate[1]/rate[0])
	}
	slices.Sort(ratios)
	b.set(figCapture, ratios[len(ratios)/2], fmt.Sprintf("median of %d rounds, %.2f–%.2f%s", rounds, ratios[0], ratios[len(ratios)-1], loadNote()))
	return nil
}

// loadNote says how busy the machine was with others.
func loadNote() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	one, _, _ := strings.Cut(string(b), " ")
	return "; load " + one + " on " + strconv.Itoa(runtime.NumCPU()) + " cores"
}
