package ingest

import (
	"encoding/base64"
	"strings"
	"testing"

	"ripen/tracker"
)

// said writes a consent as a=granted m=denied p=pending, what was not said left
// out.
func said(c tracker.Consent) string {
	var out []string
	c.Words(func(p tracker.Purpose, choice tracker.Choice) { out = append(out, p.String()[:1]+"="+choice.String()) })
	return strings.Join(out, " ")
}

func TestConsentOfEachProtocol(t *testing.T) {
	f := func(path, body, want string, headers ...string) {
		t.Helper()
		w := newWorld(t, func(*Config, *tracker.Source) {})
		w.do(path, body, headers...)
		es := w.log.events(t)
		if len(es) != 1 {
			t.Fatalf("%s %s: %d events", path, body, len(es))
		}
		got := string(es[0].Type) + ": " + said(es[0].Consent)
		if es[0].Decision {
			got += " decision"
		}
		if got != want {
			t.Errorf("%s %s %v:\n got  %s\n need %s", path, body, headers, got, want)
		}
	}
	const call = "POST /v1/track?writeKey=wk"
	track := func(context string) string { return `{"event":"x","anonymousId":"a","context":` + context + `}` }
	// Segment, RudderStack, and ours.
	f(call, track(`{"consent":"pending"}`), "x: a=pending m=pending p=pending")
	f(call, track(`{"consent":true}`), "x: a=granted m=granted p=granted")
	f(call, track(`{"consent":{"analytics":"granted","marketing":"denied"}}`), "x: a=granted m=denied")
	f(call, track(`{"consent":{"marketing":"granted"}}`), "x: m=granted p=denied", "Sec-GPC: 1")
	f(call, track(`{"consent":{"categoryPreferences":{"Advertising":false,"Analytics":true,"Functional":true}}}`), "x: a=granted m=denied")
	f(call, track(`{"consent":{"categoryPreferences":{"Advertising":true,"Targeting":false}}}`), "x: m=denied")
	f(call, track(`{"consentManagement":{"allowedConsentIds":["C0001","C0002"],"deniedConsentIds":["C0004"]}}`), "x: a=granted m=denied")
	f("POST /v1/batch?writeKey=wk", `{"batch":[{"type":"track","event":"x","anonymousId":"a","context":{"consent":{"profiling":"denied"}}}],"context":{"consent":{"profiling":"granted","marketing":"granted"}}}`,
		"x: m=granted p=denied")
	f(call, `{"event":"Segment Consent Preference Updated","anonymousId":"a","context":{"consent":{"categoryPreferences":{"ads":false}}}}`, "consent: m=denied decision")
	f(call, `{"event":"consent","anonymousId":"a"}`, "consent: ") // it says nothing
	f("GET /p.gif?writeKey=wk&type=track&event=x&anonymousId=a&context.consent.marketing=denied&context.consent.profiling=granted", "", "x: m=denied p=granted")
	// Snowplow.
	ue := func(name, data string) string {
		text := `{"schema":"iglu:s/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:s/` + name + `/jsonschema/1-0-0","data":` + data + `}}`
		return `{"data":[{"e":"ue","aid":"wk","duid":"d","ue_px":"` + base64.RawURLEncoding.EncodeToString([]byte(text)) + `"}]}`
	}
	const tp2 = "POST /com.snowplowanalytics.snowplow/tp2"
	f(tp2, ue("consent_preferences", `{"eventType":"deny_all","basisForProcessing":"consent"}`), "consent: a=denied m=denied p=denied decision")
	f(tp2, ue("consent_preferences", `{"eventType":"allow_selected","consentScopes":["necessary","statistics"]}`), "consent: a=granted m=denied p=denied decision")
	f(tp2, ue("consent_preferences", `{"eventType":"pending"}`), "consent: a=pending m=pending p=pending decision")
	f(tp2, ue("consent_granted", `{"expiry":"2027-01-01"}`), "consent: a=granted m=granted p=granted decision")
	f(tp2, ue("consent_withdrawn", `{"all":true}`), "consent: a=denied m=denied p=denied decision")
	gdpr := base64.RawURLEncoding.EncodeToString([]byte(`{"schema":"iglu:s/contexts/jsonschema/1-0-0","data":[{"schema":"iglu:s/gdpr/jsonschema/1-0-0","data":{"basisForProcessing":"consent"}}]}`))
	f(tp2, `{"data":[{"e":"pv","aid":"wk","duid":"d","cx":"`+gdpr+`"}]}`, "page_view: a=granted")
	f(tp2, `{"data":[{"e":"pv","aid":"wk","duid":"d"}]}`, "page_view: m=denied p=denied", "SP-Anonymous: *")
	// PostHog.
	f("POST /capture", `{"api_key":"wk","event":"$opt_in","distinct_id":"d"}`, "consent: a=granted m=granted p=granted decision")
	f("POST /capture", `{"api_key":"wk","event":"$pageview","distinct_id":"$posthog_cookieless","properties":{"$cookieless_mode":true}}`, "page_view: m=denied p=denied")
}

// A no is filed with who says it, by hashes alone; one that names nobody, and
// every other event of theirs, with nobody.
func TestNoIsFiledWithThePerson(t *testing.T) {
	f := func(body, query string, visitor, user string) {
		t.Helper()
		w := newWorld(t, func(*Config, *tracker.Source) {})
		w.do("POST /v1/track?writeKey=wk"+query, body)
		es := w.log.events(t)
		if len(es) != 1 {
			t.Fatalf("%s: %d events", body, len(es))
		}
		e, key := &es[0], &testTenant.Identity
		is := func(h tracker.Hash, kind tracker.IdentityKind, id string) bool {
			return id == "" && h.IsZero() || id != "" && h == key.Hash(kind, []byte(id))
		}
		known := is(e.Visitor, tracker.VisitorIdentity, visitor) && is(e.User, tracker.UserIdentity, user)
		if want := visitor+user != ""; known != want || e.Decision != want || len(e.Personal) > 0 || !e.Email.IsZero() {
			t.Errorf("%s%s: filed under %x %x, decision %v, sealed %d", body, query, e.Visitor, e.User, e.Decision, len(e.Personal))
		}
	}
	f(`{"event":"consent","anonymousId":"a","context":{"consent":"denied"}}`, "", "a", "")
	f(`{"event":"consent","anonymousId":"a","context":{"consent":"denied"}}`, "&cookieless=1", "a", "")
	f(`{"event":"consent","anonymousId":"a","userId":"u","context":{"consent":"denied","traits":{"email":"a@b.example"}}}`, "", "", "u")
	f(`{"event":"consent","context":{"consent":"denied"}}`, "&cookieless=1", "", "")
	f(`{"event":"other","anonymousId":"a","context":{"consent":"denied"}}`, "", "", "")
}
