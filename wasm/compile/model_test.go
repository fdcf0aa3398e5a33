package compile_test

import (
	"strconv"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// TestModels shows that the random sources hold models of both kinds, with trees as
// deep as they may be, and that their parts are what Saabas says: the steps of a path.
func TestModels(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(seeds) {
		src := newMaker(seed).source()
		if !scorecard.IsModel([]byte(src)) {
			continue
		}
		c, err := scorecard.Parse("random.json", []byte(src))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		kinds[c.Model.Kind]++
		for _, f := range c.Model.Features {
			if f.Keeper() != nil {
				kinds["behaviour of "+c.Model.Kind]++
			}
		}
		if c.Model.Depth() == scorecard.DepthMax {
			kinds["deep"]++
		}
	}
	if kinds["logistic"] < 3 || kinds["gbdt"] < 10 || kinds["deep"] < 5 || kinds["behaviour of gbdt"] < 10 || kinds["behaviour of logistic"] < 3 {
		t.Errorf("of %d sources: %v", seeds, kinds)
	}
}

// twoTrees asks a number on both sides of no answer, and a text.
const twoTrees = `{"model": "won", "format": 1, "kind": "gbdt", "scale": [-10, 10],
 "features": [{"name": "visits", "label": "Visits", "kind": "number", "below": [2, 5]},
  {"name": "country", "kind": "text", "values": ["ES", "FR"]}],
 "trees": [[[0, 0, 1, 2, 1, 1], [-512], [256, 1, 3, 4, 1, 2], [768], [-256]],
  [[100, 1, 1, 2, 0, 1], [612], [-156]]]}`

// TestPaths holds a small model to what was worked out by hand.
func TestPaths(t *testing.T) {
	c, err := scorecard.Parse("won.json", []byte(twoTrees))
	if err != nil {
		t.Fatal(err)
	}
	in := instanceOf(t, c)
	f := func(traits map[string]wasm.Slot, visits, country float64) {
		t.Helper()
		evs := c.Bind(nil, &event{typ: "identify", time: 1000, traits: traits})
		state, err := in.Fold(nil, evs)
		if err != nil {
			t.Fatal(err)
		}
		var r scorecard.Result
		if err := in.Score(append([]byte(nil), state...), 2000, &r); err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, q := range r.Reasons {
			got[q.Rule] = q.Points
		}
		if got["visits"] != visits || got["country"] != country || r.Dims[0] != visits+country {
			t.Errorf("%v: %+v of %v, want visits %v, country %v", traits, r.Reasons, r.Dims, visits, country)
		}
	}
	num := func(v int64) wasm.Slot { return wasm.Slot{Tag: wasm.Int, Num: uint64(v)} }
	f(nil, -2, 2)
	f(map[string]wasm.Slot{"visits": num(2)}, -2, 2)
	f(map[string]wasm.Slot{"visits": num(3)}, 1, -2+2)
	f(map[string]wasm.Slot{"visits": num(9), "country": str("ES")}, 1, 2+2)
	f(map[string]wasm.Slot{"visits": num(9), "country": str("PT")}, 1, -2-1)
	f(map[string]wasm.Slot{"visits": str("many"), "country": str("")}, -2, 2)
}

// TestModelRoom shows that the largest model there may be is taken by the host, and
// that its gas suffices.
func TestModelRoom(t *testing.T) {
	m := newMaker(3)
	var tree []string
	for i := range 1<<scorecard.DepthMax - 1 {
		tree = append(tree, `[1,`+pick(m, `0`, `127`)+`,`+strconv.Itoa(2*i+1)+`,`+strconv.Itoa(2*i+2)+`,`+strconv.Itoa(1+m.IntN(200))+`,`+strconv.Itoa(2+i)+`]`)
	}
	for range 1 << scorecard.DepthMax {
		tree = append(tree, `[`+strconv.Itoa(m.IntN(2000)-1000)+`]`)
	}
	var values, features, trees []string
	for i := range scorecard.CodesMax - 1 {
		values = append(values, `"`+strconv.Itoa(i)+`"`)
	}
	for i := range scorecard.FeaturesMax {
		features = append(features, `{"name": "f`+strconv.Itoa(i)+`", "kind": "text", "values": [`+strings.Join(values, ",")+`]}`)
	}
	for range scorecard.TreesMax {
		trees = append(trees, `[`+strings.Join(tree, ",")+`]`)
	}
	src := `{"model": "big", "format": 1, "kind": "gbdt", "scale": [-10, 10], "features": [` + strings.Join(features, ",") + `], "trees": [` + strings.Join(trees, ",") + `]}`
	c, err := scorecard.Parse("big.json", []byte(src))
	if err != nil {
		t.Fatalf("%d bytes: %v", len(src), err)
	}
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Check(b); err != nil {
		t.Fatal(err)
	}
	traits := map[string]wasm.Slot{}
	for _, f := range c.Model.Features {
		traits[f.Name] = str(strconv.Itoa(m.IntN(scorecard.CodesMax)))
	}
	in, e := instanceOf(t, c), c.NewEval()
	evs := c.Bind(nil, &event{typ: "identify", time: 1000, traits: traits})
	state, err := in.Fold(nil, evs)
	if err != nil {
		t.Fatal(err)
	}
	e.Fold(evs...)
	var r scorecard.Result
	if err := in.Score(append([]byte(nil), state...), 2000, &r); err != nil {
		t.Fatal(err)
	}
	if want := e.Score(2000); want.Exact != r.Exact {
		t.Errorf("module %d, eval %d", r.Exact, want.Exact)
	}
}
