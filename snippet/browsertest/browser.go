// Package browsertest starts a headless Chromium for tests of what runs in
// browsers. It is imported by tests only.
package browsertest

import (
	"context"
	"os"
	"os/exec"
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
const timeout = 90 * time.Second

// Start returns a context with one open tab of a fresh browser, which ends with
// the test. Where Chromium is not installed the test is skipped, and says so.
func Start(t *testing.T) context.Context {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(find(t)), chromedp.WSURLReadTimeout(timeout)}
	for _, f := range flags {
		opts = append(opts, chromedp.Flag(f, true)) // the profile is a fresh one by default
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	ctx, cancelAlloc := chromedp.NewExecAllocator(ctx, opts...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("close the browser: %v", err)
		}
		cancelTab()
		cancelAlloc()
		cancel()
	})
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
