package loyalty

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ripen/wasm/scorecard/offer"
)

// TestOffers has a shop in which half of those who buy a machine buy a grinder after it:
// the table says so, in that direction alone, whatever the order of the lines.
func TestOffers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 7))
	var lines []Purchase
	for i := range 400 {
		id, day := fmt.Sprintf("c%d", i), 18_000+r.IntN(300)
		lines = append(lines, Purchase{Customer: id, Day: day, Value: 249, Product: "solo", Category: "machines", Name: "Solo", Link: "https://x.example/solo"})
		if i%2 == 0 {
			lines = append(lines, Purchase{Customer: id, Day: day + 20, Price: 60, Product: "grinder", Category: "things"})
		}
		lines = append(lines, Purchase{Customer: fmt.Sprintf("o%d", i), Day: day, Value: 9, Product: "cup", Category: "things"})
		if i%2 == 1 { // by chance, as often as anybody
			lines = append(lines, Purchase{Customer: fmt.Sprintf("o%d", i), Day: day + 3, Value: 9, Product: "spoon", Category: "things"},
				Purchase{Customer: id, Day: day + 3, Value: 9, Product: "spoon", Category: "things"})
		}
	}
	o := Options{Until: 18_500, Least: 30}
	want, err := Offers(lines, o, "en")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"price: 249\n", "price: 60\n", `name: "Solo"`, `link: "https://x.example/solo"`, `{product: "grinder", took: 200, of: 400, lift: 1.93}`} {
		if !strings.Contains(string(want), s) {
			t.Errorf("no %s in\n%s", s, want)
		}
	}
	// Half of all buy spoons, so nothing makes anybody buy one; and nobody buys a machine after a grinder.
	for _, s := range []string{`{product: "spoon"`, `{product: "solo"`} {
		if strings.Contains(string(want), s) {
			t.Errorf("%s in\n%s", s, want)
		}
	}
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if got, err := Offers(lines, o, "en"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("shuffled: %v\n%s", err, got)
	}
	// Many products: the most bought have a place.
	for i := range 400 {
		lines = append(lines, Purchase{Customer: "x", Day: 18_000, Product: fmt.Sprintf("p%d", i)})
	}
	many, err := Offers(lines, o, "es")
	if err != nil {
		t.Fatal(err)
	}
	if tab, err := offer.Parse("o", many); err != nil || tab.Len() != offer.ProductsMost {
		t.Errorf("%v: %d products", err, tab.Len())
	}
}
