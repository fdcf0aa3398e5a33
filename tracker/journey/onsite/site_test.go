package onsite_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

// bed is a tracker with a card and messages, and the pages of its site.
type bed struct {
	*trackertest.T
	t *testing.T
	n int
}

const card = `scorecard: card
language: en
timezone: UTC
entity: lead
dimensions:
  interest:
    kind: behaviour
    max: 100
    groups:
      all:
        max: 100
        rules:
          - {id: price, event: page_view, where: {path: "/prices"}, points: 40, why: "prices"}
          - {id: rated, event: survey_answered, where: {answer: {gte: 9}}, points: 20, why: "likes it"}
score: {combine: weighted, of: [{dimension: interest, times: 1}], scale: {from: [0, 100], to: [1, 100]}}
bands:
  - {name: cold, from: 1}
  - {name: warm, from: 30}
`

func begin(t *testing.T, messages ...string) *bed {
	t.Helper()
	b := &bed{T: trackertest.Start(t, func(c *server.Config) {}), t: t}
	b.Publish("card", card)
	for _, m := range messages {
		b.message(m)
	}
	return b
}

// agent is a person's browser.
const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

func nameOf(src string) string {
	name, _, _ := strings.Cut(strings.SplitAfter(src, ": ")[1], "\n")
	return name
}

func (b *bed) message(src string) {
	b.t.Helper()
	name := nameOf(src)
	b.Call("PUT", "/v1/onsite/"+name, b.SecretKey, []byte(src), nil)
	b.Call("POST", "/v1/onsite/"+name+"/publish", b.SecretKey, nil, nil)
}

// browse sends a request as a page's script does.
func (b *bed) browse(path string, body map[string]any, headers ...string) (status int, answer string, head http.Header) {
	b.t.Helper()
	body["writeKey"] = b.WriteKey
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", b.URL+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Origin", "https://site.example")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(out), resp.Header
}

// says sends one event of a visitor and waits until it is in view.
func (b *bed) says(visitor, event string, properties map[string]any) http.Header {
	b.t.Helper()
	b.n++
	e := map[string]any{"type": "track", "event": event, "messageId": fmt.Sprint("m", b.n), "properties": properties}
	switch event {
	case "page":
		e["type"] = "page"
	case "identify":
		e["type"], e["userId"] = "identify", properties["user"]
	}
	if visitor != "" {
		e["anonymousId"] = visitor
	} else {
		e["context"] = map[string]any{"consent": "denied"}
	}
	path := "/v1/batch"
	if visitor == "" {
		path += "?cookieless=1"
	}
	status, answer, head := b.browse(path, map[string]any{"batch": []any{e}})
	if status != 200 || !strings.Contains(answer, `"status":"ok"`) {
		b.t.Fatalf("%s: %d %s", event, status, answer)
	}
	b.Settle()
	return head
}

// asks returns what a page is given, as name and what is told of it.
func (b *bed) asks(path, visitor string, more ...map[string]any) (got []map[string]any) {
	b.t.Helper()
	body := map[string]any{"path": path, "language": "en"}
	if visitor != "" {
		body["visitor"] = visitor
	}
	for _, m := range more {
		for k, v := range m {
			body[k] = v
		}
	}
	status, answer, _ := b.browse("/v1/show", body)
	var out struct{ Messages []map[string]any }
	if err := json.Unmarshal([]byte(answer), &out); err != nil || status != 200 {
		b.t.Fatalf("status %d: %s", status, answer)
	}
	return out.Messages
}

func (b *bed) want(path, visitor, names string, more ...map[string]any) []map[string]any {
	b.t.Helper()
	got := b.asks(path, visitor, more...)
	var list []string
	for _, m := range got {
		list = append(list, fmt.Sprint(m["name"]))
	}
	if have := strings.Join(list, " "); have != names {
		b.t.Fatalf("the page %s of %q gets %q, want %q", path, visitor, have, names)
	}
	return got
}

const (
	visitor1 = "11111111-1111-4111-8111-111111111111"
	visitor2 = "22222222-2222-4222-8222-222222222222"

	hours  = "onsite: hours\nkind: banner\npriority: 1\nshow: {pages: \"/contact*\"}\ntitle: T\nbody: B\n"
	offer  = "onsite: offer\nkind: box\npriority: 9\nshow: {when: \"score >= 30\"}\ncap: {most: 2, per: 7d, session: 2}\ntitle: T\nbody: B\n"
	rating = "onsite: rating\nkind: survey\ntitle: T\nshow: {pages: \"/account\"}\nquestions:\n  - {id: like, ask: Q, type: score}\n  - {id: use, ask: Q, choices: {home: H, office: O}, attribute: place}\n"
	help   = "onsite: help\nkind: chat\ntitle: T\nshow: {after: 5s}\nsteps:\n  - {id: hi, say: S, choices: [{value: a, say: A}]}\n"
	typing = "onsite: typing\nkind: chat\npriority: 5\ntitle: T\nshow: {pages: \"/typing\"}\nsteps:\n  - {id: hi, say: S, ask: text}\n"
)

func TestChosenByPageScoreAndConsent(t *testing.T) {
	b := begin(t, hours, offer, help, typing)
	if head := b.says(visitor1, "page", map[string]any{"path": "/"}); head.Get("Ripen-Show") != "1" || !strings.Contains(fmt.Sprint(head["Access-Control-Expose-Headers"]), "Ripen-Show") {
		t.Errorf("the page is not told that there are messages: %v", head)
	}
	b.want("/", "", "help")
	b.want("/contact/us", "", "hours help")
	b.want("/contact", visitor1, "hours help")
	b.want("/typing", visitor1, "typing")
	b.want("/typing", visitor1, "help", map[string]any{"consent": "denied"})
	b.says(visitor1, "page", map[string]any{"path": "/prices"})
	got := b.want("/contact", visitor1, "offer help")
	if text := fmt.Sprint(got); strings.Contains(text, "score") || strings.Contains(text, "warm") || strings.Contains(text, "when") {
		t.Errorf("the page hears more than the message: %s", text)
	}
	b.want("/contact", "", "hours help")
	b.want("/contact", visitor2, "hours help")
	b.want("/contact", visitor1, "hours help", map[string]any{"consent": map[string]any{"profiling": "denied"}})
	if _, answer, _ := b.browse("/v1/show", map[string]any{"path": "/contact", "visitor": visitor1}, "Sec-GPC", "1"); strings.Contains(answer, "offer") {
		t.Errorf("in spite of the browser's signal: %s", answer)
	}
	if _, answer, _ := b.browse("/v1/show", map[string]any{"path": "/contact"}, "Cookie", "ripen_visitor="+visitor1, "Sec-Fetch-Site", "same-site"); !strings.Contains(answer, "offer") {
		t.Errorf("the cookie's visitor is not known: %s", answer)
	}
	if _, answer, _ := b.browse("/v1/show", map[string]any{"path": "/contact"}, "User-Agent", "Googlebot/2.1"); strings.Contains(answer, "hours") {
		t.Errorf("a machine gets %s", answer)
	}

	// Who is known by a name is not found by it.
	b.says(visitor1, "identify", map[string]any{"user": "ana-ana-ana"})
	b.want("/contact", "ana-ana-ana", "hours help")
	b.want("/contact", visitor1, "offer help")

	// A no to marketing is respected, whatever the browser says.
	b.n++
	b.browse("/v1/batch", map[string]any{"batch": []any{map[string]any{
		"type": "track", "event": "consent", "anonymousId": visitor1, "messageId": "no", "context": map[string]any{"consent": map[string]any{"marketing": "denied", "profiling": "granted"}},
	}}})
	b.Settle()
	b.want("/contact", visitor1, "hours help")
}

func TestCapsOnAllDevicesTogether(t *testing.T) {
	b := begin(t, offer, help)
	for _, v := range []string{visitor1, visitor2} {
		b.says(v, "page", map[string]any{"path": "/prices"})
		b.says(v, "identify", map[string]any{"user": "ana"})
	}
	shown := map[string]any{"message": "s1", "template": "offer@1"}
	b.want("/", visitor1, "offer help")
	b.says(visitor1, tracker.OnsiteShown, shown)
	b.want("/", visitor2, "offer help")
	b.want("/", visitor1, "help", map[string]any{"skip": []string{"offer"}}) // the browser's own count
	b.says(visitor2, tracker.OnsiteShown, map[string]any{"message": "s2", "template": "offer@1"})
	b.want("/", visitor1, "help")
	b.Advance(8 * 24 * time.Hour)
	b.want("/", visitor1, "offer help")
	b.says(visitor1, tracker.OnsiteClicked, map[string]any{"message": "s3", "template": "offer@1", "link": "/x"})
	b.want("/", visitor2, "help") // answered: never again
	b.Advance(300 * 24 * time.Hour)
	b.want("/", visitor2, "help")

	// A chat that opened by itself stays where it is, and opens no more.
	if got := b.want("/", visitor1, "help"); got[0]["quiet"] != nil || got[0]["after"] != 5000.0 {
		t.Errorf("the chat does not open: %v", got)
	}
	for i := range 3 {
		b.says(visitor1, tracker.OnsiteShown, map[string]any{"message": fmt.Sprint("c", i), "template": "help@1"})
	}
	if got := b.want("/", visitor1, "help"); got[0]["quiet"] != true {
		t.Errorf("the chat opens again: %v", got)
	}
	b.Restart()
	b.Settle()
	if got := b.want("/", visitor2, "help"); got[0]["quiet"] != true {
		t.Errorf("after a restart the chat opens again: %v", got)
	}
}

func (b *bed) stats(name string) map[string]tracker.OnsiteTally {
	b.t.Helper()
	var out struct {
		Stats map[string]tracker.OnsiteTally
	}
	b.Call("GET", "/v1/onsite/"+name+"/stats", b.SecretKey, nil, &out)
	return out.Stats
}

func TestAnswersAreEventsThatScoreAndAreCounted(t *testing.T) {
	b := begin(t, rating)
	b.want("/account", visitor1, "rating")
	say := func(visitor, event string, more map[string]any) {
		more["message"], more["template"], more["survey"] = "s1", "rating@1", "rating"
		b.says(visitor, event, more)
	}
	say(visitor1, tracker.OnsiteShown, map[string]any{})
	say(visitor1, tracker.SurveyOpened, map[string]any{})
	say(visitor1, tracker.SurveyAnswered, map[string]any{"question": "like", "answer": 9})
	say(visitor1, tracker.SurveyAnswered, map[string]any{"question": "use", "answer": "office"})
	say(visitor1, tracker.SurveyAnswered, map[string]any{"question": "use", "answer": "not a choice"})
	if l := b.Leads(); len(l) != 1 || l[0].Score == nil || *l[0].Score != 21 {
		t.Errorf("the answer does not score: %+v", l)
	}
	say("", tracker.OnsiteShown, map[string]any{}) // of somebody who may not be known
	say(visitor1, tracker.OnsiteClosed, map[string]any{})
	b.says(visitor1, tracker.OnsiteShown, map[string]any{"template": "rating@7"}) // of no version
	b.Restart()
	b.Settle()
	got := b.stats("rating")["rating@1"]
	if want := "{2 1 3 1 0 map[like:map[9:1] use:map[office:1]]}"; fmt.Sprint(got) != want {
		t.Errorf("counted %v, want %s", got, want)
	}
	b.want("/account", visitor1, "")

	b.message(strings.Replace(rating, "title: T", "title: New", 1))
	if b.stats("rating")["rating@2"].Shown != 0 || len(b.stats("rating")) != 2 {
		t.Errorf("versions are not counted apart: %v", b.stats("rating"))
	}
	b.Call("POST", "/v1/onsite/rating/rollback", b.SecretKey, nil, nil)
	if got := b.want("/account", visitor2, "rating"); got[0]["title"] != "T" || got[0]["template"] != "rating@1" {
		t.Errorf("after the rollback: %v", got)
	}
}

const journeyYAML = `journey: warmers
enter: {band: warm}
goal: {event: purchase}
steps:
  - {id: tell, message: {channel: onsite, template: wanted}}
  - {id: rest, wait: 30d}
`

func TestJourneyPutsAMessageInWait(t *testing.T) {
	b := begin(t, hours)
	b.says(visitor2, "page", map[string]any{"path": "/"})
	b.Call("PUT", "/v1/journeys/warmers", b.SecretKey, []byte(journeyYAML), nil)
	if status, answer := b.Do("POST", "/v1/journeys/warmers/publish", b.SecretKey, nil); status != 409 || !strings.Contains(string(answer), "there is no on-site message wanted") {
		t.Fatalf("half-defined: %d %s", status, answer)
	}
	b.message("onsite: wanted\nkind: box\ntitle: T\nbody: B\nshow: {by: journey, except: \"/checkout\"}\n")
	b.Call("POST", "/v1/journeys/warmers/publish", b.SecretKey, nil, nil)
	b.says(visitor1, "identify", map[string]any{"user": "ana"})
	b.want("/", visitor1, "")
	b.says(visitor1, "page", map[string]any{"path": "/prices"})
	b.want("/contact", visitor2, "hours")
	b.want("/checkout", visitor1, "")
	b.want("/contact", visitor1, "hours", map[string]any{"consent": "denied"})
	got := b.want("/contact", visitor1, "wanted")
	b.want("/contact", visitor1, "hours") // the page that has it is about to show it
	b.Advance(3 * time.Minute)
	again := b.want("/contact", visitor1, "wanted") // it was left before
	if got[0]["id"] == nil || again[0]["id"] != got[0]["id"] {
		t.Fatalf("the message's showing is named %v, then %v", got[0]["id"], again[0]["id"])
	}
	var waiting struct {
		Waiting []struct{ ID, Message string }
	}
	b.Call("GET", "/v1/leads/ana/onsite", b.SecretKey, nil, &waiting)
	if len(waiting.Waiting) != 1 || waiting.Waiting[0].ID != got[0]["id"] || waiting.Waiting[0].Message != "wanted" {
		t.Errorf("waiting: %+v", waiting)
	}
	b.says(visitor1, tracker.OnsiteShown, map[string]any{"message": got[0]["id"], "template": "wanted@1"})
	b.Advance(3 * time.Minute)
	b.want("/contact", visitor1, "hours")
	b.Call("GET", "/v1/leads/ana/onsite", b.SecretKey, nil, &waiting)
	if len(waiting.Waiting) != 0 {
		t.Errorf("it waits although it was shown: %+v", waiting)
	}

	// What was shown and answered is counted with the step, once, and stands in her ledger.
	for range 2 {
		b.says(visitor1, tracker.OnsiteClicked, map[string]any{"message": got[0]["id"], "template": "wanted@1", "link": "/x"})
	}
	var stats struct {
		Stats map[string]tracker.JourneyTally
	}
	b.Call("GET", "/v1/journeys/warmers/stats", b.SecretKey, nil, &stats)
	if s := stats.Stats["warmers@1"].Answers["tell"]; len(s) != 2 || s["shown"] != 1 || s["answered"] != 1 {
		t.Errorf("answers of the step: %v", s)
	}
	b.says(visitor1, tracker.OnsiteShown, map[string]any{"message": "h1", "template": "hours@1"})
	b.says(visitor1, tracker.OnsiteClosed, map[string]any{"message": "h1", "template": "hours@1"})
	var impact struct {
		Sent, Wanted, Answered int
		Touches                []struct{ Channel, Template, Wanted string }
	}
	b.Call("GET", "/v1/leads/ana/impact", b.SecretKey, nil, &impact)
	if len(impact.Touches) != 2 || impact.Sent != 2 || impact.Answered != 1 || impact.Wanted != 0 || impact.Touches[0].Channel != "onsite" || impact.Touches[0].Template != "hours@1" {
		t.Errorf("the ledger: %+v", impact)
	}
}

func TestErasureTakesWhatWaits(t *testing.T) {
	b := begin(t, "onsite: wanted\nkind: box\ntitle: T\nbody: B\nshow: {by: journey}\n")
	b.says(visitor2, "page", map[string]any{"path": "/"})
	b.Call("PUT", "/v1/journeys/warmers", b.SecretKey, []byte(journeyYAML), nil)
	b.Call("POST", "/v1/journeys/warmers/publish", b.SecretKey, nil, nil)
	b.says(visitor1, "identify", map[string]any{"user": "ana"})
	b.says(visitor1, "page", map[string]any{"path": "/prices"})
	b.Call("DELETE", "/v1/leads/ana", b.SecretKey, nil, nil)
	b.Settle()
	b.says(visitor1, "identify", map[string]any{"user": "ana"})
	b.want("/", visitor1, "")
}

func TestWhoMayAsk(t *testing.T) {
	b := begin(t, hours)
	f := func(status int, want string, body map[string]any, headers ...string) {
		t.Helper()
		got, answer, head := b.browse("/v1/show", body, headers...)
		if got != status || !strings.Contains(answer, want) {
			t.Errorf("%d %s, want %d with %s", got, answer, status, want)
		}
		if status == 200 && (head.Get("Cache-Control") != "no-store" || head.Get("Access-Control-Allow-Origin") != "https://site.example" || head.Get("Access-Control-Allow-Credentials") != "true") {
			t.Errorf("headers %v", head)
		}
	}
	page := map[string]any{"path": "/contact", "language": "es"}
	f(200, `"name":"hours"`, page)
	f(400, "bad_body", map[string]any{"skip": make([]string, 101)})
	b.Call("PATCH", "/v1/admin/sources/default", b.AdminKey, map[string]any{"origins": []string{"https://other.example"}}, nil)
	f(403, "origin_not_allowed", page)
	b.Call("PATCH", "/v1/admin/sources/default", b.AdminKey, map[string]any{"origins": []string{"https://site.example"}, "rate": 1}, nil)
	f(200, `"name":"hours"`, page)
	limited := false
	for range 20 {
		status, _, head := b.browse("/v1/show", page)
		limited = limited || status == 429 && head.Get("Retry-After") != ""
	}
	if !limited {
		t.Error("twenty requests at once passed a rate of one a second")
	}
	b.WriteKey = "unknown"
	f(401, "unknown_key", page)
	if status, _ := b.Do("GET", "/v1/show", "", nil); status != 405 {
		t.Errorf("GET: status %d", status)
	}
}
