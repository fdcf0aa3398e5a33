package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"ripen/wasm/scorecard"
)

// The kinds of model that can be written, besides a card.
const (
	KindCard     = "card"
	KindLogistic = "logistic" // the card's weights before they are whole points
	KindTrees    = "gbdt"
)

// scored is what was learned, as something that gives points: 0 are an average
// profile, perDouble of them double the odds.
type scored struct {
	points []float64 // of the rows that were learned from
	base   float64   // log-odds at no points
}

// partsOf makes whole 256ths of a point of log-odds.
func partsOf(v float64) int {
	return int(math.Round(float64(v * (pointsOf * scorecard.PointParts))))
}

// featureOf is what a model asks of a column: codes are bins, no answer first.
func featureOf(c *column, k *cut) scorecard.ModelFeature {
	f := scorecard.ModelFeature{Name: c.attr, Kind: "number"}
	if c.name != c.attr {
		f.Label = short(printable(c.name), 200)
	}
	if k.kind == number {
		f.Below = k.edges[:len(k.edges)-1]
		if c.does != nil {
			f.Rule = c.does.counts(k)
		}
		return f
	}
	f.Kind = "text"
	for _, code := range k.named {
		f.Values = append(f.Values, c.values[code])
	}
	return f
}

// code is a bin as a model counts it.
func (k *cut) code(bin uint8) int { return (int(bin) + 1) % k.n }

// writeLogistic writes the weights of a card as they were before they were rounded.
func (c *Card) writeLogistic(f *scorecard.ModelFile, rows []int) scored {
	s := scored{points: make([]float64, len(rows)), base: c.exact.base}
	for i, j := range c.used {
		col, k, w := c.t.columns[j], c.cuts[i], c.exact.w[i]
		mean, bins := 0.0, make([]uint8, len(rows))
		for r, row := range rows {
			bins[r] = k.binOf(col, row)
			mean += w[bins[r]] / float64(len(rows))
		}
		s.base += mean
		parts := make([]int32, k.n)
		for b, v := range w {
			parts[k.code(uint8(b))] = int32(partsOf(v - mean))
		}
		for r, b := range bins {
			s.points[r] += float64(parts[k.code(b)]) / scorecard.PointParts
		}
		f.Features, f.Weights = append(f.Features, featureOf(col, k)), append(f.Weights, parts)
	}
	return s
}

// writeTrees writes an ensemble. Each node has the value that its tree would give
// there, so that a path's steps say whose doing they are.
func (b *Boost) writeTrees(f *scorecard.ModelFile, t *Table, rows []int) scored {
	s := scored{points: make([]float64, len(rows)), base: b.base}
	number := make([]int, len(t.columns)) // :: column → feature, if it gains
	for j, c := range t.columns {
		if b.gain[j] > 0 {
			number[j] = len(f.Features)
			f.Features = append(f.Features, featureOf(c, b.cuts[j]))
		}
	}
	if len(f.Features) == 0 { // nothing tells anything: the trees are leaves
		f.Features = append(f.Features, featureOf(t.columns[0], b.cuts[0]))
	}
	bins := binned(t, b.cuts, rows)
	for _, tr := range b.trees {
		s.base += tr[0].value
		var out [][]int
		for i := range tr {
			n := &tr[i]
			node := []int{partsOf(n.value)}
			if n.feature >= 0 {
				node = append(node, number[n.feature], n.below, n.below+1)
				node = append(node, n.question(b.cuts[n.feature])...)
			}
			out = append(out, node)
		}
		f.Trees = append(f.Trees, out)
		root := out[0][0]
		for r := range rows {
			s.points[r] += float64(out[b.leafOf(tr, bins, r)][0]-root) / scorecard.PointParts
		}
	}
	return s
}

// question says which codes go left, as a model's file has it.
func (n *node) question(k *cut) (out []int) {
	if !n.isSet {
		return []int{int(n.bin) + 1, int(bit(n.leftMissing))}
	}
	for b := range k.n {
		if n.left.has(uint8(b)) {
			out = append(out, k.code(uint8(b)))
		}
	}
	slices.Sort(out)
	return out
}

// model writes the file of a model and the card that names it.
func (r *training) model(card *Card) (out *Result, err error) {
	f := &scorecard.ModelFile{Model: r.o.Name + "_model", Format: scorecard.ModelFormat, Kind: r.o.Model, Language: say(r.o.Language, "en", "es")}
	f.About = fmt.Sprintf(say(r.o.Language,
		"Learned from %d rows, of which %d converted. Worths are 256ths of a point; 20 points double the odds. Codes: 0 is no answer, bins and values count from 1, one more is any other value. A node is [worth], or [worth, feature, left, right, greatest code that goes left, 1 if no answer does], or of a text [worth, feature, left, right, codes that go left].",
		"Aprendido de %d filas, de las que convirtieron %d. Los valores son 1/256 de punto; 20 puntos duplican la razón de probabilidad. Códigos: 0 es sin respuesta, los tramos y valores cuentan desde 1, uno más es cualquier otro valor. Un nodo es [valor], o [valor, atributo, izquierda, derecha, mayor código que va a la izquierda, 1 si va también quien no contesta], o de un texto [valor, atributo, izquierda, derecha, códigos que van a la izquierda]."),
		r.report.Rows, r.report.Conversions)
	var s scored
	if r.o.Model == KindTrees {
		t := r.t.remembered(r.rows, r.plan)
		s = fitBoost(t, r.rows, r.o.Seed).writeTrees(f, t, r.rows)
	} else {
		s = card.writeLogistic(f, r.rows)
	}
	apart(f.Features)
	if n := len(f.Features); n > scorecard.FeaturesMax {
		return nil, fmt.Errorf("the model asks %d attributes, at most %d: leave columns out with --drop", n, scorecard.FeaturesMax)
	}
	lo, hi := math.Floor(slices.Min(s.points)), math.Ceil(slices.Max(s.points))
	if lo == hi {
		hi++
	}
	f.Scale = [2]float64{lo, hi}
	k := r.calibrate(s, lo, hi)
	f.Chance = &scorecard.ModelProbability{Of: r.of(), At: k.at}
	for _, b := range k.bands(r.o.Language) {
		f.Bands = append(f.Bands, scorecard.ModelBand{Name: b.name, From: b.from, People: b.people, Converted: b.converted})
	}
	var file bytes.Buffer
	e := json.NewEncoder(&file)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	return &Result{Card: r.modelCard(f.Model, k), Model: breakLines(file.Bytes()), ModelName: f.Model, Kind: f.Kind, Report: r.report}, nil
}

// apart gives features of one name further ones: behaviours are named by their words.
func apart(fs []scorecard.ModelFeature) {
	seen := map[string]bool{}
	for i := range fs {
		name := fs[i].Name
		for n := 2; seen[fs[i].Name]; n++ {
			fs[i].Name = fmt.Sprintf("%s_%d", name, n)
		}
		seen[fs[i].Name] = true
	}
}

// breakLines gives each feature, list of weights and tree a line of its own.
func breakLines(b []byte) []byte {
	for _, at := range []string{`"features":[`, `"weights":[`, `"trees":[`, `"scale":`, `"bands":[`, `"probability":`, `{"name":`, `[[`} {
		b = bytes.ReplaceAll(b, []byte(at), []byte("\n"+at))
	}
	return b
}

// of is what is probable.
func (r *training) of() string {
	return short(strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, r.report.Label+" = "+r.report.Positive), 200)
}

// modelCard is a card whose one dimension is what the model expects: a hundred times
// the probability.
func (r *training) modelCard(model string, k *calibration) []byte {
	w := &cardWriter{lang: r.o.Language, taken: map[string]bool{}}
	first, last := k.at[0][1], k.at[len(k.at)-1][1]
	if last-first < .0001 {
		last = first + .0001
	}
	w.comment("What the model %s expects, learned from %d rows, of which %d converted (%.1f %%).\nPublish the model first. Add dimensions of what people do, gates and bands: it is yours.",
		"Lo que espera el modelo %s, aprendido de %d filas, de las que convirtieron %d (%.1f %%).\nPublica antes el modelo. Añade dimensiones de lo que hace la gente, condiciones y bandas: es tuya.",
		model, r.report.Rows, r.report.Conversions, 100*r.report.Rate)
	fmt.Fprintf(&w.out, "scorecard: %s\nlanguage: %s\n", w.name(r.o.Name), say(r.o.Language, "en", "es"))
	w.foresees(r)
	fmt.Fprintf(&w.out, "\ndimensions:\n  expected:\n    kind: model\n    model: %s\n    max: 100\n", model)
	fmt.Fprintf(&w.out, "\nscore:\n  combine: model\n  scale: {from: [%s, %s], to: [1, 100]}\n", plainText(rounded(100*first, 2)), plainText(rounded(100*last, 2)))
	own := &calibration{y: k.y, at: [][2]float64{{1, first}, {100, last}}}
	for _, p := range k.p {
		own.scores = append(own.scores, 1+99*(p-first)/(last-first))
		own.p = append(own.p, p)
	}
	return w.ends(r, own, rounded(100*first, 2), rounded(100*last, 2))
}
