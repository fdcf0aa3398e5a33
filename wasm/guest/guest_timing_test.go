package guest

import (
	"math/rand/v2"
	"testing"

	"ripen/wasm"
)

// BenchmarkFoldAndScore is one event and one score of each starter, with gas, as
// the hot path asks for them; the reference in Go beside them.
func BenchmarkFoldAndScore(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	evs := make([]wasm.Event, 256)
	for i := range evs {
		evs[i] = hostile(r, 1_767_225_600_000+int64(i)*3_600_000)
	}
	b.Run("go", func(b *testing.B) {
		b.ReportAllocs()
		var lead interest
		sum := 0.0
		for i := 0; b.Loop(); i++ {
			e := &evs[i%len(evs)]
			lead.fold(e)
			left := fade(e.TimeMs - lead.at)
			sum += lead.pricing*left + lead.demo*left + lead.purchase*left + lead.company
		}
		_ = sum
	})
	h := newHost(b)
	for _, s := range Starters() {
		b.Run(s.Lang, func(b *testing.B) {
			m, _ := load(b, h, read(b, s, "score.wasm"))
			in := instance(b, m)
			b.ReportAllocs()
			var state []byte
			for i := 0; b.Loop(); i++ {
				e := i % len(evs)
				var err error
				if state, err = in.Fold(state, evs[e:e+1]); err != nil {
					b.Fatal(err)
				}
				if _, err = in.ScoreFast(state, evs[e].TimeMs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
