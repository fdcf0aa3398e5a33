package host

import (
	"fmt"
	"math"
	"math/rand/v2"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// Of the samples that a module is tried on if nobody has better.
const (
	sampleLeads  = 64
	sampleEvents = 16 // a lead
)

// samples are made-up leads with what a module reads, the same each time: every
// type it names, values that are there, missing, empty, long, and at the ends of
// their range.
func samples(c *scorecard.Card) [][]wasm.Event {
	r := rand.New(rand.NewPCG(1, 2))
	leads := make([][]wasm.Event, sampleLeads)
	for i := range leads {
		t := int64(1_767_225_600_000) + r.Int64N(86_400_000)
		for j := range sampleEvents {
			typ := (i*sampleEvents + j) % len(c.Types)
			e := wasm.Event{Type: c.Types[typ].Name, Index: uint16(typ), TimeMs: t, Slots: make([]wasm.Slot, len(c.Slots))}
			for s := range c.Slots {
				if def := &c.Slots[s]; s == 0 || typ > 0 || def.Trait {
					e.Slots[s] = sample(r, def, t)
				}
			}
			leads[i] = append(leads[i], e)
			t += r.Int64N(5 * 86_400_000)
		}
	}
	return leads
}

func sample(r *rand.Rand, def *scorecard.SlotDef, t int64) wasm.Slot {
	switch def.View {
	case scorecard.ViewFlags:
		return wasm.Slot{Tag: wasm.Int, Num: scorecard.FlagActivity | r.Uint64N(2)*scorecard.FlagCarries}
	case scorecard.ViewDay:
		return wasm.Slot{Tag: wasm.Int, Num: uint64(t / 86_400_000)}
	case scorecard.ViewSession, scorecard.ViewHash:
		return wasm.Slot{Tag: wasm.Int, Num: r.Uint64()}
	case scorecard.ViewHas:
		return wasm.Slot{Tag: wasm.Bool, Num: r.Uint64N(2)}
	}
	if r.IntN(4) == 0 {
		return wasm.Slot{Tag: [...]wasm.Tag{wasm.Missing, wasm.Null}[r.IntN(2)]}
	}
	if def.View == scorecard.ViewNum {
		n := [...]float64{0, 1, -1, 0.5, r.Float64() * 100, 1 << 53, -math.MaxFloat64, math.SmallestNonzeroFloat64}
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(n[r.IntN(len(n))])}
	}
	words := [...]string{"", "a", "ES", "/pricing/pro", "señor", fmt.Sprintf("%0*d", 1+r.IntN(wasm.StringMax), 7)}
	return wasm.Slot{Tag: wasm.String, Str: []byte(words[r.IntN(len(words))])}
}
