package export

import (
	"context"
	"strings"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// Training says what to learn from the log.
type Training struct {
	Card      string
	Label     *scorecard.Label
	ByTime    bool     // events were known when they happened, not when they were received
	Seed      uint64   // of what is drawn
	Language  string   // en or es
	Drop      []string // attributes and behaviours not to learn from
	Constrain []string // as in visits=rising
	Publish   bool     // put it in force at once if it is better than the card in force
}

// Trained is a card that was learned, and what to think of it.
type Trained struct {
	Scorecard string `json:"scorecard"` // name@version that the draft would be
	YAML      string `json:"yaml"`
	Report    any    `json:"report"`
	Better    bool   `json:"better"`    // than the card in force, on the latest moments: lift and Brier both
	Published bool   `json:"published"` // as was asked for if it is better
}

// train learns a card from the tenant's log and makes it the draft of its name. It
// answers NDJSON: how far it has come, and then the result.
func (c *call) train() error {
	ask := Training{Card: c.name, Seed: c.number("seed"), Language: c.text("lang"), ByTime: c.text("by") == "time", Publish: c.flag("publish_if_better")}
	for name, list := range map[string]*[]string{"drop": &ask.Drop, "constrain": &ask.Constrain} {
		for part := range strings.SplitSeq(c.text(name), "\n") {
			if part != "" {
				*list = append(*list, part)
			}
		}
	}
	switch {
	case c.err != nil:
		return c.err
	case ask.Language != "" && ask.Language != "en" && ask.Language != "es":
		return invalid("lang", "need en or es")
	case c.text("by") != "" && c.text("by") != "received" && !ask.ByTime:
		return invalid("by", "need received or time")
	}
	var err error
	if ask.Label, err = c.foreseen(c.text("label")); err != nil {
		return err
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	by, tenant, life, registry := c.caller, c.tenant.ID, c.cfg.Life, c.cfg.Registry
	Progress(c.ctx, c.log, "train", func(say func(done, total uint64) error) (any, error) {
		defer done()
		return learn(life, st, registry, by, tenant, ask, say)
	})
	return nil
}

// learn learns a card and keeps it as the draft; only one that is better than the card
// in force is published, and only if that was asked for.
func learn(ctx context.Context, st Leads, registry Registry, by tracker.Caller, tenant tracker.TenantID, ask Training, say func(done, total uint64) error) (*Trained, error) {
	out, err := st.Train(ctx, by, tenant, ask, func(n, total int) error { return say(uint64(n), uint64(total)) })
	if err != nil {
		return nil, err
	}
	if _, err := registry.Draft(tenant, ask.Card, []byte(out.YAML)); err != nil {
		return nil, err
	}
	a, err := registry.Candidate(tenant, ask.Card, 0)
	if err == nil && ask.Publish && out.Better {
		a, err = registry.Publish(ctx, tenant, ask.Card, false)
		out.Published = err == nil
	}
	out.Scorecard = a.Name()
	return out, err
}

// foreseen is the label that is asked for, else that of the card in force, else of its
// draft.
func (c *call) foreseen(text string) (*scorecard.Label, error) {
	if text != "" {
		l, err := scorecard.ParseLabel(text)
		if err != nil {
			return nil, invalid("label", err.Error())
		}
		return l, nil
	}
	all, err := c.cfg.Registry.Cards(c.tenant.ID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name != c.name || tracker.IsModule([]byte(source(&all[i]))) {
			continue
		}
		if card, err := scorecard.Parse(c.name, []byte(source(&all[i]))); err == nil && card.Label != nil {
			return card.Label, nil
		}
	}
	return nil, invalid("label", "say what to foresee, as in won within 90d, here or under label: in the card "+c.name)
}
