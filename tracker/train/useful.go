package train

import (
	"math"
	"slices"
)

// information is the information value of bins: how far apart those who converted
// and those who did not lie.
func information(bins []uint8, n int, y []uint8) float64 {
	var pos, neg [256]float64
	p, q := 0.0, 0.0
	for i, b := range bins {
		if y[i] == 1 {
			pos[b]++
			p++
		} else {
			neg[b]++
			q++
		}
	}
	sum := 0.0
	for b := range n {
		if pos[b]+neg[b] == 0 {
			continue
		}
		x, z := (pos[b]+.5)/(p+.5), (neg[b]+.5)/(q+.5)
		sum += (x - z) * math.Log(x/z)
	}
	return sum
}

// alone is how probable conversion is by one column alone, each fold scored by the rates
// of the others.
func alone(t *Table, j int, fold []int, k int, how coarseness) []float64 {
	p := make([]float64, t.Len())
	for f := range k {
		ask, fit := parted(fold, f)
		for i, v := range t.rates(j, fit, ask, how) {
			p[ask[i]] = v
		}
	}
	return p
}

// rates are how often those of fit converted who are in the same bin of a column.
func (t *Table) rates(j int, fit, ask []int, how coarseness) []float64 {
	by := t.columns[j].cut(fit, how)
	var pos, n [256]float64
	all := 0.0
	for _, r := range fit {
		b := by.binOf(t.columns[j], r)
		pos[b] += float64(t.y[r])
		all += float64(t.y[r])
		n[b]++
	}
	p := make([]float64, len(ask))
	for i, r := range ask {
		b := by.binOf(t.columns[j], r)
		p[i] = (pos[b] + 10*all/float64(len(fit))) / (n[b] + 10)
	}
	return p
}

// A leak is written on the way to the outcome: it knows who is about to convert, and
// nothing of those who convert much later.
const (
	lateLeast = 25  // who converted late, at least, to tell
	lateShare = 0.5 // of what it tells beyond chance it must tell of them, too
	lateWait  = day // is late at least
)

// foresees says that a column that knows much of who converts, p by itself, is no leak: it
// was known at moments long before. Only the log knows that; and of attributes it does
// not if it believes the times that an import gave them, nor of what sales write.
func (t *Table) foresees(j int, p []float64) bool {
	c := t.columns[j]
	if t.waits == nil || c.does == nil && t.log.By == "time" || c.bySales() {
		return false
	}
	var waits []int64
	for i, y := range t.y {
		if y == 1 {
			waits = append(waits, t.waits[i])
		}
	}
	slices.Sort(waits)
	late := max(waits[len(waits)/2], lateWait)
	var q []float64
	var y []uint8
	n := 0
	for i := range t.y {
		if t.y[i] == 0 || t.waits[i] >= late {
			q, y, n = append(q, p[i]), append(y, t.y[i]), n+int(t.y[i])
		}
	}
	return n >= lateLeast && auc(q, y)-.5 >= lateShare*(auc(p, t.y)-.5)
}

// alarmDrift is the population stability index from which a distribution has
// changed, by the custom of lenders.
const alarmDrift = 0.25

// drift is the population stability index of a column: how far its bins among later
// rows are from those among early ones.
func drift(bins []uint8, n int, early, later []int) float64 {
	var a, b [256]float64
	for _, r := range early {
		a[bins[r]]++
	}
	for _, r := range later {
		b[bins[r]]++
	}
	sum := 0.0
	for i := range n {
		if a[i]+b[i] > 0 {
			x, y := (a[i]+.5)/(float64(len(early))+.5), (b[i]+.5)/(float64(len(later))+.5)
			sum += (y - x) * math.Log(y/x)
		}
	}
	return sum
}
