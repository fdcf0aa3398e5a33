package loyalty

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// kitchen is a shop of coffee machines, which last two years, and capsules, which are
// bought by a rhythm until the customer leaves.
func kitchen(r *rand.Rand) (lines []Purchase) {
	lines = shop(r, "Espresso {X1}", "machines", 500, 1200, 700, 0.25, 0.8)
	for i := range 400 {
		id, leaves := fmt.Sprintf("cap%d", i), 0.05+0.2*r.Float64()
		every := gammaDraw(r, 6, 7)
		for at := r.Float64() * 800; at < 1200; at += max(1, gammaDraw(r, 3, every/3)) {
			lines = append(lines, Purchase{Customer: id, Day: int(at), Value: 10 + 20*r.Float64(), Product: "capsules", Category: "coffee"})
			if r.Float64() < leaves {
				break
			}
		}
	}
	for i := range lines {
		lines[i].Day += 18_000
		if lines[i].Value == 0 {
			lines[i].Value = 300 + 50*r.Float64()
		}
	}
	return lines
}

func learned(t *testing.T, lines []Purchase) *Report {
	t.Helper()
	r, err := Learn(lines, Options{
		Kind: BG, Until: 19_200, Terms: Terms{Margin: 0.4, Discount: 0.1, Weeks: 52}, Least: 30,
		Fields: map[string]string{colProduct: "sku", colValue: "total"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReport shows that what is said, the table and the card are the same whatever the
// order of the lines.
func TestReport(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	lines := kitchen(rng)
	all := func(r *Report) string {
		var b bytes.Buffer
		for _, err := range []error{r.Write(&b, "en"), r.Write(&b, "es"), r.Table(&b), json.NewEncoder(&b).Encode(r)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		card, err := r.Card("es")
		if err != nil {
			t.Fatal(err)
		}
		return b.String() + string(card)
	}
	want := all(learned(t, lines))
	for _, s := range []string{
		"Who will buy again", "Quién volverá a comprar", "Put to the test: with the last 5", "by the date of the last purchase alone",
		"days ± ", "its own evidence", "con datos propios", "rank,customer,purchases", "Refills: ", "Reposiciones: ",
	} {
		if !strings.Contains(want, s) {
			t.Errorf("nothing says %q in\n%s", s, want[:min(4000, len(want))])
		}
	}
	rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if got := all(learned(t, lines)); got != want {
		t.Error("other words for the same lines in another order")
	}
}

// TestCustomers shows that the table has everybody, the best first, and not by P(alive).
func TestCustomers(t *testing.T) {
	r := learned(t, kitchen(rand.New(rand.NewPCG(6, 6))))
	var b bytes.Buffer
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != r.Customers+1 {
		t.Fatalf("%d rows, want %d and the head: %v", len(rows), r.Customers, err)
	}
	num := func(row []string, i int) float64 {
		v, err := strconv.ParseFloat(row[i], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	sum, falls := 0.0, false
	for i, row := range rows[1:] {
		sum += num(row, 7)
		if i > 0 && num(row, 7) > num(rows[i], 7) {
			t.Errorf("row %d is worth %s, after %s", i+1, row[7], rows[i][7])
		}
		falls = falls || i > 0 && num(row, 8) > num(rows[i], 8)
	}
	if !falls {
		t.Error("P(alive) never rises down the table: it is as if it ranked")
	}
	if math.Abs(sum-r.Lifetime) > 0.01*float64(len(rows)) {
		t.Errorf("the table sums to %.2f, the report says %.2f", sum, r.Lifetime)
	}
}

// bought is a purchase as a card sees it.
type bought struct {
	at            int64
	sku, category string
	total         float64
}

func (b *bought) Type() string                   { return "purchase" }
func (b *bought) Time() int64                    { return b.at }
func (b *bought) Session() uint64                { return 1 }
func (b *bought) Ignore() string                 { return "" }
func (b *bought) Send() bool                     { return false }
func (b *bought) Products() int                  { return 0 }
func (b *bought) Product(int) scorecard.Source   { return nil }
func (b *bought) Trait(string) (wasm.Slot, bool) { return wasm.Slot{}, false }
func (b *bought) Field(name string) (wasm.Slot, bool) {
	switch name {
	case "sku":
		return wasm.Slot{Tag: wasm.String, Str: []byte(b.sku)}, true
	case "category":
		return wasm.Slot{Tag: wasm.String, Str: []byte(b.category)}, true
	case "total":
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(b.total)}, true
	}
	return wasm.Slot{}, false
}

// TestCard scores customers by the card that was written: what it expects of them is
// what the table says, but for the straight lines where full_at cuts them off.
func TestCard(t *testing.T) {
	lines := kitchen(rand.New(rand.NewPCG(7, 7)))
	r := learned(t, lines)
	src, err := r.Card("en")
	if err != nil {
		t.Fatal(err)
	}
	card, err := scorecard.Parse("learned.yaml", src)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	names := []string{}
	for _, d := range card.Dims {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	if want := []string{"capsules", "espresso_x1", "returns"}; !slices.Equal(names, want) {
		t.Errorf("dimensions %v, want %v\n%s", names, want, src)
	}
	at := slices.IndexFunc(card.Dims, func(d *scorecard.Dimension) bool { return d.Name == "returns" })
	if each := r.Spend.Expect(Buyer{}); !r.Spend.Held || each > 350 {
		t.Errorf("a stranger is expected to spend %.0f where nothing costs 350: %+v", each, r.Spend)
	}
	full := card.Dims[at].Groups[0].Rules[0].Returns.FullAt
	sorted := sorted(lines, r.o.Until)
	compared := 0
	for _, c := range r.all {
		e := card.NewEval()
		for _, p := range sorted {
			if p.Customer == c.ID {
				e.Fold(card.Bind(nil, &bought{int64(p.Day) * dayMs, p.Product, p.Category, p.Value})...)
			}
		}
		want := 100 * min(1, c.Expected*c.Each/full)
		if got := e.Score(int64(r.o.Until) * dayMs).Dims[at]; math.Abs(got-want) > 1 {
			t.Errorf("%s: %.3f points, want %.3f of %+v", c.ID, got, want, c)
		}
		if compared++; compared == 300 {
			return
		}
	}
}

// TestFew says what cannot be learned, and why.
func TestFew(t *testing.T) {
	lines := []Purchase{{Customer: "a", Day: 10, Product: "x"}, {Customer: "a", Day: 90, Product: "x"}, {Customer: "b", Day: 20, Product: "x"}}
	r, err := Learn(lines, Options{Kind: BG, Until: 100, Terms: Terms{Margin: 1, Weeks: 52}, Least: 30})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Write(&b, "en"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Nothing is foreseen: 1 customers came back: at least 30 are needed", "24.0 mo ± 25 %", "not learned: too few repurchases"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("nothing says %q in\n%s", want, b.String())
		}
	}
	if _, err := r.Card("en"); err == nil {
		t.Error("a card was made of nothing")
	}
	if _, err := Learn(lines, Options{Kind: BG, Until: 5}); err == nil {
		t.Error("a report was made of no purchases")
	}
}
