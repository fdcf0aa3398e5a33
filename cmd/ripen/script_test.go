package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ripen/tracker"
	"ripen/tracker/ingest/geotest"
	"ripen/tracker/server"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ripen": mainAtClock})
}

// mainAtClock is main, with a clock that a story moves. The binary that people get
// has no such thing.
func mainAtClock() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s := &streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if file := os.Getenv("TEST_CLOCK"); file != "" {
		s.now = movedClock(file)
	}
	code := runOn(ctx, os.Args[1:], s)
	stop()
	os.Exit(code)
}

// movedClock is the machine's clock, and as much later as a file says.
func movedClock(file string) func() time.Time {
	var read, later atomic.Int64 // when it was read last, in unix ns; what it said
	return func() time.Time {
		now := time.Now()
		if last := read.Load(); now.UnixNano()-last > int64(10*time.Millisecond) && read.CompareAndSwap(last, now.UnixNano()) {
			if b, err := os.ReadFile(file); err == nil {
				if d, err := time.ParseDuration(strings.TrimSpace(string(b))); err == nil {
					later.Store(int64(d))
				}
			}
		}
		return now.Add(time.Duration(later.Load()))
	}
}

// cmdClock moves the clock of the servers that the story starts and has started.
//
//	clock DURATION-FROM-NOW
func cmdClock(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: clock DURATION-FROM-NOW")
	}
	_, err := time.ParseDuration(args[0])
	ts.Check(err)
	file := ts.MkAbs("clock")
	ts.Check(os.WriteFile(file+".new", []byte(args[0]), 0o644))
	ts.Check(os.Rename(file+".new", file))
}

// imports begins as a module of AssemblyScript does that was not told to trap: it
// asks for env.abort.
const imports = "\x00asm\x01\x00\x00\x00" +
	"\x01\x08\x01\x60\x04\x7f\x7f\x7f\x7f\x00" +
	"\x02\x0d\x01\x03env\x05abort\x00\x00"

// TestScript runs the acceptance stories: what people do with the product,
// with its own command line, in processes of their own.
func TestScript(t *testing.T) { testscript.Run(t, stories("testdata/script")) }

// stories are those of a folder, with the words that they are told in.
func stories(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// The folder of real samples has the name of a flag's twin: stories
			// that need it say $SAMPLES.
			e.Setenv("SAMPLES", os.Getenv("RIPEN_DATA"))
			e.Setenv("LANG", "C")
			return errors.Join(
				os.CopyFS(e.WorkDir, os.DirFS("../../wasm/host/testdata")), // counter.wasm, and fragile.wasm, which traps for a lead's 42nd event
				os.WriteFile(filepath.Join(e.WorkDir, "imports.wasm"), []byte(imports), 0o644))
		},
		Condition: func(cond string) (bool, error) {
			name, isSample := strings.CutPrefix(cond, "sample:")
			if !isSample {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := os.Stat(filepath.Join(os.Getenv("RIPEN_DATA"), name))
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":   cmdReady,
			"http":    cmdHTTP,
			"flood":   cmdFlood,
			"jsonenv": cmdJSONEnv,
			"flip":    cmdFlip,
			"remove":  cmdRemove,
			"repeat":  cmdRepeat,
			"token":   cmdToken,
			"sign":    cmdSign,
			"mmdb":    cmdMMDB,
			"clock":   cmdClock,

			"receiver": cmdReceiver,
			"received": cmdReceived,
			"mailbox":  cmdMailbox,
			"mailed":   cmdMailed,
			"waitfor":  cmdWaitFor,
		},
	}
}

// cmdMMDB writes a MaxMind DB beside the file and renames it into its place.
//
//	mmdb FILE NETWORK=ES|MD|Madrid|Europe/Madrid…
func cmdMMDB(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: mmdb FILE NETWORK=ES|MD|Madrid|Europe/Madrid…")
	}
	places := map[string]string{}
	for _, arg := range args[1:] {
		network, at, _ := strings.Cut(arg, "=")
		places[network] = at
	}
	b, err := geotest.DB("GeoLite2-City", places)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path+".new", b, 0o644))
	ts.Check(os.Rename(path+".new", path))
}

// cmdReady waits until a server has announced itself in a data directory.
//
//	ready DIR
func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: ready DIR")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if a, ok := server.Announced(ctx, ts.MkAbs(args[0])); ok {
			ts.Setenv("URL", a.URL)
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("no server in %s", args[0])
		case <-tick.C:
		}
	}
}

// cmdHTTP sends a request to the server that ready found and prints the body.
//
//	http STATUS METHOD PATH [-key SECRET] [-H 'Name: value'] [-body FILE] [-data TEXT]
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || neg {
		ts.Fatalf("usage: http STATUS METHOD PATH [-key SECRET] [-H 'Name: value'] [-body FILE] [-data TEXT]")
	}
	var body []byte
	req, err := http.NewRequest(args[1], ts.Getenv("URL")+args[2], nil)
	ts.Check(err)
	for rest := args[3:]; len(rest) >= 2; rest = rest[2:] {
		switch rest[0] {
		case "-key":
			req.Header.Set("Authorization", "Bearer "+rest[1])
		case "-H":
			name, value, _ := strings.Cut(rest[1], ": ")
			req.Header.Set(name, value)
		case "-body":
			body = []byte(ts.ReadFile(rest[1]))
		case "-data":
			body = []byte(rest[1])
		default:
			ts.Fatalf("http: %s?", rest[0])
		}
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", "application/json")
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // a redirect is an answer
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("%s %s: status %s, want %s\n%s", args[1], args[2], got, args[0], b)
	}
	for name := range resp.Header {
		fmt.Fprintf(ts.Stderr(), "%s: %s\n", name, resp.Header.Get(name))
	}
	_, err = ts.Stdout().Write(b)
	ts.Check(err)
}

// cmdFlood sends so many page views, all by one forwarded address, and fails
// unless some are told to come again later, and some are not.
//
//	flood N WRITE_KEY
func cmdFlood(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	verdicts := map[string]int{}
	for range n {
		req, err := http.NewRequest("GET", ts.Getenv("URL")+"/p.gif?type=page&anonymousId=flood&writeKey="+args[1], nil)
		ts.Check(err)
		req.Header.Set("X-Forwarded-For", "203.0.113.5")
		resp, err := http.DefaultClient.Do(req)
		ts.Check(err)
		resp.Body.Close()
		if verdicts[resp.Header.Get("Ripen-Verdict")]++; resp.Header.Get("Ripen-Verdict") == "retry" && resp.Header.Get("Retry-After") == "" {
			ts.Fatalf("told to come again, not when: %v", resp.Header)
		}
	}
	if verdicts["ok"] == 0 || verdicts["retry"] == 0 {
		ts.Fatalf("verdicts %v", verdicts)
	}
}

// cmdJSONEnv sets a variable from a field of a JSON file.
//
//	jsonenv FILE FIELD[.FIELD…] NAME
func cmdJSONEnv(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || neg {
		ts.Fatalf("usage: jsonenv FILE FIELD NAME")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for field := range strings.SplitSeq(args[1], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[field]
		case []any:
			i, err := strconv.Atoi(field)
			ts.Check(err)
			if i >= len(x) {
				ts.Fatalf("%s: only %d elements", args[1], len(x))
			}
			v = x[i]
		}
	}
	if v == nil {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	ts.Setenv(args[2], fmt.Sprint(v))
}

// cmdFlip flips one bit in the middle of the largest file that matches.
//
//	flip GLOB
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: flip GLOB")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	var file string
	var content []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		ts.Check(err)
		if b = bytes.TrimRight(b, "\x00"); len(b) > len(content) {
			file, content = f, b
		}
	}
	if file == "" {
		ts.Fatalf("no file matches %s", args[0])
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	ts.Check(err)
	at := int64(len(content) / 2)
	_, err = f.WriteAt([]byte{content[at] ^ 0x10}, at)
	ts.Check(err)
	ts.Check(f.Close())
	ts.Logf("flipped a bit of byte %d of %s", at, file)
}

// cmdRemove removes the files that match; there must be some.
//
//	remove GLOB
func cmdRemove(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: remove GLOB")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no file matches %s", args[0])
	}
	for _, f := range files {
		ts.Check(os.Remove(f))
	}
}

// cmdRepeat writes a file of N copies of a text, # replaced by their number.
//
//	repeat N TEXT FILE
func cmdRepeat(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || neg {
		ts.Fatalf("usage: repeat N TEXT FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(args[1], "#", strconv.Itoa(i)))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(b.String()), 0o600))
}

// cmdToken sets a variable to what stands behind the last slash of an address.
//
//	token URL NAME
func cmdToken(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: token URL NAME")
	}
	ts.Setenv(args[1], args[0][strings.LastIndexByte(args[0], '/')+1:])
}

// cmdSign sets a variable to the proof of a user id.
//
//	sign KEY USER NAME
func cmdSign(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || neg {
		ts.Fatalf("usage: sign KEY USER NAME")
	}
	ts.Setenv(args[2], tracker.UserProof(args[0], []byte(args[1])))
}
