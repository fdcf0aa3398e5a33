package offer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is what an offer is for the person.
type Kind string

// The kinds, in the order in which offers are shown.
const (
	Renew  Kind = "renew"
	Refill Kind = "refill"
	Up     Kind = "up"
	Cross  Kind = "cross"
	Down   Kind = "down"
)

// Kinds are all of them.
var Kinds = []Kind{Renew, Refill, Up, Cross, Down}

// Bought is a product that somebody bought at a moment, unix ms.
type Bought struct {
	Product string
	At      int64
}

// Offer is what to offer somebody. Its numbers stand in Why.
type Offer struct {
	Kind    Kind
	Product string
	Name    string
	Price   string // as it is shown; empty = not told
	Link    string // empty = not told
	Because string // the product they own
	Why     string // in the table's language
	From    int64  // unix ms, since when it stands
	Until   int64  // unix ms; 0 = until they buy it

	weight float64 // of offers of one kind the heaviest stand first
}

// Parts of a life or turn: see the package.
const (
	part      = 6     // a sixth
	dayMs     = 864e5 // a usual day
	kindMost  = 3     // offers of a kind
	dearer    = 1.05  // a step of prices is more than that
	refillsUp = 3     // purchases after which a habit is one
	givenUp   = 3     // turns after which a refill is given up
)

// held is what somebody has of a product.
type held struct {
	*product
	first, last int64
	times       int // different days
}

// For says what to offer at a moment to somebody who bought these, in any order; what
// was bought later is not known yet. next is when the answer may be another by itself;
// 0 = never.
func (t *Table) For(bought []Bought, now int64) (list []Offer, next int64) {
	s := &seller{t: t, now: now, owns: map[string]*held{}}
	for _, h := range t.holds(bought, now) {
		s.owns[h.id] = h
		s.held = append(s.held, h)
	}
	for _, h := range s.held {
		switch {
		case h.every > 0:
			s.refill(h)
		case h.life != nil && !s.renewed(h):
			s.renew(h)
		}
		s.cross(h)
	}
	slices.SortStableFunc(s.list, func(a, b Offer) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(b.weight, a.weight),
			cmp.Compare(a.Product, b.Product), cmp.Compare(a.Because, b.Because))
	})
	count, seen := map[Kind]int{}, map[string]bool{}
	for _, o := range s.list {
		if key := string(o.Kind) + "\x00" + o.Product; !seen[key] && count[o.Kind] < kindMost {
			seen[key] = true
			count[o.Kind]++
			list = append(list, o)
		}
	}
	return list, s.next
}

// holds sums up purchases by product, in the order of the table.
func (t *Table) holds(bought []Bought, now int64) (out []*held) {
	at := map[string][]int64{}
	for _, b := range bought {
		if b.At <= now && t.products[b.Product] != nil {
			at[b.Product] = append(at[b.Product], b.At)
		}
	}
	for _, id := range t.order {
		times := at[id]
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		h := &held{product: t.products[id], first: times[0], last: times[len(times)-1]}
		for i, ms := range times {
			if i == 0 || ms/dayMs != times[i-1]/dayMs {
				h.times++
			}
		}
		out = append(out, h)
	}
	return out
}

// seller makes the offers for one person.
type seller struct {
	t    *Table
	now  int64
	next int64
	held []*held
	owns map[string]*held // :: product → what they have of it
	list []Offer
}

// within says whether now is in [from, until), and notes when that turns.
func (s *seller) within(from, until int64) bool {
	for _, at := range [2]int64{from, until} {
		if at > s.now && (s.next == 0 || at < s.next) {
			s.next = at
		}
	}
	return s.now >= from && (until == 0 || s.now < until)
}

// add makes an offer, if the product is sold.
func (s *seller) add(k Kind, p *product, h *held, from, until int64, weight float64, why string) {
	if p == nil || p.ended {
		return
	}
	s.list = append(s.list, Offer{
		Kind: k, Product: p.id, Name: p.name, Price: s.t.price(p.price), Link: p.link, Because: h.id, Why: why, From: from, Until: until, weight: weight,
	})
}

func (s *seller) say(en, es string, values ...any) string {
	if s.t.Language == "es" {
		en = es
	}
	return fmt.Sprintf(en, values...)
}

// renewed says that something of the same category was bought since.
func (s *seller) renewed(h *held) bool {
	return h.category != "" && slices.ContainsFunc(s.held, func(o *held) bool {
		return o != h && o.category == h.category && o.life != nil && o.last > h.last
	})
}

func (s *seller) renew(h *held) {
	mean, margin := h.life.Mean, h.life.Mean/part
	from, late, end := h.last+mean-margin, h.last+mean+margin, h.last+mean+mean/2
	age := s.now - h.last
	if s.within(from, end) {
		chance := h.life.Chance(age)
		s.add(Renew, h.product, h, from, end, chance, s.say(
			"%s is %s old; they last %s: %.0f %% of such are bought again within %s", "%s cumple %s; duran %s: el %.0f %% se recompra en %s",
			h.name, s.long(age), s.long(mean), 100*chance, s.long(margin)))
	}
	if from := h.last + mean/2; s.within(from, late) {
		s.step(Up, h, from, late, s.say("%s is %s old of %s", "%s cumple %s de %s", h.name, s.long(age), s.long(mean)))
	}
	if s.within(late, end) {
		s.step(Down, h, late, end, s.say("%s is %s old of %s and was not renewed", "%s cumple %s de %s y no se ha renovado", h.name, s.long(age), s.long(mean)))
	}
}

// refill says when a person runs out: by their own turns, leaning on the usual one.
func (s *seller) refill(h *held) {
	turns := float64(h.times - 1)
	every := int64(math.Round((float64(h.last-h.first) + float64(h.lean*float64(h.every))) / max(turns+h.lean, 1e-9)))
	if turns+h.lean == 0 {
		every = h.every
	}
	due := h.last + every
	from, late, end := due-every/part, due+every, due+givenUp*every
	if s.within(from, late) {
		s.add(Refill, h.product, h, from, late, float64(s.now-from)/float64(every), s.say(
			"bought %d times, every %s or so, the last %s ago", "lo ha comprado %d veces, cada %s más o menos, la última hace %s", h.times, s.long(every), s.long(s.now-h.last)))
	}
	if h.times >= refillsUp && s.within(h.last, late) {
		s.step(Up, h, h.last, late, s.say("bought %s %d times", "ha comprado %s %d veces", h.name, h.times))
	}
	if s.within(late, end) {
		s.step(Down, h, late, end, s.say("%s ran out %s ago by their habit", "%s se le acabó hace %s según su costumbre", h.name, s.long(s.now-due)))
	}
}

// step offers the next dearer or cheaper product of the category: the one that people
// who bought this took most, else the next by price.
func (s *seller) step(k Kind, h *held, from, until int64, why string) {
	if h.category == "" || h.price <= 0 {
		return
	}
	var best *product
	var proof next
	for _, id := range s.t.order {
		p := s.t.products[id]
		fits := p.price > float64(h.price*dearer)
		if k == Down {
			fits = p.price > 0 && float64(p.price*dearer) < h.price
		}
		if !fits || p.ended || p.category != h.category || s.owns[id] != nil {
			continue
		}
		i := slices.IndexFunc(h.next, func(n next) bool { return n.product == id })
		n := next{}
		if i >= 0 {
			n = h.next[i]
		}
		nearer := best == nil || math.Abs(p.price-h.price) < math.Abs(best.price-h.price)
		if best == nil || n.lift > proof.lift || n.lift == proof.lift && nearer {
			best, proof = p, n
		}
	}
	if best == nil {
		return
	}
	why += s.say("; a step of price from %s to %s", "; un escalón de precio de %s a %s", s.t.price(h.price), s.t.price(best.price))
	if proof.took > 0 {
		why += s.say("; %d of %d took it", "; lo cogieron %d de %d", proof.took, proof.of)
	}
	s.add(k, best, h, from, until, float64(h.last), why)
}

// cross offers what goes with a product.
func (s *seller) cross(h *held) {
	for _, n := range h.next {
		p := s.t.products[n.product]
		if s.owns[n.product] != nil || n.lift <= 1 || p.category != "" && p.category == h.category {
			continue
		}
		s.add(Cross, p, h, h.first, 0, n.lift, s.say(
			"%d of %d who bought %s took it later: %s times as many as of all", "%d de %d que compraron %s lo cogieron después: %s veces más que el resto",
			n.took, n.of, h.name, s.t.decimal(n.lift, 1)))
	}
}

// price says an amount as people write it; empty if there is none.
func (t *Table) price(v float64) string {
	if v <= 0 {
		return ""
	}
	digits := 2
	if v == math.Trunc(v) {
		digits = 0
	}
	return strings.TrimSpace(t.decimal(v, digits) + " " + t.Currency)
}

func (t *Table) decimal(v float64, digits int) string {
	out := strconv.FormatFloat(v, 'f', digits, 64)
	if t.Language == "es" {
		out = strings.ReplaceAll(out, ".", ",")
	}
	return out
}

// long says a length of time: in months from three of them on.
func (s *seller) long(ms int64) string {
	const month = 30.4375 * dayMs
	if days := float64(ms) / dayMs; float64(ms) < 3*month {
		return s.say("%.0f days", "%.0f días", days)
	}
	return s.say("%.0f months", "%.0f meses", float64(ms)/month)
}
