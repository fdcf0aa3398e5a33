package scorecard

import (
	"fmt"
	"slices"
)

// A card of accounts scores companies: what the leads of each have in common, and
// what their own scores, by a card of leads, come to. An account has no events of
// its own, so its card has dimensions of kind attributes and rollup alone; its score
// is a function of where its leads stand, and changes when they do.

// The attributes of an account that its leads make; the others are what most of its
// leads say.
const (
	AccountName  = "account"
	AccountLeads = "leads"  // how many
	AccountBand  = "leads." // followed by a band of the leads' card: how many are in it
)

// OfAccounts says that the card scores accounts, not leads.
func (c *Card) OfAccounts() bool { return c.Entity == entityAccount }

const (
	entityLead    = "lead"
	entityAccount = "account"
	kindRollup    = "rollup"
)

func (p *reader) entity(v *node) {
	switch p.text(v, "entity") {
	case entityLead, "contact":
	case entityAccount, "company":
		p.card.Entity = entityAccount
	default:
		p.add(v, fmt.Sprintf("entity is %s", v.word()), "write entity: lead, or entity: account")
	}
}

// rolled reads a dimension of kind rollup: what the scores of an account's leads come
// to, in points.
func (p *reader) rolled(d *Dimension, k, v *node) {
	f := p.feed(d, k)
	f.Rollup = &Rollup{}
	p.bounded(d, v, map[string]func(k, v *node){
		"score": func(_, v *node) { p.rollScore(v, f.Rollup) },
		"why":   func(_, v *node) { p.ownWhy(d, v) },
	})
}

// at is where in the file an error about the rule is told.
func (r *Rule) at() *node { return &node{line: r.line, col: r.col} }

const (
	noEvents = "an account has no events of its own, and no models of them"
	rollHint = "score what leads do in a card of leads, and roll it up here: a dimension of kind rollup, or when: {leads.sql: {gte: 2}}"
)

// past says whether an expression asks what was done.
func (x *Expression) past() bool {
	return x != nil && x.Rest != nil && slices.ContainsFunc(x.Rest.Inputs, IsPast)
}

// entities holds the card to what its entity can have, once all of it is read.
func (p *reader) entities(root *node) {
	c := p.card
	if !c.OfAccounts() {
		p.leadsOnly(root)
		return
	}
	if c.Rollup == nil {
		p.add(root, "the card scores accounts and does not say what makes one", "write rollup: {to: account, by: email_domain}")
		return
	}
	for _, r := range c.Rules {
		switch {
		case r.Feed != nil && r.Feed.Rollup != nil:
			r.Feed.Rollup.inherit(c.Rollup)
		case r.Kind != Attribute || r.When.past():
			p.rule = r.ID
			p.add(r.at(), noEvents, rollHint)
			p.rule = ""
		}
	}
	for i, k := range root.keys {
		switch k.text {
		case "gates":
			if slices.ContainsFunc(c.Gates, func(g *Gate) bool { return g.When.past() }) {
				p.add(k, noEvents, rollHint)
			}
		case "on_band":
			p.add(k, "an account's band is worked out when somebody asks, and sets nothing off", "let a band of the leads' card set it off")
		case "label", "learn", "probability":
			p.add(k, k.text+" belongs to a card of leads", "remove it, or write entity: lead")
		case "bands":
			for _, b := range root.values[i].values {
				p.noLeave(b)
			}
		}
	}
}

// noLeave refuses hysteresis: it needs to know the band before.
func (p *reader) noLeave(band *node) {
	for _, k := range band.keys {
		if k.text == "leave" {
			p.add(k, "an account's band is worked out when somebody asks, and knows none before it", "remove leave")
		}
	}
}

func (p *reader) leadsOnly(root *node) {
	for _, r := range p.card.Rules {
		if r.Feed != nil && r.Feed.Rollup != nil {
			p.rule = r.ID
			p.add(r.at(), "a lead has no leads to roll up", "write entity: account, or another kind")
			p.rule = ""
		}
	}
	if p.card.Rollup == nil || p.card.Rollup.Of == "" {
		return
	}
	for i, k := range root.keys {
		if k.text == "rollup" {
			p.add(root.values[i], "of belongs to a card with entity: account", "remove it: a card's own leads roll up")
		}
	}
}

// inherit takes what a dimension leaves open from the card.
func (r *Rollup) inherit(of *Rollup) {
	if r.Method == "" {
		r.Method, r.Top = of.Method, of.Top
	}
	r.By, r.Of = of.By, of.Of
}

func (w *teller) rolled(r *Rule) {
	w.linef("  %s.", w.say("What the scores of its leads come to: ", "Lo que suman las puntuaciones de sus contactos: ")+w.method(r.Feed.Rollup))
}

// accounts says what a card of accounts scores.
func (w *teller) accounts(c *Card) {
	of := c.Rollup.Of
	if of == "" {
		of = w.say("the card that leads are ranked by", "la tarjeta por la que se ordenan los contactos")
	}
	w.linef(w.say("It scores accounts: the leads with the same %s, as they stand by %s.", "Puntúa cuentas: los contactos con el mismo %s, según %s."), c.Rollup.By, of)
}
