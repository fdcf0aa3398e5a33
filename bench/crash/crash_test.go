package crash

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ripen/bench/faketracker"
	"ripen/bench/target"
	"ripen/bench/world"
)

func TestMain(m *testing.M) {
	faketracker.Main()
	os.Exit(m.Run())
}

// blink is long enough a life for the stand-in to take some thousand events.
const blink = 150 * time.Millisecond

// The check is only worth something if it finds what it looks for.
func TestFaultsAreFound(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := func(fault string, rounds int, want func(*Result) bool) {
		t.Run(fault, func(t *testing.T) {
			t.Setenv(faketracker.Env, fault)
			res, err := Run(t.Context(), Config{Binary: self, Dir: filepath.Join(t.TempDir(), "data"), Rounds: rounds, Conns: 8, Seed: 1, Shortest: blink, Longest: 2 * blink})
			if err != nil {
				t.Fatal(err)
			}
			if !want(res) {
				t.Fatalf("%+v", *res)
			}
			if broken := fault != "none"; broken != (res.Err() != nil) {
				t.Fatalf("fault %s: %v", fault, res.Err())
			}
		})
	}
	f("none", 2, func(r *Result) bool {
		return r.Rounds == 2 && r.Acked > 100 && r.Sent >= r.Acked && r.Lost+r.Duplicated+r.Strange == 0 && r.Resent > 0
	})
	f("lose", 1, func(r *Result) bool { return r.Lost > 0 })
	f("twice", 1, func(r *Result) bool { return r.Duplicated > 0 && r.Lost == 0 })
}

func TestAckFileNamesEveryAcknowledgedEvent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(faketracker.Env, "none")
	dir := filepath.Join(t.TempDir(), "data")
	res, err := Run(t.Context(), Config{Binary: self, Dir: dir, Rounds: 1, Conns: 2, Seed: 2, Shortest: blink, Longest: 2 * blink})
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(dir + ".acked")
	if err != nil {
		t.Fatal(err)
	}
	// A repeated request is acknowledged once more; every line is an id.
	if n := strings.Count(string(list), "\n"); n < res.Acked || len(list) != 37*n {
		t.Fatalf("%d lines, %d bytes for %d acknowledged events", n, len(list), res.Acked)
	}
}

// TestRipenLosesNothing kills the real binary. CRASH_ROUNDS says how often
// (default 10); -short leaves it out.
func TestRipenLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short; kill -9 under load takes half a minute")
	}
	rounds := 10
	if s := os.Getenv("CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("CRASH_ROUNDS=%q: need a number", s)
		}
		rounds = n
	}
	binary := os.Getenv("RIPEN_BIN")
	if binary == "" {
		var err error
		if binary, err = target.Build(t.Context(), t.TempDir()); err != nil {
			t.Skip("SKIPPED: RIPEN_BIN is not set and ripen does not build here: ", err)
		}
	}
	res, err := Run(t.Context(), Config{Binary: binary, Dir: filepath.Join(t.TempDir(), "data"), Rounds: rounds, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if res.Err() != nil || res.Acked == 0 {
		t.Fatalf("%v; %+v", res.Err(), *res)
	}
}

// TestIntentsHappenOnce kills the real binary while leads walk a journey that mails,
// tells and hands over. INTENT_ROUNDS says how often (default 8); -short leaves it
// out.
func TestIntentsHappenOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short; kill -9 with a mail server takes half a minute")
	}
	rounds := 8
	if s := os.Getenv("INTENT_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	temp := t.TempDir()
	binary := os.Getenv("RIPEN_BIN")
	if binary == "" {
		var err error
		if binary, err = target.Build(t.Context(), temp); err != nil {
			t.Fatal(err)
		}
	}
	res, err := RunIntents(t.Context(), IntentsConfig{Binary: binary, Dir: filepath.Join(temp, "data"), Rounds: rounds})
	if errors.Is(err, world.ErrNoServer) {
		t.Skip("SKIPPED: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *res)
	if err := res.Err(); err != nil {
		t.Error(err)
	}
}

// What the count is worth: it finds what never came, came twice without a reason,
// and came that nobody wanted.
func TestBrokenDeliveriesAreFound(t *testing.T) {
	hook, err := world.OpenReceiver()
	if err != nil {
		t.Fatal(err)
	}
	defer hook.Close()
	say := func(key string, times int) {
		for range times {
			req, err := http.NewRequest("POST", hook.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Idempotency-Key", key)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	say("once", 1)
	say("twice", 2)
	say("blind", 2)
	say("strange", 1)
	unknown := []attemptRow{{Outcome: "unknown"}, {Outcome: "accepted"}}
	r := &intents{hook: hook, res: IntentsResult{Leads: 1}}
	r.compare([]intentRow{{ID: "once"}, {ID: "twice", Attempts: unknown}, {ID: "blind"}, {ID: "never"}}, nil)
	want := IntentsResult{Leads: 1, Intents: 4, Missing: 1, Strange: 1, Repeated: 2, Unknown: 1, Blind: 1}
	if r.res != want || r.res.Err() == nil {
		t.Fatalf("got %+v, want %+v", r.res, want)
	}
}
