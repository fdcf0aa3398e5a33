package train

import "math"

// lost is by how much the AUC of b is below that of a on the same rows, and the
// variance of that: the method of DeLong, DeLong and Clarke-Pearson (Biometrics 1988,
// 44, 837–845) for two correlated curves.
func lost(a, b []float64, y []uint8) (d, variance float64) {
	pa, pb := placed(a, y), placed(b, y)
	var sum, square, n [2]float64
	for i, v := range y {
		x := pa[i] - pb[i]
		sum[v] += x
		square[v] += x * x
		n[v]++
	}
	if n[0] < 2 || n[1] < 2 {
		return 0, 0
	}
	for v := range sum {
		mean := sum[v] / n[v]
		variance += max(square[v]-sum[v]*mean, 0) / (n[v] - 1) / n[v]
	}
	return sum[1] / n[1], variance
}

// placed says of each row that converted what share of the others stand below it, and
// of each other row what share of those that converted stand above; ties count one half.
func placed(p []float64, y []uint8) []float64 {
	var n, above [2]float64
	for _, v := range y {
		n[v]++
	}
	out := make([]float64, len(p))
	ties(p, func(rows []int) {
		var here [2]float64
		for _, i := range rows {
			here[y[i]]++
		}
		for _, i := range rows {
			if y[i] == 1 {
				out[i] = (n[0] - above[0] - here[0]/2) / max(n[0], 1)
			} else {
				out[i] = (above[1] + here[1]/2) / max(n[1], 1)
			}
		}
		above[0], above[1] = above[0]+here[0], above[1]+here[1]
	})
	return out
}

// byChance is the information value that bins which tell nothing stay below in 95 of
// 100 files. Without smoothing it is 1/p + 1/q times chi-squared with a degree of
// freedom less than there are bins (Yurdakul and Naranjo, Journal of Risk Model
// Validation 2020, 14(4), of the stability index, which is the same sum). tries is of
// how many columns the most telling is taken.
func byChance(bins int, p, q float64, tries int) float64 {
	if bins < 2 || p == 0 || q == 0 {
		return 0
	}
	return chiSquared(float64(bins-1), .05/float64(tries)) * (1/p + 1/q)
}

// chiSquared is the value that is passed with a probability, after Wilson and Hilferty.
func chiSquared(freedom, above float64) float64 {
	z := math.Sqrt2 * math.Erfinv(1-2*above)
	c := 2 / (9 * freedom)
	return freedom * math.Pow(max(1-c+z*math.Sqrt(c), 0), 3)
}
