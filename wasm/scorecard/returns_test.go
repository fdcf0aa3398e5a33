package scorecard

import (
	"math"
	"strings"
	"testing"
)

// The published parameters of the CDNOW sample, in weeks.
const returnsCard = `scorecard: c
dimensions:
  returns:
    kind: btyd
    r: 0.242593
    alpha: 4.413531w
    a: 0.792886
    b: 2.425753
    horizon: 39w
    full_at: 100
`

const weekMs = 7 * day

// weeks is a moment so many weeks after the first purchase.
func weeks(w float64) int64 { return t0 + int64(math.Round(w*float64(weekMs))) }

// regular is a lead with x repeats, evenly spread, the last one after some weeks.
func regular(x int, last float64, fields fields) (out []*ev) {
	out = append(out, &ev{typ: "purchase", time: t0, fields: fields})
	for i := 1; i <= x; i++ {
		out = append(out, &ev{typ: "purchase", time: weeks(last * float64(i) / float64(x)), fields: fields})
	}
	return out
}

// TestReturns has the table of conditional expectations: a point is one purchase,
// between steps near enough.
func TestReturns(t *testing.T) {
	c := parse(t, returnsCard)
	f := func(x int, last, now, want float64) {
		t.Helper()
		got := at(c, weeks(now), regular(x, last, nil)...).Dims[0]
		if math.Abs(got-want) > 1e-3*(1+want) {
			t.Errorf("%d repeats, the last at %v of %v weeks: %.4f purchases, want %.4f", x, last, now, got, want)
		}
	}
	f(2, 30.43, 38.86, 1.2259)
	f(0, 0, 38.86, 0.1948)
	f(1, 1.71, 38.86, 0.2033)
	f(7, 29.43, 38.86, 3.3372)
	f(29, 38, 38.86, 19.4530)
	f(1, 5, 27, 0.5114)
	if got := at(c, weeks(5)).Dims[0]; got != 0 {
		t.Errorf("%v points without a purchase", got)
	}
	// Purchases of one day are one; the reason says on how many days.
	r := at(c, weeks(38.86), append(regular(2, 30.43, nil), &ev{typ: "purchase", time: weeks(30.43) + 60_000})...)
	if math.Abs(r.Dims[0]-1.2259) > 2e-3 || r.Reasons[0].Why != "Bought on 3 days" {
		t.Errorf("%v because of %+v", r.Dims[0], r.Reasons[0])
	}
}

// TestReturnsSteps holds the straight lines to the function they stand for.
func TestReturnsSteps(t *testing.T) {
	c := parse(t, returnsCard)
	b := c.Rules[0].Returns
	worst := 0.0
	for _, x := range []int{0, 1, 3, 12, 60} {
		e := c.NewEval()
		for _, v := range regular(x, 20, nil) {
			e.Fold(c.Bind(nil, v)...)
		}
		last := 0.0
		if x > 0 {
			last = float64(weeks(20) - t0)
		}
		most := 0.0
		for w := 20.0; w < 400; w += 0.37 {
			now := weeks(w)
			want := b.worth(b.Alpha+now-t0, float64(x), last, 1)
			most = max(most, want)
			worst = max(worst, math.Abs(e.Score(now).Dims[0]-want)/most)
		}
	}
	if worst > 1e-3 || worst == 0 {
		t.Errorf("a step is off by %.2g of the most, want no more than 1e-3, and some", worst)
	}
}

// TestReturnsSpend counts money: the mean of repeats, leaning on everybody's.
func TestReturnsSpend(t *testing.T) {
	c := parse(t, returnsCard+"    spend: {value: total, p: 6.2488, q: 3.7446, v: 15.4477}\n")
	f := func(total float64, x int, want float64) {
		t.Helper()
		got := at(c, weeks(38.86), regular(x, 30.43, fields{"total": total})...).Dims[0]
		if math.Abs(got-want) > 2e-3*want {
			t.Errorf("%v spent on each of %d repeats: %.4f, want %.4f", total, x, got, want)
		}
	}
	f(22.35, 2, 1.2259*24.65)
	f(1000, 0, 0.1948*35.17) // the first purchase says nothing
	big := parse(t, strings.Replace(returnsCard, "full_at: 100", "full_at: 1", 1))
	if got := at(big, weeks(38.86), regular(7, 29.43, nil)...).Dims[0]; got != 100 {
		t.Errorf("%v points beyond full_at, want all 100", got)
	}
}

// TestReturnsNext walks a silent buyer to the end: the score does not move between the
// moments named.
func TestReturnsNext(t *testing.T) {
	c := parse(t, strings.Replace(returnsCard, "full_at: 100", "full_at: 4", 1))
	e := c.NewEval()
	for _, v := range regular(7, 29.43, nil) {
		e.Fold(c.Bind(nil, v)...)
	}
	now, steps, changes := weeks(29.43), 0, 0
	for range 3000 {
		r := e.Score(now)
		if r.Next == 0 {
			break
		}
		for _, at := range []int64{now + (r.Next-now)/2, r.Next - 1} {
			if got := e.Score(at); got.Score != r.Score && r.Next-now > WakeMin {
				t.Fatalf("%d at %d, %d at %d, before the next moment %d", r.Score, now, got.Score, at, r.Next)
			}
		}
		if e.Score(r.Next).Score != r.Score {
			changes++
		}
		now = r.Next
		steps++
	}
	if changes < 50 || now < weeks(200) {
		t.Errorf("%d changes in %d steps until week %d", changes, steps, (now-t0)/weekMs)
	}
	t.Logf("%d changes in %d steps until week %d", changes, steps, (now-t0)/weekMs)
}

// TestSeries meets parameters beside the poles, and whole ones where the series ends.
func TestSeries(t *testing.T) {
	f := func(a, b float64) {
		t.Helper()
		r := &Returns{R: 0.5, A: a, B: b, Alpha: 4 * weekMs, Horizon: 12 * weekMs, FullAt: 1, Most: 1e6}
		if !r.prepare() {
			t.Fatalf("a %v, b %v: no end", a, b)
		}
		at, beside := r.worth(r.Alpha, 0, 0, 1), 0.0
		for _, d := range []float64{-1e-3, 1e-3} {
			o := &Returns{R: 0.5, A: a + d, B: b, Alpha: r.Alpha, Horizon: r.Horizon, FullAt: 1, Most: 1e6}
			if !o.prepare() {
				t.Fatal("no end")
			}
			beside += o.worth(o.Alpha, 0, 0, 1) / 2
		}
		if math.Abs(at-beside) > 1e-4*beside || !(at > 0) {
			t.Errorf("a %v, b %v: %v, beside it %v", a, b, at, beside)
		}
	}
	f(1, 2)     // a−1 = 0
	f(0.4, 0.6) // a+b−1 = 0
	f(0.7, 0.8) // the series is one term: a+b−1 = r
	f(0.2, 0.3) // a+b below 1
	f(3, 40)
	far := &Returns{R: 0.5, A: 0.8, B: 2, Alpha: 36e5, Horizon: 365 * day, FullAt: 1, Most: 100}
	if far.prepare() {
		t.Error("a series without end is taken")
	}
}

func TestReturnsErrors(t *testing.T) {
	f := func(from, to, want string) {
		t.Helper()
		src := strings.Replace(returnsCard, from, to, 1)
		_, err := Parse("c.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", to, err, want)
		}
	}
	f("    r: 0.242593\n", "", "dimension returns has no r; write r, alpha, a and b as a fit gives them")
	f("alpha: 4.413531w", "alpha: 30m", "c.yaml:6:12: rule \"returns\": alpha is 30m; write a length of time from 1h to 50y")
	f("a: 0.792886", "a: 0", "a is \"0\"; write a number from 0.0001 to 50")
	f("horizon: 39w", "horizon: 39y", "horizon is too far beyond alpha")
	f("full_at: 100", "full_at: 100\n    spend: {p: 1}", "spend lacks p, q or v")
	f("full_at: 100", "full_at: 100\n    max: 0", "has max 0")
}
