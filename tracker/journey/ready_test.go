package journey_test

import (
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
)

// half names, of everything that a tenant may have, something that it has not.
const half = `journey: half
enter: {segment: regulars}
goal: {band: boiling}
leave: {grade: [A1]}
move: {warm: other}
steps:
  - {id: guide, message: {channel: email, template: guide}}
  - {id: site, message: {channel: onsite, template: hello}}
  - {id: text, message: {channel: sms, to: sms, text: hi}}
  - {id: way, branch: [{need: {topic: care}, go: tell}, {need: {offer: renew}, go: tell}]}
  - {id: tell, webhook: nobody}
`

// A set-up that is half-defined does not go live: what is missing is named, all of it at
// once, from the data to the actions, with the fix; and nothing is published.
func TestHalfDefined(t *testing.T) {
	w := begin(t, false)
	w.Call("PUT", "/v1/journeys/half", w.SecretKey, []byte(half), nil)
	f := func(wants ...string) {
		t.Helper()
		var refused, checked struct{ Code, Detail string }
		if status := w.read("POST", "/v1/journeys/half/publish", nil, &refused); status != 409 || refused.Code != "not_ready" {
			t.Errorf("%d %+v", status, refused)
		}
		if status := w.read("POST", "/v1/journeys/half/check", []byte(half), &checked); status != 409 || checked != refused {
			t.Errorf("check says another thing than publish: %d %+v", status, checked)
		}
		at := 0
		for _, want := range wants {
			i := strings.Index(refused.Detail[at:], want)
			if i < 0 {
				t.Fatalf("no %q in this place:\n%s", want, refused.Detail)
			}
			at += i
		}
		var doc struct{ Version int }
		w.Call("GET", "/v1/journeys/half", w.SecretKey, nil, &doc)
		w.want(doc.Version, 0)
	}
	actions := []string{
		"actions, there is no webhook nobody: ripen webhook create nobody URL", "there is no webhook sms",
		"there is no on-site message hello: ripen onsite publish FILE", "there is no offer table: ripen offers learn",
		"there is no segment regulars in force: ripen segment publish FILE", "there is no journey other to go over to",
		"step way asks about the topic care, which the tenant's topic map has not: ripen topics set FILE",
	}
	f(slices.Concat([]string{
		"data, events arrive: put the tag", "criteria, a scorecard is in force: ripen scorecard publish", "points, somebody has a score: ",
		"there is no mail template guide", "mails have a sender: ripen mail sender", "mails are signed",
	}, actions)...)
	w.setUp("https://example.org/crm")
	w.mails("guide")
	f(append([]string{
		"set-up is not finished: criteria, the scorecard shop has no band boiling: write one of its own: cold, warm, hot",
		"the scorecard shop has no grade A1: it has none: go by a band, or give a dimension grades",
	}, actions...)...)

	// What a journey in force names and the tenant has no more is on the checklist.
	w.publish("journeys", "fine", "journey: fine\nenter: {band: warm}\ngoal: {event: purchase}\nsteps:\n  - {id: tell, webhook: crm}\n", "")
	w.Call("DELETE", "/v1/webhooks/crm", w.SecretKey, nil, nil)
	for lang, name := range map[string]string{"": "journey fine: there is no webhook crm", "en": "journey fine: there is no webhook crm", "es": "recorrido fine: no hay ningún webhook crm"} {
		var list struct{ Checks []check }
		w.Call("GET", "/v1/checklist?lang="+lang, w.SecretKey, nil, &list)
		if !slices.Contains(list.Checks, check{Step: "actions", Name: name, Fix: "ripen webhook create crm URL"}) {
			t.Errorf("%s: %+v", lang, list)
		}
	}
}

// check is a line of the checklist.
type check struct {
	Step, Name, Fix string
	OK              bool
}

// A band of the card begins the journeys that it names, for whom its condition holds.
func TestBandBegins(t *testing.T) {
	w := start(t)
	w.Publish("shop", card+"on_band:\n  warm: [{journey: side}, {journey: later, when: \"interest >= 90\"}]\n")
	named := func() (ok, is bool) {
		t.Helper()
		var list struct{ Checks []check }
		w.Call("GET", "/v1/checklist", w.SecretKey, nil, &list)
		i := slices.IndexFunc(list.Checks, func(c check) bool { return c.Name == "the band warm begins the journey side" })
		return i >= 0 && list.Checks[i].OK, i >= 0
	}
	if ok, is := named(); ok || !is {
		t.Errorf("a journey that is not there: %v %v", ok, is)
	}
	for _, name := range []string{"side", "later"} {
		w.publish("journeys", name, "journey: "+name+"\nenter: {event: never}\ngoal: {event: purchase}\nsteps:\n  - {id: rest, wait: 3d}\n", "")
	}
	if ok, is := named(); !ok || !is {
		t.Errorf("a journey that is there: %v %v", ok, is)
	}
	w.prices("ana", 1)
	places := w.place("ana").Journeys
	if len(places) != 1 || places[0].Journey != "side@1" || places[0].Step != "rest" {
		t.Errorf("%+v", places)
	}
	var s tracker.JourneySimulation
	w.Call("POST", "/v1/journeys/side/simulate", w.SecretKey, nil, &s)
	w.want(s.Tally.Entered, 1)
	w.Call("POST", "/v1/journeys/later/simulate", w.SecretKey, nil, &s)
	w.want(s.Tally.Entered, 0)
}
