package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"ripen/wasm/scorecard"
)

// Result is a card in the language of scorecards, and what to think of it.
type Result struct {
	Card      []byte
	Model     []byte // the file of the model that the card names; nil of a learned card
	ModelName string
	Kind      string // what was learned: KindCard, KindLogistic or KindTrees
	Report    *Report
}

// TooFew is the refusal to learn from too few conversions: a card made by hand is
// better then.
type TooFew struct {
	Conversions, Others int
}

func (e *TooFew) Error() string {
	return fmt.Sprintf("%d rows converted and %d did not: fewer than %d of either teach nothing that holds", e.Conversions, e.Others, leastConversions)
}

const foldsN = 5

// earlyShare is how much of the time is learned from when the rest asks.
const earlyShare = 0.7

// run is one training under way.
type training struct {
	t           *Table
	o           *Options
	plan        plan
	trees       bool // there are enough conversions for them
	fold        []int
	rows        []int
	ctx         context.Context
	done, total int
	heldout     []float64 // what the written model said of rows it had not seen
	foreseen    []string  // columns that know much, and no leak
	report      *Report
}

// Run learns a card from a table and reports on it.
func Run(ctx context.Context, t *Table, o Options) (*Result, error) {
	k := t.Conversions()
	scarce := min(k, t.Len()-k)
	if scarce < leastConversions {
		return nil, &TooFew{k, t.Len() - k}
	}
	shapes, err := o.shapes(t)
	if err != nil {
		return nil, err
	}
	o.Name, o.Model = cmp.Or(o.Name, "learned"), cmp.Or(o.Model, KindCard)
	if o.Model == KindTrees && scarce <= fewConversions {
		return nil, fmt.Errorf("%d conversions: trees need more than %d to find anything that holds; learn a card or a logistic model", scarce, fewConversions)
	}
	r := &training{t: t, o: &o, ctx: ctx, plan: planFor(scarce, shapes), trees: scarce > manyConversions || o.Model == KindTrees, fold: folds(t.y, foldsN, o.Seed), rows: t.allRows()}
	r.report = &Report{
		Label: t.label, Positive: t.positive, Rows: t.Len(), Conversions: k, Rate: float64(k) / float64(t.Len()), Censored: t.censored,
		Seed: o.Seed, Folds: foldsN, Plan: r.plan.learning, Wrote: o.written(), LeftOut: append([]LeftOut{}, t.leftOut...), Leaks: []Leak{}, Notes: []string{}, Log: t.log,
	}
	r.total = (foldsN + int(bit(t.when != nil))) * len(r.learners())
	r.total += 2 + len(t.columns)
	if err := r.judge(); err != nil {
		return nil, err
	}
	card := fitCard(t, r.rows, r.plan)
	if err := r.useful(card); err != nil {
		return nil, err
	}
	r.challenge()
	r.notes()
	if o.Model != KindCard {
		out, err := r.model(card)
		return out, cmp.Or(err, ctx.Err())
	}
	out := &Result{Card: card.yaml(r.rows, r), Kind: KindCard, Report: r.report}
	if c := r.report.Champion; c != nil && t.inForce != nil {
		if learned, err := scorecard.Parse(o.Name, out.Card); err == nil { // else whoever keeps it is told why
			c.changed(t.inForce, learned)
		}
	}
	return out, ctx.Err()
}

// FitCard learns a card from all of a table, and says how probable conversion is for
// each of its rows.
func FitCard(t *Table) []float64 {
	k := t.Conversions()
	return fitCard(t, t.allRows(), planFor(min(k, t.Len()-k), nil)).chances(t, t.allRows())
}

// FitTrees is the same with boosted trees.
func FitTrees(t *Table, seed uint64) []float64 {
	return chancesOf(fitBoost(t, t.allRows(), seed).margins(t, t.allRows()))
}

// AUC is how well probabilities order the rows of a table.
func (t *Table) AUC(p []float64) float64 { return auc(p, t.y) }

// tick says that one more fit is done.
func (r *training) tick() error {
	if r.done++; r.o.Progress != nil {
		r.o.Progress(min(r.done, r.total), r.total)
	}
	return r.ctx.Err()
}

// learner learns from some rows and says how probable conversion is for others.
type learner struct {
	name  string
	learn func(fit, ask []int) []float64
}

// learners are what is compared; recency is what anybody knows without learning, of a log.
func (r *training) learners() []learner {
	card := func(fit []int) *Card { return fitCard(r.t, fit, r.plan) }
	all := []learner{
		{"card", func(fit, ask []int) []float64 { return card(fit).chances(r.t, ask) }},
		{"exact", func(fit, ask []int) []float64 { return card(fit).exactChances(r.t, ask) }},
		{"logistic", func(fit, ask []int) []float64 { return r.logistic(fit, ask) }},
	}
	if j := slices.IndexFunc(r.t.columns, func(c *column) bool { return c.does != nil && c.does.silence }); j >= 0 {
		all = append(all, learner{"recency", func(fit, ask []int) []float64 { return r.t.rates(j, fit, ask, r.plan.coarseness) }})
	}
	if r.trees {
		all = append(all, learner{"trees", func(fit, ask []int) []float64 {
			t := r.t.remembered(fit, r.plan)
			return chancesOf(fitBoost(t, fit, r.o.Seed).margins(t, ask))
		}})
	}
	return all
}

func (r *training) logistic(fit, ask []int) []float64 {
	by := cuts(r.t, fit, r.plan.coarseness)
	l := fitLogistic(plain(r.t, by, fit, fit), r.t.labels(fit), r.plan.lambda)
	return chancesOf(l.margins(plain(r.t, by, ask, fit), len(ask)))
}

func chancesOf(m []float64) []float64 {
	p := make([]float64, len(m))
	for i, v := range m {
		p[i] = sigmoid(v)
	}
	return p
}

// heldOut asks a learner about every row, having learned from the other folds.
func (r *training) heldOut(l learner) ([]float64, error) {
	p := make([]float64, r.t.Len())
	for f := range foldsN {
		ask, fit := parted(r.fold, f)
		for i, v := range l.learn(fit, ask) {
			p[ask[i]] = v
		}
		if err := r.tick(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// judge asks every learner about rows that it has not seen, at random and later ones.
func (r *training) judge() error {
	best := 0.0
	for _, l := range r.learners() {
		p, err := r.heldOut(l)
		if err != nil {
			return err
		}
		m := Model{Name: l.name, Random: measure(p, r.t.y)}
		rank := m.Random.AUC
		if r.t.when != nil {
			w := within(p, r.t.y, r.t.periods())
			fit, ask := r.t.early(earlyShare)
			later := measure(l.learn(fit, ask), r.t.labels(ask))
			m.Within, m.Time, rank = &w, &later, later.AUC
			if err := r.tick(); err != nil {
				return err
			}
		}
		r.report.Models = append(r.report.Models, m)
		if rank > best && l.name != "exact" {
			best, r.report.Best = rank, l.name
		}
		if l.name == r.o.written() {
			r.heldout = p
			r.calibration(p)
		}
	}
	return r.guard()
}

// calibration fills the tables of how far the written model's probabilities came true.
func (r *training) calibration(p []float64) {
	at := ordered(p)
	for d := range 10 {
		rows := at[len(at)*d/10 : len(at)*(d+1)/10]
		var t Decile
		for _, i := range rows {
			t.Conversions += int(r.t.y[i])
			t.Said += p[i] / float64(len(rows))
		}
		t.Rows = len(rows)
		t.Rate = float64(t.Conversions) / float64(max(t.Rows, 1))
		t.Lift = t.Rate / r.report.Rate
		r.report.Deciles = append(r.report.Deciles, t)
	}
	r.report.ROC = roc(p, r.t.y)
	m := make([]float64, len(p))
	for i, v := range p {
		m[i] = logit(v)
	}
	r.report.Platt[0], r.report.Platt[1] = platt(m, r.t.y)
}

// useful says of each attribute what it is good for.
func (r *training) useful(card *Card) error {
	shares := card.shares(r.t, r.rows)
	treeShares := r.treeShares(nil)
	by := cuts(r.t, r.rows, r.plan.coarseness)
	bins := binned(r.t, by, r.rows)
	ask, fit := parted(r.fold, 0)
	part := fitCard(r.t, fit, r.plan) // without a column that it does not use it is the same
	whole := auc(part.chances(r.t, ask), r.t.labels(ask))
	for j, c := range r.t.columns {
		a := Attribute{Name: c.name, Attribute: c.attr, Kind: [...]string{"number", "category"}[c.kind], Share: shares[j], TreeShare: treeShares[j]}
		a.Information = information(bins[j], by[j].n, r.t.y)
		a.Alone = auc(alone(r.t, j, r.fold, foldsN, r.plan.coarseness), r.t.y)
		p := r.plan
		p.skip = make([]bool, len(r.t.columns))
		p.skip[j] = true
		if len(r.t.columns) > 1 && slices.Contains(part.used, j) {
			a.Gain = whole - auc(fitCard(r.t, fit, p).chances(r.t, ask), r.t.labels(ask))
		}
		a.Answered, a.Missing = answeredOf(c, r.t.y)
		if r.t.when != nil {
			first, later := r.t.early(earlyShare)
			d := drift(bins[j], by[j].n, first, later)
			a.Drift = &d
		}
		a.Ages = c.does.ages()
		a.Advice = r.advice(&a)
		r.report.Attributes = append(r.report.Attributes, a)
		if err := r.tick(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.report.Attributes, func(a, b Attribute) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.Information, a.Information))
	})
	r.report.Curve = isotonic(card.sums(r.t, r.rows), r.t.y)
	return nil
}

// answeredOf is the share of rows with an answer, and the rate of the others.
func answeredOf(c *column, y []uint8) (share, rate float64) {
	n, k := 0.0, 0.0
	for i, v := range y {
		if !c.answered(i) {
			n++
			k += float64(v)
		}
	}
	return 1 - n/float64(len(y)), k / max(n, 1)
}

// advice is keep, leak, or drop: an attribute that tells nothing alone and whose
// loss the card would not notice need not be asked for.
func (r *training) advice(a *Attribute) string {
	switch {
	case slices.ContainsFunc(r.report.Leaks, func(l Leak) bool { return l.Name == a.Name }):
		return "leak"
	case a.Information < .02 && a.Gain < .0005:
		return "drop"
	}
	return "keep"
}

// treeShares are how much of the trees' gain each column makes; nothing if there are
// no trees.
func (r *training) treeShares(skip []bool) []float64 {
	out := make([]float64, len(r.t.columns))
	if !r.trees {
		return out
	}
	t := *r.t
	t.columns = nil
	var at []int
	for j, c := range r.t.columns {
		if skip == nil || !skip[j] {
			t.columns, at = append(t.columns, c), append(at, j)
		}
	}
	b := fitBoost(&t, r.rows, r.o.Seed)
	all := 0.0
	for _, g := range b.gain {
		all += g
	}
	for i, g := range b.gain {
		if all > 0 {
			out[at[i]] = g / all
		}
	}
	return out
}
