package export

import (
	"errors"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/wasm/host"
	"ripen/wasm/meter"
)

// moduleJSON is what a PUT of a module answers: the draft it became, and what is
// known of it.
type moduleJSON struct {
	cardJSON
	Report *host.Report `json:"report"`
}

// draftModule checks, compiles and tries a tenant's WebAssembly, as publishing it
// needs, and keeps it as a draft. Whoever publishes or rolls it back does so as
// with any card: a module is one.
func (c *call) draftModule() error {
	body := c.ctx.PostBody()
	report, err := c.cfg.Registry.Admit(c.cfg.Life, c.tenant.ID, body)
	if no, refused := errors.AsType[*meter.Refusal](err); refused {
		c.refuseModule(no)
		return nil
	}
	if err != nil {
		return err
	}
	row, err := c.cfg.Registry.Draft(c.tenant.ID, c.name, body)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, moduleJSON{c.cardToJSON(&row), report})
	return nil
}

// refuseModule answers where a module is wrong, in members of the problem of its
// own.
func (c *call) refuseModule(no *meter.Refusal) {
	JSON(c.ctx, fasthttp.StatusUnprocessableEntity, struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
		*meter.Refusal
	}{"about:blank", "Unprocessable Entity", fasthttp.StatusUnprocessableEntity, "invalid_module", no.Error(), no})
	c.ctx.SetContentType("application/problem+json")
}

var errModulePath error = &tracker.Error{
	Kind: tracker.KindInvalid, Code: "bad_body", Detail: "body: this is WebAssembly, not a card: PUT it to /v1/modules/{name}",
}
