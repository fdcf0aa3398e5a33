package export

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// cardJSON is a scorecard as the API shows one.
type cardJSON struct {
	Name      string `json:"name"`
	Version   int    `json:"version"` // in force; 0 = none yet
	Ranking   bool   `json:"ranking"`
	Draft     bool   `json:"draft"`
	DraftID   string `json:"draft_id,omitempty"`  // what the draft says: to publish it and no other
	Published string `json:"published,omitempty"` // the version in force, first
	Since     string `json:"since,omitempty"`     // it is in force: from then, or from a rollback
	Versions  []int  `json:"versions"`
	Shadow    string `json:"shadow,omitempty"` // name@version that runs beside the one in force
	// Quarantined are versions that were given up because their module failed too
	// often; the last good one before them serves.
	Quarantined []quarantineJSON `json:"quarantined,omitempty"`
	YAML        string           `json:"yaml,omitempty"`
	Module      string           `json:"module,omitempty"` // instead of YAML: the hash of the tenant's own module
	Model       string           `json:"model,omitempty"`  // the same of a learned model
}

type quarantineJSON struct {
	Version int    `json:"version"`
	At      string `json:"at"`
	Why     string `json:"why"`
}

func (c *call) cardToJSON(row *tracker.Card) cardJSON {
	out := cardJSON{Name: row.Name, Version: row.Current, Ranking: c.tenant.Ranking == row.Name, Draft: row.Draft != nil, DraftID: row.DraftID(), Versions: []int{}}
	for _, v := range row.Versions {
		out.Versions = append(out.Versions, v.Version)
		if v.Quarantined != 0 {
			out.Quarantined = append(out.Quarantined, quarantineJSON{v.Version, Time(v.Quarantined), v.Why})
		}
	}
	if sh := c.tenant.Shadow; sh != nil && sh.Card == row.Name {
		out.Shadow = sh.Name()
	}
	if v := row.Version(row.Current); v != nil {
		out.Published, out.Since = Time(v.At), Time(row.Since)
	}
	if ref, ok := strings.CutPrefix(source(row), tracker.ModuleRef); ok {
		out.Module = "sha256:" + ref
	}
	if ref, ok := strings.CutPrefix(source(row), tracker.ModelRef); ok {
		out.Model = "sha256:" + ref
	}
	return out
}

// source is that of the version in force, or of the draft while there is none.
func source(row *tracker.Card) string {
	if v := row.Version(row.Current); v != nil {
		return string(v.YAML)
	}
	return string(row.Draft)
}

func (c *call) cards() error {
	all, err := c.cfg.Registry.Cards(c.tenant.ID)
	if err != nil {
		return err
	}
	out := make([]cardJSON, 0, len(all))
	for i := range all {
		out = append(out, c.cardToJSON(&all[i]))
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"scorecards": out})
	return nil
}

// card answers one card with the source of the version in force, or of the
// draft while there is none.
func (c *call) card() error {
	all, err := c.cfg.Registry.Cards(c.tenant.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(d tracker.Card) bool { return d.Name == c.name })
	if i < 0 {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_scorecard", Detail: "the tenant has no card of this name"}
	}
	row := &all[i]
	out := c.cardToJSON(row)
	if out.Module == "" && out.Model == "" {
		out.YAML = source(row)
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) draft() error {
	if tracker.IsModule(c.ctx.PostBody()) {
		return errModulePath // which tries it first
	}
	row, err := c.cfg.Registry.Draft(c.tenant.ID, c.name, c.ctx.PostBody())
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, c.cardToJSON(&row))
	return nil
}

// publish takes from the query or from a body of JSON whether the card is to be the
// ranking, and from the body which draft is meant.
func (c *call) publish() error {
	var body struct {
		Ranking bool   `json:"ranking"`
		DraftID string `json:"draft_id"`
	}
	body.Ranking = c.flag("ranking")
	if c.err != nil {
		return c.err
	}
	if len(c.ctx.PostBody()) > 0 {
		if err := c.body(&body); err != nil {
			return err
		}
	}
	a, err := c.cfg.Registry.PublishDraft(c.cfg.Life, c.tenant.ID, c.name, body.DraftID, body.Ranking)
	return c.activated(a, err)
}

func (c *call) rollback() error {
	a, err := c.cfg.Registry.Rollback(c.cfg.Life, c.tenant.ID, c.name)
	return c.activated(a, err)
}

func (c *call) activated(a tracker.Activation, err error) error {
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"name": a.Card, "version": a.Version, "ranking": a.Ranking, "scorecard": a.Name()})
	return nil
}
