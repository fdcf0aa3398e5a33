package loyalty

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// gammaDraw draws from a gamma distribution (Marsaglia and Tsang).
func gammaDraw(r *rand.Rand, shape, scale float64) float64 {
	if shape < 1 {
		return gammaDraw(r, shape+1, scale) * math.Pow(r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	for {
		x := r.NormFloat64()
		v := math.Pow(1+x/math.Sqrt(9*d), 3)
		if v > 0 && math.Log(1-r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v * scale
		}
	}
}

// shop makes customers who buy a product at random within a window and replace it
// when it wears out, if they come back at all.
func shop(r *rand.Rand, product, category string, customers int, window, mean, cv, returns float64) (lines []Purchase) {
	k := 1 / (cv * cv)
	for i := range customers {
		at := r.Float64() * window
		for at < window {
			lines = append(lines, Purchase{Customer: fmt.Sprintf("%s-%d", product, i), Day: int(at), Product: product, Category: category})
			if r.Float64() > returns {
				break
			}
			at += max(1, gammaDraw(r, k, mean/k))
		}
	}
	return lines
}

func life(t *testing.T, lives []Life, product string) Life {
	t.Helper()
	i := slices.IndexFunc(lives, func(l Life) bool { return l.Product == product })
	if i < 0 {
		t.Fatalf("no life of %s: %v", product, lives)
	}
	return lives[i]
}

func close(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

// TestLivesRecover draws lives with known parameters, seen through a window that cuts
// most of them off, and finds the parameters again. The mean of the finished ones is
// far off: what has not ended yet must count.
func TestLivesRecover(t *testing.T) {
	for _, c := range []struct{ mean, cv, returns, window float64 }{
		{730, 0.25, 1, 1100},
		{400, 0.5, 1, 500},
		{90, 0.8, 1, 365},
		{730, 0.25, 0.5, 2500},
		{300, 0.3, 0.3, 1500},
	} {
		r := rand.New(rand.NewPCG(uint64(c.mean), 3))
		lines := shop(r, "machine", "", 6000, c.window, c.mean, c.cv, c.returns)
		l := life(t, Lives(lines, int(c.window), 30), "machine")
		naive, n := 0.0, 0.0
		for _, o := range ownings(lines, int(c.window)) {
			for i := 1; i < len(o.days); i++ {
				naive += float64(o.days[i] - o.days[i-1])
				n++
			}
		}
		naive /= n
		if !close(l.Mean, c.mean, 0.05) || !close(l.CV, c.cv, 0.1) || !close(l.Returns, c.returns, 0.08) {
			t.Errorf("%+v: found %v", c, l)
		}
		if c.window < 2*c.mean && close(naive, c.mean, 0.1) {
			t.Errorf("%+v: the mean of finished lives is %.0f: the test does not censor", c, naive)
		}
		t.Logf("mean %.0f cv %.2f returns %.2f: found %v; finished ones alone say %.0f days", c.mean, c.cv, c.returns, l, naive)
	}
}

// TestLivesLean shows whom a product with little evidence of its own follows.
func TestLivesLean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lines := shop(r, "known", "machines", 2500, 1500, 600, 0.25, 1)
	lines = append(lines, shop(r, "rare", "machines", 30, 1500, 300, 0.25, 1)...)
	lines = append(lines, Purchase{Customer: "x", Day: 10, Product: "new", Category: "machines"})
	lines = append(lines, Purchase{Customer: "x", Day: 10, Product: "other", Category: "chairs"})
	lives := Lives(lines, 1500, 100)
	known, rare, fresh, other := life(t, lives, "known"), life(t, lives, "rare"), life(t, lives, "new"), life(t, lives, "other")
	if !close(known.Mean, 600, 0.05) || known.From != "product" || known.Own < 0.9 {
		t.Errorf("known: %+v", known)
	}
	if !(rare.Mean > 320 && rare.Mean < 560) || rare.Own > 0.6 {
		t.Errorf("rare: %+v: want it between its own 300 and the category's 600", rare)
	}
	if fresh.From != "category" || !close(fresh.Mean, 600, 0.1) || fresh.Own != 0 {
		t.Errorf("new: %+v", fresh)
	}
	if other.From != "all" {
		t.Errorf("other: %+v", other)
	}
	if l := Lives(lines[len(lines)-2:], 1500, 30)[0]; l.Mean != seed.Mean || l.CV != seed.CV || l.From != "default" {
		t.Errorf("with no evidence: %+v, want the default", l)
	}
}

// TestLivesOrder shows that lines may stand in any order.
func TestLivesOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	lines := append(shop(r, "a", "k", 200, 900, 300, 0.4, 0.7), shop(r, "b", "k", 100, 900, 100, 0.4, 1)...)
	want := Lives(lines, 900, 30)
	refills := Refills(lines, 900, want)
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if got := Lives(lines, 900, 30); !slices.Equal(got, want) {
		t.Errorf("shuffled: %v, want %v", got, want)
	}
	if got := Refills(lines, 900, want); !slices.Equal(got, refills) {
		t.Error("shuffled: other refills")
	}
}

// TestRefills has customers with a rhythm of their own: their mean gap says more than
// the product's, and one gap alone says less than many.
func TestRefills(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var lines []Purchase
	own := map[string]float64{}
	for i := range 400 {
		name := fmt.Sprintf("c%d", i)
		own[name] = gammaDraw(r, 9, 30.0/9)
		at := r.Float64() * 400
		for at < 365 || at < 400 && i%2 == 0 {
			lines = append(lines, Purchase{Customer: name, Day: int(at), Product: "capsules"})
			at += max(1, gammaDraw(r, 16, own[name]/16))
		}
	}
	lives := Lives(lines, 400, 30)
	if l := life(t, lives, "capsules"); !l.Regular {
		t.Fatalf("%+v is not regular", l)
	}
	ours, shared, n := 0.0, 0.0, 0.0
	for _, f := range Refills(lines, 400, lives) {
		ours += math.Abs(f.Every - own[f.Customer])
		shared += math.Abs(lives[0].Mean - own[f.Customer])
		n++
		if f.Due != f.Last+int(math.Round(f.Every)) {
			t.Errorf("%+v: due is not last + every", f)
		}
	}
	if n < 350 || ours > shared/2 {
		t.Errorf("error of a person's gap %.2f days, of the product's %.2f, n = %v", ours/n, shared/n, n)
	}
	t.Logf("error of a person's gap %.2f days, of the product's %.2f", ours/n, shared/n)
}
