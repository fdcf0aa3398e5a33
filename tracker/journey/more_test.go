package journey_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

// renew waits for month 20, in the lead's own time.
const renew = `journey: renew
enter: {event: purchase, where: "product == 'machine'", within: 30mo, again: always}
goal: {event: purchase, where: "product == 'machine'"}
leave: {event: unsubscribe}
quiet: {from: "21:00", to: "08:30"}
zone: Europe/Madrid
steps:
  - {id: month20, wait: 20mo}
  - {id: offer, message: {channel: email, template: renew}}
  - {id: answer, wait: {event: interested, timeout: 14d, else: last}, go: call}
  - {id: last, message: {channel: email, template: last}}
  - {id: rest, wait: 60d, go: exit}
  - {id: call, handoff: crm}
`

// Months pass: the machine's buyer hears of the next one in month 20, not in the
// night, and not again after having bought it; who answers goes to sales.
func TestRenew(t *testing.T) {
	w := start(t)
	w.mails("renew", "last")
	w.publish("journeys", "renew", renew, "")
	w.track("ana", "Order Completed", map[string]any{"product": "machine", "value": 300})
	w.track("bea", "Order Completed", map[string]any{"product": "beans", "value": 10})
	w.want(len(w.place("bea").Journeys), 0)
	const month = 30.4375 * 24 * float64(time.Hour)
	w.Advance(time.Duration(20*month) - time.Hour)
	w.want(w.intents(), []string{})
	w.Restart()
	w.Advance(time.Hour) // 2027-09-13 03:00 in Madrid or so: nothing is sent then
	p := w.place("ana")
	at, err := time.Parse(time.RFC3339Nano, p.Journeys[0].Due)
	madrid, _ := time.LoadLocation("Europe/Madrid")
	if err != nil || p.Journeys[0].Step != "offer" || at.In(madrid).Format("15:04") != "08:30" {
		if len(w.intents()) == 0 {
			t.Fatalf("%+v %v", p, err)
		}
	}
	w.Advance(12 * time.Hour)
	w.want(w.intents(), []string{"email mail:smtp"})
	w.track("ana", "Interested", nil)
	w.want(w.intents(), []string{"email mail:smtp", "handoff crm"})
	w.track("ana", "Order Completed", map[string]any{"product": "machine", "value": 350})
	w.want(w.place("ana").Journeys[0].Entry, 2) // the next machine's
	if s := w.stats("renew")["renew@1"]; s.Entered != 2 || s.Active != 1 || s.Ended["done"] != 1 {
		t.Errorf("%+v", s)
	}
}

// A version that is published later is for those who enter later, unless they are
// moved on purpose.
func TestVersions(t *testing.T) {
	w := start(t)
	one := "journey: v\nenter: {band: warm}\ngoal: {event: bought}\nsteps:\n  - {id: pause, wait: 2d}\n  - {id: tell, webhook: {to: crm, type: one}}\n"
	w.publish("journeys", "v", one, "")
	w.prices("ana", 1)
	w.publish("journeys", "v", strings.Replace(one, "type: one", "type: two", 1), "")
	w.prices("bea", 1)
	w.want([]any{w.place("ana").Journeys[0].Journey, w.place("bea").Journeys[0].Journey}, []any{"v@1", "v@2"})
	three := strings.Replace(one, "type: one", "type: three", 1)
	under := func(yaml string) (out []string) {
		t.Helper()
		var answer struct {
			UnderWay []tracker.JourneyUnderWay `json:"under_way"`
		}
		w.Call("POST", "/v1/journeys/v/check", w.SecretKey, []byte(yaml), &answer)
		for _, u := range answer.UnderWay {
			out = append(out, fmt.Sprint(u.Journey, " ", u.Step, " ", u.Leads, " ", u.Migrate))
		}
		return out
	}
	w.want(under(three), []string{"v@1 pause 1 moves", "v@2 pause 1 moves"})
	w.want(under(strings.Replace(one, "type: one", "type: two", 1)), []string{"v@1 pause 1 moves", "v@2 pause 1 same"})
	w.want(under(strings.Replace(three, "2d", "5d", 1)), []string{"v@1 pause 1 changes", "v@2 pause 1 changes"})
	w.want(under(strings.Replace(three, "id: pause", "id: rest", 1)), []string{"v@1 pause 1 stays", "v@2 pause 1 stays"})
	w.publish("journeys", "v", three, "?migrate=true")
	w.Advance(48 * time.Hour)
	w.want([]any{w.place("ana").Journeys[0].Journey, w.place("bea").Journeys[0].Journey}, []any{"v@3", "v@3"})
	s := w.stats("v")
	w.want([]any{s["v@1"].Active, s["v@2"].Active, s["v@3"].Ended["done"], s["v@3"].Active}, []any{0, 0, 2, 0})
	w.Call("POST", "/v1/journeys/v/rollback", w.SecretKey, nil, nil)
	w.prices("cid", 1)
	w.want(w.place("cid").Journeys[0].Journey, "v@2")
	status, body := w.Do("PUT", "/v1/journeys/v", w.SecretKey, []byte("version: 1\n"+one))
	if status != 409 || !strings.Contains(string(body), "stale_version") {
		t.Errorf("%d %s", status, body)
	}
}

// Who enters a band to which a journey gives up its leads goes over to another one,
// from wherever it stands, and begins there at the first step.
func TestMove(t *testing.T) {
	w := start(t)
	w.publish("journeys", "close", "journey: close\nenter: {event: nothing}\ngoal: {event: purchase}\nsteps:\n  - {id: near, wait: 30d}\n", "")
	w.publish("journeys", "teach", `journey: teach
enter: {band: warm}
goal: {event: purchase}
move: {hot: close}
steps:
  - {id: first, wait: 30d}
  - {id: second, wait: 30d}
`, "")
	w.prices("ana", 1)
	w.want(w.place("ana").Journeys[0].Step, "first")
	w.Advance(31 * 24 * time.Hour)
	w.want(w.place("ana").Journeys[0].Step, "second")
	w.prices("ana", 1) // hot
	var got []string
	for _, j := range w.place("ana").Journeys {
		got = append(got, fmt.Sprint(j.Journey, " ", j.Step, " ", j.Why))
	}
	slices.Sort(got)
	w.want(got, []string{"close@1 near ", "teach@1  moved"})
}

// A mail that would be withdrawn when it is to leave, because the person was not asked
// for a yes to marketing, is not counted as sent, now or in a simulation; what is sent
// in one channel is no cap on another.
func TestUnasked(t *testing.T) {
	w := start(t)
	w.mails("x")
	w.unasked = true
	w.publish("journeys", "m", `journey: m
enter: {event: hello}
goal: {event: purchase}
caps: {email: {most: 1, per: 7d}}
steps:
  - {id: post, message: {channel: letter, text: Hi, link: "https://acme.example/"}}
  - {id: mail, message: {channel: email, template: x}}
`, "")
	hello := func(user string) {
		t.Helper()
		w.send(map[string]any{"type": "identify", "userId": user, "traits": map[string]any{"address": "Calle Mayor 1", "city": "Madrid"}})
		w.track(user, "Hello", nil)
	}
	simulated := func(want map[string]int) {
		t.Helper()
		var out tracker.JourneySimulation
		w.Call("POST", "/v1/journeys/m/simulate", w.SecretKey, nil, &out)
		w.want(out.Messages, want)
	}
	hello("ana")
	w.want(w.messages("ana"), []string{"letter ", "the person has not said yes to marketing"})
	w.want(len(w.intents()), 0)
	simulated(map[string]int{"letter post": 1})
	w.unasked = false
	hello("bea")
	w.want(w.intents(), []string{"email mail:smtp"})
	simulated(map[string]int{"letter post": 2, "x": 1})
}

// The hold-out is drawn once and gets nothing; caps, and marketing to which
// nobody said yes, hold messages back; a goal ends a journey wherever somebody is.
func TestManners(t *testing.T) {
	w := start(t)
	w.mails("x", "z", "b")
	w.publish("journeys", "m", `journey: m
enter: {event: hello, again: always}
goal: {event: purchase}
holdout: 50%
caps: {email: {most: 1, per: 7d}}
steps:
  - {id: a, message: {channel: email, test: {a: {template: x}, b: {template: z, weight: 3}}}}
  - {id: b, message: {channel: email, template: b}}
`, "")
	held := 0
	for i := range 12 {
		user := fmt.Sprint("u", i)
		w.track(user, "Hello", nil)
		if w.place(user).Journeys[0].HoldOut {
			held++
		}
	}
	w.want(len(w.intents()), 12-held)
	if held == 0 || held == 12 {
		t.Fatalf("%d of 12 are held out: the test shows nothing", held)
	}
	w.Advance(7*24*time.Hour - time.Second)
	w.want(len(w.intents()), 12-held)
	w.Advance(time.Second)
	w.want(len(w.intents()), 2*(12-held))
	for i := range 12 {
		w.track(fmt.Sprint("u", i), "Order Completed", map[string]any{"value": 1})
	}
	s := w.stats("m")["m@1"]
	w.want([]any{s.HoldOut, s.HoldGoal, s.Goal, s.Active}, []any{held, held, held, 0})
	w.send(map[string]any{
		"type": "track", "event": "Hello", "userId": "no",
		"context": map[string]any{"consent": map[string]any{"categoryPreferences": map[string]bool{"marketing": false, "profiling": true}}},
	})
	for i := range 6 {
		w.send(map[string]any{"type": "track", "event": "Hello", "userId": fmt.Sprint("unasked", i), "context": map[string]any{}})
	}
	var sim tracker.JourneySimulation
	w.Call("POST", "/v1/journeys/m/simulate", w.SecretKey, nil, &sim)
	w.want(sim.Messages["x"]+sim.Messages["z"]+sim.Messages["b"], 2*(12-held)) // nobody else's
	for _, user := range []string{"no", "unasked0", "unasked1", "unasked2", "unasked3", "unasked4", "unasked5"} {
		if p := w.place(user); len(p.Journeys) != 1 || p.Journeys[0].Sent != 0 {
			t.Errorf("%s: %+v", user, p)
		}
	}
}

// Segments follow leads in both directions, and as time passes; entering one
// begins a journey; who belonged at its beginning has not entered it.
func TestSegments(t *testing.T) {
	w := start(t)
	w.track("old", "Hello", nil)
	w.publish("segments", "fresh", "segment: fresh\nwhen: \"count(hello, 2d) >= 1\"\n", "")
	w.publish("journeys", "s", "journey: s\nenter: {segment: fresh, again: always}\ngoal: {event: bought}\nsteps:\n  - {id: tell, webhook: {to: crm, type: fresh}}\n", "")
	members := func() int {
		var page struct{ Leads []string }
		w.Call("GET", "/v1/segments/fresh/members", w.SecretKey, nil, &page)
		return len(page.Leads)
	}
	w.want([]any{members(), len(w.intents())}, []any{1, 0})
	w.track("new", "Hello", nil)
	w.want([]any{members(), len(w.intents())}, []any{2, 1})
	w.track("new", "Hello", nil)
	w.want([]any{members(), len(w.intents())}, []any{2, 1})
	w.Advance(48 * time.Hour)
	w.want(members(), 0)
	w.Advance(time.Minute) // of two events at one moment nobody knows which came first
	w.track("old", "Hello", nil)
	w.want([]any{members(), len(w.intents())}, []any{1, 2})
	what := []string{}
	for _, s := range w.place("old").Steps {
		what = append(what, s.What)
	}
	if got := strings.Join(what, ", "); !strings.HasPrefix(got, "ended, webhook, entered, entered the segment, left the segment") {
		t.Error(got)
	}
	w.Settle() // the log was told of the last crossing
	crossed := func(user string) (out []string) {
		var page struct {
			Events []struct {
				Type       string
				Properties map[string]any
			}
		}
		w.Call("GET", "/v1/leads/"+user+"/events", w.SecretKey, nil, &page)
		for _, e := range page.Events {
			if strings.HasPrefix(e.Type, "segment_") {
				out = append(out, e.Type+" "+fmt.Sprint(e.Properties["segment"]))
			}
		}
		return out
	}
	w.want(crossed("new"), []string{"segment_left fresh", "segment_entered fresh"})
	w.want(crossed("old"), []string{"segment_entered fresh", "segment_left fresh"}) // it belonged when the segment began
}

// Who is erased is in no journey and no segment, and who comes back under the
// same name begins anew.
func TestErased(t *testing.T) {
	w := start(t)
	w.publish("segments", "all", "segment: all\nwhen: \"score >= 1\"\n", "")
	w.publish("journeys", "e", "journey: e\nenter: {band: warm}\ngoal: {event: bought}\nsteps:\n  - {id: tell, webhook: {to: crm, type: hi}}\n  - {id: rest, wait: 30d}\n  - {id: more, webhook: {to: crm, type: more}}\n", "")
	w.prices("ana", 1)
	w.want(len(w.intents()), 1)
	w.Call("DELETE", "/v1/leads/ana", w.SecretKey, nil, nil)
	w.Settle()
	w.Advance(31 * 24 * time.Hour)
	w.want(len(w.intents()), 1)
	var page struct{ Leads []string }
	w.Call("GET", "/v1/segments/all/members", w.SecretKey, nil, &page)
	w.want(page.Leads, []string{})
	w.prices("ana", 1)
	w.want(w.place("ana").Journeys[0].Entry, 1)
	w.want(len(w.intents()), 2)
}
