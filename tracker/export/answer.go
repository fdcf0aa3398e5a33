package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Problem answers with RFC 9457 problem JSON. Code is stable; detail is one
// sentence with the fix.
func Problem(ctx *fasthttp.RequestCtx, status int, code, detail string) {
	ctx.SetStatusCode(status)
	h := &ctx.Response.Header
	h.SetContentType("application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	b := append(ctx.Response.Body()[:0], `{"type":"about:blank","title":`...)
	b = appendJSON(b, fasthttp.StatusMessage(status))
	b = fmt.Appendf(b, `,"status":%d,"code":`, status)
	b = appendJSON(b, code)
	b = append(b, `,"detail":`...)
	b = appendJSON(b, detail)
	ctx.SetBody(append(b, "}\n"...))
}

// statusOf maps the kind of an error to a status.
var statusOf = map[tracker.Kind]int{
	tracker.KindInternal:   fasthttp.StatusInternalServerError,
	tracker.KindInvalid:    fasthttp.StatusBadRequest,
	tracker.KindUnknownKey: fasthttp.StatusUnauthorized,
	tracker.KindForbidden:  fasthttp.StatusForbidden,
	tracker.KindNotFound:   fasthttp.StatusNotFound,
	tracker.KindConflict:   fasthttp.StatusConflict,
	tracker.KindTooLarge:   fasthttp.StatusRequestEntityTooLarge,
	tracker.KindQuota:      fasthttp.StatusTooManyRequests,
	tracker.KindBusy:       fasthttp.StatusServiceUnavailable,
	tracker.KindUnfit:      fasthttp.StatusUnprocessableEntity,
}

// Error answers with the problem that an error is.
func Error(ctx *fasthttp.RequestCtx, err error) {
	code, detail := "internal", err.Error()
	if e, ok := errors.AsType[*tracker.Error](err); ok {
		code, detail = e.Code, e.Error()
		if e.ES != "" && string(ctx.QueryArgs().Peek("lang")) == "es" {
			detail = e.ES
		}
	}
	switch tracker.KindOf(err) {
	case tracker.KindBusy, tracker.KindQuota:
		ctx.Response.Header.Set("Retry-After", "1")
	case tracker.KindUnknownKey:
		ctx.Response.Header.Set("WWW-Authenticate", `Bearer realm="ripen"`)
	}
	Problem(ctx, statusOf[tracker.KindOf(err)], code, detail)
}

// NotAllowed answers that a path knows other methods.
func NotAllowed(ctx *fasthttp.RequestCtx, allow []string) {
	ctx.Response.Header.Set("Allow", strings.Join(allow, ", "))
	Problem(ctx, fasthttp.StatusMethodNotAllowed, "method_not_allowed", "use "+strings.Join(allow, " or "))
}

// JSON answers with v.
func JSON(ctx *fasthttp.RequestCtx, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an answer has no JSON: " + err.Error())
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	h := &ctx.Response.Header
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	ctx.SetBody(append(b, '\n'))
}

// appendJSON appends s as a JSON string.
func appendJSON(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("BUG: a string has no JSON: " + err.Error())
	}
	return append(dst, b...)
}

// Time writes unix milliseconds as the API shows a moment: RFC 3339 in UTC.
func Time(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Time(t.UnixMilli())
}

func invalid(field, fix string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_" + strings.ToLower(strings.ReplaceAll(field, "-", "_")), Detail: field + ": " + fix}
}
