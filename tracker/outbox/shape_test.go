package outbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ripen/tracker"
)

const saidBody = `{"type":"handoff.created","data":{"phone":"+34600111222","text":"Hola <Ana> & co","lead":{"id":"u_1","email":"ana@acme.es","score":82,"band":"MQL","attributes":{"name":"Ana"},"reasons":[{"why":"saw prices","share":30000}]},"links":{"page":"https://r.example/#u_1"}}}`

// Each API is asked in its own way, and said who asks.
func TestShapes(t *testing.T) {
	var got *http.Request
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = r, string(b)
		w.WriteHeader(201)
	}))
	defer s.Close()
	f := func(h tracker.Webhook, said, method, path, auth string, holds ...string) {
		t.Helper()
		h.URL = s.URL + h.URL
		if err := checkShape(&h); err != nil {
			t.Fatal(err)
		}
		d := &delivery{id: ID{1}, at: 1_700_000_000_123, body: []byte(said), hook: &h}
		if res := newSender(here, "v1").send(t.Context(), d); res.outcome != tracker.OutcomeAccepted {
			t.Fatalf("%s: %+v", h.Shape, res)
		}
		if got.Method != method || got.RequestURI != path || got.Header.Get("Authorization") != auth || got.Header.Get("Webhook-Signature") != "" {
			t.Errorf("%s: %s %s %v", h.Shape, got.Method, got.RequestURI, got.Header)
		}
		for _, want := range holds {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %s\nwants %s", h.Shape, body, want)
			}
		}
	}
	f(tracker.Webhook{URL: "/Messages.json", Shape: "twilio", Auth: "AC1:secret", From: "+34900"}, saidBody, "POST", "/Messages.json", "Basic QUMxOnNlY3JldA==",
		"To=%2B34600111222", "From=%2B34900", "Body="+url.QueryEscape("Hola <Ana> & co"))
	f(tracker.Webhook{URL: "/M", Shape: "twilio", Auth: "AC1:secret", From: "MG1"}, saidBody, "POST", "/M", "Basic QUMxOnNlY3JldA==", "MessagingServiceSid=MG1")
	f(tracker.Webhook{URL: "/services/T/B/X", Shape: "slack"}, saidBody, "POST", "/services/T/B/X", "", `{"text":"Hola \u0026lt;Ana\u0026gt; \u0026amp; co\n\u003chttps://r.example/#u_1\u003e"}`)
	f(tracker.Webhook{URL: "/services/T/B/X", Shape: "slack"}, strings.Replace(saidBody, `"text":"Hola <Ana> & co",`, "", 1), "POST", "/services/T/B/X", "",
		`handoff.created: Ana, 82, MQL\n• +30.0 saw prices`)
	f(tracker.Webhook{URL: "/contacts", Shape: "contact", Auth: "token"}, saidBody, "POST", "/contacts", "Bearer token", `"email":"ana@acme.es"`, `"score":82`, `"reasons":["saw prices"]`, `"attributes":{"name":"Ana"}`)
	f(tracker.Webhook{URL: "/contacts/{id}?key={email}", Shape: "contact", Auth: "token"}, saidBody, "PUT", "/contacts/u_1?key=ana@acme.es", "Bearer token")
}

// What a shape lacks is said, and what can never be sent waits for a person.
func TestShapesRefused(t *testing.T) {
	f := func(h tracker.Webhook, want string) {
		t.Helper()
		if err := checkShape(&h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", h, err)
		}
	}
	f(tracker.Webhook{Shape: "icq"}, "need one of contact, slack, twilio")
	f(tracker.Webhook{Auth: "x"}, "are of a shape")
	f(tracker.Webhook{Shape: "twilio", Auth: "x"}, "SID:TOKEN")
	d := &delivery{body: []byte(`{"data":{"text":"x"}}`), hook: &tracker.Webhook{URL: "http://127.0.0.1:1", Shape: "twilio", Auth: "a:b", From: "1"}}
	if res := newSender(here, "v1").send(t.Context(), d); !res.gone || !strings.Contains(res.detail, "wants a phone") {
		t.Errorf("%+v", res)
	}
}
