package loyalty

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"ripen/wasm/scorecard"
)

// Life is how long a product lasts until it is bought again.
type Life struct {
	Product     string  `json:"product"` // empty = what holds of its category
	Category    string  `json:"category,omitempty"`
	Mean        float64 `json:"mean_days"`
	CV          float64 `json:"cv"`      // the spread beside the mean
	Weibull     bool    `json:"weibull"` // how lives spread around it; false = gamma
	Returns     float64 `json:"returns"` // the share that buys it again here at all, sooner or later
	Buyers      int     `json:"customers"`
	Repurchases int     `json:"repurchases"`
	Open        int     `json:"open"`    // not bought again until now
	From        string  `json:"from"`    // whose evidence it is: product, category, all or default
	Own         float64 `json:"own"`     // how much of Mean and CV is the product's own
	Regular     bool    `json:"regular"` // a refill: those who come back do so again and again
}

// seed is what a durable thing is taken to last before anything is learned.
var seed = Life{Mean: 24 * monthDays, CV: 0.25, Returns: 1, From: "default"}

const monthDays = 30.4375

// A life's spread stays within what a card takes.
const cvLeast, cvMost = 0.05, 1

// gap is the time between two purchases of a thing by one customer; open, until now.
type gap struct {
	days float64
	open bool
	n    float64
}

// owned is one customer's purchases of one product, by day.
type owned struct {
	customer, product, category string
	days                        []int
}

// ownings sorts the lines by who bought what. A product is in the category that its
// latest line names.
func ownings(lines []Purchase, until int) []owned {
	ls := sorted(lines, until)
	slices.SortStableFunc(ls, func(a, b Purchase) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Customer, b.Customer))
	})
	var out []owned
	category := map[string]Purchase{} // :: product → the line that names its category
	for _, p := range ls {
		if p.Product == "" {
			continue
		}
		if c, ok := category[p.Product]; !ok || p.Day > c.Day || p.Day == c.Day && p.Category > c.Category {
			category[p.Product] = p
		}
		n := len(out)
		if n == 0 || out[n-1].customer != p.Customer || out[n-1].product != p.Product {
			out = append(out, owned{customer: p.Customer, product: p.Product})
			n++
		}
		if o := &out[n-1]; len(o.days) == 0 || o.days[len(o.days)-1] != p.Day {
			o.days = append(o.days, p.Day)
		}
	}
	for i := range out {
		out[i].category = category[out[i].product].Category
	}
	return out
}

// tally sums up the lives of a product, a category or all.
type tally struct {
	Life
	gaps  []gap
	turns int // customers who came back
}

func (t *tally) add(o *owned, until int) {
	t.Buyers++
	t.Repurchases += len(o.days) - 1
	if len(o.days) > 1 {
		t.turns++
	}
	for i := 1; i < len(o.days); i++ {
		t.gaps = append(t.gaps, gap{days: float64(o.days[i] - o.days[i-1]), n: 1})
	}
	if since := until - o.days[len(o.days)-1]; since > 0 {
		t.gaps = append(t.gaps, gap{days: float64(since), open: true, n: 1})
		t.Open++
	}
}

// Lives learns how long each product lasts, the most bought first. A product leans on
// its category, a category on all products, all of them on what a durable thing is
// taken to last: with least repurchases of its own one counts half. With fewer than
// a quarter of that it has no say.
func Lives(lines []Purchase, until, least int) []Life {
	all := &tally{}
	categories, products := map[string]*tally{}, map[string]*tally{}
	of := func(m map[string]*tally, key string) *tally {
		if m[key] == nil {
			m[key] = &tally{}
		}
		return m[key]
	}
	for _, o := range ownings(lines, until) {
		all.add(&o, until)
		of(categories, o.category).add(&o, until)
		p := of(products, o.product)
		p.add(&o, until)
		p.Product, p.Category = o.product, o.category
	}
	all.learn(&seed, "all", least)
	for name, c := range categories {
		c.Category = name
		if c.learn(&all.Life, "category", least); name == "" {
			c.Life = all.Life
		}
	}
	var out []Life
	for _, p := range products {
		p.learn(&categories[p.Category].Life, "product", least)
		out = append(out, p.Life)
	}
	slices.SortFunc(out, func(a, b Life) int {
		return cmp.Or(cmp.Compare(b.Buyers, a.Buyers), cmp.Compare(b.Repurchases, a.Repurchases), cmp.Compare(a.Product, b.Product))
	})
	return out
}

// learn fits the tally's gaps and leans the result on what holds above it.
func (t *tally) learn(above *Life, from string, least int) {
	t.Mean, t.CV, t.Weibull, t.Returns, t.From = above.Mean, above.CV, above.Weibull, above.Returns, above.From
	t.Regular = t.turns > 0 && float64(t.Repurchases) >= 2*float64(t.turns)
	if t.Repurchases < max(2, least/4) {
		return
	}
	own := fitLife(t.gaps)
	t.From, t.Weibull = from, own.Weibull
	t.Own = float64(t.Repurchases) / float64(t.Repurchases+least)
	lean := func(own, above float64) float64 {
		return math.Exp(t.Own*math.Log(own) + (1-t.Own)*math.Log(above))
	}
	t.Mean, t.CV = lean(own.Mean, above.Mean), lean(own.CV, above.CV)
	t.Returns = t.Own*own.Returns + (1-t.Own)*above.Returns
}

// weibullBetter is by how much more likely, in ln, Weibull must make the gaps to stand
// in the place of gamma: Akaike's criterion is then lower by more than 2, the number of
// parameters being the same.
const weibullBetter = 1

// fitLife finds the distribution of lives, gamma unless Weibull is clearly likelier, and
// the share that ends here.
func fitLife(gaps []gap) Life {
	gaps = counted(gaps)
	gamma, cost := fitFamily(gaps, false)
	weibull, less := fitFamily(gaps, true)
	if cost-less > weibullBetter {
		return weibull
	}
	return gamma
}

// fitFamily fits one family, with −ln of how likely the gaps are then. What is open may
// last still, or was replaced elsewhere. That there are such is only said where the gaps
// are much likelier with them, by Bayes' criterion.
func fitFamily(gaps []gap, weibull bool) (l Life, cost float64) {
	sum, n := 0.0, 0.0
	for _, g := range gaps {
		if !g.open {
			sum += g.days * g.n
			n += g.n
		}
	}
	of := func(x []float64, share float64) Life {
		return Life{Mean: math.Exp(x[0]), CV: math.Exp(x[1]), Weibull: weibull, Returns: share}
	}
	share := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	start := []float64{math.Log(sum / n), math.Log(0.4)}
	whole, cost := simplex(func(x []float64) float64 { return lifeCost(gaps, of(x, 1)) }, start)
	some, less := simplex(func(x []float64) float64 { return lifeCost(gaps, of(x, share(x[2]))) }, append(start, 0))
	if all := weight(gaps); cost-less > math.Log(all)/2 {
		return of(some, share(some[2])), less
	}
	return of(whole, 1), cost
}

func weight(gaps []gap) (n float64) {
	for _, g := range gaps {
		n += g.n
	}
	return n
}

// openSteps is into how many steps open gaps are sorted: the chance to last so long is
// as good as straight within one, and dear to work out.
const openSteps = 128

// counted joins equal gaps, days being whole, and open ones of about the same length.
func counted(gaps []gap) []gap {
	slices.SortFunc(gaps, func(a, b gap) int {
		if a.open != b.open {
			if a.open {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.days, b.days)
	})
	most := 0.0
	for _, g := range gaps {
		most = max(most, g.days)
	}
	step := func(g gap) float64 {
		if !g.open {
			return g.days
		}
		return math.Floor(g.days * openSteps / (most + 1))
	}
	var out []gap
	for i, g := range gaps {
		if n := len(out); n > 0 && gaps[i-1].open == g.open && step(gaps[i-1]) == step(g) {
			o := &out[n-1]
			o.days = (o.days*o.n + g.days*g.n) / (o.n + g.n)
			o.n += g.n
		} else {
			out = append(out, g)
		}
	}
	return out
}

// lifeCost is −ln of the chance of the gaps, if lives have this mean and spread and a
// share of them ends here.
func lifeCost(gaps []gap, is Life) float64 {
	if is.CV < cvLeast || is.CV > cvMost || is.Mean < 1 || is.Mean > 50*365.25 {
		return math.Inf(1)
	}
	l := is.scored()
	k, scale := l.Parameters()
	scale /= dayMs
	norm := lnGamma(k) + k*math.Log(scale)
	density := func(days float64) float64 { // its ln
		if is.Weibull {
			return math.Log(k/scale) + (k-1)*math.Log(days/scale) - math.Pow(days/scale, k)
		}
		return (k-1)*math.Log(days) - days/scale - norm
	}
	survival := l.Survival()
	cost := 0.0
	for _, g := range gaps {
		if !g.open {
			cost -= g.n * (math.Log(is.Returns) + density(g.days))
			continue
		}
		lasts := math.Exp2(survival(int64(g.days * dayMs)))
		cost -= g.n * math.Log(1-is.Returns+is.Returns*lasts)
	}
	return cost
}

// scored is the life as a scorecard's dimension has it; the horizon is a sixth of it.
func (l Life) scored() *scorecard.Life {
	return &scorecard.Life{Mean: int64(l.Mean * dayMs), CV: l.CV, Weibull: l.Weibull, Horizon: int64(l.Mean / 6 * dayMs)}
}

const dayMs = 86_400_000

// Refill is when a customer runs out of something they buy regularly.
type Refill struct {
	Customer string  `json:"customer"`
	Product  string  `json:"product"`
	Last     int     `json:"last_day"`
	Every    float64 `json:"every_days"` // their own gap, leaning on the product's
	Times    int     `json:"times"`      // they have bought it
	Due      int     `json:"due_day"`
}

// Refills says when each customer of a regular product will want it next. A person's
// mean gap leans on the product's: as much as people differ from each other less than
// each of them from time to time.
func Refills(lines []Purchase, until int, lives []Life) []Refill {
	life := map[string]*Life{} // :: product → its life, if it is bought regularly
	for i := range lives {
		if lives[i].Regular && lives[i].From != seed.From {
			life[lives[i].Product] = &lives[i]
		}
	}
	all := ownings(lines, until)
	habits := map[string][]owned{}
	for _, o := range all {
		if life[o.product] != nil {
			habits[o.product] = append(habits[o.product], o)
		}
	}
	var out []Refill
	for product, os := range habits {
		lean := habit(os)
		for _, o := range os {
			n, first, last := float64(len(o.days)-1), o.days[0], o.days[len(o.days)-1]
			every := (float64(last-first) + lean*life[product].Mean) / (n + lean)
			out = append(out, Refill{o.customer, product, last, every, len(o.days), last + int(math.Round(every))})
		}
	}
	slices.SortFunc(out, func(a, b Refill) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.Product, b.Product))
	})
	return out
}

// habit is how many gaps of one's own the product's mean is worth: the variance of a
// person's gaps against that between persons' means, by the method of moments.
func habit(os []owned) float64 {
	within, free := 0.0, 0.0
	var means, counts []float64
	for _, o := range os {
		n := float64(len(o.days) - 1)
		if n == 0 {
			continue
		}
		mean := float64(o.days[len(o.days)-1]-o.days[0]) / n
		for i := 1; i < len(o.days); i++ {
			d := float64(o.days[i]-o.days[i-1]) - mean
			within += d * d
		}
		free += n - 1
		means, counts = append(means, mean), append(counts, n)
	}
	if free == 0 || len(means) < 2 {
		return 4 // nothing known of persons: a few gaps weigh as much as the product
	}
	within /= free
	centre, noise := 0.0, 0.0
	for i, m := range means {
		centre += m / float64(len(means))
		noise += within / counts[i] / float64(len(means))
	}
	between := 0.0
	for _, m := range means {
		between += (m - centre) * (m - centre) / float64(len(means)-1)
	}
	return max(0.1, min(100, within/max(between-noise, within/100)))
}

// String says a life for logs and tests.
func (l Life) String() string {
	return fmt.Sprintf("%s: %.0f days ± %.0f %%, %.0f %% come back", l.Product, l.Mean, 100*l.CV, 100*l.Returns)
}
