package train

import (
	"math"
	"slices"
)

// platt fits the slope and shift that make probabilities of log-odds: 1 and 0 where
// they are right already.
func platt(m []float64, y []uint8) (slope, shift float64) {
	slope = 1
	for range 50 {
		var g0, g1, h00, h01, h11 float64
		for i, v := range m {
			p := sigmoid(float64(slope*v) + shift)
			d, h := p-float64(y[i]), max(float64(p*(1-p)), 1e-9)
			g0, g1 = g0+d, g1+float64(d*v)
			h00, h01, h11 = h00+h, h01+float64(h*v), h11+float64(h*v*v)
		}
		det := h00*h11 - h01*h01
		if det < 1e-12*h00*h11 || det == 0 {
			return slope, shift - g0/h00
		}
		a, b := (h11*g0-h01*g1)/det, (h00*g1-h01*g0)/det
		shift, slope = shift-a, slope-b
		if math.Abs(a)+math.Abs(b) < 1e-9 {
			break
		}
	}
	return slope, shift
}

// isotonic is the never-falling curve of probability by points that fits best, a step
// each: from its points on, as many of its rows converted.
func isotonic(points []int, y []uint8) []Chance {
	at := make([]int, len(points))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int { return points[a] - points[b] })
	var steps []Chance
	for i := 0; i < len(at); {
		c, k := Chance{Points: points[at[i]]}, 0.0
		for ; i < len(at) && points[at[i]] == c.Points; i++ {
			c.Rows++
			k += float64(y[at[i]])
		}
		c.P = k / float64(c.Rows)
		steps = append(steps, c)
	}
	v, mass := make([]float64, len(steps)), make([]float64, len(steps))
	for i, s := range steps {
		v[i], mass[i] = s.P, float64(s.Rows)
	}
	pool(v, mass)
	var out []Chance
	for i, s := range steps {
		if n := len(out); n > 0 && out[n-1].P == v[i] {
			out[n-1].Rows += s.Rows
		} else {
			out = append(out, Chance{s.Points, v[i], s.Rows})
		}
	}
	return out
}
