package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// TestMain lets the test binary be the child that compiles strangers' modules.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == WorkerCommand {
		if err := Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == "greedy-worker" {
		if err := limitChild(); err != nil {
			os.Exit(workerFailed)
		}
		fmt.Println(len(make([]byte, 1<<30)))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// stranger is a module by hand that counts events: its state is one i64.
func stranger() *handmade {
	h := &handmade{
		man: wasm.Manifest{
			ABI: wasm.ABI, Card: "counter", StateMax: 8, Types: []string{"", "page_view"},
			Fields:  []wasm.ManifestField{{Type: "flags"}, {Name: "path", Type: "text"}},
			Reasons: []wasm.ManifestReason{{Rule: "visits", Why: "{points} visits"}},
			Bands:   []wasm.ManifestBand{{Name: "lead", From: 1}, {Name: "hot", From: 10, Leave: 8}},
		},
		// state += n
		fold: []byte{0x41, 0, 0x41, 0, 0x29, 3, 0x80, 2, 0x20, 0, 0xac, 0x7c, 0x37, 3, 0x80, 2, 0x41, 8, 0x0b},
		// reasons = 1; reason 0 = {0, 0, state}; score = state
		score: []byte{
			0x41, 0x20, 0x41, 1, 0x36, 2, 0, 0x41, 0, 0x41, 0, 0x36, 2, 0x80, 0x82, 1,
			0x41, 0, 0x41, 0, 0x29, 3, 0x80, 2, 0xb9, 0x39, 3, 0x88, 0x82, 1,
			0x41, 0, 0x29, 3, 0x80, 2, 0xb9, 0x0b,
		},
	}
	h.sections = abiSections()
	return h
}

func newTestHost(t testing.TB, cfg Config) *Host {
	t.Helper()
	h, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestAdmit(t *testing.T) {
	h := newTestHost(t, Config{CacheDir: t.TempDir()})
	src := stranger().bytes()
	r, err := h.Admit(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Events != sampleLeads*sampleEvents || r.Compared == 0 || r.Again < r.Events || r.StateMax != 8 || r.Fold.Max != 8 || r.Score.P50 != 14 || r.Fold.Given != uploadFold || r.Size != len(src) {
		t.Errorf("%+v", *r)
	}
	m, err := h.LoadUpload(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	in, err := m.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	evs := bind(m.Card(), []*event{{typ: "page_view", time: start}, {typ: "other", time: start}})
	if len(evs) != 2 {
		t.Fatalf("%d events reach the module", len(evs))
	}
	state := fold(t, in, nil, evs)
	var got scorecard.Result
	if err := in.Score(state, start, &got); err != nil {
		t.Fatal(err)
	}
	if got.Score != 2 || len(got.Reasons) != 2 || got.Reasons[0].Why != "2 visits" || got.Reasons[0].Share != 2000 || m.Card().Band("", got.Score, "") != "lead" {
		t.Errorf("%+v", got)
	}
}

// TestAdmitted loads from the cache that a former process left, without a child,
// and compiles again in a child if it is gone.
func TestAdmitted(t *testing.T) {
	dir := t.TempDir()
	src := stranger().bytes()
	if _, err := newTestHost(t, Config{CacheDir: dir}).Admit(t.Context(), src, nil); err != nil {
		t.Fatal(err)
	}
	noWorker := Config{CacheDir: dir, Worker: []string{"/nonexistent"}}
	if _, err := newTestHost(t, noWorker).LoadUpload(t.Context(), src); err != nil {
		t.Errorf("a module in the cache: %v", err)
	}
	code, err := filepath.Glob(filepath.Join(dir, "uploads", "wazero-*", "*"))
	if err != nil || len(code) != 1 {
		t.Fatalf("compiled code: %v, %v", code, err)
	}
	// Of another version of the engine, and a child's of a process that was killed.
	other := filepath.Join(dir, "uploads", "wazero-v0")
	notes, _ := filepath.Glob(filepath.Join(dir, "uploads", "*.admitted"))
	if err := errors.Join(os.Rename(filepath.Dir(code[0]), other), os.Mkdir(filepath.Join(dir, "uploads", "child-1"), 0o700),
		os.WriteFile(notes[0], []byte(filepath.Join("wazero-v0", filepath.Base(code[0]))), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := newTestHost(t, noWorker).LoadUpload(t.Context(), src); err == nil {
		t.Error("a module of another engine's cache was compiled in this process")
	}
	if err := os.RemoveAll(other); err != nil {
		t.Fatal(err)
	}
	if _, err := newTestHost(t, noWorker).LoadUpload(t.Context(), src); err == nil {
		t.Error("a module that is not in the cache was compiled in this process")
	}
	if _, err := newTestHost(t, Config{CacheDir: dir}).LoadUpload(t.Context(), src); err != nil {
		t.Errorf("a module that the cache has lost: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "uploads", "child-*")); len(left) != 0 {
		t.Errorf("children left %v", left)
	}
}

// TestCacheIsBounded admits more modules than the cache may hold: the oldest go,
// note and code, and can still be loaded.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	h := newTestHost(t, Config{CacheDir: dir})
	e, err := h.strangersEngine()
	if err != nil {
		t.Fatal(err)
	}
	e.most = 2
	var all [][]byte
	for i := range byte(4) {
		m := stranger()
		m.man.Card = fmt.Sprintf("counter%d", i)
		m.fold = append([]byte{0x41, i, 0x1a}, m.fold...) // other code
		all = append(all, m.bytes())
		if _, err := h.Admit(t.Context(), all[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	notes, _ := filepath.Glob(filepath.Join(dir, "uploads", "*.admitted"))
	code, _ := filepath.Glob(filepath.Join(dir, "uploads", "wazero-*", "*"))
	if len(notes) != 2 || len(code) != 2 {
		t.Errorf("%d notes and %d files of code in a cache of 2", len(notes), len(code))
	}
	if _, err := h.LoadUpload(t.Context(), all[0]); err != nil {
		t.Errorf("a module that had to go: %v", err)
	}
}

// TestUnfit gives modules that compile and must not score.
func TestUnfit(t *testing.T) {
	h := newTestHost(t, Config{})
	f := func(want string, spoil func(h *handmade)) {
		t.Helper()
		m := stranger()
		spoil(m)
		_, err := h.Admit(t.Context(), m.bytes(), nil)
		if no, ok := errors.AsType[*meter.Refusal](err); !ok || no.Section == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	fold := func(code ...byte) func(*handmade) { return func(h *handmade) { h.fold = code } }
	f("need a valid module", fold(0x42, 0, 0x0b)) // an i64 for an i32
	f("(another type): module of counter: ripen_fold with 40000 gas: out of gas;", fold(0x03, 0x40, 0x0c, 0, 0x0b, 0x00, 0x0b))
	f("too deep", fold(0x20, 0, 0x10, 1, 0x0b))
	f("it returned a state of 9 bytes, state_max is 8;", fold(0x41, 9, 0x0b))
	// A counter behind the IO area, which no state knows of.
	f("in turn with other leads: its state or its score differs", fold(
		0x41, 0, 0x41, 0, 0x28, 2, 0x80, 0x80, 4, 0x41, 1, 0x6a, 0x36, 2, 0x80, 0x80, 4,
		0x41, 0, 0x41, 0, 0x29, 2, 0x80, 0x80, 4, 0x37, 3, 0x80, 2, 0x41, 8, 0x0b))
	// Two events at once count once.
	f("in batches of 7", fold(0x41, 0, 0x41, 0, 0x29, 3, 0x80, 2, 0x42, 1, 0x7c, 0x37, 3, 0x80, 2, 0x41, 8, 0x0b))
	f("its score changes the state", func(h *handmade) {
		h.score = slices.Concat([]byte{0x41, 0, 0x42, 5, 0x37, 3, 0x80, 2}, h.score)
	})
	f("it returned NaN for a score", func(h *handmade) { h.score = slices.Concat([]byte{0x44}, make([]byte, 6), []byte{0xf8, 0x7f, 0x0b}) })
	f("unreachable;", fold(0x00, 0x0b)) // and no trace behind it
	endless := body([]byte{0x03, 0x40, 0x0c, 0, 0x0b, 0x0b})
	f("with 1000000 gas: start function[3] failed: wasm error: unreachable;", func(h *handmade) {
		h.more, h.sections[8] = append(h.more, endless), []byte{3}
	})
	f("_initialize with 1000000 gas: out of gas;", func(h *handmade) {
		h.more = append(h.more, endless)
		h.sections[7] = append([]byte{5}, append(h.sections[7][1:], exported(exportInit, 0, 3)...)...)
	})
	f("event_types[0]: need the empty text", func(h *handmade) { h.man.Types = []string{"page_view"} })
	f("fields[1]: \"path\" of type \"string\"", func(h *handmade) { h.man.Fields[1].Type = "string" })
	f("its IO area at 4 needs", func(h *handmade) { h.io = []byte{0x41, 4, 0x0b} })
}

// TestInit calls what begins an instance before anything else, and again for the one
// that follows a trap.
func TestInit(t *testing.T) {
	m := stranger()
	m.man.FoldGas, m.man.ScoreGas = uploadFold, uploadScore
	m.more = append(m.more, body([]byte{0x41, 0, 0x41, 1, 0x36, 2, 0x80, 0x80, 4, 0x0b})) // 1 to 0x10000
	m.sections[7] = append([]byte{5}, append(m.sections[7][1:], exported(exportInit, 0, 3)...)...)
	// Traps unless that is there, or for a lead of one event.
	m.fold = slices.Concat([]byte{0x41, 0, 0x28, 2, 0x80, 0x80, 4, 0x45, 0x41, 0, 0x29, 3, 0x80, 2, 0x42, 1, 0x51, 0x72, 0x04, 0x40, 0x00, 0x0b}, m.fold)
	in := m.instance(t)
	ev := []wasm.Event{{Type: "page_view", Index: 1, TimeMs: start, Slots: make([]wasm.Slot, 2)}}
	for range 2 {
		state := slices.Clone(fold(t, in, nil, ev))
		if _, err := in.Fold(state, ev); err == nil {
			t.Fatal("it does not trap")
		}
	}
}

// hostile are modules that pass every structural limit and ask as much of the
// compiler as those allow, or more.
func hostile() map[string][]byte {
	// Straight runs of division.
	divide := stranger()
	for range 7 {
		divide.more = append(divide.more, body(slices.Concat(bytes.Repeat([]byte{0x42, 3, 0x42, 5, 0x7f, 0x1a}, 5000), []byte{0x0b})))
	}
	// Loops and wide locals up to the complexity of a function, many times.
	loops := stranger()
	for range 3 {
		code := slices.Concat([]byte{1, 0x80, 4, 0x7e}, bytes.Repeat([]byte{0x03, 0x40}, 16), bytes.Repeat([]byte{0x20, 0, 0x21, 1}, 200), bytes.Repeat([]byte{0x0b}, 16), []byte{0x0b})
		loops.more = append(loops.more, append(uvar(len(code)), code...))
	}
	// As many loops as the squares allow, each with all locals alive.
	phis := stranger()
	for range 2 {
		code := slices.Concat([]byte{1, 0x80, 4, 0x7e}, bytes.Repeat(slices.Concat([]byte{0x03, 0x40}, bytes.Repeat([]byte{0x20, 0, 0x21, 1}, 70), []byte{0x41, 0, 0x0d, 0, 0x0b}), 97), []byte{0x0b})
		phis.more = append(phis.more, append(uvar(len(code)), code...))
	}
	nests := stranger()
	for range 20 {
		nests.more = append(nests.more, body(slices.Concat(bytes.Repeat([]byte{0x02, 0x40}, 126), bytes.Repeat([]byte{0x0b}, 127))))
	}
	// Calls that may come back, each of which metering makes ten times as long.
	calls := stranger()
	for range 7 {
		calls.more = append(calls.more, body(slices.Concat(bytes.Repeat([]byte{0x10, 3}, 15_000), []byte{0x0b})))
	}
	bad := stranger()
	bad.sections[6] = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	big := make([]byte, meter.UploadMax+1)
	return map[string][]byte{
		"divisions": divide.bytes(), "loops": loops.bytes(), "phis": phis.bytes(), "nests": nests.bytes(), "calls": calls.bytes(),
		"count": bad.bytes(), "big": big, "19 bytes": []byte("\x00asm\x01\x00\x00\x00\x06\x05\xff\xff\xff\xff\x0f"),
	}
}

// TestHostile uploads all of it: this process stays, answers, and hardly grows.
func TestHostile(t *testing.T) {
	h := newTestHost(t, Config{})
	if _, err := h.Admit(t.Context(), stranger().bytes(), nil); err != nil { // what any first upload costs
		t.Fatal(err)
	}
	before := resident(t)
	for name, src := range hostile() {
		_, err := h.Admit(t.Context(), src, nil)
		if _, refused := errors.AsType[*meter.Refusal](err); err != nil && !refused {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s, %d bytes: %v", name, len(src), err)
	}
	if grown := resident(t) - before; grown > 32<<20 {
		t.Errorf("this process grew by %d MiB", grown>>20)
	}
}

// TestChildLimits shows that a child that takes too much memory ends, and not
// this process.
func TestChildLimits(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux bounds a process's memory and processor time")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f := func(name, want string, refused bool, line ...string) {
		t.Helper()
		h := newTestHost(t, Config{CacheDir: dir, Worker: line})
		_, err := h.Admit(t.Context(), stranger().bytes(), nil)
		if _, no := errors.AsType[*meter.Refusal](err); err == nil || no != refused || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("takes a gigabyte", "ended with: exit status", true, self, "greedy-worker")
	f("is killed", "signal: killed", true, "/bin/sh", "-c", "kill -KILL $$")
	f("says nothing", "run the worker", false, "/bin/sh", "-c", "cat >/dev/null")
	f("says too much", "run the worker", false, "/bin/sh", "-c", "cat >/dev/null; head -c 3000000 /dev/zero")
	f("fails", "no memory", false, "/bin/sh", "-c", "echo no memory >&2; exit 1")
	f("is not there", "run the worker", false, "/nonexistent")
}

// resident returns this process's memory after a collection.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here: the memory of a process cannot be asked for")
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// fragile is the same module, but it traps for a lead with more than forty
// events: no trial finds that.
func fragile() *handmade {
	h := stranger()
	h.fold = slices.Concat([]byte{0x41, 0, 0x29, 3, 0x80, 2, 0x42, 40, 0x55, 0x04, 0x40, 0x00, 0x0b}, h.fold)
	return h
}

// TestFixtures keeps the module that DESIGN.md explains byte by byte, and those
// that other tests upload, as this test writes them; RIPEN_UPDATE=1 writes the
// files.
func TestFixtures(t *testing.T) {
	for file, want := range map[string][]byte{"counter.wasm": stranger().bytes(), "fragile.wasm": fragile().bytes()} {
		file = filepath.Join("testdata", file)
		if os.Getenv("RIPEN_UPDATE") != "" {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current: run with RIPEN_UPDATE=1: %v", file, err)
		}
	}
}

// TestByHand holds the event that DESIGN.md writes by hand to what the host
// writes.
func TestByHand(t *testing.T) {
	c, err := CardOf(stranger().bytes())
	if err != nil {
		t.Fatal(err)
	}
	evs := bind(c, []*event{{typ: "page_view", time: 1_767_225_600_000, fields: map[string]wasm.Slot{"path": text("/pricing")}}})
	b := make([]byte, len(evs[0].Encode(nil)))
	if n := writeEvent(b, &evs[0]); n != len(b) {
		t.Fatalf("an event of %d bytes takes %d", len(b), n)
	}
	doc, err := os.ReadFile("../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	var hand []byte
	for line := range strings.Lines(string(doc)) {
		if words, ok := strings.CutPrefix(line, "    "); ok {
			for _, w := range strings.Fields(words) {
				if v, err := strconv.ParseUint(w, 16, 8); err == nil && len(w) == 2 {
					hand = append(hand, byte(v))
				}
			}
		}
	}
	if !bytes.Equal(b, hand) {
		t.Errorf("the host writes\n% x, DESIGN.md\n% x", b, hand)
	}
}

// FuzzCardOf spoils modules: whatever comes is a card or a refusal.
func FuzzCardOf(f *testing.F) {
	f.Add(stranger().bytes())
	f.Add(fragile().bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := CardOf(b)
		if _, refused := errors.AsType[*meter.Refusal](err); err != nil && !refused || err == nil && c == nil {
			t.Fatalf("%v, %v", c, err)
		}
	})
}
