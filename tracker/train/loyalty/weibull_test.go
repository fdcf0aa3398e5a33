package loyalty

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestWeibullAnchors fits two censored samples of the textbooks and finds what they
// print: the shock absorbers of Meeker and Escobar, Statistical Methods for Reliability
// Data (kilometres; location 10.23 and scale 0.3164 of the logarithm), and the times to
// relapse of leukaemia under 6-MP (weeks; shape 1.354, scale 33.77).
func TestWeibullAnchors(t *testing.T) {
	f := func(name string, unit, shape, scale, near float64, ended, open []float64) {
		t.Helper()
		var gaps []gap
		for _, x := range ended {
			gaps = append(gaps, gap{days: x * unit, n: 1})
		}
		for _, x := range open {
			gaps = append(gaps, gap{days: x * unit, open: true, n: 1})
		}
		l, _ := fitFamily(gaps, true)
		k, s := l.scored().Parameters()
		if got := s / dayMs / unit; math.Abs(k/shape-1) > near || math.Abs(got/scale-1) > near || l.Returns != 1 {
			t.Errorf("%s: shape %.4f and scale %.3f, want %v and %v", name, k, got, shape, scale)
		}
	}
	f("shock absorbers", 0.1, 1/0.3164, math.Exp(10.23), 0.001,
		[]float64{6700, 9120, 12200, 13150, 14300, 17520, 20100, 20900, 22700, 26510, 27490},
		[]float64{
			6950, 7820, 8790, 9660, 9820, 11310, 11690, 11850, 11880, 12140, 12870, 13330, 13470, 14040, 17540, 17890,
			18450, 18960, 18980, 19410, 20100, 20150, 20320, 23490, 27410, 27890, 28100,
		})
	f("6-MP", 10, 1.354, 33.77, 0.001,
		[]float64{6, 6, 6, 7, 10, 13, 16, 22, 23}, []float64{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35})
}

// TestFamily draws lives from either family, cut off by a window, and sees which is
// taken; the parameters come back.
func TestFamily(t *testing.T) {
	draw := func(weibull bool) Life {
		r := rand.New(rand.NewPCG(5, 8))
		var gaps []gap
		for range 4000 {
			days := gammaDraw(r, 4, 100) // cv 0.5
			if weibull {
				days = 450 * math.Pow(-math.Log(1-r.Float64()), 0.5) // shape 2: cv 0.5227
			}
			window := 700 * r.Float64()
			gaps = append(gaps, gap{days: math.Ceil(min(days, window)), open: days > window, n: 1})
		}
		return fitLife(gaps)
	}
	if l := draw(false); l.Weibull || !close(l.Mean, 400, 0.04) || !close(l.CV, 0.5, 0.06) {
		t.Errorf("gamma: found %+v", l)
	}
	if l := draw(true); !l.Weibull || !close(l.Mean, 450*math.Sqrt(math.Pi)/2, 0.04) || !close(l.CV, 0.5227, 0.06) {
		t.Errorf("weibull: found %+v", l)
	}
}
