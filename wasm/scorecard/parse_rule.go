package scorecard

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// draft is a rule while it is read: which keys stood there, and where.
type draft struct {
	*Rule
	at   map[string]*node // :: key → its node
	loss bool             // drop has been read
	when *node            // of attributes, or an expression
	said *node            // the words of why
}

func (p *reader) readRule(d *Dimension, r *Rule, n *node) {
	w := &draft{Rule: r, at: map[string]*node{}}
	note := func(f func(v *node)) func(k, v *node) {
		return func(k, v *node) { w.at[k.text] = k; f(v) }
	}
	p.fields(n, "a rule", map[string]func(k, v *node){
		"id":         note(func(v *node) { r.ID = p.name(v, "id") }),
		"why":        note(func(v *node) { r.Why, w.said = p.why(v), v }),
		"when":       note(func(v *node) { w.when = v }),
		"where":      note(func(v *node) { r.Tests = append(r.Tests, p.tests(v, false)...) }),
		"event":      note(func(v *node) { r.Event = p.eventName(v) }),
		"points":     note(func(v *node) { r.Points = p.points(v, "points") }),
		"per":        note(func(v *node) { p.per(w, v) }),
		"cap":        note(func(v *node) { r.Cap, r.HasCap = p.points(v, "cap"), true }),
		"half_life":  note(func(v *node) { r.Kind, r.Span = HalfLife, p.halfLife(v) }),
		"expire":     note(func(v *node) { r.Kind, r.Span = Window, p.span(v, "expire") }),
		"linear":     note(func(v *node) { p.linear(w, v) }),
		"decay":      note(func(v *node) { p.oneOf(v, "decay", "none") }),
		"ignore":     note(func(v *node) { p.ignore(w, v) }),
		"count":      note(func(v *node) { p.count(w, v) }),
		"absent":     note(func(v *node) { p.absent(w, v) }),
		"after":      note(func(v *node) { r.Span = p.span(v, "after") }),
		"unanswered": note(func(v *node) { p.unanswered(w, v) }),
	})
	if n.kind != mapNode {
		return
	}
	if i := slices.IndexFunc(n.keys, func(k *node) bool { return k.text == "on" }); i >= 0 {
		w.at["on"] = n.keys[i] // meant as event:, and already refused
	}
	p.checkRule(d, w, n)
}

func (p *reader) checkRule(d *Dimension, w *draft, n *node) {
	p.when(w)
	if w.at["id"] == nil {
		p.add(n, "the rule has no id", "write id: a_short_name")
	} else if i := slices.IndexFunc(p.card.Rules, func(o *Rule) bool { return o.ID == w.ID }); i >= 0 {
		p.add(w.at["id"], fmt.Sprintf("the id is taken on line %d", p.card.Rules[i].line), "give each rule its own")
	}
	if w.at["points"] == nil {
		p.add(n, "the rule has no points", "write points: 10")
	}
	p.checkKind(d, w, n)
	p.checkTogether(w)
	if w.said != nil {
		p.placeholders(w.said, w.Why, w.words())
	}
	if w.HasCap && (w.Cap < 0) != (w.Points < 0) && w.Cap != 0 {
		p.add(w.at["cap"], fmt.Sprintf("cap %v and points %v pull apart", w.Cap, w.Points), "a cap has the sign of its points")
	}
}

// checkKind settles what the rule waits for, and that its dimension hears it.
func (p *reader) checkKind(d *Dimension, w *draft, n *node) {
	what := []string{}
	for _, k := range []string{"when", "event", "absent", "unanswered"} {
		if w.at[k] != nil && (k != "when" || w.When == nil || w.asksLead()) {
			what = append(what, k)
		}
	}
	switch {
	case len(what) == 0 && w.at["on"] == nil:
		p.add(n, "the rule waits for nothing", "write when: for attributes, event:, absent: or unanswered: for behaviour")
		return
	case len(what) > 1:
		p.add(w.at[what[1]], fmt.Sprintf("the rule has %s", strings.Join(what, " and ")), "keep one; write two rules for two things")
		return
	case len(what) == 0:
		return
	}
	switch {
	case what[0] == "when" && d.Kind == "behaviour":
		p.add(w.at["when"], "when: asks for attributes in a dimension of kind behaviour", "move the rule to a dimension of kind attributes")
	case what[0] != "when" && d.Kind == "attributes":
		p.add(w.at[what[0]], fmt.Sprintf("%s: in a dimension of kind attributes", what[0]), "move the rule to a dimension of kind behaviour")
	}
	switch what[0] {
	case "when":
		w.Kind = Attribute
		p.allow(w, "an attribute rule", "id", "when", "points", "why")
	case "absent":
		p.allow(w, "a silence rule", "id", "absent", "after", "where", "when", "points", "why", "ignore")
		if w.at["after"] == nil {
			p.add(w.at["absent"], "absent: has no after:", "write after: 30d")
		}
		if w.Event == "" && (w.at["where"] != nil || w.at["when"] != nil || w.at["ignore"] != nil) {
			p.add(w.at["absent"], "any_activity takes no where, when or ignore", "name an event instead of any_activity")
		}
	case "unanswered":
		p.allow(w, "a rule of no answer", "id", "unanswered", "where", "when", "points", "why")
	case "event":
		if w.Kind == Attribute {
			w.Kind = Sum
		}
		if w.at["after"] != nil {
			p.add(w.at["after"], "after: belongs to a silence rule", "write absent: in place of event:, or remove after:")
		}
	}
}

// checkTogether refuses keys that each mean something and together nothing.
func (p *reader) checkTogether(w *draft) {
	fades := []string{}
	for _, k := range []string{"half_life", "linear", "expire", "decay", "count"} {
		if w.at[k] != nil {
			fades = append(fades, k)
		}
	}
	if len(fades) > 1 {
		p.add(w.at[fades[1]], fmt.Sprintf("the rule has %s", strings.Join(fades, " and ")), "keep one: they all say how long its points last")
	}
	if w.Kind == Count && w.HasCap {
		p.add(w.at["cap"], "a count rule is either held or not: cap does nothing", "remove cap")
	}
}

func (p *reader) allow(w *draft, of string, keys ...string) {
	for k, at := range w.at {
		if !slices.Contains(keys, k) {
			p.add(at, fmt.Sprintf("%s has no key %q", of, k), "it has "+strings.Join(keys, ", "))
		}
	}
}

func (p *reader) eventName(v *node) string {
	s := p.text(v, "event")
	switch {
	case v.kind != scalarNode:
	case strings.ContainsRune(s, '*'):
		p.add(v, fmt.Sprintf("event %q has a star", s), "name one event; write one rule for each")
	case s == "" || len(s) > wordMax:
		p.add(v, fmt.Sprintf("event is %q", s), "name one event, as in page_view")
	}
	return s
}

// why checks the placeholders of the words a person will read.
func (p *reader) why(v *node) string {
	s := p.text(v, "why")
	if len(s) > 512 {
		p.add(v, fmt.Sprintf("why has %d bytes", len(s)), "at most 512")
	}
	return s
}

// placeholders checks that words hold only the placeholders their rule can fill.
func (p *reader) placeholders(v *node, why string, known []string) {
	for rest := why; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return
		}
		name, more, _ := strings.Cut(after, "}")
		if !slices.Contains(known, name) {
			fix := "it can hold {" + strings.Join(known, "}, {") + "}"
			if w := nearest(name, known); w != "" {
				fix = fmt.Sprintf("did you mean {%s}?", w)
			}
			p.add(v, fmt.Sprintf("why has the placeholder {%s}", name), fix)
			return
		}
		rest = more
	}
}

// channels are the ways a message can go, by the type of the event of its leaving.
var channels = []struct{ name, event string }{
	{"email", "email_sent"},
	{"sms", "sms_sent"},
	{"call", "call_out"},
	{"push", "push_sent"},
	{"whatsapp", "whatsapp_sent"},
	{"letter", "letter_sent"},
}

func (p *reader) unanswered(w *draft, v *node) {
	w.Kind, w.Gte = Unanswered, 0
	within := false
	p.fields(v, "unanswered", map[string]func(k, v *node){
		"channels": func(_, v *node) { p.channels(w, v) },
		"sent":     func(_, v *node) { w.Gte = int(p.whole(v, "sent", 1, TimesMax)) },
		"within":   func(_, v *node) { w.Span, within = p.span(v, "within"), true },
	})
	if v.kind == mapNode && (w.Gte == 0 || !within) {
		p.add(v, "unanswered lacks sent or within", "write unanswered: {channels: [email], sent: 5, within: 60d}")
	}
	w.Gte = max(w.Gte, 1)
	if len(w.Sends) == 0 {
		for _, c := range channels[:3] {
			w.Sends = append(w.Sends, c.event)
		}
	}
}

func (p *reader) channels(w *draft, v *node) {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = c.name
	}
	for _, n := range p.items(v, "channels", len(channels)) {
		i := slices.Index(names, p.oneOf(n, "a channel", names...))
		if i >= 0 && !slices.Contains(w.Sends, channels[i].event) {
			w.Sends = append(w.Sends, channels[i].event)
		}
	}
	if v.kind == listNode && len(v.values) == 0 {
		p.add(v, "channels is empty", "write channels: [email]")
	}
}

func (p *reader) per(w *draft, v *node) {
	s := p.text(v, "per")
	if name, ok := strings.CutPrefix(s, "distinct:"); ok {
		w.Per, w.PerName = PerValue, name
		if name == "" {
			p.add(v, "distinct: names no property", "write per: distinct:file")
		}
		return
	}
	switch p.oneOf(v, "per", "each", "day", "session", "message", "distinct:<property>") {
	case "day":
		w.Per = PerDay
	case "session":
		w.Per = PerSession
	case "message":
		w.Per, w.PerName = PerValue, "message"
	}
}

// halfLifeMin keeps decay slow beside the second that scores are kept right to.
const halfLifeMin = 10 * 60_000

func (p *reader) halfLife(v *node) int64 {
	ms := p.span(v, "half_life")
	if ms > 1 && ms < halfLifeMin {
		p.add(v, fmt.Sprintf("half_life is %s", v.text), "write at least 10m; use expire for shorter windows")
	}
	return ms
}

func (p *reader) linear(w *draft, v *node) {
	w.Kind = Linear
	every := false
	p.fields(v, "linear", map[string]func(k, v *node){
		"drop": func(_, v *node) {
			num, pct := strings.CutSuffix(p.text(v, "drop"), "%")
			f, ok := plainNumber(&node{text: num})
			if !pct || !ok || f < 1 || f > 100 {
				p.add(v, fmt.Sprintf("drop is %s", v.word()), "write a share from 1% to 100%")
				f = 100
			}
			w.Drop, w.loss = f/100, true
		},
		"every": func(_, v *node) { w.Span, every = p.span(v, "every"), true },
	})
	if v.kind == mapNode && (!w.loss || !every) {
		p.add(v, "linear lacks drop or every", "write linear: {drop: 50%, every: 30d}")
	}
}

func (p *reader) count(w *draft, v *node) {
	w.Kind = Count
	within := false
	p.fields(v, "count", map[string]func(k, v *node){
		"gte":    func(_, v *node) { w.Gte = int(p.whole(v, "gte", 1, TimesMax)) },
		"within": func(_, v *node) { w.Span, within = p.span(v, "within"), true },
	})
	if v.kind == mapNode && (w.Gte == 0 || !within) {
		p.add(v, "count lacks gte or within", "write count: {gte: 3, within: 7d}")
	}
	w.Gte = max(w.Gte, 1)
}

func (p *reader) absent(w *draft, v *node) {
	w.Kind = Absent
	if s := p.eventName(v); s != "any_activity" {
		w.Event = s
	}
}

func (p *reader) ignore(w *draft, v *node) {
	for _, n := range p.items(v, "ignore", len(machines)) {
		word := p.oneOf(n, "ignore", machines...)
		if i := slices.Index(machines, word); i >= 0 {
			w.Ignore |= 1 << i
		}
	}
}

// most is +Inf, written once.
var most = math.Inf(1)
