package loyalty

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Options are what a report is to be made with.
type Options struct {
	Kind   Kind
	Until  int // the last day that counts
	Terms  Terms
	Least  int               // repurchases with which a product's own life counts half
	Fields map[string]string // :: value, product → the property of the card's purchase events
}

// Report is what a shop's purchases teach.
type Report struct {
	Until     string     `json:"until"`
	Purchases int        `json:"purchases"`
	Customers int        `json:"customers"`
	Returned  int        `json:"returned"` // customers who came back on another day
	Model     *Model     `json:"model,omitempty"`
	NoModel   string     `json:"no_model,omitempty"` // why there is none
	Trial     *Trial     `json:"trial,omitempty"`
	NoTrial   string     `json:"no_trial,omitempty"`
	Spend     *Spend     `json:"spend,omitempty"`
	NoSpend   string     `json:"no_spend,omitempty"`
	Weeks     float64    `json:"horizon_weeks"`
	Expected  float64    `json:"expected_purchases"`
	Lifetime  float64    `json:"lifetime_value,omitempty"`
	Tenths    []Tenth    `json:"tenths,omitempty"`
	Lives     []Life     `json:"lives,omitempty"`
	Refills   []Refill   `json:"refills,omitempty"`
	Best      []Customer `json:"best,omitempty"`

	all []Customer

	noModel, noTrial, noSpend error // the same, for people
	o                         Options
}

// Customer is one line of the table: the best first.
type Customer struct {
	Rank      int     `json:"rank"`
	ID        string  `json:"customer"`
	Purchases int     `json:"purchases"` // days with purchases
	LastDay   string  `json:"last"`
	Spent     float64 `json:"spent"`
	Expected  float64 `json:"expected_purchases"`
	Each      float64 `json:"expected_value,omitempty"`
	Lifetime  float64 `json:"lifetime_value,omitempty"`
	Alive     float64 `json:"p_alive"` // information: no order follows it
}

// Tenth is a tenth of the customers, the best first.
type Tenth struct {
	Customers int     `json:"customers"`
	Expected  float64 `json:"expected_purchases"`
	Lifetime  float64 `json:"lifetime_value,omitempty"`
}

// bestShown is how many customers a report names; the table has all.
const bestShown = 10

// Learn makes a report of purchases.
func Learn(lines []Purchase, o Options) (*Report, error) {
	lines = sorted(lines, o.Until)
	if len(lines) == 0 {
		return nil, fmt.Errorf("there are no purchases until %s", dayText(o.Until))
	}
	buyers := Buyers(lines, o.Until)
	r := &Report{Until: dayText(o.Until), Purchases: len(lines), Customers: len(buyers), Weeks: o.Terms.Weeks, o: o}
	paid := 0.0
	for _, b := range buyers {
		paid += b.Total
		if b.Repeats > 0 {
			r.Returned++
		}
	}
	var err error
	if r.Model, err = Fit(o.Kind, buyers); err != nil {
		r.NoModel, r.Model, r.noModel = err.Error(), nil, err
	} else if r.Trial, err = Try(o.Kind, lines, o.Until); err != nil {
		r.NoTrial, r.Trial, r.noTrial = err.Error(), nil, err
	}
	if r.Model != nil && paid > 0 {
		if r.Spend, err = FitSpend(buyers); err != nil {
			r.NoSpend, r.Spend, r.noSpend = err.Error(), nil, err
		}
	}
	r.Lives = Lives(lines, o.Until, o.Least)
	r.Refills = Refills(lines, o.Until, r.Lives)
	r.rank(buyers)
	return r, nil
}

// rank orders the customers by what they will earn, or else by how often they will
// buy.
func (r *Report) rank(buyers []Buyer) {
	for _, b := range buyers {
		c := Customer{ID: b.ID, Purchases: b.Repeats + 1, Spent: b.Total}
		c.LastDay = dayText(r.o.Until - int((b.Age-b.Last)*week+0.5))
		if r.Model != nil {
			c.Expected, c.Alive = r.Model.Expect(b, r.Weeks), r.Model.Alive(b)
		}
		if r.Spend != nil {
			c.Each, c.Lifetime = r.Spend.Expect(b), r.Model.Lifetime(r.Spend, b, r.o.Terms)
		}
		r.Expected += c.Expected
		r.Lifetime += c.Lifetime
		r.all = append(r.all, c)
	}
	if r.Model == nil {
		r.all = nil // an order of chance would be none
		return
	}
	slices.SortFunc(r.all, func(a, b Customer) int {
		return cmp.Or(cmp.Compare(b.Lifetime, a.Lifetime), cmp.Compare(b.Expected, a.Expected), cmp.Compare(a.ID, b.ID))
	})
	for i := range r.all {
		c := &r.all[i]
		c.Rank = i + 1
		t := i * 10 / len(r.all)
		for len(r.Tenths) <= t {
			r.Tenths = append(r.Tenths, Tenth{})
		}
		r.Tenths[t].Customers++
		r.Tenths[t].Expected += c.Expected
		r.Tenths[t].Lifetime += c.Lifetime
	}
	r.Best = r.all[:min(bestShown, len(r.all))]
}

// dayText writes a day.
func dayText(day int) string { return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly) }

// Table writes a line for each customer, the best first: with what they are expected
// to buy next, and when it is due.
func (r *Report) Table(w io.Writer) error {
	due := map[string]Refill{} // :: customer → what they run out of first
	for i := len(r.Refills) - 1; i >= 0; i-- {
		due[r.Refills[i].Customer] = r.Refills[i]
	}
	out := csv.NewWriter(w)
	head := []string{"rank", "customer", "purchases", "last", "spent", "expected_purchases", "expected_value", "lifetime_value", "p_alive", "refill", "refill_due"}
	if err := out.Write(head); err != nil {
		return err
	}
	num := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	for _, c := range r.all {
		row := []string{strconv.Itoa(c.Rank), c.ID, strconv.Itoa(c.Purchases), c.LastDay, num(c.Spent, 2), num(c.Expected, 4), "", "", num(c.Alive, 4), "", ""}
		if r.Spend != nil {
			row[6], row[7] = num(c.Each, 2), num(c.Lifetime, 2)
		}
		if f, ok := due[c.ID]; ok {
			row[9], row[10] = f.Product, dayText(f.Due)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
