package ingest

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ripen/tracker"
)

// file says where each field goes: the table of DESIGN.md, row by row.
func (e *twinEvent) file(flat map[string]json.RawMessage, text func(string) string, ms []twinMember, s sender, ids [5]string, same *twinAgent) {
	tenant := s.source.Tenant
	e.consent = twinConsent(flat, s)
	e.deny = e.consent.Denied()
	put := func(part, name, value string) { e.fields[part+" "+name] = value }
	textPart := func(name string) string {
		_, bare, _ := strings.Cut(name, ".")
		if strings.HasPrefix(name, "product.") {
			_, bare, _ = strings.Cut(bare, ".")
		}
		if _, ok := tenant.Clear[bare]; ok {
			return "clear"
		}
		return "sealed"
	}
	for _, t := range []string{"name", "category"} {
		if v := twinText(last(ms, t)); v != "" && flat["p."+t] == nil {
			b, _ := json.Marshal(v)
			flat["p."+t] = b
		}
	}
	page := e.typ == "page_view"
	places := []string{"path", "url", "title", "referrer", "search"}
	own, ctx := map[string]string{}, map[string]string{}
	campaigns := false
	var session []string
	for _, name := range slices.Sorted(maps.Keys(flat)) {
		raw := flat[name]
		isText := raw[0] == '"'
		bare := name[2:]
		switch {
		case strings.HasPrefix(name, "product."):
		case strings.HasPrefix(name, "t."):
			if !e.deny {
				put("sealed", name, twinValue(raw))
			}
			continue
		case name[0] == 'p' && isText && slices.Contains(places, bare):
			own[bare] = text(name)
			continue
		case name[0] == 'c' && isText && strings.HasPrefix(bare, "page.") && slices.Contains(places, bare[5:]):
			ctx[bare[5:]] = text(name)
			continue
		case strings.HasPrefix(name, "c.campaign."):
			campaigns = true
			put("clear", name, twinValue(raw))
			continue
		case strings.HasPrefix(name, "c.traits."):
			if _, ok := flat["t."+name[9:]]; !ok && !e.deny {
				put("sealed", "t."+name[9:], twinValue(raw))
			}
			continue
		case name == "c.ip", name == "c.userIdHash", isText && name == "c.userAgent":
			continue
		case !s.trusted && (name == "c.receivedAt" || name == "c.request_ip" || name == "c.geo" || strings.HasPrefix(name, "c.geo.")):
			continue
		case e.deny && isText && name[0] == 'c' && tracker.IsPlace(bare) && bare != tracker.PlaceCountry:
			continue
		case (isText || raw[0] == 't' || raw[0] == 'f') && slices.Contains(twinConsentNames, name):
			continue
		case name == "c.sessionId" || name == "c.session":
			if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil || isText && len(text(name)) <= tracker.MaxID {
				session = append(session, twinValue(raw)) // session sorts before sessionId
				continue
			}
		}
		e.placed = e.placed || isText && name[0] == 'c' && tracker.IsPlace(bare)
		if !isText && raw[0] != '[' && raw[0] != '{' {
			put("clear", name, twinValue(raw))
		} else {
			put(textPart(name), name, twinValue(raw))
		}
	}
	if len(session) > 0 {
		put("clear", "c.session", session[len(session)-1])
	}
	for _, w := range []map[string]string{own, ctx} {
		if w["referrer"] == "$direct" {
			w["referrer"] = ""
		}
	}
	if page {
		for _, p := range places {
			if own[p] == "" {
				own[p] = ctx[p]
			}
		}
		ctx = nil
	}
	url := twinPlaces(own, page, "p.", textPart, put)
	if u := twinPlaces(ctx, true, "c.page.", textPart, put); url == "" {
		url = u
	}
	if !campaigns {
		twinCampaign(url, put)
	}
	e.who(ids, s, put)
	e.agent(text, flat, s, same, put)
}

func twinPlaces(w map[string]string, derive bool, prefix string, part func(string) string, put func(part, name, value string)) string {
	path, u := w["path"], w["url"]
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		if u == "" {
			u = path
		}
		path = path[:i]
	}
	if derive && path == "" && u != "" {
		path = regexp.MustCompile(`[?#](?s:.*)$`).ReplaceAllString(u, "")
		if scheme, rest, ok := strings.Cut(path, "://"); ok && !strings.Contains(scheme, ":") {
			path = "/"
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				path = rest[i:]
			}
		}
		if path == "" {
			path = "/"
		}
	}
	for _, f := range [][2]string{{"url", u}, {"title", w["title"]}, {"referrer", w["referrer"]}, {"search", w["search"]}} {
		if f[1] != "" && !(f[0] == "search" && derive && u != "") {
			put(part("x."+strings.TrimPrefix(prefix+f[0], "c.")[len("p.")*btoi(prefix == "p."):]), prefix+f[0], `"`+f[1]+`"`)
		}
	}
	if path != "" {
		put("clear", prefix+"path", `"`+path+`"`)
	}
	return u
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func twinCampaign(u string, put func(part, name, value string)) {
	_, q, _ := strings.Cut(u, "?")
	q, _, _ = strings.Cut(q, "#")
	names := map[string]string{"utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term", "utm_content": "content"}
	done := map[string]bool{}
	for pair := range strings.SplitSeq(q, "&") {
		k, v, _ := strings.Cut(pair, "=")
		name := names[k]
		v = twinUnquery(v)
		if name != "" && !done[name] && v != "" && utf8.ValidString(v) && !strings.Contains(v, "\x00") {
			done[name] = true
			put("clear", "c.campaign."+name, `"`+v+`"`)
		}
	}
}

var twinPercent = regexp.MustCompile(`%[0-9a-fA-F]{2}|\+`)

func twinUnquery(v string) string {
	return twinPercent.ReplaceAllStringFunc(v, func(s string) string {
		out, _ := url.QueryUnescape(s)
		return out
	})
}

func (e *twinEvent) who(ids [5]string, s sender, put func(part, name, value string)) {
	key := &s.source.Tenant.Identity
	anon, user, email := ids[0], ids[1], ids[2]
	e.decision = e.typ == "consent" && e.consent != 0 && (!e.deny || anon+user != "")
	if e.deny && e.decision {
		if user != "" {
			e.hashes[1] = key.Hash(tracker.UserIdentity, []byte(user))
		} else {
			e.hashes[0] = key.Hash(tracker.VisitorIdentity, []byte(anon))
		}
		return
	}
	if e.deny {
		id := anon
		if id == "" {
			id = user
		}
		if id == "" {
			id = email
		}
		days := uint64(s.now / 86_400_000)
		salted := append([]byte(id), 0)
		for range 8 {
			salted = append(salted, byte(days))
			days >>= 8
		}
		e.hashes[0] = key.Hash(tracker.VisitorIdentity, salted)
		return
	}
	for i, v := range []struct {
		kind  tracker.IdentityKind
		name  string
		value string
	}{{tracker.VisitorIdentity, "visitor", anon}, {tracker.UserIdentity, "user_id", user}, {tracker.EmailIdentity, "email", email}, {0, "group_id", ids[3]}, {0, "previous_id", ids[4]}} {
		if v.value == "" {
			continue
		}
		if v.kind != 0 {
			e.hashes[i] = key.Hash(v.kind, []byte(v.value))
		}
		put("sealed", "s."+v.name, `"`+v.value+`"`)
	}
}

func (e *twinEvent) agent(text func(string) string, flat map[string]json.RawMessage, s sender, same *twinAgent, put func(part, name, value string)) {
	if e.deny {
		return
	}
	agent := string(s.agent)
	if v := flat["c.userAgent"]; len(v) > 0 && v[0] == '"' {
		agent = twinTrim(text("c.userAgent"))
	} else if s.secret {
		agent = ""
	}
	if agent == "" {
		return
	}
	ev := tracker.Event{Visitor: e.hashes[0], User: e.hashes[1], Email: e.hashes[2]}
	if now := (twinAgent{ev.Subject(), agent}); *same != now {
		*same = now
		put("sealed", "s.agent", `"`+agent+`"`)
	}
}

var twinConsentNames = []string{"c.consent", "c.consent.analytics", "c.consent.marketing", "c.consent.profiling"}

// twinConsent reads what the flat fields say of consent: no is more than not yet,
// and that is more than yes.
func twinConsent(flat map[string]json.RawMessage, s sender) tracker.Consent {
	purposes := map[string]string{
		"analytics": "a", "statistics": "a", "performance": "a", "measurement": "a", "analytics_storage": "a", "c0002": "a",
		"marketing": "m", "advertising": "m", "targeting": "m", "ads": "m", "ad_storage": "m", "ad_user_data": "m", "c0004": "m",
		"profiling": "p", "personalization": "p", "personalisation": "p", "ad_personalization": "p",
	}
	said := map[string][]string{} // :: purpose → words
	say := func(which, word string) {
		for _, p := range which {
			said[string(p)] = append(said[string(p)], word)
		}
	}
	for name, raw := range flat {
		word := map[string]string{"true": "granted", "false": "denied"}[string(raw)]
		if raw[0] == '"' {
			_ = json.Unmarshal(raw, &word)
		}
		var list []any
		_ = json.Unmarshal(raw, &list)
		category, isCategory := strings.CutPrefix(name, "c.consent.categoryPreferences.")
		switch {
		case name == "c.consent":
			say("amp", word)
		case slices.Contains(twinConsentNames, name):
			say(purposes[name[len("c.consent."):]], word)
		case isCategory:
			say(purposes[twinLower(category)], word)
		case name == "c.gdpr.basisForProcessing" && word == "consent":
			say("a", "granted")
		case name == "c.consentManagement.allowedConsentIds" || name == "c.consentManagement.deniedConsentIds":
			for _, v := range list {
				id, _ := v.(string)
				say(purposes[twinLower(id)], map[byte]string{'a': "granted", 'd': "denied"}[name[len("c.consentManagement.")]])
			}
		}
	}
	var c tracker.Consent
	for i, p := range []string{"a", "m", "p"} {
		choice := tracker.Unasked
		for _, rule := range []struct {
			word   string
			choice tracker.Choice
		}{{"granted", tracker.Granted}, {"pending", tracker.Pending}, {"denied", tracker.Refused}} {
			if slices.Contains(said[p], rule.word) {
				choice = rule.choice
			}
		}
		if s.privacy && p != "a" && choice == tracker.Unasked {
			choice = tracker.Refused
		}
		c = c.With(tracker.Purpose(i), choice)
	}
	return c
}

// twinLower writes ASCII in lower case.
func twinLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
