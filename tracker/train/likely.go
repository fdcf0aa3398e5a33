package train

import (
	"math"
	"slices"
)

// calibration is how scores came true of rows that whoever gave them had not seen.
type calibration struct {
	y      []uint8
	scores []float64    // 1 to 100, unrounded
	p      []float64    // probability by at
	at     [][2]float64 // score → probability, never falling
}

// calibrate says how probable conversion is by score, where scores go from 1 at lo
// points to 100 at hi. What is asked are the probabilities of rows held out; they
// become points as those of what was learned from all rows.
func (r *training) calibrate(s scored, lo, hi float64) *calibration {
	k := &calibration{y: r.t.y}
	margins := make([]float64, len(r.heldout))
	for i, p := range r.heldout {
		margins[i] = logit(p)
		k.scores = append(k.scores, min(max(1+(float64((margins[i]-s.base)*pointsOf)-lo)*99/(hi-lo), 1), 100))
	}
	if min(r.report.Conversions, r.report.Rows-r.report.Conversions) > manyConversions {
		k.at = k.steps()
	} else {
		slope, shift := platt(margins, k.y)
		for score := 1; score <= 100; score += 3 {
			m := s.base + (lo+float64(score-1)*(hi-lo)/99)/pointsOf
			k.at = append(k.at, [2]float64{float64(score), rounded(sigmoid(float64(max(slope, 0)*m)+shift), 4)})
		}
	}
	for _, x := range k.scores {
		k.p = append(k.p, along(k.at, x))
	}
	return k
}

// groupsMax is into how many groups of as many rows scores are put.
const groupsMax = 25

// steps are the rates of groups of rows with scores side by side, made never falling.
func (k *calibration) steps() (out [][2]float64) {
	order := make([]int, len(k.scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if k.scores[a] < k.scores[b] {
			return -1
		}
		return int(bit(k.scores[a] > k.scores[b]))
	})
	var scores, rates, mass []float64
	for i := 0; i < len(order); {
		n, sum, won := 0.0, 0.0, 0.0
		for ; i < len(order) && (n < float64(len(order)/groupsMax) || k.scores[order[i]] == k.scores[order[i-1]]); i++ {
			n, sum, won = n+1, sum+k.scores[order[i]], won+float64(k.y[order[i]])
		}
		scores, rates, mass = append(scores, sum/n), append(rates, (won+.5)/(n+1)), append(mass, n)
	}
	pool(rates, mass)
	for i, x := range scores {
		x = rounded(x, 1)
		if n := len(out); n == 0 || x > out[n-1][0] {
			out = append(out, [2]float64{x, rounded(rates[i], 4)})
		}
	}
	return out
}

// along reads a line from step to step.
func along(at [][2]float64, x float64) float64 {
	i, _ := slices.BinarySearchFunc(at, x, func(s [2]float64, x float64) int {
		if s[0] <= x {
			return -1
		}
		return 1
	})
	switch {
	case i == 0:
		return at[0][1]
	case i == len(at):
		return at[i-1][1]
	}
	a, b := at[i-1], at[i]
	return a[1] + (b[1]-a[1])*(x-a[0])/(b[0]-a[0])
}

func rounded(v float64, digits int) float64 {
	f := math.Pow10(digits)
	return math.Round(v*f) / f
}

// banded is a band and who came into it.
type banded struct {
	name              string
	from, leave       int // leave 0 = from
	people, converted int
}

// shown are the scores as they are shown.
func (k *calibration) shown() []int {
	scores := make([]int, len(k.scores))
	for i, x := range k.scores {
		scores[i] = int(math.Floor(x + .5))
	}
	return scores
}

// bands cuts the rows into their best tenth, the next fifth, and the rest, and counts
// how each of them converted.
func (k *calibration) bands(lang string) (out []banded) {
	scores := k.shown()
	sorted := slices.Sorted(slices.Values(scores))
	warm := max(sorted[len(sorted)*7/10], 2)
	hot := max(sorted[len(sorted)*9/10], warm+1)
	out = []banded{{name: say(lang, "cold", "frio")}, {name: say(lang, "warm", "templado"), from: warm}, {name: say(lang, "hot", "caliente"), from: hot}}
	out = slices.DeleteFunc(out, func(b banded) bool { return b.from > 100 })
	k.count(out, scores)
	return out
}

// count counts who came into bands, and how they converted.
func (k *calibration) count(bands []banded, scores []int) {
	for i, s := range scores {
		for b := len(bands) - 1; b >= 0; b-- {
			if s >= bands[b].from {
				bands[b].people++
				bands[b].converted += int(k.y[i])
				break
			}
		}
	}
}
