package train

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestInformation holds the information value to sums made by hand, and to those that a
// spreadsheet makes of two files.
func TestInformation(t *testing.T) {
	// 60 of 100 who converted said yes, 20 of 100 others.
	var bins, y []uint8
	for bin, n := range [2][2]int{{20, 60}, {80, 40}} {
		for label := range 2 {
			for range n[label] {
				bins, y = append(bins, uint8(bin)), append(y, uint8(label))
			}
		}
	}
	yes := (60.5/100.5 - 20.5/100.5) * math.Log(60.5/20.5)
	no := (40.5/100.5 - 80.5/100.5) * math.Log(40.5/80.5)
	near(t, "IV", information(bins, 3, y), yes+no, 1e-12) // the third bin is empty
	near(t, "IV in figures", yes+no, .7041, 1e-4)
	near(t, "critical value, 5 degrees of freedom", chiSquared(5, .05), 11.0705, .05)
	near(t, "critical value, 10 degrees of freedom", chiSquared(10, .05), 18.3070, .05)
	near(t, "critical value, 1 degree of freedom", chiSquared(1, .05), 3.8415, .1)
	near(t, "by chance", byChance(6, 100, 300, 1), 11.0705*(.01+1./300), 1e-3)

	f := func(file, label string, want map[string]float64) {
		t.Helper()
		table := sample(t, file, Options{Label: label})
		m := useMeasure{t: table, plan: planFor(table.Conversions(), nil)}
		m.by = cuts(table, table.allRows(), m.plan.coarseness)
		m.bins = binned(table, m.by, table.allRows())
		found := 0
		for j, c := range table.columns {
			if iv, ok := want[c.name]; ok {
				found++
				near(t, file+" "+c.name, m.information(j), iv, 1e-9)
			}
		}
		if found != len(want) {
			t.Errorf("%s has %d of the columns", file, found)
		}
	}
	f("bank-full.csv", "y", map[string]float64{"poutcome": .5147408495257998, "default": .006121030986393626, "month": .43663757730101754})
	f("online_shoppers_intention.csv", "Revenue", map[string]float64{"VisitorType": .07200034462324523, "Month": .24200526961802654})
}

// TestByChance: of questions that tell nothing about one in twenty passes the bound.
func TestByChance(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	f := func(n, bins int, rate float64) {
		t.Helper()
		const tries = 600
		passed := 0
		for range tries {
			b, y := make([]uint8, n), make([]uint8, n)
			p := 0.0
			for i := range n {
				b[i], y[i] = uint8(r.IntN(bins)), bit(r.Float64() < rate)
				p += float64(y[i])
			}
			if information(b, bins, y) > byChance(bins, p, float64(n)-p, 1) {
				passed++
			}
		}
		if share := float64(passed) / tries; share < .02 || share > .08 {
			t.Errorf("%d rows, %d bins, %.0f %% converted: %.3f pass, want about .05", n, bins, 100*rate, share)
		}
	}
	f(1000, 10, .3)
	f(4000, 5, .1)
	f(2000, 2, .5)
}

// TestLost holds the difference of two curves and its variance to their definition by
// pairs.
func TestLost(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	beats := func(a, b float64) float64 {
		switch {
		case a > b:
			return 1
		case a == b:
			return .5
		}
		return 0
	}
	for range 30 {
		n := 10 + r.IntN(50)
		a, b, y := make([]float64, n), make([]float64, n), make([]uint8, n)
		for i := range n {
			a[i], b[i], y[i] = float64(r.IntN(7)), float64(r.IntN(7)), bit(i%3 == 0)
		}
		var all [2][]float64 // of those who did not convert, and who did
		for i := range n {
			sum, pairs := 0.0, 0.0
			for k := range n {
				if y[k] == y[i] {
					continue
				}
				x, z := i, k
				if y[i] == 0 {
					x, z = k, i
				}
				sum += beats(a[x], a[z]) - beats(b[x], b[z])
				pairs++
			}
			all[y[i]] = append(all[y[i]], sum/pairs)
		}
		want := 0.0
		for _, list := range all {
			mean, square := 0.0, 0.0
			for _, v := range list {
				mean += v / float64(len(list))
			}
			for _, v := range list {
				square += (v - mean) * (v - mean)
			}
			want += square / float64(len(list)-1) / float64(len(list))
		}
		d, v := lost(a, b, y)
		near(t, "difference", d, auc(a, y)-auc(b, y), 1e-12)
		near(t, "variance", v, want, 1e-12)
	}
	if d, v := lost([]float64{1}, []float64{2}, []uint8{1}); d != 0 || v != 0 {
		t.Errorf("of one row: %v, %v", d, v)
	}
}

// asked is a file of which need decides, twin says the same in other words, rare is
// answered by few and telling, noise and dull say nothing, fate was written afterwards.
func asked(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 9))
	return lines("need;twin;rare;noise;dull;fate;won", n, func(int) string {
		need, rare := r.IntN(6), r.IntN(10)
		m := -3 + float64(need)*.8
		told := ""
		if rare < 4 {
			told = []string{"yes", "no"}[rare%2]
			m += 1.5 - 3*float64(rare%2)
		}
		won := r.Float64() < sigmoid(m)
		fate := "open"
		if won && r.IntN(9) > 0 {
			fate = "closed"
		}
		dull := ""
		if r.IntN(8) == 0 {
			dull = []string{"a", "b"}[r.IntN(2)]
		}
		twin := "n" + fmt.Sprint(need/2)
		return fmt.Sprintf("%d;%s;%s;%d;%s;%s;%v", need, twin, told, r.IntN(5), dull, fate, won)
	})
}

func TestMeasureUse(t *testing.T) {
	for _, lang := range []string{"en", "es"} {
		o := Options{Label: "won", Seed: 4, Language: lang}
		var texts [2]string
		var u *Usefulness
		for i := range texts {
			var err error
			if u, err = MeasureUse(t.Context(), read(t, asked(3000, 1), o), o); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := u.Text(&b, lang); err != nil {
				t.Fatal(err)
			}
			if err := u.HTML(&b, lang); err != nil {
				t.Fatal(err)
			}
			texts[i] = b.String()
		}
		if texts[0] != texts[1] {
			t.Error("the same file and seed say something else")
		}
		got := map[string]string{}
		for _, x := range u.Things {
			got[x.Name] = x.Verdict
			if x.Between[0] > x.Gain || x.Between[1] < x.Gain || x.Sentence == "" {
				t.Errorf("%+v", x)
			}
		}
		want := map[string]string{"fate": "leak", "noise": "stop", "dull": "stop"}
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s: %s, want %s", name, got[name], v)
			}
		}
		if !strings.Contains(texts[0], say(lang, "Ask no longer for dull: answered by 1", "Deja de preguntar por dull: lo contesta el 1")) {
			t.Error(texts[0])
		}
		o.Drop = []string{"fate"}
		u, err := MeasureUse(t.Context(), read(t, asked(3000, 1), o), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range u.Things {
			want := map[string]string{"need": "keep", "twin": "spare", "rare": "ask", "noise": "stop", "dull": "stop"}[x.Name]
			if x.Verdict != want || x.Name == "twin" && x.Like != "need" {
				t.Errorf("%s %+v, want %s", lang, x, want)
			}
		}
	}
	// With few conversions it is said that nothing can be told.
	o := Options{Label: "won", Drop: []string{"fate"}}
	few := read(t, asked(190, 2), o)
	u, err := MeasureUse(t.Context(), few, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range u.Things {
		if x.Name == "noise" && x.Verdict != "unclear" {
			t.Errorf("of %d conversions: %+v", u.Conversions, x)
		}
	}
	if _, err := MeasureUse(t.Context(), read(t, asked(40, 2), o), o); err == nil || !errors.As(err, new(*TooFew)) {
		t.Errorf("of 40 rows: %v", err)
	}
}

// TestUseOfEvents: what people do is one thing however many windows count it, and is
// left out whole.
func TestUseOfEvents(t *testing.T) {
	s := take(t, pasts(1500, 3), SnapshotOptions{Label: label(t, "won within 90d"), Until: 900 * day, ByTime: true, Seed: 1, Language: "en"})
	table, err := s.Table()
	if err != nil {
		t.Fatal(err)
	}
	u, err := MeasureUse(t.Context(), table, Options{Seed: 1, Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]Useful{}
	for _, x := range u.Things {
		if _, twice := n[x.Name]; twice {
			t.Errorf("%s stands there twice", x.Name)
		}
		n[x.Name] = x
	}
	price, plan := n["page_view of /price"], n["plan"]
	if price.Kind != "event" || price.Information < .02 || price.Answered >= 1 || price.Answered <= 0 || !strings.HasPrefix(price.Attribute, "page_view_price_") {
		t.Errorf("%+v", price)
	}
	if plan.Kind != "category" || plan.Answered != 1 || plan.Information < .02 {
		t.Errorf("%+v", plan)
	}
	if u.Log == nil || u.Log.By != "time" {
		t.Errorf("%+v", u.Log)
	}
}
