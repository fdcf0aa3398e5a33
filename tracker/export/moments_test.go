package export_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/tracker/trackertest"
)

// moment is the part of a moment that the test looks at.
type moment struct {
	Time    string   `json:"time"`
	Kind    string   `json:"kind"`
	What    string   `json:"what"`
	Detail  string   `json:"detail"`
	Journey string   `json:"journey"`
	Because []string `json:"because"`
	Event   struct {
		ID string `json:"message_id"`
	} `json:"event"`
	Change struct {
		Seq uint64 `json:"seq"`
	} `json:"change"`
	Delivery struct {
		ID    string `json:"id"`
		State string `json:"state"`
	} `json:"delivery"`
}

// timeline reads all pages of a timeline.
func timeline(k *trackertest.T, query string, limit int) (all []moment) {
	for after := ""; ; {
		var page struct {
			Moments []moment `json:"moments"`
			Next    string   `json:"next"`
		}
		k.Call("GET", fmt.Sprintf("/v1/leads/ana/timeline?%s&limit=%d&after=%s", query, limit, after), k.SecretKey, nil, &page)
		all = append(all, page.Moments...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// TestOneTimeline lets a lead be scored, walk a journey and be handed over, and holds
// the timeline to have each of it once, in order of time, however it is paged,
// narrowed and written.
func TestOneTimeline(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(40))
	k.Call("PUT", "/v1/journeys/walk", k.SecretKey, []byte(`journey: walk
enter: {band: hot}
goal: {event: won}
steps:
  - {id: tell, webhook: {to: nobody, type: x.y}}
  - {id: rest, wait: 2d}
  - {id: sales, handoff: {to: crm, queue: q}}
  - {id: after, wait: 30d}
`), nil)
	hooks := []string{"nobody", "crm"}
	for _, name := range hooks {
		k.Call("POST", "/v1/webhooks", k.SecretKey, map[string]any{"name": name, "url": "https://example.org/" + name}, nil)
	}
	k.Send(visit("somebody", 1)...)
	k.Call("POST", "/v1/journeys/walk/publish", k.SecretKey, nil, nil)
	for _, name := range hooks { // what goes to them from now on is kept for a person
		k.Call("DELETE", "/v1/webhooks/"+name, k.SecretKey, nil, nil)
	}
	k.Send(map[string]any{"type": "identify", "anonymousId": "a", "userId": "ana", "messageId": "i", "traits": map[string]any{"email": "ana@example.org"}})
	for i := range 30 { // several moments of one time: their order must be stable
		for _, e := range visit(fmt.Sprintf("x%d", i), 2) {
			e["userId"], e["anonymousId"] = "ana", "a"
			k.Send(e)
		}
		if i%3 == 0 {
			k.Advance(7 * time.Minute)
		}
	}
	until := func(kind, what string) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !slices.ContainsFunc(timeline(k, "kinds="+kind, 100), func(m moment) bool { return m.What == what }); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s %s: %+v", kind, what, timeline(k, "", 1000))
			}
		}
	}
	until("journey", "waits")
	k.Advance(49 * time.Hour)
	until("handoff", "offered")
	var list struct {
		Handoffs []struct {
			ID string `json:"id"`
		} `json:"handoffs"`
	}
	k.Call("GET", "/v1/handoffs", k.SecretKey, nil, &list)
	k.Call("POST", "/v1/handoffs/"+list.Handoffs[0].ID+"/reject", k.SecretKey, map[string]string{"reason": "not now"}, nil)
	until("handoff", "rejected")

	all := timeline(k, "", 1000)
	if !slices.IsSortedFunc(all, func(a, b moment) int { return strings.Compare(b.Time, a.Time) }) {
		t.Error("it is not in order of time")
	}
	count := map[string]int{}
	for _, m := range all {
		count[m.Kind+" "+m.What]++
	}
	for what, n := range map[string]int{
		"event page_view": 60, "event identify": 1, "journey entered": 1, "journey waits": 2, "touch parked": 1,
		"handoff offered": 1, "handoff rejected": 1, "score begun": 1,
	} {
		if count[what] != n {
			t.Errorf("%d of %s, want %d: %v", count[what], what, n, count)
		}
	}
	i := slices.IndexFunc(all, func(m moment) bool { return m.Kind == "score" && len(m.Because) > 0 })
	if i < 0 || all[i].Because[0] != "=Looks at prices" {
		t.Errorf("no change says why: %+v", all)
	}
	if m := all[slices.IndexFunc(all, func(m moment) bool { return m.What == "rejected" })]; m.Detail != "not now" {
		t.Errorf("sales says why in %+v", m)
	}
	for _, limit := range []int{1, 2, 7, 64} {
		if got := timeline(k, "", limit); fmt.Sprint(got) != fmt.Sprint(all) {
			t.Errorf("pages of %d hold %d moments, or others, want %d", limit, len(got), len(all))
		}
	}
	narrowed(t, k, all)
}

// narrowed holds narrower questions and other forms to say the same.
func narrowed(t *testing.T, k *trackertest.T, all []moment) {
	t.Helper()
	for _, kinds := range []string{"score", "journey", "touch,handoff", "event"} {
		var want []moment
		for _, m := range all {
			if slices.Contains(strings.Split(kinds, ","), m.Kind) || kinds == "journey" && m.Journey != "" {
				want = append(want, m)
			}
		}
		if got := timeline(k, "kinds="+url.QueryEscape(kinds), 5); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %d moments, want %d", kinds, len(got), len(want))
		}
	}
	lines := strings.Split(strings.TrimSpace(fetch(t, k, "/v1/leads/ana/timeline", "application/x-ndjson", "")), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d lines, want %d", len(lines), len(all))
	}
	for i := range lines {
		var m moment
		if err := json.Unmarshal([]byte(lines[i]), &m); err != nil || fmt.Sprint(m) != fmt.Sprint(all[i]) {
			t.Fatalf("line %d: %v %s", i, err, lines[i])
		}
	}
	csv := fetch(t, k, "/v1/leads/ana/timeline", "text/csv", "gzip")
	if n := strings.Count(csv, "\r\n"); n != len(all)+1 || !strings.Contains(csv, `"'=Looks at prices"`) {
		t.Errorf("CSV of %d lines, want %d:\n%.600s", n, len(all)+1, csv)
	}
	for _, bad := range []string{"kinds=gossip", "limit=1001", "after=x", "order=up"} {
		if status, b := k.Do("GET", "/v1/leads/ana/timeline?"+bad, k.SecretKey, nil); status != 400 || !strings.Contains(string(b), `"code":`) {
			t.Errorf("%s: got %d %s", bad, status, b)
		}
	}
	if status, _ := k.Do("GET", "/v1/leads/nobody/timeline", k.SecretKey, nil); status != 404 {
		t.Errorf("a lead that is not there: %d", status)
	}
}
