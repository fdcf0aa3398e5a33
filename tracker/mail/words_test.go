package mail

import (
	"context"
	"math/rand/v2"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

func TestCheckNamesFieldAndFix(t *testing.T) {
	const good = "mail: a\nlanguage: es\npurpose: marketing\nsubject: s\ntext: t\n"
	if _, err := parse("", []byte(good)); err != nil {
		t.Fatal(err)
	}
	f := func(old, with, want string) {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("BUG: %q is not in it", old)
		}
		_, err := parse("", []byte(strings.Replace(good, old, with, 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", with, err, want)
		}
	}
	f("mail: a", "mail: A b", "mail: need a name")
	f("language: es", "language: fr", "language: need es or en")
	f("purpose: marketing", "purpose: x", "purpose: need")
	f("text: t", "text: ''", "text: need the mail as plain text")
	f("text: t", "text: 'x {{ name }}'", "text: {{ name }} has no fallback")
	f("text: t", "text: 'x {{ name | y'", "text: a placeholder is not closed")
	f("text: t", "text: 'x {{ range . }}'", "is no placeholder")
	f("subject: s", "subject: '{{ name }}'", "subject: {{ name }} has no fallback")
	f("subject: s", `subject: "a\r\nBcc: x"`, "subject: need one line")
	f("text: t", "text: t\nhtml: '<a href={{ x | }}'", "html: ")
	f("text: t", "text: t\nvariants: {high: {text: '{{ z }}'}}", "variants.high.text: {{ z }} has no fallback")
	f("text: t", "text: t\ntexto: t", "template: ")

	f("text: t", "text: '{{ answer.home }}'", "text: {{ answer.home }}: question.choices has no home")
	f("subject: s", "subject: '{{ answer.home }}'", "subject: the address of an answer cannot stand in it")
	asks := func(question, text, want string) {
		t.Helper()
		f("text: t", "text: '"+text+"'\nquestion: "+question, want)
	}
	const both = "{{ answer.home }} {{ answer.work }}"
	asks("{id: use, ask: Where?, choices: {home: Home, work: Work}}", "{{ answer.home }}", "text: nothing leads to the answer work")
	asks("{id: use, ask: Where?, choices: {home: Home, work: Work}}", both+" {{ answer.bar }}", "text: {{ answer.bar }}: question.choices has no bar")
	asks("{id: use, ask: Where?, choices: {home: Home, work: Work}}", both+"'\nhtml: '<p>", "html: nothing leads to the answer home")
	asks("{id: U, ask: Where?, choices: {home: Home, work: Work}}", both, "question.id: need a name")
	asks("{id: use, choices: {home: Home, work: Work}}", both, "question.ask: need the question")
	asks("{id: use, ask: Where?, attribute: email, choices: {home: Home, work: Work}}", both, "question.attribute: an answer cannot become email")
	asks("{id: use, ask: Where?, choices: {home: Home}}", both, "question.choices: need 2 to 11")
	asks("{id: use, ask: Where?, choices: {home: Home, Work: Work}}", both, "question.choices.Work: need a value")
	if _, err := parse("", []byte(strings.Replace(good, "text: t", "text: '{{ answer.0 }} {{ answer.10 }}'\nquestion: {id: nps, ask: How much?, choices: {0: Not at all, 10: Very much}}", 1))); err != nil {
		t.Errorf("numbers as answers: %v", err)
	}
}

// TestBareHosts takes names of hosts in values apart, where mail programs would make
// links of them: not in addresses of mailboxes, and not in links of the template.
func TestBareHosts(t *testing.T) {
	tpl, err := parse("", []byte("mail: a\nlanguage: es\npurpose: marketing\nsubject: 'Hi {{ v | x }}'\ntext: '{{ v | x }} https://acme.example/?n={{ v | x }}&m={{ v | x }}'\n"+
		"html: '<p>{{ v | x }}</p><a href=\"https://acme.example/?n={{ v | x }}\">y</a>'\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(v, shown string) {
		t.Helper()
		w, err := tpl.words[""].write(&values{attrs: map[string]any{"v": v}})
		if err != nil {
			t.Fatal(err)
		}
		at := url.QueryEscape(v)
		if w.subject != "Hi "+shown || w.text != shown+" https://acme.example/?n="+v+"&m="+v || w.html != "<p>"+shown+"</p><a href=\"https://acme.example/?n="+at+"\">y</a>" {
			t.Errorf("%q: %q, %q, %q", v, w.subject, w.text, w.html)
		}
	}
	f("evil.com", "evil.\u2060com")
	f("shop.evil.com", "shop.evil.\u2060com")
	f("ana@x.es", "ana@x.es")
	f("3.5", "3.5")
	f("Ana", "Ana")
}

// FuzzValue lets anything stand in a placeholder: the mail keeps its headers, its
// tags and its links.
func FuzzValue(f *testing.F) {
	f.Add("Ana\r\nBcc: x@example.org")
	f.Add(`"><script>alert(1)</script>`)
	f.Add("javascript:alert(1)")
	f.Add("http://evil.example/")
	f.Add("\u2028\u202eevil")
	t, err := parse("", []byte("mail: a\nlanguage: es\npurpose: marketing\nsubject: 'Hi {{ v | x }}'\ntext: 'Hi {{ v | x }}.'\n"+
		"html: '<p title=\"{{ v | x }}\">{{ v | x }}</p><a href=\"https://acme.example/?n={{ v | x }}\">y</a>'\n"))
	if err != nil {
		f.Fatal(err)
	}
	s := &sender{from: &mail.Address{Address: "a@acme.example"}, reply: &mail.Address{Address: "a@acme.example"}, domain: "acme.example"}
	plain, err := t.words[""].write(&values{attrs: map[string]any{"v": "x"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t2 *testing.T, v string) {
		w, err := t.words[""].write(&values{attrs: map[string]any{"v": v}})
		if err != nil {
			t2.Fatal(err)
		}
		for _, mark := range []string{"<", ">", `"`} {
			if strings.Count(w.html, mark) != strings.Count(plain.html, mark) {
				t2.Errorf("%q changes the tags: %s", v, w.html)
			}
		}
		if strings.Count(w.text, "://") != 0 || strings.Count(w.html, "://") != 1 {
			t2.Errorf("%q is an address now: %s %s", v, w.text, w.html)
		}
		l := &letter{written: w, to: "b@example.org"}
		raw, err := l.bytes(s, "id", time.Unix(0, 0))
		if err != nil {
			t2.Fatal(err)
		}
		m, err := mail.ReadMessage(strings.NewReader(string(raw)))
		if err != nil {
			t2.Fatal(err)
		}
		for name := range m.Header {
			if !slices.Contains([]string{"Date", "Message-Id", "Mime-Version", "From", "To", "Reply-To", "Subject", "Auto-Submitted", "Content-Type"}, name) {
				t2.Errorf("%q made a header %s", v, name)
			}
		}
	})
}

func TestWordsAreTracked(t *testing.T) {
	w := newWorld(t, "", nil, false)
	w.publish(news + "variants: {high: {subject: 'Soon, {{ name | friend }}'}}\n")
	see := func(variant string) tracker.MailPreview {
		t.Helper()
		p, err := w.post.Preview(context.Background(), &tracker.MailIntent{Tenant: w.tenant.ID, Key: "k", Lead: w.lead.ID, Template: "news", Variant: variant})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := see("")
	if p.Refused != "the tenant has no sender" || p.Subject != "Hello Ana" || see("high").Subject != "Soon, Ana" {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(p.Text, "See https://t.acme.example/c/TOKEN.\n") || !strings.Contains(p.Text, "https://t.acme.example/u/TOKEN?lang=en") {
		t.Errorf("text: %s", p.Text)
	}
	if !strings.Contains(p.HTML, `href="https://t.acme.example/c/TOKEN"`) || !strings.Contains(p.HTML, `src="https://t.acme.example/o/TOKEN"`) {
		t.Errorf("html: %s", p.HTML)
	}
	w.publish(poll)
	q, err := w.post.Preview(context.Background(), &tracker.MailIntent{Tenant: w.tenant.ID, Key: "k", Lead: w.lead.ID, Template: "poll"})
	if err != nil || !strings.Contains(q.Text, "Home: https://t.acme.example/a/home/At%20home?lang=en\n") ||
		!strings.Contains(q.HTML, `<a href="https://t.acme.example/a/home/At%20home?lang=en">`) {
		t.Errorf("an answer has no address: %v %s %s", err, q.Text, q.HTML)
	}
	w.lead.Consent = w.lead.Consent.With(tracker.Profiling, tracker.Refused)
	delete(w.lead.Attributes, "name")
	p = see("")
	if p.Subject != "Hello friend" || strings.Contains(p.HTML, "/o/") || !strings.Contains(p.HTML, `href="https://acme.example/a?b=1&amp;utm_source=ripen&amp;utm_medium=email&amp;utm_campaign=news"`) {
		t.Errorf("who refused profiling is watched: %s", p.HTML)
	}
	if _, err := w.post.Preview(context.Background(), &tracker.MailIntent{Tenant: w.tenant.ID, Key: "k", Lead: w.lead.ID, Template: "news", Variant: "low"}); err == nil {
		t.Error("a variant that is not there is taken")
	}
}

// event appends one to the log.
func (w *world) event(typ string, source uint32, change func(e *tracker.Event)) {
	w.t.Helper()
	id := make([]byte, 16)
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	e := tracker.Event{Time: w.db.Now(), Type: []byte(typ), MessageID: id, MessageUUID: true, Source: source, Email: emailID(w.tenant, "ana@example.org").Hash}
	if change != nil {
		change(&e)
	}
	rec := storage.Record{Tenant: w.tenant.ID, ID: id, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e)}
	rec.Subject[0] = byte(tracker.EmailIdentity)
	copy(rec.Subject[1:], e.Email[:])
	if err := w.db.Log().Append(context.Background(), 0, []storage.Record{rec}); err != nil {
		w.t.Fatal(err)
	}
}

func kind(word string) func(e *tracker.Event) {
	return func(e *tracker.Event) {
		e.Fields = append(e.Fields, tracker.Field{Space: tracker.Property, Name: []byte("type"), Value: tracker.Value{Tag: tracker.String, Str: []byte(word)}})
	}
}

// TestWhoIsNotWrittenTo goes through all that silences an address, and what lets
// it speak again.
func TestWhoIsNotWrittenTo(t *testing.T) {
	const owed = "mail: owed\nlanguage: en\npurpose: transactional\nsubject: s\ntext: t\n"
	f := func(name string, change func(w *world), news1, owed1 string) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "", nil, false)
			w.sender(tracker.MailSender{URL: "smtp://127.0.0.1:25"})
			w.publish(news)
			w.publish(owed)
			change(w)
			for template, want := range map[string]string{"news": news1, "owed": owed1} {
				p, err := w.post.Preview(context.Background(), &tracker.MailIntent{Tenant: w.tenant.ID, Key: "k", Lead: w.lead.ID, Template: template})
				if err != nil {
					t.Fatal(err)
				}
				if p.Refused != want {
					t.Errorf("%s: %q, want %q", template, p.Refused, want)
				}
			}
		})
	}
	yesAgain := func(e *tracker.Event) {
		e.Proved, e.Decision, e.Consent = true, true, tracker.ConsentUnknown.With(tracker.Marketing, tracker.Granted).With(tracker.Profiling, tracker.Granted)
	}
	f("nothing", func(*world) {}, "", "")
	f("not asked", func(w *world) { w.lead.Consent = tracker.ConsentUnknown }, "consent: the lead has not said yes to marketing", "")
	f("pending", func(w *world) { w.lead.Consent = tracker.ConsentPending }, "consent: the lead has not said yes to marketing", "")
	f("no", func(w *world) { w.lead.Consent = tracker.ConsentDenied }, "consent: the lead said no to marketing", "")
	f("unsubscribe", func(w *world) { w.event("unsubscribe", 1, nil) }, "suppressed: unsubscribe", "")
	f("complaint", func(w *world) { w.event("email_complaint", 2, nil) }, "suppressed: complaint", "")
	f("hard bounce", func(w *world) { w.event("email_bounce", 2, kind("hard")) }, "suppressed: bounce", "suppressed: bounce")
	f("soft bounce", func(w *world) { w.event("email_bounce", 2, kind("soft")) }, "", "")
	f("bounce that anybody may send", func(w *world) { w.event("email_bounce", 1, kind("hard")) }, "", "")
	f("by hand", func(w *world) {
		if err := w.post.Suppress(w.tenant, "Ana@Example.org", false); err != nil {
			t.Fatal(err)
		}
	}, "suppressed: by hand", "suppressed: by hand")
	f("a yes after an unsubscribe", func(w *world) { w.event("unsubscribe", 1, nil); w.event("consent", 1, yesAgain) }, "", "")
	f("a yes that anybody may send", func(w *world) {
		w.event("unsubscribe", 1, nil)
		w.event("consent", 1, func(e *tracker.Event) { yesAgain(e); e.Proved = false })
	}, "suppressed: unsubscribe", "")
	f("a yes after a complaint", func(w *world) { w.event("email_complaint", 2, nil); w.event("consent", 1, yesAgain) }, "suppressed: complaint", "")
	f("an unsubscribe after a bounce", func(w *world) { w.event("email_bounce", 2, kind("hard")); w.event("unsubscribe", 1, nil) }, "suppressed: bounce", "suppressed: bounce")
	f("erased, then back", func(w *world) {
		w.event("unsubscribe", 1, nil)
		if _, err := w.post.Follow(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.post = New(w.post.cfg) // and a start: the list lies in meta/
	}, "suppressed: unsubscribe", "")
}

// TestTakenIsToldOnce sends what was taken a second time: the log has one event.
func TestTakenIsToldOnce(t *testing.T) {
	w := newWorld(t, "", nil, false)
	w.sender(tracker.MailSender{URL: "smtp://127.0.0.1:25", Rate: 1000})
	w.publish(news)
	w.mustSend("k1", tracker.OutcomeAccepted, "")
	for w.send("k1", "news").Outcome == tracker.OutcomePutOff {
	}
	if n := len(w.box.Taken()); n != 2 {
		t.Fatalf("%d mails, want 2", n)
	}
	sent := 0
	err := w.db.Log().Read(context.Background(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			var e tracker.Event
			if err := tracker.DecodeRow(recs[i].Row, &e); err != nil {
				return err
			}
			if v, _ := e.Find("wanted"); string(e.Type) == "email_sent" && string(v.Str) == "granted" {
				sent++
			}
		}
		return nil
	})
	if err != nil || sent != 1 {
		t.Errorf("%d events, want 1 (%v)", sent, err)
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(t, "", nil, false)
	f := func(got tracker.MailTemplate, err error, version, of int) {
		t.Helper()
		if err != nil || got.Version != version || got.Versions != of || !got.InForce {
			t.Fatalf("%+v (%v), want %d of %d", got, err, version, of)
		}
	}
	second := strings.Replace(news, "See", "Look at", 1)
	publish := func(text string) (tracker.MailTemplate, error) {
		return w.post.Publish(w.tenant.ID, "news", []byte(text))
	}
	got, err := publish(news)
	f(got, err, 1, 1)
	got, err = publish(news)
	f(got, err, 1, 1)
	body, err := w.post.Prepare(&tracker.MailIntent{Tenant: w.tenant.ID, Key: "k", Lead: w.lead.ID, Template: "news"})
	if err != nil {
		t.Fatal(err)
	}
	got, err = publish(second)
	f(got, err, 2, 2)
	if !strings.Contains(string(body), `"version":1`) {
		t.Errorf("what was decided before has %s", body)
	}
	got, err = w.post.Rollback(w.tenant.ID, "news")
	f(got, err, 1, 2)
	if _, err = w.post.Rollback(w.tenant.ID, "news"); tracker.KindOf(err) != tracker.KindConflict {
		t.Errorf("rolled back before the first: %v", err)
	}
	got, err = publish(strings.Replace(news, "See", "Watch", 1))
	f(got, err, 3, 3)
	got, err = w.post.Rollback(w.tenant.ID, "news")
	f(got, err, 1, 3) // not 2, which was rolled back
	if _, err := w.post.Publish(w.tenant.ID, "other", []byte(news)); err == nil {
		t.Error("a template is kept under another name")
	}
	other := tracker.TenantID{9}
	if _, err := w.post.Template(other, "news", 0); tracker.KindOf(err) != tracker.KindNotFound {
		t.Errorf("another tenant sees it: %v", err)
	}
}
