package loyalty

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ripen/wasm/scorecard/offer"
)

// pairLeast is how many must have taken a product after another before that is said of
// the two.
const pairLeast = 5

// shelf is a product that an offer table has: the most bought ones.
type shelf struct {
	Purchase       // what was last told of it
	buyers   int   // customers
	follows  []int // :: place of another → who bought that one on the same day or later
	before   []int // :: place of another → who had that one before
	values   []float64
	life     *Life
	lean     float64 // refills: what the usual turn weighs
}

// Offers writes an offer table of what was bought: what it costs, how long it lasts or
// how often it is refilled, and what is bought after it. Only the most bought products
// have a place; what is counted of two of them is a number.
func Offers(lines []Purchase, o Options, lang string) ([]byte, error) {
	lines = sorted(lines, o.Until)
	owned := ownings(lines, o.Until)
	shelves, at := stock(lines, owned)
	if len(shelves) == 0 {
		return nil, fmt.Errorf("no purchase until %s names its product", dayText(o.Until))
	}
	customers := pairs(owned, shelves, at)
	learnLives(lines, owned, shelves, at, o)
	s := &speaker{es: lang == "es"}
	s.line("# Learned from %d purchases of %d customers until %s. Change what you like.",
		"# Aprendida de %d compras de %d clientes hasta %s. Se puede cambiar todo.", len(lines), customers, dayText(o.Until))
	fmt.Fprintf(s, "language: %s\nproducts:\n", s.word("en", "es"))
	for i := range shelves {
		shelves[i].write(s, shelves, customers, o.Least)
	}
	out := []byte(s.String())
	if _, err := offer.Parse("offers.yaml", out); err != nil {
		return nil, fmt.Errorf("the table that was learned does not check: %w", err)
	}
	return out, nil
}

// stock finds the most bought products, and what was last told of each.
func stock(lines []Purchase, owned []owned) (shelves []shelf, at map[string]int) {
	buyers := map[string]int{}
	for i := range owned {
		buyers[owned[i].product]++
	}
	for id, n := range buyers {
		shelves = append(shelves, shelf{Purchase: Purchase{Product: id}, buyers: n})
	}
	slices.SortFunc(shelves, func(a, b shelf) int {
		return cmp.Or(cmp.Compare(b.buyers, a.buyers), cmp.Compare(a.Product, b.Product))
	})
	shelves = shelves[:min(len(shelves), offer.ProductsMost)]
	at = make(map[string]int, len(shelves))
	for i := range shelves {
		p := &shelves[i]
		at[p.Product], p.follows, p.before = i, make([]int, len(shelves)), make([]int, len(shelves))
	}
	byDay := slices.Clone(lines)
	slices.SortStableFunc(byDay, func(a, b Purchase) int { return cmp.Compare(a.Day, b.Day) })
	for _, l := range byDay {
		i, ok := at[l.Product]
		if !ok {
			continue
		}
		p := &shelves[i]
		p.Category, p.Name, p.Link = cmp.Or(l.Category, p.Category), cmp.Or(l.Name, p.Name), cmp.Or(l.Link, p.Link)
		p.Price = cmp.Or(l.Price, p.Price)
		if l.Value > 0 {
			p.values = append(p.values, l.Value)
		}
	}
	for i := range shelves {
		p := &shelves[i]
		if n := len(p.values); p.Price <= 0 && n > 0 { // nobody told it: what is usually paid
			slices.Sort(p.values)
			p.Price = math.Round(p.values[n/2]*100) / 100
		}
	}
	return shelves, at
}

// pairs counts who bought what after what, and the customers.
func pairs(all []owned, shelves []shelf, at map[string]int) (customers int) {
	byCustomer := slices.Clone(all)
	slices.SortStableFunc(byCustomer, func(a, b owned) int { return cmp.Compare(a.customer, b.customer) })
	for len(byCustomer) > 0 {
		n := slices.IndexFunc(byCustomer, func(o owned) bool { return o.customer != byCustomer[0].customer })
		if n < 0 {
			n = len(byCustomer)
		}
		customers++
		basket := byCustomer[:n]
		byCustomer = byCustomer[n:]
		for _, a := range basket {
			i, ok := at[a.product]
			for _, b := range basket {
				j, also := at[b.product]
				switch {
				case !ok || !also || i == j:
				case b.days[0] >= a.days[0]:
					shelves[i].follows[j]++
				default:
					shelves[i].before[j]++
				}
			}
		}
	}
	return customers
}

// learnLives gives each product its life, or its turns if it is refilled.
func learnLives(lines []Purchase, all []owned, shelves []shelf, at map[string]int, o Options) {
	lives := Lives(lines, o.Until, o.Least)
	habits := map[string][]owned{}
	for _, own := range all {
		habits[own.product] = append(habits[own.product], own)
	}
	for i := range lives {
		if k, ok := at[lives[i].Product]; ok && lives[i].From != seed.From {
			shelves[k].life = &lives[i]
			shelves[k].lean = habit(habits[lives[i].Product])
		}
	}
}

// write writes a product. That somebody owns one thing says something of another only as
// far as there is evidence: least buyers who did as everybody does are added.
func (p *shelf) write(s *speaker, shelves []shelf, customers, least int) {
	quote := func(key, v string) {
		if v != "" {
			fmt.Fprintf(s, "    %s: %s\n", key, strconv.Quote(v))
		}
	}
	fmt.Fprintf(s, "  %s:\n", strconv.Quote(p.Product))
	quote("name", cmp.Or(p.Name, p.Product))
	quote("category", p.Category)
	if p.Price > 0 {
		fmt.Fprintf(s, "    price: %s\n", digits(math.Round(p.Price*100)/100))
	}
	if strings.HasPrefix(p.Link, "https://") || strings.HasPrefix(p.Link, "http://") {
		quote("link", p.Link)
	}
	switch l := p.life; {
	case l == nil:
	case l.Regular:
		fmt.Fprintf(s, "    every: %sd\n    lean: %s\n", whole(l.Mean), digits(math.Round(p.lean*10)/10))
	case l.From == "product" || l.From == "category":
		fmt.Fprintf(s, "    life: {mean: %sd, cv: %s%s}   # %s\n", whole(l.Mean), digits(math.Round(l.CV*1000)/1000), l.family(),
			fmt.Sprintf(s.word("%d bought again, %d not yet", "%d recompras, %d aún no"), l.Repurchases, l.Open))
	}
	p.writeNext(s, shelves, customers, least)
}

func (p *shelf) writeNext(s *speaker, shelves []shelf, customers, least int) {
	type follower struct {
		at, took, of int
		lift         float64
	}
	var list []follower
	for j, took := range p.follows {
		of := p.buyers - p.before[j]
		usual := float64(shelves[j].buyers) / float64(customers)
		lift := (float64(took)/usual + float64(least)) / float64(of+least)
		if took >= pairLeast && lift > 1.1 {
			list = append(list, follower{j, took, of, lift})
		}
	}
	slices.SortFunc(list, func(a, b follower) int {
		return cmp.Or(cmp.Compare(b.lift, a.lift), cmp.Compare(a.at, b.at))
	})
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(s, "    next:\n")
	for _, f := range list[:min(len(list), offer.NextMost)] {
		fmt.Fprintf(s, "      - {product: %s, took: %d, of: %d, lift: %.2f}\n", strconv.Quote(shelves[f.at].Product), f.took, f.of, f.lift)
	}
}
