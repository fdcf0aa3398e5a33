// Command ripen is the whole product in one binary: it takes events in, scores
// leads, and answers for both. Everything a person or a script does with a
// running machine goes through the same commands; `ripen help` lists them.
//
// The package only wires: it reads settings, talks to a server through its
// admin API (a running one, or one it starts for the length of the command),
// and prints. What a command does is decided in the packages it calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes of every command.
const (
	exitDone   = 0 // done
	exitFailed = 1 // refused or failed, with one line on stderr
	exitUsage  = 2 // the command line cannot be understood
)

// run executes one command line and returns its exit code. All of the process
// that a command may touch is in its arguments, and the environment.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runOn(ctx, args, &streams{in: stdin, out: stdout, err: stderr})
}

func runOn(ctx context.Context, args []string, s *streams) int {
	stderr := s.err
	err := dispatch(ctx, args, s)
	switch usage, isUsage := errors.AsType[*usageError](err); {
	case err == nil:
		return exitDone
	case isUsage:
		fmt.Fprintf(stderr, "ripen: %s; see '%s'\n", oneLine(usage.what), usage.help)
		return exitUsage
	case errors.Is(err, errReported):
		return exitFailed
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "ripen: interrupted")
		return exitFailed
	default:
		fmt.Fprintln(stderr, "ripen: "+oneLine(err.Error()))
		return exitFailed
	}
}

// streams are the standard streams of a command, and its clock.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	now func() time.Time // of a server; nil = the machine's. Nothing but a test sets it
}

// errReported ends a command that has already said what is wrong, line by
// line, on its output: exit code 1 and nothing more.
var errReported = errors.New("reported")

// usageError says that a command line cannot be understood.
type usageError struct {
	what string // what is wrong
	help string // the command that explains
}

func (e *usageError) Error() string { return e.what }

// oneLine keeps the promise of one line on stderr.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\n", "; ")), " ")
}
