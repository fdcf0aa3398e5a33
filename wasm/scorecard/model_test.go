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
