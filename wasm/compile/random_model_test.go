package compile_test

import (
	"encoding/json"
	"fmt"
	"slices"

	"ripen/wasm/scorecard"
)

// source is a random card, or now and then a random model.
func (m maker) source() string {
	if m.chance(20) {
		return m.model()
	}
	if m.chance(8) {
		return m.accounts()
	}
	return m.card()
}

// model writes a random model that Parse takes.
func (m maker) model() string {
	f := scorecard.ModelFile{Model: "random", Format: scorecard.ModelFormat, Kind: pick(m, "gbdt", "gbdt", "logistic"), Language: pick(m, "en", "es")}
	names := slices.Clone(traitNames)
	for i := range m.IntN(40) {
		names = append(names, fmt.Sprintf("further%d", i)) // beyond one function; nobody has them
	}
	for _, name := range names[m.IntN(3):] {
		f.Features = append(f.Features, m.feature(name))
	}
	if f.Kind == "logistic" {
		for i := range f.Features {
			w := make([]int32, codesOf(&f.Features[i]))
			for code := range w {
				w[code] = m.worth()
			}
			f.Weights = append(f.Weights, w)
		}
	} else {
		for range 1 + m.IntN(12) {
			f.Trees = append(f.Trees, m.tree(f.Features))
		}
		if m.chance(5) {
			for len(f.Trees) < scorecard.TreesMax {
				f.Trees = append(f.Trees, m.tree(f.Features))
			}
		}
	}
	lo := m.Float64()*200 - 100
	f.Scale = [2]float64{lo, lo + 1 + m.Float64()*100}
	if m.chance(50) {
		f.Bands = []scorecard.ModelBand{{Name: "cold", From: 0}, {Name: "hot", From: 60, People: 10, Converted: 7}}
		f.Chance = &scorecard.ModelProbability{At: [][2]float64{{1, 0.1}, {100, 0.9}}}
	}
	b, err := json.Marshal(f)
	if err != nil {
		panic("BUG: a random model cannot be written: " + err.Error())
	}
	return string(b)
}

func codesOf(f *scorecard.ModelFeature) int { return len(f.Below) + len(f.Values) + 2 }

func (m maker) worth() int32 {
	return pick(m, 0, int32(m.IntN(20_000)-10_000), int32(m.IntN(20_000)-10_000), 1<<19, -1<<19)
}

func (m maker) feature(name string) scorecard.ModelFeature {
	f := scorecard.ModelFeature{Name: name, Label: pick(m, "", "Label of "+name)}
	if m.chance(30) {
		return m.behaviour(f)
	}
	if f.Kind = pick(m, "number", "text"); f.Kind == "number" {
		f.Below = [][]float64{nil, {3}, {-7, 0, 0.1, 3, 50}, {1, 1 << 53}}[m.IntN(4)]
		if m.chance(10) {
			for i := range 253 {
				f.Below = append(f.Below[:i:i], float64(i)-5)
			}
		}
		return f
	}
	for _, v := range append([]string{"3", "true", "0.1"}, texts[1:13]...) {
		if m.chance(50) {
			f.Values = append(f.Values, v)
		}
	}
	if m.chance(10) {
		for i := len(f.Values); i < scorecard.CodesMax-1; i++ {
			f.Values = append(f.Values, fmt.Sprintf("value %d", i))
		}
	}
	return f
}

// behaviour is a feature of what people do.
func (m maker) behaviour(f scorecard.ModelFeature) scorecard.ModelFeature {
	f.Kind = "number"
	if m.chance(30) {
		f.Below, f.Rule = [][]float64{{0}, {0, 1, 5, 40}, nil}[m.IntN(3)], "absent: any_activity, after: "+pick(m, spans...)
		return f
	}
	gte := 1 + m.IntN(6)
	for end := range gte {
		if m.chance(60) {
			f.Below = append(f.Below, float64(end))
		}
	}
	f.Rule = fmt.Sprintf("event: %s, count: {gte: %d, within: %s}", pick(m, eventTypes...), gte, pick(m, spans...))
	if m.chance(40) {
		f.Rule += ", where: " + m.conditions(fieldNames)
	}
	if m.chance(40) {
		f.Rule += ", per: " + pick(m, "session", "day", "message")
	}
	if m.chance(40) {
		f.Rule += ", ignore: [bot]"
	}
	return f
}

// tree grows a tree of random shape, at most as deep as may be.
func (m maker) tree(features []scorecard.ModelFeature) (t [][]int) {
	var grow func(depth int) int
	grow = func(depth int) int {
		at := len(t)
		t = append(t, []int{int(m.worth())})
		if depth == 0 || m.chance(20) {
			return at
		}
		i := m.IntN(len(features))
		node := []int{t[at][0], i, 0, 0}
		if n := codesOf(&features[i]); features[i].Kind == "number" {
			node = append(node, 1+m.IntN(n-1), m.IntN(2))
		} else {
			for code := range n {
				if m.chance(40) {
					node = append(node, code)
				}
			}
			if len(node) == 4 {
				node = append(node, m.IntN(n))
			}
		}
		node[2] = grow(depth - 1)
		node[3] = grow(depth - 1)
		t[at] = node
		return at
	}
	grow(m.IntN(scorecard.DepthMax + 1))
	return t
}
