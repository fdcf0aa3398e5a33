// Command bench measures Ripen and the servers it is compared with in one run.
// See bench/README.md for how to read what it prints.
//
//	go run ./bench/cmd/bench            the suite: one table against the bars
//	go run ./bench/cmd/bench load …     drive a server that is running
//	go run ./bench/cmd/bench crash …    kill -9 under load, many times
//	go run ./bench/cmd/bench bare …     the reference server by itself
//	go run ./bench/cmd/bench learn      what learning costs, beside scikit-learn
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errUsage marks what the caller must write differently.
var errUsage = errors.New("wrong use")

func run(ctx context.Context, args []string, out, complaints io.Writer) error {
	name := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.SetOutput(complaints)
	switch name {
	case "":
		return runSuite(ctx, flags, args, out, complaints)
	case "load":
		return runLoad(ctx, flags, args, out)
	case "crash":
		return runCrash(ctx, flags, args, out)
	case "bare":
		return runBare(ctx, flags, args)
	case "learn":
		return runLearn(ctx, flags, args, out, complaints)
	case "fit": // one fit of learn, in a process of its own
		return runFit(flags, args, out)
	}
	return fmt.Errorf("%w: %q is not load, crash, bare or learn; without a word the suite runs", errUsage, name)
}

func parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("what is %q?", flags.Arg(0))
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}
