package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"ripen/snippet/browsertest"
	"ripen/tracker"
)

// watchPolicy makes every page of the tab count what its policy forbade.
func watchPolicy(t *testing.T, ctx context.Context) {
	t.Helper()
	browsertest.Do(t, ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.trouble = []; addEventListener('securitypolicyviolation', e => trouble.push(e.violatedDirective + ' ' + e.blockedURI)); addEventListener('error', e => trouble.push(e.message))`,
		})
		return chromedp.Void{}, err
	})
}

// until waits until a JavaScript expression is true.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
}

func TestRowsMoveWithoutReload(t *testing.T) {
	f := newFake()
	now := time.Now()
	people(t, f, now)
	url := serve(t, Config{Source: f, Authorize: as(admin)})
	ctx := browsertest.Start(t)
	watchPolicy(t, ctx)
	browsertest.Do(t, ctx, chromedp.EmulateViewport(1400, 900), chromedp.Navigate(url+"/?lang=en"), chromedp.WaitVisible(chromedp.CSS("#list li")))
	first := `document.querySelector('#list li b').textContent`
	until(t, ctx, first+` === 'ana.ferreiro@acme.es' && document.getElementById('total').textContent === '24'`)
	browsertest.Do(t, ctx, chromedp.Evaluate[chromedp.Void](`window.same = true`))
	f.put(tenantA, leadID('v', 20), "", 99, "Has an open cart", now)
	until(t, ctx, first+`.startsWith('visitor ') && window.same`)
	f.put(tenantA, leadID('v', 200), "", 100, "new", now)
	until(t, ctx, `document.getElementById('total').textContent === '25' && document.querySelector('#list .score b').textContent === '100'`)
	if got := browsertest.Eval[[]string](t, ctx, `trouble`); len(got) > 0 {
		t.Fatalf("the page's own policy stopped %v", got)
	}
}

func TestLeadOpensAndCloses(t *testing.T) {
	f := newFake()
	people(t, f, time.Now())
	url := serve(t, Config{Source: f, Authorize: as(admin)})
	ctx := browsertest.Start(t)
	watchPolicy(t, ctx)
	browsertest.Do(t, ctx, chromedp.EmulateViewport(1400, 900), chromedp.Navigate(url+"/?lang=es"),
		chromedp.Click(chromedp.CSS("#list li a")), chromedp.WaitVisible(chromedp.CSS("#panel tfoot")))
	f0 := func(expression string) {
		t.Helper()
		if !browsertest.Eval[bool](t, ctx, expression) {
			t.Errorf("not so: %s", expression)
		}
	}
	f0(`document.querySelector('#panel h2').textContent === 'ana.ferreiro@acme.es'`)
	f0(`document.querySelector('#panel tfoot td').textContent === '93,000'`)
	f0(`document.querySelectorAll('#panel tbody tr').length === 5`)
	f0(`document.querySelectorAll('.timeline summary').length === 17 && document.querySelectorAll('.timeline .machine').length === 3`)
	f0(`document.querySelector('.timeline .k-handoff.bad .did').textContent.includes('Compra el año que viene')`)
	browsertest.Do(t, ctx, chromedp.Click(chromedp.CSS(".kinds [data-kind=score]")))
	until(t, ctx, `document.querySelectorAll('.timeline summary').length === 2 && document.querySelector('.kinds .k-score').getAttribute('aria-pressed') === 'true'`)
	f0(`document.querySelector('.timeline .k-score .did').textContent.includes('40 → 80') && document.querySelector('.timeline .k-score .did').textContent.includes('Pulsa en los correos')`)
	browsertest.Do(t, ctx, chromedp.Click(chromedp.CSS(".kinds [data-kind='']")))
	until(t, ctx, `document.querySelectorAll('.timeline summary').length === 17`)
	f0(`document.querySelector('.history .line').getAttribute('d').startsWith('M')`)
	f0(`[...document.querySelectorAll('.timeline b')].some(b => b.textContent === '<img src=x onerror=alert(1)>') && !document.querySelector('.timeline img')`)

	// A change arrives while it is open.
	f.put(tenantA, leadID('e', 1), "ana.ferreiro@acme.es", 96, "", time.Now())
	until(t, ctx, `document.querySelector('#panel .big b').textContent === '96'`)

	key := func(name string) {
		t.Helper()
		browsertest.Do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '`+name+`', bubbles: true, cancelable: true}))`))
	}
	key("Escape")
	until(t, ctx, `location.hash === '' && !!document.querySelector('.pick') && !!document.activeElement.closest('#list li')`)
	key("ArrowDown")
	f0(`document.activeElement === document.querySelectorAll('#list a')[1]`)
	key("k")
	f0(`document.activeElement === document.querySelectorAll('#list a')[0]`)
	if got := browsertest.Eval[[]string](t, ctx, `trouble`); len(got) > 0 {
		t.Fatalf("trouble on the page: %v", got)
	}
}

func TestOlderMomentsAreFetched(t *testing.T) {
	f := newFake()
	people(t, f, time.Now())
	f.leads[tenantA.ID][0].page = 5
	url := serve(t, Config{Source: f, Authorize: as(admin)})
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.EmulateViewport(1400, 900), chromedp.Navigate(url+"/?lang=en"), chromedp.Click(chromedp.CSS("#list li a")), chromedp.WaitVisible(chromedp.CSS(".older")))
	if n := browsertest.Eval[int](t, ctx, `document.querySelectorAll('.timeline summary').length`); n != 5 {
		t.Fatalf("%d moments on the first page, want 5", n)
	}
	browsertest.Do(t, ctx, chromedp.Click(chromedp.CSS(".older")))
	until(t, ctx, `document.querySelectorAll('.timeline summary').length === 17 && document.querySelector('.older').hidden`)
}

func TestPagesFitNarrowScreens(t *testing.T) {
	f := newFake()
	people(t, f, time.Now())
	url := serve(t, Config{Source: f, Authorize: as(admin), Links: []Link{{"/demo/", "Tienda de cafeteras", "Coffee machine shop"}}})
	ctx := browsertest.Start(t)
	for _, path := range []string{"/?lang=es", "/#" + leadID('e', 1).String(), "/?lang=en"} {
		browsertest.Do(t, ctx, chromedp.EmulateViewport(360, 740), chromedp.Navigate("about:blank"), chromedp.Navigate(url+path), chromedp.WaitReady(chromedp.CSS("#list li")))
		if wide := browsertest.Eval[string](t, ctx, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 360.5 && getComputedStyle(e).position !== 'absolute').map(e => e.className || e.tagName).join()`); wide != "" {
			t.Errorf("%s: wider than the screen: %s", path, wide)
		}
	}
}

func TestTrainingsInABrowser(t *testing.T) {
	src := newFake()
	people(t, src, time.Now())
	src.made = taught(time.Now())
	url := serve(t, Config{Source: src, Authorize: as(admin)})
	ctx := browsertest.Start(t)
	watchPolicy(t, ctx)
	for _, wide := range []int64{1400, 360} {
		browsertest.Do(t, ctx, chromedp.EmulateViewport(wide, 800), chromedp.Navigate(url+"/?lang=es"), chromedp.WaitReady(chromedp.CSS("#list li")))
		until(t, ctx, `document.getElementById('learned').href.endsWith('?tenant=0100000000000000')`)
		browsertest.Do(t, ctx, chromedp.Click(chromedp.CSS("#learned")), chromedp.WaitVisible(chromedp.CSS(".trainings td")))
		until(t, ctx, `document.querySelectorAll('.trainings tbody tr').length === 5`)
		if over := browsertest.Eval[float64](t, ctx, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("at %d the page is %v wider than the screen", wide, over)
		}
		if dir := os.Getenv("RIPEN_SCREENSHOTS"); dir != "" {
			b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("trainings-%d.png", wide)), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := browsertest.Eval[[]string](t, ctx, `trouble`); len(got) > 0 {
		t.Fatalf("the page's own policy stopped %v", got)
	}
}

func TestLoginInABrowser(t *testing.T) {
	url := serve(t, Config{Source: newFake(), Check: func(secret string) (tracker.Caller, bool) { return member, secret == "s3cret" }})
	ctx := browsertest.Start(t)
	watchPolicy(t, ctx)
	browsertest.Do(t, ctx, chromedp.Navigate(url+"/"), chromedp.SendKeys(chromedp.CSS("[name=key]"), "s3cret"), chromedp.Click(chromedp.CSS("main button")),
		chromedp.WaitVisible(chromedp.CSS("#empty")), chromedp.Click(chromedp.CSS("nav button")), chromedp.WaitVisible(chromedp.CSS("[name=key]")))
	if got := browsertest.Eval[[]string](t, ctx, `trouble`); len(got) > 0 {
		t.Fatalf("trouble on the page: %v", got)
	}
}
