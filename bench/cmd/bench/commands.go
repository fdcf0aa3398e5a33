package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"ripen/bench/crash"
	"ripen/bench/journeys"
	"ripen/bench/learn"
	"ripen/bench/load"
	"ripen/bench/ref"
	"ripen/bench/scoring"
	"ripen/bench/suite"
	"ripen/bench/target"
)

func runSuite(ctx context.Context, flags *flag.FlagSet, args []string, out, log io.Writer) error {
	var o suite.Options
	var scales string
	var asJSON, gate bool
	flags.StringVar(&o.Binary, "ripen", "", "path of the ripen binary; default: build it")
	flags.StringVar(&o.Dir, "dir", "", "directory for data, kept; default: a temporary one")
	flags.BoolVar(&o.Quick, "quick", false, "about a minute, for a first look")
	flags.IntVar(&o.Conns, "conns", 256, "connections")
	flags.StringVar(&scales, "scale", "", "scale scenarios, comma separated: "+strings.Join(suite.Scales(), ", "))
	flags.BoolVar(&o.Only, "scale-only", false, "run the scale scenarios alone")
	flags.IntVar(&o.Crash, "crash", 0, "rounds of kill -9; default 10 (3 with --quick), -1 = none")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	flags.BoolVar(&gate, "gate", false, "fail if a figure misses its bar")
	scored := flags.Bool("scoring", false, "the scoring platform instead of the server under load")
	parts := flags.String("parts", "", "with --scoring, only these parts, comma separated: "+strings.Join(scoring.Parts(), ", "))
	walked := flags.Bool("journeys", false, "what journeys cost instead of the server under load")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *walked {
		report, err := journeys.Run(ctx, journeys.Options{Binary: o.Binary, Dir: o.Dir, Quick: o.Quick, Log: log})
		return show(report, err, out, asJSON, gate)
	}
	if *scored {
		p := scoring.Options{Binary: o.Binary, Dir: o.Dir, Quick: o.Quick, Log: log}
		if *parts != "" {
			p.Only = strings.Split(*parts, ",")
		}
		report, err := scoring.Run(ctx, p)
		return show(report, err, out, asJSON, gate)
	}
	if scales != "" {
		o.Scales = strings.Split(scales, ",")
	}
	var err error
	if o.Self, err = os.Executable(); err != nil {
		return err
	}
	o.Log = log
	report, err := suite.Run(ctx, o)
	return show(report, err, out, asJSON, gate)
}

// show prints a report for people or machines; as a gate, it fails with it.
func show(report *suite.Report, err error, out io.Writer, asJSON, gate bool) error {
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.Print(out)
	}
	if n := report.Missed(); err == nil && gate && n > 0 {
		err = fmt.Errorf("%d figures miss their bar", n)
	}
	return err
}

func runLoad(ctx context.Context, flags *flag.FlagSet, args []string, out io.Writer) error {
	var cfg load.Config
	flags.StringVar(&cfg.Addr, "addr", "127.0.0.1:8080", "server, on this machine")
	flags.StringVar(&cfg.WriteKey, "key", "demo", "write key")
	flags.IntVar(&cfg.Events, "events", 20, "events per POST /v1/batch; 0 = pixel GETs")
	flags.Float64Var(&cfg.Identify, "identify", 0.02, "share of identifies")
	flags.IntVar(&cfg.Visitors, "visitors", 10_000, "visitors")
	flags.BoolVar(&cfg.Each, "each", false, "visitors in turn instead of at random")
	flags.StringVar(&cfg.Format, "format", "", "of batches: "+strings.Join(load.Formats(), ", "))
	flags.IntVar(&cfg.Visit, "visit", 1, "events in a row that one visitor has in a request")
	flags.IntVar(&cfg.Conns, "conns", 256, "connections")
	flags.BoolVar(&cfg.Fresh, "fresh", false, "a new connection per request")
	flags.Float64Var(&cfg.Rate, "rate", 0, "requests per second; 0 = as fast as answers come")
	flags.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long")
	flags.Int64Var(&cfg.Requests, "requests", 0, "stop after so many; 0 = no limit")
	flags.Uint64Var(&cfg.Seed, "seed", 0, "of ids and choices; 0 = from the clock")
	if err := parse(flags, args); err != nil {
		return err
	}
	if cfg.Rate > 0 {
		runtime.GOMAXPROCS(1) // cheaper for a client that mostly waits
	}
	res, err := load.Run(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d requests, %.0f/s; %d events ok, %.0f/s; duplicate %d, drop %d, retry %d; statuses %v\n",
		res.Requests, res.PerSecond(), res.Events, res.EventsPerSecond(), res.Duplicate, res.Drop, res.Retry, res.Statuses)
	fmt.Fprintf(out, "latency p50 %v  p90 %v  p99 %v  p999 %v  max %v\n", res.Latency(50), res.Latency(90), res.Latency(99), res.Latency(99.9), res.Max())
	if cfg.Rate > 0 {
		fmt.Fprintf(out, "the client itself was late by p50 %v  p99 %v\n", res.ClientLag(50), res.ClientLag(99))
	}
	fmt.Fprintf(out, "client CPU %v, %.2f µs a request\n", res.ClientCPU, float64(res.ClientCPU.Microseconds())/float64(max(1, res.Requests)))
	return res.Err()
}

func runCrash(ctx context.Context, flags *flag.FlagSet, args []string, out io.Writer) error {
	cfg := crash.Config{Log: out}
	flags.StringVar(&cfg.Binary, "ripen", "", "path of the ripen binary; default: build it")
	flags.StringVar(&cfg.Dir, "dir", "", "data directory, kept; default: a temporary one")
	flags.IntVar(&cfg.Rounds, "rounds", 10, "how often to kill")
	flags.IntVar(&cfg.Conns, "conns", 48, "connections")
	flags.Uint64Var(&cfg.Seed, "seed", 0, "of the moments of death; 0 = from the clock")
	walked := flags.Bool("journeys", false, "kill while leads walk a journey, and count what a mail server and a webhook got")
	if err := parse(flags, args); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "ripen-crash-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(temp, "data")
	}
	if cfg.Binary == "" {
		if cfg.Binary, err = target.Build(ctx, temp); err != nil {
			return err
		}
	}
	if *walked {
		res, err := crash.RunIntents(ctx, crash.IntentsConfig{Binary: cfg.Binary, Dir: cfg.Dir, Rounds: cfg.Rounds, Seed: cfg.Seed, Log: out})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d kills, %d leads: %d intents, %d never came, %d under a strange key; %d deliveries repeated, of %d attempts with unknown outcome; %d without reason\n",
			res.Rounds, res.Leads, res.Intents, res.Missing, res.Strange, res.Repeated, res.Unknown, res.Blind)
		return res.Err()
	}
	res, err := crash.Run(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d kills: %d events sent, %d acknowledged, %d resent, %d of them already stored; lost %d, stored twice %d; slowest open %v\n",
		res.Rounds, res.Sent, res.Acked, res.Resent, res.Survived, res.Lost, res.Duplicated, res.OpenMax.Round(time.Millisecond))
	return res.Err()
}

func runBare(ctx context.Context, flags *flag.FlagSet, args []string) error {
	addr := flags.String("listen", "127.0.0.1:0", "address, on this machine")
	if err := parse(flags, args); err != nil {
		return err
	}
	return ref.ServeBare(ctx, *addr)
}

func runLearn(ctx context.Context, flags *flag.FlagSet, args []string, out, log io.Writer) error {
	asJSON := flags.Bool("json", false, "print JSON")
	gate := flags.Bool("gate", false, "fail if a figure misses its bar")
	if err := parse(flags, args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	report, err := learn.Run(ctx, learn.Options{Self: self, Log: log})
	return show(report, err, out, *asJSON, *gate)
}

func runFit(flags *flag.FlagSet, args []string, out io.Writer) error {
	file := flags.String("file", "", "a file with a column won")
	model := flags.String("model", "card", "card or trees")
	if err := parse(flags, args); err != nil {
		return err
	}
	fit, err := learn.One(*file, *model)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(fit)
}
