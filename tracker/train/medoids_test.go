package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// ruspini are the 75 points of Ruspini (1970), on which Kaufman and Rousseeuw show PAM.
var ruspini = [][2]float64{
	{4, 53},
	{5, 63},
	{10, 59},
	{9, 77},
	{13, 49},
	{13, 69},
	{12, 88},
	{15, 75},
	{18, 61},
	{19, 65},
	{22, 74},
	{27, 72},
	{28, 76},
	{24, 58},
	{27, 55},
	{28, 60},
	{30, 52},
	{31, 60},
	{32, 61},
	{36, 72},
	{28, 147},
	{32, 149},
	{35, 153},
	{33, 154},
	{38, 151},
	{41, 150},
	{38, 145},
	{38, 143},
	{32, 143},
	{34, 141},
	{44, 156},
	{44, 149},
	{44, 143},
	{46, 142},
	{47, 149},
	{49, 152},
	{50, 142},
	{53, 144},
	{52, 152},
	{55, 155},
	{54, 124},
	{60, 136},
	{63, 139},
	{86, 132},
	{85, 115},
	{85, 96},
	{78, 94},
	{74, 96},
	{97, 122},
	{98, 116},
	{98, 124},
	{99, 119},
	{99, 128},
	{101, 115},
	{108, 111},
	{110, 111},
	{108, 116},
	{111, 126},
	{115, 117},
	{117, 115},
	{70, 4},
	{77, 12},
	{83, 21},
	{61, 15},
	{69, 15},
	{78, 16},
	{66, 18},
	{58, 13},
	{64, 20},
	{69, 21},
	{66, 23},
	{61, 25},
	{76, 27},
	{72, 31},
	{64, 30},
}

// TestPam finds what R's cluster package prints of these points: medoids 10, 32, 52 and
// 70, and an average silhouette of 0.737657.
func TestPam(t *testing.T) {
	d := make([][]float32, len(ruspini))
	for i, a := range ruspini {
		for _, b := range ruspini {
			d[i] = append(d[i], float32(math.Hypot(a[0]-b[0], a[1]-b[1])))
		}
	}
	m := pam(d, 4)
	slices.Sort(m)
	if !slices.Equal(m, []int{9, 31, 51, 69}) {
		t.Errorf("medoids %v", m)
	}
	of := make([]int, len(d))
	for i := range d {
		for j, row := range m {
			if d[i][row] < d[i][m[of[i]]] {
				of[i] = j
			}
		}
	}
	near(t, "silhouette", silhouette(d, of, 4), .737657, 1e-6)
	near(t, "of one group alone", silhouette([][]float32{{0}}, []int{0}, 2), 0, 0)
}

// TestPamIsBest: on few points no other choice of medoids that one swap leads to is
// nearer.
func TestPamIsBest(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 40 {
		n := 6 + r.IntN(12)
		d := make([][]float32, n)
		at := make([]float32, n)
		for i := range at {
			at[i] = float32(r.IntN(50))
		}
		for i := range d {
			for k := range n {
				d[i] = append(d[i], max(at[i]-at[k], at[k]-at[i]))
			}
		}
		cost := func(m []int) (sum float32) {
			for i := range d {
				least := d[i][m[0]]
				for _, k := range m {
					least = min(least, d[i][k])
				}
				sum += least
			}
			return sum
		}
		m := pam(d, 3)
		for j := range m {
			for c := range n {
				other := slices.Clone(m)
				if other[j] = c; cost(other) < cost(m) {
					t.Fatalf("%v: medoids %v cost %v, %v cost %v", at, m, cost(m), other, cost(other))
				}
			}
		}
	}
}

func TestApart(t *testing.T) {
	// Ranks of 1, 5, 5, 9: 0, ½, ½, 1; no answer is half of the way from all.
	table := read(t, "n,c\n1,a\n5,a\n9,b\n5,\nx,b\n", Options{Label: "n", Positive: "x"})
	table.columns = append(table.columns, &column{name: "n", kind: number, nums: []float64{1, 5, 9, 5, math.NaN()}})
	s := newSpace(table)
	f := func(a, b int, want float64) {
		t.Helper()
		near(t, "apart", float64(s.apart(a, b)), want, 1e-6)
		near(t, "apart, the other way", float64(s.apart(b, a)), want, 1e-6)
	}
	f(0, 1, .25) // half of a rank, the same word
	f(0, 2, 1)   // all
	f(1, 3, .5)  // another word: none
	f(2, 4, .25) // no number
	f(4, 4, 0)   // itself
}
