package scorecard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
)

// ModelFormat is the version of the file that holds a model.
const ModelFormat = 1

// ModelFile is a model as its file holds it: JSON, of which the first key is model.
type ModelFile struct {
	Model    string            `json:"model"`           // its name
	Format   int               `json:"format"`          // ModelFormat
	About    string            `json:"about,omitempty"` // words for whoever opens the file
	Kind     string            `json:"kind"`            // logistic or gbdt
	Language string            `json:"language,omitempty"`
	Version  int               `json:"version,omitempty"` // that it was made from, as a card's
	Features []ModelFeature    `json:"features"`
	Weights  [][]int32         `json:"weights,omitempty"` // of logistic: by feature, then by code, in 256ths of a point
	Trees    [][][]int         `json:"trees,omitempty"`   // of gbdt: trees, their nodes, and what MODEL.md says of a node
	Scale    [2]float64        `json:"scale"`             // the points that are a score of 1 and of 100
	Bands    []ModelBand       `json:"bands,omitempty"`
	Chance   *ModelProbability `json:"probability,omitempty"`
}

// ModelFeature is one thing that a model asks.
type ModelFeature struct {
	Name   string    `json:"name"`
	Label  string    `json:"label,omitempty"`
	Kind   string    `json:"kind"`             // number or text
	Below  []float64 `json:"below,omitempty"`  // of a number
	Rule   string    `json:"rule,omitempty"`   // of a number: what of events it counts, as a rule of a card has it
	Values []string  `json:"values,omitempty"` // of a text
}

// ModelBand is a band as a card has it.
type ModelBand struct {
	Name      string `json:"name"`
	From      int    `json:"from"`
	Leave     *int   `json:"leave,omitempty"`
	People    int    `json:"people,omitempty"`
	Converted int    `json:"converted,omitempty"`
}

// ModelProbability is the calibration as a card has it.
type ModelProbability struct {
	Of string       `json:"of,omitempty"`
	At [][2]float64 `json:"at"`
}

var modelHead = regexp.MustCompile(`^\s*\{\s*"model"\s*:`)

// IsModel says whether a source is a model's file, not a card.
func IsModel(src []byte) bool { return modelHead.Match(src[:min(len(src), 256)]) }

// modelReader checks a file and makes a card of it.
type modelReader struct {
	*reader
	f *ModelFile
}

// parseModel reads a model's file.
func (p *reader) parseModel(src []byte) {
	r := &modelReader{p, &ModelFile{}}
	if !r.decode(src) {
		return
	}
	f, c := r.f, p.card
	c.Name, c.Version, c.Model = f.Model, f.Version, &Model{Kind: f.Kind}
	if f.Language != "" {
		c.Language = f.Language
	}
	r.head()
	r.features()
	if len(p.errs) == 0 {
		r.weights()
		r.trees()
	}
	r.score()
}

func (r *modelReader) wrong(field, what, fix string) {
	r.errs = append(r.errs, &Error{File: r.file, Line: 1, Col: 1, Rule: field, What: what, Fix: fix})
}

func (r *modelReader) decode(src []byte) bool {
	if len(src) > modelMax {
		r.wrong("", fmt.Sprintf("the file has %d bytes", len(src)), fmt.Sprintf("at most %d are read: train with fewer trees", modelMax))
		return false
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	err := d.Decode(r.f)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the model")
		}
	}
	if err == nil {
		return true
	}
	at := &Error{File: r.file, Line: 1, Col: 1, What: "not a model: " + err.Error(), Fix: "write it as ripen train does"}
	offset := d.InputOffset()
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset, at.Rule = bad.Offset, bad.Field
		at.What, at.Fix = "it is "+bad.Value, "write "+bad.Type.String()
	}
	before := src[:min(max(int(offset), 0), len(src))]
	at.Line += bytes.Count(before, []byte("\n"))
	at.Col = len(before) - bytes.LastIndexByte(before, '\n')
	r.errs = append(r.errs, at)
	return false
}

func (r *modelReader) head() {
	f := r.f
	if !isName(f.Model) {
		r.wrong("model", fmt.Sprintf("%q is not a name", f.Model), "use letters, digits, _ - and ., at most 128")
	}
	if f.Format != ModelFormat {
		r.wrong("format", fmt.Sprintf("it is %d", f.Format), fmt.Sprintf("this program reads format %d: train the model again", ModelFormat))
	}
	if f.Language != "" && f.Language != "en" && f.Language != "es" {
		r.wrong("language", fmt.Sprintf("it is %q", f.Language), "write en or es")
	}
	if f.Version < 0 || f.Version > math.MaxInt32 {
		r.wrong("version", fmt.Sprintf("it is %d", f.Version), "write the version it was made from, or leave it out")
	}
	switch f.Kind {
	case "logistic", "gbdt":
	default:
		r.wrong("kind", fmt.Sprintf("it is %q", f.Kind), "write logistic or gbdt")
	}
}

func (r *modelReader) features() {
	n := len(r.f.Features)
	if n == 0 || n > FeaturesMax {
		r.wrong("features", fmt.Sprintf("there are %d", n), fmt.Sprintf("a model has 1 to %d", FeaturesMax))
		return
	}
	g := &Group{Name: r.f.Model, Min: math.Inf(-1), Max: math.Inf(1)}
	r.card.Dims = []*Dimension{{Name: "points", Kind: "model", Min: math.Inf(-1), Max: math.Inf(1), Groups: []*Group{g}}}
	seen := map[string]bool{}
	for i := range r.f.Features {
		in := &r.f.Features[i]
		at := fmt.Sprintf("features[%d]", i)
		if in.Name == "" || len(in.Name) > wordMax || seen[in.Name] {
			r.wrong(at+".name", fmt.Sprintf("%q is empty, too long or stands twice", in.Name), fmt.Sprintf("name each attribute once, in at most %d bytes", wordMax))
		}
		if len(in.Label) > 2*wordMax {
			r.wrong(at+".label", "it is too long", fmt.Sprintf("at most %d bytes", 2*wordMax))
		}
		seen[in.Name] = true
		f := &Feature{Name: in.Name, Label: in.Label, Below: in.Below, Values: in.Values, number: in.Kind == "number"}
		r.bins(at, f)
		r.keeper(at, in, f)
		rule := &Rule{ID: in.Name, Index: i, Kind: Learned, model: r.card.Model, line: 1, col: 1}
		r.card.Model.Features = append(r.card.Model.Features, f)
		r.card.Rules, g.Rules = append(r.card.Rules, rule), append(g.Rules, rule)
	}
}

// bins checks a feature's bins or values.
func (r *modelReader) bins(at string, f *Feature) {
	if kind := r.f.Features[len(r.card.Model.Features)].Kind; kind != "number" && kind != "text" {
		r.wrong(at+".kind", fmt.Sprintf("it is %q", kind), "write number or text")
	}
	if f.number && f.Values != nil || !f.number && f.Below != nil {
		r.wrong(at, "it has what the other kind has", "a number has below, a text has values")
	}
	if f.Codes() > CodesMax+1 || f.number && f.Codes() > CodesMax {
		r.wrong(at, fmt.Sprintf("it has %d codes", f.Codes()), fmt.Sprintf("at most %d: use fewer bins or values", CodesMax))
	}
	for i, v := range f.Below {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v <= f.Below[i-1] {
			r.wrong(fmt.Sprintf("%s.below[%d]", at, i), fmt.Sprintf("%v does not follow", v), "write the upper ends of bins, each greater than the one before")
			return
		}
	}
	f.codes = make(map[string]int, len(f.Values))
	for i, v := range f.Values {
		if v == "" || len(v) > wordMax || f.codes[v] != 0 {
			r.wrong(fmt.Sprintf("%s.values[%d]", at, i), fmt.Sprintf("%q is empty, too long or stands twice", v), fmt.Sprintf("write each value once, in at most %d bytes", wordMax))
			return
		}
		f.codes[v] = i + 1
	}
}

// keeper reads what a feature counts of events: event, where, per, count and ignore of a
// rule; or absent: any_activity and after.
func (r *modelReader) keeper(at string, in *ModelFeature, f *Feature) {
	if in.Rule == "" {
		return
	}
	at += ".rule"
	if !f.number {
		r.wrong(at, "a text counts nothing", "write kind: number, or remove it")
		return
	}
	p := newReader(r.file)
	f.keeper = &Rule{model: r.card.Model, line: 1, col: 1}
	if root := p.readYAML([]byte("{id: " + keeperName + ", points: 1, " + in.Rule + "}")); root != nil {
		p.readRule(&Dimension{Kind: "behaviour"}, f.keeper, root)
	}
	if err := p.found(); err != nil {
		r.wrong(at, "it is no rule: "+p.errs[0].What, p.errs[0].Fix)
		return
	}
	k := f.keeper
	k.ID = in.Name + "#"
	if k.Kind != Count && (k.Kind != Absent || k.Event != "") {
		r.wrong(at, "it does not count", "write event: …, count: {gte: 3, within: 30d}, or absent: any_activity, after: 1d")
		return
	}
	for i, end := range f.Below {
		if end < 0 || end != math.Trunc(end) || end > keeperEnd || k.Kind == Count && int(end) >= k.Gte {
			r.wrong(fmt.Sprintf("features[%d].below[%d]", len(r.card.Model.Features), i), fmt.Sprintf("%v ends no bin of what is counted", end), "write whole numbers from 0 on, less than gte")
			return
		}
	}
	if len(f.Below) > TimesMax {
		r.wrong(at, fmt.Sprintf("it has %d bins", len(f.Below)+1), fmt.Sprintf("at most %d of what is counted", TimesMax+1))
	}
}

const (
	keeperName = "counts"
	keeperEnd  = 100_000 // the greatest end of a bin
)

func (r *modelReader) weights() {
	m := r.card.Model
	if m.Kind != "logistic" {
		if r.f.Weights != nil {
			r.wrong("weights", "a gbdt has none", "remove them, or write kind: logistic")
		}
		return
	}
	if len(r.f.Weights) != len(m.Features) {
		r.wrong("weights", fmt.Sprintf("there are %d for %d features", len(r.f.Weights), len(m.Features)), "write a list for each feature")
		return
	}
	for i, w := range r.f.Weights {
		at := fmt.Sprintf("weights[%d]", i)
		if n := m.Features[i].Codes(); len(w) != n {
			r.wrong(at, fmt.Sprintf("it has %d numbers", len(w)), fmt.Sprintf("%s has %d codes: write one number for each, that of no answer first", m.Features[i].Name, n))
		}
		if i := slices.IndexFunc(w, tooMuch); i >= 0 {
			r.wrong(fmt.Sprintf("%s[%d]", at, i), fmt.Sprintf("it is %d", w[i]), fmt.Sprintf("at most %d either way", worthMax))
		}
	}
	m.Weights = r.f.Weights
}

func tooMuch(v int32) bool { return v > worthMax || v < -worthMax }

func (r *modelReader) trees() {
	m := r.card.Model
	if m.Kind != "gbdt" {
		if r.f.Trees != nil {
			r.wrong("trees", "a logistic has none", "remove them, or write kind: gbdt")
		}
		return
	}
	if n := len(r.f.Trees); n == 0 || n > TreesMax {
		r.wrong("trees", fmt.Sprintf("there are %d", n), fmt.Sprintf("a gbdt has 1 to %d", TreesMax))
		return
	}
	for i, in := range r.f.Trees {
		if len(in) == 0 || len(in) > 2<<DepthMax {
			r.wrong(fmt.Sprintf("trees[%d]", i), fmt.Sprintf("it has %d nodes", len(in)), fmt.Sprintf("a tree has 1 to %d", 2<<DepthMax-1))
			return
		}
		t := make(Tree, len(in))
		for j, n := range in {
			if what, fix := t.read(m, j, n); what != "" {
				r.wrong(fmt.Sprintf("trees[%d][%d]", i, j), what, fix)
				return
			}
		}
		if d := t.depth(0, 0); d > DepthMax {
			r.wrong(fmt.Sprintf("trees[%d]", i), fmt.Sprintf("a path asks %d questions or more", d), fmt.Sprintf("at most %d", DepthMax))
			return
		}
		m.Trees = append(m.Trees, t)
	}
}

// read takes node j: [value], or [value, feature, left, right, …] with the greatest
// code that goes left and 1 or 0 for no answer, or with the codes that go left.
func (t Tree) read(m *Model, j int, in []int) (what, fix string) {
	n := &t[j]
	if len(in) == 0 || in[0] > worthMax || in[0] < -worthMax {
		return fmt.Sprintf("it is %v", in), fmt.Sprintf("begin with its value, at most %d either way", worthMax)
	}
	n.Value, n.Leaf = int32(in[0]), len(in) == 1
	if n.Leaf {
		return "", ""
	}
	if len(in) < 5 || in[1] < 0 || in[1] >= len(m.Features) {
		return fmt.Sprintf("it is %v", in), "write [value], or [value, feature, left, right, codes…]"
	}
	n.Feature, n.Left, n.Right = in[1], in[2], in[3]
	if n.Left <= j || n.Right <= j || n.Left >= len(t) || n.Right >= len(t) || n.Left == n.Right {
		return fmt.Sprintf("below it are %d and %d", n.Left, n.Right), fmt.Sprintf("two nodes after %d and before %d", j, len(t))
	}
	f := m.Features[n.Feature]
	if f.number {
		if len(in) != 6 || in[4] < 1 || in[4] >= f.Codes() || in[5]>>1 != 0 {
			return fmt.Sprintf("it asks %v of the number %s", in[4:], f.Name), fmt.Sprintf("write the greatest code that goes left, 1 to %d, then 1 if no answer does, else 0", f.Codes()-1)
		}
		n.UpTo = in[4]
		for code := 1 - in[5]; code <= n.UpTo; code++ {
			n.Set[code>>6] |= 1 << (code & 63)
		}
		return "", ""
	}
	for _, code := range in[4:] {
		if code < 0 || code >= f.Codes() {
			return fmt.Sprintf("code %d of %s goes left", code, f.Name), fmt.Sprintf("codes are 0 to %d", f.Codes()-1)
		}
		n.Set[code>>6] |= 1 << (code & 63)
	}
	return "", ""
}

// score reads what a card says of its score: scale, bands and probability.
func (r *modelReader) score() {
	c, f := r.card, r.f
	c.Score = Combine{How: "sum", From: f.Scale, To: [2]float64{1, 100}}
	if len(c.Dims) > 0 {
		c.Score.Terms = []Term{{Dim: 0, Times: 1}}
	}
	if lo, hi := f.Scale[0], f.Scale[1]; !(lo < hi) || math.Abs(lo) > pointsMax || math.Abs(hi) > pointsMax {
		r.wrong("scale", fmt.Sprintf("it is %v", f.Scale), "write the points that are a score of 1 and, more, those that are 100")
	}
	for i := range f.Bands {
		in := &f.Bands[i]
		at := &node{line: 1, col: 1}
		b := Band{Name: in.Name, From: in.From, Leave: in.From, People: in.People, Converted: in.Converted}
		if in.Leave != nil {
			b.Leave = *in.Leave
		}
		if !isName(in.Name) || in.From < 0 || in.From > 100 || b.Leave < 0 || i >= bandsMax {
			r.wrong(fmt.Sprintf("bands[%d]", i), fmt.Sprintf("%q from %d is no band", strings.ToValidUTF8(in.Name, "�"), in.From), fmt.Sprintf("write a name and from 0 to 100, at most %d bands", bandsMax))
			return
		}
		r.checkBand(&b, at)
		c.Bands = append(c.Bands, b)
	}
	if p := f.Chance; p != nil {
		c.Probability = &Probability{Of: p.Of, At: p.At}
		r.checkProbability(c.Probability, &node{line: 1, col: 1})
	}
}
