package journey

import "math"

// arm is a group of leads and how many of them reached the goal.
type arm struct{ n, goals int }

func (a arm) rate() float64 { return float64(a.goals) / float64(max(a.n, 1)) }

// variance is that of the rate, of two leads more of whom one reached the goal: a group
// in which nobody did is not known to the last digit.
func (a arm) variance() float64 {
	p := float64(a.goals+1) / float64(a.n+2)
	return p * (1 - p) / float64(a.n+2)
}

// wilson is the interval of a rate that Wilson's score gives (JASA 1927, 22, 209–212).
func (a arm) wilson(z float64) (low, high float64) {
	n, p := float64(a.n), a.rate()
	if n == 0 {
		return 0, 1
	}
	mid, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return (mid - half) / (1 + z*z/n), (mid + half) / (1 + z*z/n)
}

// newcombe is the interval of the difference of two rates that the Wilson intervals of
// both make: method 10 of Newcombe (Statistics in Medicine 1998, 17, 873–890).
func newcombe(a, b arm, z float64) [2]float64 {
	p, q := a.rate(), b.rate()
	al, ah := a.wilson(z)
	bl, bh := b.wilson(z)
	return [2]float64{max(p-q-math.Hypot(p-al, bh-q), -1), min(p-q+math.Hypot(ah-p, q-bl), 1)}
}

// looksAt is the number of leads at which the interval for all looks is narrowest,
// beside that for one.
const looksAt = 1000

// always is an interval of the difference that holds at all looks together, however many
// and whenever one stops: the asymptotic confidence sequence of Waudby-Smith, Arbour,
// Sinha, Kennedy and Ramdas (Annals of Statistics 2024, 52(6), 2613–2640, (11)).
func always(a, b arm, alpha float64) [2]float64 {
	d := a.rate() - b.rate()
	n := float64(a.n + b.n)
	rho := (-2*math.Log(alpha) + math.Log(1-2*math.Log(alpha))) / looksAt // squared
	t := n * rho
	half := math.Sqrt((a.variance() + b.variance()) * 2 * (t + 1) / t * math.Log(math.Sqrt(t+1)/alpha))
	return [2]float64{max(d-half, -1), min(d+half, 1)}
}

// normal is how many standard deviations leave alpha out, on both sides together.
func normal(alpha float64) float64 { return math.Sqrt2 * math.Erfinv(1-alpha) }

// guess is an effect and how far it may be off.
type guess struct{ mean, variance float64 }

// shrink draws the effects of several groups together as far as they differ by chance:
// the random effects of DerSimonian and Laird (Controlled Clinical Trials 1986, 7,
// 177–188), with the empirical Bayes estimate of each group. What is first of the result
// is the effect of a group of which nothing is known.
func shrink(groups []guess) (other guess, out []guess) {
	var w, square, sum float64
	for _, g := range groups {
		w += 1 / g.variance
		square += 1 / (g.variance * g.variance)
		sum += g.mean / g.variance
	}
	q := 0.0
	for _, g := range groups {
		q += (g.mean - sum/w) * (g.mean - sum/w) / g.variance
	}
	between := 0.0
	if c := w - square/w; len(groups) > 1 && c > 0 {
		between = max(0, (q-float64(len(groups)-1))/c)
	}
	w, sum = 0, 0
	for _, g := range groups {
		w += 1 / (g.variance + between)
		sum += g.mean / (g.variance + between)
	}
	mu := guess{sum / w, 1 / w}
	for _, g := range groups {
		b := g.variance / (g.variance + between)
		out = append(out, guess{(1-b)*g.mean + b*mu.mean, (1-b)*g.variance + b*b*mu.variance})
	}
	return guess{mu.mean, mu.variance + between}, out
}
