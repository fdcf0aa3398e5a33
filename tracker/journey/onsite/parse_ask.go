package onsite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// questions reads what a survey asks.
func (r *reader) questions(n *node) {
	r.parts(n, "question", maxQuestions, "{id: use, ask: text, type: choice, choices: {home: At home}}", func(v *node, id string) {
		r.m.Questions = append(r.m.Questions, r.question(v, id))
	})
}

// parts reads a list of what has ids. one is told the id of each, which is its number
// where it says none.
func (r *reader) parts(n *node, what string, most int, example string, one func(v *node, id string)) {
	if !n.IsList || len(n.Values) == 0 || len(n.Values) > most {
		r.Add(n, fmt.Sprintf("%ss wants a list of 1 to %d", what, most), "write - "+example+", a line each")
		return
	}
	var taken []string
	for at, v := range n.Values {
		id := what + strconv.Itoa(at+1)
		for i, k := range v.Keys {
			if k.Text == "id" {
				id = r.Word(v.Values[i], "id")
			}
		}
		r.In(id)
		one(v, id)
		if slices.Contains(taken, id) {
			r.Add(v, fmt.Sprintf("the id %q is taken", id), "give each "+what+" an id of its own")
		}
		taken = append(taken, id)
	}
	r.In("")
}

func (r *reader) question(n *node, id string) question {
	q := question{id: id, typ: "choice", most: 10}
	r.Fields(n, "a question", map[string]func(*node){
		"id":        func(*node) {},
		"ask":       func(v *node) { q.ask = r.line(v, "ask") },
		"type":      func(v *node) { q.typ = r.OneOf(v, "type", "choice", "many", "score", "text") },
		"choices":   func(v *node) { q.choices = r.choices(v) },
		"most":      func(v *node) { q.most = r.Whole(v, "most", 2, 10) },
		"low":       func(v *node) { q.low = r.line(v, "low") },
		"high":      func(v *node) { q.high = r.line(v, "high") },
		"optional":  func(v *node) { q.optional = r.OneOf(v, "optional", "true", "false") == "true" },
		"attribute": func(v *node) { q.attribute = r.attribute(v) },
	}, "ask")
	chooses := q.typ == "choice" || q.typ == "many"
	if n.IsMap && chooses == (q.choices == nil) {
		r.Add(n, fmt.Sprintf("a question of type %s and choices do not agree", q.typ), "write choices: {home: At home} with type: choice or many, and with no other")
	}
	return q
}

// attribute reads which attribute of the person an answer becomes.
func (r *reader) attribute(n *node) string {
	if n.Text == "email" || n.Text == "consent" || n.Text == "user_id" {
		r.Add(n, "an answer becomes "+n.Text, "who somebody is, and what they allow, is asked by a chat: ask: email, optin: text")
	}
	return r.Word(n, "attribute")
}

// choices reads answers to choose from: value and label.
func (r *reader) choices(n *node) (out []choice) {
	if !n.IsMap || len(n.Keys) == 0 || len(n.Keys) > maxChoices {
		r.Add(n, fmt.Sprintf("choices wants 1 to %d values with their labels", maxChoices), "write choices: {home: At home, office: In an office}")
		return []choice{{}}
	}
	for i, k := range n.Keys {
		out = append(out, choice{value: r.Word(k, "choice"), label: r.line(n.Values[i], "label")})
	}
	return out
}

// steps reads the steps of a chat.
func (r *reader) steps(n *node) {
	r.parts(n, "step", maxSteps, "{id: hello, say: text}", func(v *node, id string) {
		r.m.Steps = append(r.m.Steps, r.step(v, id))
	})
}

func (r *reader) step(n *node, id string) step {
	s := step{id: id}
	r.Fields(n, "a step", map[string]func(*node){
		"id":        func(*node) {},
		"say":       func(v *node) { s.say = r.body(v, "say") },
		"choices":   func(v *node) { s.choices = r.ways(v) },
		"ask":       func(v *node) { s.ask = r.OneOf(v, "ask", "text", "email") },
		"optin":     func(v *node) { s.optin = r.line(v, "optin") },
		"grants":    func(v *node) { s.grants = r.OneOf(v, "grants", "marketing") == "marketing" },
		"attribute": func(v *node) { s.attribute = r.attribute(v) },
		"handoff":   func(v *node) { s.handoff = r.Word(v, "handoff") },
		"go":        func(v *node) { s.to = r.target(v) },
	}, "say")
	switch {
	case s.choices != nil && s.ask != "":
		r.Add(n, "a step has both choices and ask", "make two steps of it")
	case s.ask == "email" && s.optin == nil:
		r.Add(n, "a step asks for an e-mail without a word on what for", "write optin: what somebody agrees to who gives it; they tick it themselves")
	case s.ask != "email" && (s.optin != nil || s.grants):
		r.Add(n, "optin and grants belong to ask: email", "remove them")
	case s.attribute != "" && s.ask != "text" && s.choices == nil:
		r.Add(n, "nothing is asked that could become an attribute", "write ask: text or choices:")
	case s.choices != nil && s.to != "":
		r.Add(n, "a step has both choices and go", "each choice has a go of its own")
	}
	return s
}

// ways reads the choices of a step, each with the step that follows.
func (r *reader) ways(n *node) (out []choice) {
	if !n.IsList || len(n.Values) == 0 || len(n.Values) > maxChoices {
		r.Add(n, fmt.Sprintf("choices of a step wants a list of 1 to %d", maxChoices), "write - {value: fit, say: Which one fits me?, go: fit}, a line each")
		return []choice{{}}
	}
	for _, v := range n.Values {
		c := choice{}
		r.Fields(v, "a choice", map[string]func(*node){
			"value": func(v *node) { c.value = r.Word(v, "value") },
			"say":   func(v *node) { c.label = r.line(v, "say") },
			"go":    func(v *node) { c.to = r.target(v) },
		}, "value", "say")
		out = append(out, c)
	}
	return out
}

func (r *reader) target(n *node) string {
	to := r.Word(n, "go")
	r.goes = append(r.goes, target{n, to})
	return to
}

// checkTargets refuses names of steps that are not there.
func (r *reader) checkTargets() {
	var ids []string
	for i := range r.m.Steps {
		ids = append(ids, r.m.Steps[i].id)
	}
	for _, g := range r.goes {
		if g.to != "" && !slices.Contains(ids, g.to) {
			r.Add(g.at, fmt.Sprintf("there is no step %q", g.to), "there are "+strings.Join(ids, ", "))
		}
	}
}
