package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// A card of accounts is scored by its module as any card is. An account is to it one
// event that sets attributes: how many leads it has, in all and in each band, and for
// every other attribute what most of its leads say. What the leads' scores come to is
// an input of the module, as a model's word is. So a score is a function of where
// the leads stand, however they came there.

// poll counts what leads say of an attribute.
type poll struct {
	votes map[string]int // :: value as text → leads
	first map[string]any // :: value as text → the value, of the lead that stands highest
	order []string       // texts, as leads say them from the highest down
}

// ask takes what a lead says of some attributes.
func (a *account) ask(l *tracker.Lead, fields []string) {
	for _, name := range fields {
		v := l.Attributes[name]
		if v == nil && name == emailDomain {
			v = domainOf(l)
		}
		if v == nil || v == "" {
			continue
		}
		p := a.says[name]
		if p == nil {
			p = &poll{map[string]int{}, map[string]any{}, nil}
			a.says[name] = p
		}
		text := fmt.Sprint(v)
		if p.votes[text]++; p.votes[text] == 1 {
			p.first[text] = v
			p.order = append(p.order, text)
		}
	}
}

// most is what most leads say; of values with equally many, that of the lead that
// stands highest.
func (p *poll) most() any {
	return p.first[slices.MaxFunc(p.order, func(a, b string) int { return cmp.Compare(p.votes[a], p.votes[b]) })]
}

// attribute is what a card of accounts reads of an account; nil if there is none.
func (a *account) attribute(name string) any {
	switch name {
	case scorecard.AccountName:
		return a.Name
	case scorecard.AccountLeads:
		return int64(a.Leads)
	}
	if band, ok := strings.CutPrefix(name, scorecard.AccountBand); ok {
		return int64(a.bands[band])
	}
	if p := a.says[name]; p != nil {
		return p.most()
	}
	return nil
}

// accountEvent is an account as its card binds it.
type accountEvent struct {
	a  *account
	at int64
}

func (e *accountEvent) Type() string                   { return "identify" }
func (e *accountEvent) Time() int64                    { return e.at }
func (e *accountEvent) Session() uint64                { return 0 }
func (e *accountEvent) Ignore() string                 { return "" }
func (e *accountEvent) Send() bool                     { return false }
func (e *accountEvent) Products() int                  { return 0 }
func (e *accountEvent) Product(int) scorecard.Source   { return nil }
func (e *accountEvent) Field(string) (wasm.Slot, bool) { return wasm.Slot{}, false }

func (e *accountEvent) Trait(name string) (wasm.Slot, bool) {
	switch v := e.a.attribute(name).(type) {
	case string:
		return wasm.Slot{Tag: wasm.String, Str: []byte(v)}, true
	case json.RawMessage:
		return wasm.Slot{Tag: wasm.String, Str: v}, true
	case int64:
		return wasm.Slot{Tag: wasm.Int, Num: uint64(v)}, true
	case float64:
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(v)}, true
	case json.Number:
		f, err := strconv.ParseFloat(string(v), 64)
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(f)}, err == nil
	case bool:
		s := wasm.Slot{Tag: wasm.Bool}
		if v {
			s.Num = 1
		}
		return s, true
	}
	return wasm.Slot{}, false
}

var errReplaced error = &tracker.Error{Kind: tracker.KindBusy, Code: "replaced", Detail: "another version of the card has just come into force: ask again"}

// scoreAccount says where an account stands at a moment, with dimensions and reasons
// if explain is set.
func (c *cardState) scoreAccount(a *account, at int64, explain bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errReplaced
	}
	card := c.card.Card
	inputs := make([]float64, len(card.Dims))
	for _, f := range card.Feeds() {
		inputs[f.Dim] = float64(f.Rollup.Score(a.exact)) / 1000
	}
	c.reader.SetInputs(inputs)
	_, raw, err := c.reader.FoldRaw(nil, card.Bind(nil, &accountEvent{a, at}), at)
	if err != nil {
		return err
	}
	var r scorecard.Result
	card.Settle(raw, explain, &r)
	a.null, a.Score, a.Exact, a.Grade, a.Band = r.Null, r.Score, r.Exact, r.Grade, card.Band("", r.Score, r.Grade)
	if !explain {
		return nil
	}
	a.Dims = map[string]float64{}
	for i, d := range card.Dims {
		a.Dims[d.Name] = r.Dims[i]
	}
	a.Reasons = a.Reasons[:0]
	for _, q := range r.Reasons {
		a.Reasons = append(a.Reasons, tracker.Reason(q))
	}
	for _, f := range card.Feeds() {
		a.nameLeads(card, f)
	}
	return nil
}

// nameLeads puts in place of the one reason for what leads' scores come to one for
// each lead that adds to it, named dimension.lead, with its part of that reason's
// share, to the thousandth. Beyond namedMost they are one.
func (a *account) nameLeads(card *scorecard.Card, f *scorecard.Feed) {
	dim := card.Dims[f.Dim].Name
	at := slices.IndexFunc(a.Reasons, func(q tracker.Reason) bool { return q.Rule == dim })
	if at < 0 {
		return
	}
	whole, parts := a.Reasons[at], f.Rollup.Parts(a.exact)
	total, upto, told := f.Rollup.Score(a.exact), int64(0), int64(0)
	var own []tracker.Reason
	for i, part := range parts {
		if part == 0 {
			continue
		}
		upto += part
		share := whole.Share*upto/total - told
		told += share
		if i < len(a.named) {
			own = append(own, tracker.Reason{Rule: dim + "." + a.named[i].ID, Why: words(card.Why(f), &a.named[i]), Points: float64(part) / 1000, Share: share})
			continue
		}
		if last := &own[len(own)-1]; last.Rule != dim {
			own = append(own, tracker.Reason{Rule: dim, Why: whole.Why})
		}
		last := &own[len(own)-1]
		last.Points, last.Share = last.Points+float64(part)/1000, last.Share+share
	}
	a.Reasons = slices.Replace(a.Reasons, at, at+1, own...)
	base := slices.IndexFunc(a.Reasons, func(q tracker.Reason) bool { return q.Rule == "base" }) // it and rounding stay last
	slices.SortStableFunc(a.Reasons[:base], func(x, y tracker.Reason) int { return cmp.Compare(max(y.Share, -y.Share), max(x.Share, -x.Share)) })
}

// words are of a reason that names a lead.
func words(why string, l *export.AccountLead) string {
	who := fmt.Sprintf("%s: %d", cmp.Or(l.Email, l.ID), l.Score)
	if why == "" {
		return who
	}
	return why + " · " + who
}
