package train

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// person is a row of the file as the tracker has it once it is imported: cells that
// look like JSON numbers are numbers, true and false truth values, nothing is nothing.
type person map[string]string

func (p person) Type() string                   { return "identify" }
func (p person) Time() int64                    { return 1_700_000_000_000 }
func (p person) Field(string) (wasm.Slot, bool) { return wasm.Slot{}, false }
func (p person) Session() uint64                { return 0 }
func (p person) Ignore() string                 { return "" }
func (p person) Send() bool                     { return false }
func (p person) Products() int                  { return 0 }
func (p person) Product(int) scorecard.Source   { return nil }
func (p person) Trait(name string) (wasm.Slot, bool) {
	cell := p[name]
	var n json.Number
	switch {
	case cell == "":
		return wasm.Slot{}, false
	case strings.EqualFold(cell, "true"):
		return wasm.Slot{Tag: wasm.Bool, Num: 1}, true
	case strings.EqualFold(cell, "false"):
		return wasm.Slot{Tag: wasm.Bool}, true
	case cell[0] != '"' && json.Unmarshal([]byte(cell), &n) == nil && string(n) == cell:
		if i, err := n.Int64(); err == nil {
			return wasm.Slot{Tag: wasm.Int, Num: uint64(i)}, true
		}
		f, _ := n.Float64()
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(f)}, true
	}
	return wasm.Slot{Tag: wasm.String, Str: []byte(cell)}, true
}

// persons reads a file as the import does.
func persons(t *testing.T, text string, sep rune) (out []person) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes = sep, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		p := person{}
		for i, cell := range row {
			p[attribute(rows[0][i])] = strings.TrimSpace(cell)
		}
		out = append(out, p)
	}
	return out
}

// compiled are the points and scores of people by the module of a card.
func compiled(t *testing.T, text []byte, people []person) (points []float64, scores []int) {
	t.Helper()
	card, err := scorecard.Parse("card.yaml", text)
	if err != nil {
		t.Fatalf("the card is wrong: %v\n%s", err, text)
	}
	code, err := compile.Module(card)
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.New(t.Context(), host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	m, err := h.Load(t.Context(), card, code)
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var events []wasm.Event
	var state []byte
	for _, p := range people {
		events = card.Bind(events[:0], p)
		now, err := in.Fold(nil, events)
		if err != nil {
			t.Fatal(err)
		}
		state = append(state[:0], now...)
		var res scorecard.Result
		if err := in.Score(state, p.Time(), &res); err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, r := range res.Reasons {
			sum += r.Share
		}
		if sum != 1000*int64(res.Score) {
			t.Fatalf("the reasons of %v sum to %d, the score is %d", p, sum, res.Score)
		}
		points, scores = append(points, res.Dims[0]), append(scores, res.Score)
	}
	return points, scores
}

// writing is a training that has asked its own rows.
func writing(table *Table, c *Card, o *Options) *training {
	r := &training{t: table, o: o, rows: table.allRows(), report: &Report{Rows: table.Len(), Conversions: table.Conversions()}}
	r.heldout = c.chances(table, r.rows)
	return r
}

// scoreOf is the score that a card shows at some points.
func scoreOf(points, from, to int) int {
	x := 1 + float64(points-from)*99/float64(to-from)
	return int(math.Floor(min(max(x, 1), 100) + .5))
}

// agree holds the compiled card to the learned points on every row.
func agree(t *testing.T, text string, o Options, sep rune) {
	t.Helper()
	table := read(t, text, o)
	rows := table.allRows()
	shapes, err := o.shapes(table)
	if err != nil {
		t.Fatal(err)
	}
	c := fitCard(table, rows, planFor(table.Conversions(), shapes))
	want := c.sums(table, rows)
	points, scores := compiled(t, c.yaml(rows, writing(table, c, &o)), persons(t, text, sep))
	if len(points) != len(want) {
		t.Fatalf("%d rows scored of %d", len(points), len(want))
	}
	from, to := slices.Min(want), slices.Max(want)
	for i, w := range want {
		if points[i] != float64(w) {
			t.Fatalf("row %d: the module says %v points, the learner %d", i+1, points[i], w)
		}
		if s := scoreOf(w, from, to); scores[i] != s {
			t.Fatalf("row %d: the module shows %d, the learner %d", i+1, scores[i], s)
		}
	}
	if from == to {
		t.Error("everybody has the same points: nothing was learned")
	}
}

func TestCardCompiled(t *testing.T) {
	agree(t, people(2000, 6), Options{Label: "Won", Language: "es"}, ',')
	k, err := ParseConstraint("Job>=-3")
	if err != nil {
		t.Fatal(err)
	}
	agree(t, people(500, 7), Options{Label: "Won", Constraints: []Constraint{k}}, ',')
}

// TestCardOddTexts: names and values that YAML, rules or terminals could stumble over.
func TestCardOddTexts(t *testing.T) {
	var b strings.Builder
	b.WriteString("¿Tamaño? {x};on;Straße: #1;amount;flag;8th \"q\";yes\n")
	odd := []string{"NO", "on", "08", "1.50", "a*b", "{points}", "x: y", `he said "so"`, "ñandú", "null ", "12:30", "~"}
	for i := range 1200 {
		flag := []string{"TRUE", "false", "true"}[i%3]
		amount := []string{"-3", "0.5", "12", "many", "", "7e2", "100000000"}[i%7]
		cell := strings.ReplaceAll(odd[i%12], `"`, `""`)
		b.WriteString(`"` + cell + `";` + odd[i*5%3] + `;"` + []string{"[a, b]", "- c", "é\u202ed"}[i%3] + `";` + amount + ";" + flag + ";" + []string{"", "z"}[i%2] + ";")
		b.WriteString([]string{"0", "1"}[bit((i*i+i%12*37)%97 < 20+8*(i%12))] + "\n")
	}
	agree(t, b.String(), Options{Label: "yes", Missing: []string{"~"}}, ';')
}

// TestCardCompiledReal is the same for real files.
func TestCardCompiledReal(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("under -short and -race real files are not scored row by row")
	}
	for _, b := range bars {
		sep := ','
		if b.file == "bank-full.csv" {
			sep = ';'
		}
		agree(t, sampleText(t, b.file), b.o, sep)
	}
}

// TestNothingTells: a file that teaches nothing still makes a card that is right.
func TestNothingTells(t *testing.T) {
	text := "x,won\n" + strings.Repeat("1,0\n1,1\n2,0\n2,1\n", 200)
	o := Options{Label: "won"}
	r, err := Run(t.Context(), read(t, text, o), o)
	if err != nil {
		t.Fatal(err)
	}
	points, _ := compiled(t, r.Card, persons(t, text, ','))
	if slices.Min(points) != 0 || slices.Max(points) != 0 {
		t.Errorf("points from %v to %v of nothing", slices.Min(points), slices.Max(points))
	}
	if m := r.Report.Models[0].Random; math.Abs(m.AUC-.5) > .05 {
		t.Errorf("AUC %v of nothing", m.AUC)
	}
}

// TestWide: a file of more columns than a card has room for makes a card all the same,
// of those that tell most.
func TestWide(t *testing.T) {
	var head, b strings.Builder
	for j := range 90 {
		fmt.Fprintf(&head, "number %d,", j)
	}
	b.WriteString(head.String() + "won\n")
	r := rand.New(rand.NewPCG(3, 4))
	for range 1500 {
		first := 0.0
		for j := range 90 {
			v := r.Float64()
			if j == 0 {
				first = v
			}
			fmt.Fprintf(&b, "%.3f,", v)
		}
		fmt.Fprintln(&b, bit(r.Float64() < first))
	}
	o := Options{Label: "won"}
	agree(t, b.String(), o, ',')
	table := read(t, b.String(), o)
	c := fitCard(table, table.allRows(), planFor(700, nil))
	if len(c.used) > 60 || c.used[0] != 0 {
		t.Errorf("the card asks for %d columns, the first of them %d", len(c.used), c.used[0])
	}
}
