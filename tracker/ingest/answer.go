package ingest

import (
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// details says what each code of a verdict asks of the sender.
var details = map[string]string{
	tracker.CodeTimeClamped:    "timestamp was unreadable or outside the last 7 days and was moved: check the client's clock, or send history with a secret key",
	tracker.CodeMinted:         "messageId is missing and was made here: send one, so that retries are recognised",
	tracker.CodeProof:          "userIdHash does not vouch for userId, which is only claimed: send the hex HMAC-SHA256 of userId under the source's identity key",
	tracker.CodeIDIgnored:      "an id that stands for nobody (null, undefined, anonymous, 0, …) was taken as absent: send no id until there is one",
	tracker.CodeInvalidUTF8:    "a string is not UTF-8: encode the text as UTF-8",
	tracker.CodeNUL:            "a string or key holds U+0000: remove it",
	tracker.CodeInvalidJSON:    "the event is not a JSON object: fix its syntax",
	tracker.CodeTooDeep:        "the event nests deeper than 16: flatten it",
	tracker.CodeTooLarge:       "the event is over 32 KiB: send less in it",
	tracker.CodeTooManyKeys:    "an object has more than 128 keys: send fewer",
	tracker.CodeIDTooLong:      "messageId, anonymousId, userId, groupId or previousId is over 200 bytes: send a shorter one",
	tracker.CodeMissingType:    "type is missing: send track, page, screen, identify, group or alias",
	tracker.CodeUnknownType:    "type is unknown: send track, page, screen, identify, group or alias",
	tracker.CodeMissingEvent:   "event is missing: name what happened in a track call",
	tracker.CodeMissingID:      "anonymousId and userId are missing: send one of them",
	tracker.CodeTimeOutOfRange: "timestamp is unreadable, before 2000 or more than a day ahead: send RFC 3339",
	tracker.CodeOverload:       "too much is waiting: send it again later with the same messageId",
	tracker.CodeStorage:        "the log did not take it: send it again later with the same messageId",
}

// appendAnswer appends the answer to a POST: a verdict for each event, in the
// order of the body.
func (j *job) appendAnswer(dst []byte) []byte {
	success := true
	for i := range j.items {
		if s := j.items[i].status; s == tracker.Drop || s == tracker.Retry {
			success = false
		}
	}
	dst = append(dst, `{"success":`...)
	dst = strconv.AppendBool(dst, success)
	dst = append(dst, `,"results":[`...)
	for i := range j.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = j.items[i].append(dst)
	}
	return append(dst, "]}\n"...)
}

func (it *item) append(dst []byte) []byte {
	dst = it.brief(dst)
	if it.code != "" {
		dst = append(dst[:len(dst)-1], `,"detail":`...)
		dst = append(appendJSON(dst, []byte(details[it.code])), '}')
	}
	return dst
}

// brief is append without what the code says in full.
func (it *item) brief(dst []byte) []byte {
	dst = append(dst, `{"messageId":`...)
	id := it.given
	if len(id) == 0 && it.ev.MessageUUID {
		id = []byte(it.ev.MessageText())
	}
	dst = appendJSON(dst, id)
	dst = append(dst, `,"status":"`...)
	dst = append(dst, it.status.String()...)
	dst = append(dst, '"')
	if it.code != "" {
		dst = append(dst, `,"code":"`...)
		dst = append(dst, it.code...)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// appendJSON appends text as a JSON string that is safe in any page.
func appendJSON(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	if len(text) > 2*tracker.MaxID {
		text = text[:2*tracker.MaxID] // an id that is too long is shown in part
	}
	dst = append(dst, '"')
	for len(text) > 0 {
		c := text[0]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c < ' ' || c == '<' || c == '>' || c == '&' || c == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				dst = append(dst, c)
			}
			text = text[1:]
			continue
		}
		r, n := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[n:]
	}
	return append(dst, '"')
}

// statuses maps the kinds of errors to HTTP.
var statuses = map[tracker.Kind]int{
	tracker.KindInternal:   fasthttp.StatusInternalServerError,
	tracker.KindInvalid:    fasthttp.StatusBadRequest,
	tracker.KindUnknownKey: fasthttp.StatusUnauthorized,
	tracker.KindForbidden:  fasthttp.StatusForbidden,
	tracker.KindTooLarge:   fasthttp.StatusRequestEntityTooLarge,
	tracker.KindQuota:      fasthttp.StatusTooManyRequests,
	tracker.KindBusy:       fasthttp.StatusServiceUnavailable,
}

// problem answers an error as RFC 9457 has it.
func problem(ctx *fasthttp.RequestCtx, status int, code, detail string) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/problem+json")
	b := append([]byte(nil), `{"type":"about:blank","title":`...)
	b = appendJSON(b, []byte(fasthttp.StatusMessage(status)))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"code":"`...)
	b = append(b, code...)
	b = append(b, `","detail":`...)
	b = appendJSON(b, []byte(detail))
	ctx.SetBody(append(b, "}\n"...))
}

// refuse answers a whole request that is not taken.
func (h *Handler) refuse(ctx *fasthttp.RequestCtx, err *tracker.Error) {
	h.countRefusal(err)
	problem(ctx, statuses[err.Kind], err.Code, err.Detail)
}

func (h *Handler) countRefusal(err *tracker.Error) {
	if n := h.count.refused[err.Code]; n != nil {
		n.Inc()
	}
}

// later answers a request that may be sent again.
func (h *Handler) later(ctx *fasthttp.RequestCtx, err *tracker.Error, seconds int) {
	ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(max(seconds, 1)))
	h.refuse(ctx, err)
}
