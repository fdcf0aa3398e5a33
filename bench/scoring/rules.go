package scoring

import (
	"bytes"
	"fmt"
	"strings"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// rule is one of the twenty, in every language that is compared. The same in Go
// is in native.go, in C in guest/twenty.c.
type rule struct {
	id        string
	points    float64
	condition string // as the card says it
	Expr      string `json:"expr"`
	Cel       string `json:"cel"`
	Js        string `json:"js"`
}

// plain is a condition that all three engines spell alike.
func plain(id string, points float64, condition, text string) rule {
	return rule{id, points, condition, text, text, text}
}

// groups are the card: who somebody is, and what they look at. All four have
// bounds, so that a sum is not all there is to do.
var groups = []struct {
	dimension, name string
	bounds          string
	rules           []rule
}{
	{"fit", "person", "max: 30, min: -10", []rule{
		{"decides", 15, `when: {job_title: {in: [CEO, CTO, "Head of Operations"]}}`, `job_title in ["CEO", "CTO", "Head of Operations"]`, `job_title in ["CEO", "CTO", "Head of Operations"]`, `["CEO", "CTO", "Head of Operations"].includes(job_title)`},
		plain("intern", -12, `when: {job_title: Intern}`, `job_title == "Intern"`),
		plain("age", 3, `when: {age: {between: [25, 60]}}`, `age >= 25.0 && age <= 60.0`),
		{"private", -5, `when: 'email_domain.contains("gmail")'`, `email_domain contains "gmail"`, `email_domain.contains("gmail")`, `email_domain.includes("gmail")`},
		plain("met", 4, `when: {met_at: fair}`, `met_at == "fair"`),
		plain("reads", 5, `when: {downloads: {gte: 3}}`, `downloads >= 3.0`),
	}},
	{"fit", "company", "max: 35", []rule{
		{"where", 8, `when: {country: {in: [ES, PT, FR]}}`, `country in ["ES", "PT", "FR"]`, `country in ["ES", "PT", "FR"]`, `["ES", "PT", "FR"].includes(country)`},
		{"trade", 6, `when: {industry: {in: [software, fintech, retail]}}`, `industry in ["software", "fintech", "retail"]`, `industry in ["software", "fintech", "retail"]`, `["software", "fintech", "retail"].includes(industry)`},
		plain("size", 12, `when: {employees: {between: [50, 500]}}`, `employees >= 50.0 && employees <= 500.0`),
		plain("large", 4, `when: {employees: {gt: 1000}}`, `employees > 1000.0`),
		plain("money", 5, `when: {revenue: {gte: 1000000}}`, `revenue >= 1000000.0`),
		plain("near", 7, `when: {country: ES, employees: {gt: 100}}`, `country == "ES" && employees > 100.0`),
	}},
	{"engagement", "intent", "max: 30, min: -10", []rule{
		{"prices", 10, `event: page_view, cap: 30, where: {path: "/pricing*"}`, `path startsWith "/pricing"`, `path.startsWith("/pricing")`, `path.startsWith("/pricing")`},
		{"asks", 12, `event: page_view, cap: 24, where: {path: {in: [/demo, /contact, /trial]}}`, `path in ["/demo", "/contact", "/trial"]`, `path in ["/demo", "/contact", "/trial"]`, `["/demo", "/contact", "/trial"].includes(path)`},
		{"compares", 6, `event: page_view, cap: 12, when: 'path.contains("compare")'`, `path contains "compare"`, `path.contains("compare")`, `path.includes("compare")`},
		{"job", -10, `event: page_view, cap: -20, where: {path: "/careers*"}`, `path startsWith "/careers"`, `path.startsWith("/careers")`, `path.startsWith("/careers")`},
	}},
	{"engagement", "attention", "max: 8", []rule{
		{"searched", 2, `event: page_view, cap: 4, when: 'referrer.contains("google")'`, `referrer contains "google"`, `referrer.contains("google")`, `referrer.includes("google")`},
		plain("stays", 3, `event: page_view, cap: 9, where: {seconds: {gt: 60}}`, `seconds > 60.0`),
		plain("looks", 1, `event: page_view, cap: 5, where: {seconds: {between: [10, 60]}}`, `seconds >= 10.0 && seconds <= 60.0`),
		{"cases", 5, `event: page_view, cap: 10, when: 'title.contains("case study")'`, `title contains "case study"`, `title.contains("case study")`, `title.includes("case study")`},
	}},
}

// rules are all of them, in the card's order.
func rules() (all []rule) {
	for _, g := range groups {
		all = append(all, g.rules...)
	}
	return all
}

// cardText is the card of the twenty rules; with a number, one that differs from
// every other.
func cardText(number int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "scorecard: twenty%d\ndimensions:\n", number)
	was := ""
	for _, g := range groups {
		if g.dimension != was {
			fmt.Fprintf(&b, "  %s:\n    kind: %s\n    max: 50\n    groups:\n", g.dimension, map[string]string{"fit": "attributes", "engagement": "behaviour"}[g.dimension])
			was = g.dimension
		}
		fmt.Fprintf(&b, "      %s:\n        %s\n        rules:\n", g.name, strings.ReplaceAll(g.bounds, ", ", "\n        "))
		for _, r := range g.rules {
			points := r.points
			if number > 0 && r.id == "met" {
				points += float64(number) / 1024
			}
			fmt.Fprintf(&b, "          - {id: %s, points: %v, %s}\n", r.id, points, r.condition)
		}
	}
	b.WriteString("score:\n  combine: sum\n  scale: {from: [0, 100], to: [1, 100]}\n")
	return b.Bytes()
}

// record is what is known of a lead: what the twenty rules read. It is what a
// program that knows its rules would keep.
type record struct {
	JobTitle    string  `json:"job_title"`
	EmailDomain string  `json:"email_domain"`
	MetAt       string  `json:"met_at"`
	Country     string  `json:"country"`
	Industry    string  `json:"industry"`
	Age         float64 `json:"age"`
	Downloads   float64 `json:"downloads"`
	Employees   float64 `json:"employees"`
	Revenue     float64 `json:"revenue"`
	Path        string  `json:"path"`
	Referrer    string  `json:"referrer"`
	Title       string  `json:"title"`
	Seconds     float64 `json:"seconds"`
}

// records are sixty-four different leads; every rule holds for some of them and
// not for others, which [checkRecords] proves.
func records() []record {
	pick := func(i int, of ...string) string { return of[i%len(of)] }
	out := make([]record, 64)
	for i := range out {
		out[i] = record{
			JobTitle:    pick(i, "CTO", "Account Manager", "Head of Operations", "Intern", "CEO", "Software Engineer", "Buyer"),
			EmailDomain: pick(i/2, "acme-industries.es", "gmail.com", "rocket.example", "mail.universidad.edu"),
			MetAt:       pick(i/3, "fair", "webinar", "newsletter"),
			Country:     pick(i/2, "ES", "DE", "PT", "US", "FR"),
			Industry:    pick(i/4, "software", "agriculture", "fintech", "public sector", "retail"),
			Age:         float64(19 + i*7%50),
			Downloads:   float64(i % 6),
			Employees:   float64([]int{8, 120, 480, 2500, 60}[i/3%5]),
			Revenue:     float64([]int{200_000, 3_000_000, 900_000, 12_000_000}[i/5%4]),
			Path:        pick(i, "/pricing/pro", "/blog/how-to-choose-a-coffee-machine", "/demo", "/compare/espresso-and-filter", "/careers/open-positions"),
			Referrer:    pick(i/2, "https://www.google.com/", "https://news.example/reviews/2026", ""),
			Title:       pick(i/3, "Prices | Acme", "Acme case study: a hotel with 200 rooms", "How to choose a coffee machine for the office"),
			Seconds:     float64(i * 11 % 130),
		}
	}
	return out
}

// moment is when all of it happens.
const moment = 1_767_222_000_000

// source is one of the two events that tell a record.
type source struct {
	typ    string
	time   int64
	fields map[string]wasm.Slot
	traits map[string]wasm.Slot
}

func (e *source) Type() string                             { return e.typ }
func (e *source) Time() int64                              { return e.time }
func (e *source) Session() uint64                          { return 1 }
func (e *source) Ignore() string                           { return "" }
func (e *source) Send() bool                               { return false }
func (e *source) Products() int                            { return 0 }
func (e *source) Product(int) scorecard.Source             { return nil }
func (e *source) HasTraits() bool                          { return e.traits != nil }
func (e *source) Field(name string) (s wasm.Slot, ok bool) { s, ok = e.fields[name]; return s, ok }
func (e *source) Trait(name string) (s wasm.Slot, ok bool) { s, ok = e.traits[name]; return s, ok }

// events are a record as a card sees it: who somebody is, and a page they see.
func (r *record) events(c *scorecard.Card) []wasm.Event {
	who := &source{typ: "identify", time: moment, traits: map[string]wasm.Slot{
		"job_title": text(r.JobTitle), "email_domain": text(r.EmailDomain), "met_at": text(r.MetAt), "country": text(r.Country), "industry": text(r.Industry),
		"age": number(r.Age), "downloads": number(r.Downloads), "employees": number(r.Employees), "revenue": number(r.Revenue),
	}}
	page := &source{typ: "page_view", time: moment + 1, fields: map[string]wasm.Slot{
		"path": text(r.Path), "referrer": text(r.Referrer), "title": text(r.Title), "seconds": number(r.Seconds),
	}}
	return c.Bind(c.Bind(nil, who), page)
}

func text(s string) wasm.Slot    { return wasm.Slot{Tag: wasm.String, Str: []byte(s)} }
func number(v float64) wasm.Slot { return wasm.Slot{Tag: wasm.Int, Num: uint64(int64(v))} }
