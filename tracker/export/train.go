package export

import (
	"context"
	"errors"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// Training says what to learn from the log.
type Training struct {
	Card      string
	Label     *scorecard.Label
	Plan      string   // how the card is learned anew, as it stands under learn: in one; empty = by hand
	ByTime    bool     // events were known when they happened, not when they were received
	Seed      uint64   // of what is drawn
	Language  string   // en or es
	Drop      []string // attributes and behaviours not to learn from
	Constrain []string // as in visits=rising
	Model     string   // card (or empty), logistic or gbdt
	Publish   bool     // put it in force at once if it is better than the card in force
}

// Trained is a card that was learned, and what to think of it.
type Trained struct {
	Scorecard string `json:"scorecard"` // name@version that the draft would be
	YAML      string `json:"yaml"`
	Model     string `json:"model,omitempty"`      // the file of the model that the card names
	ModelName string `json:"model_name,omitempty"` // it is the draft of this name
	Report    any    `json:"report"`
	Better    bool   `json:"better"`    // than the card in force, on the latest moments: lift and Brier both
	Published bool   `json:"published"` // as was asked for if it is better
}

// train learns a card from the tenant's log and makes it the draft of its name. It
// answers NDJSON: how far it has come, and then the result.
func (c *call) train() error {
	ask, err := c.toLearn()
	if err != nil {
		return err
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	by, tenant, life, cfg := c.caller, c.tenant.ID, c.cfg.Life, &c.cfg
	Progress(c.ctx, c.log, "train", func(say func(done, total uint64) error) (any, error) {
		defer done()
		return learn(life, st, cfg, by, tenant, ask, say)
	})
	return nil
}

// toLearn reads what to learn, of the card that the path names.
func (c *call) toLearn() (Training, error) {
	ask, err := c.planned()
	if err != nil {
		return ask, err
	}
	for name, list := range map[string]*[]string{"drop": &ask.Drop, "constrain": &ask.Constrain} {
		if c.has(name) {
			*list = nil
		}
		*list = append(*list, c.lines(name)...)
	}
	switch {
	case c.err != nil:
		return ask, c.err
	case ask.Language != "" && ask.Language != "en" && ask.Language != "es":
		return ask, invalid("lang", "need en or es")
	case c.text("by") != "" && c.text("by") != "received" && c.text("by") != "time":
		return ask, invalid("by", "need received or time")
	case !slices.Contains([]string{"", "card", "logistic", "gbdt"}, ask.Model):
		return ask, invalid("model", "need card, logistic or gbdt")
	case ask.Label == nil:
		return ask, invalid("label", "say what to foresee, as in won within 90d, here or under label: in the card "+c.name)
	}
	return ask, nil
}

// lines are the entries of a parameter that holds one a line.
func (c *call) lines(name string) (out []string) {
	for part := range strings.SplitSeq(c.text(name), "\n") {
		if part != "" {
			out = append(out, part)
		}
	}
	return out
}

// useful measures what attributes and events are good for, of the label given or of the
// card's, which is the ranking one unless another is named. It answers NDJSON as train
// does; nothing changes.
func (c *call) useful() error {
	if c.name = c.text("scorecard"); c.name == "" {
		c.name = c.tenant.Ranking
	}
	ask, err := c.toLearn()
	if err != nil {
		return err
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	by, tenant, life := c.caller, c.tenant.ID, c.cfg.Life
	Progress(c.ctx, c.log, "useful", func(say func(done, total uint64) error) (any, error) {
		defer done()
		return st.Useful(life, by, tenant, ask, func(n, total int) error { return say(uint64(n), uint64(total)) })
	})
	return nil
}

// learn learns a card and keeps it as the draft; only one that is better than the card
// in force is published, and only if that was asked for.
func learn(ctx context.Context, st Leads, cfg *Config, by tracker.Caller, tenant tracker.TenantID, ask Training, say func(done, total uint64) error) (*Trained, error) {
	begun := cfg.Now()
	out, err := st.Train(ctx, by, tenant, ask, func(n, total int) error { return say(uint64(n), uint64(total)) })
	if err != nil {
		return nil, err
	}
	if out.Model != "" {
		if _, err := cfg.Registry.Draft(tenant, out.ModelName, []byte(out.Model)); err != nil {
			return nil, err
		}
	}
	if _, err := cfg.Registry.Draft(tenant, ask.Card, []byte(out.YAML)); err != nil {
		return nil, err
	}
	if ask.Publish && out.Better && out.Model != "" {
		if _, err := cfg.Registry.Publish(ctx, tenant, out.ModelName, false); err != nil {
			return nil, err
		}
	}
	a, err := cfg.Registry.Candidate(tenant, ask.Card, 0)
	if e, ok := errors.AsType[*tracker.Error](err); ok && e.Kind == tracker.KindUnfit && out.Model != "" {
		err = nil // until its model is published
	}
	if err == nil && ask.Publish && out.Better {
		a, err = cfg.Registry.Publish(ctx, tenant, ask.Card, false)
		out.Published = err == nil
	}
	if out.Scorecard = a.Name(); err == nil {
		err = cfg.Trainings.Note(tenant, begun, ask, out)
	}
	return out, err
}

// planned is what is asked for, where the query says nothing by the plan and the label of
// the card in force, else of its draft.
func (c *call) planned() (ask Training, err error) {
	ask = Training{Card: c.name, Model: c.text("model"), Seed: scorecard.PlanSeed, Language: c.text("lang"), Publish: c.flag("publish_if_better")}
	all, err := c.cfg.Registry.Cards(c.tenant.ID)
	if err != nil {
		return ask, err
	}
	for i := range all {
		if all[i].Name != c.name || tracker.IsModule([]byte(source(&all[i]))) {
			continue
		}
		card, err := scorecard.Parse(c.name, []byte(source(&all[i])))
		if err != nil {
			continue
		}
		ask.Label = card.Label
		if p := card.Plan; p != nil {
			ask.Plan, ask.ByTime, ask.Seed, ask.Drop, ask.Constrain = p.Text, p.ByTime, p.Seed, p.Drop, p.Constrain
		}
	}
	if text := c.text("label"); text != "" {
		if ask.Label, err = scorecard.ParseLabel(text); err != nil {
			return ask, invalid("label", err.Error())
		}
	}
	if c.has("seed") {
		ask.Seed = c.number("seed")
	}
	if c.has("by") {
		ask.ByTime = c.text("by") == "time"
	}
	return ask, nil
}
