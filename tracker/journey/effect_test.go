package journey

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ripen/tracker"
)

// drawnEffect lets chance draw leads as journeys do: those who are taken along reach the
// goal more often by lift, by half of that if a message is held back from them.
func drawnEffect(r *rand.Rand, journey string, leads int, base, lift float64) *effect {
	f := &effect{
		w: &teller{}, name: journey, now: 100 * day, within: 30 * day, out: &tracker.JourneyEffect{Within: 30},
		docs:     map[int]*Journey{1: {Holdout: 2000, Steps: []*Step{{ID: "mail", Kind: Message, Holdout: 5000}}}},
		versions: map[int]*[2]arm{}, entered: map[int]*[2]int{}, bands: map[int]map[string]*[2]arm{}, steps: map[stepOf]map[string]*arm{},
	}
	for n := range leads {
		id := fmt.Sprintf("lead %d", n)
		p := &trial{First: day, Of: 1, Band: []string{"cold", "warm"}[n%2], Out: draw(id, journey, "hold-out", 10_000) < 2000}
		rate := base
		if !p.Out {
			w := &walker{j: &Journey{Name: journey}, p: &place{Version: 1, Born: id}, now: 2 * day}
			rate += lift
			if w.drawn(f.docs[1].Steps[0], "") {
				rate -= lift / 2
			}
			p.Drawn = w.p.Drawn
		}
		if r.Float64() < rate {
			p.Goal = 10 * day
		}
		f.take(p)
	}
	f.tell()
	return f
}

// TestEffectCovers: drawn as journeys draw, the intervals of journey and message hold
// the truth as often as they say, and the drawing is never called off.
func TestEffectCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 2))
	const times = 300
	journey, message := 0, 0
	for i := range times {
		f := drawnEffect(r, fmt.Sprint("j", i), 1500, .10, .08)
		v := f.out.Versions[0]
		if v.Off {
			t.Errorf("journey %d: %.3f were held out, which is called impossible", i, v.Drawn)
		}
		journey += bitOf(v.Between[0] <= .06 && .06 <= v.Between[1]) // half of them lack the message
		c := v.Steps[0].Choices[0]
		message += bitOf(c.Between[0] <= .04 && .04 <= c.Between[1])
		for _, b := range v.Bands {
			if b.Between[0] > b.Expected || b.Between[1] < b.Expected {
				t.Errorf("%+v", b)
			}
		}
	}
	for what, n := range map[string]int{"journey": journey, "message": message} {
		if share := float64(n) / times; share < .92 || share > .985 {
			t.Errorf("%s: %.3f of the intervals hold the truth", what, share)
		}
	}
}

// TestEffectDoubts: too few, no hold-out, and a drawing that went wrong are said.
func TestEffectDoubts(t *testing.T) {
	f := func(change func(f *effect), verdict, sentence string, off bool) {
		t.Helper()
		e := drawnEffect(rand.New(rand.NewPCG(1, 1)), "j", 2000, .1, .1)
		e.out.Versions, e.out.Notes = nil, nil
		change(e)
		e.tell()
		v := e.out.Versions[0]
		if v.Verdict != verdict || v.Off != off || !strings.Contains(v.Sentence, sentence) {
			t.Errorf("%+v", v)
		}
		if l := e.out.Expect("u_1", "warm"); (l == nil) != (verdict == tooFew || verdict == noHoldout || off) {
			t.Errorf("for a lead: %+v", l)
		}
	}
	f(func(*effect) {}, more, "j@1 works: ", false)
	f(func(e *effect) { e.w.es = true }, more, "j@1 funciona: el ", false)
	f(func(e *effect) { e.versions[1][1] = arm{49, 30} }, tooFew, "too early to say", false)
	f(func(e *effect) { e.docs[1].Holdout = 0 }, noHoldout, "write holdout: 10%", false)
	f(func(e *effect) { e.entered[1][1] /= 2 }, more, "Do not believe j@1", true)
	f(func(e *effect) { e.versions[1] = &[2]arm{{1600, 160}, {400, 120}} }, less, "does harm", false)
	f(func(e *effect) { e.versions[1] = &[2]arm{{1600, 160}, {400, 40}} }, none, "no difference seen", false)
	f(func(e *effect) { e.versions[1] = &[2]arm{{1600, 220}, {400, 40}} }, perhaps, "Who looks often", false)
}

const tried = `journey: f
enter: {band: warm}
goal: {event: bought}
holdout: 30%
steps:
  - {id: first, webhook: crm}
`

// TestGoalAfterTheEnd: the journey of those taken along ends at once; that they buy
// later counts as it does of those held out, once, through a restart, and not after the
// time is over.
func TestGoalAfterTheEnd(t *testing.T) {
	const leads = 400
	b := newBed(t)
	b.publish(tried)
	b.enters(leads)
	settle := func() {
		t.Helper()
		if err := b.e.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	effect := func() *tracker.JourneyEffect {
		t.Helper()
		e, err := b.e.Effect(b.tenant.ID, "f", 30*day, "en")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := effect(); e.Young != leads || len(e.Versions) != 1 || e.Versions[0].Verdict != tooFew {
		t.Errorf("%+v", e)
	}
	b.now += 5 * day
	if err := b.happens(leads/2, "bought"); err != nil {
		t.Fatal(err)
	}
	settle()
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.now += 40 * day
	if err := b.happens(leads, "bought"); err != nil { // too late for the other half
		t.Fatal(err)
	}
	settle()
	e := effect()
	v := e.Versions[0]
	if v.Treated.Leads+v.Held.Leads != leads || v.Treated.Goals+v.Held.Goals != leads/2 || v.Held.Leads < 80 || v.Held.Leads > 160 || v.Off {
		t.Fatalf("%+v", v)
	}
	if v.Treated.Goals == 0 || v.Held.Goals == 0 || v.Difference < -.2 || v.Difference > .2 {
		t.Errorf("%+v", v.Compared)
	}
	if len(v.Bands) != 2 || v.Bands[0].Band != "warm" || e.Expect("x", "warm").Expected != v.Bands[0].Expected {
		t.Errorf("%+v", v.Bands)
	}
	stats, err := b.e.Stats(b.tenant.ID, Journeys, "f")
	if err != nil {
		t.Fatal(err)
	}
	if s := stats["f@1"]; s.HoldOut != v.Held.Leads {
		t.Errorf("%d were held out, %d are compared", s.HoldOut, v.Held.Leads)
	}
}

// TestJoin: of two leads that turn out to be one, the first entry counts; if they were
// drawn apart, neither.
func TestJoin(t *testing.T) {
	a := trial{First: 10, Of: 2, Out: true, Goal: 50}
	a.join(&trial{First: 5, Of: 1, Out: true, Goal: 40, Band: "warm"})
	if a.First != 5 || a.Of != 1 || a.Goal != 40 || a.Mixed || a.Band != "warm" {
		t.Errorf("%+v", a)
	}
	a.join(&trial{First: 7, Goal: 20})
	if a.First != 5 || !a.Mixed || a.Goal != 20 {
		t.Errorf("%+v", a)
	}
	b := trial{}
	b.join(&a)
	if b.First != 5 || !b.Mixed {
		t.Errorf("%+v", b)
	}
}
