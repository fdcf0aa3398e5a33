package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/cases"
	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

// each runs f for every template in every language.
func each(t *testing.T, f func(t *testing.T, tpl Template, lang string)) {
	t.Helper()
	for _, tpl := range Templates() {
		for _, lang := range Languages {
			t.Run(tpl.Name+"/"+lang, func(t *testing.T) { f(t, tpl, lang) })
		}
	}
}

// parse reads a template's card; what is wrong with it ends the test.
func parse(t *testing.T, tpl Template, lang string) *scorecard.Card {
	t.Helper()
	card, err := scorecard.Parse(tpl.Name+"."+lang+".yaml", tpl.Card(lang))
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func readCases(t *testing.T, tpl Template, lang string) []cases.Case {
	t.Helper()
	all, err := cases.Read(tpl.Cases(lang))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCheck holds each card to what `scorecard check` asks: it is right, its module
// can be made, and every list and model it names is there.
func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, tpl Template, lang string) {
		card := parse(t, tpl, lang)
		if _, err := compile.Module(card); err != nil {
			t.Error(err)
		}
		if card.Name != tpl.Name || card.Language != lang {
			t.Errorf("the card is %s in %s", card.Name, card.Language)
		}
		for _, name := range card.Lists() {
			if !card.HasList(name) {
				t.Errorf("list %s is not in the card", name)
			}
		}
		if f := card.Feeds(); len(f) > 0 {
			t.Errorf("the card waits for %v", f)
		}
		said := card.Explain(lang)
		for _, r := range card.Rules {
			before, _, _ := strings.Cut(r.Why, "{")
			_, behind, _ := strings.Cut(r.Why, "}")
			if r.Kind != scorecard.Renewal && !(strings.Contains(said, before) && strings.Contains(said, behind)) {
				t.Errorf("explain does not say %q", r.Why)
			}
		}
	})
}

// attributes are asked, and behaviour scored by these rules and events, in every
// template.
var (
	attributes = []string{"email", "age", "company", "purchasing_power", "job_title", "company_size"}
	behaviour  = map[string]string{
		"open": "email_open", "sms_reply": "sms_replied", "survey_opened": "survey_opened", "article": "page_view",
		"pdf": "download", "question": "chat_message", "price_comparison": "page_view", "share": "share",
	}
)

func TestBasics(t *testing.T) {
	each(t, func(t *testing.T, tpl Template, lang string) {
		rules := map[string]*scorecard.Rule{}
		for _, r := range parse(t, tpl, lang).Rules {
			rules[r.ID] = r
		}
		for _, name := range attributes {
			r := rules[name]
			if r == nil || r.Kind != scorecard.Attribute || r.Points <= 0 || len(r.Tests) == 0 {
				t.Errorf("no rule %s gives points for the attribute", name)
				continue
			}
			if field := r.Tests[0].Field; field != name && (name != "email" || field != "email_domain") {
				t.Errorf("rule %s asks the attribute %s", name, field)
			}
		}
		for id, event := range behaviour {
			if r := rules[id]; r == nil || r.Event != event || r.Points <= 0 {
				t.Errorf("no rule %s gives points for %s", id, event)
			}
		}
	})
}

// TestStories holds every template's compiled module to its cases, and the other
// language's cases too as far as they name no dimension or band.
func TestStories(t *testing.T) {
	each(t, func(t *testing.T, tpl Template, lang string) {
		reports, err := cases.RunAll(t.Context(), tpl.Name, tpl.Card(lang), readCases(t, tpl, lang))
		if err != nil {
			t.Fatal(err)
		}
		hold(t, reports)
	})
}

// TestStoriesEval holds the definition to the same.
func TestStoriesEval(t *testing.T) {
	each(t, func(t *testing.T, tpl Template, lang string) {
		var reports []*cases.Report
		for _, c := range readCases(t, tpl, lang) {
			card := parse(t, tpl, lang)
			r, err := cases.Run(card, &c, &engine{e: card.NewEval()})
			if err != nil {
				t.Fatal(err)
			}
			reports = append(reports, r)
		}
		hold(t, reports)
	})
}

func hold(t *testing.T, reports []*cases.Report) {
	t.Helper()
	if len(reports) == 0 {
		t.Error("no story is told")
	}
	for _, r := range reports {
		if r.Skipped != "" || len(r.Checks) == 0 {
			t.Errorf("%s: nothing was checked: %s", r.Case, r.Skipped)
		}
		for _, c := range r.Failed() {
			t.Errorf("%s: day %v: %s = %s, want %s because %s", c.Case, c.Day, c.Key, c.Got, c.Want, c.Because)
		}
	}
}

// engine is Eval, which notes every score it gives.
type engine struct {
	e      *scorecard.Eval
	rules  []string // ids of rules: the rest of the reasons are called after names
	scores []string
}

func (e *engine) Fold(evs []wasm.Event) error { e.e.Fold(evs...); return nil }
func (e *engine) SetInputs(v []float64)       { e.e.Inputs = v }

func (e *engine) Score(now int64) (*scorecard.Result, error) {
	r := e.e.Score(now)
	var b strings.Builder
	fmt.Fprint(&b, now, r.Score, r.Grade, r.Next)
	for _, d := range r.Dims {
		fmt.Fprintf(&b, " %x", math.Float64bits(d))
	}
	for _, x := range r.Reasons {
		if slices.Contains(e.rules, x.Rule) {
			fmt.Fprintf(&b, " %s", x.Rule)
		}
		fmt.Fprintf(&b, " %x %d", math.Float64bits(x.Points), x.Share)
	}
	e.scores = append(e.scores, b.String())
	return &r, nil
}

// ruleIDs are the ids that the card's rules are given in it; the reason of a
// replenishment is called after its dimension.
func ruleIDs(card *scorecard.Card) (ids []string) {
	for _, r := range card.Rules {
		if r.Kind != scorecard.Renewal {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// TestSameInBothLanguages walks the stories in both languages: every score, at
// every moment, is the same to the last bit.
func TestSameInBothLanguages(t *testing.T) {
	for _, tpl := range Templates() {
		if en, es := ruleIDs(parse(t, tpl, "en")), ruleIDs(parse(t, tpl, "es")); !slices.Equal(en, es) {
			t.Errorf("%s: the languages differ in ids: %v, %v", tpl.Name, en, es)
		}
		var scores [len(Languages)][]string
		for i, lang := range Languages {
			for _, c := range readCases(t, tpl, lang) {
				card := parse(t, tpl, lang)
				e := &engine{e: card.NewEval(), rules: ruleIDs(card)}
				if _, err := cases.Run(card, &c, e); err != nil {
					t.Fatal(err)
				}
				scores[i] = append(scores[i], e.scores...)
			}
		}
		if len(scores[0]) < 5 || !slices.Equal(scores[0], scores[1]) {
			t.Errorf("%s: the languages differ in %d and %d scores", tpl.Name, len(scores[0]), len(scores[1]))
		}
	}
}

// TestSpeaks proves that each language is whole and only itself.
func TestSpeaks(t *testing.T) {
	each(t, func(t *testing.T, tpl Template, lang string) {
		card, stories := tpl.Card(lang), tpl.Cases(lang)
		for _, mark := range []string{"«", "»", "#en", "#es", "#how"} {
			if bytes.Contains(card, []byte(mark)) || bytes.Contains(stories, []byte(mark)) {
				t.Errorf("%q is left over", mark)
			}
		}
		if !json.Valid(stories) {
			t.Error("the cases are not JSON")
		}
		spanish := strings.ContainsAny(string(card)+string(stories), "áéíóúñ¿¡")
		if own := lang == "es"; own != strings.Contains(string(card), "Cambia cualquier número") || own && !spanish {
			t.Errorf("the card is not in %s", lang)
		}
		if tpl.About(lang) == "" || tpl.About("en") == tpl.About("es") {
			t.Error("it does not say what it is for in both languages")
		}
		for _, r := range parse(t, tpl, lang).Rules {
			if r.ID != "" && r.Why == "" {
				t.Errorf("rule %s says no why", r.ID)
			}
		}
		for _, c := range readCases(t, tpl, lang) {
			for _, e := range c.Expect {
				if e.Reasons == nil && e.Because == "" {
					t.Errorf("%s: day %v is not explained", c.Name, e.Day)
				}
			}
		}
	})
	if string(speak("a «one|uno» b\n  #es no\n  #en yes\n", "en")) != "a one b\n  # yes\n" {
		t.Error(speak("a «one|uno» b\n  #es no\n  #en yes\n", "en"))
	}
}

func TestFind(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		tpl, err := Find(name)
		if want == "" {
			if err != nil || tpl.Name != name {
				t.Errorf("%s: %v %v", name, tpl, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	for _, tpl := range Templates() {
		f(tpl.Name, "")
	}
	f("b2b-sas", "did you mean b2b-saas?")
	f("Simple", "did you mean simple?")
	f("unicorn", "there are simple, elaborate,")
}
