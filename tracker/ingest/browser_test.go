package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"ripen/snippet"
	"ripen/snippet/browsertest"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

// The truth table: what a visitor did in Chromium is what the tracker's log
// says, each thing once.

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

// world is a tracker, a way to it that can be shut, and a site.
type world struct {
	t     *testing.T
	k     *trackertest.T
	edge  *httptest.Server // in front of the tracker
	down  atomic.Bool      // the edge answers 503
	site  *httptest.Server
	pages map[string]string // :: path → body; set before the visit
	tag   snippet.Page
	id    uint32 // of the visit's source
}

// event is one event as "ripen events tail --json" prints it.
type event struct {
	Time, Type, Subject string
	Source              uint32
	Denied              bool
	Properties, Traits  map[string]any
	Context             map[string]any
}

// String is what the table says of an event.
func (e event) String() string {
	s := e.Type
	for _, name := range []string{"path", "file", "host", "form"} {
		if v, ok := e.Properties[name]; ok {
			s += " " + fmt.Sprint(v)
			break
		}
	}
	if e.Type == "identify" {
		s += fmt.Sprint(" ", e.Traits["email"])
	}
	if e.Denied {
		s += " denied"
	}
	return s
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, k: trackertest.Start(t, func(c *server.Config) { c.Now, c.SitePath = nil, "/k7" })}
	target, err := url.Parse(w.k.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	w.edge = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() && r.Method == "POST" {
			rw.WriteHeader(503)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.edge.Close)
	w.site = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.site.Close)
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, ok := w.pages[r.URL.Path]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	tag := w.tag
	if strings.HasPrefix(body, "<!--strict-->") {
		tag.Nonce = "n0"
		rw.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-n0'; connect-src "+w.edge.URL)
	}
	fmt.Fprintf(rw, "<!doctype html><title>t</title>%s%s", tag.Tag(), body)
}

// visit gives the next visit a source of its own.
func (w *world) visit(name string, pages map[string]string) {
	w.t.Helper()
	var s struct {
		ID       uint32 `json:"id"`
		WriteKey string `json:"write_key"`
	}
	w.k.Call("POST", "/v1/admin/sources", w.k.AdminKey, map[string]any{"name": name}, &s)
	w.pages, w.id, w.tag = pages, s.ID, snippet.Page{Host: w.edge.URL, Key: s.WriteKey}
}

// events reads the visit's events from the log, in the order of their time.
// How long a page is in view depends on the machine: engaged is left out.
func (w *world) events() []event {
	w.t.Helper()
	status, b := w.k.Do("GET", "/v1/admin/events", w.k.AdminKey, nil)
	if status != 200 {
		w.t.Fatalf("the log: %d %s", status, b)
	}
	var out []event
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			w.t.Fatal(err)
		}
		if e.Source == w.id && e.Type != "" && e.Type != "engaged" {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b event) int { return strings.Compare(a.Time, b.Time) })
	return out
}

// want waits until the log holds exactly these events.
func (w *world) want(names ...string) []event {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		got := w.events()
		if text := fmt.Sprint(got); text == fmt.Sprint(names) {
			return got
		} else if len(got) > len(names) || time.Now().After(deadline) {
			w.t.Fatalf("the log says\n %s\nwant\n %s", text, names)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at the log
	}
}

func js(code string) chromedp.Action[chromedp.Void] { return chromedp.Evaluate[chromedp.Void](code) }

// onEveryPage runs a script before each page of the tab.
func onEveryPage(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	browsertest.Do(t, ctx, func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return chromedp.Void{}, err
	})
}

const stay = `<script>for (const what of ['click', 'submit']) addEventListener(what, e => e.preventDefault())</script>`

func TestTruthTable(t *testing.T) {
	w := newWorld(t)
	home := func(path string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(w.site.URL + path) }
	for _, row := range []struct {
		name  string
		pages map[string]string
		visit func(ctx context.Context)
		want  []string
	}{
		{"single-page-application", map[string]string{"/": ""}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/"), js(`history.pushState({}, '', '/a')`), js(`history.replaceState({}, '', '/b')`),
				js(`location.hash = 'anchor'`), // the browser tells of a hash later, in a task of its own
				js(`addEventListener('hashchange', (e) => e.newURL.endsWith('#/c') && ripen('track', 'Trial Started')); location.hash = '#/c'`))
		}, []string{"page_view /", "page_view /a", "page_view /b", "page_view /b", "trial_started"}},
		{"links", map[string]string{"/": stay + `<a href="/Guide.PDF#page=2">a</a><a href="https://elsewhere.example/x">b</a><a href="/in">c</a>`}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/"), js(`document.querySelectorAll('a').forEach(a => a.click())`))
		}, []string{"page_view /", "download /Guide.PDF", "outbound elsewhere.example"}},
		{"forms", map[string]string{"/": stay + `<form id=plain><input type=email value="not@told.es"></form>
			<form id=news data-ripen-identify><input type=email value="ana@acme.es"><input type=password data-ripen-trait=password value=hush>
			<input type=hidden data-ripen-trait=token value=t1><input data-ripen-trait=card value="4111111111111111"><input data-ripen-trait=city value=Vigo></form>`}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/"), js(`for (const f of document.forms) f.requestSubmit()`))
		}, []string{"page_view /", "form_submit plain", "identify ana@acme.es", "form_submit news"}},
		{"strict-policy", map[string]string{"/": `<!--strict--><script nonce=n0>ripen('track', 'early')</script>`}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/"))
		}, []string{"page_view /", "early"}},
		{"gone-at-once", map[string]string{"/": `<script>addEventListener('load', () => { ripen('track', 'click'); location.href = '/next' })</script>`, "/next": ""}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/"))
		}, []string{"page_view /", "click", "page_view /next"}},
		{"privacy-signal", map[string]string{"/": `<script>ripen('identify', 'u1', {email: 'a@b.es'}); ripen('track', 'seen')</script>`}, func(ctx context.Context) {
			onEveryPage(t, ctx, `Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})`)
			browsertest.Do(t, ctx, home("/?gclid=1"))
		}, []string{"page_view / denied", "seen denied"}},
		{"no-signal", map[string]string{"/": `<script>ripen('identify', {email: 'a@b.es'}); ripen('track', 'seen')</script>`}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/?gclid=1"))
		}, []string{"page_view /", "identify a@b.es", "seen"}},
		{"two-tabs", map[string]string{"/": "", "/two": ""}, func(ctx context.Context) {
			w.down.Store(true)
			browsertest.Do(t, ctx, home("/"))
			browsertest.Do(t, browsertest.Tab(t, ctx), home("/two"))
			w.down.Store(false)
		}, []string{"page_view /", "page_view /two"}},
		{"tracker-down", map[string]string{"/": ""}, func(ctx context.Context) {
			w.down.Store(true)
			browsertest.Do(t, ctx, home("/"), js(`ripen('track', 'kept')`))
			w.down.Store(false)
			browsertest.Do(t, ctx, chromedp.Reload())
		}, []string{"page_view /", "kept", "page_view /"}},
		{"back-forward-cache", map[string]string{"/": "", "/next": ""}, func(ctx context.Context) {
			browsertest.Do(t, ctx, home("/"))
			w.want("page_view /")
			browsertest.Do(t, ctx, js(`location.href = '/next'`))
			w.want("page_view /", "page_view /next")
			browsertest.Do(t, ctx, js(`history.back()`))
		}, []string{"page_view /", "page_view /next", "page_view /"}},
	} {
		w.visit(row.name, row.pages)
		row.visit(browsertest.Start(t))
		got := w.want(row.want...)
		checkFields(t, row.name, got)
	}
}

// checkFields looks behind the names: nothing secret was told, and who is who.
func checkFields(t *testing.T, row string, got []event) {
	t.Helper()
	for _, e := range got {
		text := fmt.Sprint(e.Traits, e.Properties, e.Context)
		if strings.Contains(text, "hush") || strings.Contains(text, "t1") || strings.Contains(text, "4111") || strings.Contains(text, "not@told") {
			t.Errorf("%s: %s tells a secret: %s", row, e, text)
		}
		if e.Subject != got[0].Subject {
			t.Errorf("%s: %s is filed under %s, the first event under %s", row, e, e.Subject, got[0].Subject)
		}
		if id := e.Context["click.gclid"]; row == "no-signal" && id != "1" || row == "privacy-signal" && id != nil {
			t.Errorf("%s: %s has the click id %v", row, e, id)
		}
	}
	if row == "forms" && fmt.Sprint(got[2].Traits) != "map[city:Vigo email:ana@acme.es]" {
		t.Errorf("the form told %v", got[2].Traits)
	}
}

// TestPrerender opens browsers that no debugger watches, in which pages are
// prepared in advance.
func TestPrerender(t *testing.T) {
	w := newWorld(t)
	const rules = `<script type="speculationrules">{"prerender": [{"urls": ["/soon"], "eagerness": "immediate"}]}</script>`
	f := func(name, then string, want ...string) {
		t.Helper()
		ready := make(chan struct{}, 1)
		w.visit(name, map[string]string{
			"/":     rules + `<script>fetch('/ready').then(() => setTimeout(() => { ripen('track', 'meanwhile'); ` + then + ` }, 300))</script>`,
			"/soon": `<script>if (document.prerendering) { fetch('/unseen'); ripen('track', 'made unseen') }</script>`,
		})
		w.site.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/unseen":
				ready <- struct{}{}
			case "/ready":
				<-ready
			default:
				w.serve(rw, r)
			}
		})
		browsertest.Open(t, w.site.URL+"/")
		w.want(want...)
	}
	f("never-seen", "", "page_view /", "meanwhile")
	f("then-seen", "location.href = '/soon'", "page_view /", "meanwhile", "page_view /soon", "made_unseen")
}

// TestVisitorCookie proves that the visitor stays the same when the browser
// drops what scripts wrote, and is forgotten on a no; through a site's own path.
func TestVisitorCookie(t *testing.T) {
	w := newWorld(t)
	w.visit("cookie", map[string]string{"/": ""})
	w.tag.Path = "/k7"
	ctx := browsertest.Start(t)
	see := func() { t.Helper(); browsertest.Do(t, ctx, chromedp.Navigate(w.site.URL+"/")) }
	see()
	w.want("page_view /")
	const settled = `!localStorage['ripen.new'] && !Object.keys(localStorage).some(k => k.startsWith('ripen:'))`
	wait := func() {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](settled)); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	browsertest.Do(t, ctx, js(`localStorage.clear()`))
	if seen := browsertest.Eval[string](t, ctx, `document.cookie`); seen != "" {
		t.Errorf("scripts can read the cookie: %s", seen)
	}
	see()
	got := w.want("page_view /", "page_view /")
	if got[0].Subject != got[1].Subject {
		t.Error("without local storage the visitor is another one")
	}
	wait()
	browsertest.Do(t, ctx, js(`ripen('reset'); ripen('track', 'after logout')`))
	got = w.want("page_view /", "page_view /", "after_logout")
	if got[2].Subject == got[0].Subject {
		t.Error("after reset the visitor is the same")
	}
	wait()
	see()
	if got = w.want("page_view /", "page_view /", "after_logout", "page_view /"); got[3].Subject != got[2].Subject {
		t.Error("the visitor after the reset is forgotten on the next page")
	}
}
