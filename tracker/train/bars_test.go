package train

import (
	"bytes"
	"math"
	"testing"
)

// bar is what a reference implementation reached on a file, five folds.
type bar struct {
	file  string
	o     Options
	card  Measures
	trees Measures
}

// bars are the reference's figures: its card is numbers in ten quantile bins, its trees
// a histogram ensemble. It learned from the running number of X Education, too.
var bars = []bar{
	{"x_education_leads.csv", Options{Label: "Converted", Drop: strict, Keep: []string{"Lead Number"}}, Measures{AUC: .8748, Brier: .1360}, Measures{AUC: .8779, Brier: .1338}},
	{"bank-full.csv", Options{Label: "y", Drop: []string{"duration"}}, Measures{AUC: .7758, Brier: .0853}, Measures{AUC: .8002, Brier: .0811}},
	{"online_shoppers_intention.csv", Options{Label: "Revenue", Drop: []string{"PageValues"}}, Measures{AUC: .7611, Brier: .1165}, Measures{AUC: .7844, Brier: .1131}},
}

// TestBars holds the learners to the reference on real files, on rows they have not
// seen.
func TestBars(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("under -short and -race the bars on whole files are left out")
	}
	for _, b := range bars {
		t.Run(b.file, func(t *testing.T) {
			b.o.Seed = 42
			table := sample(t, b.file, b.o)
			r := &training{t: table, o: &b.o, ctx: t.Context(), plan: planFor(table.Conversions(), nil), trees: true, fold: folds(table.y, foldsN, b.o.Seed)}
			got := map[string]Measures{}
			for _, l := range r.learners() {
				if l.name == "logistic" {
					continue // a yardstick, not held to one
				}
				p, err := r.heldOut(l)
				if err != nil {
					t.Fatal(err)
				}
				got[l.name] = measure(p, table.y)
				t.Logf("%-8s AUC %.4f lift %.2f Brier %.4f ECE %.4f", l.name, got[l.name].AUC, got[l.name].Lift, got[l.name].Brier, got[l.name].ECE)
			}
			within := func(name string, want Measures) {
				t.Helper()
				if g := got[name]; g.AUC < want.AUC-.005 || g.Brier > want.Brier+.001 {
					t.Errorf("%s: AUC %.4f, Brier %.4f; the reference has %.4f and %.4f", name, g.AUC, g.Brier, want.AUC, want.Brier)
				}
			}
			within("card", b.card)
			within("trees", b.trees)
			c := fitCard(table, table.allRows(), r.plan)
			text := c.yaml(table.allRows(), writing(table, c, &b.o))
			rules := bytes.Count(text, []byte("- {id: "))
			t.Logf("the card has %d rules", rules)
			if rules > 110 {
				t.Errorf("the card has %d rules: nobody reads so many", rules)
			}
			if d := got["exact"].AUC - got["card"].AUC; math.Abs(d) > .001 {
				t.Errorf("rounding to points costs %.4f AUC", d)
			}
		})
	}
}

// TestGuard: the columns that were written after the outcome are named, honest ones
// are not.
func TestGuard(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("under -short and -race the guard is not asked about whole files")
	}
	f := func(file string, o Options, want ...string) {
		t.Helper()
		table := sample(t, file, o)
		r := &training{
			t: table, o: &o, ctx: t.Context(), plan: planFor(table.Conversions(), nil), trees: table.Conversions() > manyConversions,
			fold: folds(table.y, foldsN, o.Seed), rows: table.allRows(), report: &Report{},
		}
		if err := r.guard(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range r.report.Leaks {
			got = append(got, l.Name)
			t.Logf("%s: %s: %s", file, l.Name, l.Why)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: alarms for %q, want %q", file, got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: alarms for %q, want %q", file, got, want)
			}
		}
	}
	f("x_education_leads.csv", Options{Label: "Converted"}, "Tags", "Lead Quality")
	f("x_education_leads.csv", Options{Label: "Converted", Drop: strict})
	f("bank-full.csv", Options{Label: "y"}, "duration")
	f("bank-full.csv", Options{Label: "y", Drop: []string{"duration"}})
	f("online_shoppers_intention.csv", Options{Label: "Revenue", Drop: []string{"PageValues"}})
}

// TestTimeFlatters: on bank-full the rows of later are far harder than random ones,
// and the report says so.
func TestTimeFlatters(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("under -short and -race the split by time of a whole file is left out")
	}
	o := Options{Label: "y", Drop: []string{"duration"}, TimeColumn: FileOrder, Seed: 42}
	table := sample(t, "bank-full.csv", o)
	fit, ask := table.early(earlyShare)
	r := &training{t: table, o: &o, plan: planFor(table.Conversions(), nil)}
	for _, l := range r.learners() {
		m := measure(l.learn(fit, ask), table.labels(ask))
		t.Logf("%-8s AUC later %.3f lift %.2f", l.name, m.AUC, m.Lift)
		if m.AUC > .72 {
			t.Errorf("%s: AUC %.3f on later rows: the split looks into the future", l.name, m.AUC)
		}
	}
}
