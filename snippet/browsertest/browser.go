// Package browsertest starts a headless Chromium for tests of what runs in
// browsers. It is imported by tests only.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var flags = []string{
	"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "no-default-browser-check", "no-proxy-server",
	"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars",
}

// find returns the path of a Chromium, or skips the test aloud.
func find(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("SKIPPED: no chromium on this machine; browser behaviour is NOT tested (apt-get install chromium)")
	return ""
}

// timeout is for a whole test: a browser that hangs must not hang the suite.
const timeout = 4 * time.Minute

// shared is the browser of all tests of a package that has called [Main].
var shared struct {
	wanted bool
	once   sync.Once
	ctx    context.Context // nil: not started
	err    error
	stop   func()
}

// Main runs a package's tests on one browser, which starts with the first that
// needs it and ends after the last: func TestMain(m *testing.M) {
// os.Exit(browsertest.Main(m)) }. Each test still has storage of its own.
func Main(m *testing.M) int {
	shared.wanted = true
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	return code
}

// launch starts a browser; stop ends it. agent is what it calls itself, empty as it
// likes.
func launch(path, agent string) (ctx context.Context, stop func(), err error) {
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.WSURLReadTimeout(timeout)}
	for _, f := range flags {
		opts = append(opts, chromedp.Flag(f, true)) // the profile is a fresh one by default
	}
	if agent != "" {
		opts = append(opts, chromedp.UserAgent(agent))
	}
	ctx, cancelAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	stop = func() {
		_ = chromedp.Cancel(ctx) // what does not end by itself is killed by what follows
		cancelTab()
		cancelAlloc()
	}
	return ctx, stop, chromedp.Do(ctx)
}

// Start returns a context with one open tab of a browser in which nothing is
// kept, and which ends with the test. Where Chromium is not installed the test
// is skipped, and says so.
func Start(t *testing.T) context.Context {
	t.Helper()
	path := find(t)
	if shared.wanted {
		shared.once.Do(func() { shared.ctx, shared.stop, shared.err = launch(path, "") })
		if shared.err != nil {
			t.Fatalf("start the browser: %v", shared.err)
		}
		return open(t, shared.ctx, chromedp.WithNewBrowserContext())
	}
	return alone(t, path, "")
}

// StartAs is [Start] with a browser of its own, which calls itself agent in all that
// it sends. One that the protocol renames still sends the beacons of a page that is
// left under its true name.
func StartAs(t *testing.T, agent string) context.Context {
	t.Helper()
	return alone(t, find(t), agent)
}

func alone(t *testing.T, path, agent string) context.Context {
	t.Helper()
	ctx, stop, err := launch(path, agent)
	t.Cleanup(stop)
	if err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	t.Cleanup(cancel)
	return ctx
}

// Tab opens a further tab beside ctx's, of the same visitor.
func Tab(t *testing.T, ctx context.Context) context.Context {
	t.Helper()
	return open(t, ctx)
}

func open(t *testing.T, parent context.Context, options ...chromedp.ContextOption) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(parent, timeout)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx, options...)
	t.Cleanup(cancelTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	return ctx
}

// Open shows a page in a fresh browser that nothing controls: under a debugger
// some things, prerendering among them, do not happen. It ends with the test.
func Open(t *testing.T, url string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ripen-browser-")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--user-data-dir=" + dir, "--remote-debugging-port=0"}
	for _, f := range flags {
		args = append(args, "--"+f)
	}
	cmd := exec.Command(find(t), append(args, url)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the browser and its children
		cmd.Wait()
		// Children may still write for a moment after the browser is gone.
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
		}
	})
}

// Do runs steps in the tab and fails the test at the first that does not work.
func Do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Eval evaluates a JavaScript expression in the tab.
func Eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}
