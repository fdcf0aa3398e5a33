package scorecard

import (
	"fmt"
	"slices"
	"strings"
)

// actionsMax is how many things entering one band may set off.
const actionsMax = 16

// actionKinds are the things a band can set off; the key's value names which.
var actionKinds = []string{"handoff", "journey", "audience", "notify"}

// NoAudiences says what to do about an audience that a band asks for: until audiences
// of ad networks are kept, there is no such thing to join.
const NoAudiences = "write {notify: WEBHOOK} to tell somebody who keeps it, or take it out of on_band"

// onBand reads what entering each band sets off.
func (p *reader) onBand(v *node) {
	if v.kind != mapNode {
		p.add(v, "on_band wants a map of bands to lists", "write on_band: {sql: [{handoff: crm}]}")
		return
	}
	var names []string
	for _, b := range p.card.Bands {
		names = append(names, b.Name)
	}
	for i, k := range v.keys {
		at := slices.Index(names, k.text)
		if at < 0 {
			named := given(names)
			fix := "bands: names " + strings.Join(named, ", ")
			if w := nearest(k.text, named); w != "" {
				fix = fmt.Sprintf("did you mean %s?", w)
			} else if len(named) == 0 {
				fix = "write bands: [{name: sql, from: 70}] first"
			}
			p.add(k, fmt.Sprintf("the card has no band %q", k.text), fix)
			continue
		}
		for _, n := range p.items(v.values[i], "the list of a band", actionsMax) {
			p.card.Bands[at].Actions = append(p.card.Bands[at].Actions, p.action(n))
		}
	}
}

func (p *reader) action(n *node) (a Action) {
	a.Text = n.flow()
	at := map[string]*node{} // :: key → its node
	kind := func(k, v *node) {
		at[k.text] = k
		if a.Do != "" {
			p.add(k, fmt.Sprintf("the action is %s and %s", a.Do, k.text), "write two actions: [{journey: a}, {notify: owner}]")
			return
		}
		a.Do, a.To = k.text, p.name(v, k.text)
	}
	p.fields(n, "an action", map[string]func(k, v *node){
		"handoff": kind, "journey": kind, "audience": kind, "notify": kind,
		"queue": func(k, v *node) { at["queue"], a.Queue = k, p.name(v, "queue") },
		"sla":   func(k, v *node) { at["sla"], a.SLA = k, p.span(v, "sla") },
		"when":  func(_, v *node) { a.When = p.expression(v, overDims) },
	})
	if n.kind == mapNode && a.Do == "" {
		p.add(n, "the action does nothing", "write one of "+strings.Join(actionKinds, ", "))
	}
	for _, key := range []string{"queue", "sla"} {
		if at[key] != nil && a.Do != "handoff" {
			p.add(at[key], key+" belongs to a handoff", "write {handoff: crm, queue: sales, sla: 4h}, or remove it")
		}
	}
	return a
}

// given are the names that are: what lacks one is said where it stands.
func given(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" })
}
