package cases

import (
	"os"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

type evalEngine struct{ e *scorecard.Eval }

func (e evalEngine) Fold(evs []wasm.Event) error { e.e.Fold(evs...); return nil }
func (e evalEngine) SetInputs(v []float64)       { e.e.Inputs = v }
func (e evalEngine) Score(now int64) (*scorecard.Result, error) {
	r := e.e.Score(now)
	return &r, nil
}

func load(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../scorecard/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The cards of the worked examples, and how many cases each has.
var goldenCards = map[string]int{"cafeteras.yaml": 2, "saas-b2b.yaml": 3}

// TestGolden holds compiled modules to every worked example that they can score.
func TestGolden(t *testing.T) {
	all, err := Read(load(t, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range goldenCards {
		reports, err := RunAll(t.Context(), file, load(t, file), all)
		if err != nil {
			t.Fatal(err)
		}
		hold(t, file, want, reports)
	}
}

// TestGoldenEval holds the definition itself to the same.
func TestGoldenEval(t *testing.T) {
	all, err := Read(load(t, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range goldenCards {
		var reports []*Report
		for i := range all {
			card, err := scorecard.Parse(file, load(t, file))
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range all[i].Lists {
				card.SetList(name, values)
			}
			r, err := Run(card, &all[i], evalEngine{card.NewEval()})
			if err != nil {
				t.Fatal(err)
			}
			reports = append(reports, r)
		}
		hold(t, file, want, reports)
	}
}

func hold(t *testing.T, file string, want int, reports []*Report) {
	t.Helper()
	held := 0
	for _, r := range reports {
		if r.Skipped != "" {
			t.Logf("%s: %q left out: %s", file, r.Case, r.Skipped)
			continue
		}
		held++
		if len(r.Checks) == 0 {
			t.Errorf("%s: %s: nothing was checked", file, r.Case)
		}
		for _, c := range r.Failed() {
			t.Errorf("%s: %s: day %v: %s = %s, want %s", file, c.Case, c.Day, c.Key, c.Got, c.Want)
		}
	}
	if held != want {
		t.Errorf("%s: %d cases held, want %d", file, held, want)
	}
}

// TestFailureShows proves that a wrong expectation is seen.
func TestFailureShows(t *testing.T) {
	src := strings.Replace(string(load(t, "cases.json")), `"score": 55`, `"score": 56`, 1)
	all, err := Read([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	reports, err := RunAll(t.Context(), "cafeteras.yaml", load(t, "cafeteras.yaml"), all)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, r := range reports {
		failed += len(r.Failed())
	}
	if failed != 1 {
		t.Errorf("%d checks failed, want 1", failed)
	}
}

func TestReadErrors(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		all, err := Read([]byte(src))
		if err == nil {
			_, err = all[0].sources(0)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", src, err, want)
		}
	}
	f(`{`, "cases:")
	f(`[{"expect_at_day": [{"score": 5}]}]`, "case 1: expect_at_day: day: need a number")
	f(`[{"reasons_at_day_x": {}}]`, "reasons_at_day_x")
	f(`[{"events": [{"event": "page_view"}]}]`, "event 1: day: need a number")
	f(`[{"events": [{"day": 1}]}]`, "event 1: event: need")
}

// TestInputs gives a case what a model says.
func TestInputs(t *testing.T) {
	all, err := Read([]byte(`[{"scorecard": "m", "name": "n", "inputs": {"odds": 0.37}, "events": [], "expect_at_day": [{"day": 0, "odds": 29.6, "score": 30}]},
		{"scorecard": "m", "name": "none", "events": [], "expect_at_day": [{"day": 0, "odds": 0, "score": 0}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	src := "scorecard: m\ndimensions: {odds: {kind: model, model: won, max: 80}}\nscore: {combine: model, scale: {from: [0, 100], to: [0, 100]}}\n"
	reports, err := RunAll(t.Context(), "m.yaml", []byte(src), all)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, "m.yaml", 2, reports)
}

// TestAsTheTracker walks what a case and the tracker must see alike: a message of
// ours is no activity, and the domain of an e-mail is an attribute of its own.
func TestAsTheTracker(t *testing.T) {
	all, err := Read([]byte(`[{"name": "n", "attributes": {"email": "a@Firm.example "},
		"events": [{"day": 1, "event": "chat_message"}, {"day": 5, "event": "email_sent"}, {"day": 6, "event": "call_out"}, {"day": 12, "event": "sms_replied"}],
		"expect_at_day": [{"day": 5.5, "because": "one is not two", "d": 5, "b": 0}, {"day": 6, "because": "two", "d": 5, "b": -10},
			{"day": 11, "because": "and ten days of silence since day 1", "b": -30}, {"day": 12, "because": "an answer", "b": 0, "score": 5}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	src := `scorecard: m
dimensions:
  d: {kind: attributes, groups: {g: {rules: [{id: firm, when: {email_domain: firm.example}, points: 5}]}}}
  b:
    kind: behaviour
    min: -50
    groups:
      g: {rules: [{id: deaf, unanswered: {sent: 2, within: 30d}, points: -10}, {id: silent, absent: any_activity, after: 10d, points: -20}]}
score: {combine: sum, scale: {from: [0, 100], to: [0, 100]}}
`
	reports, err := RunAll(t.Context(), "m.yaml", []byte(src), all)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, "m.yaml", 1, reports)
	if got := reports[0].Checks[0].Because; got != "one is not two" {
		t.Errorf("the first check says %q", got)
	}
}

// TestSkipped holds that a lead whom a gate takes out of the card has no score and no
// band, not even one that begins at 0.
func TestSkipped(t *testing.T) {
	all, err := Read([]byte(`[{"name": "in", "events": [{"day": 1, "event": "demo"}], "expect_at_day": [{"day": 0, "score": 0, "band": "cold"}, {"day": 1, "score": 60, "band": "hot"}]},
		{"name": "out", "attributes": {"lifecycle": "customer"}, "events": [{"day": 1, "event": "demo"}],
		"expect_at_day": [{"day": 0, "score": null, "band": ""}, {"day": 1, "score": null, "band": ""}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	src := `scorecard: m
dimensions: {b: {kind: behaviour, groups: {g: {rules: [{id: demo, event: demo, points: 60}]}}}}
gates: [{when: {lifecycle: customer}, skip: true}]
score: {combine: sum, scale: {from: [0, 100], to: [0, 100]}}
bands: [{name: cold, from: 0}, {name: hot, from: 50}]
`
	reports, err := RunAll(t.Context(), "m.yaml", []byte(src), all)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, "m.yaml", 2, reports)
}
