package scoring

import (
	"strings"

	"ripen/wasm/scorecard"
)

// verdict is what every engine has to say of a record: the unrounded score and
// the points of each rule that gives some, in the card's order.
type verdict struct {
	scaled float64
	points []scorecard.RulePoints
}

// score is the card as a Go programmer would write it by hand: fields of a
// struct, a switch where several texts are asked of one field, one append for each
// rule that holds. It reuses the points of v.
func (r *record) score(v *verdict) {
	p := v.points[:0]
	person, company, intent, attention := 0.0, 0.0, 0.0, 0.0
	give := func(sum *float64, id uint32, points float64) {
		*sum += points
		p = append(p, scorecard.RulePoints{ID: id, Points: points})
	}
	switch r.JobTitle {
	case "CEO", "CTO", "Head of Operations":
		give(&person, 0, 15)
	case "Intern":
		give(&person, 1, -12)
	}
	if r.Age >= 25 && r.Age <= 60 {
		give(&person, 2, 3)
	}
	if strings.Contains(r.EmailDomain, "gmail") {
		give(&person, 3, -5)
	}
	if r.MetAt == "fair" {
		give(&person, 4, 4)
	}
	if r.Downloads >= 3 {
		give(&person, 5, 5)
	}
	switch r.Country {
	case "ES", "PT", "FR":
		give(&company, 6, 8)
	}
	switch r.Industry {
	case "software", "fintech", "retail":
		give(&company, 7, 6)
	}
	if r.Employees >= 50 && r.Employees <= 500 {
		give(&company, 8, 12)
	}
	if r.Employees > 1000 {
		give(&company, 9, 4)
	}
	if r.Revenue >= 1_000_000 {
		give(&company, 10, 5)
	}
	if r.Country == "ES" && r.Employees > 100 {
		give(&company, 11, 7)
	}
	if strings.HasPrefix(r.Path, "/pricing") {
		give(&intent, 12, 10)
	}
	switch r.Path {
	case "/demo", "/contact", "/trial":
		give(&intent, 13, 12)
	}
	if strings.Contains(r.Path, "compare") {
		give(&intent, 14, 6)
	}
	if strings.HasPrefix(r.Path, "/careers") {
		give(&intent, 15, -10)
	}
	if strings.Contains(r.Referrer, "google") {
		give(&attention, 16, 2)
	}
	if r.Seconds > 60 {
		give(&attention, 17, 3)
	}
	if r.Seconds >= 10 && r.Seconds <= 60 {
		give(&attention, 18, 1)
	}
	if strings.Contains(r.Title, "case study") {
		give(&attention, 19, 5)
	}
	v.points = p
	fit := clamp(clamp(person, -10, 30)+min(company, 35), 0, 50)
	engagement := clamp(clamp(intent, -10, 30)+min(attention, 8), 0, 50)
	v.scaled = clamp(1+float64((fit+engagement)*0.99), 1, 100)
}

func clamp(v, lo, hi float64) float64 { return min(max(v, lo), hi) }
