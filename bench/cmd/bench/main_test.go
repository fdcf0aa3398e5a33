package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"ripen/bench/faketracker"
	"ripen/bench/ref"
)

// TestMain is also the bare server and a stand-in for ripen.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		main()
		return
	}
	faketracker.Main()
	os.Exit(m.Run())
}

func TestWrongUse(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		var out, complaints bytes.Buffer
		err := run(t.Context(), args, &out, &complaints)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want wrong use: %q", args, err, want)
		}
	}
	f(`"lod" is not load, crash, bare or learn`, "lod")
	f("not defined", "load", "--speed", "9")
	f(`what is "now"?`, "crash", "--rounds", "1", "now")
	f("invalid value", "--conns", "many")
}

func TestLoadPrintsWhatItSaw(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := ref.StartBare(nil, self)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	var out bytes.Buffer
	args := []string{"load", "--addr", bare.Addr, "--conns", "2", "--requests", "50", "--events", "20"}
	if err := run(t.Context(), args, &out, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"50 requests", "1000 events ok", "p999", "client CPU"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestCrashReportsItsRounds(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := func(fault, want string, broken bool) {
		t.Helper()
		t.Setenv(faketracker.Env, fault)
		var out bytes.Buffer
		err := run(t.Context(), []string{"crash", "--ripen", self, "--rounds", "1", "--conns", "4", "--seed", "3"}, &out, &out)
		if (err != nil) != broken || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s", fault, err, out.String())
		}
	}
	f("none", "lost 0, stored twice 0", false)
	f("lose", "1 kills:", true)
}

// A run that is cancelled at once leaves no table and says so.
func TestSuiteEndsWhenCancelled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(faketracker.Env, "none")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, log bytes.Buffer
	if err := run(ctx, []string{"--quick", "--ripen", self}, &out, &log); !errors.Is(err, context.Canceled) || out.Len() > 0 {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

func TestScaleAloneAsJSON(t *testing.T) {
	t.Setenv(faketracker.Env, "none")
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"--quick", "--ripen", "/bin/false", "--scale", "7m", "--scale-only", "--json"}, &out, &log); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Figures []struct{ ID string }
		Notes   []string
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || len(report.Figures) == 0 || len(report.Notes) != 1 {
		t.Fatalf("%v: %s", err, out.String())
	}
}
