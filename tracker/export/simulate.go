package export

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Simulation says what would change if a version of a card were put in force
// now. What was before is the version of the same card that is in force; a lead
// without a score has none, nor a band.
type Simulation struct {
	Scorecard string `json:"scorecard"`          // name@version of what was tried
	InForce   string `json:"in_force,omitempty"` // of what it would replace; empty = nothing
	At        string `json:"at"`                 // the moment that all scores are of
	Total     int    `json:"total"`              // leads of the tenant
	Leads     int    `json:"leads"`              // of them walked

	Rose  int `json:"rose"`  // leads with a higher score; one without counts as 0
	Fell  int `json:"fell"`  // with a lower one
	Moved int `json:"moved"` // with another band

	Bands   []string         `json:"bands"` // of both versions, lowest first
	Moves   []BandMove       `json:"moves"` // the cells of the matrix that are not empty
	Before  Spread           `json:"before"`
	After   Spread           `json:"after"`
	Risers  []SimulatedLead  `json:"risers"`
	Fallers []SimulatedLead  `json:"fallers"`
	Actions []BandAction     `json:"actions"` // that entering a band would set off
	Failed  []SimulationFail `json:"failed"`  // leads that could not be scored, by reason
}

// BandMove is one cell of the matrix; no band is the empty name.
type BandMove struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Leads int    `json:"leads"`
}

// Spread is how scores are distributed: the lowest, nine deciles, the highest.
type Spread struct {
	Scored  int   `json:"scored"`
	Null    int   `json:"null"`    // by a gate, or because no event counts
	Deciles []int `json:"deciles"` // empty if nobody is scored
}

// SimulatedLead is one that would move far.
type SimulatedLead struct {
	ID     string            `json:"id"`
	Before SimulatedStanding `json:"before"`
	After  SimulatedStanding `json:"after"`
}

// SimulatedStanding is where a lead stands on one version, and why.
type SimulatedStanding struct {
	Score   *int             `json:"score"`
	Grade   string           `json:"grade,omitempty"`
	Band    string           `json:"band,omitempty"`
	Reasons []tracker.Reason `json:"reasons"`
}

// BandAction is what would be set off, and for how many leads.
type BandAction struct {
	Band  string `json:"band"`
	Do    string `json:"do"`
	To    string `json:"to"`
	Queue string `json:"queue,omitempty"`
	Leads int    `json:"leads"`
}

// SimulationFail is a reason for which leads could not be scored.
type SimulationFail struct {
	Why   string `json:"why"`
	Leads int    `json:"leads"`
}

// simulate says who would move where, and changes nothing. It answers JSON, or
// as NDJSON how far it has come and then the result.
func (c *call) simulate() error {
	version, sample := int(min(c.number("version"), 1<<30)), int(min(c.number("sample"), 1<<30))
	if c.err != nil {
		return c.err
	}
	a, err := c.cfg.Registry.Candidate(c.tenant.ID, c.name, version)
	if err != nil {
		return err
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	if accepts(c.ctx, "application/x-ndjson") {
		c.streamSimulation(st, done, a, sample)
		return nil
	}
	defer done()
	out, err := st.Simulate(c.cfg.Life, c.caller, c.tenant.ID, a, sample, func(int, int) error { return nil })
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

// streamSimulation ends the simulation when its reader has gone.
func (c *call) streamSimulation(st Leads, done func(), a tracker.Activation, sample int) {
	by, tenant, life := c.caller, c.tenant.ID, c.cfg.Life
	Progress(c.ctx, c.log, "simulate", func(say func(done, total uint64) error) (any, error) {
		defer done()
		out, err := st.Simulate(life, by, tenant, a, sample, func(n, total int) error { return say(uint64(n), uint64(total)) })
		return out, err
	})
}
