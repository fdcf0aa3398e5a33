package email

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"ripen/tracker"
)

// object is a JSON object of a report. Reading never fails: what is absent, or
// of another type, is empty.
type object map[string]any

// objects reads a body that is an object or an array of them. What of an array
// is no object becomes an event that is refused; its neighbours go on.
func objects(body []byte, read func(o object) *happened) ([]*happened, error) {
	body = bytes.TrimSpace(body)
	isList := len(body) > 0 && body[0] == '['
	var raws []json.RawMessage
	if !isList {
		raws = []json.RawMessage{body}
	} else if err := json.Unmarshal(body, &raws); err != nil {
		return nil, unreadable("the body is not a JSON array")
	}
	if len(raws) > tracker.MaxBatch {
		return nil, &tracker.Error{Kind: tracker.KindTooLarge, Code: tracker.CodeTooLarge, Detail: "a body may have 2500 events"}
	}
	list := make([]*happened, 0, len(raws))
	for _, raw := range raws {
		var o object
		ev := &happened{code: tracker.CodeInvalidJSON}
		switch err := json.Unmarshal(raw, &o); {
		case len(raw) > tracker.MaxEvent:
			ev.code = tracker.CodeTooLarge
		case err == nil && o != nil:
			ev = read(o)
		case !isList:
			return nil, unreadable("the body is not a JSON object")
		}
		ev.raw = raw
		list = append(list, ev)
	}
	return list, nil
}

// get follows names into an object.
func (o object) get(names ...string) any {
	var v any = map[string]any(o)
	for _, n := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[n]
	}
	return v
}

// text returns a string, or a number as text.
func (o object) text(names ...string) string {
	switch v := o.get(names...).(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (o object) truth(names ...string) bool {
	v, ok := o.get(names...).(bool)
	return ok && v
}

// texts returns a list of strings, or one alone.
func (o object) texts(names ...string) (out []string) {
	switch v := o.get(names...).(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// list returns the objects of an array.
func (o object) list(names ...string) (out []object) {
	v, ok := o.get(names...).([]any)
	if !ok {
		return nil
	}
	for _, e := range v {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// moment returns a time in unix milliseconds, 0 if there is none: unix time in
// seconds or milliseconds, whole or not, or RFC 3339.
func (o object) moment(names ...string) int64 {
	s := o.text(names...)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		switch {
		case math.IsNaN(n) || n <= 0 || n > 1e14:
			return 0
		case n < 1e11:
			n *= 1000
		}
		return int64(math.Round(n))
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07"} {
		if t, err := time.Parse(layout, s); err == nil {
			return max(t.UnixMilli(), 0)
		}
	}
	return 0
}

// meaning is what a provider's word for an event says.
type meaning struct{ typ, detail string }

var (
	sent        = meaning{typ: "email_sent"}
	delivered   = meaning{typ: "email_delivered"}
	wasOpened   = meaning{typ: "email_open"}
	wasClicked  = meaning{typ: "email_click"}
	hardBounce  = meaning{"email_bounce", "hard"}
	softBounce  = meaning{"email_bounce", "soft"}
	complaint   = meaning{typ: "email_complaint"}
	unsubscribe = meaning{"unsubscribe", "provider"}
)

// says begins an event with the meaning of the provider's word; a word without
// one is ignored.
func says(words map[string]meaning, word string) *happened {
	m, ok := words[word]
	if !ok {
		return &happened{code: codeIgnored}
	}
	return &happened{typ: m.typ, detail: m.detail}
}

// machine marks an event that the provider says a machine made, with its own
// word for it.
func (h *happened) flagged(word string, m tracker.Machine) {
	h.flag, h.machine = word, m
}

func joined(tags []string) string { return strings.Join(tags, ",") }
