package train

import (
	"math"
	"testing"

	"ripen/wasm/scorecard"
)

// TestModelCompiled holds models of both kinds, compiled, to what was learned, on every
// row: points, and the probability beside them.
func TestModelCompiled(t *testing.T) {
	text := people(3000, 8)
	for _, kind := range []string{KindLogistic, KindTrees} {
		o := Options{Label: "Won", Model: kind, Seed: 4, Name: "shop"}
		table := read(t, text, o)
		res, err := Run(t.Context(), table, o)
		if err != nil {
			t.Fatal(err)
		}
		card, err := scorecard.Parse("shop_model.json", res.Model)
		if err != nil {
			t.Fatalf("%s: %v\n%s", kind, err, res.Model)
		}
		if card.Name != res.ModelName || card.Name != "shop_model" {
			t.Errorf("the model is called %s", card.Name)
		}
		rows := table.allRows()
		margins := fitBoost(table, rows, o.Seed).margins(table, rows)
		if kind == KindLogistic {
			margins = margins[:0]
			for _, p := range fitCard(table, rows, planFor(table.Conversions(), nil)).exactChances(table, rows) {
				margins = append(margins, logit(p))
			}
		}
		points, scores := compiled(t, res.Model, persons(t, text, ','))
		base := margins[0] - points[0]/pointsOf
		people, wrong := 0.0, 0.0
		for i, m := range margins {
			if d := math.Abs(m - base - points[i]/pointsOf); d > .005 {
				t.Fatalf("%s: row %d: %v points, the learner says %v", kind, i+1, points[i], (m-base)*pointsOf)
			}
			p, ok := card.Likely(int64(scores[i]) * 1000)
			if !ok {
				t.Fatal("the model does not say how probable it is")
			}
			people, wrong = people+p, wrong+float64(table.y[i])
		}
		if math.Abs(people-wrong) > .03*float64(len(rows)) {
			t.Errorf("%s: %.0f conversions said, %.0f came", kind, people, wrong)
		}
		held := 0
		for _, b := range card.Bands {
			held += b.People
		}
		if held != len(rows) {
			t.Errorf("%s: bands hold %d of %d rows", kind, held, len(rows))
		}
		above, err := scorecard.Parse("shop.yaml", res.Card)
		if err != nil {
			t.Fatalf("%v\n%s", err, res.Card)
		}
		if f := above.Feeds(); len(f) != 1 || f[0].Model != "shop_model" || above.Probability == nil {
			t.Errorf("the card: %s", res.Card)
		}
		again, err := Run(t.Context(), read(t, text, o), o)
		if err != nil || string(again.Model) != string(res.Model) || string(again.Card) != string(res.Card) {
			t.Errorf("%s: the same file makes another model (%v)", kind, err)
		}
	}
}

// TestModelReal is the same for real files, of more columns and odder values.
func TestModelReal(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("under -short and -race real files are not scored row by row")
	}
	b := bars[0]
	b.o.Model = KindTrees
	text := sampleText(t, b.file)
	table := read(t, text, b.o)
	f := &scorecard.ModelFile{}
	boost := fitBoost(table, table.allRows(), 0)
	want := boost.writeTrees(f, table, table.allRows())
	r := &training{t: table, o: &b.o, rows: table.allRows(), report: &Report{Rows: table.Len(), Conversions: table.Conversions()}}
	r.heldout = chancesOf(boost.margins(table, r.rows))
	res, err := r.model(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d features, %d trees, %d bytes", len(f.Features), len(f.Trees), len(res.Model))
	points, _ := compiled(t, res.Model, persons(t, text, ','))
	for i, p := range points {
		if p != want.points[i] {
			t.Fatalf("row %d: the module says %v points, the learner %v", i+1, p, want.points[i])
		}
	}
}

// TestTreesNeedMany: trees of few conversions are refused.
func TestTreesNeedMany(t *testing.T) {
	o := Options{Label: "Won", Model: KindTrees}
	if _, err := Run(t.Context(), read(t, people(300, 9), o), o); err == nil {
		t.Error("trees of a hundred conversions")
	}
}
