package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	f := func(stat string, want time.Duration) {
		t.Helper()
		got, err := parseStat(stat)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", stat, got, err, want)
		}
	}
	f("7 (ripen) S 1 7 7 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 9", 1680*time.Millisecond)
	f("7 (a (b) c) S 1 7 7 0 -1 4194560 9 0 0 0 1 0 0 0 20 0 9", 10*time.Millisecond)
	for _, bad := range []string{"", "7 (ripen) S 1", "7 (r) S 1 7 7 0 -1 4194560 9 0 0 0 x y 0 0"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("%q: %v without an error", bad, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	m, err := parseStatus("Name:\tripen\nVmHWM:\t  200 kB\nVmRSS:\t  100 kB\nRssAnon:\t   60 kB\nRssFile:\t 40 kB\n")
	if err != nil || m != (Memory{RSS: 100 << 10, Anon: 60 << 10, Peak: 200 << 10}) {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, bad := range []string{"", "VmRSS:\t 1 kB\n", "VmRSS:\t x kB\nVmHWM:\t 1 kB\nRssAnon:\t 1 kB\n"} {
		if m, err := parseStatus(bad); err == nil {
			t.Errorf("%q: %+v without an error", bad, m)
		}
	}
}

func TestProcessIsMeasuredAndStopped(t *testing.T) {
	var log bytes.Buffer
	// Busy until it is asked to stop.
	p, err := Start(&log, "/bin/sh", "-c", `trap 'echo bye; exit 0' TERM; while :; do :; done`)
	if err != nil {
		t.Skip("SKIPPED: no shell here: ", err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for cpu := time.Duration(0); cpu < 50*time.Millisecond; {
		if cpu, err = p.CPU(); err != nil || time.Now().After(deadline) {
			t.Fatalf("cpu %v, %v", cpu, err)
		}
	}
	if m, err := p.Memory(); err != nil || m.RSS <= 0 || m.Peak < m.RSS {
		t.Fatalf("memory %+v, %v", m, err)
	}
	if err := p.Stop(20 * time.Second); err != nil || !strings.Contains(log.String(), "bye") {
		t.Fatalf("stop: %v, log %q", err, log.String())
	}
	if _, err := p.CPU(); err == nil {
		t.Fatal("the processor time of a process that has ended")
	}
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	p, err := Start(nil, "/bin/sh", "-c", `trap '' TERM; while :; do :; done`)
	if err != nil {
		t.Skip("SKIPPED: no shell here: ", err)
	}
	for p.Exit() == nil {
		if cpu, _ := p.CPU(); cpu > 20*time.Millisecond {
			break // the trap is set
		}
	}
	if err := p.Stop(10 * time.Millisecond); err == nil || p.Exit() == nil {
		t.Fatalf("stop %v, exit %v: want both to tell of the kill", err, p.Exit())
	}
}

func TestDiskUse(t *testing.T) {
	dir := t.TempDir()
	write := func(path string, n int) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("log/000001.sst", 8192)
	write("lock", 1)
	before, err := DiskUse(dir)
	if err != nil {
		t.Fatal(err)
	}
	write("log/deep/000002.sst", 4096)
	write("keys/00", 4096)
	if err := os.Truncate(filepath.Join(dir, "keys/00"), 1<<30); err != nil { // a hole
		t.Fatal(err)
	}
	after, err := DiskUse(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := after.Sub(before)
	if d.Part["log"] < 4096 || d.Part["log"] > 1<<16 || d.Part["keys"] < 4096 || d.Part["keys"] > 1<<16 || d.Part["lock"] != 0 {
		t.Fatalf("%+v", d)
	}
	if d.Total != d.Part["log"]+d.Part["keys"] {
		t.Fatalf("parts do not add up: %+v", d)
	}
}
