package scorecard

import (
	"math"
	"testing"
)

const renewalCard = `scorecard: c
language: es
dimensions:
  again:
    kind: replenishment
    why: "Su cafetera cumple {age} de {mean}: {points}"
    anchor: {event: purchase, where: {category: cafetera}%s}
    %s
    fade_after: 36mo
`

func renewal(t *testing.T, anchor, life string) *Card {
	t.Helper()
	src := renewalCard
	for _, s := range []string{anchor, life} {
		i := 0
		for src[i] != '%' {
			i++
		}
		src = src[:i] + s + src[i+2:]
	}
	return parse(t, src)
}

func bought(at int64) *ev {
	return &ev{typ: "purchase", time: at, fields: fields{"category": "cafetera"}}
}

const coffee = "lifetime: {mean: 24mo, cv: 0.25}\n    horizon: 4mo\n    full_at: 0.45"

func months(n float64) int64 { return t0 + int64(n*month) }

// TestRenewal follows the age of what was bought, and fades.
func TestRenewal(t *testing.T) {
	f := func(c *Card, now int64, want float64, events ...*ev) Result {
		t.Helper()
		r := at(c, now, events...)
		if math.Abs(r.Dims[0]-want) > 0.005 {
			t.Errorf("%v points after %d days, want %v", r.Dims[0], (now-t0)/day, want)
		}
		return r
	}
	c := renewal(t, "", coffee)
	f(c, months(20), 0)
	r := f(c, months(20), 80.80, bought(t0))
	if r.Reasons[0].Rule != "again" || r.Reasons[0].Why != "Su cafetera cumple 20 meses de 2 años: 80.8" {
		t.Errorf("because of %+v", r.Reasons[0])
	}
	f(c, months(30), 100, bought(t0))
	f(c, months(36), 100, bought(t0))
	f(c, months(40), 73.49, bought(t0))
	f(c, months(45), 50, bought(t0))
	f(c, months(21), 0, bought(t0), bought(months(20)))
	f(c, months(20), 80.80, bought(t0), &ev{typ: "purchase", time: months(19), fields: fields{"category": "taza"}})
	f(renewal(t, ", pick: first", coffee), months(20), 80.80, bought(t0), bought(months(19)))
	// A curve is drawn by hand.
	c = renewal(t, "", "curve: [[0, 10], [20mo, 80], [24mo, 100], [30mo, 0]]")
	f(c, months(0), 10, bought(t0))
	f(c, months(10), 45, bought(t0))
	f(c, months(22), 90, bought(t0))
	f(c, months(27), 50, bought(t0))
	f(c, months(50), 0, bought(t0))
}

// TestRenewalNext walks a buyer through the whole life of what was bought: the
// score does not move between the moments named, and they come to an end.
func TestRenewalNext(t *testing.T) {
	e := renewal(t, "", coffee).NewEval()
	for _, x := range []*ev{bought(t0)} {
		e.Fold(e.card.Bind(nil, x)...)
	}
	now, steps, changes := t0, 0, 0
	for {
		r := e.Score(now)
		if r.Next == 0 {
			break
		}
		if steps++; steps > 1000 {
			t.Fatal("the score never comes to rest")
		}
		if r.Next-now > WakeMin {
			for i := range int64(5) {
				if at := now + (r.Next-now-1)*i/4; e.Score(at).Score != r.Score {
					t.Fatalf("the score changes at %d, between %d and the next moment %d", at, now, r.Next)
				}
			}
		}
		if e.Score(r.Next).Score != r.Score {
			changes++
		}
		now = r.Next
	}
	if r := e.Score(now); r.Score != 1 || changes != 2*99 { // up to 100, and down again
		t.Errorf("in the end %d, after %d changes", r.Score, changes)
	}
	if steps > 600 {
		t.Errorf("%d wakes for %d changes", steps, changes)
	}
}

func TestRenewalRefused(t *testing.T) {
	f := func(keys string, want ...string) {
		t.Helper()
		refused(t, "scorecard: c\ndimensions:\n  d: {kind: replenishment, "+keys+"}\n", want...)
	}
	life := "lifetime: {mean: 24mo, cv: 0.25}, horizon: 4mo"
	f(life, `c.yaml:3:3: rule "d": dimension d has no anchor; write anchor: {event: purchase}`)
	f("anchor: {event: p}", `c.yaml:3:3: rule "d": dimension d has no lifetime; write lifetime: {mean: 24mo, cv: 0.25} and horizon: 4mo, or a curve`,
		`c.yaml:3:3: rule "d": dimension d has no horizon; write lifetime: {mean: 24mo, cv: 0.25} and horizon: 4mo, or a curve`)
	f("anchor: {event: p}, curve: [[0, 1], [1d, 2]], "+life, `c.yaml:3:74: rule "d": the dimension has curve and lifetime; keep one: a curve says what each age is worth`)
	f("anchor: {event: p, pick: lsat}, "+life, `c.yaml:3:53: rule "d": pick is "lsat"; did you mean last?`)
	f("anchor: {event: p}, lifetime: {mean: 24mo, cv: 3}, horizon: 4mo",
		`c.yaml:3:75: rule "d": cv is "3"; write the spread beside the mean, from 0.05 (all wear out alike) to 1 (age says nothing)`)
	f("anchor: {event: p}, lifetime: {mean: 24mo}, horizon: 4mo", `c.yaml:3:59: rule "d": lifetime lacks mean or cv; write lifetime: {mean: 24mo, cv: 0.25}`)
	f("anchor: {event: p}, full_at: 45, "+life, `c.yaml:3:57: rule "d": full_at is "45"; write a share above 0 and at most 1, as in 0.45`)
	f("anchor: {event: p}, curve: [[1d, 2], [0, 1]]", `c.yaml:3:56: rule "d": point 1 of the curve is at 1d; begin at 0 and go on by age`)
	f("anchor: {event: p}, fade_half_life: 1d, "+life, `c.yaml:3:48: rule "d": fade_half_life without fade_after; write fade_after: 36mo, or remove it`)
	f("anchor: {event: p}, groups: {}, "+life, `c.yaml:3:48: rule "d": dimension d has no key "groups"; it has anchor, curve, fade_after, fade_half_life, full_at, grades, horizon, kind, lifetime, max, min, why`)
}
