package export

// Typing says how types of leads are sought.
type Typing struct {
	Types    int      // how many; 0 = as many as are told apart best
	Columns  []string // attributes and event types alone; empty = all
	Drop     []string // not these
	Name     string   // of the segments, before the number
	Seed     uint64
	Language string // en or es
}

// typology finds kinds of leads, each with the rule of a segment. It answers NDJSON: how
// far it has come, and then the result. Nothing changes.
func (c *call) typology() error {
	ask := Typing{Types: int(min(c.number("types"), 1000)), Name: c.text("name"), Seed: c.number("seed"), Language: c.text("lang")}
	ask.Columns, ask.Drop = c.lines("columns"), c.lines("drop")
	switch {
	case c.err != nil:
		return c.err
	case ask.Language != "" && ask.Language != "en" && ask.Language != "es":
		return invalid("lang", "need en or es")
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	by, tenant, life := c.caller, c.tenant.ID, c.cfg.Life
	Progress(c.ctx, c.log, "typology", func(say func(done, total uint64) error) (any, error) {
		defer done()
		return st.Types(life, by, tenant, ask, func(n, total int) error { return say(uint64(n), uint64(total)) })
	})
	return nil
}
