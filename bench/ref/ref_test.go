package ref

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"ripen/bench/load"
	"ripen/bench/proc"
)

// TestMain is also the bare server, as the bench's program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "bare" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := ServeBare(ctx, os.Args[3])
		stop()
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// requests is enough to cost nginx a few ticks of processor time.
const requests = 5000

func drive(t *testing.T, addr string, events int) {
	t.Helper()
	res, err := load.Run(t.Context(), load.Config{Addr: addr, WriteKey: "k", Events: events, Conns: 3, Requests: requests})
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Err(); err != nil {
		t.Fatalf("%d events a request: %v", events, err)
	}
	if want := int64(requests * max(1, events)); res.Events != want {
		t.Fatalf("%d events a request: %d verdicts, want %d", events, res.Events, want)
	}
}

func TestBareAnswersLikeATracker(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	srv, err := StartBare(nil, self)
	if err != nil {
		t.Fatal(err)
	}
	for _, events := range []int{0, 1, 20} {
		drive(t, srv.Addr, events)
	}
	srv.Close()
	if srv.Proc.Exit() != nil {
		t.Fatalf("ended with %v", srv.Proc.Exit())
	}
}

func TestAnswersAreWhatTheyClaim(t *testing.T) {
	if len(gif) != 43 {
		t.Errorf("the pixel has %d bytes, want 43", len(gif))
	}
	var answer struct {
		Success bool
		Results []struct{ MessageID, Status string }
	}
	if err := json.Unmarshal(results(20), &answer); err != nil || !answer.Success || len(answer.Results) != 20 {
		t.Errorf("%v: %s", err, results(20))
	}
}

func TestNginxServesPixelsAndLogsThem(t *testing.T) {
	path := FindNginx()
	if path == "" {
		t.Skip("SKIPPED: nginx is not installed (apt-get install nginx-light)")
	}
	dir := t.TempDir()
	var log bytes.Buffer
	srv, err := StartNginx(&log, path, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	drive(t, srv.Addr, 0)
	if cpu, err := srv.Proc.CPU(); err != nil || cpu <= 0 {
		t.Errorf("cpu of master and workers: %v, %v", cpu, err)
	}
	srv.Close()
	d, err := proc.DiskUse(dir)
	if err != nil || d.Part["access.log"] < requests*100 {
		t.Errorf("access log: %d bytes, %v", d.Part["access.log"], err)
	}
}

func TestAProgramThatDoesNotListenIsReported(t *testing.T) {
	srv, err := StartBare(nil, "/bin/false")
	if err == nil {
		srv.Close()
		t.Fatal("/bin/false serves?")
	}
}
