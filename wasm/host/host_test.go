package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

const start = 1_767_222_000_000

func card(t testing.TB, name string) *scorecard.Card {
	t.Helper()
	src, err := os.ReadFile("../scorecard/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := scorecard.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func load(t testing.TB, cfg Config, c *scorecard.Card) *Module {
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
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Load(t.Context(), c, b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, cfg Config, c *scorecard.Card) *Instance {
	t.Helper()
	in, err := load(t, cfg, c).NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func TestEmptyLead(t *testing.T) {
	in := open(t, Config{}, card(t, "saas.yaml"))
	var r scorecard.Result
	if err := in.Score(nil, start, &r); err != nil {
		t.Fatal(err)
	}
	if r.Score != 1 || r.Exact != 1000 || r.Grade != "D4" || r.Next != 0 || len(r.Reasons) != 1 || r.Reasons[0].Share != 1000 {
		t.Errorf("a lead of whom nothing is known scores %+v", r)
	}
	state, err := in.Fold(nil, nil)
	if err != nil || len(state) != 0 {
		t.Errorf("folding nothing gives %d bytes, %v", len(state), err)
	}
}

// TestPure interleaves leads on one instance, in batches of several sizes, and
// compares with a fresh instance per lead: nothing may leak from call to call.
func TestPure(t *testing.T) {
	c := card(t, "saas.yaml")
	m := load(t, Config{}, c)
	evs := bind(c, visits(start, 60))
	shared, err := m.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 7, 16, len(evs)} {
		fresh, err := m.NewInstance(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, err := fresh.Fold(nil, evs)
		if err != nil {
			t.Fatal(err)
		}
		var state, other []byte
		for i := 0; i < len(evs); i += size {
			state = fold(t, shared, state, evs[i:min(i+size, len(evs))])
			other = fold(t, shared, other, evs[len(evs)-1-i:len(evs)-i])
		}
		if !slices.Equal(state, want) {
			t.Errorf("batches of %d end in another state", size)
		}
		fresh.Close()
	}
	shared.Close()
}

func fold(t *testing.T, in *Instance, state []byte, evs []wasm.Event) []byte {
	t.Helper()
	s, err := in.Fold(state, evs)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(s)
}

// TestBigBatch folds more events than the IO area holds at once.
func TestBigBatch(t *testing.T) {
	c := card(t, "saas.yaml")
	in := open(t, Config{}, c)
	evs := bind(c, visits(start, 2000))
	got := fold(t, in, nil, evs)
	var want []byte
	for i := range evs {
		want = fold(t, in, want, evs[i:i+1])
	}
	if !slices.Equal(got, want) {
		t.Error("one batch and single events end in different states")
	}
}

// racing is set in builds with the race detector.
var racing bool

// TestNoGarbage holds the scoring path to no allocation at all, binding included.
func TestNoGarbage(t *testing.T) {
	if racing {
		t.Skip("the race detector empties the pools of regexp at random, so that Bind allocates")
	}
	c := card(t, "saas.yaml")
	in := open(t, Config{}, c)
	events := visits(start, 20)
	evs := bind(c, events)
	state := slices.Clone(fold(t, in, nil, evs))
	var r scorecard.Result
	now := evs[len(evs)-1].TimeMs
	f := func(what string, fn func()) {
		t.Helper()
		fn()
		if n := testing.AllocsPerRun(200, fn); n != 0 {
			t.Errorf("%s allocates %v times", what, n)
		}
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	f("Bind", func() {
		evs = evs[:0]
		for _, e := range events {
			evs = c.Bind(evs, e)
		}
	})
	f("Fold", func() { _, err := in.Fold(state, evs[len(evs)-1:]); must(err) })
	f("ScoreFast", func() { _, err := in.ScoreFast(state, now); must(err) })
	f("Score", func() { must(in.Score(state, now, &r)) })
	f("FoldScore", func() { _, _, err := in.FoldScore(state, evs[len(evs)-1:], now); must(err) })

	src := stranger().withBoth(inTurn...).bytes()
	m, err := newTestHost(t, Config{CacheDir: t.TempDir()}).LoadUpload(t.Context(), src)
	must(err)
	defer m.Close()
	theirs, err := m.NewInstance(t.Context())
	must(err)
	one := bind(m.Card(), []*event{{typ: "page_view", time: start}})
	seen := slices.Clone(fold(t, theirs, nil, one))
	f("a stranger's FoldScore", func() { _, _, err := theirs.FoldScore(seen, one, start); must(err) })
	f("a stranger's ScoreFast", func() { _, err := theirs.ScoreFast(seen, start); must(err) })
}

// TestGas cuts calls off and shows that the next one is not the worse for it.
func TestGas(t *testing.T) {
	c := card(t, "saas.yaml")
	good := open(t, Config{}, c)
	evs := bind(c, visits(start, 30))
	want := fold(t, good, nil, evs)

	in := open(t, Config{FoldGas: 300}, c)
	_, err := in.Fold(nil, evs)
	var trap *Trap
	if !errors.Is(err, ErrGas) || !errors.As(err, &trap) || trap.Call != wasm.ExportFold || trap.Card != "saas" {
		t.Fatalf("with little gas: %v", err)
	}
	in.m.host.cfg.FoldGas = 0
	if got := fold(t, in, nil, evs); !slices.Equal(got, want) {
		t.Error("the instance after a trap ends in another state")
	}
	in.m.host.cfg.ScoreGas = 20
	if _, err := in.ScoreFast(want, start); !errors.Is(err, ErrGas) {
		t.Errorf("score with little gas: %v", err)
	}
}

// TestBadState gives the module states it never made: an error, or some score,
// never a hang or a crash, and the next lead is scored as ever.
func TestBadState(t *testing.T) {
	c := card(t, "saas.yaml")
	in := open(t, Config{}, c)
	evs := bind(c, visits(start, 30))
	want := fold(t, in, nil, evs)
	if _, err := in.Fold(make([]byte, wasm.StateMax+1), evs); err == nil {
		t.Error("a state of 16 KiB + 1 is taken")
	}
	for i := range want {
		bad := slices.Clone(want)
		bad[i] ^= 0xff
		in.Fold(bad, evs[:1]) // either answer will do
		in.ScoreFast(bad, start)
	}
	bad := slices.Repeat([]byte{0xff}, in.m.StateMax())
	if _, err := in.ScoreFast(bad, start); err == nil {
		t.Error("a state of ones is scored")
	}
	if got := fold(t, in, nil, evs); !slices.Equal(got, want) {
		t.Error("bad states have left something behind")
	}
}

func TestWrongCard(t *testing.T) {
	saas, coffee := card(t, "saas.yaml"), card(t, "interes.yaml")
	b, err := compile.Module(saas)
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(t.Context(), Config{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var no *meter.Refusal
	if _, err := h.Load(t.Context(), coffee, b); !errors.As(err, &no) {
		t.Errorf("the module of another card is loaded: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Load(ctx, saas, b); !errors.Is(err, context.Canceled) {
		t.Errorf("load after its end: %v", err)
	}
}

// TestFullList fills everything a card may remember and shows that its gas still
// suffices.
func TestFullList(t *testing.T) {
	var src strings.Builder
	src.WriteString("scorecard: full\ndimensions: {d: {kind: behaviour, groups: {g: {rules: [\n")
	for i := range 7 {
		fmt.Fprintf(&src, "{id: d%d, event: v, points: 1, per: \"distinct:x\", expire: 1y},\n", i)
	}
	src.WriteString("{id: l, event: v, points: 1, linear: {drop: 1%, every: 1y}}]}}}}\n")
	c, err := scorecard.Parse("full.yaml", []byte(src.String()))
	if err != nil {
		t.Fatal(err)
	}
	in := open(t, Config{}, c)
	var state []byte
	for i := range int64(80) {
		evs := bind(c, []*event{{typ: "v", time: start + i, fields: map[string]wasm.Slot{"x": num(i)}}})
		state = fold(t, in, state, evs)
	}
	if len(state) != in.m.StateMax() {
		t.Fatalf("the state has %d bytes of %d", len(state), in.m.StateMax())
	}
	if _, err := in.ScoreFast(state, start+day); err != nil {
		t.Fatal(err)
	}
}

// TestWideCard gives every one of five hundred rules a group and something to do.
func TestWideCard(t *testing.T) {
	var src strings.Builder
	src.WriteString("scorecard: wide\ndimensions:\n  d:\n    kind: behaviour\n    max: 90\n    grades: {A: 50, B: 20, C: 0}\n    groups:\n")
	for i := range 500 {
		points := []string{"3", "-2"}[i%2]
		fmt.Fprintf(&src, "      g%d: {max: 2, min: -1, rules: [{id: r%d, event: v, where: {x: {gt: 0, lt: 99}}, points: %s, half_life: %dd}]}\n", i, i, points, i+1)
	}
	c, err := scorecard.Parse("wide.yaml", []byte(src.String()))
	if err != nil {
		t.Fatal(err)
	}
	in := open(t, Config{}, c)
	e := c.NewEval()
	var state []byte
	for i := range int64(5) {
		evs := bind(c, []*event{{typ: "v", time: start + i*day, fields: map[string]wasm.Slot{"x": num(5)}}})
		e.Fold(evs...)
		state = fold(t, in, state, evs)
		var got scorecard.Result
		if err := in.Score(state, start+i*day+1, &got); err != nil {
			t.Fatal(err)
		}
		if want := e.Score(start + i*day + 1); got.Exact != want.Exact || got.Next != want.Next || len(got.Reasons) != len(want.Reasons) {
			t.Errorf("module %d next %d, eval %d next %d", got.Exact, got.Next, want.Exact, want.Next)
		}
	}
}
