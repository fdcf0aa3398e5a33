package onsite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ripen/snippet"
	"ripen/snippet/browsertest"
	"ripen/tracker/journey/onsite"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

// visit is a site under a strict policy, on another origin than the tracker, and
// a tab on it.
type visit struct {
	*bed
	site *httptest.Server
	ctx  context.Context
}

// violations counts what the page's policy has stopped.
const violations = `window.stopped = []; document.addEventListener('securitypolicyviolation', e => stopped.push(e.violatedDirective + ' ' + e.blockedURI))`

func browse(t *testing.T, messages ...string) *visit {
	t.Helper()
	v := &visit{bed: &bed{T: trackertest.Start(t, func(c *server.Config) { c.Now, c.SitePath = nil, "/k7" }), t: t}}
	v.Publish("card", card)
	for _, m := range messages {
		v.message(m)
	}
	v.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := snippet.Page{Host: v.URL, Key: v.WriteKey, Nonce: "n0"}
		if r.URL.Query().Has("own-path") {
			tag.Path = "/k7"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-n0'; connect-src "+v.URL+"; base-uri 'none'; form-action 'none'")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>t</title><script nonce="n0">%s</script>%s<h1>A page</h1><button id="own">Own</button>`, violations, tag.Tag())
	}))
	t.Cleanup(v.site.Close)
	v.ctx = browsertest.Start(t)
	// A browser without a window says so, and is judged a machine.
	_, err := chromedp.Call(v.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *visit) open(path string) {
	v.t.Helper()
	browsertest.Do(v.t, v.ctx, chromedp.Navigate(v.site.URL+path))
}

func (v *visit) press(keys ...string) {
	v.t.Helper()
	for _, k := range keys {
		browsertest.Do(v.t, v.ctx, chromedp.KeyEvent(k))
	}
}

// tree is what assistive technology gets to know of the page: role and name of
// each node, and * where the focus is. It sees into closed shadow roots.
func (v *visit) tree() (lines []string) {
	v.t.Helper()
	got, err := chromedp.Call(v.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		v.t.Fatal(err)
	}
	text := func(x *accessibility.Value) (s string) {
		if x != nil {
			json.Unmarshal(x.Value, &s)
		}
		return s
	}
	for _, n := range got.Nodes {
		if n.Ignored {
			continue
		}
		line := text(n.Role) + " " + text(n.Name)
		for _, p := range n.Properties {
			if p.Name == "focused" && string(p.Value.Value) == "true" && text(n.Role) != "RootWebArea" {
				line = "*" + line
			}
			if p.Name == "modal" && string(p.Value.Value) == "true" {
				line += " (modal)"
			}
			if p.Name == "expanded" {
				line += " expanded:" + string(p.Value.Value)
			}
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// lefts is where boxes of a role begin, from the left of the window.
func (v *visit) lefts(role string) (at []float64) {
	v.t.Helper()
	got, err := chromedp.Call(v.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		v.t.Fatal(err)
	}
	for _, n := range got.Nodes {
		if n.Ignored || n.Role == nil || string(n.Role.Value) != `"`+role+`"` {
			continue
		}
		box, err := chromedp.Call(v.ctx, dom.GetBoxModel, dom.GetBoxModelParams{BackendNodeID: n.BackendDOMNodeID})
		if err != nil {
			v.t.Fatal(err)
		}
		at = append(at, box.Model.Border[0])
	}
	return at
}

// until waits until the tree has all these lines.
func (v *visit) until(want ...string) {
	v.t.Helper()
	v.wait(fmt.Sprint(want), func() (bool, string) {
		lines := v.tree()
		for _, w := range want {
			if !slices.Contains(lines, w) {
				return false, w + " is missing in\n" + strings.Join(lines, "\n")
			}
		}
		return true, ""
	})
}

// without waits until the tree has no such line.
func (v *visit) without(line string) {
	v.t.Helper()
	v.wait("no "+line, func() (bool, string) {
		lines := v.tree()
		return !slices.Contains(lines, line), strings.Join(lines, "\n")
	})
}

func (v *visit) wait(what string, done func() (bool, string)) {
	v.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		ok, seen := done()
		if ok {
			return
		}
		if time.Now().After(end) {
			v.t.Fatalf("waited for %s\n%s", what, seen)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at the page
	}
}

// tabTo presses Tab until the focus is on a line.
func (v *visit) tabTo(line string) {
	v.t.Helper()
	for range 20 {
		v.press(kb.Tab)
		if slices.Contains(v.tree(), "*"+line) {
			return
		}
	}
	v.t.Fatalf("Tab does not reach %s in\n%s", line, strings.Join(v.tree(), "\n"))
}

// told waits until the tracker has an event whose JSON holds all these texts.
func (v *visit) told(texts ...string) {
	v.t.Helper()
	v.wait(fmt.Sprint(texts), func() (bool, string) {
		status, b := v.Do("GET", "/v1/admin/events", v.AdminKey, nil)
		for line := range strings.Lines(string(b)) {
			if status == 200 && !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(line, s) }) {
				return true, ""
			}
		}
		return false, string(b)
	})
}

// clean says that the policy had nothing to stop.
func (v *visit) clean() {
	v.t.Helper()
	if got := browsertest.Eval[[]string](v.t, v.ctx, `stopped`); len(got) > 0 {
		v.t.Errorf("the page's policy stopped %q", got)
	}
}

const poll = `onsite: poll
kind: survey
title: A question
show: {pages: "/account"}
questions:
  - {id: like, ask: "How do you like it?", type: score, low: not at all, high: a lot}
  - {id: use, ask: "Where do you use it?", choices: {home: At home, office: In an office}, attribute: place}
  - {id: more, ask: "Anything else?", type: text, optional: true}
thanks: "Thank you."
`

// A survey is answered by keyboard alone, under a policy that allows nothing but
// scripts with the page's nonce; the answer moves the score; it is not asked again.
func TestSurveyByKeyboard(t *testing.T) {
	v := browse(t, poll)
	v.open("/account?own-path")
	v.until("dialog A question", "status", "button Close", "group How do you like it? (0: not at all; 10: a lot)", "radio 9")
	v.until("StaticText A question")
	v.tabTo("radio 0")
	for range 9 {
		v.press(kb.ArrowRight)
	}
	v.press(kb.Enter)
	v.until("group Where do you use it?", "radio At home")
	if at := v.lefts("radio"); len(at) != 2 || at[0] != at[1] {
		t.Errorf("choices begin at %v: they stand side by side, where long ones do not fit", at)
	}
	v.press(kb.Enter) // nothing is chosen
	v.tabTo("button Next")
	v.press(kb.Enter)
	v.until("alert", "StaticText Choose an answer", "*radio At home")
	v.press(kb.ArrowDown, kb.Enter)
	v.until("textbox Anything else?")
	v.tabTo("textbox Anything else?")
	browsertest.Do(t, v.ctx, chromedp.KeyEvent("It is fine"))
	v.tabTo("button Send")
	v.press(kb.Enter)
	v.until("StaticText Thank you.")
	v.told(`"survey_opened"`, `"survey":"poll"`, `"template":"poll@1"`)
	v.told(`"survey_answered"`, `"question":"like"`, `"answer":9`)
	v.told(`"survey_answered"`, `"question":"use"`, `"answer":"office"`)
	v.told(`"survey_answered"`, `"question":"more"`, `It is fine`)
	v.told(`"identify"`, `"place":"office"`)
	v.press(kb.Escape)
	v.without("dialog A question")
	v.Settle()
	if l := v.Leads(); len(l) != 1 || l[0].Score == nil || *l[0].Score != 21 {
		t.Errorf("the answer does not score: %+v", l)
	}
	v.clean()
	if got := v.stats("poll")["poll@1"]; got.Shown != 1 || got.Answered != 3 || got.Closed != 0 || got.Answers["use"]["office"] != 1 {
		t.Errorf("counted %+v", got)
	}
	// Not again, on this page or in a browser that has forgotten all but the id.
	v.quiet("/account")
	browsertest.Do(t, v.ctx, chromedp.Evaluate[chromedp.Void](`localStorage.removeItem('ripen.shown'); sessionStorage.clear()`))
	v.quiet("/account")
}

// quiet opens a page and sees that it asks, and that nothing is shown.
func (v *visit) quiet(path string) {
	v.t.Helper()
	v.open(path)
	v.answered()
	if lines := v.tree(); slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, "dialog") || strings.HasPrefix(s, "complementary") }) {
		v.t.Errorf("something is shown again:\n%s", strings.Join(lines, "\n"))
	}
}

// answered waits until the page has asked what to show, and was answered.
func (v *visit) answered() {
	v.t.Helper()
	if _, err := chromedp.Run(v.ctx, chromedp.Poll[bool](`performance.getEntriesByType('resource').some(e => e.name.endsWith('/show') && e.responseEnd > 0)`)); err != nil {
		v.t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // what it would show is shown at once
}

const modal = "onsite: modal\nkind: box\nplace: middle\ntitle: Before you go\nbody: \"A **word** and [a link](/there).\"\nbutton: {label: Read, url: /guide}\nshow: {exit: true}\n"

// A modal dialog comes when the pointer leaves, keeps the focus, closes by Escape
// and gives the focus back; it comes once in a session.
func TestModalDialog(t *testing.T) {
	v := browse(t, modal)
	v.open("/")
	v.answered()
	browsertest.Do(t, v.ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById('own').focus()`))
	leave := chromedp.Evaluate[chromedp.Void](`document.dispatchEvent(new MouseEvent('mouseout', {clientY: -1, bubbles: true}))`)
	browsertest.Do(t, v.ctx, leave)
	v.until("dialog Before you go (modal)", "*heading Before you go", "link a link", "link Read", "strong")
	for _, line := range []string{"link a link", "link Read", "button Close"} {
		v.tabTo(line)
	}
	v.without("*button Own")
	v.press(kb.Escape)
	v.without("dialog Before you go (modal)")
	v.until("*button Own")
	v.told(`"onsite_closed"`, `"template":"modal@1"`)
	v.clean()
	v.quiet("/next")
	browsertest.Do(t, v.ctx, leave)
	time.Sleep(100 * time.Millisecond)
	v.without("dialog Before you go (modal)")
}

const talk = `onsite: talk
kind: chat
title: Ask us
steps:
  - id: hello
    say: "Hello. What is it?"
    choices: [{value: fit, say: Which one fits?, go: cups}, {value: person, say: Talk to a person, go: person}]
  - {id: cups, say: "How do you take it?", ask: text, go: person}
  - {id: person, say: "Where to?", handoff: sales, ask: email, optin: "Yes, write to me", grants: marketing, go: done}
  - {id: done, say: "Thank you."}
`

// A chat by keyboard: what is said is read out, what is chosen and typed are
// events, and an address is taken only with the person's own tick.
func TestChatByKeyboard(t *testing.T) {
	v := browse(t, talk)
	v.open("/")
	v.until("button Ask us expanded:false")
	v.tabTo("button Ask us expanded:false")
	v.press(kb.Enter)
	v.until("dialog Ask us", "log Ask us", "StaticText Hello. What is it?", "*button Which one fits?")
	v.press(kb.Escape)
	v.without("dialog Ask us")
	v.until("*button Ask us expanded:false")
	v.press(kb.Enter)
	v.until("*button Which one fits?")
	v.press(kb.Enter)
	v.until("StaticText How do you take it?", "*textbox Your answer")
	browsertest.Do(t, v.ctx, chromedp.KeyEvent("With milk"))
	v.press(kb.Enter)
	v.until("StaticText With milk", "StaticText Where to?", "*textbox Your e-mail")
	browsertest.Do(t, v.ctx, chromedp.KeyEvent("ana@acme.es"))
	v.press(kb.Enter) // the tick is missing: nothing is sent
	v.until("textbox Your e-mail", "*checkbox Yes, write to me")
	if l := v.Leads(); len(l) != 1 || l[0].Email != "" {
		t.Fatalf("an address was taken without consent: %+v", l)
	}
	v.press(" ")
	v.tabTo("button Send")
	v.press(kb.Enter)
	v.until("StaticText Thank you.")
	v.told(`"chat_opened"`, `"chat":"talk"`)
	v.told(`"chat_answered"`, `"step":"hello"`, `"answer":"fit"`)
	v.told(`"chat_message"`, `"step":"cups"`, `With milk`)
	v.told(`"chat_handoff"`, `"queue":"sales"`)
	v.told(`"identify"`, `ana@acme.es`)
	v.told(`"consent"`, `"marketing":"granted"`)
	v.clean()
	v.Settle()
	if l := v.Leads(); len(l) != 1 || l[0].Email != "ana@acme.es" {
		t.Errorf("the person is not known: %+v", l)
	}
	if got := v.stats("talk")["talk@1"]; got.Opened != 1 || got.Handoffs != 1 || got.Answers["hello"]["fit"] != 1 {
		t.Errorf("counted %+v", got)
	}
}

// Under a privacy signal only what is for everybody is shown, nothing is written
// that could know the person again, and what is told is nobody's.
func TestPrivacySignal(t *testing.T) {
	v := browse(t, "onsite: all\nkind: banner\ntitle: For all\nbody: B\n",
		"onsite: scored\nkind: box\npriority: 9\nshow: {when: \"score >= 0\"}\ntitle: Scored\nbody: B\n", talk)
	browsertest.Do(t, v.ctx, func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})`,
		})
		return chromedp.Void{}, err
	})
	v.open("/")
	v.until("complementary For all", "StaticText For all")
	v.without("button Ask us expanded:false")
	if kept := browsertest.Eval[string](t, v.ctx, `JSON.stringify(localStorage) + document.cookie`); kept != "{}" {
		t.Errorf("the browser keeps %s", kept)
	}
	v.told(`"onsite_shown"`, `"denied":true`)
	v.quiet("/next") // once in this tab
	v.clean()
}

// TestLooks writes pictures of all kinds at two widths, for people to look at:
// RIPEN_PICTURES=DIR go test -run TestLooks ./tracker/journey/onsite
func TestLooks(t *testing.T) {
	dir := os.Getenv("RIPEN_PICTURES")
	if dir == "" {
		t.Skip("RIPEN_PICTURES names no directory: no pictures are taken")
	}
	ctx := browsertest.Start(t)
	for _, name := range onsite.Templates {
		for _, lang := range []string{"en", "es"} {
			src, err := onsite.Template(name, lang)
			if err != nil {
				t.Fatal(err)
			}
			variants := map[string]string{name: string(src)}
			if name == "box" {
				variants["modal"] = strings.Replace(string(src), "place: corner", "place: middle", 1)
			}
			for label, text := range variants {
				m, err := onsite.Parse(name, []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(t.TempDir(), "page.html")
				if err := os.WriteFile(file, m.Preview(lang), 0o600); err != nil {
					t.Fatal(err)
				}
				for _, width := range []int64{390, 1280} {
					browsertest.Do(t, ctx, chromedp.EmulateViewport(width, 760), chromedp.Navigate("file://"+file))
					time.Sleep(time.Second) // until the motion is over
					b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", label, lang, width)), b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
