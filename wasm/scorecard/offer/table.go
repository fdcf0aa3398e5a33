package offer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ripen/wasm/scorecard"
)

// Table is what a tenant sells, how long it lasts and what goes with what. It is
// immutable.
type Table struct {
	Language string // of the reasons: en or es
	Currency string // behind prices; may be empty
	products map[string]*product
	order    []string // of the file
}

// product is one of the things that are sold. Times are in ms.
type product struct {
	id, name, link, category string
	price                    float64         // 0 = not told
	life                     *scorecard.Life // nil = it does not wear out
	every                    int64           // a usual turn of refills; 0 = it is not refilled
	lean                     float64         // how many turns of one's own the usual one weighs
	next                     []next          // the strongest first
	ended                    bool            // it is not sold any more: nobody is offered it
}

// next is what people bought after a product.
type next struct {
	product  string
	took, of int     // so many of those who could
	lift     float64 // against everybody, leaned on 1
}

// Limits of a table.
const (
	ProductsMost = 200
	NextMost     = 5
	textMost     = 500
)

type node = scorecard.TextNode

type reader struct {
	doc  *scorecard.Document
	part string
	t    *Table
	says []*node // products that are named by others
}

// Parse reads a table. Its error is [scorecard.Errors].
func Parse(file string, src []byte) (*Table, error) {
	doc, root := scorecard.ReadDocument(file, src)
	r := &reader{doc: doc, t: &Table{Language: "en", products: map[string]*product{}}}
	if root != nil {
		r.fields(root, "an offer table", map[string]func(v *node){
			"language": func(v *node) { r.t.Language = r.oneOf(v, "en", "es") },
			"currency": func(v *node) { r.t.Currency = r.text(v, "currency") },
			"products": r.products,
		}, "products")
	}
	for _, n := range r.says {
		if r.t.products[n.Text] == nil {
			doc.Add(n, "", fmt.Sprintf("there is no product %q", n.Text), "add it to products, or remove the line")
		}
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return r.t, nil
}

// Len is how many products it has.
func (t *Table) Len() int { return len(t.order) }

func (r *reader) add(n *node, what, fix string) { r.doc.Add(n, r.part, what, fix) }

func (r *reader) fields(n *node, of string, known map[string]func(v *node), wanted ...string) {
	if !n.IsMap {
		r.add(n, of+" wants keys and values", "write key: value")
		return
	}
	for i, k := range n.Keys {
		if f := known[k.Text]; f != nil {
			f(n.Values[i])
			continue
		}
		names := make([]string, 0, len(known))
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		r.add(k, fmt.Sprintf("%s has no key %q", of, k.Text), "it may be "+strings.Join(names, ", "))
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(n.Keys, func(k *node) bool { return k.Text == w }) {
			r.add(n, of+" has no "+w, "write "+w+": …")
		}
	}
}

func (r *reader) text(n *node, of string) string {
	if n.IsMap || n.IsList || n.Text == "" || len(n.Text) > textMost {
		r.add(n, of+" wants a text", fmt.Sprintf("write %s: text of at most %d bytes", of, textMost))
		return ""
	}
	return n.Text
}

func (r *reader) oneOf(n *node, words ...string) string {
	if !slices.Contains(words, n.Text) {
		r.add(n, fmt.Sprintf("%q is none of them", n.Text), "it may be "+strings.Join(words, ", "))
		return words[0]
	}
	return n.Text
}

func (r *reader) number(n *node, of string, least, most float64) float64 {
	f, err := strconv.ParseFloat(n.Text, 64)
	if n.IsMap || n.IsList || err != nil || math.IsNaN(f) || f < least || f > most {
		r.add(n, fmt.Sprintf("%s is %q", of, n.Text), fmt.Sprintf("write a number from %v to %v", least, most))
		return least
	}
	return f
}

func (r *reader) products(n *node) {
	if !n.IsMap || len(n.Keys) > ProductsMost {
		r.add(n, "products wants names and what is known of them", fmt.Sprintf("write products: {machine: {price: 249}}, at most %d", ProductsMost))
		return
	}
	for i, k := range n.Keys {
		r.part = k.Text
		p := &product{id: k.Text, name: k.Text, lean: 4}
		r.product(p, n.Values[i])
		r.t.products[p.id] = p
		r.t.order = append(r.t.order, p.id)
	}
	r.part = ""
}

const most = 1e9

func (r *reader) product(p *product, n *node) {
	r.fields(n, "a product", map[string]func(v *node){
		"name":     func(v *node) { p.name = r.text(v, "name") },
		"category": func(v *node) { p.category = r.text(v, "category") },
		"price":    func(v *node) { p.price = r.number(v, "price", 0, most) },
		"link": func(v *node) {
			if p.link = r.text(v, "link"); !strings.HasPrefix(p.link, "https://") && !strings.HasPrefix(p.link, "http://") {
				r.add(v, "link is no address", "write https://…")
			}
		},
		"life":  func(v *node) { p.life = r.life(v) },
		"every": func(v *node) { p.every = r.doc.Span(v, r.part, "every") },
		"lean":  func(v *node) { p.lean = r.number(v, "lean", 0, 100) },
		"sold":  func(v *node) { p.ended = r.oneOf(v, "true", "false") == "false" },
		"next":  func(v *node) { r.next(p, v) },
	})
	if p.life != nil && p.every > 0 {
		r.add(n, "a product both lasts and is refilled", "keep life or every")
	}
}

func (r *reader) life(n *node) *scorecard.Life {
	l := &scorecard.Life{}
	r.fields(n, "life", map[string]func(v *node){
		"mean":   func(v *node) { l.Mean = r.doc.Span(v, r.part, "mean") },
		"cv":     func(v *node) { l.CV = r.number(v, "cv", 0.05, 1) },
		"family": func(v *node) { l.Weibull = r.oneOf(v, "gamma", "weibull") == "weibull" },
	}, "mean", "cv")
	l.Horizon = l.Mean / part
	return l
}

func (r *reader) next(p *product, n *node) {
	if !n.IsList || len(n.Values) > NextMost {
		r.add(n, "next wants a list", fmt.Sprintf("write next: [{product: grinder, took: 40, of: 120, lift: 2.1}], at most %d", NextMost))
		return
	}
	for _, v := range n.Values {
		x := next{}
		r.fields(v, "what follows", map[string]func(v *node){
			"product": func(v *node) { x.product = r.text(v, "product"); r.says = append(r.says, v) },
			"took":    func(v *node) { x.took = int(r.number(v, "took", 0, most)) },
			"of":      func(v *node) { x.of = int(r.number(v, "of", 0, most)) },
			"lift":    func(v *node) { x.lift = r.number(v, "lift", 0, most) },
		}, "product")
		p.next = append(p.next, x)
	}
}
