package scorecard

import (
	"strings"
	"testing"
)

const twoDims = `scorecard: c
dimensions:
  fit:
    kind: attributes
    max: 100
    groups:
      who: {max: 50, rules: [
        {id: big, when: {size: {gt: 50}}, points: 40, why: "Vale {points} puntos"},
        {id: es, when: {country: ES}, points: 30}]}
    grades: {A: 40, B: 0}
  act:
    kind: behaviour
    max: 60
    groups:
      web: {max: 100, rules: [{id: visit, event: visit, points: 7, half_life: 10d}]}
      bad: {rules: [{id: bounce, event: bounce, points: -500}]}
    grades: {1: 20, 2: 0}
`

func parse(t *testing.T, src string) *Card {
	t.Helper()
	c, err := Parse("c.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func history(more ...*ev) []*ev {
	out := []*ev{{typ: "identify", time: t0, traits: fields{"size": 80, "country": "ES"}}}
	for i := range int64(10) {
		out = append(out, visit(t0+i))
	}
	return append(out, more...)
}

// TestReasons checks every reason that no rule gives, and the exact sum.
func TestReasons(t *testing.T) {
	f := func(score, want string, shown int, more ...*ev) *Result {
		t.Helper()
		r := at(parse(t, twoDims+score), t0+10, history(more...)...)
		if got := reasonsOf(&r); got != want || r.Score != shown {
			t.Errorf("%s: score %d because of %s, want %d and %s", score, r.Score, got, shown, want)
		}
		sum := int64(0)
		for _, x := range r.Reasons {
			sum += x.Share
		}
		if sum != 1000*int64(r.Score) {
			t.Errorf("%s: shares sum to %d, the score is %d", score, sum, r.Score)
		}
		return &r
	}
	r := f("score: {combine: sum}\n", "visit big es cap:who cap:act cap:score base", 100)
	if r.Grade != "A1" || !near(r.Dims[0], 50) || !near(r.Dims[1], 60) {
		t.Errorf("grade %s, dimensions %v", r.Grade, r.Dims)
	}
	if r.Reasons[1].Why != "Vale 40 puntos" {
		t.Errorf("why is %q", r.Reasons[1].Why)
	}
	f("score: {combine: weighted, of: [{dimension: fit, times: 0.4}, {dimension: act, times: 0.1}]}\n",
		"big es cap:who visit cap:act base rounding", 27)
	f("score: {combine: sum}\n", "bounce floor:act visit big es cap:who base rounding", 51, &ev{typ: "bounce", time: t0 + 5})
	// Under max the loser's rules are shown, and share nothing.
	r = f("score: {combine: max}\n", "visit cap:act big es cap:who base rounding", 60)
	if r.Reasons[2].Share != 0 || r.Reasons[2].Points != 40 {
		t.Errorf("a rule of the losing dimension: %+v", r.Reasons[2])
	}
	r = f("score: {combine: sum}\ngates: [{id: es, when: {country: ES}, max: 5, why: Cerrado}]\n",
		"gate:es visit big es cap:who cap:act base rounding", 6)
	if r.Reasons[0].Why != "Cerrado" || !near(r.Reasons[0].Points, -105) {
		t.Errorf("the gate: %+v", r.Reasons[0])
	}
	f("score: {combine: sum, scale: {from: [0, 200], to: [0, 10]}}\n", "visit big es cap:who cap:act base rounding", 6)
}

// TestSkip takes a lead out of the card.
func TestSkip(t *testing.T) {
	c := parse(t, twoDims+"gates: [{when: {country: ES}, skip: true}]\n")
	r := at(c, t0+10, history()...)
	if !r.Null || r.Score != 0 || r.Exact != 0 || r.Next != 0 || reasonsOf(&r) != "gate:1" {
		t.Errorf("a lead that is not scored: %+v", r)
	}
	r = at(c, t0+10, visit(t0))
	if r.Null || r.Score == 0 {
		t.Errorf("another lead: %+v", r)
	}
}

// TestNextHolds walks a decaying lead from each moment to the next: between them
// the shown score stays, and the walk ends.
func TestNextHolds(t *testing.T) {
	c := parse(t, twoDims+"score: {combine: sum}\n")
	e := c.NewEval()
	for _, x := range history() {
		e.Fold(c.Bind(nil, x)...)
	}
	now, steps, seen := t0+10, 0, 0
	for {
		r := e.Score(now)
		if r.Next == 0 {
			break
		}
		if steps++; steps > 500 {
			t.Fatal("the score never comes to rest")
		}
		if r.Next-now > WakeMin {
			for _, t1 := range []int64{(now + r.Next) / 2, r.Next - 1} {
				if q := e.Score(t1); q.Score != r.Score || q.Grade != r.Grade {
					t.Fatalf("at %d score %d %s, at %d %d %s, before the next moment %d", now, r.Score, r.Grade, t1, q.Score, q.Grade, r.Next)
				}
			}
		}
		if q := e.Score(r.Next); q.Score != r.Score {
			seen++
		}
		now = r.Next
	}
	// From 100 to 51, which it reaches only in the end of all time.
	if seen != 49 || steps > 100 {
		t.Errorf("the score fell %d times in %d wakes, want 49 in less than 100", seen, steps)
	}
}

func TestBand(t *testing.T) {
	c := parse(t, twoDims+`bands:
  - {name: cold, from: 1}
  - {name: warm, from: 30, leave: 25}
  - {name: hot, from: 60, leave: 50, require: {grade: [A1, A2]}}
`)
	f := func(prev string, score int, grade, want string) {
		t.Helper()
		if got := c.Band(prev, score, grade); got != want {
			t.Errorf("%q at %d %s becomes %q, want %q", prev, score, grade, got, want)
		}
	}
	f("", 0, "", "")
	f("", 1, "A1", "cold")
	f("cold", 29, "A1", "cold")
	f("cold", 30, "A1", "warm")
	f("warm", 25, "A1", "warm")
	f("warm", 24, "A1", "cold")
	f("warm", 59, "A1", "warm")
	f("warm", 60, "A1", "hot")
	f("warm", 60, "B1", "warm")
	f("hot", 50, "A2", "hot")
	f("hot", 55, "B1", "warm")
	f("hot", 49, "A1", "warm")
	f("hot", 27, "A1", "warm") // leaving a band from above, not entering it
	f("hot", 5, "A1", "cold")
	f("gone from the card", 40, "A1", "warm")
}

func TestFields(t *testing.T) {
	c := mustParse(t, "saas.yaml")
	want := "country email_domain employees file form industry job_title lifecycle message path type"
	if got := strings.Join(c.Fields(), " "); got != want {
		t.Errorf("fields %s, want %s", got, want)
	}
	if got := strings.Join(c.Lists(), " "); got != "competitors free_mail" || c.HasList("free_mail") {
		t.Errorf("lists %s", got)
	}
	c.SetList("free_mail", []string{"gmail.com"})
	if !c.HasList("free_mail") {
		t.Error("a list that was set is not there")
	}
}

// TestBind leaves out events that no rule cares about, and makes no garbage.
func TestBind(t *testing.T) {
	c := behaviour(t, `{id: a, event: visit, points: 1, where: {path: "/a*", n: {gt: 2}}, per: day}`)
	if got := c.Bind(nil, &ev{typ: "other", time: t0}); len(got) != 0 {
		t.Errorf("an event of no rule becomes %d", len(got))
	}
	e := &ev{typ: "visit", time: t0, fields: fields{"path": "/about", "n": 5}}
	evs := c.Bind(nil, e)
	if len(evs) != 1 || evs[0].Type != "visit" || evs[0].TimeMs != t0 || len(evs[0].Slots) != len(c.Slots) {
		t.Fatalf("bound to %+v", evs)
	}
	path := e.fields
	e.fields = nil // the test source allocates; the rest must not
	if n := testing.AllocsPerRun(100, func() { evs = c.Bind(evs[:0], e) }); n != 0 {
		t.Errorf("Bind allocates %v times", n)
	}
	e.fields = path
	big := strings.Repeat("x", 1023) + "ñ"
	evs = c.Bind(evs[:0], &ev{typ: "visit", time: t0, fields: fields{"path": big}})
	for i, s := range c.Slots {
		if s.View == ViewText && string(evs[0].Slots[i].Str) != big[:1023] {
			t.Errorf("a long text is cut to %d bytes", len(evs[0].Slots[i].Str))
		}
	}
}
