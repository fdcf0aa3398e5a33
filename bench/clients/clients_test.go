package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ripen/snippet/browsertest"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

// events is how many each client sends, in batches of seven.
const events = 40

// unkind is what happens to the first requests of a client.
var unkind = []fault{lost, busy, cut, busy}

// gaveUp makes PostHog's newest client report a failure, although all was
// delivered: it does not send again what it cannot read the answer to.
var gaveUp = []fault{cut}

func TestRealClients(t *testing.T) {
	enter(t)
	bin := filepath.Join(t.TempDir(), "client")
	run(t, filepath.Join("testdata", "go"), "go", "build", "-o", bin, ".")
	f := func(name string, plan []fault, env ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := trackertest.Start(t, func(c *server.Config) { c.Now = time.Now })
			p := newProxy(t, k.URL, plan)
			cmd := exec.CommandContext(t.Context(), "node", "client.mjs")
			if strings.HasSuffix(name, "-go") {
				cmd = exec.CommandContext(t.Context(), bin)
			}
			cmd.Dir = "testdata"
			cmd.Args = append(cmd.Args, name, p.URL, k.WriteKey, strconv.Itoa(events))
			cmd.Env = append(os.Environ(), env...)
			if out, err := finish(t, k, p, cmd); err != nil && !slices.Equal(plan, gaveUp) {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			for n, times := range stored(t, k) {
				if times != 1 {
					t.Errorf("event %d is in the log %d times", n, times)
				}
			}
			p.report(t)
		})
	}
	f("analytics-node", unkind)
	f("rudder-node", unkind)
	f("snowplow-node", unkind)
	f("posthog-node", unkind, "POSTHOG_CAPTURE_MODE=v0")
	f("posthog-node-v1", []fault{lost, busy, busy}, "POSTHOG_CAPTURE_MODE=v1")
	f("posthog-node-v1", gaveUp, "POSTHOG_CAPTURE_MODE=v1")
	f("analytics-go", unkind)
	f("rudder-go", unkind)
	f("posthog-go", unkind)
}

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

// install brings the clients of package-lock.json, unless they are here.
var install = sync.OnceValue(func() error {
	want, err := os.Stat("testdata/package-lock.json")
	if err != nil {
		return err
	}
	if have, err := os.Stat("testdata/node_modules/.package-lock.json"); err == nil && have.ModTime().After(want.ModTime()) {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = "testdata"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
})

// enter installs the clients, or skips the test aloud.
func enter(t *testing.T) {
	t.Helper()
	if os.Getenv("RIPEN_E2E") == "" {
		t.Skip("SKIPPED: other people's clients are NOT tested: they need npm and the module proxy (make e2e)")
	}
	if err := install(); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// patience is how long a client may take: it ends a wait, and measures nothing.
const patience = 3 * time.Minute

// finish runs a client. Those that say nothing of delivery go on trying until
// their input ends, which is when the log holds everything and the proxy has done
// its worst.
func finish(t *testing.T, k *trackertest.T, p *proxy, cmd *exec.Cmd) (out []byte, err error) {
	t.Helper()
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out, err = cmd.CombinedOutput()
	}()
	for deadline := time.Now().Add(patience); ; {
		select {
		case <-ended:
			return out, err
		case <-time.After(200 * time.Millisecond): // between two looks at the log
		}
		if times := stored(t, k); !slices.Contains(times[:], 0) && p.spent() || time.Now().After(deadline) {
			_ = input.Close() // again and again, until the client has noticed
		}
	}
}

// stored counts how often each event is in the log.
func stored(t *testing.T, k *trackertest.T) (times [events]int) {
	t.Helper()
	_, body := k.Do("GET", "/v1/admin/events", k.AdminKey, nil)
	for line := range strings.Lines(string(body)) {
		var e struct {
			Type       string
			Properties map[string]any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if n, ok := e.Properties["n"].(float64); ok && e.Type == "client_event" {
			times[int(n)]++
		}
	}
	return times
}
