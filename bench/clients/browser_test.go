package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ripen/snippet/browsertest"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

// library is a browser library, and what is its own in a visit.
type library struct {
	client string // its name in testdata/visit.js
	file   string // what a site loads, of testdata/node_modules
	plan   []fault
	// alias is what its alias call says: the new id and the one before. A
	// library without one has no group call either.
	alias    [2]string
	leaving  []string // what it sends by itself when a page is left
	referrer bool     // its page views say which page was before
}

const (
	segmentFile  = "@segment/analytics-next/dist/umd/index.js"
	rudderFile   = "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
	posthogFile  = "posthog-js/dist/array.js"
	snowplowFile = "@snowplow/browser-tracker/dist/index.umd.min.js"
)

// libraries are those of other people. Segment's loses the first argument of
// alias; PostHog's says the ids the other way round; a beacon's answer is not
// read, so what it brings is lost if refused, and never sent again.
var libraries = []library{
	{client: "analytics-next", file: segmentFile, plan: unkind, alias: [2]string{"u-ana", "u-ana"}, referrer: true},
	{client: "analytics-next-batching", file: segmentFile, plan: unkind, alias: [2]string{"u-ana", "u-ana"}, referrer: true},
	{client: "rudder-js", file: rudderFile, plan: unkind, alias: [2]string{"u-ana-2", "u-ana"}, referrer: true},
	{client: "rudder-js-beacon", file: rudderFile, plan: []fault{lost, cut}, alias: [2]string{"u-ana-2", "u-ana"}, referrer: true},
	{client: "posthog-js", file: posthogFile, plan: unkind, alias: [2]string{"u-ana", "u-ana-2"}, leaving: []string{"pageleave"}},
	{client: "snowplow-js", file: snowplowFile, plan: unkind, referrer: true},
}

// TestRealBrowsers lets them follow a visitor in Chromium: three pages, a dozen
// events, an identify, a group, an alias, and twice leaving with something
// unsent. testdata/visit.js says how each is pointed at Ripen.
func TestRealBrowsers(t *testing.T) {
	enter(t)
	for _, lib := range libraries {
		t.Run(lib.client, func(t *testing.T) {
			t.Parallel()
			v := newVisit(t, lib)
			v.open("/", "page_view /")
			v.do(`for (let n = 0; n < 12; n++) client.track(n); client.identify()`, append(numbered(12), "identify ana@acme.es")...)
			if lib.alias[0] != "" {
				v.do(`client.group(); client.alias()`, "group Acme", "alias")
			}
			v.settle()
			v.open("/next", append(lib.leaving, "page_view /next")...)
			v.settle()
			v.do(`client.track(12); location.href = '/end'`, append(lib.leaving, "client_event 12", "page_view /end")...)
			v.check(v.settle())
		})
	}
}

// numbered names the first n of the events that are numbered.
func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("client_event ", i))
	}
	return names
}

// visit is a visitor of a site that has a library, and a tracker.
type visit struct {
	*testing.T
	library
	k        *trackertest.T
	edge     *proxy
	site     *httptest.Server
	tab      context.Context
	expected []string // what the log must hold, sorted

	mu      sync.Mutex // guards console
	console []string   // what page and browser wrote there
}

func newVisit(t *testing.T, lib library) *visit {
	v := &visit{T: t, library: lib, k: trackertest.Start(t, func(c *server.Config) { c.Now = nil })}
	v.edge = newProxy(t, v.k.URL, v.plan)
	mux := http.NewServeMux()
	mux.HandleFunc("/lib.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "node_modules", filepath.FromSlash(v.file)))
	})
	mux.HandleFunc("/visit.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/visit.js") })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>A page</title><link rel=icon href="data:,"><body>
			<script>const TRACKER = %q, KEY = %q, CLIENT = %q</script>
			<script src=/lib.js></script><script src=/visit.js></script>`, v.edge.URL, v.k.WriteKey, v.client)
	})
	v.site = httptest.NewServer(mux)
	t.Cleanup(v.site.Close)
	v.tab = browsertest.Start(t)
	messages := chromedp.Console(v.tab)
	go func() { // until the tab is closed
		for m, err := range messages {
			if err != nil {
				return
			}
			v.mu.Lock()
			v.console = append(v.console, m.Text+" "+m.URL)
			v.mu.Unlock()
		}
	}()
	return v
}

// open goes to a page, after which the log must hold more events.
func (v *visit) open(path string, more ...string) {
	v.Helper()
	browsertest.Do(v.T, v.tab, chromedp.Navigate(v.site.URL+path))
	v.expected = append(v.expected, more...)
}

// do runs a script on the page, after which the log must hold more events.
func (v *visit) do(script string, more ...string) {
	v.Helper()
	browsertest.Do(v.T, v.tab, chromedp.Evaluate[chromedp.Void](script))
	v.expected = append(v.expected, more...)
}

// settle waits until the log holds what is expected, each once, and the proxy says
// 503 to nothing more: a page that is left sends the rest by a beacon, whose answer
// nobody reads.
func (v *visit) settle() []logged {
	v.Helper()
	slices.Sort(v.expected)
	refuses := slices.Contains(v.plan, busy)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		events, names := v.events()
		if slices.Equal(names, v.expected) && (!refuses || v.edge.spent()) {
			return events
		}
		if time.Now().After(deadline) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.Fatalf("the log says\n %s\nwant\n %s\nthe console\n %s", names, v.expected, strings.Join(v.console, "\n "))
		}
		time.Sleep(200 * time.Millisecond) // between two looks at the log
		browsertest.Do(v.T, v.tab, chromedp.Evaluate[chromedp.Void](`typeof client == 'object' && client.again?.()`))
	}
}

// logged is one event as "ripen events tail --json" prints it.
type logged struct {
	Type                        string
	Properties, Traits, Context map[string]any
}

// String names what it says.
func (e *logged) String() string {
	switch e.Type {
	case "page_view":
		return fmt.Sprint(e.Type, " ", e.Properties["path"])
	case "client_event":
		return fmt.Sprint(e.Type, " ", e.Properties["n"])
	case "identify":
		return fmt.Sprint(e.Type, " ", e.Traits["email"])
	case "group":
		return fmt.Sprint(e.Type, " ", e.Traits["name"])
	}
	return e.Type
}

// events reads the log.
func (v *visit) events() (events []logged, names []string) {
	v.Helper()
	_, body := v.k.Do("GET", "/v1/admin/events", v.k.AdminKey, nil)
	for line := range strings.Lines(string(body)) {
		var e logged
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			v.Fatal(err)
		}
		if e.Type != "" {
			events = append(events, e)
			names = append(names, e.String())
		}
	}
	slices.Sort(names)
	return events, names
}

// unkindness is what a browser says of what the proxy did; it must say nothing
// else, of CORS above all.
var unkindness = regexp.MustCompile(`^Failed to load resource: (net::ERR_(EMPTY_RESPONSE|CONNECTION_(CLOSED|RESET)|CONTENT_LENGTH_MISMATCH) |.* status of 503 )`)

// check looks behind the names: who it was, and what was said.
func (v *visit) check(events []logged) {
	v.Helper()
	visitor, err := chromedp.Run(v.tab, chromedp.Evaluate[string](`Promise.resolve(client.visitor())`, chromedp.EvalAwaitPromise))
	if err != nil || visitor == "" {
		v.Fatalf("the library knows no visitor: %v", err)
	}
	for i := range events {
		e := &events[i]
		if e.Context["visitor"] != visitor {
			v.Errorf("%s is filed under visitor %v, not %s", e, e.Context["visitor"], visitor)
		}
		for name, want := range v.details(e) {
			space, key, _ := strings.Cut(name, " ")
			got := map[string]map[string]any{"property": e.Properties, "trait": e.Traits, "context": e.Context}[space][key]
			if got != want {
				v.Errorf("%s: %s is %v, want %v", e, name, got, want)
			}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, line := range v.console {
		if !unkindness.MatchString(line) {
			v.Errorf("on the console: %s", line)
		}
	}
	v.edge.report(v.T)
}

// details says what an event must hold beside its name.
func (v *visit) details(e *logged) map[string]any {
	switch name := e.String(); name {
	case "page_view /":
		return map[string]any{"property url": v.site.URL + "/", "property title": "A page", "property referrer": nil}
	case "page_view /next":
		return map[string]any{"property url": v.site.URL + "/next", "property title": "A page", "context user_id": "u-ana"}
	case "page_view /end":
		want := map[string]any{"property url": v.site.URL + "/end", "property referrer": nil, "context user_id": "u-ana"}
		if v.referrer {
			want["property referrer"] = v.site.URL + "/next"
		}
		return want
	case "identify ana@acme.es":
		return map[string]any{"trait city": "Vigo", "context user_id": "u-ana", "context email": "ana@acme.es"}
	case "group Acme":
		return map[string]any{"context group_id": "acme", "context user_id": "u-ana"}
	case "alias":
		return map[string]any{"context user_id": v.alias[0], "context previous_id": v.alias[1]}
	case "client_event 12":
		return map[string]any{"property plan": "pro", "context user_id": "u-ana"}
	case "pageleave":
		return nil
	}
	return map[string]any{"property plan": "pro"}
}
