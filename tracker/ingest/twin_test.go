package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ripen/tracker"
)

// The twin reads the same bodies with encoding/json into maps, in obvious code
// and in no hurry. FuzzDecode holds the decoder to it.

// twinEvent is what the twin makes of one event.
type twinEvent struct {
	raw      string
	faults   map[string]bool // codes that may drop it; none means it is stored
	code     string          // of a stored event
	typ      string
	time     int64
	id       string // empty: minted
	hashes   [3]tracker.Hash
	deny     bool
	consent  tracker.Consent
	decision bool
	placed   bool
	fields   map[string]string // "clear p.path" → value
}

// member is one key of a JSON object, in order.
type twinMember struct {
	key string
	raw json.RawMessage
}

// twinObject reads an object's members; ok is false if it is none.
func twinObject(raw []byte) (out []twinMember, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, false
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, false
		}
		out = append(out, twinMember{t.(string), v})
	}
	return out, true
}

// last returns the value of a key; of two the last.
func last(ms []twinMember, key string) json.RawMessage {
	for _, m := range slices.Backward(ms) {
		if m.key == key {
			return m.raw
		}
	}
	return nil
}

// twinBody splits a well-formed body; ok is false if it is not well formed.
func twinBody(body []byte, s sender) (out []twinEvent, ok bool) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	d := json.NewDecoder(bytes.NewReader(body))
	same := &twinAgent{}
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); err == io.EOF {
			return out, true
		} else if err != nil {
			return nil, false
		}
		switch raw[0] {
		case '[':
			out = append(out, twinBatch(raw, nil, clock{}, s, same)...)
		case '{':
			ms, _ := twinObject(raw)
			batches := slices.DeleteFunc(slices.Clone(ms), func(m twinMember) bool { return m.raw[0] != '[' })
			if batch := last(batches, "batch"); len(batch) > 0 {
				if len(ms) > tracker.MaxKeys || slices.ContainsFunc(ms, func(m twinMember) bool { return strings.ContainsAny(m.key, "\x00\ufffd") }) {
					return nil, false // a wrapper may be given up for this: the events are not to blame
				}
				context, _ := twinObject(twinContext(ms))
				out = append(out, twinBatch(batch, context, twinClock(last(ms, "sentAt")), s, same)...)
			} else {
				out = append(out, twinOne(raw, nil, clock{}, s, same))
			}
		default:
			return nil, false
		}
	}
}

// twinContext returns the context of a batch, nothing if it is broken.
func twinContext(ms []twinMember) json.RawMessage {
	raw := last(ms, "context")
	faults := twinFaults([]byte(`{"context":` + string(raw) + `}`))
	delete(faults, tracker.CodeTooLarge)
	if len(faults) > 0 {
		return nil
	}
	return raw
}

func twinBatch(raw []byte, context []twinMember, sent clock, s sender, same *twinAgent) (out []twinEvent) {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	for _, e := range all {
		out = append(out, twinOne(e, context, sent, s, same))
	}
	return out
}

// twinFaults finds every reason to refuse an event's text.
func twinFaults(raw []byte) map[string]bool {
	f := map[string]bool{}
	depth, deepest := 0, 0
	inString := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			if i+5 < len(raw) && string(raw[i+1:i+6]) == "u0000" {
				f[tracker.CodeNUL] = true
			}
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	if len(raw) > tracker.MaxEvent {
		f[tracker.CodeTooLarge] = true
	}
	if deepest > tracker.MaxDepth {
		f[tracker.CodeTooDeep] = true
	}
	if !utf8.Valid(raw) {
		f[tracker.CodeInvalidUTF8] = true
	}
	if len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) {
		f[tracker.CodeInvalidJSON] = true
	}
	if twinKeys(raw) {
		f[tracker.CodeTooManyKeys] = true
	}
	return f
}

// twinKeys says that some object has too many keys.
func twinKeys(raw []byte) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	type level struct{ object, key, n int }
	var stack []level
	for {
		t, err := d.Token()
		if err != nil {
			return false
		}
		if top := len(stack) - 1; top >= 0 && stack[top].object == 1 {
			if t != json.Delim('}') {
				if stack[top].key ^= 1; stack[top].key == 1 {
					stack[top].n++
				}
			}
			if stack[top].n > tracker.MaxKeys {
				return true
			}
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{object: 1})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}

// twinText reads an id or a name.
func twinText(raw json.RawMessage) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if len(raw) == 0 || d.Decode(&v) != nil {
		return ""
	}
	switch v := v.(type) {
	case string:
		return twinTrim(v)
	case json.Number:
		return v.String()
	}
	return ""
}

func twinTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

func twinID(raw json.RawMessage) string {
	id := twinText(raw)
	if twinNobody.MatchString(id) {
		return ""
	}
	return id
}

var twinNobody = regexp.MustCompile(`^(?i:[0-]*|null|undefined|nan|none|nil|\(null\)|<nil>|\[object object\]|anonymous|guest|unknown|not_authenticated|` +
	`true|false|id|userid|user_id|anonymousid|distinct_id|distinctid|email|n/a|-1|undefined@undefined|null@null)$`)

var (
	twinTime   = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?$`)
	twinNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

func twinClock(raw json.RawMessage) clock {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if len(raw) == 0 || d.Decode(&v) != nil || v == nil {
		return clock{}
	}
	text, isString := v.(string)
	if n, ok := v.(json.Number); ok {
		text = n.String()
	} else if !isString {
		return clock{state: badClock}
	}
	if text = twinTrim(text); text == "" {
		return clock{}
	}
	if twinNumber.MatchString(text) {
		f, _ := strconv.ParseFloat(text, 64)
		if math.Abs(f) < 1e11 {
			f *= 1000
		}
		if math.Abs(f) > maxClock {
			return clock{state: badClock}
		}
		return clock{int64(f), goodClock}
	}
	m := twinTime.FindStringSubmatch(text)
	if m == nil {
		return clock{state: badClock}
	}
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	zone := strings.ReplaceAll(strings.ToUpper(or(m[8], "Z")), ":", "")
	if zone != "Z" && (zone[1:3] > "23" || zone[3:] > "59") {
		return clock{state: badClock}
	}
	frac := (or(m[7], ".") + "000")[1:4]
	t, err := time.Parse("2006-01-02T15:04:05.000Z0700",
		m[1]+"-"+m[2]+"-"+m[3]+"T"+or(m[4], "00")+":"+or(m[5], "00")+":"+or(m[6], "00")+"."+frac+zone)
	if err != nil {
		return clock{state: badClock}
	}
	return clock{t.UnixMilli(), goodClock}
}

func twinSnake(name string) string {
	var out []rune
	gap, small := false, false
	for _, r := range name {
		if !(unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) {
			gap = true
			continue
		}
		if (gap || unicode.IsUpper(r) && small) && len(out) > 0 {
			out = append(out, '_')
		}
		gap, small = false, !unicode.IsUpper(r)
		out = append(out, unicode.ToLower(r))
	}
	switch s := string(out); s {
	case "order_completed":
		return "purchase"
	case "product_added":
		return "add_to_cart"
	case "checkout_started":
		return "checkout"
	case "segment_consent_preference_updated":
		return "consent"
	default:
		return s
	}
}

// twinValue shows a scalar as [show] does.
func twinValue(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		var s string
		_ = json.Unmarshal(raw, &s)
		return `"` + s + `"`
	case '{', '[':
		return "json" + string(raw)
	case 'n', 't', 'f':
		return string(raw)
	}
	text := string(raw)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || twinDigits(strconv.FormatFloat(f, 'e', -1, 64)) != twinDigits(text) {
		return text + "n"
	}
	b, _ := json.Marshal(f)
	return string(b) + "f"
}

func twinDigits(s string) string {
	s, _, _ = strings.Cut(strings.ToLower(s), "e")
	s = strings.NewReplacer("-", "", ".", "").Replace(s)
	return strings.TrimRight(strings.TrimLeft(s, "0"), "0")
}

// twinFlat flattens an object: a later name takes out an equal one and all
// names under it.
func twinFlat(ms []twinMember, prefix, space string, out map[string]json.RawMessage) {
	for _, m := range ms {
		name := prefix + m.key
		for old := range out {
			at, _ := strings.CutPrefix(old, space)
			if strings.HasPrefix(old, space) && (at == name || strings.HasPrefix(at, name+".")) ||
				space == "p." && name == "products" && strings.HasPrefix(old, "product.") {
				delete(out, old)
			}
		}
		if inner, ok := twinObject(m.raw); ok && len(name) <= maxPrefix {
			twinFlat(inner, name+".", space, out)
			continue
		}
		if space == "p." && name == "products" && twinProducts(m.raw, out) {
			continue
		}
		if string(m.raw) != "null" || space == "t." {
			out[space+name] = m.raw
		}
	}
}

func twinProducts(raw json.RawMessage, out map[string]json.RawMessage) bool {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil || len(all) == 0 {
		return false
	}
	for _, p := range all {
		if p[0] != '{' {
			return false
		}
	}
	for i, p := range all {
		ms, _ := twinObject(p)
		twinFlat(ms, "", "product."+strconv.Itoa(i)+".", out)
	}
	return true
}

// twinAgent remembers whose agent was stored last.
type twinAgent struct {
	subject tracker.LeadID
	agent   string
}

// twinOne judges one event and files its fields.
func twinOne(raw []byte, context []twinMember, sent clock, s sender, same *twinAgent) twinEvent {
	e := twinEvent{raw: string(raw), faults: twinFaults(raw), fields: map[string]string{}}
	if len(e.faults) > 0 {
		return e
	}
	ms, _ := twinObject(raw)
	flat := map[string]json.RawMessage{}
	for _, part := range []struct{ key, space string }{{"properties", "p."}, {"traits", "t."}, {"context", "c."}} {
		inner, _ := twinObject(last(ms, part.key))
		twinFlat(inner, "", part.space, flat)
	}
	base := map[string]json.RawMessage{}
	twinFlat(context, "", "c.", base)
	for name, v := range base {
		if _, ok := flat[name]; !ok {
			flat[name] = v
		}
	}
	text := func(name string) string {
		if v := flat[name]; len(v) > 0 && v[0] == '"' {
			var s string
			_ = json.Unmarshal(v, &s)
			return s
		}
		return ""
	}
	anon, user, prev := twinID(last(ms, "anonymousId")), twinID(last(ms, "userId")), twinID(last(ms, "previousId"))
	group, id := twinText(last(ms, "groupId")), twinText(last(ms, "messageId"))
	typ := twinText(last(ms, "type"))
	if typ == "" {
		typ = s.kind
	}
	switch typ {
	case "":
		e.faults[tracker.CodeMissingType] = true
	case "track":
		if e.typ = twinSnake(twinText(last(ms, "event"))); e.typ == "" {
			e.faults[tracker.CodeMissingEvent] = true
		}
	case "page", "screen":
		e.typ = "page_view"
	case "identify", "group", "alias":
		e.typ = typ
		if typ == "alias" && anon == "" {
			anon = prev
		}
	default:
		e.faults[tracker.CodeUnknownType] = true
	}
	if len(e.faults) > 0 {
		return e
	}
	for _, v := range []string{anon, user, prev, group, id} {
		if len(v) > tracker.MaxID {
			e.faults[tracker.CodeIDTooLong] = true
		}
	}
	email := ""
	if e.typ == "identify" {
		for _, name := range []string{"t.email", "p.email", "c.traits.email"} {
			if v := twinTrim(text(name)); email == "" && isMailbox([]byte(v)) {
				email = v
			}
		}
	}
	if anon == "" && user == "" && email == "" {
		e.faults[tracker.CodeMissingID] = true
	}
	if len(e.faults) > 0 {
		return e
	}
	e.id = id
	stamp := twinClock(last(ms, "timestamp"))
	if stamp.state == noClock {
		stamp = twinClock(last(ms, "originalTimestamp"))
	}
	if own := twinClock(last(ms, "sentAt")); own.state == goodClock {
		sent = own
	}
	e.when(stamp, sent, s)
	for _, key := range []string{"anonymousId", "userId", "previousId"} {
		if v := twinText(last(ms, key)); v != "" && twinID(last(ms, key)) == "" {
			e.code = tracker.CodeIDIgnored
		}
	}
	proof := cmp.Or(twinText(last(ms, "userIdHash")), string(flat["c.userIdHash"]))
	if deny := twinConsent(flat, s).Denied(); user != "" && proof != "" && !s.trusted && !deny {
		e.code = tracker.CodeProof // none of its bodies has a good one
	}
	if len(e.faults) > 0 {
		// The event still counts for whose agent was stored last.
		(&twinEvent{fields: map[string]string{}, typ: e.typ}).file(flat, text, ms, s, [5]string{anon, user, email, group, prev}, same)
		return e
	}
	e.file(flat, text, ms, s, [5]string{anon, user, email, group, prev}, same)
	return e
}

func (e *twinEvent) when(stamp, sent clock, s sender) {
	const day = 24 * time.Hour
	now := time.UnixMilli(s.now)
	t := now
	if stamp.state == goodClock {
		t = time.UnixMilli(stamp.ms)
		if sent.state == goodClock && !s.history {
			t = time.UnixMilli(s.now - sent.ms + stamp.ms)
		}
	}
	outside := t.Before(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) || t.After(now.Add(day))
	switch {
	case s.trusted && (stamp.state == badClock || outside):
		e.faults[tracker.CodeTimeOutOfRange] = true
	case s.trusted:
	case stamp.state == badClock:
		e.code = tracker.CodeTimeClamped
	case t.Before(now.Add(-7 * day)):
		t, e.code = now.Add(-7*day), tracker.CodeTimeClamped
	case t.After(now):
		t, e.code = now, tracker.CodeTimeClamped
	}
	e.time = t.UnixMilli()
	if e.id == "" && e.code == "" {
		e.code = tracker.CodeMinted
	}
}
