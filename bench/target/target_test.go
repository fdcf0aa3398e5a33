package target

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ripen/bench/faketracker"
	"ripen/bench/load"
	"ripen/wasm/scorecard"
)

func TestMain(m *testing.M) {
	faketracker.Main()
	os.Exit(m.Run())
}

func TestServerIsOpenedDrivenKilledAndOpenedAgain(t *testing.T) {
	t.Setenv(faketracker.Env, "none")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Binary: self, Dir: filepath.Join(t.TempDir(), "data")}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Kill() }()
	if s.WriteKey != "wk" || s.SecretKey != "sk" || s.OpenTime <= 0 {
		t.Fatalf("keys %q %q, open in %v", s.WriteKey, s.SecretKey, s.OpenTime)
	}
	if _, err := load.Run(t.Context(), load.Config{Addr: s.Addr, WriteKey: s.WriteKey, Events: 5, Conns: 2, Requests: 20}); err != nil {
		t.Fatal(err)
	}
	if lag, err := s.Metric(t.Context(), LagMetric); err != nil || lag != 0.005 {
		t.Fatalf("lag %v, %v", lag, err)
	}
	if _, err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if leads, err := s.Leads(t.Context(), 3); err != nil || len(leads) != 1 || *leads[0].Score != 99 {
		t.Fatalf("%+v, %v", leads, err)
	}
	if _, err := s.Call(t.Context(), "GET", "/nowhere", "", nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Fatalf("an unknown path: %v", err)
	}
	s.Kill()
	if s, err = Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.Tail(t.Context(), 1, func(line []byte) error {
		e, err := ParseEvent(line)
		if n++; e.Seq != uint64(n) || len(e.MessageID) != 36 {
			t.Errorf("line %d: %s", n, line)
		}
		return err
	})
	if err != nil || n != 100 {
		t.Fatalf("%d events after the kill, want 100; %v", n, err)
	}
	stop := errors.New("enough")
	if err := s.Tail(t.Context(), 1, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("a reader that stops: %v", err)
	}
	if d, err := s.Disk(); err != nil || d.Part["log"] == 0 {
		t.Fatalf("disk %+v, %v", d, err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenSaysWhatTheServerSaid(t *testing.T) {
	t.Setenv(faketracker.Env, "none")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(keysFile(dir), []byte(`{"write_key":"wk","secret_key":"sk"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(logFileAsDirectory(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Config{Binary: self, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Fatalf("error %v, want the server's own words", err)
	}
}

// logFileAsDirectory is where the stand-in wants to write a file.
func logFileAsDirectory(dir string) string { return filepath.Join(dir, "log", "events") }

// What the bench publishes must be a card that a tracker takes.
func TestCardIsGood(t *testing.T) {
	c, err := scorecard.Parse("card.yaml", card)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(c.Fields(), "bench_probe") {
		t.Fatalf("the card reads %q, not what lifts a probe", c.Fields())
	}
}

func TestFindMetric(t *testing.T) {
	const text = "# HELP a b\nripen_x 1.5\nripen_x_total 7\nripen_h_bucket{le=\"1\"} 3 1700000000\nripen_bad x\n"
	f := func(name string, want float64) {
		t.Helper()
		if got, err := findMetric(text, name); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	f("ripen_x", 1.5)
	f("ripen_x_total", 7)
	f(`ripen_h_bucket{le="1"}`, 3)
	if _, err := findMetric(text, "ripen_y"); !errors.Is(err, ErrNoMetric) {
		t.Errorf("a missing metric: %v", err)
	}
	if _, err := findMetric(text, "ripen_bad"); err == nil || errors.Is(err, ErrNoMetric) {
		t.Errorf("a metric that is no number: %v", err)
	}
}

func TestParseEventRefuses(t *testing.T) {
	if e, err := ParseEvent([]byte(`{"seq":7,"kind":"event","message_id":"m"}`)); err != nil || e != (Event{7, "m"}) {
		t.Errorf("%+v, %v", e, err)
	}
	for _, bad := range []string{"", "{}", `{"error":{"code":"failed","detail":"gap"}}`, `{"seq":1,"error":{}}`} {
		if e, err := ParseEvent([]byte(bad)); err == nil {
			t.Errorf("%q: %+v without an error", bad, e)
		}
	}
}
