package scoring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// The ensemble that is timed: full trees of random questions over numbers, with no
// answer on either side.
const (
	treesN, treesDeep, treesAsk = 100, scorecard.DepthMax, 24
	binsN                       = 64
	treeLeads                   = 512
)

// forest is the same ensemble three times: as its file, flat for Go, and compiled.
type forest struct {
	file  scorecard.ModelFile
	asks  []question // of all trees, each in the order of its levels
	leafs []int32    // likewise
}

// question is on the side of Go what a question is in the module: whoever has a code
// up to it goes left, and who does not answer where absent says.
type question struct {
	feature uint8
	upTo    uint8
	side    uint8 // of branchless: 0 if no answer goes left
	absent  bool  // goes left
}

func newForest(r *rand.Rand) *forest {
	f := &forest{file: scorecard.ModelFile{Model: "forest", Format: scorecard.ModelFormat, Kind: "gbdt", Scale: [2]float64{-400, 400}}}
	for i := range treesAsk {
		below := make([]float64, binsN-1)
		for b := range below {
			below[b] = float64(b)
		}
		f.file.Features = append(f.file.Features, scorecard.ModelFeature{Name: fmt.Sprintf("x%d", i), Kind: "number", Below: below})
	}
	for range treesN {
		var tree [][]int
		for i := range 1<<treesDeep - 1 {
			q := question{feature: uint8(r.IntN(treesAsk)), upTo: uint8(1 + r.IntN(binsN-1)), side: uint8(r.IntN(2))}
			q.absent = q.side == 0
			absent := 1 - int(q.side)
			f.asks = append(f.asks, q)
			tree = append(tree, []int{0, int(q.feature), 2*i + 1, 2*i + 2, int(q.upTo), absent})
		}
		for range 1 << treesDeep {
			v := r.IntN(4096) - 2048
			f.leafs = append(f.leafs, int32(v))
			tree = append(tree, []int{v})
		}
		f.file.Trees = append(f.file.Trees, tree)
	}
	return f
}

// native walks the flat trees in plain Go.
func (f *forest) native(codes []uint8) (sum int32) {
	const nodes, leaves = 1<<treesDeep - 1, 1 << treesDeep
	for t := range treesN {
		asks := f.asks[t*nodes : (t+1)*nodes]
		i := 0
		for range treesDeep {
			q := asks[i]
			code := codes[q.feature]
			i = 2*i + 1
			if code > q.upTo || code == 0 && !q.absent {
				i++
			}
		}
		sum += f.leafs[t*leaves+i-nodes]
	}
	return sum
}

// branchless is native without a branch on what a lead answers: 0 for no answer
// becomes the code after the last where no answer goes right.
func (f *forest) branchless(codes *[2][treesAsk]uint8) (sum int32) {
	const nodes, leaves = 1<<treesDeep - 1, 1 << treesDeep
	for t := range treesN {
		asks := f.asks[t*nodes : (t+1)*nodes]
		i := uint32(0)
		for range treesDeep {
			q := &asks[i]
			right := uint32(int32(q.upTo)-int32(codes[q.side][q.feature])) >> 31
			i = 2*i + 1 + right
		}
		sum += f.leafs[t*leaves+int(i)-nodes]
	}
	return sum
}

// person tells the model its answers; it is a [scorecard.Source].
type person []int // code − 1 is the number told; 0 is none

func (p person) Type() string                     { return "identify" }
func (p person) Time() int64                      { return 1_700_000_000_000 }
func (person) Field(string) (s wasm.Slot, _ bool) { return s, false }
func (person) Session() uint64                    { return 0 }
func (person) Ignore() string                     { return "" }
func (person) Send() bool                         { return false }
func (person) Products() int                      { return 0 }
func (person) Product(int) scorecard.Source       { return nil }

func (p person) Trait(name string) (wasm.Slot, bool) {
	var i int
	if _, err := fmt.Sscanf(name, "x%d", &i); err != nil || p[i] == 0 {
		return wasm.Slot{}, false
	}
	return wasm.Slot{Tag: wasm.Int, Num: uint64(p[i] - 1)}, true
}

// trees times an ensemble of a hundred trees, six questions deep: the module as the
// host runs it, with the lead's state copied in and gas, beside flat trees in Go over
// the same codes, the quicker of two ways to write them. All have to say the same of
// every lead first.
func (b *bench) trees(ctx context.Context) (err error) {
	r := rand.New(rand.NewPCG(6, 100))
	f := newForest(r)
	src, err := json.Marshal(f.file)
	if err != nil {
		return err
	}
	card, err := scorecard.Parse("forest.json", src)
	if err != nil {
		return err
	}
	code, err := compile.Module(card)
	if err != nil {
		return err
	}
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	m, err := h.Load(ctx, card, code)
	if err != nil {
		return err
	}
	in, err := m.NewInstance(ctx)
	if err != nil {
		return err
	}
	lanes, err := f.lanes(r, card, in)
	if err != nil {
		return err
	}
	race, err := run(ctx, b.tempo.rounds, b.tempo.slice, lanes...)
	if err != nil {
		return err
	}
	v, note := race.ratio(0, 2)
	if plain, said := race.ratio(0, 1); plain > v {
		v, note = plain, said
	}
	b.report.Set(figTrees, v, fmt.Sprintf("%s; %s; module of %d KB", note, race.best(1), len(code)>>10))
	return nil
}

// lanes are the three ways to score a lead.
func (f *forest) lanes(r *rand.Rand, card *scorecard.Card, in *host.Instance) ([]lane, error) {
	states, codes, err := f.leads(r, card, in)
	if err != nil {
		return nil, err
	}
	sides := make([][2][treesAsk]uint8, treeLeads)
	for i, own := range codes {
		for j, code := range own {
			sides[i][0][j], sides[i][1][j] = code, code
			if code == 0 {
				sides[i][1][j] = binsN + 1
			}
		}
		if f.branchless(&sides[i]) != f.native(own) {
			return nil, fmt.Errorf("lead %d: the flat trees differ", i)
		}
	}
	at, sink := 0, int32(0)
	next := func() int { at = (at + 1) % treeLeads; return at }
	return []lane{
		inProcess("compiled", func() error {
			_, err := in.ScoreFast(states[next()], 1_700_000_000_000)
			return err
		}),
		inProcess("flat Go", func() error { sink += f.native(codes[next()]); return nil }),
		inProcess("flat Go without branches", func() error { sink += f.branchless(&sides[next()]); return nil }),
	}, nil
}

// leads folds random leads and holds the module to Go on each.
func (f *forest) leads(r *rand.Rand, card *scorecard.Card, in *host.Instance) (states [][]byte, codes [][]uint8, err error) {
	for i := range treeLeads {
		p, own := make(person, treesAsk), make([]uint8, treesAsk)
		for j := range p {
			if r.IntN(5) > 0 {
				p[j] = 1 + r.IntN(binsN)
			}
			own[j] = uint8(p[j])
		}
		state, err := in.Fold(nil, card.Bind(nil, p))
		if err != nil {
			return nil, nil, err
		}
		states, codes = append(states, append([]byte(nil), state...)), append(codes, own)
		raw, err := in.ScoreRaw(states[i], p.Time())
		if err != nil {
			return nil, nil, err
		}
		if want := float64(f.native(own)) / scorecard.PointParts; raw.Dims[0] != want {
			return nil, nil, fmt.Errorf("lead %d: the module says %v points, Go %v", i, raw.Dims[0], want)
		}
	}
	return states, codes, nil
}
