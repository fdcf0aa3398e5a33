package scoring

import (
	"testing"

	"ripen/wasm/scorecard"
)

// BenchmarkTwenty is where the time of the compiled card goes.
func BenchmarkTwenty(b *testing.B) {
	t, err := openTwenty(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer t.close()
	each := func(name string, f func(i int) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := f(i); err != nil {
					b.Fatal(err)
				}
				if i++; i == len(t.events) {
					i = 0
				}
			}
		})
	}
	each("who", func(i int) error { _, err := t.in.Fold(nil, t.events[i][:1]); return err })
	each("page", func(i int) error { _, err := t.in.Fold(nil, t.events[i][1:]); return err })
	each("both", func(i int) error { _, err := t.in.Fold(nil, t.events[i]); return err })
	state, err := t.in.Fold(nil, t.events[0])
	if err != nil {
		b.Fatal(err)
	}
	state = append([]byte(nil), state...)
	each("raw", func(i int) error { _, err := t.in.ScoreRaw(state, moment+1); return err })
	each("fast", func(i int) error { _, err := t.in.ScoreFast(state, moment+1); return err })
	each("all", func(i int) error { _, _, err := t.in.FoldRaw(nil, t.events[i], moment+1); return err })
	var d lead
	var v verdict
	l := layoutOf(t.card)
	each("hand", func(i int) error { d = lead{}; d.fold(l, t.events[i]); d.score(&v); return nil })
	var r scorecard.Result
	each("reasons", func(i int) error { return t.in.Score(state, moment+1, &r) })
}
