package export

import (
	"context"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Shadow says what a version of a card makes of live events that runs beside the
// one in force: what a simulation of it would say, kept up to date.
type Shadow struct {
	Simulation
	Since   string `json:"since"`   // when it began
	Ready   bool   `json:"ready"`   // every lead was walked, since it began or the server started
	Waiting int    `json:"waiting"` // leads that are to be walked again
	Events  uint64 `json:"events"`  // live events since it began or the server started
	Walks   uint64 `json:"walks"`   // of leads; one with more events is walked again
	BusyMS  int64  `json:"busy_ms"` // what the walks took
}

// shadowBegun answers who begins a shadow.
type shadowBegun struct {
	Scorecard string `json:"scorecard"` // name@version of the shadow
	Module    bool   `json:"module,omitempty"`
	Since     string `json:"since"`
}

// beginShadow lets the draft, or another version, run beside the one in force.
func (c *call) beginShadow() error {
	version := int(min(c.number("version"), 1<<30))
	if c.err != nil {
		return c.err
	}
	a, err := c.cfg.Registry.Shadow(c.tenant.ID, c.name, version)
	if err != nil {
		return err
	}
	out := shadowBegun{Scorecard: a.Name(), Module: tracker.IsModule(a.YAML)}
	if t := c.cfg.Registry.Tenant(c.tenant.ID); t != nil && t.Shadow != nil {
		out.Since = Time(t.Shadow.At)
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

var errNoShadow error = &tracker.Error{Kind: tracker.KindNotFound, Code: "no_shadow", Detail: "no version of this card runs as a shadow: PUT begins one"}

// shadow says what the shadow has seen; with wait, once it has walked every lead
// that was touched, or when the wait is over.
func (c *call) shadow() error {
	wait := c.duration("wait", maxWait)
	if c.tenant.Shadow == nil || c.tenant.Shadow.Card != c.name {
		return errNoShadow
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(c.cfg.Life, wait)
	defer cancel()
	out, err := st.Shadow(ctx, c.caller, c.tenant.ID)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) endShadow() error {
	if err := c.cfg.Registry.Unshadow(c.tenant.ID, c.name); err != nil {
		return err
	}
	c.ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}
