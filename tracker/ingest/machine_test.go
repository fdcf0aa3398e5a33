package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ripen/tracker"
)

func TestAgents(t *testing.T) {
	var a agents
	f := func(agent string, machine tracker.Machine, reason tracker.MachineReason) {
		t.Helper()
		for range 2 { // judged, then remembered
			if m, r := a.judge([]byte(agent)); m != machine || r != reason {
				t.Errorf("%q: %v %v, need %v %v", agent, m, r, machine, reason)
			}
		}
	}
	for _, person := range []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
		"Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
		"Opera/9.80 (X11; Linux x86_64) Presto/2.12.388 Version/12.16",
	} {
		f(person, tracker.Human, tracker.NoReason)
	}
	for _, bot := range []string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
		"Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
		"Mozilla/5.0 (compatible; Ezooms/1.0; help@moz.com)",
		"UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
	} {
		f(bot, tracker.Bot, tracker.AgentList)
	}
	for _, library := range []string{"curl/8.7.1", "python-requests/2.32", "Go-http-client/1.1", "node", "analytics-node-next/latest", "okhttp/4.12.0"} {
		f(library, tracker.Bot, tracker.AgentLibrary)
	}
	f("", tracker.Bot, tracker.AgentMissing)
	f("-", tracker.Bot, tracker.AgentMissing)
	f("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", tracker.Proxy, tracker.AgentList)
}

func TestAgentCacheIsBounded(t *testing.T) {
	var a agents
	for i := range 3 * maxAgents {
		a.judge(fmt.Appendf(nil, "Mozilla/5.0 Firefox/%d", i))
	}
	if n := len(a.now) + len(a.old); n > 2*maxAgents {
		t.Errorf("%d agents kept, need at most %d", n, 2*maxAgents)
	}
}

func TestMachineOfARequest(t *testing.T) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
	f := func(line, body string, want string, server bool, headers ...string) {
		t.Helper()
		w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Server = server })
		w.do(line, body, headers...)
		es := w.log.events(t)
		if len(es) != 1 {
			t.Fatalf("%s %v: %d events", line, headers, len(es))
		}
		if got := es[0].Machine.String() + " " + es[0].MachineReason.String(); got != want {
			t.Errorf("%s %s %v: %q, need %q", line, body, headers, got, want)
		}
	}
	const post, pixel = "POST /v1/page?writeKey=wk", "GET /p.gif?writeKey=wk&type=page&anonymousId=a"
	f(post, `{"anonymousId":"a"}`, "human ", false)
	f(post, `{"anonymousId":"a"}`, "bot agent_library", false, "User-Agent: curl/8")
	f(post, `{"anonymousId":"a"}`, "server ", true, "User-Agent: curl/8")
	f(post, `{"anonymousId":"a","context":{"userAgent":"`+firefox+`"}}`, "human ", false, "User-Agent: curl/8")
	f(post, `{"anonymousId":"a","context":{"userAgent":""}}`, "bot agent_missing", false)
	f(post, `{"batch":[{"anonymousId":"a"}],"context":{"userAgent":"curl/8"}}`, "bot agent_library", false)
	f(post, `{"anonymousId":"a"}`, "prefetch purpose_header", false, "Sec-Purpose: prefetch;prerender")
	f(post, `{"anonymousId":"a"}`, "prefetch purpose_header", false, "X-Moz: prefetch")
	f("POST /v1/page", `{"anonymousId":"a"}`, "server ", false, "Authorization: Bearer sk", "User-Agent: curl/8")
	f("POST /v1/page", `{"anonymousId":"a","context":{"userAgent":"curl/8"}}`, "bot agent_library", false, "Authorization: Bearer sk")
	f(pixel, "", "human ", false)
	f("HEAD"+pixel[3:], "", "bot head_request", false)
}

func TestMachineOfAnAddress(t *testing.T) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
	f := func(ranges, line, body, want string, headers ...string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "ranges")
		if err := os.WriteFile(path, []byte(ranges), 0o600); err != nil {
			t.Fatal(err)
		}
		centers, err := OpenRanges(path)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(c *Config, _ *tracker.Source) { c.Datacenters = centers })
		w.do(line, body, headers...)
		es := w.log.events(t)
		if len(es) != 1 {
			t.Fatalf("%s: %d events", line, len(es))
		}
		if got := es[0].Machine.String() + " " + es[0].MachineReason.String(); got != want {
			t.Errorf("%s %s in %s: %q, need %q", line, body, ranges, got, want)
		}
		if ip, kept := es[0].Find("ip"); kept {
			t.Errorf("the address %s is kept", ip.Str)
		}
	}
	const public, secret = "POST /v1/page?writeKey=wk", "POST /v1/page"
	sk := []string{"Authorization: Bearer sk"}
	f("192.0.2.0/24", public, `{"anonymousId":"a"}`, "bot datacenter")
	f("192.0.3.0/24", public, `{"anonymousId":"a"}`, "human ")
	f("198.51.100.0/24", public, `{"anonymousId":"a","context":{"ip":"198.51.100.1"}}`, "human ") // a stranger's word
	f("192.0.2.0/24", public, `{"anonymousId":"a"}`, "proxy agent_list", "User-Agent: Mozilla/5.0 (via ggpht.com GoogleImageProxy)")
	f("192.0.2.0/24", public, `{"anonymousId":"a"}`, "bot agent_library", "User-Agent: curl/8")
	f("192.0.2.0/24", secret, `{"anonymousId":"a"}`, "server ", sk...)
	f("192.0.2.0/24", secret, `{"anonymousId":"a","context":{"userAgent":"`+firefox+`"}}`, "human ", sk...)
	f("198.51.100.0/24", secret, `{"anonymousId":"a","context":{"userAgent":"`+firefox+`","ip":"198.51.100.1"}}`, "bot datacenter", sk...)
}

func TestAClickOfAMailKnowsItsSource(t *testing.T) {
	f := func(settle time.Duration, event, want string, wait int64) {
		t.Helper()
		w := newWorld(t, func(_ *Config, s *tracker.Source) { s.Settle = settle })
		w.do("POST /v1/track?writeKey=wk", `{"anonymousId":"a","event":"`+event+`","properties":{"message":"m","link":"l","settle":7,"text":"t"}}`)
		es := w.log.events(t)
		if got := fieldsOf(&es[0]); got != want || es[0].Settle() != wait {
			t.Errorf("%s: %s, settles in %d, want %s, %d", event, got, es[0].Settle(), want, wait)
		}
	}
	f(0, "Email Click", `p.message="m" p.link="l" p.settle=7 *p.text="t" *s.visitor="a"`, tracker.DefaultSettle)
	f(5*time.Minute, "Email Click", `p.message="m" p.link="l" p.settle=7 s.settle=300000 *p.text="t" *s.visitor="a"`, 300_000)
	f(-1, "Email Click", `p.message="m" p.link="l" p.settle=7 s.settle=0 *p.text="t" *s.visitor="a"`, 0)
	f(5*time.Minute, "Email Open", `p.message="m" p.link="l" p.settle=7 *p.text="t" *s.visitor="a"`, tracker.DefaultSettle)
	f(5*time.Minute, "Chat", `p.settle=7 *p.message="m" *p.link="l" *p.text="t" *s.visitor="a"`, tracker.DefaultSettle)
}

func TestConsent(t *testing.T) {
	f := func(body string, want tracker.Consent, headers ...string) *tracker.Event {
		t.Helper()
		w := newWorld(t, func(_ *Config, s *tracker.Source) { s.KeepIP = true })
		w.do("POST /v1/identify?writeKey=wk", body, headers...)
		es := w.log.events(t)
		if len(es) != 1 || es[0].Consent != want {
			t.Fatalf("%s %v: %d events, consent %v, need %v", body, headers, len(es), es[0].Consent, want)
		}
		return &es[0]
	}
	const who = `{"anonymousId":"a","userId":"u","messageId":"m","traits":{"email":"a@b.example","n":1},"properties":{"x":1,"s":"t"}`
	f(who+`}`, tracker.ConsentUnknown)
	f(who+`,"context":{"consent":"granted"}}`, tracker.ConsentGranted)
	f(who+`,"context":{"consent":"granted"}}`, tracker.ConsentGranted, "Sec-GPC: 1")
	for _, e := range []*tracker.Event{f(who+`}`, tracker.ConsentSignal, "Sec-GPC: 1"), f(who+`}`, tracker.ConsentSignal, "DNT: 1"), f(who+`,"context":{"consent":"denied"}}`, tracker.ConsentDenied)} {
		if !e.User.IsZero() || !e.Email.IsZero() || e.Visitor == testTenant.Identity.Hash(tracker.VisitorIdentity, []byte("a")) || e.Visitor.IsZero() {
			t.Errorf("denied: identities %x %x %x, need a day's pseudonym alone", e.Visitor, e.User, e.Email)
		}
		if got := fieldsOf(e); got != `p.x=1 *p.s="t"` || len(e.Personal) != 1 {
			t.Errorf("denied: stored %s", got)
		}
	}
	given := f(who+`}`, tracker.ConsentUnknown)
	if ip, ok := given.Find("ip"); !ok || string(ip.Str) != "192.0.2.7" {
		t.Errorf("ip %q, need the connection's: the source keeps it", ip.Str)
	}
}
