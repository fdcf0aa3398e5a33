package export

import (
	"bufio"
	"encoding/json"
	"errors"

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

// simulationJSON is a line of progress; the last one has the result, or says
// why there is none.
type simulationJSON struct {
	Done   int         `json:"done"`
	Total  int         `json:"total"`
	Result *Simulation `json:"result,omitempty"`
	Error  *errorJSON  `json:"error,omitempty"`
}

type errorJSON struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
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
	by, tenant, life, log := c.caller, c.tenant.ID, c.cfg.Life, c.log
	c.ctx.SetContentType("application/x-ndjson")
	c.ctx.Response.Header.Set("Cache-Control", "no-store")
	c.ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	c.ctx.SetBodyStreamWriter(func(b *bufio.Writer) {
		defer done()
		var line simulationJSON
		say := func() error {
			j, err := json.Marshal(line)
			if err != nil {
				return err
			}
			if _, err = b.Write(append(j, '\n')); err != nil {
				return err
			}
			return b.Flush()
		}
		var err, gone error
		line.Result, err = st.Simulate(life, by, tenant, a, sample, func(n, total int) error {
			line.Done, line.Total = n, total
			gone = say()
			return gone
		})
		if gone != nil {
			return
		}
		if err != nil {
			problem := errorJSON{"internal", "the server failed at this request; its log says why"}
			if e, ok := errors.AsType[*tracker.Error](err); ok {
				problem = errorJSON{e.Code, e.Error()}
			} else {
				log.Error("simulate", "err", err)
			}
			line.Error = &problem
		}
		_ = say() // a reader that has gone does not miss it
	})
}
