package compile_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// seeds is enough to reach every branch of the emitter many times; the fuzz target
// goes on from there.
const seeds = 150

// TestDifferential draws cards and leads and holds every module to Eval, bit
// for bit. Every kind of dimension and rule, and every way to combine, is among them.
func TestDifferential(t *testing.T) {
	h := newHost(t)
	n := seeds
	if testing.Short() {
		n = 60
	}
	met := map[string]bool{}
	for seed := range n {
		if c := differ(t, h, uint64(seed)); c != nil {
			met["combine: "+c.Score.How] = true
			for _, d := range c.Dims {
				met["kind: "+d.Kind] = true
			}
			for _, r := range c.Rules {
				met[fmt.Sprintf("a rule of kind %d", r.Kind)], met[fmt.Sprintf("per %d", r.Per)] = true, true
			}
		}
	}
	want := strings.Split("combine: sum|combine: weighted|combine: max|combine: grade|combine: model|kind: attributes|kind: behaviour|"+
		"kind: replenishment|kind: rfm|kind: btyd|kind: model|kind: wasm|kind: rollup", "|")
	for k := scorecard.Attribute; k <= scorecard.Learned; k++ {
		want = append(want, fmt.Sprintf("a rule of kind %d", k))
	}
	for p := scorecard.Each; p <= scorecard.PerValue; p++ {
		want = append(want, fmt.Sprintf("per %d", p))
	}
	for _, what := range want {
		if !met[what] {
			t.Errorf("no card of %d has %s", n, what)
		}
	}
}

func FuzzDifferential(f *testing.F) {
	h := newHost(f)
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { differ(t, h, seed) })
}

func newHost(t testing.TB) *host.Host {
	h, err := host.New(context.Background(), host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// instanceOf compiles a card on a host of its own and makes it ready to be called.
func instanceOf(t *testing.T, c *scorecard.Card) *host.Instance {
	t.Helper()
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := newHost(t).Load(t.Context(), c, b)
	if err != nil {
		t.Fatal(err)
	}
	in, err := mod.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); mod.Close() })
	return in
}

// differ returns the card of a seed; nil if it is too big for a module.
func differ(t *testing.T, h *host.Host, seed uint64) *scorecard.Card {
	t.Helper()
	m := newMaker(seed)
	src := m.source()
	card, err := scorecard.Parse("random.yaml", []byte(src))
	if err != nil {
		t.Fatalf("seed %d: the card does not parse: %v\n%s", seed, err, src)
	}
	b, err := compile.Module(card)
	if err != nil {
		t.Logf("seed %d: %v", seed, err)
		return nil
	}
	mod, err := h.Load(t.Context(), card, b)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, src)
	}
	defer mod.Close()
	in, err := mod.NewInstance(t.Context())
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	defer in.Close()
	for range 4 {
		w := &pair{t: t, seed: seed, src: src, card: card, in: in, eval: card.NewEval()}
		w.walk(m)
		if t.Failed() {
			break
		}
	}
	return card
}

// pair walks one lead through Eval and through the module side by side.
type pair struct {
	t     *testing.T
	seed  uint64
	src   string
	card  *scorecard.Card
	in    *host.Instance
	eval  *scorecard.Eval
	state []byte
}

func (w *pair) walk(m maker) {
	now := int64(0)
	events := m.lead()
	for len(events) > 0 {
		n := 1 + m.IntN(min(7, len(events))) // batches must not matter to the module
		var evs []wasm.Event
		for _, e := range events[:n] {
			evs = w.card.Bind(evs, e)
			now = e.time
		}
		events = events[n:]
		w.eval.Fold(evs...)
		w.feed(now)
		both, raw, err := w.in.FoldRaw(w.state, evs, now)
		if err != nil {
			w.t.Fatalf("seed %d: fold and score at once: %v\n%s", w.seed, err, w.src)
		}
		both, said := bytes.Clone(both), fmt.Sprint(*raw)
		state, err := w.in.Fold(w.state, evs)
		if err != nil {
			w.t.Fatalf("seed %d: fold: %v\n%s", w.seed, err, w.src)
		}
		w.state = append(w.state[:0], state...)
		if raw, err = w.in.ScoreRaw(w.state, now); err != nil || !bytes.Equal(both, w.state) || fmt.Sprint(*raw) != said {
			w.t.Fatalf("seed %d: at once it says %s of %x, in turn %v of %x, %v\n%s", w.seed, said, both, *raw, w.state, err, w.src)
		}
		w.score(now)
	}
	for range 12 { // then time alone
		next := w.score(now)
		if next == 0 {
			return
		}
		w.between(m, now, next)
		now = next
	}
}

// score holds the module to Eval at now and returns the next moment.
func (w *pair) score(now int64) int64 {
	w.t.Helper()
	w.feed(now)
	want := w.eval.Score(now)
	var got scorecard.Result
	if err := w.in.Score(w.state, now, &got); err != nil {
		w.t.Fatalf("seed %d: score: %v\n%s", w.seed, err, w.src)
	}
	if len(want.Reasons) == 0 && len(got.Reasons) == 0 {
		got.Reasons = want.Reasons
	}
	same := got.Score == want.Score && got.Exact == want.Exact && got.Null == want.Null && got.Grade == want.Grade &&
		got.Next == want.Next && reflect.DeepEqual(got.Reasons, want.Reasons)
	for i := range want.Dims {
		same = same && math.Float64bits(got.Dims[i]) == math.Float64bits(want.Dims[i])
	}
	if !same {
		w.t.Fatalf("seed %d at %d:\nmodule %+v\neval   %+v\n%s", w.seed, now, got, want, w.src)
	}
	w.exact(&want)
	fast, err := w.in.ScoreFast(w.state, now)
	if err != nil || fast != (host.Fast{Score: got.Score, Exact: got.Exact, Null: got.Null, Next: got.Next, Grade: got.GradeIndex}) {
		w.t.Fatalf("seed %d: fast %+v, %v, want %+v", w.seed, fast, err, got)
	}
	return want.Next
}

// still says whether nothing moves by more in a millisecond than the rounding of a
// sum: a threshold is then reached somewhen within a millisecond or two.
func (w *pair) still(t int64) bool {
	a, b := w.eval.Score(t), w.eval.Score(t-1000)
	for i := range a.Dims {
		if math.Abs(a.Dims[i]-b.Dims[i]) > 1e-11 {
			return false
		}
	}
	return true
}

// feed gives both sides the same word of models and modules, which changes with
// time and is sometimes none.
func (w *pair) feed(now int64) {
	words := []float64{0.37, -4, math.NaN(), 55, math.Inf(1), 1e300, 0, 0.999}
	in := make([]float64, len(w.card.Dims))
	for i := range in {
		in[i] = words[uint64(now/1000+int64(i))%uint64(len(words))]
	}
	if now%5 == 0 {
		in = in[:len(in)/2]
	}
	w.eval.Inputs = in
	w.in.SetInputs(in)
}

// exact checks the law of reasons: shares sum to the score, and points after
// their clamps to the dimensions of the score.
func (w *pair) exact(r *scorecard.Result) {
	sum := int64(0)
	for _, x := range r.Reasons {
		sum += x.Share
		if x.Rule == "rounding" && (x.Share > 600 || x.Share < -600) {
			w.t.Errorf("seed %d: rounding is %d", w.seed, x.Share)
		}
	}
	if want := 1000 * int64(r.Score); sum != want && !r.Null {
		w.t.Fatalf("seed %d: shares sum to %d, score %d: %+v", w.seed, sum, r.Score, r)
	}
}

// between checks that nothing shown changes before the next moment.
func (w *pair) between(m maker, now, next int64) {
	if next-now <= scorecard.WakeMin {
		return // the least step: what changes within it is seen at its end
	}
	before := w.eval.Score(now)
	for _, t := range []int64{next - 1, now + m.Int64N(next-now)} {
		if t == now {
			continue
		}
		got := w.eval.Score(t)
		if t == next-1 && w.still(t) {
			continue
		}
		if got.Score != before.Score || got.Grade != before.Grade || got.Null != before.Null {
			w.t.Fatalf("seed %d: at %d score %d %s, at %d already %d %s, before the next moment %d\n%s", w.seed,
				now, before.Score, before.Grade, t, got.Score, got.Grade, next, w.src)
		}
	}
}
