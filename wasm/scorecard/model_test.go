package scorecard

import (
	"fmt"
	"strings"
	"testing"
)

const aModel = `{"model": "won", "format": 1, "kind": "logistic", "scale": [-10, 10],
 "features": [{"name": "visits", "kind": "number", "below": [2, 5]}, {"name": "country", "kind": "text", "values": ["ES"]}],
 "weights": [[0, -256, 256, 512], [0, 128, -128]],
 "bands": [{"name": "cold", "from": 0}, {"name": "hot", "from": 60, "leave": 50, "people": 40, "converted": 12}],
 "probability": {"of": "bought", "at": [[1, 0.1], [51, 0.3], [100, 0.3]]}}`

func TestModelRead(t *testing.T) {
	c, err := Parse("won.json", []byte(aModel))
	if err != nil {
		t.Fatal(err)
	}
	f := func(exact int64, want float64) {
		t.Helper()
		if p, ok := c.Likely(exact); !ok || p < want-1e-12 || p > want+1e-12 {
			t.Errorf("at %d: %v, want %v", exact, p, want)
		}
	}
	f(0, .1)
	f(26_000, .2)
	f(51_000, .3)
	f(100_000, .3)
	if b := c.Bands[1]; b.Leave != 50 || b.People != 40 || b.Converted != 12 {
		t.Errorf("band %+v", b)
	}
	for _, lang := range []string{"en", "es"} {
		if said := c.Explain(lang); !strings.Contains(said, "visits") || !strings.Contains(said, "+2") {
			t.Errorf("%s: %s", lang, said)
		}
	}
}

// TestModelRefused spoils a model in one place at a time: the error names it.
func TestModelRefused(t *testing.T) {
	f := func(old, new, want string) {
		t.Helper()
		src := strings.Replace(aModel, old, new, 1)
		if src == aModel {
			t.Fatalf("nothing to spoil: %s", old)
		}
		_, err := Parse("won.json", []byte(src))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", new, err, want)
		}
	}
	counts := func(rule, want string) {
		t.Helper()
		f(`"below": [2, 5]}`, `"below": [2, 5], "rule": "`+rule+`"}`, want)
	}
	counts("event: demo, count: {gte: 5, within: 7d}", `"features[0].below[1]": 5 ends no bin`)
	counts("event: demo, half_life: 7d", "it does not count")
	counts("absent: demo, after: 7d", "it does not count")
	counts("event: demo", "it does not count")
	counts("evnt: demo, count: {gte: 6, within: 7d}", "the rule waits for nothing")
	counts("event: demo, count: {gte: 6, within: soon}", "features[0].rule")
	f(`"values": ["ES"]}`, `"values": ["ES"], "rule": "event: demo, count: {gte: 6, within: 7d}"}`, "a text counts nothing")
	f(`"below": [2, 5]}`, `"below": [2.5, 5], "rule": "event: demo, count: {gte: 6, within: 7d}"}`, "2.5 ends no bin")
	gbdt := func(trees string) string { return `"trees": ` + trees + `}` }
	f(`"won"`, `"a b"`, `rule "model": "a b" is not a name`)
	f(`"format": 1`, `"format": 2`, "this program reads format 1")
	f(`"logistic"`, `"forest"`, "write logistic or gbdt")
	f(`"scale": [-10, 10]`, `"scale": [10, 10]`, `rule "scale"`)
	f(`"below": [2, 5]`, `"below": [5, 2]`, "features[0].below[1]")
	f(`"below": [2, 5]`, `"values": ["2"]`, "a number has below")
	f(`"kind": "number"`, `"kind": "date"`, "features[0].kind")
	f(`"values": ["ES"]`, `"values": ["ES", "ES"]`, "features[1].values[1]")
	f(`"name": "country"`, `"name": "visits"`, "stands twice")
	f(`[0, 128, -128]`, `[0, 128]`, "weights[1]")
	f(`[0, 128, -128]`, `[0, 128, -600000]`, "weights[1][2]")
	f(`[0, 128, -128]`, `[0, 128, 0.5]`, "won.json:3:")
	f(`"from": 60`, `"from": 160`, "bands[1]")
	f(`"converted": 12`, `"converted": 41`, "converted is at most people")
	f(`[51, 0.3]`, `[51, 1.3]`, "probabilities from 0 to 1")
	f(`[100, 0.3]`, `[100, 0.2]`, "never fall")
	f(`"won",`, `"won", "wait": 1,`, "wait")
	f(`]}}`, `]}} {}`, "something follows")
	spoilt := func(trees, want string) {
		t.Helper()
		src := strings.Replace(aModel, `"logistic"`, `"gbdt"`, 1)
		src = src[:strings.Index(src, `"weights"`)] + gbdt(trees)
		_, err := Parse("won.json", []byte(src))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", trees, err, want)
		}
	}
	spoilt(`[[[0, 0, 1, 2, 3, 1], [1], [2]]]`, "")
	spoilt(`[[[0, 1, 1, 2, 0, 2], [1], [2]]]`, "")
	spoilt(`[]`, "a gbdt has 1 to 200")
	spoilt(`[[]]`, "trees[0]")
	spoilt(`[[[600000]]]`, "trees[0][0]")
	spoilt(`[[[0, 2, 1, 2, 1, 1], [1], [2]]]`, "trees[0][0]")
	spoilt(`[[[0, 0, 1, 3, 1, 1], [1], [2]]]`, "below it are 1 and 3")
	spoilt(`[[[0, 0, 0, 2, 1, 1], [1], [2]]]`, "below it are 0 and 2")
	spoilt(`[[[0, 0, 1, 2, 4, 1], [1], [2]]]`, "write the greatest code that goes left, 1 to 3")
	spoilt(`[[[0, 1, 1, 2, 3], [1], [2]]]`, "codes are 0 to 2")
	chain := ""
	for i := range DepthMax + 1 {
		chain += fmt.Sprintf("[0, 0, %d, %d, 1, 1], [1], ", 2*i+1, 2*i+2)
	}
	spoilt("[["+chain+"[1]]]", "a path asks 7 questions or more")
}

// TestModelCounts walks a lead whose model counts what it did and how long it is silent.
func TestModelCounts(t *testing.T) {
	src := strings.Replace(aModel, `"below": [2, 5]}`, `"below": [0, 1], "rule": "event: demo, where: {place: home}, count: {gte: 2, within: 7d}"},
 {"name": "silent", "kind": "number", "below": [2], "rule": "absent: any_activity, after: 1d"}`, 1)
	src = strings.Replace(src, `[[0, -256, 256, 512], `, `[[0, -256, 256, 512], [0, 1024, 2048], `, 1)
	c, err := Parse("won.json", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	e := c.NewEval()
	f := func(at int64, points float64, next int64) {
		t.Helper()
		if r := e.Score(at); r.Dims[0] != points || r.Next != next {
			t.Errorf("at %d: %v points, next %d; want %v, %d", at, r.Dims[0], r.Next, points, next)
		}
	}
	for _, at := range []int64{0, day} {
		e.Fold(c.Bind(nil, &ev{typ: "demo", time: at, fields: fields{"place": "home"}})...)
	}
	e.Fold(c.Bind(nil, &ev{typ: "demo", time: day, fields: fields{"place": "work"}})...)
	f(day, 2+4, 4*day)
	f(4*day-1, 2+4, 4*day)
	f(4*day, 2+8, 7*day)
	f(7*day, 1+8, 8*day)
	f(8*day, -1+8, 0)
	if said := c.Explain("en"); !strings.Contains(said, "how often, in 3 bins") || !strings.Contains(said, "how long, in 2 bins") {
		t.Error(said)
	}
}
