package snippet_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ripen/snippet/browsertest"
)

func TestCampaignAndClickIDs(t *testing.T) {
	ids := strings.Fields("gclid gbraid wbraid fbclid msclkid ttclid li_fat_id twclid")
	c := start(t, map[string]string{"/": ""})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/?utm_source=ads&x=1&"+strings.Join(ids, "=v&")+"=v"))
	got := c.want(t, "page /")[0]
	for _, id := range ids {
		if got.Context.Click[id] != "v" {
			t.Errorf("%s is missing of %v", id, got.Context.Click)
		}
	}
	if len(got.Context.Click) != len(ids) || got.Context.Campaign["source"] != "ads" {
		t.Errorf("click ids %v, campaign %v", got.Context.Click, got.Context.Campaign)
	}
}

// TestAttention moves the page's own clock instead of waiting.
func TestAttention(t *testing.T) {
	const clock = `<script>const now = performance.now.bind(performance); let more = 0; performance.now = () => now() + more;
		document.hasFocus = () => !window.away</script>`
	c := start(t, map[string]string{"/": clock + `<p style="height:900vh">long</p>`, "/next": "", "/brief": ""})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"), run(`new Promise(done => { onscroll = () => done(); scrollTo(0, innerHeight * 4) })`))
	c.want(t, "page /")
	browsertest.Do(t, ctx,
		run(`dispatchEvent(new Event('focus')); more += 700000; window.away = 1; dispatchEvent(new Event('blur')); more += 9e9`),
		run(`history.pushState({}, '', '/view')`))
	got := c.want(t, "page /", "scroll", "engaged", "page /view")
	depth, seconds := got[1].Properties["depth"], got[2].Properties["seconds"].(float64)
	if depth != 50.0 || got[1].Properties["path"] != "/" {
		t.Errorf("scrolled %v, want 50 of /", got[1].Properties)
	}
	if seconds < 700 || seconds > 1e6 || got[2].Properties["path"] != "/" || got[2].Context.Page["path"] != "/" {
		t.Errorf("engaged %v on %v, want over 700 s on /, and none while away", got[2].Properties, got[2].Context.Page)
	}
	// Without attention or scrolling nothing is told.
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/next"))
	c.want(t, "page /", "scroll", "engaged", "page /view", "page /next")
}

func TestConsent(t *testing.T) {
	const tag = `<script src="/own.js?consent=pending" data-key="key" data-host="COLLECTOR"></script>`
	c := start(t, map[string]string{
		"/":      tag + `<script>ripen('identify', {email: 'a@b.es'}); ripen('track', 'early')</script>`,
		"/asked": tag,
	})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"), run(`fetch('/held')`))
	if kept := browsertest.Eval[string](t, ctx, `JSON.stringify(localStorage) + document.cookie`); kept != "{}" {
		t.Fatalf("before the answer the browser keeps %s", kept)
	}
	c.await(t, "the page", func(accepted []message, all []request) bool {
		if len(all) > 0 {
			t.Errorf("sent before the answer: %v", all)
		}
		return true
	})
	browsertest.Do(t, ctx, run(`ripen('consent', 'granted')`))
	got := c.want(t, "page /", "identify", "early", "consent")
	if got[0].AnonymousID == "" || got[1].AnonymousID != got[0].AnonymousID || got[2].Context.Consent != "granted" {
		t.Errorf("after yes: %+v", got)
	}
	// The answer holds on the next page, whatever its tag says.
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/asked?gclid=1"))
	if got = c.want(t, "page /", "identify", "early", "consent", "page /asked"); got[4].AnonymousID != got[0].AnonymousID {
		t.Errorf("the next page: %+v", got[4])
	}
	// A word for each purpose: messages are refused, being known is not. Said twice it is told once.
	browsertest.Do(t, ctx, run(`for (let i = 0; i < 2; i++) ripen('consent', {marketing: 'denied', profiling: 'granted'}); ripen('track', 'no mail')`))
	got = c.want(t, "page /", "identify", "early", "consent", "page /asked", "consent", "no mail")
	if last := got[6]; last.AnonymousID != got[0].AnonymousID || fmt.Sprint(last.Context.Consent) != "map[marketing:denied profiling:granted]" {
		t.Errorf("after no mail: %+v", last)
	}
	browsertest.Do(t, ctx, run(`ripen('consent', 'denied'); ripen('identify', 'u1'); ripen('track', 'after no')`))
	got = c.want(t, "page /", "identify", "early", "consent", "page /asked", "consent", "no mail", "consent", "after no")
	if no := got[7]; no.AnonymousID != got[0].AnonymousID || no.Context.Consent != "denied" {
		t.Errorf("the no is told of %q, need who said it: %+v", no.AnonymousID, no)
	}
	if last := got[8]; last.AnonymousID != "" || last.Context.Consent != "denied" || last.Context.Click != nil {
		t.Errorf("after no: %+v", last)
	}
	if kept := browsertest.Eval[string](t, ctx, `JSON.stringify(localStorage) + document.cookie`); kept != `{"ripen.consent":"denied"}` {
		t.Errorf("after no the browser keeps %s", kept)
	}
	c.await(t, "the last request", func(_ []message, all []request) bool {
		q := all[len(all)-1].query
		if q != "cookieless=1" {
			t.Errorf("the last request asks %q, want cookieless=1", q)
		}
		return true
	})
}

// TestTabsSendOnce proves that of two tabs with the same events waiting one
// sends them, and the other takes them out.
func TestTabsSendOnce(t *testing.T) {
	c := start(t, map[string]string{"/": "", "/two": ""})
	c.setAnswer(func(int, request) (int, string) { return 503, "" })
	one := browsertest.Start(t)
	browsertest.Do(t, one, chromedp.Navigate(c.site.URL+"/"))
	c.await(t, "a refused request", func(_ []message, all []request) bool { return len(all) > 0 })
	two := browsertest.Tab(t, one)
	browsertest.Do(t, two, chromedp.Navigate(c.site.URL+"/two"))
	c.await(t, "the second tab's request", func(_ []message, all []request) bool { return len(all) > 0 && len(all[len(all)-1].batch) == 2 })
	c.setAnswer(nil)
	c.want(t, "page /", "page /two")
	waitEmpty(t, two)
	browsertest.Do(t, one, run(`ripen('track', 'last one')`))
	browsertest.Do(t, two, run(`ripen('track', 'last two')`))
	c.await(t, "both tabs", func(accepted []message, _ []request) bool { return len(accepted) == 4 })
	c.await(t, "each event once", func(_ []message, all []request) bool {
		seen := map[string]int{}
		for _, r := range all {
			for _, m := range r.batch {
				if r.status == 200 {
					seen[m.String()]++
				}
			}
		}
		for name, n := range seen {
			if n != 1 {
				t.Errorf("%s was delivered %d times", name, n)
			}
		}
		return true
	})
}

func TestHandOverToAnotherSite(t *testing.T) {
	const tag = `<script src="COLLECTOR/r.js" data-key="key" data-domains="localhost, 127.0.0.1"></script>`
	c := start(t, map[string]string{"/": tag + `<a id=go>go</a><a id=out href="https://elsewhere.example/">out</a>`, "/there": tag})
	ctx := browsertest.Start(t)
	there := strings.Replace(c.site.URL, "127.0.0.1", "localhost", 1) + "/there?a=1"
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"), run(fmt.Sprintf(`document.getElementById('go').href = %q`, there)))
	c.want(t, "page /")
	browsertest.Do(t, ctx, run(`document.getElementById('go').click()`))
	got := c.want(t, "page /", "page /there")
	if got[1].AnonymousID != got[0].AnonymousID {
		t.Errorf("the visitor is %s here and %s there", got[0].AnonymousID, got[1].AnonymousID)
	}
	if url := got[1].Properties["url"]; url != there {
		t.Errorf("the address is %v, want the id taken out of it: %s", url, there)
	}
	// Nobody can give a visitor an id by a link from elsewhere, or an old one.
	other := browsertest.Start(t)
	browsertest.Do(t, other, chromedp.Navigate(there+"&ripen_id="+got[0].AnonymousID+".zzzzzzzz"))
	if got = c.want(t, "page /", "page /there", "page /there"); got[2].AnonymousID == got[0].AnonymousID {
		t.Error("a link gave a stranger the visitor's id")
	}
}

func TestDownloadsOfTheSitesOwnKinds(t *testing.T) {
	c := start(t, map[string]string{"/": `<script src="/own.js?files=step,dwg&off=outbound,form_submit" data-key="key" data-host="COLLECTOR"></script>
		<script>addEventListener('click', e => e.preventDefault()); addEventListener('submit', e => e.preventDefault())</script>
		<a href="/part.STEP#view">a</a><a href="/x.pdf">b</a><a href="https://elsewhere.example/">c</a><form><button>d</button></form>`})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"), run(`document.querySelectorAll('a,button').forEach(e => e.click()); ripen('track', 'end')`))
	if got := c.want(t, "page /", "download", "end"); got[1].Properties["file"] != "/part.STEP" {
		t.Errorf("download of %v", got[1].Properties)
	}
}

func TestStrictContentSecurityPolicy(t *testing.T) {
	c := start(t, map[string]string{"/": `<!--strict--><script nonce="n0">ripen('track', 'early')</script><script>ripen('track', 'forbidden')</script>`})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"), run(`ripen('track', 'end')`))
	c.want(t, "page /", "early", "end")
}
