package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/rank"
)

// handoffCard hands over whoever has looked at prices twice.
const handoffCard = `scorecard: sales
dimensions:
  interest:
    kind: behaviour
    max: 100
    groups:
      web: {max: 100, rules: [{id: prices, event: page_view, where: {path: "/prices"}, points: 50, decay: none}]}
score:
  combine: sum
  of: [{dimension: interest, times: 1}]
  scale: {from: [0, 100], to: [0, 100]}
bands: [{name: cold, from: 0}, {name: hot, from: 90, leave: 80}]
on_band:
  hot: [{handoff: crm, queue: sales}]
`

// unsteady is a receiver that refuses, and that hangs up after it has taken a
// request: its sender cannot know.
type unsteady struct {
	mu    sync.Mutex // guards what follows
	n     int
	taken map[string]int // :: webhook-id → how often it was taken
	bad   string
}

func (u *unsteady) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	id := req.Header.Get("webhook-id")
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n++; u.n%7 == 3 {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if !bytes.Contains(body, []byte(id)) || req.Header.Get("Idempotency-Key") != id {
		u.bad = string(body)
	}
	u.taken[id]++
	if u.n%7 == 5 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusNoContent)
}

// ask sends a request with the admin key to a child and decodes its answer.
func (k *child) ask(t *testing.T, dir, method, path string, body []byte, out any) int {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+k.addr+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if out != nil && resp.StatusCode/100 == 2 {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			return 0
		}
	}
	return resp.StatusCode
}

// ripen makes leads hot until the process dies, and returns those that it said
// it has.
func (k *child) ripen(round int) (acked []string) {
	for n := 0; ; n++ {
		user := fmt.Sprintf("r%d-%d", round, n)
		var b strings.Builder
		for i := range 2 {
			fmt.Fprintf(&b, `{"type":"page","userId":%q,"messageId":"%s-%d","properties":{"path":"/prices"}}`+"\n", user, user, i)
		}
		resp, err := http.Post("http://"+k.addr+"/v1/batch?writeKey="+k.key, "application/x-ndjson", strings.NewReader(b.String()))
		if err != nil {
			return acked
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return acked
		}
		if resp.StatusCode == 200 && strings.Contains(string(body), `"success":true`) {
			acked = append(acked, user)
		}
	}
}

// TestHandoffsOutliveKills kills the process at random moments while leads are
// handed over to a receiver that fails. In the end every lead was handed over
// once, every hand-off was delivered, and none more often than its attempts with
// an unknown outcome explain.
func TestHandoffsOutliveKills(t *testing.T) {
	dir := t.TempDir()
	u := &unsteady{taken: map[string]int{}}
	receiver := httptest.NewServer(u)
	defer receiver.Close()
	var acked []string
	for round := range 5 {
		k := startChild(t, dir)
		if round == 0 {
			f := func(method, path, body string) {
				t.Helper()
				if status := k.ask(t, dir, method, path, []byte(body), nil); status/100 != 2 {
					t.Fatalf("%s %s: %d", method, path, status)
				}
			}
			f("PUT", "/v1/scorecards/sales", handoffCard)
			f("POST", "/v1/scorecards/sales/publish", "")
			f("POST", "/v1/webhooks", fmt.Sprintf(`{"name":"crm","url":%q}`, receiver.URL))
		}
		timer := time.AfterFunc(time.Duration(100+rand.IntN(500))*time.Millisecond, func() { _ = k.cmd.Process.Kill() })
		acked = append(acked, k.ripen(round)...)
		timer.Stop()
		_ = k.cmd.Wait() // was killed
	}
	if len(acked) == 0 {
		t.Fatal("no process lived long enough to take a lead: the test shows nothing")
	}
	k := startChild(t, dir)
	k.await(t, dir, acked)
	u.check(t, k.intents(t, dir))
	before := u.count()
	if status := k.ask(t, dir, "POST", "/v1/admin/replay", nil, nil); status != 200 {
		t.Fatalf("replay: %d", status)
	}
	k.await(t, dir, acked)
	if u.count() != before {
		t.Errorf("a replay sent %d requests", u.count()-before)
	}
	k.stop(t)
}

func (u *unsteady) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.n
}

// handedOver is what these tests look at of intents and hand-offs.
type handedOver struct {
	ID       string
	Lead     string
	State    string
	Attempts []tracker.Attempt
}

func (k *child) intents(t *testing.T, dir string) []handedOver {
	t.Helper()
	var page struct {
		Intents []handedOver `json:"intents"`
		Next    string       `json:"next"`
	}
	var all []handedOver
	for before := ""; ; before = page.Next {
		path := "/v1/outbox?limit=1000"
		if before != "" {
			path += "&before=" + before
		}
		page.Next = ""
		if status := k.ask(t, dir, "GET", path, nil, &page); status != 200 {
			t.Fatalf("the outbox: %d", status)
		}
		all = append(all, page.Intents...)
		if page.Next == "" {
			return all
		}
	}
}

// await waits until all that was acknowledged was handed over and delivered.
func (k *child) await(t *testing.T, dir string, acked []string) {
	t.Helper()
	k.ask(t, dir, "POST", "/v1/admin/settle", nil, nil)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		all := k.intents(t, dir)
		waiting := 0
		for _, in := range all {
			if in.State == tracker.IntentPending {
				waiting++
				k.ask(t, dir, "POST", "/v1/outbox/"+in.ID+"/retry", nil, nil) // who failed often would wait for minutes
			}
		}
		if waiting == 0 && len(all) >= len(acked) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d leads were acknowledged, %d handed over, %d of these wait", len(acked), len(all), waiting)
		}
	}
}

func (u *unsteady) check(t *testing.T, all []handedOver) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bad != "" {
		t.Errorf("a request without its key: %s", u.bad)
	}
	leads := map[string]string{} // :: lead → its hand-off
	for _, in := range all {
		if leads[in.Lead] != "" {
			t.Errorf("lead %s was handed over as %s and as %s", in.Lead, leads[in.Lead], in.ID)
		}
		leads[in.Lead] = in.ID
		unknown := 0
		for _, a := range in.Attempts {
			if a.Outcome == tracker.OutcomeUnknown {
				unknown++
			}
		}
		if n := u.taken[in.ID]; in.State != tracker.IntentDelivered || n < 1 || n > 1+unknown {
			t.Errorf("%s is %s and was taken %d times: %+v", in.ID, in.State, n, in.Attempts)
		}
		delete(u.taken, in.ID)
	}
	if len(u.taken) > 0 {
		t.Errorf("sent and not known: %v", u.taken)
	}
	t.Logf("%d hand-offs, %d requests", len(all), u.n)
}

// TestWhatSetsActionsOff says which changes are entries into a band.
func TestWhatSetsActionsOff(t *testing.T) {
	f := func(cause, from, to string, want bool) {
		t.Helper()
		if got := entered(&tracker.Change{Cause: cause, OldBand: from, NewBand: to}); got != want {
			t.Errorf("%s, %q to %q: got %v", cause, from, to, got)
		}
	}
	f(causeEvent, "cold", "hot", true)
	f(causeTime, "hot", "cold", true)
	f(causePublish, "", "hot", true)
	f(causeEvent, "hot", "hot", false)
	f(causeEvent, "hot", "", false)
	f(causeReplay, "cold", "hot", false)
}

// acted waits until all that changed was acted on.
func acted(t *testing.T, s *Server, id tracker.TenantID) {
	t.Helper()
	settleAll(t, s)
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		last, err := rank.OpenFeed(s.db.Meta()).Last(id)
		at := uint64(0)
		if err == nil {
			err = s.db.Meta().View(func(tx *storage.Tx) (err error) { at, err = cursorOf(tx, id); return err })
		}
		if err != nil {
			t.Fatal(err)
		}
		if at == last {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("acted on %d of %d changes", at, last)
		}
	}
}

// TestNobodyIsHandedOverForNothing merges leads that were handed over with
// others that were not, and publishes a card and goes back: nobody did anything,
// so nobody is handed over again, until sales has ended it.
func TestNobodyIsHandedOverForNothing(t *testing.T) {
	s, _ := startServer(t, Config{})
	tenant, src, secret, err := s.registry.Create("acme", "", "")
	if err != nil {
		t.Fatal(err)
	}
	f := func(method, path, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
		}
	}
	publish := func(card string) {
		t.Helper()
		f("PUT", "/v1/scorecards/sales", card)
		f("POST", "/v1/scorecards/sales/publish", "")
	}
	look := func(user string, times int) {
		t.Helper()
		for i := range times {
			post(t, s, "/v1/page?writeKey="+src.WriteKey, fmt.Sprintf(`{"userId":%q,"messageId":"%s-%d","properties":{"path":"/prices"}}`, user, user, i))
		}
	}
	are := func(want int) []tracker.Handoff {
		t.Helper()
		acted(t, s, tenant.ID)
		list, err := s.handoffs.List(tenant.ID, tracker.HandoffQuery{})
		if err != nil || len(list) != want {
			t.Fatalf("%d hand-offs, want %d: %+v, %v", len(list), want, list, err)
		}
		return list
	}
	const pairs = 6 // so that either name of a pair stays, in some
	publish(handoffCard)
	post(t, s, "/v1/page?writeKey="+src.WriteKey, `{"anonymousId":"nobody","properties":{"path":"/prices"}}`)
	post(t, s, "/v1/page?writeKey="+src.WriteKey, `{"anonymousId":"nobody","properties":{"path":"/prices"}}`)
	for i := range pairs {
		look(fmt.Sprintf("hot%d", i), 2)
		look(fmt.Sprintf("cold%d", i), 1)
	}
	are(pairs)
	for i := range pairs {
		f("POST", fmt.Sprintf("/v1/leads/hot%d/merge", i), fmt.Sprintf(`{"with":"cold%d"}`, i))
	}
	are(pairs)
	publish(strings.Replace(handoffCard, "points: 50", "points: 10", 1))
	are(pairs)
	f("POST", "/v1/scorecards/sales/rollback", "")
	list := are(pairs)
	f("POST", "/v1/handoffs/"+list[0].ID+"/reject", `{"reason":"too small"}`)
	publish(strings.Replace(handoffCard, "points: 50", "points: 10", 1))
	are(pairs)
	publish(handoffCard)
	are(pairs + 1) // whom sales gave back
}

// TestActingBeginsAtTheEnd opens a directory with changes from before there were
// intents: they set nothing off, later ones do.
func TestActingBeginsAtTheEnd(t *testing.T) {
	db, err := storage.Open(t.TempDir(), storage.Options{Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	old := &tracker.Tenant{ID: tracker.TenantID{1}}
	feed := rank.OpenFeed(db.Meta())
	say := func(seq uint64) {
		t.Helper()
		err := feed.Commit([]rank.Line{{Tenant: old.ID, Changes: []tracker.Change{{Seq: seq, Lead: tracker.LeadID{Kind: 'u'}, Card: "a@1"}}}}, seq)
		if err != nil {
			t.Fatal(err)
		}
	}
	say(1)
	say(2)
	for range 2 {
		if err := beginActing(db.Meta(), []*tracker.Tenant{old}, rank.OpenFeed(db.Meta()).Last); err != nil {
			t.Fatal(err)
		}
		at := uint64(0)
		if err := db.Meta().View(func(tx *storage.Tx) (err error) { at, err = cursorOf(tx, old.ID); return err }); err != nil || at != 2 {
			t.Errorf("the cursor is at %d, %v", at, err)
		}
		say(3)
	}
}
