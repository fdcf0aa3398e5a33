package ref

import (
	"bytes"
	"encoding/json"
	"net"
	"testing"

	"ripen/bench/load"
	"ripen/bench/proc"
)

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
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, ended := Bare(), make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	for _, events := range []int{0, 1, 20} {
		drive(t, ln.Addr().String(), events)
	}
	if err := srv.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
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
