package export_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ripen/tracker/trackertest"
)

// listen opens the event stream and returns a function that reads the ids of
// the next changes.
func listen(t *testing.T, k *trackertest.T, query, last string) (next func(n int) []uint64, hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	req, err := http.NewRequestWithContext(ctx, "GET", k.URL+"/v1/changes"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.SecretKey)
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req) // answers before there is any change
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("status %d, %s", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	next = func(n int) (ids []uint64) {
		t.Helper()
		for len(ids) < n && lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var c struct{ Seq uint64 }
				if err := json.Unmarshal([]byte(data), &c); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, c.Seq)
			}
		}
		if len(ids) < n {
			t.Fatalf("the stream ended after %v: %v", ids, lines.Err())
		}
		return ids
	}
	return next, func() { cancel(); resp.Body.Close() }
}

// TestEventStreamResumes loses the connection between changes: none is missing
// and none comes twice, also when the address still says where it began.
func TestEventStreamResumes(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	next, hangUp := listen(t, k, "", "")
	k.Send(visit("a", 2)...)
	k.Send(visit("b", 1)...)
	got := next(2)
	hangUp()
	k.Send(visit("c", 1)...) // while nobody listens
	last := got[len(got)-1]
	next, hangUp = listen(t, k, "?after=0", fmt.Sprint(last))
	defer hangUp()
	got = append(got, next(1)...)
	k.Send(visit("d", 1)...)
	got = append(got, next(1)...)
	for i, seq := range got {
		if seq != uint64(i+1) {
			t.Fatalf("the stream gave %v", got)
		}
	}
	if status, b := k.Do("GET", "/v1/changes?after=-1", k.SecretKey, nil); status != 400 || !strings.Contains(string(b), "bad_after") {
		t.Errorf("a bad sequence: %d %s", status, b)
	}
}

// TestLongPoll waits for the next change and no longer.
func TestLongPoll(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	answer := make(chan string, 1)
	go func() {
		_, b := k.Do("GET", "/v1/changes?wait=30s", k.SecretKey, nil)
		answer <- string(b)
	}()
	k.Send(visit("a", 1)...)
	if got := <-answer; !strings.Contains(got, `"seq":1`) || !strings.Contains(got, `"new_score":11`) {
		t.Errorf("got %s", got)
	}
	if _, b := k.Do("GET", "/v1/changes?after=1&wait=1ms", k.SecretKey, nil); len(b) != 0 {
		t.Errorf("nothing has changed: %s", b)
	}
}

// TestChangesOfOneCard asks for the changes of one card of two, by page and by stream,
// and the history of a lead; what is no card of leads in force is refused.
func TestChangesOfOneCard(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Publish("other", strings.Replace(shop(20), "scorecard: shop", "scorecard: other", 1))
	k.Send(visit("a", 1)...)
	k.Send(visit("b", 1)...)
	all := func(query string) (seqs []uint64) {
		_, b := k.Do("GET", "/v1/changes"+query, k.SecretKey, nil)
		for line := range strings.Lines(string(b)) {
			var c struct {
				Seq       uint64
				Scorecard string
			}
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(query, "other") || c.Scorecard == "other@1" {
				seqs = append(seqs, c.Seq)
			} else {
				t.Errorf("%s: a change of %s", query, c.Scorecard)
			}
		}
		return seqs
	}
	some, every := all("?scorecard=other"), all("")
	if len(some) != 2 || len(every) != 4 {
		t.Fatalf("%v of %v", some, every)
	}
	// Pages of one change: those of the other card are passed over, not answered.
	if got := all("?scorecard=other&limit=1"); len(got) != 1 || got[0] != some[0] {
		t.Errorf("first page %v, want %d", got, some[0])
	}
	if got := all(fmt.Sprintf("?scorecard=other&limit=1&after=%d", some[0])); len(got) != 1 || got[0] != some[1] {
		t.Errorf("second page %v, want %d", got, some[1])
	}
	next, hangUp := listen(t, k, "?scorecard=other", "")
	defer hangUp()
	if got := next(2); got[0] != some[0] || got[1] != some[1] {
		t.Errorf("the stream gave %v, want %v", got, some)
	}
	firms := []byte("scorecard: firms\nentity: account\nrollup: {to: account, by: email_domain}\ndimensions: {people: {kind: rollup, max: 100}}\n")
	k.Call("PUT", "/v1/scorecards/firms", k.SecretKey, firms, nil)
	k.Call("POST", "/v1/scorecards/firms/publish", k.SecretKey, nil, nil)
	k.Settle()
	for _, path := range []string{"/v1/changes?scorecard=", "/v1/leads/a/scores?scorecard="} {
		if status, b := k.Do("GET", path+"shpo", k.SecretKey, nil); status != 404 || !strings.Contains(string(b), "unknown_scorecard") {
			t.Errorf("%sshpo: %d %s", path, status, b)
		}
		if status, b := k.Do("GET", path+"firms", k.SecretKey, nil); status != 400 || !strings.Contains(string(b), "ask /v1/accounts") {
			t.Errorf("%sfirms: %d %s", path, status, b)
		}
	}
}

// FuzzCursor sends cursors that nobody gave out: each is a page or a clear
// refusal, and never another tenant's lead.
func FuzzCursor(f *testing.F) {
	k := trackertest.Start(f)
	k.Publish("shop", shop(10))
	for i := range 4 {
		k.Send(visit(fmt.Sprintf("v%d", i), i+1)...)
	}
	for _, path := range []string{"/v1/leads?limit=1", "/v1/leads?limit=1&sort=last_seen", "/v1/leads/v3/events?limit=1"} {
		var page struct{ Next string }
		k.Call("GET", path, k.SecretKey, nil, &page)
		if page.Next == "" {
			f.Fatalf("%s has one page", path)
		}
		f.Add(page.Next)
		f.Add(page.Next[:len(page.Next)-1])
		f.Add(page.Next + "A")
	}
	f.Add("")
	f.Add("AAAA")
	f.Add("%")
	f.Add(strings.Repeat("_", 3000))
	f.Fuzz(func(t *testing.T, cursor string) {
		var escaped strings.Builder
		for i := range len(cursor) {
			fmt.Fprintf(&escaped, "%%%02x", cursor[i])
		}
		if escaped.Len() > 6000 {
			return
		}
		for _, path := range []string{"/v1/leads?limit=2&after=", "/v1/leads?limit=2&sort=last_seen&after=", "/v1/leads?limit=2&dimension=interest&after=", "/v1/leads/v3/events?limit=2&after="} {
			status, b := ask(t, k, "GET", path+escaped.String(), k.SecretKey, "")
			switch {
			case status == 200 && json.Valid([]byte(b)):
			case status == 400 && strings.Contains(b, `"code":"bad_cursor"`) && strings.Contains(b, "use the next of a page"):
			default:
				t.Errorf("%s%q: %d %s", path, cursor, status, b)
			}
		}
	})
}
