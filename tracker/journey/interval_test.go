package journey

import (
	"math"
	"math/rand/v2"
	"testing"

	"ripen/tracker"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestNewcombe holds the interval to table II of Newcombe 1998, method 10, and to the
// effects that are known of Hillstrom's mails.
func TestNewcombe(t *testing.T) {
	f := func(a, b arm, low, high float64) {
		t.Helper()
		got := newcombe(a, b, 1.959964)
		near(t, "low", got[0], low, 5e-5)
		near(t, "high", got[1], high, 5e-5)
	}
	f(arm{70, 56}, arm{80, 48}, .0524, .3339)
	f(arm{10, 9}, arm{10, 3}, .1705, .8090)
	f(arm{7, 6}, arm{7, 2}, .0582, .8062)
	f(arm{56, 5}, arm{29, 0}, -.0381, .1926)
	f(arm{10, 0}, arm{20, 0}, -.1611, .2775)
	f(arm{10, 0}, arm{10, 0}, -.2775, .2775)
	f(arm{10, 10}, arm{20, 0}, .6791, 1)
	f(arm{10, 10}, arm{10, 0}, .6075, 1)
	near(t, "95 %", normal(.05), 1.959964, 1e-6)

	e := &effect{w: &teller{}, out: &tracker.JourneyEffect{}}
	h := func(treated, held arm, points float64, verdict string) {
		t.Helper()
		c := e.compare("mail", treated, held, .05)
		near(t, "points", math.Round(1e4*c.Difference)/100, points, 1e-9)
		if c.Verdict != verdict || c.Between[0] <= c.Always[0] || c.Between[1] >= c.Always[1] || c.Between[0] <= 0 {
			t.Errorf("%+v", c)
		}
	}
	visits, buys := arm{21306, 2262}, arm{21306, 122}
	h(arm{21307, 3894}, visits, 7.66, more)
	h(arm{21387, 3238}, visits, 4.52, more)
	h(arm{21307, 267}, buys, .68, more)
	h(arm{21387, 189}, buys, .31, more)
}

func throws(r *rand.Rand, n int, p float64) (a arm) {
	for range n {
		a.count(r.Float64() < p)
	}
	return a
}

// TestNewcombeCovers: of a hundred intervals about 95 hold the true difference.
func TestNewcombeCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	f := func(n, m int, p, q float64) {
		t.Helper()
		const times = 4000
		hold := 0
		for range times {
			if got := newcombe(throws(r, n, p), throws(r, m, q), normal(.05)); got[0] <= p-q && p-q <= got[1] {
				hold++
			}
		}
		if share := float64(hold) / times; share < .94 || share > .97 {
			t.Errorf("%d and %d leads at %v and %v: %.3f hold the truth", n, m, p, q, share)
		}
	}
	f(900, 100, .12, .08)
	f(450, 50, .2, .2)
	f(2000, 200, .03, .02)
}

// TestAlwaysCovers looks after every fifty leads. Of a journey that does nothing the
// interval for one look says sooner or later far too often that it does; that for many
// looks hardly ever.
func TestAlwaysCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 8))
	const times = 800
	once, ever := 0, 0
	for range times {
		var a, b arm
		foundOnce, foundEver := false, false
		for n := range 5000 {
			goal := r.Float64() < .15
			if r.IntN(5) == 0 {
				b.count(goal)
			} else {
				a.count(goal)
			}
			if n%50 == 49 && min(a.n, b.n) >= leastLeads && a.goals+b.goals >= leastGoals {
				i, k := newcombe(a, b, normal(.05)), always(a, b, .05)
				foundOnce = foundOnce || i[0] > 0 || i[1] < 0
				foundEver = foundEver || k[0] > 0 || k[1] < 0
			}
		}
		once, ever = once+bitOf(foundOnce), ever+bitOf(foundEver)
	}
	if share := float64(ever) / times; share > .05 {
		t.Errorf("of journeys that do nothing %.3f are said to do something", share)
	}
	if share := float64(once) / times; share < .15 {
		t.Errorf("looking often at one interval is wrong in %.3f: the test shows nothing", share)
	}
}

func bitOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestShrink: effects that differ no more than chance become one; those that differ
// more stay apart, those less known the less so.
func TestShrink(t *testing.T) {
	// By hand: 1/v is 100, 50, 25; the mean 0.7·100+… over 175; Q < 2.
	_, same := shrink([]guess{{.10, .01}, {.12, .02}, {.05, .04}})
	mean := (.10*100 + .12*50 + .05*25) / 175
	for _, g := range same {
		near(t, "drawn together", g.mean, mean, 1e-12)
		near(t, "its variance", g.variance, 1./175, 1e-12)
	}
	// Two groups of equal variance v: Q = d²/2v, c = 1/v, so τ² = d²/2 − v.
	other, apart := shrink([]guess{{0, .01}, {.4, .01}})
	b := .01 / (.01 + .07)
	near(t, "low", apart[0].mean, b*.2, 1e-12)
	near(t, "high", apart[1].mean, (1-b)*.4+b*.2, 1e-12)
	near(t, "variance", apart[0].variance, (1-b)*.01+b*b*.04, 1e-12)
	near(t, "of others", other.mean, .2, 1e-12)
	near(t, "variance of others", other.variance, .07+.04, 1e-12)
}
