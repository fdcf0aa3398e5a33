package ingest

import (
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

const oneEvent = `{"writeKey":"wk","batch":[{"type":"page","anonymousId":"11111111-new","properties":{"path":"/"}}]}`

// visitorsOf shows the raw ids under which the log filed events.
func visitorsOf(t *testing.T, w *world) (ids []string) {
	for _, e := range w.log.events(t) {
		id := ""
		for _, f := range e.Personal {
			if f.Space == tracker.System && string(f.Name) == "visitor" {
				id = string(f.Value.Str)
			}
		}
		ids = append(ids, id)
	}
	return ids
}

func TestVisitorCookie(t *testing.T) {
	f := func(query, headers, visitor, header, cookie string) {
		t.Helper()
		w := newWorld(t, nil)
		a := w.do("POST /v1/batch"+query, oneEvent, strings.Split(headers, "|")...)
		if got := visitorsOf(t, w); a.status != 200 || len(got) != 1 || got[0] != visitor {
			t.Errorf("%s %s: %d, filed under %q, want %q", query, headers, a.status, got, visitor)
		}
		if got := string(a.header.Peek(visitorHeader)); got != header {
			t.Errorf("%s %s: the answer names %q, want %q", query, headers, got, header)
		}
		if got := string(a.header.PeekCookie(visitorCookie)); got != cookie {
			t.Errorf("%s %s\n got cookie %s\n      want %s", query, headers, got, cookie)
		}
	}
	const (
		mine = "11111111-new"
		same = "Sec-Fetch-Site: same-site|Origin: https://shop.example"
		kept = "|Cookie: ripen_visitor=22222222-old"
		tail = "; max-age=34560000; path=/; HttpOnly; secure; SameSite=Lax"
	)
	f("", same+kept, mine, "", "")
	f("?visitor="+mine, same, mine, "", "ripen_visitor="+mine+tail)
	f("?visitor="+mine, same+kept, mine, "", "ripen_visitor="+mine+tail)
	f("?visitor="+mine+"&new=1", same, mine, mine, "ripen_visitor="+mine+tail)
	f("?visitor="+mine+"&new=1", same+kept, "22222222-old", "22222222-old", "ripen_visitor=22222222-old"+tail)
	f("?visitor="+mine+"&new=1", "Sec-Fetch-Site: same-origin|Origin: http://tracker.example", mine, mine,
		"ripen_visitor="+mine+strings.Replace(tail, "; secure", "", 1))
	// An old browser of the same host, and what is not of this site.
	f("?visitor="+mine, "Origin: https://tracker.example", mine, "", "ripen_visitor="+mine+tail)
	f("?visitor="+mine, "Origin: https://shop.example", mine, "", "")
	f("?visitor="+mine+"&new=1", "Sec-Fetch-Site: cross-site|Origin: https://tracker.example"+kept, mine, "", "")
	// What may not stand in a cookie.
	f("?visitor=a", same, mine, "", "")
	f("?visitor=11111111%0d%0aX:", same, mine, "", "")
	f("?visitor="+strings.Repeat("a", 65), same, mine, "", "")
	f("?visitor="+mine+"&new=1", same+"|Cookie: ripen_visitor=<script>", mine, mine, "ripen_visitor="+mine+tail)
	// A server's own events are as it says.
	f("?visitor="+mine+"&new=1", same+kept+"|Authorization: Bearer sk", mine, "", "")
}

func TestCookielessVisitor(t *testing.T) {
	day := int64(testNow)
	w := newWorld(t, func(c *Config, _ *tracker.Source) { c.Now = func() int64 { return day } })
	const site = "Origin: https://shop.example"
	body := strings.Replace(oneEvent, `"anonymousId":"11111111-new",`, "", 1)
	send := func(body string, headers ...string) answer {
		t.Helper()
		a := w.do("POST /v1/batch?cookieless=1", body, headers...)
		if a.status != 200 || len(a.results) != 1 || a.results[0].Status != "ok" {
			t.Fatalf("%v: %d %s", headers, a.status, a.body)
		}
		return a
	}
	send(body, site)
	send(oneEvent, site) // whatever it says
	send(body, site, "User-Agent: Mozilla/5.0 (Macintosh) Safari/605.1.15")
	send(body, "Origin: https://blog.example")
	day += 86_400_000
	send(body, site)
	day -= 86_400_000
	send(body, site) // the secret of that day is gone
	ids := visitorsOf(t, w)
	if len(ids) != 6 || ids[0] != ids[1] || !strings.HasPrefix(ids[0], "day-") {
		t.Fatalf("visitors %q: want the first two to be one", ids)
	}
	seen := map[string]bool{}
	for _, id := range ids[1:] {
		if seen[id] {
			t.Errorf("visitors %q: want agent, site and day to tell them apart", ids)
		}
		seen[id] = true
	}
	// Who takes consent back is forgotten by the browser, too, and is still one
	// visitor that day.
	denied := strings.Replace(body, `"properties"`, `"context":{"consent":"denied"},"properties"`, 1)
	a := send(denied, site, "Cookie: ripen_visitor=22222222-old")
	if got := string(a.header.PeekCookie(visitorCookie)); !strings.HasPrefix(got, "ripen_visitor=; expires=Tue, 10 Nov 2009") {
		t.Errorf("the cookie stays: %q", got)
	}
	send(denied, site)
	es := w.log.events(t)
	first, second := &es[len(es)-2], &es[len(es)-1]
	if !first.IsDenied() || first.Visitor != second.Visitor || first.Visitor == es[len(es)-3].Visitor {
		t.Errorf("two denied events of one day: %v %v", first.Visitor, second.Visitor)
	}
}

// TestVisitorCostsNothingUnasked holds the hot path to its price.
func TestVisitorCostsNothingUnasked(t *testing.T) {
	w := newWorld(t, nil)
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/v1/batch")
	s := sender{source: w.src}
	if n := testing.AllocsPerRun(100, func() {
		if w.h.visitor(&ctx, &s) != nil {
			t.Fatal("a visitor nobody asked for")
		}
	}); n != 0 {
		t.Errorf("%v allocations for a request that asks nothing", n)
	}
}
