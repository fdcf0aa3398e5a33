package host

import (
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

// BenchmarkFoldScore is one event of the hot path on the 16-rule card: bound,
// folded into a state that the caller keeps, scored without reasons.
func BenchmarkFoldScore(b *testing.B) {
	c := card(b, "saas.yaml")
	in := open(b, Config{}, c)
	events := visits(start, 20)
	evs := bind(c, events)
	var buf []wasm.Event
	b.Run("fold+score", func(b *testing.B) {
		b.ReportAllocs()
		state, i := make([]byte, 0, wasm.StateMax), 0
		for b.Loop() {
			s, err := in.Fold(state, evs[i:i+1])
			if err != nil {
				b.Fatal(err)
			}
			state = append(state[:0], s...)
			if _, err := in.ScoreFast(s, evs[i].TimeMs); err != nil {
				b.Fatal(err)
			}
			if i++; i == len(evs) {
				i, state = 0, state[:0]
			}
		}
	})
	b.Run("bind+fold+score", func(b *testing.B) {
		b.ReportAllocs()
		state, i := make([]byte, 0, wasm.StateMax), 0
		for b.Loop() {
			buf = c.Bind(buf[:0], events[i])
			s, err := in.Fold(state, buf)
			if err != nil {
				b.Fatal(err)
			}
			state = append(state[:0], s...)
			if _, err := in.ScoreFast(s, events[i].time); err != nil {
				b.Fatal(err)
			}
			if i++; i == len(events) {
				i, state = 0, state[:0]
			}
		}
	})
	b.Run("batch of 16, per event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, err := in.Fold(nil, evs[:16])
			if err == nil {
				_, err = in.ScoreFast(s, evs[15].TimeMs)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/event")
	})
	b.Run("score", func(b *testing.B) {
		s, _ := in.Fold(nil, evs)
		state := append([]byte(nil), s...)
		for b.Loop() {
			if _, err := in.ScoreFast(state, evs[len(evs)-1].TimeMs); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("score with reasons", func(b *testing.B) {
		b.ReportAllocs()
		s, _ := in.Fold(nil, evs)
		state := append([]byte(nil), s...)
		var r scorecard.Result
		for b.Loop() {
			if err := in.Score(state, evs[len(evs)-1].TimeMs, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEval is the same in plain Go, for the ratio.
func BenchmarkEval(b *testing.B) {
	c := card(b, "saas.yaml")
	evs := bind(c, visits(start, 20))
	e, i := c.NewEval(), 0
	for b.Loop() {
		e.Fold(evs[i])
		r := e.Score(evs[i].TimeMs)
		if r.Score < 0 {
			b.Fatal(r)
		}
		if i++; i == len(evs) {
			i, e = 0, c.NewEval()
		}
	}
}

// BenchmarkRunnable is a card from text to an instance.
func BenchmarkRunnable(b *testing.B) {
	h, err := New(b.Context(), Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	c := card(b, "saas.yaml")
	var code []byte
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			if code, err = compile.Module(c); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(code)), "bytes")
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			m, err := h.Load(b.Context(), c, code)
			if err != nil {
				b.Fatal(err)
			}
			m.Close()
		}
	})
	b.Run("instance", func(b *testing.B) {
		m, err := h.Load(b.Context(), c, code)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			in, err := m.NewInstance(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			in.Close()
		}
	})
}
