package compile_test

import (
	"fmt"
	"testing"

	"ripen/wasm/scorecard"
)

// TestReturnsModule walks buyers of every habit through Eval and the module, at the
// longest horizons that a card takes, too: there the series is longest, and must keep
// within its gas.
func TestReturnsModule(t *testing.T) {
	const dayMs = 86_400_000
	for _, c := range []struct{ alpha, horizon, a, b string }{
		{"4.4135w", "39w", "0.7929", "2.4258"},
		{"1d", "48d", "0.7929", "2.4258"},
		{"1d", "48d", "0.05", "0.06"},
		{"10d", "300d", "1", "0.5"},
		{"1w", "1y", "7", "0.9"},
	} {
		src := fmt.Sprintf("scorecard: c\ndimensions:\n  d:\n    kind: btyd\n    event: purchase\n    r: 0.2426\n    alpha: %s\n    a: %s\n    b: %s\n"+
			"    horizon: %s\n    full_at: 40\n    spend: {value: amount, p: 6.25, q: 3.74, v: 15.44}\n", c.alpha, c.a, c.b, c.horizon)
		card, err := scorecard.Parse("returns.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		in := instanceOf(t, card)
		for i, gap := range []int64{dayMs / 3, 3 * dayMs, 40 * dayMs} {
			m := newMaker(uint64(i))
			w := &pair{t: t, src: src, card: card, in: in, eval: card.NewEval()}
			now, spent := int64(1_700_000_000_000), 0
			for range 30 {
				e := m.event(now)
				e.typ, e.machine = "purchase", ""
				evs := card.Bind(nil, e)
				w.eval.Fold(evs...)
				state, err := in.Fold(w.state, evs)
				if err != nil {
					t.Fatal(err)
				}
				w.state = append(w.state[:0], state...)
				w.score(now)
				if w.eval.Score(now).Score > 1 {
					spent++
				}
				now += 1 + m.Int64N(gap)
			}
			for range 200 {
				next := w.score(now)
				w.between(m, now, next)
				now = next
			}
			if spent == 0 {
				t.Errorf("%+v: nothing was ever expected", c)
			}
		}
	}
}
