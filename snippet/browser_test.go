package snippet_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"ripen/snippet/browsertest"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func run(js string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](js)
}

func TestPageViewsAndCalls(t *testing.T) {
	c := start(t, map[string]string{"/": `<script>ripen('track', 'early', {n: 1}); ripen('identify', {email: 'a@b.es'})</script>`})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/?utm_source=news&utm_campaign=spring&q=1#top"))
	c.want(t, "page /", "early", "identify")
	browsertest.Do(t, ctx,
		run(`ripen('identify', 'u1', {plan: 'pro'}, 'proof')`),
		run(`ripen('group', 'g1', {name: 'Acme'})`),
		run(`ripen('alias', 'u2', 'u1')`),
		run(`ripen('page', {section: 'x'})`),
		run(`ripen('nonsense')`),
		run(`ripen('reset'); ripen('track', 'after')`))
	got := c.want(t, "page /", "early", "identify", "identify", "group", "alias", "page /", "after")
	page := got[0]
	if page.Context.Campaign["source"] != "news" || page.Context.Campaign["name"] != "spring" || page.Properties["title"] != "/" {
		t.Errorf("page view %+v", page)
	}
	if u := fmt.Sprint(page.Properties["url"]); !strings.HasSuffix(u, "/?utm_source=news&utm_campaign=spring&q=1#top") {
		t.Errorf("url %s", u)
	}
	if got[2].Traits["email"] != "a@b.es" || got[3].UserID != "u1" || got[3].UserIDHash != "proof" || got[2].UserIDHash != "" || got[4].GroupID != "g1" || got[5].PreviousID != "u1" || got[6].Properties["section"] != "x" {
		t.Errorf("fields are missing: %+v", got)
	}
	for _, m := range got[:7] {
		if !uuid.MatchString(m.MessageID) || !uuid.MatchString(m.AnonymousID) || m.AnonymousID != page.AnonymousID {
			t.Errorf("%s: message id %q, visitor %q", m, m.MessageID, m.AnonymousID)
		}
	}
	if got[7].AnonymousID == page.AnonymousID {
		t.Error("reset kept the visitor's id")
	}
	c.await(t, "requests", func(_ []message, all []request) bool {
		for _, r := range all {
			if r.method != "POST" || !strings.HasPrefix(r.contentType, "text/plain") || r.writeKey != "key" || r.sentAt.IsZero() {
				t.Errorf("request %+v: must be a simple POST with the write key in its body", r)
			}
		}
		return true
	})
}

func TestSinglePageApplication(t *testing.T) {
	c := start(t, map[string]string{"/": ""})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /")
	browsertest.Do(t, ctx,
		run(`history.pushState({}, '', '/a'); document.title = 'A'`),
		run(`history.pushState({}, '', '/a')`), // the same page again
		run(`history.replaceState({}, '', '/b')`),
		run(`location.hash = 'section'`), // an anchor, not a page
		run(`location.hash = '#/route'`))
	c.want(t, "page /", "page /a", "page /b", "page /b")
	browsertest.Do(t, ctx, run(`history.go(-2)`)) // from #/route back over #section to /b
	got := c.want(t, "page /", "page /a", "page /b", "page /b", "page /b")
	if got[1].Properties["title"] != "A" || got[1].Properties["referrer"] != c.site.URL+"/" || got[2].Properties["referrer"] != c.site.URL+"/a" {
		t.Errorf("view of /a: %v: want the title set after the address, and / as referrer", got[1].Properties)
	}
}

func TestBackForwardCache(t *testing.T) {
	c := start(t, map[string]string{"/": "", "/next": ""})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /")
	waitEmpty(t, ctx)
	browsertest.Do(t, ctx, run(`addEventListener('pageshow', e => { window.fromCache = e.persisted }); location.href = '/next'`))
	c.want(t, "page /", "page /next")
	browsertest.Do(t, ctx, run(`history.back()`))
	c.want(t, "page /", "page /next", "page /")
	if !browsertest.Eval[bool](t, ctx, `!!window.fromCache`) {
		t.Error("the page was loaded again, not taken from the cache: nothing is proved")
	}
}

func TestPrerenderedPageCountsWhenSeen(t *testing.T) {
	c := start(t, map[string]string{
		"/": `<script type="speculationrules">{"prerender": [{"urls": ["/soon"], "eagerness": "immediate"}]}</script>
			<script>fetch('/after/unseen').then(() => { ripen('track', 'meanwhile'); setTimeout(() => { location.href = '/soon' }, 500) })</script>`,
		"/soon": `<script>ripen('track', document.prerendering ? 'made unseen' : 'made late'); fetch(document.prerendering ? '/unseen' : '/late')</script>`,
	})
	browsertest.Open(t, c.site.URL+"/")
	c.want(t, "page /", "meanwhile", "page /soon", "made unseen")
}

func TestNothingIsLostWhileTheTrackerIsDown(t *testing.T) {
	c := start(t, map[string]string{"/": "", "/next": ""})
	down := func(n int, _ request) (int, string) { return 503, "" }
	c.setAnswer(down)
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.await(t, "a refused request", func(_ []message, all []request) bool { return len(all) > 0 })
	browsertest.Do(t, ctx, run(`ripen('track', 'kept')`), chromedp.Navigate(c.site.URL+"/next"))
	c.setAnswer(nil)
	c.want(t, "page /", "kept", "page /next")
	waitEmpty(t, ctx)
}

// What waits for a tracker that is down is bounded: the oldest go.
func TestOnlySoMuchWaits(t *testing.T) {
	c := start(t, map[string]string{"/": "", "/next": ""})
	c.setAnswer(func(int, request) (int, string) { return 503, "" })
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.await(t, "a refused request", func(_ []message, all []request) bool { return len(all) > 0 })
	browsertest.Do(t, ctx, run(`for (let i = 0; i < 250; i++) ripen('track', 'n', {i})`))
	if n := browsertest.Eval[int](t, ctx, `Object.keys(localStorage).filter(k => k.startsWith('ripen:')).length`); n != 200 {
		t.Errorf("%d events wait in local storage, want 200", n)
	}
	c.setAnswer(nil)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/next"))
	waitEmpty(t, ctx)
	c.await(t, "the latest", func(accepted []message, _ []request) bool {
		has := func(i float64) bool {
			return slices.ContainsFunc(accepted, func(m message) bool { return m.Properties["i"] == i })
		}
		if has(0) || has(49) {
			t.Error("the oldest of 250 events arrived, too")
		}
		return has(249)
	})
}

func TestOwnHostAndManualPages(t *testing.T) {
	tag := `<script src="/own.js" data-key="key" data-host="COLLECTOR/" data-manual></script>`
	c := start(t, map[string]string{"/": tag + tag + `<script>ripen('track', 'only')</script>`})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "only") // no page view, and nothing twice
}

// waitEmpty waits until the browser keeps no event any more.
func waitEmpty(t *testing.T, ctx context.Context) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`!Object.keys(localStorage).some(k => k.startsWith('ripen:'))`)); err != nil {
		t.Fatalf("events stay in local storage: %v", err)
	}
}

func TestBackOffOnOnePage(t *testing.T) {
	c := start(t, map[string]string{"/": ""})
	c.setAnswer(func(n int, _ request) (int, string) {
		if n <= 2 {
			return []int{500, 429}[n-1], ""
		}
		return 200, `not even JSON`
	})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /")
	waitEmpty(t, ctx)
}

func TestOnlyRetryResultsAreSentAgain(t *testing.T) {
	c := start(t, map[string]string{"/": `<script>ripen('track', 'good'); ripen('track', 'again')</script>`})
	c.setAnswer(func(n int, r request) (int, string) {
		if n > 1 {
			return 200, `{"success":true,"results":[]}`
		}
		var results []string
		for _, m := range r.batch {
			status := map[string]string{"again": "retry", "good": "drop"}[m.Event]
			results = append(results, fmt.Sprintf(`{"messageId":"%s","status":"%s"}`, m.MessageID, cmp.Or(status, "ok")))
		}
		return 200, `{"success":false,"results":[` + strings.Join(results, ",") + `]}`
	})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /", "good", "again")
	waitEmpty(t, ctx)
	c.await(t, "two requests", func(_ []message, all []request) bool {
		if len(all) != 2 || len(all[0].batch) != 3 || len(all[1].batch) != 1 {
			t.Errorf("requests %v: want all three events, then the one to retry", all)
		}
		return true
	})
}

func TestRefusedRequestDoesNotBlockWhatFollows(t *testing.T) {
	c := start(t, map[string]string{"/": ""})
	c.setAnswer(func(n int, _ request) (int, string) { return 401, "" })
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	waitEmpty(t, ctx)
	c.setAnswer(nil)
	browsertest.Do(t, ctx, run(`ripen('track', 'next')`))
	c.want(t, "next")
}

func TestLeavingAtOnceLosesNothing(t *testing.T) {
	big := `<script>for (let i = 0; i < 6; i++) ripen('track', 'big', {i, text: 'ñ'.repeat(10000)}); location.href = '/next'</script>`
	c := start(t, map[string]string{"/": `<script>addEventListener('load', () => {` + strings.NewReplacer("<script>", "", "</script>", "").Replace(big) + `})</script>`, "/next": ""})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /", "big", "big", "big", "big", "big", "big", "page /next")
	waitEmpty(t, ctx)
	c.await(t, "requests", func(_ []message, all []request) bool {
		for _, r := range all {
			if r.size >= 64<<10 || r.method != "POST" {
				t.Errorf("%s of %d bytes: a beacon carries less than 64 KiB", r.method, r.size)
			}
		}
		return true
	})
}

func TestBeaconWhenHidden(t *testing.T) {
	c := start(t, map[string]string{"/": ""})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /")
	browsertest.Do(t, ctx, run(`{
		const beacon = navigator.sendBeacon.bind(navigator);
		window.beacons = 0;
		navigator.sendBeacon = (url, body) => { beacons++; return beacon(url, body) };
		window.fetch = () => new Promise(() => {});
		ripen('track', 'last');
		Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
		document.dispatchEvent(new Event('visibilitychange'));
		dispatchEvent(new Event('pagehide'));
	}`))
	c.want(t, "page /", "last")
	if n := browsertest.Eval[int](t, ctx, `beacons`); n != 1 {
		t.Fatalf("%d beacons, want 1", n)
	}
}

func TestPrivacySignalKeepsNothing(t *testing.T) {
	f := func(signal string) {
		t.Helper()
		c := start(t, map[string]string{"/": `<script>ripen('identify', 'u1', {email: 'a@b.es'}); ripen('track', 'seen')</script>`})
		ctx := browsertest.Start(t)
		browsertest.Do(t, ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: signal})
			return chromedp.Void{}, err
		})
		browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
		c.want(t, "page /", "seen")
		if kept := browsertest.Eval[string](t, ctx, `JSON.stringify(localStorage) + document.cookie`); kept != "{}" {
			t.Fatalf("%s: the browser keeps %s", signal, kept)
		}
	}
	f(`Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})`)
	f(`Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})`)
}

func TestCookieWhereThereIsNoLocalStorage(t *testing.T) {
	c := start(t, map[string]string{"/": `<script>delete window.localStorage</script>`})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied') }})`,
		})
		return chromedp.Void{}, err
	})
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /")
	browsertest.Do(t, ctx, chromedp.Reload())
	got := c.want(t, "page /", "page /")
	if got[0].AnonymousID != got[1].AnonymousID {
		t.Fatal("the visitor got a new id on the second page")
	}
}

func TestLinksAndForms(t *testing.T) {
	c := start(t, map[string]string{"/": `<script>addEventListener('click', e => e.preventDefault()); addEventListener('submit', e => e.preventDefault())</script>
		<a id=pdf href="/files/Guide.PDF?v=2#page=3"><b>guide</b></a> <a id=marked href="/x" download>x</a>
		<a id=out href="https://elsewhere.example/a?b">out</a> <a id=in href="/next">next</a> <a id=mail href="mailto:a@b.es">mail</a>
		<form id=plain><input type=email name=mail value="secret@b.es"><button>ok</button></form>
		<form name=news data-ripen-identify><input type=email value=" Ana@b.es "><input data-ripen-trait=city value="Vigo"><input value="not told">
		<input type=number data-ripen-trait=cups value=4><input type=radio name=r data-ripen-trait=place value=home><input type=radio name=r data-ripen-trait=place value=bar checked>
		<input type=checkbox data-ripen-trait=terms checked><input type=password data-ripen-trait=password value=hush><input data-ripen-trait=card autocomplete=cc-number value=4111>
		<input type=hidden data-ripen-trait=token value=t1><input data-ripen-trait=number value="4111 1111 1111 1111"><input type=email value="other@b.es">
		<input name=id data-ripen-trait=empty><button>ok</button></form>`})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"))
	c.want(t, "page /")
	browsertest.Do(t, ctx, run(`for (const id of ['pdf', 'marked', 'out', 'in', 'mail']) (document.querySelector('#' + id + ' b') || document.getElementById(id)).click()`),
		run(`for (const f of document.forms) f.requestSubmit()`))
	got := c.want(t, "page /", "download", "download", "outbound", "form_submit", "identify", "form_submit")
	f := func(have map[string]any, want string) {
		t.Helper()
		text, err := json.Marshal(have)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("got %s, want %s", text, want)
		}
	}
	f(got[1].Properties, `"file":"/files/Guide.PDF"`)
	f(got[2].Properties, `"file":"/x"`)
	f(got[3].Properties, `"host":"elsewhere.example"`)
	f(got[4].Properties, `{"form":"plain"}`)
	f(got[5].Traits, `{"city":"Vigo","cups":4,"email":"Ana@b.es","place":"bar","terms":true}`)
	f(got[6].Properties, `{"form":"news"}`)
}
