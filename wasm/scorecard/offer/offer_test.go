package offer

import (
	"strings"
	"testing"
)

const shopTable = `
language: en
currency: EUR
products:
  basic: {name: Basic, category: machines, price: 99, life: {mean: 24mo, cv: 0.25}}
  solo: {name: Solo, category: machines, price: 249, link: "https://shop.example/solo", life: {mean: 24mo, cv: 0.25}, next: [{product: grinder, took: 40, of: 120, lift: 2.12}, {product: duo, took: 9, of: 90, lift: 1.4}]}
  duo: {name: Duo, category: machines, price: 399.5, life: {mean: 30mo, cv: 0.3, family: weibull}}
  lux: {name: Lux, category: machines, price: 999, sold: false}
  grinder: {name: Grinder, category: things, price: 60}
  beans: {name: Beans, category: coffee, price: 12, every: 30d, lean: 2}
  rare: {name: Rare beans, category: coffee, price: 20, every: 30d}
`

func table(t *testing.T) *Table {
	t.Helper()
	tab, err := Parse("offers.yaml", []byte(shopTable))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

const month = int64(30.4375 * 864e5)

func first(list []Offer, k Kind) *Offer {
	for i := range list {
		if list[i].Kind == k {
			return &list[i]
		}
	}
	return nil
}

// said lists offers as kind:product.
func said(list []Offer) string {
	var out []string
	for _, o := range list {
		out = append(out, string(o.Kind)+":"+o.Product)
	}
	return strings.Join(out, " ")
}

// TestStages walks a machine through its life.
func TestStages(t *testing.T) {
	tab := table(t)
	for _, c := range []struct {
		months int64
		want   string
	}{
		{0, "cross:grinder"},
		{11, "cross:grinder"},
		{12, "up:duo cross:grinder"},
		{19, "up:duo cross:grinder"},
		{20, "renew:solo up:duo cross:grinder"},
		{27, "renew:solo up:duo cross:grinder"},
		{28, "renew:solo cross:grinder down:basic"},
		{35, "renew:solo cross:grinder down:basic"},
		{36, "cross:grinder"},
	} {
		at := 40 * month
		list, next := tab.For([]Bought{{"solo", at}, {"unknown", at}, {"duo", at + 99*month}}, at+c.months*month)
		if got := said(list); got != c.want {
			t.Errorf("month %d: %s, want %s", c.months, got, c.want)
		}
		// It stays so until next says otherwise.
		if next != 0 {
			before, _ := tab.For([]Bought{{"solo", at}}, next-1)
			if said(before) != c.want {
				t.Errorf("month %d: already %s before next", c.months, said(before))
			}
			after, _ := tab.For([]Bought{{"solo", at}}, next)
			if said(after) == c.want {
				t.Errorf("month %d: nothing turns at next", c.months)
			}
		} else if c.months < 36 {
			t.Errorf("month %d: no next", c.months)
		}
	}
}

// TestWords holds the numbers of a renewal to those of the reference: at month 20 of 24
// 36 % are bought again within four months.
func TestWords(t *testing.T) {
	tab := table(t)
	list, _ := tab.For([]Bought{{"solo", month}}, 21*month)
	o := first(list, Renew)
	if want := "Solo is 20 months old; they last 24 months: 36 % of such are bought again within 4 months"; o.Why != want {
		t.Errorf("why is %q, want %q", o.Why, want)
	}
	up := first(list, Up)
	if want := "Solo is 20 months old of 24 months; a step of price from 249 EUR to 399.50 EUR; 9 of 90 took it"; up.Why != want {
		t.Errorf("why is %q, want %q", up.Why, want)
	}
	if o.Name != "Solo" || o.Price != "249 EUR" || o.Link != "https://shop.example/solo" || o.Because != "solo" {
		t.Errorf("offer %+v", o)
	}
	tab.Language = "es"
	list, _ = tab.For([]Bought{{"solo", month}}, 21*month)
	if o := first(list, Cross); o.Why != "40 de 120 que compraron Solo lo cogieron después: 2,1 veces más que el resto" {
		t.Errorf("why is %q", o.Why)
	}
}

// TestRenewed shows that who bought another of the category has renewed.
func TestRenewed(t *testing.T) {
	list, _ := table(t).For([]Bought{{"solo", 0}, {"basic", 19 * month}}, 22*month)
	if first(list, Renew) != nil {
		t.Errorf("offered: %s", said(list))
	}
}

// TestRefills follows a habit: due by the person's own turns, leaned on the usual one.
func TestRefills(t *testing.T) {
	tab := table(t)
	const day = int64(864e5)
	habit := []Bought{{"beans", 0}, {"beans", 20 * day}, {"beans", 40 * day}} // every 20; with two usual turns of 30, 25
	for _, c := range []struct {
		day  int64
		want string
	}{{41, "up:rare"}, {60, "up:rare"}, {61, "refill:beans up:rare"}, {89, "refill:beans up:rare"}, {90, ""}, {150, ""}} {
		list, _ := tab.For(habit, c.day*day)
		if got := said(list); got != c.want {
			t.Errorf("day %d: %q, want %q", c.day, got, c.want)
		}
	}
	list, _ := tab.For([]Bought{{"rare", 0}}, 70*day)
	if got := said(list); got != "down:beans" {
		t.Errorf("late: %q", got)
	}
}

// TestParseErrors names what is wrong in its place.
func TestParseErrors(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		if _, err := Parse("o.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
	}
	f("language: en\n", "an offer table has no products")
	f("products: {a: {prize: 2}}\n", `o.yaml:1:16: rule "a": a product has no key "prize"`)
	f("products: {a: {price: -2}}\n", "write a number from 0")
	f("products: {a: {link: javascript:x}}\n", "link is no address")
	f("products: {a: {life: {mean: 24mo}}}\n", "life has no cv")
	f("products: {a: {life: {mean: 24mo, cv: 0.2}, every: 3d}}\n", "both lasts and is refilled")
	f("products: {a: {next: [{product: b}]}}\n", `there is no product "b"`)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(shopTable), int64(30))
	f.Fuzz(func(t *testing.T, src []byte, months int64) {
		tab, err := Parse("o.yaml", src)
		if err != nil {
			return
		}
		var all []Bought
		for i, id := range tab.order {
			all = append(all, Bought{id, int64(i) * month})
		}
		list, next := tab.For(all, (months%1000)*month)
		if next != 0 && next <= (months%1000)*month {
			t.Errorf("next is past: %d", next)
		}
		for i := range list {
			if list[i].Product == "" || list[i].Why == "" {
				t.Errorf("offer %+v", list[i])
			}
		}
	})
}
