package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ripen/storage"

	"ripen/wasm/host"
)

// childData is the variable that makes the test binary a server on that
// directory, for tests of what happens to a process.
const childData = "RIPEN_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childData); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == host.WorkerCommand { // compiles a tenant's module
		if err := host.Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveChild runs a server as cmd/ripen does, and says where.
func serveChild(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := New(ctx, Config{Demo: true, Data: dir, Listen: "127.0.0.1:0", Linger: 500 * time.Millisecond, Log: QuietLog(os.Stderr), WebhookAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimPrefix(s.URL(), "http://"), s.Demo().WriteKey)
	return s.Run(ctx)
}

// child is a server in a process of its own.
type child struct {
	addr, key string
	cmd       *exec.Cmd
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	k := &child{cmd: exec.Command(os.Args[0])}
	k.cmd.Env = append(os.Environ(), childData+"="+dir)
	k.cmd.Stderr = os.Stderr
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.cmd.Process.Kill() }) // has ended, if all went well
	if _, err := fmt.Fscan(bufio.NewReader(out), &k.addr, &k.key); err != nil {
		t.Fatal(err)
	}
	return k
}

// stop sends SIGTERM and waits for a clean end.
func (k *child) stop(t *testing.T) {
	t.Helper()
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// wire is one connection, driven by hand: no client repeats a request for us.
type wire struct {
	net.Conn
	r *bufio.Reader
}

func (k *child) dial() (*wire, error) {
	c, err := net.DialTimeout("tcp", k.addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &wire{c, bufio.NewReader(c)}, c.SetDeadline(time.Now().Add(10 * time.Second))
}

// track sends an event and returns what became of it.
func (k *child) track(w *wire, id string) (status int, closing bool, err error) {
	body := `{"event":"Ping","anonymousId":"a","messageId":"` + id + `"}`
	_, err = fmt.Fprintf(w, "POST /v1/track?writeKey=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", k.key, len(body), body)
	if err != nil {
		return 0, true, err
	}
	return w.answer()
}

// answer reads an answer to its end.
func (w *wire) answer() (status int, closing bool, err error) {
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return 0, true, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Close, errors.Join(err, resp.Body.Close())
}

// checkDirectory fails unless the directory is whole and holds these events.
func checkDirectory(t *testing.T, dir string, acked []string) {
	t.Helper()
	r, err := storage.Doctor(t.Context(), dir)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	s, stop := startServer(t, Config{Data: dir})
	(&sender{s: s, acked: acked}).check(t)
	stop()
}

func TestDescriptorsExhausted(t *testing.T) {
	dir := t.TempDir()
	k := startChild(t, dir)
	fds := fmt.Sprintf("/proc/%d/fd", k.cmd.Process.Pid)
	if _, err := os.ReadDir(fds); err != nil {
		t.Skipf("SKIPPED: descriptors of a process cannot be seen here: %v", err)
	}
	open, err := k.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	var acked []string
	send := func(w *wire) {
		t.Helper()
		id := fmt.Sprintf("m%d", len(acked))
		if status, _, err := k.track(w, id); err != nil || status != 200 {
			t.Fatalf("event %s: %d, %v", id, status, err)
		}
		acked = append(acked, id)
	}
	send(open)

	names, err := os.ReadDir(fds)
	if err != nil {
		t.Fatal(err)
	}
	highest := 0
	for _, n := range names {
		i, err := strconv.Atoi(n.Name())
		if err != nil {
			t.Fatal(err)
		}
		highest = max(highest, i)
	}
	var before unix.Rlimit
	if err := unix.Prlimit(k.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	// No more than there are: what is free below the highest is used up first.
	few := unix.Rlimit{Cur: uint64(highest) + 1, Max: before.Max}
	if err := unix.Prlimit(k.cmd.Process.Pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Fatal(err)
	}
	waiting := make([]*wire, highest+8)
	for i := range waiting {
		if waiting[i], err = k.dial(); err != nil {
			t.Fatal(err)
		}
		defer waiting[i].Close()
	}
	last := waiting[len(waiting)-1]
	if _, err := io.WriteString(last, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	send(open) // those who are in are served, and the log takes their events
	if err := last.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.r.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a connection too many was answered: %v", err)
	}

	if err := unix.Prlimit(k.cmd.Process.Pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	if err := last.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if status, _, err := last.answer(); err != nil || status != 200 {
		t.Fatalf("with descriptors again: %d, %v", status, err)
	}
	send(last)
	for _, w := range waiting {
		w.Close()
	}
	open.Close()
	k.stop(t)
	checkDirectory(t, dir, acked)
}

// TestStopFailsNoRequest stops a server under load: whoever was let in is
// answered, and whoever was not is refused plainly.
func TestStopFailsNoRequest(t *testing.T) {
	dir := t.TempDir()
	k := startChild(t, dir)
	const clients, before = 16, 300
	var acked [clients][]string
	var answered atomic.Int64
	var wg sync.WaitGroup
	enough := make(chan struct{})
	client := func(n int) error {
		for {
			w, err := k.dial()
			if errors.Is(err, syscall.ECONNREFUSED) {
				return nil // the server has gone
			}
			if err != nil {
				return err
			}
			for closing := false; !closing; {
				id := fmt.Sprintf("m%d-%d", n, len(acked[n]))
				status := 0
				if status, closing, err = k.track(w, id); err != nil || status != 200 {
					return fmt.Errorf("event %s: %d, %w", id, status, err)
				}
				acked[n] = append(acked[n], id)
				if answered.Add(1) == before {
					close(enough)
				}
			}
			w.Close()
		}
	}
	for n := range clients {
		wg.Go(func() {
			if err := client(n); err != nil {
				t.Error(err)
			}
		})
	}
	// Half a request is on its way when the signal comes.
	half, err := k.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	if _, err := fmt.Fprintf(half, "POST /v1/track?writeKey=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 56\r\n\r\n", k.key); err != nil {
		t.Fatal(err)
	}
	<-enough
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, err := io.WriteString(half, `{"event":"Ping","anonymousId":"a","messageId":"half123"}`); err != nil {
		t.Fatal(err)
	}
	if status, closing, err := half.answer(); err != nil || status != 200 || !closing {
		t.Errorf("a request under way: %d, %v (closed %v)", status, err, closing)
	}
	if err := k.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, announceFile)); !os.IsNotExist(err) {
		t.Errorf("a stopped server still announces itself: %v", err)
	}
	checkDirectory(t, dir, append(slices.Concat(acked[:]...), "half123"))
}

func TestConnectionLimit(t *testing.T) {
	f := func(want, descriptors, limit int) {
		t.Helper()
		if got := connectionLimit(want, descriptors); got != limit {
			t.Errorf("connectionLimit(%d, %d) = %d, want %d", want, descriptors, got, limit)
		}
	}
	f(16384, 1<<20, 16384)
	f(16384, 4096, 4096-512)
	f(16384, 1024, 512)
	f(16384, 100, 50)
	f(16384, 0, 16384)
	if n := descriptorLimit(); n < 0 {
		t.Errorf("this process may have %d descriptors?", n)
	}
}
