package loyalty

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ripen/wasm/scorecard"
)

// dimsShown is how many dimensions a written card has: a person must read it.
const dimsShown = 12

// Card writes what was learned as a scorecard: how much to expect of a lead, and
// when what they bought is due again; the higher of them counts.
func (r *Report) Card(lang string) ([]byte, error) {
	s := &speaker{es: lang == "es"}
	s.line("# Learned from %d purchases of %d customers until %s. Change what you like.",
		"# Aprendida de %d compras de %d clientes hasta %s. Se puede cambiar todo.", r.Purchases, r.Customers, r.Until)
	fmt.Fprintf(s, "scorecard: %s\nlanguage: %s\ndimensions:\n", s.word("loyalty", "fidelidad"), s.word("en", "es"))
	before := s.Len()
	r.cardModel(s)
	for _, d := range r.durables(s) {
		d.write(s)
	}
	if s.Len() == before {
		return nil, fmt.Errorf("nothing was learned that a card could hold: %s", cmp.Or(r.NoModel, "only bg-nbd can be scored by a card"))
	}
	fmt.Fprintf(s, "score: {combine: max, scale: {from: [0, 100], to: [1, 100]}}\nbands:\n")
	fmt.Fprintf(s, "  - {name: %s, from: 1}\n  - {name: %s, from: 30, leave: 25}\n  - {name: %s, from: 60, leave: 50}\n",
		s.word("cold", "frio"), s.word("warm", "templado"), s.word("hot", "caliente"))
	out := []byte(s.String())
	if _, err := scorecard.Parse("card", out); err != nil {
		return nil, fmt.Errorf("the card that was learned does not check: %w", err)
	}
	return out, nil
}

// cardModel writes the dimension of the expected purchases, if a card knows the kind.
// What the best twentieth is expected to do is worth all points.
func (r *Report) cardModel(s *speaker) {
	m := r.Model
	if m == nil || m.Kind != BG {
		return
	}
	var full []float64
	for _, c := range r.all {
		v := c.Expected
		if r.Spend != nil {
			v *= c.Each
		}
		full = append(full, v)
	}
	slices.Sort(full)
	fmt.Fprintf(s, "  %s:\n    kind: btyd\n    max: 100\n    event: purchase\n", s.word("returns", "vuelve"))
	a, b := m.A, m.B
	if a > leaveMost { // all leave alike: the chance to is what counts
		a, b = leaveMost, max(1e-3, b*leaveMost/a)
	}
	fmt.Fprintf(s, "    r: %s\n    alpha: %sw\n    a: %s\n    b: %s\n    horizon: %sw\n", digits(m.R), digits(max(m.Alpha, alphaLeast)), digits(a), digits(b), digits(r.Weeks))
	if r.Spend != nil {
		fmt.Fprintf(s, "    spend: {value: %s, p: %s, q: %s, v: %s}\n", cmp.Or(r.o.Fields[colValue], colValue), digits(r.Spend.P), digits(r.Spend.Q), digits(r.Spend.V))
	}
	fmt.Fprintf(s, "    full_at: %s\n", digits(full[len(full)*95/100]))
	fmt.Fprintf(s, "    why: %q\n", s.word("Bought on {count} days; more is to be expected", "Compró en {count} días; se espera que vuelva"))
}

// leaveMost is the largest a that a card takes.
const leaveMost = 50

// alphaLeast is the least alpha that a card takes, in weeks.
const alphaLeast = 1.0 / (7 * 24)

// whole writes a number of days: whole ones, but for a few.
func whole(days float64) string {
	if days < 7 {
		return digits(math.Round(days*10) / 10)
	}
	return digits(math.Round(days))
}

// digits writes a number so that it keeps six digits that count.
func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	places := max(0, 5-int(math.Floor(math.Log10(math.Abs(v)))))
	t := strconv.FormatFloat(v, 'f', places, 64)
	if strings.Contains(t, ".") {
		t = strings.TrimRight(strings.TrimRight(t, "0"), ".")
	}
	return t
}

// durable is a dimension of one product's life, or of the rest of a category.
type durable struct {
	Life
	name  string
	where string
	what  string
}

// durables are the lives worth a dimension: products with evidence of their own, the
// most repurchased first, then each category for those without.
func (r *Report) durables(s *speaker) (out []durable) {
	taken := map[string]bool{}
	add := func(l Life, where, what string) {
		name := slug(what)
		for i := 2; taken[name] || name == s.word("returns", "vuelve"); i++ {
			name = fmt.Sprintf("%s-%d", slug(what), i)
		}
		taken[name] = true
		out = append(out, durable{l, name, where, strings.NewReplacer("{", "", "}", "").Replace(what)})
	}
	product, category := cmp.Or(r.o.Fields[colProduct], colProduct), cmp.Or(r.o.Fields[colCategory], colCategory)
	lives := slices.Clone(r.Lives)
	slices.SortStableFunc(lives, func(a, b Life) int { return cmp.Compare(b.Repurchases, a.Repurchases) })
	own := map[string][]string{} // :: category → its products that have a dimension
	for _, l := range lives {
		if l.From == "product" && len(out) < dimsShown {
			add(l, fmt.Sprintf("{%q: {in: [%q]}}", product, l.Product), l.Product)
			own[l.Category] = append(own[l.Category], strconv.Quote(l.Product))
		}
	}
	for _, l := range lives {
		if l.From != "category" || taken["\x00"+l.Category] || len(out) >= dimsShown {
			continue
		}
		taken["\x00"+l.Category] = true
		where := fmt.Sprintf("{%q: {in: [%q]}", category, l.Category)
		if except := own[l.Category]; len(except) > 0 {
			where += fmt.Sprintf(", %q: {not_in: [%s]}", product, strings.Join(except, ", "))
		}
		add(l, where+"}", l.Category)
	}
	return out
}

// slug makes a dimension's name.
func slug(s string) string {
	name := strings.Trim(heading(strings.Map(func(r rune) rune {
		if r < 128 || strings.ContainsRune("áéíóúñÁÉÍÓÚÑ", r) {
			return r
		}
		return '-'
	}, s)), "_")
	return cmp.Or(name[:min(len(name), 60)], "product")
}

// family is the key that names the distribution where it is not the usual one.
func (l *Life) family() string {
	if l.Weibull {
		return ", family: weibull"
	}
	return ""
}

// write writes the dimension: the shape of the tenant's own curve for things that
// last two years, stretched to this life.
func (d *durable) write(s *speaker) {
	full := max(0.02, d.scored().Chance(int64(0.95*d.Mean*dayMs)))
	fmt.Fprintf(s, "  %s:\n    kind: replenishment\n    max: 100\n", d.name)
	fmt.Fprintf(s, "    anchor: {event: purchase, where: %s, pick: last}\n", d.where)
	fmt.Fprintf(s, "    lifetime: {mean: %sd, cv: %s%s}\n    horizon: %sd\n    full_at: %.2f\n    fade_after: %sd\n",
		whole(d.Mean), digits(math.Round(d.CV*1000)/1000), d.family(), whole(d.Mean/6), full, whole(d.Mean*1.5))
	fmt.Fprintf(s, "    why: %q\n", fmt.Sprintf(s.word("%s is {age} old, of {mean}", "%s cumple {age} de {mean}"), d.what))
}
