package journey_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

const learn = `journey: learn
enter: {event: hello, again: always}
goal: {event: purchase}
steps:
  - {id: one, message: {channel: email, content: by_interest, stage: learn, otherwise: general}}
  - {id: p1, wait: 1d}
  - {id: two, message: {channel: email, content: by_interest, stage: learn, otherwise: general}}
  - {id: p2, wait: 1d}
  - {id: three, message: {channel: email, content: by_interest, stage: learn, otherwise: general}}
  - {id: p3, wait: 1d}
  - {id: four, message: {channel: email, content: by_interest, stage: learn, otherwise: general}}
  - {id: p4, wait: 1d}
  - {id: five, message: {channel: email, content: by_interest, stage: learn, otherwise: general}}
`

// content puts a mail into the library.
func (w *world) content(name, language, stage, topics string) {
	w.t.Helper()
	yaml := fmt.Sprintf("mail: %s\nlanguage: %s\npurpose: marketing\nsubject: s\ntext: t\n", name, language)
	if stage != "" {
		yaml += "stage: " + stage + "\n"
	}
	w.Call("PUT", "/v1/mail/templates/"+name, w.SecretKey, []byte(yaml+"topics: ["+topics+"]\n"), nil)
}

func (w *world) topics() {
	w.t.Helper()
	yaml := "topics:\n  espresso: {paths: [\"/espresso*\"]}\n  milk: {paths: [\"/milk*\"]}\n  tea: {paths: [\"/tea*\"]}\nhalf_life: 30d\n"
	w.Call("PUT", "/v1/topics", w.SecretKey, []byte(yaml), nil)
}

// sees lets somebody look at pages.
func (w *world) sees(user string, paths ...string) {
	w.t.Helper()
	for _, p := range paths {
		w.send(map[string]any{"type": "page", "userId": user, "properties": map[string]any{"path": p}})
	}
}

// messages lists what messages of journeys became, the first one first.
func (w *world) messages(user string) (out []string) {
	w.t.Helper()
	for _, s := range w.place(user).Steps {
		if s.What == "message" || s.What == "not sent" {
			out = append(out, s.Detail)
		}
	}
	slices.Reverse(out)
	return out
}

// What the lead cares about most comes first, nothing comes twice, and a library
// without anything to choose from goes live with nobody.
func TestContentByInterest(t *testing.T) {
	w := start(t)
	refused := func(want string) {
		t.Helper()
		if status, body := w.Do("POST", "/v1/journeys/learn/check", w.SecretKey, []byte(learn)); status != 409 || !strings.Contains(string(body), want) {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	refused("there is no mail template general")
	w.content("general", "en", "", "")
	refused("no topic map: ripen topics set FILE")
	w.topics()
	w.content("cafe", "es", "learn", "espresso")
	w.content("machine", "en", "decide", "espresso")
	w.content("ships", "en", "learn", "ships")
	refused("publish a mail with language: en, stage: learn and topics: [one of")
	w.content("crema", "en", "learn", "espresso")
	w.content("latte", "en", "learn", "espresso, milk")
	w.content("foam", "en", "learn", "milk")
	w.publish("journeys", "learn", learn, "")

	w.sees("ana", "/espresso/1", "/espresso/2", "/espresso/3", "/milk")
	w.track("ana", "Hello", nil)
	w.track("bea", "Hello", nil) // of whom nothing is known
	w.Restart()
	w.sees("ana", "/tea")
	for range 4 {
		w.Advance(24 * time.Hour)
	}
	w.want(strings.Join(w.messages("ana"), "; "), "latte (cares about espresso); crema (cares about espresso); foam (cares about milk); "+
		"general (all that fits was sent before); all that fits was sent before, and general too")
	w.want(w.messages("bea"), []string{"general (no topic is known)", "no topic is known, and general too", "no topic is known, and general too", "no topic is known, and general too", "no topic is known, and general too"})
	w.want(len(w.intents()), 4+1)

	// Another journey does not send it again, unless it says so.
	again := "journey: again\nenter: {event: bye}\ngoal: {event: purchase}\nsteps:\n" +
		"  - {id: a, message: {channel: email, content: by_interest, stage: learn, otherwise: nothing}}\n" +
		"  - {id: b, message: {channel: email, content: by_interest, not_again: false, otherwise: nothing, bands: {hot: general}}}\n"
	w.publish("journeys", "again", again, "")
	w.track("ana", "Bye", nil)
	w.want(w.messages("ana")[5:], []string{"all that fits was sent before", "latte (cares about espresso)"})
}

// Who needs something goes another way: what it cares about is seen by what it did.
func TestNeedOnTheWay(t *testing.T) {
	w := start(t)
	w.topics()
	w.publish("journeys", "need", `journey: need
enter: {event: hello}
goal: {event: purchase}
steps:
  - {id: ask, branch: [{need: {topic: espresso, from: 1.5}, when: "score >= 0", go: much}, {need: {topic: espresso}, go: most}]}
  - {id: rest, exit: neither}
  - {id: much, exit: much}
  - {id: most, exit: most}
`, "")
	w.sees("ana", "/espresso", "/espresso/cups")
	w.sees("bea", "/espresso")
	w.sees("cid", "/tea")
	for user, want := range map[string]string{"ana": "much", "bea": "most", "cid": "neither"} {
		w.track(user, "Hello", nil)
		w.want(w.place(user).Journeys[0].Why, want)
	}
	if steps := w.place("ana").Steps; !slices.ContainsFunc(steps, func(s tracker.JourneyStep) bool {
		return s.What == "takes" && s.Detail == "the lead cares about espresso (1.5 or more), and score ≥ 0"
	}) {
		t.Errorf("%+v", steps)
	}
}

// What somebody else says that it sent counts as sent.
func TestContentSentByOthers(t *testing.T) {
	w := start(t)
	w.Publish("shop", strings.Replace(card, "points: 30, decay: none}", "points: 30, decay: none}, {id: sent, event: email_sent, where: {template: \"x*\"}, points: 1, decay: none}", 1)) // in the clear, as our own mails say it
	w.topics()
	w.content("crema", "en", "", "espresso")
	w.content("general", "en", "", "")
	w.publish("journeys", "j", "journey: j\nenter: {event: hello}\ngoal: {event: purchase}\nsteps:\n  - {id: a, message: {channel: email, content: by_interest, otherwise: general}}\n", "")
	w.sees("ana", "/espresso")
	w.track("ana", "Email Sent", map[string]any{"message": "m", "template": "crema@1"})
	w.track("ana", "Hello", nil)
	w.want(w.messages("ana"), []string{"general (all that fits was sent before)"})
}

// A simulation chooses, too, and says what it could not know.
func TestSimulateContent(t *testing.T) {
	w := start(t)
	w.topics()
	w.content("crema", "en", "learn", "espresso")
	w.content("latte", "en", "learn", "espresso, milk")
	w.content("general", "en", "", "")
	w.sees("ana", "/espresso")
	w.track("ana", "Hello", nil)
	w.Advance(10 * 24 * time.Hour)
	w.Call("PUT", "/v1/journeys/learn", w.SecretKey, []byte(learn), nil)
	var s tracker.JourneySimulation
	w.Call("POST", "/v1/journeys/learn/simulate", w.SecretKey, nil, &s)
	w.want(s.Messages, map[string]int{"crema": 1, "latte": 1, "general": 1})
	if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, "chosen by today's interests") {
		t.Error(notes)
	}
	w.want(len(w.intents()), 0)
}

// A message waits for the hour at which the person reads, not longer than it may,
// and is not put off again.
func TestBestHour(t *testing.T) {
	w := start(t)
	w.mails("x")
	w.publish("journeys", "h", `journey: h
enter: {event: hello, again: always}
goal: {event: purchase}
zone: Europe/Madrid
quiet: {from: "22:00", to: "08:30"}
steps:
  - {id: one, message: {channel: email, template: x, send: best_hour}}
  - {id: two, message: {channel: email, template: x, send: {best_hour: 3h, usual: "12:00"}}}
`, "")
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	until := func(hour, minute int) {
		t.Helper()
		now := w.Now().In(madrid)
		at := time.Date(now.Year(), now.Month(), now.Day(), hour, minute, 0, 0, madrid)
		if !at.After(now) {
			at = at.AddDate(0, 0, 1)
		}
		w.Advance(at.Sub(now))
	}
	due := func(user string) string {
		t.Helper()
		p := w.place(user).Journeys[0]
		at, err := time.Parse(time.RFC3339Nano, p.Due)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		return p.Step + " " + at.In(madrid).Format("15:04")
	}
	for day := range 5 {
		until(19, 20)
		w.track("ana", "Email Open", map[string]any{"message": fmt.Sprint(day)})
	}
	until(9, 10)
	w.track("ana", "Hello", nil)
	w.track("bea", "Hello", nil)
	w.want([]string{due("ana"), due("bea")}, []string{"one 19:00", "one 10:00"})
	until(10, 0)
	w.want(due("bea"), "two 12:00")
	until(19, 0)
	w.want([]any{w.place("ana").Journeys[0].Why, w.place("bea").Journeys[0].Why}, []any{"done", "done"}) // 19:00 is as good as it gets for both messages
	w.want(len(w.intents()), 4)
	steps := w.place("ana").Steps
	if i := slices.IndexFunc(steps, func(s tracker.JourneyStep) bool { return s.What == "put off" }); i < 0 || !strings.HasSuffix(steps[i].Detail, ", they read about 19:00, 5 of 5 times") {
		t.Errorf("%+v", steps)
	}
	var lead struct{ Reading struct{ Hour, Of, Near int } }
	w.Call("GET", "/v1/leads/ana", w.SecretKey, nil, &lead)
	if lead.Reading.Of != 5 || lead.Reading.Near != 5 {
		t.Errorf("%+v", lead)
	}
}
