package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// progressJSON is a line of progress. The last one has the result, says end if
// there is none to give, or why the work failed.
type progressJSON struct {
	Done   uint64     `json:"done"`
	Total  uint64     `json:"total"`
	End    bool       `json:"end,omitempty"`
	Result any        `json:"result,omitempty"`
	Error  *errorJSON `json:"error,omitempty"`
}

type errorJSON struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Progress answers as NDJSON how far work has come, and then its result; a nil
// result is none. say fails once the reader has gone: whether that ends the work
// is for the work to say.
func Progress(ctx *fasthttp.RequestCtx, log *slog.Logger, what string, work func(say func(done, total uint64) error) (any, error)) {
	ctx.SetContentType("application/x-ndjson")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.SetBodyStreamWriter(func(b *bufio.Writer) {
		var line progressJSON
		var gone error
		say := func() error {
			j, err := json.Marshal(line)
			if err != nil {
				return err
			}
			if _, gone = b.Write(append(j, '\n')); gone == nil {
				gone = b.Flush()
			}
			return gone
		}
		result, err := work(func(done, total uint64) error {
			line.Done, line.Total = done, total
			return say()
		})
		switch e, known := errors.AsType[*tracker.Error](err); {
		case err == nil:
			line.End, line.Result = result == nil, result
		case gone != nil && errors.Is(err, gone):
			return
		case known:
			line.Error = &errorJSON{e.Code, e.Error()}
		default:
			log.Error(what, "err", err)
			line.Error = &errorJSON{"internal", "the server failed at this request; its log says why"}
		}
		_ = say() // a reader that has gone does not miss it
	})
}
