package loyalty

import (
	"cmp"
	"slices"
)

// Purchase is one line of a shop's books. Day counts days from 1970 on.
type Purchase struct {
	Customer string
	Day      int
	Value    float64
	Product  string // empty = not told
	Category string // of the product

	Name, Link string  // of the product; empty = not told
	Price      float64 // of one of it; 0 = not told
}

// Buyer is what the models know of one customer. Purchases of one day are one.
// Times are in weeks since the first purchase.
type Buyer struct {
	ID      string
	Repeats int     // days with purchases, after the first
	Last    float64 // to the last purchase
	Age     float64 // until now
	Mean    float64 // value of a repeated purchase, on average
	Total   float64 // value of all purchases
}

const week = 7.0 // days

// sorted returns the lines until a day in an order that does not depend on the
// file's.
func sorted(lines []Purchase, until int) []Purchase {
	var out []Purchase
	for _, p := range lines {
		if p.Day <= until {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Purchase) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.Day, b.Day),
			cmp.Compare(a.Product, b.Product), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Category, b.Category),
			cmp.Compare(a.Price, b.Price), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Link, b.Link))
	})
	return out
}

// Buyers sums up the lines until a day, customer by customer.
func Buyers(lines []Purchase, until int) []Buyer {
	var out []Buyer
	first, last := 0, 0
	repeated := 0.0 // value of the purchases after the first day
	for i, lines := 0, sorted(lines, until); i < len(lines); i++ {
		p := lines[i]
		if i == 0 || p.Customer != lines[i-1].Customer {
			first, last, repeated = p.Day, p.Day, 0
			out = append(out, Buyer{ID: p.Customer, Age: float64(until-first) / week})
		}
		b := &out[len(out)-1]
		b.Total += p.Value
		if p.Day != last {
			b.Repeats++
			last = p.Day
		}
		if p.Day != first {
			repeated += p.Value
			b.Last, b.Mean = float64(p.Day-first)/week, repeated/float64(b.Repeats)
		}
	}
	return out
}

// Latest is the day of the last line.
func Latest(lines []Purchase) (day int) {
	for i, p := range lines {
		if i == 0 || p.Day > day {
			day = p.Day
		}
	}
	return day
}
