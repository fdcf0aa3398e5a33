package journey

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// base is a right journey with a place for one more step.
const base = `journey: a
enter: {band: warm}
goal: {event: purchase}
steps:
  - {id: one, wait: 3d}
`

// Every error names its line, its step and what to write instead.
func TestParseErrors(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		_, err := Parse("a.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s\nof\n%s", err, want, src)
		}
	}
	f("", "the file is empty")
	f("journey: a\n", `a journey has no enter; write enter: …`)
	f(strings.Replace(base, "goal", "goat", 1), `a.yaml:3:1: a journey has no key "goat"; did you mean goal?`)
	f(strings.Replace(base, "band: warm", "band: warm, event: x", 1), "enter wants one of band, grade, segment, event")
	f(strings.Replace(base, "band: warm", "when: \"score > 3\"", 1), "enter wants one of band, grade, segment, event")
	f(base+"  - {id: two, message: {channel: push, template: x}}\n", `a.yaml:6:34: step "two": the channel "push" is not built yet; write webhook: {to: NAME} to your provider`)
	f(base+"  - {id: two, message: {channel: sms, template: x}}\n", "an SMS has no template")
	f(base+"  - {id: two, message: {channel: sms, text: x}}\n", "an SMS wants to: and text:")
	f(base+"  - {id: two, message: {channel: sms, to: x, text: \"Hi {{ name }}\"}}\n", "a placeholder without a fallback")
	f(base+"  - {id: two, message: {channel: email, template: x, offer: renewal}}\n", `offer is "renewal"; it may be renew, refill, up, cross, down`)
	f(base+"  - {id: two, message: {channel: email, template: x, no_offer: y}}\n", `no_offer: without offer:`)
	f(base+"  - {id: two, message: {channel: letter, template: x}}\n", "a letter has no template")
	f(base+"  - {id: two, message: {channel: letter, text: x}}\n", "a letter wants text: and link:")
	f(base+"  - {id: two, message: {channel: letter, text: x, link: \"javascript:1\"}}\n", `link is "javascript:1"; write an address`)
	f(base+"  - {id: two, message: {channel: letter, text: \"{{ name }}\", link: \"https://a.es\"}}\n", "a placeholder without a fallback")
	f(base+"  - {id: two, message: {channel: email, template: x, link: \"https://a.es\"}}\n", "link belongs to channel: letter")
	f(base+"  - {id: two, content: {topic: x}}\n", `a step has no key "content"`)
	f(base+"  - {id: two, message: {channel: email, content: by_mood, otherwise: x}}\n", `content is "by_mood"; it may be by_interest`)
	f(base+"  - {id: two, message: {channel: email, content: by_interest}}\n", "write otherwise: TEMPLATE")
	f(base+"  - {id: two, message: {channel: email, template: x, stage: y}}\n", "belong to content: by_interest")
	f(base+"  - {id: two, message: {channel: email, template: x, content: by_interest, otherwise: y}}\n", "message wants one of template:, test:, content:")
	f(base+"  - {id: two}\n", "a step does nothing")
	f(base+"  - {id: two, wait: 1d, exit: x}\n", "a step is both wait and exit")
	f(base+"  - {id: one, exit: x}\n", `the id "one" is taken`)
	f(base+"  - {id: two, wait: {event: x}}\n", "a journey must not wait for ever")
	f(base+"  - {id: two, wait: {until: thuesday, at: \"10:00\"}}\n", `until is "thuesday"; it may be sunday`)
	f(base+"  - {id: two, wait: soon}\n", `wait is "soon"; write a length of time`)
	f(base+"  - {id: two, branch: [{when: \"score >\", go: one}]}\n", "a.yaml:6:")
	f(base+"  - {id: two, branch: [{when: \"country in eu\", go: one}]}\n", "named lists are not built yet")
	f(base+"  - {id: two, branch: [{when: \"score > 3\", go: nine}]}\n", `there is no step "nine"; there are one, two and exit`)
	f(base+"  - {id: two, set: {a: 1}, go: two}\n", `the steps after "two" go in a circle without a wait`)
	f(base+"  - {id: two, message: {channel: email}}\n", "message wants one of template:, test:, content:")
	f(base+"  - {id: two, message: {channel: email, test: {a: {template: x}}}}\n", "test wants two variants")
	f(base+"  - {id: two, set: {email: x}}\n", "set changes email")
	f(base+"holdout: 100%\n", "holdout is")
	f(base+"quiet: {from: \"9\", to: \"10:00\"}\n", `from is "9"; write a time of day`)
	f(base+"caps: {email: {most: 1, per: 1y}}\n", "at most 90d are remembered")
	f(base+"zone: Mars\n", "write a time zone like Europe/Madrid")
}

func TestTemplates(t *testing.T) {
	for _, name := range Templates {
		for _, lang := range []string{"en", "es"} {
			src, err := Template(name, lang)
			if err != nil {
				t.Fatal(err)
			}
			j, err := Parse(name+"."+lang+".yaml", src)
			if err != nil {
				t.Fatal(err)
			}
			if lost := j.Unreached(); lost != nil {
				t.Errorf("%s %s: nobody gets to %q", name, lang, lost)
			}
			if j.Language != lang {
				t.Errorf("%s: language %s", name, j.Language)
			}
			for _, told := range []string{j.Explain("en"), j.Explain("es")} {
				if strings.Contains(told, "%!") || strings.Count(told, "\n") < len(j.Steps)+4 {
					t.Errorf("%s %s:\n%s", name, lang, told)
				}
			}
			d := xml.NewDecoder(strings.NewReader(string(j.Draw(""))))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s %s: not XML: %v", name, lang, err)
				}
			}
		}
	}
	if _, err := Template("../doc", "en"); err == nil || !strings.Contains(err.Error(), "there are educate and renew") {
		t.Error(err)
	}
}

func TestUnreached(t *testing.T) {
	f := func(steps, want string) {
		t.Helper()
		j, err := Parse("a.yaml", []byte(base+steps))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(j.Unreached(), " "); got != want {
			t.Errorf("got %q, want %q of\n%s", got, want, steps)
		}
	}
	f("", "")
	f("  - {id: two, exit: x}\n  - {id: three, wait: 1d}\n  - {id: four, wait: 1d, go: two}\n", "three four")
	f("  - {id: two, branch: [{when: \"score > 1\", go: four}], go: exit}\n  - {id: three, wait: 1d}\n  - {id: four, wait: 1d}\n", "three")
	f("  - {id: two, wait: {event: x, timeout: 1d, else: four}}\n  - {id: three, exit: x}\n  - {id: four, wait: 1d}\n", "")
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
		j, err := Parse("f.yaml", []byte(src))
		if err == nil {
			_ = j.Explain("es")
			_ = j.Draw("en")
			_ = j.Notes("es")
			_ = j.Unreached()
		}
	})
}
