package journey

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/wasm/scorecard/expr"
)

// Person is a lead as journeys see it, at one moment.
type Person struct {
	Lead    *tracker.Lead
	Subject storage.Subject // whose key seals what is sent
	Card    string          // the ranking card, without version
	// Past returns what the person did, machines left out; asked at most once.
	Past func() ([]Act, error)
	// Offers says what to offer the person at a moment, and when that turns by itself,
	// 0 if never; nil = nothing. Expressions ask for offer_renew and so on.
	Offers func(at int64) (list []tracker.Offer, next int64, err error)

	acts   []Act
	asked  bool
	silent *tracker.MailSuppressed // its number gets no SMS; nil = it does, or nobody asked

	// What a simulation puts in place of today's standing; nil = as the lead is.
	standing *standing
}

// Act is an event of a lead's past.
type Act struct {
	Seq  uint64
	Time int64 // unix ms
	Type string
	Sent string // email_sent: the template's name
}

// standing is where a lead stands on the ranking card.
type standing struct {
	Score       int // -1 = none
	Band, Grade string
}

// IDs are all names of the lead, the current one first.
func (p *Person) IDs() []tracker.LeadID {
	return append([]tracker.LeadID{p.Lead.ID}, p.Lead.Superseded...)
}

func (p *Person) stands() standing {
	if p.standing != nil {
		return *p.standing
	}
	s := standing{Score: -1}
	if sc := p.Lead.Scores[p.Card]; sc != nil {
		s.Band, s.Grade = sc.Band, sc.Grade
		if !sc.Null {
			s.Score = sc.Score
		}
	}
	return s
}

// set lets the steps that follow at once see what one has set: the log hears of it
// only after the walk.
func (p *Person) set(values []Value) {
	l := *p.Lead
	l.Attributes = make(map[string]any, len(p.Lead.Attributes)+len(values))
	maps.Copy(l.Attributes, p.Lead.Attributes)
	for _, v := range values {
		l.Attributes[v.Name] = v.To
	}
	p.Lead = &l
}

func (p *Person) past() ([]Act, error) {
	if !p.asked && p.Past != nil {
		acts, err := p.Past()
		if err != nil {
			return nil, err
		}
		p.acts = acts
	}
	p.asked = true
	return p.acts, nil
}

// zone is the person's time zone, else another.
func (p *Person) zone(other *time.Location) *time.Location {
	return p.Lead.ZoneOf(other)
}

// offer is the first offer of some kinds that stands for the person at a moment, nil if
// there is none.
func (p *Person) offer(kinds []string, now int64) (*tracker.Offer, error) {
	if p.Offers == nil {
		return nil, nil
	}
	list, _, err := p.Offers(now)
	return tracker.FirstOffer(list, kinds), err
}

// offered is the product that is offered to the person, nil if there is none.
func (p *Person) offered(kind string, now int64, soon func(int64)) (any, error) {
	if p.Offers == nil {
		return nil, nil
	}
	list, next, err := p.Offers(now)
	soon(next)
	if o := tracker.FirstOffer(list, []string{kind}); o != nil {
		return o.Product, err
	}
	return nil, err
}

// field is an attribute, else a dimension of the ranking card.
func (p *Person) field(name string) any {
	s := p.stands()
	switch name {
	case "score":
		return float64(s.Score)
	case "band":
		return s.Band
	case "grade":
		return s.Grade
	}
	if v, ok := p.Lead.Attributes[name]; ok {
		return v
	}
	if sc := p.Lead.Scores[p.Card]; sc != nil {
		if v, ok := sc.Dims[name]; ok {
			return v
		}
	}
	return nil
}

// Cond is an expression over a lead or an event.
type Cond struct {
	*expr.Expr
	patterns map[string]*regexp.Regexp // :: source → pattern
}

func newCond(x *expr.Expr) *Cond {
	c := &Cond{x, map[string]*regexp.Regexp{}}
	for _, in := range x.Inputs {
		if in.Read == expr.ReadMatches {
			c.patterns[in.Arg] = regexp.MustCompile(in.Arg) // Check compiled it
		}
	}
	return c
}

// Holds answers for a person at a moment. next is when the answer may turn by
// itself, 0 if never.
func (c *Cond) Holds(p *Person, now int64) (ok bool, next int64, err error) {
	if c == nil {
		return true, 0, nil
	}
	soon := func(at int64) {
		if at > now && (next == 0 || at < next) {
			next = at
		}
	}
	value := func(i int) expr.Value {
		in := &c.Inputs[i]
		if kind, is := strings.CutPrefix(in.Name, "offer_"); is && slices.Contains(tracker.OfferKinds, kind) && in.Read != expr.ReadCount && in.Read != expr.ReadSince {
			v, e := p.offered(kind, now, soon)
			err = errors.Join(err, e)
			return c.read(v, in)
		}
		if in.Read != expr.ReadCount && in.Read != expr.ReadSince {
			return c.read(p.field(in.Name), in)
		}
		acts, e := p.past()
		if e != nil {
			err = e
		}
		if in.Read == expr.ReadSince {
			return sinceLast(acts, in, now)
		}
		return countOf(acts, in, now, soon)
	}
	ok = c.Eval(value, func(_ *expr.Node, above float64) {
		if far := math.Abs(above); far < never { // days_since grows by one a day
			soon(now + max(int64(math.Ceil(min(far, 1)*float64(day))), 1000))
		}
	}).Num != 0
	return ok, next, err
}

// never is more days than anybody waits.
const never = 1e9

// countOf counts acts within a span; it says when the first leaves it.
func countOf(acts []Act, in *expr.InputDef, now int64, soon func(int64)) (v expr.Value) {
	for _, a := range acts {
		if a.Type == in.Name && a.Time > now-in.Span && a.Time <= now {
			v.Num++
			soon(a.Time + in.Span)
		}
	}
	v.Num = min(v.Num, expr.CountMax)
	return v
}

// sinceLast is the days since the last act of a type.
func sinceLast(acts []Act, in *expr.InputDef, now int64) expr.Value {
	last, ever := int64(0), false
	for _, a := range acts {
		if a.Type == in.Name && a.Time <= now && (!ever || a.Time > last) {
			last, ever = a.Time, true
		}
	}
	if !ever {
		return expr.Value{Num: 2 * never}
	}
	return expr.Value{Num: float64(now-last) / float64(day)}
}

// Matches answers over an event's fields.
func (c *Cond) Matches(e *tracker.Event) bool {
	if c == nil {
		return true
	}
	return c.Eval(func(i int) expr.Value {
		in := &c.Inputs[i]
		v, ok := e.Find(in.Name)
		if !ok {
			return expr.Value{}
		}
		return c.read(v.Any(), in)
	}, nil).Num != 0
}

// read gives a value the form in which it is wanted.
func (c *Cond) read(v any, in *expr.InputDef) expr.Value {
	text := textOf(v)
	switch in.Read {
	case expr.ReadNum:
		return expr.Value{Num: numberOf(v)}
	case expr.ReadText:
		return expr.Value{Text: text}
	case expr.ReadHas:
		return expr.Truth(v != nil && text != "")
	}
	return expr.Truth(v != nil && c.patterns[in.Arg] != nil && c.patterns[in.Arg].MatchString(text))
}

func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func numberOf(v any) float64 {
	f, err := strconv.ParseFloat(textOf(v), 64)
	if err != nil || math.IsNaN(f) {
		return 0
	}
	return f
}
