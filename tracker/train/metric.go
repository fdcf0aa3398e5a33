package train

import (
	"math"
	"slices"
)

// Measures say how good probabilities are.
type Measures struct {
	AUC     float64 `json:"auc"`     // the chance that who converted stands above who did not
	Lift    float64 `json:"lift10"`  // conversions in the best tenth, beside a tenth at random
	Brier   float64 `json:"brier"`   // mean squared error
	LogLoss float64 `json:"logloss"` // mean −ln of the probability of what happened
	ECE     float64 `json:"ece"`     // how far probabilities are from what happened, over ten bins
}

func measure(p []float64, y []uint8) Measures {
	return Measures{AUC: auc(p, y), Lift: lift(p, y, .1), Brier: brier(p, y), LogLoss: logLoss(p, y), ECE: ece(p, y)}
}

// ordered returns the indices of p, the greatest value first.
func ordered(p []float64) []int {
	at := make([]int, len(p))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int {
		switch {
		case p[a] > p[b]:
			return -1
		case p[a] < p[b]:
			return 1
		}
		return a - b
	})
	return at
}

// ties calls f for each run of equal values, the greatest first.
func ties(p []float64, f func(rows []int)) {
	at := ordered(p)
	for i := 0; i < len(at); {
		j := i + 1
		for j < len(at) && p[at[j]] == p[at[i]] {
			j++
		}
		f(at[i:j])
		i = j
	}
}

// auc is the area under the ROC curve; a tie is worth one half. It is one half if
// everybody has the same label.
func auc(p []float64, y []uint8) float64 {
	wins, pairs := pairsOf(p, y)
	if pairs == 0 {
		return .5
	}
	return wins / pairs
}

// pairsOf counts the pairs of a row that converted and one that did not, and those
// that p puts the right way round.
func pairsOf(p []float64, y []uint8) (won, pairs float64) {
	above := 0.0
	pos, neg := 0.0, 0.0
	ties(p, func(rows []int) {
		k := 0.0
		for _, i := range rows {
			k += float64(y[i])
		}
		other := float64(len(rows)) - k
		won += other * (above + k/2)
		above += k
		pos, neg = pos+k, neg+other
	})
	return won, pos * neg
}

// roc is a hundred points of the ROC curve, or as many as there are.
func roc(p []float64, y []uint8) [][2]float64 {
	pos, neg := 0.0, 0.0
	for _, v := range y {
		pos, neg = pos+float64(v), neg+1-float64(v)
	}
	out := [][2]float64{{0, 0}}
	hit, miss, seen, next := 0.0, 0.0, 0, 0
	ties(p, func(rows []int) {
		for _, i := range rows {
			hit, miss = hit+float64(y[i]), miss+1-float64(y[i])
		}
		if seen += len(rows); seen >= next {
			out = append(out, [2]float64{miss / max(neg, 1), hit / max(pos, 1)})
			next = seen + len(p)/100
		}
	})
	if out[len(out)-1] != [2]float64{1, 1} {
		out = append(out, [2]float64{1, 1})
	}
	return out
}

// lift is the rate among the best share of the rows beside the rate of all; ties at
// the border count by their mean.
func lift(p []float64, y []uint8, share float64) float64 {
	all := 0.0
	for _, v := range y {
		all += float64(v)
	}
	if all == 0 {
		return 0
	}
	room, hits := share*float64(len(y)), 0.0
	ties(p, func(rows []int) {
		if room <= 0 {
			return
		}
		k := 0.0
		for _, i := range rows {
			k += float64(y[i])
		}
		hits += k * min(1, room/float64(len(rows)))
		room -= float64(len(rows))
	})
	return hits / all / share
}

func brier(p []float64, y []uint8) float64 {
	sum := 0.0
	for i, v := range p {
		d := v - float64(y[i])
		sum += d * d
	}
	return sum / float64(max(len(p), 1))
}

func logLoss(p []float64, y []uint8) float64 {
	sum := 0.0
	for i, v := range p {
		v = min(max(v, 1e-12), 1-1e-12)
		if y[i] == 0 {
			v = 1 - v
		}
		sum -= math.Log(v)
	}
	return sum / float64(max(len(p), 1))
}

// ece is the expected calibration error over ten bins of equal width.
func ece(p []float64, y []uint8) float64 {
	var said, came, n [10]float64
	for i, v := range p {
		b := min(9, max(0, int(v*10)))
		said[b] += v
		came[b] += float64(y[i])
		n[b]++
	}
	sum := 0.0
	for b := range n {
		sum += math.Abs(said[b] - came[b])
	}
	return sum / float64(max(len(p), 1))
}

// within is the AUC among rows of the same period alone: what is left when time
// itself no longer helps.
func within(p []float64, y []uint8, period []int) float64 {
	ps, ys := map[int][]float64{}, map[int][]uint8{}
	var order []int
	for i, k := range period {
		if _, ok := ps[k]; !ok {
			order = append(order, k)
		}
		ps[k], ys[k] = append(ps[k], p[i]), append(ys[k], y[i])
	}
	slices.Sort(order)
	won, pairs := 0.0, 0.0
	for _, k := range order {
		w, n := pairsOf(ps[k], ys[k])
		won, pairs = won+w, pairs+n
	}
	if pairs == 0 {
		return .5
	}
	return won / pairs
}

func sigmoid(m float64) float64 { return 1 / (1 + math.Exp(-m)) }

func logit(p float64) float64 {
	p = min(max(p, 1e-9), 1-1e-9)
	return math.Log(p / (1 - p))
}
