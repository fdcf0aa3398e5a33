package export_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"ripen/tracker/trackertest"
)

// shop is a card whose price rule is worth so many points.
func shop(points int) string {
	return fmt.Sprintf(`scorecard: shop
dimensions:
  interest:
    kind: behaviour
    max: 100
    groups:
      web: {max: 100, rules: [
        {id: price, event: page_view, where: {path: "/price*"}, points: %d, cap: 90, half_life: 7d, why: "=Looks at prices"}]}
score:
  combine: sum
  of: [{dimension: interest, times: 1}]
  scale: {from: [0, 100], to: [1, 100]}
bands:
  - {name: cold, from: 1}
  - {name: hot, from: 50}
`, points)
}

func visit(visitor string, n int) (events []map[string]any) {
	for i := range n {
		events = append(events, map[string]any{
			"type": "page", "anonymousId": visitor, "messageId": fmt.Sprintf("%s-%d", visitor, i), "properties": map[string]any{"path": "/prices"},
		})
	}
	return events
}

func TestCardsFromDraftToRollback(t *testing.T) {
	k := trackertest.Start(t)
	k.Send(visit("a", 3)...)
	score := func(want int) {
		t.Helper()
		k.Settle()
		if ls := k.Leads(); len(ls) != 1 || ls[0].Score == nil || *ls[0].Score != want {
			t.Errorf("got %+v, want a score of %d", ls, want)
		}
	}
	refused := func(method, path, body, code string) {
		t.Helper()
		if status, b := k.Do(method, path, k.SecretKey, []byte(body)); status/100 != 4 || !strings.Contains(string(b), `"code":"`+code+`"`) {
			t.Errorf("%s %s: got %d %s, want %s", method, path, status, b, code)
		}
	}
	refused("PUT", "/v1/scorecards/shop", "scorecard: shop\npionts: 3\n", "invalid_scorecard")
	refused("PUT", "/v1/scorecards/other", shop(10), "invalid_scorecard")
	refused("POST", "/v1/scorecards/shop/publish", "", "no_draft")
	k.Publish("shop", shop(10))
	score(31)
	refused("POST", "/v1/scorecards/shop/rollback", "", "no_version")
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(20)), nil)
	score(31) // a draft changes nothing
	var draft struct {
		ID string `json:"draft_id"`
	}
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(15)), &draft)
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(20)), nil)
	refused("POST", "/v1/scorecards/shop/publish", `{"draft_id":"`+draft.ID+`"}`, "other_draft") // somebody else's is there
	score(31)
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(20)), &draft)
	k.Call("POST", "/v1/scorecards/shop/publish", k.SecretKey, map[string]string{"draft_id": draft.ID}, nil)
	score(60)
	k.Call("POST", "/v1/scorecards/shop/rollback", k.SecretKey, nil, nil)
	score(31)
	var list struct {
		Cards []struct {
			Name     string
			Version  int
			Ranking  bool
			Versions []int
		} `json:"scorecards"`
	}
	k.Restart()
	k.Call("GET", "/v1/scorecards", k.SecretKey, nil, &list)
	if c := list.Cards; len(c) != 1 || c[0].Version != 1 || !c[0].Ranking || fmt.Sprint(c[0].Versions) != "[1 2]" {
		t.Errorf("got %+v", c)
	}
	score(31)
}

func TestTenantsSeeOnlyTheirOwn(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	mine := k.Leads()[0].ID
	var other struct {
		WriteKey  string `json:"write_key"`
		SecretKey string `json:"secret_key"`
	}
	k.Call("POST", "/v1/admin/tenants", k.AdminKey, map[string]string{"name": "other"}, &other)
	f := func(want int, path, key string) {
		t.Helper()
		if status, b := k.Do("GET", path, key, nil); status != want {
			t.Errorf("%s: got %d %s, want %d", path, status, b, want)
		}
	}
	for _, path := range []string{"/v1/leads/" + mine, "/v1/leads/" + mine + "/events", "/v1/leads/" + mine + "/scores"} {
		f(200, path, k.SecretKey)
		f(404, path, other.SecretKey)
		f(401, path, k.WriteKey)
		f(401, path, "")
	}
	if status, b := k.Do("GET", "/v1/leads", other.SecretKey, nil); status != 200 || !strings.Contains(string(b), `"leads":[]`) {
		t.Errorf("another tenant's list: %d %s", status, b)
	}
	f(401, "/v1/admin/tenants", k.SecretKey)
	f(400, "/v1/leads", k.AdminKey) // the operator must say whose, now that there are two
	if status, _ := k.Do("POST", "/v1/admin/tenants", k.AdminKey, map[string]string{"name": "other"}); status != 409 {
		t.Errorf("a name that is taken: %d", status)
	}
	var rotated struct {
		SecretKey string `json:"secret_key"`
	}
	k.Call("POST", "/v1/admin/tenants/other/rotate-keys", k.AdminKey, nil, &rotated)
	f(401, "/v1/leads", other.SecretKey)
	f(200, "/v1/leads", rotated.SecretKey)
}

func TestListsAsPagesNDJSONAndCSV(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	for i := range 5 {
		k.Send(visit(fmt.Sprintf("v%d", i), i+1)...)
	}
	k.Send(map[string]any{"type": "identify", "anonymousId": "v4", "userId": "ana", "messageId": "i", "traits": map[string]any{"email": "ana@example.org", "name": "Ana <b>"}})

	var ids []string
	for after := ""; ; {
		var page struct {
			Leads []trackertest.Lead `json:"leads"`
			Next  string             `json:"next"`
			Total int                `json:"total"`
		}
		k.Call("GET", "/v1/leads?limit=2&after="+after, k.SecretKey, nil, &page)
		for _, l := range page.Leads {
			ids = append(ids, l.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(ids) != 5 || !strings.HasPrefix(ids[0], "u_") {
		t.Fatalf("the pages hold %v", ids)
	}
	plain := fetch(t, k, "/v1/leads", "application/x-ndjson", "")
	if lines := strings.Split(strings.TrimSpace(plain), "\n"); len(lines) != 5 || !strings.Contains(lines[0], ids[0]) || !strings.Contains(lines[0], `"Ana <b>"`) {
		t.Errorf("NDJSON: %s", plain)
	}
	for _, enc := range []string{"gzip", "zstd"} {
		if got := fetch(t, k, "/v1/leads", "application/x-ndjson", enc); got != plain {
			t.Errorf("%s changed the list:\n%s\n%s", enc, got, plain)
		}
	}
	page := fetch(t, k, "/v1/leads", "application/json", "")
	for _, enc := range []string{"gzip", "zstd"} {
		if got := fetch(t, k, "/v1/leads", "application/json", enc); got != page {
			t.Errorf("%s changed the page:\n%s\n%s", enc, got, page)
		}
	}
	csv := fetch(t, k, "/v1/leads?min_score=40", "text/csv", "")
	if n := strings.Count(csv, "\n"); n != 3 || !strings.Contains(csv, "'=Looks at prices") || !strings.Contains(csv, "ana@example.org") {
		t.Errorf("CSV of those from 40 on: %s", csv)
	}
	if got := k.Leads(); got[0].Email != "ana@example.org" || *got[0].Score != 51 || got[0].Band != "hot" {
		t.Errorf("the first lead: %+v", got[0])
	}
	for _, bad := range []string{"limit=x", "limit=1001", "sort=name", "as_of=yesterday", "as_of=2999-01-01T00:00:00Z", "scorecard=none"} {
		if status, b := k.Do("GET", "/v1/leads?"+bad, k.SecretKey, nil); status/100 != 4 || !strings.Contains(string(b), `"code":`) {
			t.Errorf("%s: got %d %s", bad, status, b)
		}
	}
}

func fetch(t *testing.T, k *trackertest.T, path, accept, encoding string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", k.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.SecretKey)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Encoding"); got != encoding {
		t.Errorf("encoding %q, want %q", got, encoding)
	}
	var r io.Reader = resp.Body
	switch encoding {
	case "gzip":
		r, err = gzip.NewReader(resp.Body)
	case "zstd":
		r, err = zstd.NewReader(resp.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPastAndChanges(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 2)...)
	then := k.Now().UTC().Format(time.RFC3339Nano)
	before := fetch(t, k, "/v1/leads?as_of="+then, "application/x-ndjson", "")
	k.Advance(24 * time.Hour)
	k.Send(visit("b", 4)...)
	if got := fetch(t, k, "/v1/leads?as_of="+then, "application/x-ndjson", ""); got != before || strings.Count(got, "\n") != 1 {
		t.Errorf("the past changed:\n%s\n%s", before, got)
	}
	k.Call("POST", "/v1/admin/replay", k.AdminKey, nil, nil)
	if got := fetch(t, k, "/v1/leads?as_of="+then, "application/x-ndjson", ""); got != before {
		t.Errorf("a replay changed the past:\n%s\n%s", before, got)
	}
	feed := strings.TrimSpace(fetch(t, k, "/v1/changes", "application/x-ndjson", ""))
	var last struct{ Seq uint64 }
	for line := range strings.SplitSeq(feed, "\n") {
		var c struct {
			Seq   uint64
			Cause string
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.Seq != last.Seq+1 {
			t.Errorf("after change %d comes %s: %v", last.Seq, line, err)
		}
		last.Seq = c.Seq
	}
	if rest := fetch(t, k, fmt.Sprintf("/v1/changes?after=%d", last.Seq), "application/x-ndjson", ""); rest != "" {
		t.Errorf("after the last change: %s", rest)
	}
}
