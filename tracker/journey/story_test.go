package journey_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ripen/tracker"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

// card gives 30 points for a look at prices: warm from 30, hot from 60.
const card = `scorecard: shop
dimensions:
  interest:
    kind: behaviour
    max: 100
    groups:
      web: {max: 100, rules: [{id: prices, event: page_view, where: {path: "/prices*"}, points: 30, decay: none}]}
score:
  combine: sum
  of: [{dimension: interest, times: 1}]
  scale: {from: [0, 100], to: [0, 100]}
bands: [{name: cold, from: 0}, {name: warm, from: 30}, {name: hot, from: 60}]
`

const educate = `journey: educate
enter: {band: warm}
goal: {event: purchase}
steps:
  - {id: set, set: {stage: educating, visits: 3}}
  - {id: guide, message: {channel: email, template: guide, bands: {hot: guide_hot}}}
  - {id: pause, wait: 3d}
  - {id: choose, branch: [{when: "score >= 60 && stage == 'educating'", go: sales}]}
  - {id: remind, message: {channel: email, template: reminder}}
  - {exit: cold}
  - {id: sales, handoff: {to: crm, queue: sales, sla: 4h}}
  - {id: tell, webhook: {to: crm, type: lead.ready}}
`

// k is a tracker with destinations that remember what they got.
type world struct {
	*trackertest.T
	t *testing.T
	n int // of events

	unasked bool         // events bring no yes to marketing
	met     map[any]bool // :: user → it has been here

	mu  sync.Mutex // guards what follows
	got map[string][]string
}

func start(t *testing.T) *world { return begin(t, true) }

// public is the address under which the world reaches the tracker, as it believes.
const public = "https://t.acme.example"

// begin starts a tracker, ready for journeys or with nothing.
func begin(t *testing.T, ready bool) *world {
	w := &world{t: t, met: map[any]bool{}, got: map[string][]string{}}
	r := httptest.NewServer(w)
	t.Cleanup(r.Close)
	w.T = trackertest.Start(t, func(c *server.Config) {
		c.WebhookAllow, c.PublicURL = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, public
	})
	if ready {
		w.setUp(r.URL)
	}
	return w
}

// setUp gives the tenant all that a journey may need beside its mails: a visitor who was
// scored, a card, a way out for mails, which leads nowhere, and a webhook.
func (w *world) setUp(crm string) {
	w.t.Helper()
	w.Call("POST", "/v1/webhooks", w.SecretKey, map[string]any{"name": "crm", "url": crm}, nil)
	w.Call("PUT", "/v1/mail/sender", w.SecretKey, map[string]any{"url": "smtp://127.0.0.1:9", "from": "Acme <hola@acme.example>", "selector": "ripen"}, nil)
	w.Publish("shop", card)
	w.send(map[string]any{"type": "page", "anonymousId": "somebody", "properties": map[string]any{"path": "/"}})
}

func (w *world) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var body struct {
		Type string `json:"type"`
		Data struct {
			Step string
		} `json:"data"`
	}
	_ = json.Unmarshal(b, &body) // what is no JSON counts as nothing known
	w.mu.Lock()
	defer w.mu.Unlock()
	what := strings.TrimSpace(body.Type + " " + body.Data.Step)
	w.got[what] = append(w.got[what], req.Header.Get("Idempotency-Key"))
	rw.WriteHeader(http.StatusNoContent)
}

// mails puts templates into the content library.
func (w *world) mails(names ...string) {
	for _, name := range names {
		w.Call("PUT", "/v1/mail/templates/"+name, w.SecretKey, []byte("mail: "+name+"\nlanguage: en\npurpose: marketing\nsubject: s\ntext: t\n"), nil)
	}
}

// read sends a request and reads the JSON of its answer, whatever its status.
func (w *world) read(method, path string, body []byte, out any) (status int) {
	w.t.Helper()
	status, answer := w.Do(method, path, w.SecretKey, body)
	if err := json.Unmarshal(answer, out); err != nil {
		w.t.Fatalf("%d %s: %v", status, answer, err)
	}
	return status
}

// publish puts a journey in force.
func (w *world) publish(kind, name, yaml, query string) {
	w.t.Helper()
	w.Call("PUT", "/v1/"+kind+"/"+name, w.SecretKey, []byte(yaml), nil)
	w.Call("POST", "/v1/"+kind+"/"+name+"/publish"+query, w.SecretKey, nil, nil)
	w.Settle()
}

// send sends events as a browser does: what a library sends is judged a machine. Who
// comes for the first time says yes to everything, unless the event has a context.
func (w *world) send(events ...map[string]any) {
	w.t.Helper()
	for _, e := range events {
		w.n++
		e["messageId"] = fmt.Sprintf("m%d", w.n)
		if e["timestamp"] == nil {
			e["timestamp"] = w.Now().Format(time.RFC3339Nano)
		}
		if who := e["userId"]; !w.unasked && !w.met[who] { // who comes for the first time says yes, unless it says otherwise
			if w.met[who] = true; e["context"] == nil {
				e["context"] = map[string]any{"consent": "granted"}
			}
		}
	}
	b, err := json.Marshal(map[string]any{"writeKey": w.WriteKey, "batch": events})
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", w.URL+"/v1/batch", strings.NewReader(string(b)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(b), `"success":true`) {
		w.t.Fatalf("%s %v", b, err)
	}
	w.Settle()
}

// prices lets somebody look at prices.
func (w *world) prices(user string, times int) {
	w.t.Helper()
	for range times {
		w.send(map[string]any{"type": "page", "userId": user, "properties": map[string]any{"path": "/prices"}})
	}
}

func (w *world) track(user, event string, properties map[string]any) {
	w.t.Helper()
	w.send(map[string]any{"type": "track", "event": event, "userId": user, "properties": properties})
}

// intents lists what was made: kind and destination, sorted.
func (w *world) intents() (out []string) {
	w.t.Helper()
	var page struct {
		Intents []struct{ Kind, To string }
	}
	w.Call("GET", "/v1/outbox?limit=1000", w.SecretKey, nil, &page)
	for _, in := range page.Intents {
		out = append(out, in.Kind+" "+in.To)
	}
	slices.Sort(out)
	return out
}

type placeOf struct {
	Journeys []tracker.JourneyPlace
	Steps    []tracker.JourneyStep
}

func (w *world) place(user string) (p placeOf) {
	w.t.Helper()
	w.Call("GET", "/v1/leads/"+user+"/journeys", w.SecretKey, nil, &p)
	return p
}

func (w *world) stats(name string) map[string]tracker.JourneyTally {
	w.t.Helper()
	var s struct {
		Stats map[string]tracker.JourneyTally
	}
	w.Call("GET", "/v1/journeys/"+name+"/stats", w.SecretKey, nil, &s)
	return s.Stats
}

func (w *world) want(got, want any) {
	w.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("got  %v\nwant %v", got, want)
	}
}

// answer answers all that was sent, twice: opens and an unsubscribe of each mail, and
// what sales makes of each hand-off.
func (w *world) answer() {
	w.t.Helper()
	var page struct {
		Intents []struct{ ID, Kind, Lead string }
	}
	w.Call("GET", "/v1/outbox?limit=1000", w.SecretKey, nil, &page)
	for _, in := range page.Intents {
		user := "ana"
		var lead struct{ ID string }
		if w.Call("GET", "/v1/leads/bea", w.SecretKey, nil, &lead); lead.ID == in.Lead {
			user = "bea"
		}
		switch in.Kind {
		case "email":
			for range 2 {
				w.track(user, "Email Open", map[string]any{"message": in.ID})
				w.track(user, "Unsubscribe", map[string]any{"message": in.ID})
			}
		case "handoff":
			w.Call("POST", "/v1/handoffs/"+in.ID+"/accept", w.SecretKey, nil, nil)
			w.Call("POST", "/v1/handoffs/"+in.ID+"/reject", w.SecretKey, map[string]string{"reason": "no"}, nil)
		}
	}
	w.Settle()
}

// Somebody who gets warm is educated, and handed over once hot: each step once,
// through a restart and a replay.
func TestEducate(t *testing.T) {
	w := start(t)
	w.Call("PUT", "/v1/journeys/educate", w.SecretKey, []byte(educate), nil)
	if status, body := w.Do("POST", "/v1/journeys/educate/publish", w.SecretKey, nil); status != 409 || !strings.Contains(string(body), "no mail template guide, guide_hot, reminder") {
		t.Errorf("%d %s", status, body)
	}
	w.mails("guide", "guide_hot", "reminder")
	w.publish("journeys", "educate", educate, "")
	w.prices("ana", 1)
	w.prices("bea", 1)
	w.want(w.intents(), []string{"email mail:smtp", "email mail:smtp"})
	w.want(w.intents(), []string{"email mail:smtp", "email mail:smtp"})
	if p := w.place("ana"); len(p.Journeys) != 1 || p.Journeys[0].Step != "pause" || p.Journeys[0].Journey != "educate@1" {
		t.Fatalf("%+v", p)
	}
	var lead struct{ Attributes map[string]any }
	w.Call("GET", "/v1/leads/ana", w.SecretKey, nil, &lead)
	w.want(lead.Attributes, map[string]any{"stage": "educating", "visits": 3})
	w.prices("ana", 1)
	w.Restart()
	w.Call("POST", "/v1/admin/replay", w.AdminKey, nil, nil)
	w.Settle()
	w.want(len(w.intents()), 2)
	w.Advance(72*time.Hour - time.Second)
	w.want(len(w.intents()), 2)
	w.Advance(time.Second)
	w.want(w.intents(), []string{"email mail:smtp", "email mail:smtp", "email mail:smtp", "handoff crm", "webhook crm"})
	w.track("bea", "Order Completed", map[string]any{"value": 5})
	w.answer()
	s := w.stats("educate")["educate@1"]
	w.want([]any{s.Entered, s.Active, s.Ended["done"], s.Ended["cold"], s.Steps["guide message"]}, []any{2, 0, 1, 1, 2})
	w.want(s.Answers, map[string]map[string]int{"guide": {"opened": 2, "unsubscribed": 2}, "remind": {"opened": 1, "unsubscribed": 1}, "sales": {"accepted": 1, "rejected": 1}})
	end := time.Now().Add(20 * time.Second)
	for {
		w.mu.Lock()
		n := len(w.got)
		w.mu.Unlock()
		if n == 2 || time.Now().After(end) {
			break
		}
		time.Sleep(5 * time.Millisecond) // the world is not ours to step
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, what := range []string{"handoff.created", "lead.ready tell"} {
		if len(w.got[what]) == 0 {
			t.Errorf("nobody got %s: %v", what, w.got)
		}
	}
}
