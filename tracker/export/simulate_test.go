package export_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"ripen/tracker/export"
	"ripen/tracker/trackertest"
)

// TestSimulate simulates a draft, publishes it and compares the list with what
// was said; then the way back.
func TestSimulate(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	k.Send(map[string]any{"type": "identify", "anonymousId": "a", "userId": "ana", "messageId": "i", "traits": map[string]any{"email": "ana@example.org"}})
	k.Send(visit("b", 2)...)
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(60)), nil)
	before := everything(t, k)
	var said export.Simulation
	k.Call("POST", "/v1/scorecards/shop/simulate", k.SecretKey, nil, &said)
	if said.Scorecard != "shop@2" || said.InForce != "shop@1" || said.Leads != 2 || said.Rose != 2 || len(said.Risers) != 2 {
		t.Fatalf("got %+v", said)
	}
	if after := everything(t, k); after != before {
		t.Errorf("a simulation changed something:\n%s\n%s", before, after)
	}
	k.Call("POST", "/v1/scorecards/shop/publish", k.SecretKey, nil, nil)
	k.Settle()
	for _, l := range k.Leads() {
		found := false
		for _, q := range said.Risers {
			found = found || q.ID == l.ID && *q.After.Score == *l.Score && q.After.Band == l.Band
		}
		if !found {
			t.Errorf("published: %+v, said: %+v", l, said.Risers)
		}
	}
	var back export.Simulation
	k.Call("POST", "/v1/scorecards/shop/simulate?version=1", k.SecretKey, nil, &back)
	if back.Fell != said.Rose || back.Scorecard != "shop@1" || back.InForce != "shop@2" {
		t.Errorf("back: %+v", back)
	}
}

// TestSimulateStream reads the progress and the result at its end.
func TestSimulateStream(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	req, err := http.NewRequestWithContext(t.Context(), "POST", k.URL+"/v1/scorecards/shop/simulate?version=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.SecretKey)
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	type line struct {
		Done, Total int
		Result      *export.Simulation
	}
	var first, last line
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if first.Done != 1 || first.Total != 1 || first.Result != nil || last.Result == nil || last.Result.Leads != 1 {
		t.Errorf("got %s", b.String())
	}
}

// TestSimulateIsolation lets two tenants have cards of one name: a simulation
// walks its own tenant's leads through its own draft.
func TestSimulateIsolation(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	k.Send(visit("b", 2)...)
	var other struct {
		WriteKey  string `json:"write_key"`
		SecretKey string `json:"secret_key"`
	}
	k.Call("POST", "/v1/admin/tenants", k.AdminKey, map[string]string{"name": "other"}, &other)
	if status, answer := k.Do("POST", "/v1/scorecards/shop/simulate?version=1", other.SecretKey, nil); status != 404 {
		t.Errorf("another's card: %d %s", status, answer)
	}
	k.Call("PUT", "/v1/scorecards/shop", other.SecretKey, []byte(shop(60)), nil)
	simulate := func(key string, leads int) {
		t.Helper()
		var got export.Simulation
		k.Call("POST", "/v1/scorecards/shop/simulate", key, nil, &got)
		if got.Total != leads || got.Leads != leads || got.InForce != "" {
			t.Errorf("got %+v, want %d leads", got, leads)
		}
	}
	simulate(other.SecretKey, 0)
	k.Call("POST", "/v1/batch", "", map[string]any{"writeKey": other.WriteKey, "batch": visit("a", 1)}, nil)
	k.Settle()
	simulate(other.SecretKey, 1)
	var own export.Simulation
	k.Call("POST", "/v1/scorecards/shop/simulate?version=1", k.SecretKey, nil, &own)
	if own.Total != 2 || own.InForce != "shop@1" || own.Moved != 0 {
		t.Errorf("the first tenant: %+v", own)
	}
}

// TestSimulateModule simulates a version of a module as one of a card: a lead that
// it cannot score is counted with the reason, nothing changes, and it does what was
// said once it is published. The history names who gave each score.
func TestSimulateModule(t *testing.T) {
	k := trackertest.Start(t)
	k.Send(visit("a", 4)...)
	k.Call("PUT", "/v1/modules/counter", k.SecretKey, counter(t), nil)
	simulate := func() (out export.Simulation) {
		t.Helper()
		k.Call("POST", "/v1/modules/counter/simulate", k.SecretKey, nil, &out)
		return out
	}
	first := simulate()
	if first.Scorecard != "counter@1" || first.InForce != "" || first.Rose != 1 || first.Moves[0] != (export.BandMove{To: "lead", Leads: 1}) {
		t.Errorf("before there is a version: %+v", first)
	}
	if q := first.Risers; len(q) != 1 || *q[0].After.Score != 4 || len(q[0].After.Reasons) != 2 || q[0].After.Reasons[0].Why != "4 visits" {
		t.Errorf("risers %+v", q)
	}
	k.Call("POST", "/v1/modules/counter/publish", k.SecretKey, nil, nil)
	k.Send(visit("b", 42)...) // two traps: a third in a row would fail the leads after it, too
	k.Call("PUT", "/v1/modules/counter", k.SecretKey, fragile(t), nil)
	before := everything(t, k)
	said := simulate()
	if said.Scorecard != "counter@2" || said.InForce != "counter@1" || said.Leads != 2 || said.Moved != 0 ||
		len(said.Failed) != 1 || said.Failed[0].Leads != 1 || !strings.Contains(said.Failed[0].Why, "unreachable") {
		t.Errorf("a version that traps: %+v", said)
	}
	if after := everything(t, k); after != before {
		t.Errorf("a simulation changed something:\n%s\n%s", before, after)
	}
	k.Publish("shop", shop(10))
	var history struct {
		Scores []struct{ Scorecard, Cause string }
	}
	id := k.Leads()[1].ID
	f := func(card, want string) {
		t.Helper()
		for range 200 { // what a publication changes is in the feed a moment after it is in view
			k.Settle()
			k.Call("GET", "/v1/leads/"+id+"/scores?scorecard="+card, k.SecretKey, nil, &history)
			if h := history.Scores; len(h) > 0 && h[0].Scorecard == want {
				break
			}
		}
		if h := history.Scores; len(h) == 0 || h[0].Scorecard != want {
			t.Errorf("the history on %s is %+v, want %s", card, h, want)
		}
	}
	f("counter", "counter@1")
	f("shop", "shop@1")
	k.Publish("shop", shop(3))
	f("shop", "shop@2")
	f("counter", "counter@1")
	var l struct {
		Scorecard string
		Scores    map[string]struct{ Score int }
	}
	k.Call("GET", "/v1/leads/"+id, k.SecretKey, nil, &l)
	if l.Scorecard != "shop@2" || len(l.Scores) != 2 || l.Scores["counter"].Score < 4 {
		t.Errorf("two cards in force, and the lead shows %+v", l)
	}
}
