package email

import (
	"context"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

const (
	firefox = "Mozilla/5.0 Firefox/128.0"
	oneBody = "List-Unsubscribe=One-Click"
	form    = "application/x-www-form-urlencoded"
)

func (b *bed) addresses() (pixel, link, unsubscribe string) {
	pixel = b.mint(tracker.MailLink{Kind: "pixel", Email: "ana@example.org", Message: "m1", Campaign: "spring"})
	link = b.mint(tracker.MailLink{Kind: "link", Email: "ana@example.org", UserID: "u1", Message: "m1", URL: "https://acme.example/p?id=7"})
	unsubscribe = b.mint(tracker.MailLink{Kind: "unsubscribe", Email: "ana@example.org", Message: "m1", List: "news"})
	return pixel, link, unsubscribe
}

func TestVisits(t *testing.T) {
	b := newBed(t)
	pixel, link, unsubscribe := b.addresses()
	a := b.do("GET", pixel, "", "User-Agent", "GoogleImageProxy")
	if a.status != 200 || a.body != string(tracker.GIF) || string(a.head.ContentType()) != "image/gif" || string(a.head.Peek("Cache-Control")) != "no-store" {
		t.Errorf("pixel: %+v", a)
	}
	a = b.do("GET", link, "", "User-Agent", firefox)
	if a.status != 302 || string(a.head.Peek("Location")) != "https://acme.example/p?id=7" || string(a.head.Peek("Ripen-Verdict")) != "ok" {
		t.Errorf("link: %+v", a)
	}
	a = b.do("POST", unsubscribe, oneBody, "Content-Type", form, "User-Agent", firefox)
	if a.status != 200 || len(a.head.Peek("Location")) != 0 || len(a.head.Peek("Set-Cookie")) != 0 {
		t.Errorf("unsubscribe: %+v", a)
	}
	b.expect(
		"email_open proxy (agent_list) 10:00:00 message=m1 campaign.name=spring | email=ana@example.org agent=GoogleImageProxy",
		"email_click human proved 10:00:00 message=m1 link=https://acme.example/p | url=https://acme.example/p?id=7 user_id=u1 email=ana@example.org agent="+firefox,
		"unsubscribe human 10:00:00 message=m1 type=one_click list=news | email=ana@example.org agent="+firefox,
	)
}

// TestNothingHappens lists what must leave no trace.
func TestNothingHappens(t *testing.T) {
	b := newBed(t)
	pixel, link, unsubscribe := b.addresses()
	f := func(method, path, body, contentType string, want int) {
		t.Helper()
		a := b.do(method, path, body, "Content-Type", contentType, "User-Agent", firefox)
		if a.status != want || want != 302 && len(a.head.Peek("Location")) > 0 {
			t.Errorf("%s %s: status %d, Location %q, want %d", method, path[:3], a.status, a.head.Peek("Location"), want)
		}
	}
	for _, path := range []string{"/o/", "/o/x", pixel + "A", pixel[:len(pixel)-1], "/o" + link[2:], pixel + "/", pixel + "%41"} {
		f("GET", path, "", "", 200)
	}
	f("POST", pixel, "", form, 200)
	for _, path := range []string{"/c/", "/c/x", link + "A", "/c" + unsubscribe[2:], "/c" + pixel[2:], link + "/../x"} {
		f("GET", path, "", "", 404)
		f("HEAD", path, "", "", 404)
	}
	f("POST", link, oneBody, form, 405)
	for _, path := range []string{"/u/", "/u/x", unsubscribe + "A", "/u" + link[2:]} {
		f("GET", path, "", "", 404)
		f("POST", path, oneBody, form, 404)
	}
	f("GET", unsubscribe, "", "", 200)
	f("HEAD", unsubscribe, "", "", 200)
	f("DELETE", unsubscribe, "", "", 405)
	for _, body := range []string{"", "x=1", "List-Unsubscribe=one-click", "List-Unsubscribe=One-Click2", "list-unsubscribe=One-Click"} {
		f("POST", unsubscribe, body, form, 400)
	}
	f("POST", unsubscribe, oneBody, "", 400)
	f("POST", unsubscribe, oneBody, "text/plain", 400)
	f("POST", unsubscribe, `{"List-Unsubscribe":"One-Click"}`, "application/json", 400)
	b.expect()
}

// TestHeadIsEvidence: whoever asks for the head alone is a machine, and does not
// stand in the way of the person with the same agent who comes after.
func TestHeadIsEvidence(t *testing.T) {
	b := newBed(t)
	pixel, link, _ := b.addresses()
	for _, method := range []string{"HEAD", "HEAD", "GET"} {
		b.do(method, pixel, "", "User-Agent", firefox)
		if a := b.do(method, link, "", "User-Agent", firefox); a.status != 302 || string(a.head.Peek("Location")) != "https://acme.example/p?id=7" {
			t.Errorf("%s: %+v", method, a)
		}
	}
	const told = " message=m1 campaign.name=spring | email=ana@example.org agent=" + firefox
	const where = " message=m1 link=https://acme.example/p | url=https://acme.example/p?id=7 user_id=u1 email=ana@example.org agent=" + firefox
	b.expect(
		"email_open bot (head_request) 10:00:00"+told, "email_click bot (head_request) 10:00:00"+where,
		"email_open human 10:00:00"+told, "email_click human proved 10:00:00"+where,
	)
	err := b.db.Log().Read(context.Background(), 0, 1, func(recs []storage.Record) error {
		for _, r := range recs {
			var e tracker.Event
			if err := tracker.DecodeRow(r.Row, &e); err != nil || e.Counts() != (e.Machine == tracker.Human) {
				t.Errorf("event %d counts: %t, %v", r.Seq, e.Counts(), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOneClickInBothForms(t *testing.T) {
	b := newBed(t)
	path := b.mint(tracker.MailLink{Kind: "unsubscribe", UserID: "u1", Message: "m1"})
	multipart := "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
	if a := b.do("POST", path, multipart, "Content-Type", "multipart/form-data; boundary=x"); a.status != 200 {
		t.Error("multipart:", a.status)
	}
	b.advance(time.Hour)
	page := b.do("GET", path, "", "Accept-Language", "es")
	for _, want := range []string{`lang="es"`, "¿Darse de baja?", `method="post"`, `name="page"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if csp := string(page.head.Peek("Content-Security-Policy")); !strings.Contains(csp, "default-src 'none'") {
		t.Error("CSP:", csp)
	}
	if a := b.do("POST", path, oneBody+"&page=1", "Content-Type", form, "Accept-Language", "es"); a.status != 200 || !strings.Contains(a.body, "Te has dado de baja") {
		t.Errorf("by the page: %+v", a)
	}
	b.expect(
		"unsubscribe human 10:00:00 message=m1 type=one_click | user_id=u1",
		"unsubscribe human 11:00:00 message=m1 type=page | user_id=u1",
	)
}

func TestLanguages(t *testing.T) {
	f := func(accept, want string) {
		t.Helper()
		if got := preferred(accept); got != want {
			t.Errorf("%q: got %s, want %s", accept, got, want)
		}
	}
	f("", "en")
	f("es", "es")
	f("ES-ar,en;q=0.9", "es")
	f("de, en;q=0.8, es;q=0.9", "es")
	f("en-GB, es;q=0.9", "en")
	f("es;q=0, en;q=0.1", "en")
	f("fr", "en")
	f("es;q=x", "en")
}

// TestSameVisit proves what counts once: a retry, and a picture drawn again; not
// a person behind the scanner that came first.
func TestSameVisit(t *testing.T) {
	b := newBed(t)
	_, link, _ := b.addresses()
	f := func(agent, want string) {
		t.Helper()
		a := b.do("GET", link, "", "User-Agent", agent)
		if got := string(a.head.Peek("Ripen-Verdict")); got != want || a.status != 302 {
			t.Errorf("%s: got %s %d, want %s", agent, got, a.status, want)
		}
	}
	f("scanbot", "ok")
	f("scanbot", "duplicate")
	f(firefox, "ok")
	b.restart()
	f(firefox, "duplicate")
	b.advance(time.Minute)
	f(firefox, "ok")
	got := b.events()
	if len(got) != 3 || !strings.HasPrefix(got[0], "email_click bot (agent_list) 10:00:00") || !strings.Contains(got[1], "human proved") {
		t.Errorf("events: %s", strings.Join(got, "\n"))
	}
}

func TestTrap(t *testing.T) {
	b := newBed(t)
	path := b.mint(tracker.MailLink{Kind: "link", Email: "ana@example.org", Message: "m1", URL: "https://acme.example/", Trap: true})
	b.do("GET", path, "", "User-Agent", firefox)
	b.expect("email_click bot (trap_link) 10:00:00 message=m1 link=https://acme.example/ | url=https://acme.example/ email=ana@example.org agent=" + firefox)
}

// TestPrivacySignal proves that a click under Sec-GPC leads to nobody, and that
// an unsubscribe is kept all the same.
func TestPrivacySignal(t *testing.T) {
	b := newBed(t)
	b.site.KeepIP = true
	_, link, unsubscribe := b.addresses()
	b.do("GET", link, "", "User-Agent", firefox, "Sec-GPC", "1")
	b.do("POST", unsubscribe, oneBody, "Content-Type", form, "Sec-GPC", "1")
	b.expect(
		"email_click human denied 10:00:00 message=m1 link=https://acme.example/p |",
		"unsubscribe human 10:00:00 message=m1 type=one_click list=news | email=ana@example.org ip=0.0.0.0",
	)
}

// TestBusy proves that a person is led on though nothing can be stored, and that
// a mail program hears to ask again.
func TestBusy(t *testing.T) {
	b := newBed(t)
	pixel, link, unsubscribe := b.addresses()
	b.busy = true
	if a := b.do("GET", pixel, ""); a.status != 200 || string(a.head.Peek("Ripen-Verdict")) != "retry" {
		t.Errorf("pixel: %+v", a)
	}
	if a := b.do("GET", link, ""); a.status != 302 || string(a.head.Peek("Ripen-Verdict")) != "retry" {
		t.Errorf("link: %+v", a)
	}
	if a := b.do("POST", unsubscribe, oneBody, "Content-Type", form); a.status != 503 || len(a.head.Peek("Retry-After")) == 0 {
		t.Errorf("unsubscribe: %+v", a)
	}
	if b.counts["visit retry"] != 3 {
		t.Errorf("counted: %v", b.counts)
	}
	b.expect()
}
