package export

import (
	"github.com/valyala/fasthttp"
)

// onsiteStats answers what became of a message, by version.
func (c *call) onsiteStats() error {
	out, err := c.cfg.Journeys.OnsiteStats(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"stats": out})
	return nil
}

// onsitePreview answers a page that shows the version in force, or the draft.
func (c *call) onsitePreview() error {
	draft, lang := c.flag("draft"), c.text("lang")
	if c.err != nil {
		return c.err
	}
	d, err := c.cfg.Journeys.Doc(c.tenant.ID, c.kind(), c.name)
	if err != nil {
		return err
	}
	src := d.Draft
	if v := d.Version(d.Current); v != nil && !draft {
		src = v.YAML
	}
	page, err := c.cfg.Journeys.OnsitePreview(c.name, lang, src)
	if err != nil {
		return err
	}
	c.ctx.SetContentType("text/html; charset=utf-8")
	c.ctx.Response.Header.Set("Cache-Control", "no-store")
	c.ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	c.ctx.SetBody(page)
	return nil
}

// waitingJSON is a message that waits for a lead.
type waitingJSON struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	Since   string `json:"since"`
}

// onsiteOf answers which messages wait for a lead.
func (c *call) onsiteOf() error {
	ids, err := c.names()
	if err != nil {
		return err
	}
	list, err := c.cfg.Journeys.OnsiteWaiting(c.tenant.ID, ids)
	if err != nil {
		return err
	}
	out := make([]waitingJSON, 0, len(list))
	for _, w := range list {
		out = append(out, waitingJSON{w.ID, w.Name, Time(w.At)})
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"lead": ids[0].String(), "waiting": out})
	return nil
}
