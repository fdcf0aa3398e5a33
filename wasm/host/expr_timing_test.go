package host

import "testing"

// BenchmarkExpressionCard is one event on either card.
func BenchmarkExpressionCard(b *testing.B) {
	for how, name := range []string{"keys", "expressions"} {
		c := twentyRules(b, how)
		in := open(b, Config{}, c)
		evs := bind(c, shopping(20))
		first, err := in.Fold(nil, evs)
		if err != nil {
			b.Fatal(err)
		}
		state := append([]byte(nil), first...)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 1
			for b.Loop() {
				s, err := in.Fold(state, evs[i:i+1])
				if err == nil {
					_, err = in.ScoreFast(s, evs[i].TimeMs)
				}
				if err != nil {
					b.Fatal(err)
				}
				if i++; i == len(evs) {
					i = 1
				}
			}
		})
	}
}
