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
			if out, err := cmd.CombinedOutput(); err != nil && !slices.Equal(plan, gaveUp) {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			stored(t, k)
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

// stored checks that the log holds each event exactly once.
func stored(t *testing.T, k *trackertest.T) {
	t.Helper()
	_, body := k.Do("GET", "/v1/admin/events", k.AdminKey, nil)
	times := map[float64]int{}
	for line := range strings.Lines(string(body)) {
		var e struct {
			Type       string
			Properties map[string]any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if n, ok := e.Properties["n"].(float64); ok && e.Type == "client_event" {
			times[n]++
		}
	}
	for n := range events {
		if times[float64(n)] != 1 {
			t.Errorf("event %v is in the log %d times", n, times[float64(n)])
		}
	}
}
