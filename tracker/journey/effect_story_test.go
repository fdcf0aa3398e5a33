package journey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

const measured = `journey: try
enter: {band: warm}
goal: {event: purchase}
holdout: 40%
steps:
  - {id: guide, message: {channel: email, holdout: 50%, test: {a: {template: x}, b: {template: z}}}}
`

// The effect is asked over HTTP, in all and for one lead: those who got a message buy,
// the others do not.
func TestEffect(t *testing.T) {
	const leads = 420
	w := start(t)
	w.mails("x", "z")
	w.publish("journeys", "try", measured, "")
	var visits []map[string]any
	for i := range leads {
		visits = append(visits, map[string]any{"type": "page", "userId": fmt.Sprint("u", i), "properties": map[string]any{"path": "/prices"}})
	}
	w.send(visits...)
	w.Advance(time.Hour)
	var buys []map[string]any
	sent := 0
	for i := range leads {
		user := fmt.Sprint("u", i)
		p := w.place(user)
		if len(p.Journeys) != 1 {
			t.Fatalf("%s: %+v", user, p)
		}
		if p.Journeys[0].Sent > 0 {
			sent++
			buys = append(buys, map[string]any{"type": "track", "event": "Order Completed", "userId": user, "properties": map[string]any{"value": 1}})
		}
	}
	w.send(buys...)
	effect := func(query string) (e tracker.JourneyEffect) {
		t.Helper()
		w.Call("GET", "/v1/journeys/try/effect"+query, w.SecretKey, nil, &e)
		return e
	}
	if e := effect(""); e.Young != leads || e.Versions[0].Verdict != "too_few" {
		t.Errorf("%+v", e)
	}
	w.Advance(8 * 24 * time.Hour)
	e := effect("?days=7&lang=es&lead=u1")
	v := e.Versions[0]
	if v.Treated.Goals != sent || v.Held.Goals != 0 || v.Treated.Leads+v.Held.Leads != leads || v.Verdict != "more" || !strings.Contains(v.Sentence, "try@1 funciona") {
		t.Errorf("%d mails: %+v", sent, v)
	}
	if len(v.Steps) != 1 || len(v.Steps[0].Choices) != 2 || v.Steps[0].Against != "" {
		t.Fatalf("%+v", v.Steps)
	}
	got := 0
	for _, c := range v.Steps[0].Choices {
		got += c.Treated.Leads
		if c.Treated.Rate != 1 || c.Held.Goals != 0 || c.Held.Leads+sent != v.Treated.Leads {
			t.Errorf("%+v", c)
		}
	}
	if got != sent {
		t.Errorf("%d got a variant, %d mails were sent", got, sent)
	}
	if l := e.Lead; l == nil || l.Band != "warm" || l.Of != "try@1" || l.Expected < .2 || !strings.Contains(l.Sentence, "cabe esperar") {
		t.Errorf("%+v", l)
	}
	for query, want := range map[string]string{"?days=0": "above 0", "?days=900": "at most 400", "?lang=fr": "need en or es", "?lead=nobody": "no lead has this id", "?dyas=3": "did you mean days"} {
		if status, body := w.Do("GET", "/v1/journeys/try/effect"+query, w.SecretKey, nil); status < 400 || status > 499 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// Who gets another name on the way goes on where they stood.
func TestNewNameOnTheWay(t *testing.T) {
	w := start(t)
	w.publish("journeys", "m", "journey: m\nenter: {event: hello}\ngoal: {event: bought}\nsteps:\n  - {id: rest, wait: 2d}\n  - {id: tell, webhook: {to: crm, type: later}}\n", "")
	w.send(map[string]any{"type": "identify", "anonymousId": "v1", "traits": map[string]any{"email": "ana@x.es"}},
		map[string]any{"type": "track", "event": "Hello", "anonymousId": "v1"})
	if p := w.place("ana@x.es"); len(p.Journeys) != 1 {
		t.Fatalf("%+v", p)
	}
	w.send(map[string]any{"type": "identify", "userId": "ana", "anonymousId": "v1", "traits": map[string]any{"email": "ana@x.es"}})
	w.track("ana", "Other", nil)
	w.track("ana", "Other", nil)
	if p := w.place("ana"); len(p.Journeys) != 1 || p.Journeys[0].Step != "rest" {
		t.Fatalf("%+v", p)
	}
	w.Advance(49 * time.Hour)
	w.want(w.intents(), []string{"webhook crm"})
}
