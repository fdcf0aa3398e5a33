package snippet_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ripen/snippet"
)

// message is an event as it arrives at a tracker.
type message struct {
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	AnonymousID string         `json:"anonymousId"`
	UserID      string         `json:"userId"`
	UserIDHash  string         `json:"userIdHash"`
	PreviousID  string         `json:"previousId"`
	GroupID     string         `json:"groupId"`
	Event       string         `json:"event"`
	Properties  map[string]any `json:"properties"`
	Traits      map[string]any `json:"traits"`
	Timestamp   time.Time      `json:"timestamp"`
	Context     struct {
		Campaign map[string]string `json:"campaign"`
		Click    map[string]string `json:"click"`
		Consent  any               `json:"consent"`
		Page     map[string]string `json:"page"`
	} `json:"context"`
}

// String is the short form that tests compare: what happened, and where.
func (m message) String() string {
	switch {
	case m.Type == "page":
		return "page " + fmt.Sprint(m.Properties["path"])
	case m.Type == "track":
		return m.Event
	}
	return m.Type
}

// request is one request as the collector saw it.
type request struct {
	method, contentType, purpose string
	writeKey, query              string
	status                       int // what it was answered
	size                         int
	sentAt                       time.Time
	batch                        []message
}

// collector stands in for a tracker on another origin than the site's.
type collector struct {
	*httptest.Server
	site *httptest.Server

	mu       sync.Mutex // guards the rest
	changed  chan struct{}
	requests []request
	hits     []string  // paths asked of the site
	accepted []message // first arrivals, by message id, of requests that were answered 200
	answer   func(n int, r request) (status int, body string)
}

// start serves pages (path → body) with the snippet in the head, and collects.
func start(t *testing.T, pages map[string]string) *collector {
	t.Helper()
	c := &collector{changed: make(chan struct{})}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	c.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.hit(r.URL.Path)
		if r.URL.Path == "/own.js" {
			w.Header().Set("Content-Type", "text/javascript")
			w.Write(snippet.Bytes)
			return
		}
		if before, ok := strings.CutPrefix(r.URL.Path, "/after"); ok {
			c.reached(func([]message, []request) bool { return slices.Contains(c.hits, before) })
		}
		body, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if strings.HasPrefix(body, "<!--strict-->") {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-n0'; connect-src "+c.URL)
		}
		tag := snippet.Page{Host: c.URL, Key: "key", Nonce: "n0"}.Tag()
		if strings.Contains(body, "data-key") { // brings its own
			tag = ""
		}
		fmt.Fprintf(w, "<!doctype html><title>%s</title>%s%s", r.URL.Path, tag, strings.ReplaceAll(body, "COLLECTOR", c.URL))
	}))
	t.Cleanup(c.Close)
	t.Cleanup(c.site.Close)
	return c
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/r.js" {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(snippet.Bytes)
		return
	}
	body, _ := io.ReadAll(r.Body)
	got := request{method: r.Method, contentType: r.Header.Get("Content-Type"), purpose: r.Header.Get("Sec-Purpose"), size: len(body), query: r.URL.RawQuery}
	var in struct {
		WriteKey string    `json:"writeKey"`
		SentAt   time.Time `json:"sentAt"`
		Batch    []message `json:"batch"`
	}
	json.Unmarshal(body, &in)
	got.writeKey, got.sentAt, got.batch = in.WriteKey, in.SentAt, in.Batch
	w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	status, answer := c.record(got)
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

func (c *collector) hit(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits = append(c.hits, path)
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *collector) record(r request) (int, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	status, answer := 200, `{"success":true,"results":[]}`
	if c.answer != nil {
		status, answer = c.answer(len(c.requests)+1, r)
	}
	r.status = status
	c.requests = append(c.requests, r)
	if status == 200 {
		for _, m := range r.batch {
			again := slices.ContainsFunc(c.accepted, func(o message) bool { return o.MessageID == m.MessageID })
			if !again && !strings.Contains(answer, `"`+m.MessageID+`","status":"retry"`) {
				c.accepted = append(c.accepted, m)
			}
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return status, answer
}

// setAnswer decides what the tracker answers from now on; nil = 200.
func (c *collector) setAnswer(f func(n int, r request) (int, string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// await waits until done is true of what was accepted and of all requests.
func (c *collector) await(t *testing.T, what string, done func(accepted []message, requests []request) bool) {
	t.Helper()
	if ok, seen := c.reached(done); !ok {
		t.Fatalf("waited for %s; accepted so far: %s", what, seen)
	}
}

// reached says whether done became true in good time.
func (c *collector) reached(done func([]message, []request) bool) (ok bool, seen string) {
	limit := time.After(time.Minute)
	for {
		c.mu.Lock()
		ok, changed, seen := done(c.accepted, c.requests), c.changed, fmt.Sprint(c.accepted)
		c.mu.Unlock()
		if ok {
			return true, seen
		}
		select {
		case <-changed:
		case <-limit:
			return false, seen
		}
	}
}

// want waits for exactly these events, in the order of their time. How long a
// page is in view depends on the machine: scroll and engaged count if named.
func (c *collector) want(t *testing.T, events ...string) []message {
	t.Helper()
	var got []message
	c.await(t, strings.Join(events, ", "), func(accepted []message, _ []request) bool {
		got = slices.DeleteFunc(slices.Clone(accepted), func(m message) bool {
			return (m.Event == "scroll" || m.Event == "engaged") && !slices.Contains(events, m.Event)
		})
		return len(got) >= len(events)
	})
	slices.SortStableFunc(got, func(a, b message) int { return a.Timestamp.Compare(b.Timestamp) })
	var names []string
	for _, m := range got {
		names = append(names, m.String())
	}
	if !slices.Equal(names, events) {
		t.Fatalf("events\n got %q\nwant %q", names, events)
	}
	return got
}
