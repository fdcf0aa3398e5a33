package export

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// tail answers what becomes of a source's events, as NDJSON: what is kept of
// them from ?from= on, and with ?follow=1 what comes, for as long as somebody
// reads. Without from, a reader that follows hears of what comes alone.
func (c *call) tail() error {
	from, follow := c.number("from"), c.flag("follow")
	if c.err != nil {
		return c.err
	}
	for _, src := range c.cfg.Registry.Sources(c.tenant.ID) {
		if src.Name == c.name {
			past := !follow || c.args.Has("from")
			Lines(c.ctx, func(w *bufio.Writer) error { return c.cfg.Tail(w, src, from, past, follow) })
			return nil
		}
	}
	return &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "no source of yours has this name"}
}

// Lines answers with NDJSON that f writes. A failure ends the answer with a line
// {"error":…}: the status is long gone by then.
func Lines(ctx *fasthttp.RequestCtx, f func(w *bufio.Writer) error) {
	ctx.SetContentType("application/x-ndjson")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		if err := f(w); err != nil && !errors.Is(err, context.Canceled) {
			// The reader is gone if this fails.
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "failed", "detail": err.Error()}})
		}
		_ = w.Flush()
	})
}
