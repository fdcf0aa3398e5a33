package wasm

import "math"

// Exp2Poly are the coefficients of 2^f for f in [-0.5, 0.5], lowest first:
// ln2^k/k!, the Taylor series, cut where the next term is below 2^-53. The
// emitter writes these same numbers into modules.
var Exp2Poly = [14]float64{
	1,
	0.6931471805599453,
	0.24022650695910072,
	0.05550410866482158,
	0.009618129107628477,
	0.0013333558146428443,
	0.0001540353039338161,
	1.5252733804059841e-05,
	1.321548679014431e-06,
	1.01780860092397e-07,
	7.054911620801123e-09,
	4.4455382718708116e-10,
	2.5678435993488206e-11,
	1.3691488853904128e-12,
}

// Exp2Min is where 2^x is taken as zero; below it the exponent would leave the
// normal numbers.
const Exp2Min = -1022

// Exp2 returns 2^x for x < 1023, with the same operations in the same order as a
// compiled module: no fused multiply-add, so the same bits everywhere. The
// polynomial is summed in pairs (Estrin), which a processor can overlap.
func Exp2(x float64) float64 {
	if x < Exp2Min {
		return 0
	}
	n := math.RoundToEven(x)
	f := x - n
	c := &Exp2Poly
	f2 := float64(f * f)
	f4 := float64(f2 * f2)
	f8 := float64(f4 * f4)
	q0 := (c[0] + float64(c[1]*f)) + float64((c[2]+float64(c[3]*f))*f2)
	q1 := (c[4] + float64(c[5]*f)) + float64((c[6]+float64(c[7]*f))*f2)
	q2 := (c[8] + float64(c[9]*f)) + float64((c[10]+float64(c[11]*f))*f2)
	q3 := c[12] + float64(c[13]*f)
	p := (q0 + float64(q1*f4)) + float64((q2+float64(q3*f4))*f8)
	return float64(p * math.Float64frombits(uint64(int64(n)+1023)<<52))
}
