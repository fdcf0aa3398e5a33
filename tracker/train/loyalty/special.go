package loyalty

import "math"

// termsMax bounds series that nearly stand still; what is left out then is far
// below what a fit can see.
const termsMax = 100_000

// hypergeometric is Gauss's 2F1(a, b; c; z) for 0 ≤ z < 1, by its series. Callers
// turn it by Euler's transformation first, so that it converges up to 1.
func hypergeometric(a, b, c, z float64) float64 {
	term, sum := 1.0, 1.0
	for n := 0.0; n < termsMax; n++ {
		term *= (a + n) / (c + n) * (b + n) / (1 + n) * z
		sum += term
		if math.Abs(term) <= 1e-15*math.Abs(sum) {
			break
		}
	}
	return sum
}

// lnGamma is ln Γ(x) for x > 0.
func lnGamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// lnRising is ln Γ(x+n)/Γ(x).
func lnRising(x, n float64) float64 { return lnGamma(x+n) - lnGamma(x) }

// lnSum is ln(e^a + e^b).
func lnSum(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
