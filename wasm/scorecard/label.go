package scorecard

import (
	"fmt"
	"slices"
	"strings"

	"ripen/wasm"
)

// Label is what a card is to foresee: that an event comes, or an attribute is set,
// within a time from the moment of the score. It scores nothing; whoever learns a card
// asks it who converted.
type Label struct {
	Event  string  // empty = an attribute
	Tests  []*Test // of the event's fields, or of the attributes that an event sets
	Within int64   // ms
	Text   string  // in one line, as in won within 90d

	card *Card // for named lists
}

// ParseLabel reads a label as it stands in a card, in one line: won within 90d, or
// {event: purchase, where: {category: coffee}, within: 90d}.
func ParseLabel(text string) (*Label, error) {
	p := newReader("label")
	if root := p.readYAML([]byte(text)); root != nil {
		p.label(root)
	}
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return p.card.Label, nil
}

func (p *reader) label(v *node) {
	l := &Label{card: p.card}
	p.card.Label = l
	if v.kind == scalarNode {
		event, within, ok := strings.Cut(strings.TrimSpace(v.text), " within ")
		if !ok {
			p.add(v, fmt.Sprintf("label is %s", v.word()), "write it as in won within 90d, or {event: …, where: …, within: 90d}")
			return
		}
		at := *v
		at.text = strings.TrimSpace(event)
		l.Event = p.eventName(&at)
		at.text = strings.TrimSpace(within)
		l.Within = p.span(&at, "within")
		l.Text = strings.TrimSpace(v.text)
		return
	}
	var where, when *node
	p.fields(v, "a label", map[string]func(k, v *node){
		"event":  func(_, v *node) { l.Event = p.eventName(v) },
		"where":  func(_, v *node) { where = v },
		"when":   func(_, v *node) { when = v },
		"within": func(_, v *node) { l.Within = p.span(v, "within") },
	})
	switch {
	case v.kind != mapNode:
		return
	case (l.Event == "") == (when == nil):
		p.add(v, "a label asks for an event or for an attribute, one of them", "write {event: purchase, within: 90d} or {when: {plan: pro}, within: 90d}")
	case when != nil && where != nil:
		p.add(where, "where is for a label's event", "write all conditions on attributes under when")
	case l.Within == 0:
		p.add(v, "a label has no within", "say within what time: within: 90d")
	}
	if where != nil {
		l.Tests = p.tests(where, false)
	}
	if when != nil {
		l.Tests = p.tests(when, true)
	}
	l.Text = l.line(v)
}

// line writes a label of several keys in one line.
func (l *Label) line(v *node) string {
	if len(l.Tests) == 0 {
		for i, k := range v.keys {
			if k.text == "within" {
				return l.Event + " within " + v.values[i].text
			}
		}
	}
	return v.flow()
}

// flow writes a node as YAML in one line.
func (n *node) flow() string {
	var parts []string
	switch n.kind {
	case mapNode:
		for i, k := range n.keys {
			parts = append(parts, k.flow()+": "+n.values[i].flow())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case listNode:
		for _, v := range n.values {
			parts = append(parts, v.flow())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	plain := n.text != "" && strings.IndexFunc(n.text, func(r rune) bool {
		return r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
	if _, isNumber := plainNumber(n); isNumber || plain && !n.quoted {
		return n.text
	}
	return fmt.Sprintf("%q", n.text)
}

// Holds says whether an event, or what is known of a lead, fulfils the label's
// conditions. find looks a field up.
func (l *Label) Holds(find func(name string) (wasm.Slot, bool)) bool {
	return !slices.ContainsFunc(l.Tests, func(t *Test) bool {
		v, ok := find(t.Field)
		return !l.test(t, v, ok)
	})
}

func (l *Label) test(t *Test, v wasm.Slot, found bool) bool {
	var e wasm.Event
	if !found || v.Tag == wasm.Missing {
		return t.Op == OpHas && t.Not
	}
	switch t.Op {
	case OpHas:
		v = boolSlot(v.Tag != wasm.Null && (v.Tag != wasm.String || len(v.Str) > 0))
	case OpNum, OpRange:
		v = number(v)
	case OpText, OpPrefix:
		v = l.card.text(&e, v)
	default:
		if v = l.card.text(&e, v); v.Tag == wasm.String {
			v = boolSlot(l.card.ask(t, v.Str))
		}
	}
	return t.holds(&v, false)
}

func (w *teller) label(l *Label) {
	if l == nil {
		return
	}
	what := l.Event
	if what == "" {
		what = w.tests(l.Tests, nil)
	} else if len(l.Tests) > 0 {
		what += w.say(" where ", " con ") + w.tests(l.Tests, nil)
	}
	w.linef("\n%s: %s%s%s.", w.say("What it is to foresee", "Lo que debe prever"), what, w.say(" within ", " en "), w.span(l.Within))
}
