package loyalty

import (
	"math"
	"slices"
)

// simplex minimises f from a start by Nelder and Mead's method, begun anew at what
// it found until that is no better: a simplex may fold up before it arrives.
func simplex(f func(x []float64) float64, start []float64) (best []float64, least float64) {
	best, least = slices.Clone(start), f(start)
	for step := 0.7; ; step = 0.2 {
		x, v := descend(f, best, step)
		better := least - v
		if v < least || math.IsNaN(least) {
			best, least = x, v
		}
		if !(better > 1e-9*(1+math.Abs(v))) && step < 0.5 {
			return best, least
		}
	}
}

// corner is one point of the simplex.
type corner struct {
	x []float64
	v float64
}

const turnsMax = 2000

func descend(f func(x []float64) float64, start []float64, step float64) ([]float64, float64) {
	n := len(start)
	s := []corner{{slices.Clone(start), f(start)}}
	for i := range n {
		x := slices.Clone(start)
		x[i] += step
		s = append(s, corner{x, f(x)})
	}
	// along is the point on the line from the worst corner through the middle of
	// the others: at 1 its mirror image.
	along := func(by float64) corner {
		x := make([]float64, n)
		for i := range x {
			mid := 0.0
			for _, c := range s[:n] {
				mid += c.x[i]
			}
			mid /= float64(n)
			x[i] = mid + float64(by*(mid-s[n].x[i]))
		}
		return corner{x, f(x)}
	}
	for range turnsMax {
		slices.SortStableFunc(s, func(a, b corner) int { return order(a.v, b.v) })
		if s[n].v-s[0].v <= 1e-12*(1+math.Abs(s[0].v)) && wide(s) < 1e-7 {
			break
		}
		mirror := along(1)
		switch {
		case mirror.v < s[0].v:
			if far := along(2); far.v < mirror.v {
				mirror = far
			}
			s[n] = mirror
			continue
		case mirror.v < s[n-1].v:
			s[n] = mirror
			continue
		}
		near := along(-0.5)
		if mirror.v < s[n].v {
			near = along(0.5)
		}
		if near.v < min(mirror.v, s[n].v) {
			s[n] = near
			continue
		}
		for i := 1; i <= n; i++ {
			for j := range s[i].x {
				s[i].x[j] = s[0].x[j] + float64(0.5*(s[i].x[j]-s[0].x[j]))
			}
			s[i].v = f(s[i].x)
		}
	}
	return s[0].x, s[0].v
}

// order puts what is not a number last.
func order(a, b float64) int {
	switch {
	case a < b || math.IsNaN(b) && !math.IsNaN(a):
		return -1
	case b < a || math.IsNaN(a) && !math.IsNaN(b):
		return 1
	}
	return 0
}

func wide(s []corner) (w float64) {
	for _, c := range s[1:] {
		for i := range c.x {
			w = max(w, math.Abs(c.x[i]-s[0].x[i]))
		}
	}
	return w
}
