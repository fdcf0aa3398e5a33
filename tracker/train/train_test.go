package train

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// strict are the columns of X Education that sales fill in, or that are scored by it.
var strict = []string{"Tags", "Lead Quality", "Lead Profile", "Asymmetrique Activity Index", "Asymmetrique Profile Index", "Asymmetrique Activity Score", "Asymmetrique Profile Score", "Last Activity", "Last Notable Activity"}

// sampleText is a file of RIPEN_DATA; it skips where there is none.
func sampleText(t testing.TB, file string) string {
	t.Helper()
	dir := os.Getenv("RIPEN_DATA")
	if dir == "" {
		t.Skipf("RIPEN_DATA is not set: %s is not looked at", file)
	}
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sample(t *testing.T, file string, o Options) *Table {
	t.Helper()
	return read(t, sampleText(t, file), o)
}

// people makes a file of people: older ones and engineers convert more, whoever was
// asked for a budget and did not say converts least; the newsletter says nothing.
func people(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	b.WriteString("Id,Created,Age,Job,Budget,Newsletter,Won\n")
	for i := range n {
		age := 20 + r.IntN(45)
		job := []string{"engineer", `"chef, head"`, "painter*", "clerk", "n/a", ""}[r.IntN(6)]
		budget := []string{"", "10", "20.5", "1e3", "Select"}[r.IntN(5)]
		m := -1.5 + float64(age-40)/15
		switch {
		case job == "engineer":
			m += 1.5
		case budget == "Select":
			m -= 2
		}
		won := "no"
		if r.Float64() < sigmoid(m) {
			won = "yes"
		}
		fmt.Fprintf(&b, "%d,2026-%02d-%02d,%d,%s,%s,%v,%s\n", i+1, 1+i*6/n, 1+i%28, age, job, budget, r.IntN(2) == 0, won)
	}
	return b.String()
}

func read(t testing.TB, text string, o Options) *Table {
	t.Helper()
	table, err := ReadTable(strings.NewReader(text), &o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestSameBytes(t *testing.T) {
	o := Options{Label: "Won", Seed: 7, TimeColumn: "Created"}
	var before *Result
	for range 2 {
		r, err := Run(t.Context(), read(t, people(900, 1), o), o)
		if err != nil {
			t.Fatal(err)
		}
		var a, b bytes.Buffer
		if err := r.Report.Text(&a, "en"); err != nil {
			t.Fatal(err)
		}
		if before != nil {
			if !bytes.Equal(before.Card, r.Card) {
				t.Errorf("another card:\n%s\n%s", before.Card, r.Card)
			}
			if err := before.Report.Text(&b, "en"); err != nil || a.String() != b.String() {
				t.Errorf("another report (%v)", err)
			}
		}
		before = r
	}
	o.Seed = 8
	r, err := Run(t.Context(), read(t, people(900, 1), o), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Report.Models[0].Random == before.Report.Models[0].Random {
		t.Error("another seed draws the same folds")
	}
}

func TestTreesOfASeed(t *testing.T) {
	table := read(t, people(3000, 2), Options{Label: "Won"})
	rows := table.allRows()
	a, b, c := fitBoost(table, rows, 1), fitBoost(table, rows, 1), fitBoost(table, rows, 2)
	if fmt.Sprint(a.trees) != fmt.Sprint(b.trees) {
		t.Error("two ensembles of one seed differ")
	}
	if fmt.Sprint(a.trees) == fmt.Sprint(c.trees) {
		t.Error("two seeds draw the same rows")
	}
}

func TestTooFew(t *testing.T) {
	o := Options{Label: "won"}
	make := func(won, lost int) string {
		return "x,won\n" + strings.Repeat("1,1\n2,1\n", won/2) + strings.Repeat("2,0\n3,0\n", lost/2)
	}
	for _, text := range []string{make(48, 1000), make(1000, 48)} {
		_, err := Run(t.Context(), read(t, text, o), o)
		if few, ok := errors.AsType[*TooFew](err); !ok || min(few.Conversions, few.Others) != 48 {
			t.Errorf("%v, want TooFew", err)
		}
	}
	r, err := Run(t.Context(), read(t, make(50, 1000), o), o)
	if err != nil || r.Report.Plan != "constrained" || !strings.Contains(strings.Join(r.Report.Notes, " "), "only 50 conversions") {
		t.Errorf("50 conversions: %v, %+v", err, r)
	}
}

// TestPlans holds each number of conversions to the plan that it allows.
func TestPlans(t *testing.T) {
	f := func(rows int, plan string, trees bool) {
		t.Helper()
		o := Options{Label: "Won"}
		r, err := Run(t.Context(), read(t, people(rows, 3), o), o)
		if err != nil {
			t.Fatal(err)
		}
		last := r.Report.Models[len(r.Report.Models)-1].Name
		if r.Report.Plan != plan || (last == "trees") != trees {
			t.Errorf("%d conversions: plan %s, last model %s", r.Report.Conversions, r.Report.Plan, last)
		}
	}
	f(400, "constrained", false)
	f(1200, "card", false)
	if testing.Short() || raceEnabled {
		t.Log("under -short and -race the trees of a big file are left out")
		return
	}
	f(8000, "card", true)
}

// TestConstrained: with few conversions a number rises or falls, all of the way.
func TestConstrained(t *testing.T) {
	table := read(t, people(400, 4), Options{Label: "Won"})
	c := fitCard(table, table.allRows(), planFor(100, nil))
	if len(c.used) > 10 {
		t.Errorf("%d attributes of 100 conversions", len(c.used))
	}
	for i, j := range c.used {
		if table.columns[j].kind == number && !oneWay(c.points[i][:c.cuts[i].missing()]) {
			t.Errorf("%s: points %v turn round", table.columns[j].name, c.points[i])
		}
	}
}

func oneWay(points []int) bool {
	up, down := true, true
	for i := 1; i < len(points); i++ {
		up, down = up && points[i] >= points[i-1], down && points[i] <= points[i-1]
	}
	return up || down
}

func TestConstraints(t *testing.T) {
	o := Options{Label: "Won"}
	table := read(t, people(1500, 5), o)
	for _, s := range []string{"age=falling", "Job>=-5", "job<=12", "Budget<=3"} {
		k, err := ParseConstraint(s)
		if err != nil {
			t.Fatal(err)
		}
		o.Constraints = append(o.Constraints, k)
	}
	shapes, err := o.shapes(table)
	if err != nil {
		t.Fatal(err)
	}
	c := fitCard(table, table.allRows(), planFor(1000, shapes))
	bound := 0
	for i, j := range c.used {
		for b, p := range c.points[i] {
			switch col := table.columns[j]; {
			case col.attr == "age" && b > 0 && b < len(c.points[i])-1 && p > c.points[i][b-1]:
				t.Errorf("age rises: %v", c.points[i])
			case col.attr == "job":
				if bound++; p < -5 || p > 12 {
					t.Errorf("job is worth %d", p)
				}
			case col.attr == "budget" && p > 3:
				t.Errorf("budget is worth %d", p)
			}
		}
	}
	if bound == 0 {
		t.Error("the card does not use the job")
	}
	for _, bad := range []string{"nothing=rising", "Job=rising", "age"} {
		k, err := ParseConstraint(bad)
		if err == nil {
			_, err = (&Options{Constraints: []Constraint{k}}).shapes(table)
		}
		if err == nil {
			t.Errorf("constraint %q is taken", bad)
		}
	}
}
