package email

import (
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

func (b *bed) answer(value, label string) string {
	return b.mint(tracker.MailLink{Kind: "answer", Email: "ana@example.org", Message: "m1", Answer: tracker.MailAnswer{
		Survey: "poll", Question: "use", Attribute: "use", Value: value, Ask: "Where <b>", Label: label,
	}})
}

// TestAnswers: only the page's form answers, once; whoever asks for all addresses
// of a mail answers nothing.
func TestAnswers(t *testing.T) {
	b := newBed(t)
	home, nine := b.answer("home", "At <home>"), b.answer("9", "9")
	for _, path := range []string{home, nine} {
		for _, method := range []string{"HEAD", "GET"} {
			if a := b.do(method, path, "", "User-Agent", firefox); a.status != 200 || len(a.head.Peek("Location")) > 0 {
				t.Errorf("%s: %+v", method, a)
			}
		}
	}
	a := b.do("GET", home+"?lang=es", "", "User-Agent", firefox)
	for _, want := range []string{`<html lang="es">`, "<h1>Where &lt;b&gt;</h1>", "Tu respuesta: <strong>At &lt;home&gt;</strong>", "<button>Enviar mi respuesta</button>"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page has no %s: %s", want, a.body)
		}
	}
	if a := b.do("POST", home, "x=1", "Content-Type", form, "User-Agent", firefox); a.status != 400 {
		t.Errorf("a stray post: %d", a.status)
	}
	for _, path := range []string{"/a/", "/a/x", home + "A", "/a" + home[2:len(home)-1]} {
		if a := b.do("POST", path, "answer=1", "Content-Type", form); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := b.do("PUT", home, "answer=1"); a.status != 405 {
		t.Errorf("PUT: %d", a.status)
	}
	b.expect() // nothing was answered

	b.busy = true
	if a := b.do("POST", home, "answer=1", "Content-Type", form, "User-Agent", firefox); a.status != 503 || len(a.head.Peek("Retry-After")) == 0 {
		t.Errorf("busy: %+v", a)
	}
	b.busy = false
	for range 2 {
		if a := b.do("POST", home, "answer=1", "Content-Type", form, "User-Agent", firefox); a.status != 200 || !strings.Contains(a.body, "Thank you") {
			t.Errorf("the answer: %+v", a)
		}
	}
	b.advance(time.Minute)
	b.do("POST", nine, "answer=1", "Content-Type", form, "User-Agent", "a bot")
	b.do("POST", nine, "answer=1", "Content-Type", form, "User-Agent", firefox, "Sec-GPC", "1")
	const who = " email=ana@example.org agent="
	b.expect(
		"survey_opened human proved 10:00:00 message=m1 | survey=poll"+who+firefox,
		"survey_answered human proved 10:00:00 message=m1 | survey=poll question=use answer=home"+who+firefox,
		"identify human proved 10:00:00 message=m1 | use=home"+who+firefox,
		"survey_opened bot (agent_list) 10:01:00 message=m1 | survey=poll"+who+"a bot",
		"survey_answered bot (agent_list) 10:01:00 message=m1 | survey=poll question=use answer="+who+"a bot",
		"survey_opened human denied 10:01:00 message=m1 | survey=poll",
		"survey_answered human denied 10:01:00 message=m1 | survey=poll question=use answer=",
	)
	b.advance(366 * day)
	if a := b.do("GET", home, ""); a.status != 404 {
		t.Errorf("after a year: %d", a.status)
	}
}

// TestAnswerIsMintedWhole: what lacks a part is refused with its field's name.
func TestAnswerIsMintedWhole(t *testing.T) {
	b := newBed(t)
	l := tracker.MailLink{Kind: "answer", Email: "ana@example.org", Message: "m1", Answer: tracker.MailAnswer{Survey: "poll", Question: "use"}}
	if _, err := b.keys.Mint(b.tenant, "https://t.example", l, b.db.Now()); err == nil || !strings.Contains(err.Error(), "answer: need a survey") {
		t.Errorf("no value: %v", err)
	}
	l.Answer.Value, l.Answer.Ask = "x", strings.Repeat("é", 2000)
	if _, err := b.keys.Mint(b.tenant, "https://t.example", l, b.db.Now()); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a long question: %v", err)
	}
}
