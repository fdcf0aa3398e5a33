package scorecard

import (
	"math"
	"strings"
	"testing"
)

const buyerCard = `scorecard: c
dimensions:
  worth:
    kind: rfm
    recency: [[30d, 40], [90d, 25], [1y, 10]]
    frequency: [[1, 10], [3, 20]]
    monetary: [[100, 10], [500, 20]]
`

func order(at int64, value any) *ev {
	return &ev{typ: "purchase", time: at, fields: fields{"value": value}}
}

// TestBuyer counts how recently, how often and for how much.
func TestBuyer(t *testing.T) {
	f := func(more string, now int64, want float64, next int64, events ...*ev) Result {
		t.Helper()
		r := at(parse(t, buyerCard+more), now, events...)
		if r.Dims[0] != want || r.Next != next {
			t.Errorf("%v points, next %d; want %v, next %d", r.Dims[0], r.Next, want, next)
		}
		return r
	}
	f("", t0, 0, 0)
	f("", t0, 50, t0+30*day, order(t0, 99.99))
	f("", t0+30*day-1, 60, t0+30*day, order(t0, 100))
	f("", t0+30*day, 45, t0+90*day, order(t0, 100))
	f("", t0+365*day+6*hour, 20, 0, order(t0, 100))
	three := []*ev{order(t0, 200), order(t0+day, "200.5"), order(t0+2*day, 99.5)}
	r := f("", t0+2*day, 80, t0+32*day, three...)
	var says []string
	for _, x := range r.Reasons {
		says = append(says, x.Rule+": "+x.Why)
	}
	if got := strings.Join(says, "; "); !strings.HasPrefix(got, "worth.recency: Last bought less than a minute ago; worth.frequency: Bought 3 times; worth.monetary: Has spent 500") {
		t.Error(got)
	}
	f("", t0+2*day, 60, t0+31*day, order(t0, 200), order(t0+day, nil)) // twice is as once, no value is none
	// Within a window the older ones drop out, each at its own moment.
	f("    within: 10d\n", t0+2*day, 80, t0+10*day, three...)
	f("    within: 10d\n", t0+10*day, 60, t0+11*day, three...)
	f("    within: 10d\n", t0+12*day, 40, t0+32*day, three...)
	// A refund takes away; hundredths are exact.
	f("", t0, 60, t0+30*day, order(t0, 500), order(t0, -0.01))
	f("", t0, 70, t0+30*day, order(t0, 500.01), order(t0, -0.01))
	// Of a window the thirty-two latest are remembered.
	var many []*ev
	for i := range int64(40) {
		many = append(many, order(t0+i, 10))
	}
	f("    within: 10d\n", t0+40, 70, t0+10*day+8, many...)
}

// TestBuyerProducts sums up what products cost, or the whole order once.
func TestBuyerProducts(t *testing.T) {
	product := func(value any) *ev { return &ev{fields: fields{"value": value}} }
	f := func(want float64, e *ev) {
		t.Helper()
		e.typ, e.time = "purchase", t0
		if got := at(parse(t, buyerCard), t0, e).Dims[0]; got != want {
			t.Errorf("%v points, want %v", got, want)
		}
	}
	f(70, &ev{products: []*ev{product(250), product(250)}})
	f(60, &ev{fields: fields{"value": 400}, products: []*ev{product(250), product(250)}})
}

// TestFeed makes points of what a model or a module says.
func TestFeed(t *testing.T) {
	f := func(dim string, input, want float64) {
		t.Helper()
		e := parse(t, "scorecard: c\ndimensions:\n  m: "+dim+"\n").NewEval()
		e.Inputs = []float64{input}
		if got := e.Score(t0).Dims[0]; got != want {
			t.Errorf("%s told %v: %v points, want %v", dim, input, got, want)
		}
	}
	f("{kind: model, model: won, max: 80}", 0.5, 40)
	f("{kind: model, model: won}", 1.5, 100)
	f("{kind: model, model: won}", -1, 0)
	f("{kind: model, model: won}", math.NaN(), 0)
	f("{kind: wasm, module: my.wasm, max: 50}", 30, 30)
	f("{kind: wasm, module: my.wasm, max: 50}", 70, 50)
	f("{kind: wasm, module: my.wasm, max: 50}", -3, 0)
	f("{kind: wasm, module: my.wasm, max: 50, min: -10}", -3, -3)
	f("{kind: wasm, module: my.wasm, max: 50}", math.Inf(1), 0)
	c := parse(t, "scorecard: c\ndimensions:\n  m: {kind: wasm, module: my.wasm, gas: 5000}\n")
	if r := c.NewEval().Score(t0); r.Dims[0] != 0 || *c.Feeds()[0] != (Feed{Module: "my.wasm", Gas: 5000, Most: 100}) {
		t.Errorf("without a word: %+v", r)
	}
}

const gradedCard = `scorecard: c
dimensions:
  a: {kind: wasm, module: a.wasm, grades: {A: 50, B: 0}}
  b: {kind: wasm, module: b.wasm, grades: {1: 50, 2: 0}}
score:
  combine: grade
  table: {A1: 100, A2: 70, B1: 40, B2: 0}
`

// TestGrade makes the score of the grade alone.
func TestGrade(t *testing.T) {
	c := parse(t, gradedCard+"gates: [{when: {country: XX}, max: 5}]\n")
	f := func(a, b float64, grade string, score int, reasons string) {
		t.Helper()
		e := c.NewEval()
		e.Inputs = []float64{a, b}
		r := e.Score(t0)
		if r.Grade != grade || r.Score != score || reasonsOf(&r) != reasons {
			t.Errorf("%v, %v: %s %d %s, want %s %d %s", a, b, r.Grade, r.Score, reasonsOf(&r), grade, score, reasons)
		}
	}
	f(60, 50, "A1", 100, "grade:A1 a b base")
	f(60, 49, "A2", 70, "grade:A2 a b base rounding")
	f(10, 80, "B1", 41, "grade:B1 a b base rounding")
	f(0, 0, "B2", 1, "grade:B2 base")
}

func TestRollup(t *testing.T) {
	f := func(r Rollup, want int64, scores ...int64) {
		t.Helper()
		if got := r.Score(scores); got != want {
			t.Errorf("%+v of %v is %d, want %d", r, scores, got, want)
		}
	}
	f(Rollup{Method: "decay_sum", Top: 3}, 69_000, 20_000, 40_000, 44_000, 8_000) // 44 + 40/2 + 20/4 = 69
	f(Rollup{Method: "decay_sum"}, 69_000+1_000, 20_000, 40_000, 44_000, 8_000)
	f(Rollup{Method: "decay_sum", Top: 3}, 100_000, 90_000, 80_000)
	f(Rollup{Method: "decay_sum", Top: 3}, 0)
	f(Rollup{Method: "max"}, 44_000, 20_000, 44_000)
	f(Rollup{Method: "mean", Top: 2}, 42_000, 20_000, 40_000, 44_000)
	scores := []int64{1, 3, 2}
	(&Rollup{Method: "max"}).Score(scores)
	if scores[0] != 1 || scores[1] != 3 {
		t.Error("the scores given were put in order")
	}
}

func TestKindsRefused(t *testing.T) {
	f := func(dim, more string, want ...string) {
		t.Helper()
		refused(t, "scorecard: c\ndimensions:\n  d: {"+dim+"}\n"+more, want...)
	}
	f("kind: rfm", "", `c.yaml:3:3: rule "d": dimension d asks nothing; write recency: [[30d, 40], [1y, 10]], frequency: [[1, 10], [3, 20]] or monetary: [[100, 10]]`)
	f("kind: rfm, recency: [[30d, 40], [7d, 10]]", "", `c.yaml:3:39: rule "d": step 2 of recency is not beyond the one before it; list them from the least up`)
	f("kind: rfm, frequency: [[40, 40]], within: 1y", "", `c.yaml:3:31: rule "d": a number of times is "40"; write a whole number from 1 to 32`)
	f("kind: rfm, monetary: [5]", "", `c.yaml:3:29: rule "d": a step of monetary is a border and its points; write monetary: [[500, 20]]`)
	f("kind: rfm, recency: [[1d, 1]], within: 1y", "", `c.yaml:3:38: rule "d": within bounds frequency and monetary, and there are none; remove it: recency has its own times`)
	f("kind: model", "", `c.yaml:3:3: rule "d": dimension d names no model; write model: won_90d`)
	f("kind: wasm, modul: x", "", `c.yaml:3:19: rule "d": dimension d has no key "modul"; did you mean module?`)
	f("kind: wasm, module: m.wasm, gas: 0", "", `c.yaml:3:40: rule "d": gas is "0"; write a whole number from 1 to 1000000`)
	f("kind: modle", "", `c.yaml:3:13: kind is "modle"; did you mean model?`)
	f("kind: wasm, module: m.wasm", "score: {combine: model}\n",
		`c.yaml:4:9: combine: model wants one dimension of kind model; write of: [{dimension: <name>}] with a dimension of kind: model`)
	f("kind: wasm, module: m.wasm", "score: {combine: grade}\n",
		`c.yaml:4:9: combine: grade, and no dimension has grades; write grades: {A: 75, B: 50} in a dimension`)
	graded := "kind: wasm, module: m.wasm, grades: {A: 5, B: 0}"
	f(graded, "score: {combine: grade}\n", `c.yaml:4:9: combine: grade has no table; write table: {A: 100, …} with all of A, B`)
	f(graded, "score: {combine: grade, of: [{dimension: d}]}\n", `c.yaml:4:25: combine: grade looks at grades alone; remove of`, `c.yaml:4:9: combine: grade has no table; write table: {A: 100, …} with all of A, B`)
	f("kind: wasm, module: m.wasm", "score: {combine: grade, of: [{dimension: d}], table: {A: 3}}\n", `c.yaml:4:25: combine: grade looks at grades alone; remove of`, `c.yaml:4:9: combine: grade, and no dimension has grades; write grades: {A: 75, B: 50} in a dimension`)
	f(graded, "score: {combine: grade, table: {A: 3, C: 1}}\n", `c.yaml:4:33: the table lacks B; say what each grade is worth`,
		`c.yaml:4:39: the table of grades has no key "C"; it has A, B`)
	f(graded, "score: {combine: sum, table: {A: 3, B: 1}}\n", `c.yaml:4:31: a table belongs to combine: grade; write combine: grade, or remove the table`)
	f(graded, "rollup: {to: compny, score: {method: sum}}\n", `c.yaml:4:14: to is "compny"; did you mean company?`,
		`c.yaml:4:10: rollup does not say which leads belong together; write by: email_domain`, `c.yaml:4:38: method is "sum"; write decay_sum, max, mean`)
}

func TestExplainKinds(t *testing.T) {
	c := parse(t, buyerCard+"    within: 2y\n  odds: {kind: model, model: won_90d}\n  own: {kind: wasm, module: my.wasm}\nrollup: {to: account, by: email_domain, score: {top: 3, method: decay_sum}}\n")
	f := func(c *Card, lang string, want ...string) {
		t.Helper()
		got := c.Explain(lang)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("no %q in\n%s", w, got)
			}
		}
	}
	f(c, "en", "worth: what they bought.\n  - time since the last (purchase): under 30 days → +40, under 90 days → +25, under 1 year → +10.",
		"  - how many within 2 years (purchase): 1 → +10, 3 → +20.", "  - sum of value within 2 years (purchase): 100 → +10, 500 → +20.",
		"  The probability that the model won_90d gives, times 100; nothing while it gives none.",
		"  The points that the module my.wasm gives; nothing while it gives none.",
		"An account is the leads with the same email_domain: the 3 best leads, the best whole, each further one half of the one before.")
	f(c, "es", "worth: lo que ha comprado.", "  - suma de value en 2 años (purchase): 100 → +10, 500 → +20.", "odds: lo que espera un modelo, como mucho 100.",
		"Una cuenta son los contactos con el mismo email_domain: los 3 mejores contactos, el mejor entero y cada uno de los siguientes la mitad que el anterior.")
	f(parse(t, gradedCard), "es", "La puntuación: según la nota, A1 100, A2 70, B1 40, B2 0; de 0–100 a 1–100.")
}
