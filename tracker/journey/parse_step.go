package journey

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ripen/tracker"
)

func (r *reader) steps(n *node) {
	if !n.IsList || len(n.Values) == 0 {
		r.add(n, "steps wants a list", "write - wait: 3d, and so on, a line each")
		return
	}
	if len(n.Values) > stepsMax {
		r.add(n, fmt.Sprintf("there are %d steps", len(n.Values)), fmt.Sprintf("at most %d", stepsMax))
		return
	}
	for i, v := range n.Values {
		s := r.step(v, i)
		if old, _ := r.j.step(s.ID); old != nil || s.ID == exit {
			r.add(v, fmt.Sprintf("the id %s is taken", quoted(s.ID)), "give each step an id of its own")
		}
		r.j.Steps = append(r.j.Steps, s)
	}
	r.part = ""
}

// step reads one step: its id, and one key that says what it does.
func (r *reader) step(n *node, at int) *Step {
	s := &Step{ID: "step" + strconv.Itoa(at+1)}
	if n.IsMap {
		for i, k := range n.Keys {
			if k.Text != "id" {
				continue
			}
			if id := r.word(n.Values[i], "id"); id != "" {
				s.ID = id
			}
		}
	}
	r.part = s.ID
	before := s.Kind
	one := func(k Kind, f func(*Step, *node)) func(*node) {
		return func(v *node) {
			if s.Kind != "" {
				r.add(v, fmt.Sprintf("a step is both %s and %s", s.Kind, k), "make two steps of it")
			}
			s.Kind = k
			f(s, v)
		}
	}
	r.fields(n, "a step", fields{
		"id":            func(*node) {},
		"go":            func(v *node) { s.Go = r.target(v, "go") },
		string(Wait):    one(Wait, r.wait),
		string(Branch):  one(Branch, r.branch),
		string(Message): one(Message, r.message),
		string(Set):     one(Set, r.set),
		string(Handoff): one(Handoff, r.handoff),
		string(Webhook): one(Webhook, r.webhook),
		string(Exit):    one(Exit, func(s *Step, v *node) { s.Why = r.text(v, "exit") }),
	})
	if s.Kind == before && n.IsMap {
		r.add(n, "a step does nothing", "name one of wait, branch, message, set, handoff, webhook, exit")
	}
	return s
}

func (r *reader) target(n *node, of string) string {
	to := r.word(n, of)
	r.goes = append(r.goes, target{n, r.part, to})
	return to
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// wait reads a length of time, or until when, or until what.
func (r *reader) wait(s *Step, n *node) {
	if !n.IsMap {
		s.For = r.span(n, "wait")
		return
	}
	var until Trigger
	at, until2 := false, false
	r.fields(n, "wait", fields{
		"until": func(v *node) {
			list := []*node{v}
			if v.IsList {
				list = v.Values
			}
			for _, d := range list {
				s.Days = append(s.Days, time.Weekday(slices.Index(weekdays, r.oneOf(d, "until", weekdays...))))
			}
		},
		"at":      func(v *node) { s.Minute, at = r.clock(v, "at"), true },
		"event":   func(v *node) { until.Event, until2 = r.word(v, "event"), true },
		"band":    func(v *node) { until.Bands, until2 = r.words(v, "band"), true },
		"segment": func(v *node) { until.Segment, until2 = r.word(v, "segment"), true },
		"where":   func(v *node) { until.Where = r.cond(v, true) },
		"timeout": func(v *node) { s.Timeout = r.span(v, "timeout") },
		"else":    func(v *node) { s.Else = r.target(v, "else") },
	})
	if until2 {
		s.Until = &until
	}
	switch {
	case until2 == (s.Days != nil || at):
		r.add(n, "wait wants a length of time, until: and at:, or event: and timeout:", `write wait: 3d, or wait: {until: tuesday, at: "10:00"}, or wait: {event: purchase, timeout: 30d}`)
	case until2 && s.Timeout == 0:
		r.add(n, "wait for an event has no timeout", "write timeout: 30d: a journey must not wait for ever")
	case !until2 && !at:
		r.add(n, "wait until a day has no hour", `write at: "10:00"`)
	case !until2 && (s.Timeout != 0 || s.Else != "" || until.Where != nil):
		r.add(n, "timeout, else and where belong to wait for an event", "remove them")
	case until.Where != nil && until.Event == "":
		r.add(n, "wait has where: without event:", "name the event whose fields it reads")
	}
}

func (r *reader) branch(s *Step, n *node) {
	if !n.IsList || len(n.Values) == 0 || len(n.Values) > waysMax {
		r.add(n, fmt.Sprintf("branch wants a list of 1 to %d ways", waysMax), `write branch: [{when: "score >= 60", go: sales}]`)
		return
	}
	for _, v := range n.Values {
		w := Way{}
		r.fields(v, "a way", fields{
			"when": func(v *node) { w.When = r.cond(v, false) },
			"need": func(v *node) { w.Need = r.need(v) },
			"go":   func(v *node) { w.Go = r.target(v, "go") },
		}, "go")
		if v.IsMap && w.When == nil && w.Need == nil && !slices.ContainsFunc(v.Keys, func(k *node) bool { return k.Text == "when" }) {
			r.add(v, "a way has no when and no need", `write when: "score >= 60", or need: {topic: maintenance}; without one of them write go: in the step`)
		}
		s.Ways = append(s.Ways, w)
	}
}

func (r *reader) message(s *Step, n *node) {
	p := &Pick{}
	known := fields{
		"channel":  func(v *node) { s.Channel = r.channel(v) },
		"template": func(v *node) { s.Template = r.word(v, "template") },
		"bands": func(v *node) {
			if !v.IsMap {
				r.add(v, "bands wants bands and templates", "write bands: {hot: guide_hot}")
				return
			}
			for i, k := range v.Keys {
				s.Bands = append(s.Bands, Choice{Name: r.text(k, "band"), Template: r.word(v.Values[i], "template")})
			}
		},
		"test":     func(v *node) { r.test(s, v) },
		"holdout":  func(v *node) { s.Holdout = r.share(v, "holdout") },
		"send":     func(v *node) { r.send(s, v) },
		"to":       func(v *node) { s.To = r.word(v, "to") },
		"offer":    func(v *node) { s.Offer = r.offer(v) },
		"no_offer": func(v *node) { s.NoOffer = r.word(v, "no_offer") },
		"text":     func(v *node) { s.Text = r.text(v, "text") },
		"link":     func(v *node) { s.Link = r.text(v, "link") },
	}
	maps.Copy(known, p.keys(r, s))
	r.fields(n, "message", known, "channel")
	if ways := b2i(s.Template != "") + b2i(s.Tests != nil) + b2i(s.Pick != nil); n.IsMap && ways != 1 && s.Channel != SMS && s.Channel != Paper {
		r.add(n, "message wants one of template:, test:, content:", "write template: NAME, or test: {a: {template: NAME, weight: 1}, b: …}, or content: by_interest")
	}
	p.check(r, s, n)
	r.checkSMS(s, n)
	r.checkLetter(s, n)
	r.checkOffer(s, n)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (r *reader) checkOffer(s *Step, n *node) {
	switch {
	case s.NoOffer != "" && s.Offer == nil:
		r.add(n, "message has no_offer: without offer:", "write offer: renew, or a list of kinds, the best first")
	case s.Offer != nil && s.Channel != channelEmail:
		r.add(n, "only a mail makes an offer", "write channel: email, or leave offer: out")
	}
}

// offer reads the kinds of offer that a message makes, the best first.
func (r *reader) offer(n *node) (kinds []string) {
	list := []*node{n}
	if n.IsList {
		list = n.Values
	}
	for _, v := range list {
		kinds = append(kinds, r.oneOf(v, "offer", tracker.OfferKinds...))
	}
	if len(kinds) == 0 {
		r.add(n, "offer is empty", "name one of "+strings.Join(tracker.OfferKinds, ", "))
	}
	return kinds
}

func (r *reader) test(s *Step, n *node) {
	if !n.IsMap || len(n.Keys) < 2 {
		r.add(n, "test wants two variants or more", "write test: {a: {template: NAME, weight: 1}, b: {template: OTHER, weight: 1}}")
		return
	}
	for i, k := range n.Keys {
		c := Choice{Name: r.text(k, "variant"), Weight: 1}
		r.fields(n.Values[i], "a variant", fields{
			"template": func(v *node) { c.Template = r.word(v, "template") },
			"weight":   func(v *node) { c.Weight = r.whole(v, "weight", 1, 1000) },
		}, "template")
		s.Tests = append(s.Tests, c)
	}
}

func (r *reader) set(s *Step, n *node) {
	if !n.IsMap || len(n.Keys) == 0 {
		r.add(n, "set wants attributes", "write set: {stage: educated}")
		return
	}
	for i, k := range n.Keys {
		v := n.Values[i]
		text := r.text(v, k.Text)
		if r.word(k, "attribute") == "email" || k.Text == "consent" {
			r.add(k, "set changes "+k.Text, "who a lead is, and what they allowed, is theirs to say")
		}
		var to any = text
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			to = f
		} else if text == "true" || text == "false" {
			to = text == "true"
		}
		s.Values = append(s.Values, Value{k.Text, to})
	}
}

func (r *reader) handoff(s *Step, n *node) {
	if !n.IsMap {
		s.To = r.word(n, "handoff")
		return
	}
	r.fields(n, "handoff", fields{
		"to":    func(v *node) { s.To = r.word(v, "to") },
		"queue": func(v *node) { s.Queue = r.word(v, "queue") },
		"sla":   func(v *node) { s.SLA = r.span(v, "sla") },
	}, "to")
}

func (r *reader) webhook(s *Step, n *node) {
	s.Type = "journey.step"
	if !n.IsMap {
		s.To = r.word(n, "webhook")
		return
	}
	r.fields(n, "webhook", fields{
		"to":   func(v *node) { s.To = r.word(v, "to") },
		"type": func(v *node) { s.Type = r.word(v, "type") },
	}, "to")
}

// checkTargets refuses names of steps that are not there.
func (r *reader) checkTargets() {
	for _, g := range r.goes {
		if s, _ := r.j.step(g.to); s == nil && g.to != exit && g.to != "" {
			ids := make([]string, 0, len(r.j.Steps))
			for _, s := range r.j.Steps {
				ids = append(ids, s.ID)
			}
			r.part = g.part
			r.add(g.at, "there is no step "+quoted(g.to), "there are "+strings.Join(ids, ", ")+" and exit")
			r.part = ""
		}
	}
}

// checkLoops refuses a loop in which nothing waits: it would never end.
func (r *reader) checkLoops(n *node) {
	const onPath, done = 1, 2
	mark := map[*Step]int{}
	var walk func(s *Step) bool
	walk = func(s *Step) bool {
		if s == nil || s.Kind == Wait || s.Kind == Exit || mark[s] == done {
			return false
		}
		if mark[s] == onPath {
			return true
		}
		mark[s] = onPath
		_, i := r.j.step(s.ID)
		loops := walk(r.j.after(i))
		for _, w := range s.Ways {
			to, _ := r.j.step(w.Go)
			loops = walk(to) || loops
		}
		mark[s] = done
		return loops
	}
	for _, s := range r.j.Steps {
		if walk(s) {
			r.add(n, fmt.Sprintf("the steps after %s go in a circle without a wait", quoted(s.ID)), "put a wait into it")
			return
		}
	}
}
