package loyalty

import (
	"fmt"
	"math"
)

// Spend foresees what a purchase is worth (Gamma-Gamma): values of one customer's
// purchases follow a gamma distribution of shape P, and customers differ in its
// scale by another gamma of shape Q and scale V.
type Spend struct {
	P      float64 `json:"p"`
	Q      float64 `json:"q"`
	V      float64 `json:"v"`
	LogLik float64 `json:"log_likelihood"`
	Buyers int     `json:"customers"`
	Held   bool    `json:"held_to_mean"` // two parameters were fitted: the mean of all is the customers' own
}

// FitSpend fits the values of those who came back and spent something.
func FitSpend(buyers []Buyer) (*Spend, error) {
	var back []Buyer
	mean := 0.0
	for _, b := range buyers {
		if b.Repeats > 0 && b.Mean > 0 {
			back = append(back, b)
			mean += b.Mean
		}
	}
	if len(back) < Least {
		return nil, tooFew(len(back))
	}
	mean /= float64(len(back))
	s := &Spend{Buyers: len(back)}
	cost := func(x []float64) float64 {
		if s.set(x, mean); s.P < 1e-3 || s.P > 1e3 || s.Q < 1.01 || s.Q > 1e3 {
			return math.Inf(1) // all purchases cost the same, or nothing like each other
		}
		sum := 0.0
		for _, b := range back {
			sum -= s.logLik(float64(b.Repeats), b.Mean)
		}
		return sum
	}
	start := []float64{math.Log(2), math.Log(2), math.Log(mean)}
	x, v := simplex(cost, start)
	if s.set(x, mean); !(s.Expect(Buyer{}) < farMean*mean && s.Expect(Buyer{}) > mean/farMean) {
		s.Held = true
		x, v = simplex(cost, start[:2])
		s.set(x, mean)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("the values of purchases fit no Gamma-Gamma: leave the value column out")
	}
	s.LogLik = -v
	return s, nil
}

// farMean is how far the mean of a fit may lie from the customers' own, as a factor,
// before it is held to it: a shop of two prices, far apart, would else have strangers
// spend more than anybody ever did.
const farMean = 1.5

// set takes P, Q and V from their logarithms, or V from the mean if that is held. Q
// stays above 1: below it a customer nobody knows would be worth without end.
func (s *Spend) set(x []float64, mean float64) {
	s.P, s.Q = math.Exp(x[0]), 1+math.Exp(x[1])
	if s.Held {
		s.V = mean * (s.Q - 1) / s.P
		return
	}
	s.V = math.Exp(x[2])
}

func (s *Spend) logLik(x, mean float64) float64 {
	px := s.P * x
	return lnRising(s.Q, px) - lnGamma(px) + s.Q*math.Log(s.V) + (px-1)*math.Log(mean) + px*math.Log(x) -
		(px+s.Q)*math.Log(s.V+x*mean)
}

// Expect is what a purchase of this customer is worth: their own mean, and the
// shop's the less they have bought.
func (s *Spend) Expect(b Buyer) float64 {
	x := float64(b.Repeats)
	return s.P * (s.V + x*b.Mean) / (s.P*x + s.Q - 1)
}

// Terms are what turns purchases into money that counts today.
type Terms struct {
	Margin   float64 // share of a purchase's value that is earned
	Discount float64 // a year
	Weeks    float64 // how far to look ahead
}

// yearWeeks is a year of 365.25 days in weeks.
const yearWeeks = 365.25 / week

// Lifetime is what a customer will earn within the terms: the purchases of each
// four weeks, at the value expected, times the margin, discounted to today from
// their middle.
func (m *Model) Lifetime(s *Spend, b Buyer, t Terms) float64 {
	const every = 4.0
	sum, before, alive := 0.0, 0.0, m.Alive(b)
	for at := 0.0; at < t.Weeks; {
		next := min(at+every, t.Weeks)
		bought := alive * m.onward(float64(b.Repeats), b.Age, next)
		sum += (bought - before) / math.Pow(1+t.Discount, (at+next)/2/yearWeeks)
		at, before = next, bought
	}
	return sum * s.Expect(b) * t.Margin
}
