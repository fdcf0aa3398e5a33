package scorecard

import "testing"

func BenchmarkDraw(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		lifetime(24, 0.25, 4, 0.45)
	}
}
