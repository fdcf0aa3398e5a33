package export

import "github.com/valyala/fasthttp"

// checkJSON is one thing that must hold before a tenant goes live.
type checkJSON struct {
	Step string `json:"step"`
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Fix  string `json:"fix,omitempty"`
}

// checklist answers what is set up and what is not; ready is all of it.
func (c *call) checklist() error {
	lang := c.lang()
	list, err := c.cfg.Checklist(c.tenant)
	if err != nil {
		return err
	}
	out := struct {
		Ready  bool        `json:"ready"`
		Checks []checkJSON `json:"checks"`
	}{true, make([]checkJSON, 0, len(list))}
	for _, k := range list {
		out.Ready = out.Ready && k.OK
		out.Checks = append(out.Checks, checkJSON{k.Step, k.Name.In(lang), k.OK, k.Fix.In(lang)})
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}
