package export

import (
	"context"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Journeys are the tenants' journeys and segments, and where leads stand in
// them. Who may call is asked before.
type Journeys interface {
	// Docs returns the texts of a kind by name.
	Docs(t tracker.TenantID, kind tracker.TextKind) ([]tracker.JourneyDoc, error)
	// Doc returns one.
	Doc(t tracker.TenantID, kind tracker.TextKind, name string) (tracker.JourneyDoc, error)
	// Draft keeps a text that is right.
	Draft(t tracker.TenantID, kind tracker.TextKind, name string, src []byte) (tracker.JourneyDoc, error)
	// Lacks reads the text of a journey and keeps nothing; its error says what is
	// wrong, its checks what the tenant has for it and what it lacks.
	Lacks(t tracker.TenantID, name string, src []byte) ([]tracker.Check, error)
	// UnderWay says how many leads wait in which step of which version, and what would
	// become of them if a text were published.
	UnderWay(t tracker.TenantID, name string, src []byte) ([]tracker.JourneyUnderWay, error)
	// Publish puts the draft in force; with migrate, leads under way go on in it.
	Publish(ctx context.Context, t tracker.TenantID, kind tracker.TextKind, name string, migrate bool) (tracker.JourneyDoc, error)
	// Rollback puts the version before the one in force in force again.
	Rollback(t tracker.TenantID, kind tracker.TextKind, name string) (tracker.JourneyDoc, error)
	// Stats counts leads by version.
	Stats(t tracker.TenantID, kind tracker.TextKind, name string) (map[string]*tracker.JourneyTally, error)
	// Effect compares who was taken along with who was held out, of leads who entered
	// at least within, in ms, ago.
	Effect(t tracker.TenantID, name string, within int64, lang string) (*tracker.JourneyEffect, error)
	// Members returns leads that belong to a segment, from behind one on.
	Members(t tracker.TenantID, name string, behind tracker.LeadID, limit int) ([]tracker.LeadID, error)
	// Places returns where a lead stands or stood, given all its names.
	Places(t tracker.TenantID, ids []tracker.LeadID) ([]tracker.JourneyPlace, error)
	// Steps returns what was done with a lead, latest first.
	Steps(t tracker.TenantID, ids []tracker.LeadID, limit int) ([]tracker.JourneyStep, error)
	// Letters returns the letters of a batch, or with 0 those that wait; their links
	// begin with base.
	Letters(t *tracker.Tenant, batch int, base string) ([]tracker.Letter, error)
	// ExportLetters makes a batch of those that wait.
	ExportLetters(t *tracker.Tenant, base string) ([]tracker.Letter, error)
	// OnsiteStats counts what became of an on-site message, by version.
	OnsiteStats(t tracker.TenantID, name string) (map[string]*tracker.OnsiteTally, error)
	// OnsiteWaiting returns the messages that wait for a lead, given all its names.
	OnsiteWaiting(t tracker.TenantID, ids []tracker.LeadID) ([]tracker.OnsiteWaiting, error)
	// OnsitePreview returns a page that shows the text of a message.
	OnsitePreview(name, lang string, src []byte) ([]byte, error)
	// Simulate walks what happened since a moment through a draft, or the version
	// in force if there is none, and counts what would have been done; its notes are in lang.
	Simulate(ctx context.Context, t *tracker.Tenant, name string, since int64, lang string) (*tracker.JourneySimulation, error)
}

// docJSON is a journey or segment as the API shows one.
type docJSON struct {
	Name      string `json:"name"`
	Version   int    `json:"version"` // in force; 0 = none yet
	Draft     bool   `json:"draft"`
	Published string `json:"published,omitempty"`
	Migrated  int    `json:"migrated,omitempty"` // leads that entered a version below go on in the one in force
	Versions  []int  `json:"versions"`
	YAML      string `json:"yaml,omitempty"`
}

func docToJSON(d *tracker.JourneyDoc) docJSON {
	out := docJSON{Name: d.Name, Version: d.Current, Draft: d.Draft != nil, Migrated: d.Migrated, Versions: []int{}}
	for _, v := range d.Versions {
		out.Versions = append(out.Versions, v.Version)
	}
	if v := d.Version(d.Current); v != nil {
		out.Published = Time(v.At)
	}
	return out
}

// kind is that of the texts that a path is about.
func (c *call) kind() tracker.TextKind {
	switch path := string(c.ctx.Path()) + "    "; path[4] {
	case 's': // /v1/segments
		return tracker.Segments
	case 'o': // /v1/onsite
		return tracker.Onsite
	}
	return tracker.Journeys
}

func (c *call) texts() error {
	all, err := c.cfg.Journeys.Docs(c.tenant.ID, c.kind())
	if err != nil {
		return err
	}
	out := make([]docJSON, 0, len(all))
	for i := range all {
		out = append(out, docToJSON(&all[i]))
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{c.kind().Plural(): out})
	return nil
}

// oneText answers the version in force, or the draft while there is none.
func (c *call) oneText() error {
	d, err := c.cfg.Journeys.Doc(c.tenant.ID, c.kind(), c.name)
	if err != nil {
		return err
	}
	out := docToJSON(&d)
	if out.YAML = string(d.Draft); d.Current != 0 {
		out.YAML = string(d.Version(d.Current).YAML)
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) told(d tracker.JourneyDoc, err error) error {
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, docToJSON(&d))
	return nil
}

func (c *call) draftText() error {
	return c.told(c.cfg.Journeys.Draft(c.tenant.ID, c.kind(), c.name, c.ctx.PostBody()))
}

// checkJourney says what a journey would be refused for, and what its publication would
// do to those under way.
func (c *call) checkJourney() error {
	if c.lang(); c.err != nil {
		return c.err
	}
	list, err := c.cfg.Journeys.Lacks(c.tenant.ID, c.name, c.ctx.PostBody())
	if err == nil {
		err = tracker.NotReady(list)
	}
	if err != nil {
		return err
	}
	walking, err := c.cfg.Journeys.UnderWay(c.tenant.ID, c.name, c.ctx.PostBody())
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"name": c.name, "ready": true, "under_way": walking})
	return nil
}

// publishText takes migrate from the query or from a body of JSON.
func (c *call) publishText() error {
	var body struct {
		Migrate bool `json:"migrate"`
	}
	body.Migrate = c.flag("migrate")
	if c.lang(); c.err != nil {
		return c.err
	}
	if len(c.ctx.PostBody()) > 0 {
		if err := c.body(&body); err != nil {
			return err
		}
	}
	return c.told(c.cfg.Journeys.Publish(c.cfg.Life, c.tenant.ID, c.kind(), c.name, body.Migrate))
}

func (c *call) rollbackText() error {
	return c.told(c.cfg.Journeys.Rollback(c.tenant.ID, c.kind(), c.name))
}

func (c *call) statsOfText() error {
	out, err := c.cfg.Journeys.Stats(c.tenant.ID, c.kind(), c.name)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"stats": out})
	return nil
}

// effect says what a journey adds, 30 days from the entry if nothing else is asked, and
// what to expect of one lead if it is named.
func (c *call) effect() error {
	days, lang := c.float("days"), c.text("lang")
	switch {
	case c.err != nil:
		return c.err
	case c.text("days") == "":
		days = 30
	case days <= 0 || days > 400:
		return invalid("days", "need a number above 0, at most 400: goals are looked for so long")
	}
	if lang != "" && lang != "en" && lang != "es" {
		return invalid("lang", "need en or es")
	}
	out, err := c.cfg.Journeys.Effect(c.tenant.ID, c.name, int64(days*24*3600*1000), lang)
	if err != nil {
		return err
	}
	if who := c.text("lead"); who != "" {
		st, done, err := c.at()
		if err != nil {
			return err
		}
		defer done()
		l, err := st.Lead(c.caller, c.tenant.ID, who)
		if err != nil {
			return err
		}
		band := ""
		if sc := l.Scores[c.tenant.Ranking]; sc != nil {
			band = sc.Band
		}
		if out.Lead = out.Expect(l.ID.String(), band); out.Lead == nil {
			return &tracker.Error{Kind: tracker.KindConflict, Code: "too_few", Detail: "no version of this journey can tell yet what it adds for one lead"}
		}
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) members() error {
	limit := c.limit()
	if c.err != nil {
		return c.err
	}
	if limit <= 0 {
		limit = 100
	}
	var behind tracker.LeadID
	if s := c.text("after"); s != "" {
		var err error
		if behind, err = tracker.ParseLeadID(s); err != nil {
			return invalid("after", "need the next of the page before")
		}
	}
	ids, err := c.cfg.Journeys.Members(c.tenant.ID, c.name, behind, limit)
	if err != nil {
		return err
	}
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		out = append(out, id.String())
	}
	answer := map[string]any{"leads": out}
	if len(out) == limit {
		answer["next"] = out[limit-1]
	}
	JSON(c.ctx, fasthttp.StatusOK, answer)
	return nil
}

// names are those of the lead in the path, the current one first.
func (c *call) names() ([]tracker.LeadID, error) {
	st, done, err := c.at()
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := st.Lead(c.caller, c.tenant.ID, c.name)
	if err != nil {
		return nil, err
	}
	return append([]tracker.LeadID{l.ID}, l.Superseded...), nil
}

// journeysOf answers where a lead stands, and what was done with it.
func (c *call) journeysOf() error {
	limit := c.limit()
	if c.err != nil {
		return c.err
	}
	if limit <= 0 {
		limit = 100
	}
	ids, err := c.names()
	if err != nil {
		return err
	}
	places, err := c.cfg.Journeys.Places(c.tenant.ID, ids)
	if err != nil {
		return err
	}
	steps, err := c.cfg.Journeys.Steps(c.tenant.ID, ids, limit)
	if err != nil {
		return err
	}
	if places == nil {
		places = []tracker.JourneyPlace{}
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"lead": ids[0].String(), "journeys": places, "steps": steps})
	return nil
}

// simulateJourney says what would have been done since a moment, 90 days ago if
// none is given.
func (c *call) simulateJourney() error {
	since, lang := c.time("since"), c.lang()
	if c.err != nil {
		return c.err
	}
	ms := c.cfg.Now() - 90*24*3600*1000
	if !since.IsZero() {
		ms = since.UnixMilli()
	}
	out, err := c.cfg.Journeys.Simulate(c.cfg.Life, c.tenant, c.name, ms, lang)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}
