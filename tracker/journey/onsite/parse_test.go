package onsite

import (
	"encoding/json"
	"strings"
	"testing"
)

// base is a right message with a place for one more line.
const base = `onsite: a
kind: box
languages: [en, es]
title: {en: T, es: U}
body: text
`

// Every error names its line, its part and what to write instead.
func TestParseErrors(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		_, err := Parse("a.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s\nof\n%s", err, want, src)
		}
	}
	f("", "the file is empty")
	f("onsite: a\nkind: box\n", "an on-site message has no title")
	f(strings.Replace(base, "box", "popup", 1), `a.yaml:2:7: kind is "popup"; it may be banner, box, survey, chat`)
	f(strings.Replace(base, ", es: U", "", 1), "title has no es; write es: …")
	f(strings.Replace(base, "es: U", "fr: U", 1), `title has no key "fr"; it may be en, es`)
	f(strings.Replace(base, "body: text\n", "", 1), "a box has no body")
	f(strings.Replace(base, "[en, es]", "[en, en]", 1), "en stands twice")
	f(base+"button: {label: L, url: \"javascript:alert(1)\"}\n", "url is not right; write http://, https:// or a path that begins with /")
	f(base+"button: {label: L, url: \"//evil.example/\"}\n", "url is not right")
	f(strings.Replace(base, "body: text", `body: "[x](data:text/html,1)"`, 1), `"data:text/html,1" leads to no page`)
	f(base+"accent: \"red;}\"\n", `accent is "red;}"; write a colour`)
	f(base+"place: top\n", `a box is at the place "top"; it may be corner, middle`)
	f(base+"show: {pages: prices}\n", `pages has "prices"`)
	f(base+"show: {when: \"score >\"}\n", "a.yaml:6:")
	f(base+"show: {scroll: 50}\n", `scroll is "50"; write per cents`)
	f(base+"show: {after: 2d}\n", "after is longer than a day")
	f(base+"cap: {most: 1, per: 2y}\n", "at most 400d are remembered")
	f(base+"questions: [{ask: Q, choices: {a: A}}]\n", "a box has questions; remove it: it belongs to a survey")
	survey := "onsite: a\nkind: survey\ntitle: T\nquestions:\n"
	f(survey+"  - {ask: Q}\n", "a question of type choice and choices do not agree")
	f(survey+"  - {ask: Q, type: text, choices: {a: A}}\n", "do not agree")
	f(survey+"  - {ask: Q, type: text, attribute: email}\n", "an answer becomes email")
	f(survey+"  - {id: q, ask: Q, type: text}\n  - {id: q, ask: R, type: text}\n", `the id "q" is taken`)
	chat := "onsite: a\nkind: chat\ntitle: T\nsteps:\n"
	f(chat+"  - {id: s, say: S, go: nowhere}\n", `there is no step "nowhere"; there are s`)
	f(chat+"  - {id: s, say: S, ask: email}\n", "asks for an e-mail without a word on what for; write optin")
	f(chat+"  - {id: s, say: S, ask: text, grants: marketing}\n", "optin and grants belong to ask: email")
	f(chat+"  - {id: s, say: S, ask: text, choices: [{value: a, say: A}]}\n", "a step has both choices and ask")
	f(chat+"  - {id: s, choices: [{value: a, say: A}]}\n", "a step has no say")
}

func TestFormat(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := format(in)
		b, _ := json.Marshal(got)
		if err != nil || string(b) != want {
			t.Errorf("%q:\n got %s %v\nwant %s", in, b, err, want)
		}
	}
	f("one\nline\n\nand **more** of *it*", `[{"c":[{"t":"one line"}]},{"c":[{"t":"and "},{"t":"more","b":true},{"t":" of "},{"t":"it","i":true}]}]`)
	f("- a\n- b [c](/d)", `[{"li":true,"c":[{"t":"a"}]},{"li":true,"c":[{"t":"b "},{"t":"c","h":"/d"}]}]`)
	f("<b onclick=x>2 * 3 * 4</b>", `[{"c":[{"t":"\u003cb onclick=x\u003e2 * 3 * 4\u003c/b\u003e"}]}]`)
	f("[x](https://a.es/b?c=d)", `[{"c":[{"t":"x","h":"https://a.es/b?c=d"}]}]`)
	f("", `null`)
}

func TestTemplates(t *testing.T) {
	for _, name := range Templates {
		for _, lang := range []string{"en", "es"} {
			src, err := Template(name, lang)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Parse(name+".yaml", src)
			if err != nil {
				t.Fatalf("%s\n%s", err, src)
			}
			if string(m.Kind) != name || strings.Contains(string(src), "#en") || strings.Contains(string(src), "#es") || strings.Contains(string(src), "|\n#") {
				t.Errorf("%s %s:\n%s", name, lang, src)
			}
			page := string(m.Preview(lang))
			if !strings.Contains(page, `<html lang="`+lang+`">`) || strings.Count(page, "</script>") != 2 || strings.Contains(page, "MESSAGE") {
				t.Errorf("%s %s: the preview is no page", name, lang)
			}
		}
	}
	if _, err := Template("../doc", "en"); err == nil || !strings.Contains(err.Error(), "there are banner, box, survey, chat") {
		t.Error(err)
	}
}

func TestLanguageAndColour(t *testing.T) {
	m, err := Parse("a.yaml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{"es": "es", "es-MX": "es", "en-GB": "en", "fr": "en", "": "en"} {
		if got := m.in(page); got.Lang != want || got.Title != map[string]string{"en": "T", "es": "U"}[want] {
			t.Errorf("a page in %q gets %+v", page, got)
		}
	}
	for colour, want := range map[string]string{"#ffffff": "#000000", "#000000": "#ffffff", "#0f5c57": "#ffffff", "#ffd400": "#000000", "#1f5fbf": "#ffffff"} {
		if got := onColour(colour); got != want {
			t.Errorf("on %s is written in %s", colour, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(base)
	for _, name := range Templates {
		src, err := Template(name, "en")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Fuzz(func(t *testing.T, src string) {
		m, err := Parse("f.yaml", []byte(src))
		if err == nil {
			_ = m.Preview("es")
			_ = m.Notes("es")
		}
	})
}
