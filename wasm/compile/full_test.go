package compile_test

import (
	"fmt"
	"os"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// TestFull fills what a lead can make a card remember: the manifest's gas must
// still pay for every call, for purchases and everything that keeps lists.
func TestFull(t *testing.T) {
	src := "scorecard: c\ndimensions:\n"
	for i := range 4 {
		src += fmt.Sprintf("  m%d: {kind: rfm, frequency: [[1, 1], [32, 9]], monetary: [[1, 1], [1000, 9]], recency: [[1d, 3]], within: 2y}\n", i)
	}
	src += "  l: {kind: replenishment, anchor: {event: purchase}, lifetime: {mean: 24mo, cv: 0.05}, horizon: 1mo, full_at: 0.3}\n" +
		"  b: {kind: behaviour, groups: {g: {rules: [\n" +
		"    {id: a, event: purchase, per: \"distinct:value\", expire: 2y, points: 1},\n" +
		"    {id: b, event: purchase, per: message, linear: {drop: 1%, every: 30d}, points: 1},\n" +
		"    {id: c, unanswered: {sent: 32, within: 1y}, points: -1}]}}}\n"
	c, err := scorecard.Parse("c.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	in := instanceOf(t, c)
	w := &pair{t: t, src: src, card: c, in: in, eval: c.NewEval()}
	long := 0
	for i := range int64(300) {
		e := &event{typ: "purchase", time: i * 3600_000, fields: map[string]wasm.Slot{
			"value":   {Tag: wasm.Int, Num: uint64(i)},
			"message": {Tag: wasm.Int, Num: uint64(i)},
		}}
		if i%4 == 3 {
			e.typ, e.send = "email_sent", true
		}
		w.step(e)
		long = max(long, len(w.state))
	}
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	if man, err := host.Check(b); err != nil || long != man.StateMax {
		t.Errorf("the state grew to %d bytes, the most is %d: not everything was filled (%v)", long, man.StateMax, err)
	}
}

// step folds one event on both sides and compares them.
func (w *pair) step(e *event) {
	w.t.Helper()
	evs := w.card.Bind(nil, e)
	w.eval.Fold(evs...)
	state, err := w.in.Fold(w.state, evs)
	if err != nil {
		w.t.Fatal(err)
	}
	w.state = append(w.state[:0], state...)
	w.score(e.time)
}

// TestEverything compiles a card of every kind of rule and walks random leads
// through it.
func TestEverything(t *testing.T) {
	src, err := os.ReadFile("../scorecard/testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := scorecard.Parse("everything.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	in := instanceOf(t, c)
	for seed := range uint64(20) {
		w := &pair{t: t, seed: seed, src: string(src), card: c, in: in, eval: c.NewEval()}
		w.walk(newMaker(seed))
	}
}
