package scoring

import (
	"bytes"
	"math"
	"strings"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// verdict is what every engine has to say of a record: the unrounded score and
// the points of each rule that gives some, in the card's order.
type verdict struct {
	scaled float64
	points []scorecard.RulePoints
}

// layout says where a card puts what the rules read: its slots by their names,
// looked up once.
type layout struct {
	page                                        uint16
	job, domain, met, country, industry         int
	age, downloads, employees, revenue, seconds int
	path, referrer, title                       int
}

func layoutOf(c *scorecard.Card) *layout {
	l := &layout{}
	places := map[string]*int{
		"job_title": &l.job, "email_domain": &l.domain, "met_at": &l.met, "country": &l.country, "industry": &l.industry,
		"age": &l.age, "downloads": &l.downloads, "employees": &l.employees, "revenue": &l.revenue, "seconds": &l.seconds,
		"path": &l.path, "referrer": &l.referrer, "title": &l.title,
	}
	for i, s := range c.Slots {
		if at := places[s.Name]; at != nil {
			*at = i
		}
	}
	for i, t := range c.Types {
		if t.Name == "page_view" {
			l.page = uint16(i)
		}
	}
	return l
}

// lead is what a program by hand keeps of somebody: for the twelve rules of
// attributes whether they hold, for the eight of events the points so far.
type lead struct {
	holds        [12]bool
	spain, above bool // the two halves of the rule near
	sums         [8]float64
}

// fold takes in events, as a module does: what an event does not carry stays.
func (d *lead) fold(l *layout, evs []wasm.Event) {
	for i := range evs {
		e := &evs[i]
		if e.Slots[0].Num&scorecard.FlagCarries != 0 {
			d.who(l, e.Slots)
		}
		if e.Index == l.page {
			d.saw(l, e.Slots)
		}
	}
}

func (d *lead) who(l *layout, slots []wasm.Slot) {
	if s := &slots[l.job]; s.Tag != wasm.Missing {
		switch string(s.Str) {
		case "CEO", "CTO", "Head of Operations":
			d.holds[0], d.holds[1] = true, false
		default:
			d.holds[0], d.holds[1] = false, string(s.Str) == "Intern"
		}
	}
	if s := &slots[l.age]; s.Tag != wasm.Missing {
		v := numberOf(s)
		d.holds[2] = v >= 25 && v <= 60
	}
	if s := &slots[l.domain]; s.Tag != wasm.Missing {
		d.holds[3] = bytes.Contains(s.Str, gmail)
	}
	if s := &slots[l.met]; s.Tag != wasm.Missing {
		d.holds[4] = string(s.Str) == "fair"
	}
	if s := &slots[l.downloads]; s.Tag != wasm.Missing {
		d.holds[5] = numberOf(s) >= 3
	}
	if s := &slots[l.country]; s.Tag != wasm.Missing {
		switch string(s.Str) {
		case "ES", "PT", "FR":
			d.holds[6] = true
		default:
			d.holds[6] = false
		}
		d.spain = string(s.Str) == "ES"
	}
	if s := &slots[l.industry]; s.Tag != wasm.Missing {
		switch string(s.Str) {
		case "software", "fintech", "retail":
			d.holds[7] = true
		default:
			d.holds[7] = false
		}
	}
	if s := &slots[l.employees]; s.Tag != wasm.Missing {
		v := numberOf(s)
		d.holds[8], d.holds[9], d.above = v >= 50 && v <= 500, v > 1000, v > 100
	}
	if s := &slots[l.revenue]; s.Tag != wasm.Missing {
		d.holds[10] = numberOf(s) >= 1_000_000
	}
	d.holds[11] = d.spain && d.above
}

func numberOf(s *wasm.Slot) float64 { return math.Float64frombits(s.Num) }

// The needles, as bytes, so that no search converts anything.
var gmail, compare, google, caseStudy = []byte("gmail"), []byte("compare"), []byte("google"), []byte("case study")

func (d *lead) saw(l *layout, slots []wasm.Slot) {
	if s := &slots[l.path]; s.Tag != wasm.Missing {
		if strings.HasPrefix(string(s.Str), "/pricing") {
			d.sums[0] = min(d.sums[0]+10, 30)
		}
		switch string(s.Str) {
		case "/demo", "/contact", "/trial":
			d.sums[1] = min(d.sums[1]+12, 24)
		}
		if bytes.Contains(s.Str, compare) {
			d.sums[2] = min(d.sums[2]+6, 12)
		}
		if strings.HasPrefix(string(s.Str), "/careers") {
			d.sums[3] = max(d.sums[3]-10, -20)
		}
	}
	if s := &slots[l.referrer]; s.Tag != wasm.Missing && bytes.Contains(s.Str, google) {
		d.sums[4] = min(d.sums[4]+2, 4)
	}
	if s := &slots[l.seconds]; s.Tag != wasm.Missing {
		v := numberOf(s)
		if v > 60 {
			d.sums[5] = min(d.sums[5]+3, 9)
		}
		if v >= 10 && v <= 60 {
			d.sums[6] = min(d.sums[6]+1, 5)
		}
	}
	if s := &slots[l.title]; s.Tag != wasm.Missing && bytes.Contains(s.Str, caseStudy) {
		d.sums[7] = min(d.sums[7]+5, 10)
	}
}

// attributePoints are what the rules of attributes are worth.
var attributePoints = [12]float64{15, -12, 3, -5, 4, 5, 8, 6, 12, 4, 5, 7}

// score says where the lead stands. It reuses the points of v.
func (d *lead) score(v *verdict) {
	p := v.points[:0]
	var sum [4]float64
	for i, holds := range d.holds {
		if holds {
			sum[i/6] += attributePoints[i]
			p = append(p, scorecard.RulePoints{ID: uint32(i), Points: attributePoints[i]})
		}
	}
	for i, points := range d.sums {
		if points != 0 {
			sum[2+i/4] += points
			p = append(p, scorecard.RulePoints{ID: uint32(12 + i), Points: points})
		}
	}
	v.points = p
	v.scaled = combined(sum[0], sum[1], sum[2], sum[3])
}

// score is the card for a program that has a lead's record as a struct of its own,
// and keeps nothing: the least that the twenty rules can cost in Go.
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
	v.scaled = combined(person, company, intent, attention)
}

// combined bounds the groups and dimensions and makes the score of them.
func combined(person, company, intent, attention float64) float64 {
	fit := clamp(clamp(person, -10, 30)+clamp(company, 0, 35), 0, 50)
	engagement := clamp(clamp(intent, -10, 30)+clamp(attention, 0, 8), 0, 50)
	return clamp(1+float64((fit+engagement)*0.99), 1, 100)
}

func clamp(v, lo, hi float64) float64 { return min(max(v, lo), hi) }
