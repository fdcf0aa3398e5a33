package train

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ripen/tracker"
)

// kindsFile is of three kinds of people, most of whom do as their kind does.
func kindsFile(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 3))
	return lines("Email,Visits,Plan,Country,Size,Won", n, func(i int) string {
		kind := []int{0, 0, 0, 1, 1, 2}[r.IntN(6)]
		odd := func() int { // who is not like their kind in one thing
			if r.IntN(20) == 0 {
				return r.IntN(3)
			}
			return kind
		}
		visits := []int{1, 20, 6}[odd()] + r.IntN(3)
		plan := []string{"free", "pro", "team"}[odd()]
		country := []string{"ES", "ES", "MX"}[odd()]
		size := []string{"", "small", "l'arge"}[odd()]
		won := r.Float64() < []float64{.1, .5, .2}[kind]
		return fmt.Sprintf("p%d@x.es,%d,%s,%s,%s,%v", i, visits, plan, country, size, won)
	})
}

func people0(t *testing.T, text string, o Options) *Table {
	t.Helper()
	table, err := ReadPeople(strings.NewReader(text), &o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestFindTypes(t *testing.T) {
	text := kindsFile(900, 1)
	texts := map[string]string{}
	for _, lang := range []string{"en", "es"} {
		for range 2 {
			y, err := FindTypes(t.Context(), people0(t, text, Options{Label: "Won", Language: lang}), TypologyOptions{Seed: 1, Language: lang})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := y.Text(&b, lang); err != nil {
				t.Fatal(err)
			}
			for _, x := range y.Types {
				b.WriteString(x.YAML)
			}
			if old := texts[lang]; old != "" && old != b.String() {
				t.Errorf("the same file and seed make other types:\n%s\n%s", old, b.String())
			}
			texts[lang] = b.String()
			if len(y.Types) != 3 || y.Silhouette < .5 || y.Agree < .9 {
				t.Fatalf("%d types, silhouette %.2f, the rules agree on %.2f", len(y.Types), y.Silhouette, y.Agree)
			}
			sum := 0
			for i, x := range y.Types {
				sum += x.People
				want, rate := []float64{.5, 2. / 6, 1. / 6}[i], []float64{.1, .5, .2}[i]
				near(t, x.Sentence, x.Share, want, .06)
				near(t, x.Sentence, *x.Rate, rate, .06)
			}
			if sum != 900 {
				t.Errorf("%d people have a type, of 900", sum)
			}
		}
	}
	for _, want := range []string{"Type 1, *", "% against ", "converted", "when: ", "clear: they lie apart"} {
		if !strings.Contains(texts["en"], want) {
			t.Errorf("no %q in\n%s", want, texts["en"])
		}
	}
	for _, want := range []string{"Tipo 1, *", " frente a ", "convirtió el ", "segment: \"tipo_1\""} {
		if !strings.Contains(texts["es"], want) {
			t.Errorf("no %q in\n%s", want, texts["es"])
		}
	}
}

// TestNoTypes: where people are a cloud nothing is named, however many types are asked
// for.
func TestNoTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	cloud := lines("a,b,c,d,e,f,g", 500, func(int) string {
		return fmt.Sprintf("%d,%d,%d,%d,%s,%s,%s", r.IntN(100), r.IntN(100), r.IntN(30), r.IntN(1000), []string{"x", "y", "z"}[r.IntN(3)], []string{"k", "l", "m", "n"}[r.IntN(4)], []string{"p", "q"}[r.IntN(2)])
	})
	f := func(text string, o TypologyOptions, want string) {
		t.Helper()
		_, err := FindTypes(t.Context(), people0(t, text, Options{}), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	f(cloud, TypologyOptions{Seed: 2, Types: 3}, "no types worth naming")
	f(cloud, TypologyOptions{}, "no types worth naming: of 7 columns the best, ")
	f(cloud, TypologyOptions{Types: 9}, "need 2 to 8")
	f(cloud, TypologyOptions{Columns: []string{"a", "nope"}}, `no "nope"`)
	few := kindsFile(60, 1)
	f(few, TypologyOptions{}, "60 people are too few")
	_, err := FindTypes(t.Context(), people0(t, few, Options{}), TypologyOptions{})
	if !errors.As(err, new(*NoTypes)) {
		t.Errorf("%T", err)
	}
}

// TestTypesOfLeads: of leads in the log events are told apart by how often they came in
// a year; what segments cannot ask is not used.
func TestTypesOfLeads(t *testing.T) {
	s := NewSnapshots(SnapshotOptions{Until: 1000 * day, ByTime: true})
	for _, p := range pasts(600, 4) {
		s.Lead(p.id, p.first)
		for i := range p.events {
			if err := s.Event(&p.events[i], p.id, func(*tracker.Event) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	table, err := s.PeopleNow()
	if err != nil {
		t.Fatal(err)
	}
	o := TypologyOptions{}
	some, err := table.askable(&o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range some.columns {
		if c.does != nil && (c.does.field != "" || c.does.per != "" || windows[c.does.window].span != 365*day) {
			t.Errorf("%s is asked of segments", c.name)
		}
	}
	if _, err := FindTypes(t.Context(), table, TypologyOptions{Columns: []string{"page_view"}, Types: 2}); err != nil && !errors.As(err, new(*NoTypes)) {
		t.Error(err)
	}
}

// TestRules: conditions on one column become one, and everybody keeps the rule that
// they were sorted by.
func TestRules(t *testing.T) {
	table := people0(t, "n,w\n"+strings.Repeat("1,a\n5,b\n9,c\n,it's\n", 30), Options{})
	n, w := table.columns[0], table.columns[1]
	s := &sorter{
		asks: &question{c: n, over: 2},
		no:   &sorter{asks: &question{c: w, code: 0}, yes: &sorter{group: 0}, no: &sorter{asks: &question{c: w, code: 3}, yes: &sorter{group: 1}, no: &sorter{group: 0}}},
		yes:  &sorter{asks: &question{c: n, over: 7}, yes: &sorter{group: 2}, no: &sorter{group: 1}},
	}
	got := s.rules(3)
	want := [][]string{
		{"!(has(`n`) && `n` > 2) && `w` != 'a' && `w` != 'it\\'s'", "!(has(`n`) && `n` > 2) && `w` == 'a'"},
		{"!(has(`n`) && `n` > 2) && `w` == 'it\\'s'", "has(`n`) && `n` > 2 && `n` <= 7"},
		{"has(`n`) && `n` > 7"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
	for row, group := range []int{0, 1, 2, 1} {
		if s.of(row) != group {
			t.Errorf("row %d is of group %d", row, s.of(row))
		}
	}
}
