package cases

import (
	"os"
	"testing"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

type evalEngine struct{ e *scorecard.Eval }

func (e evalEngine) Fold(evs []wasm.Event) error { e.e.Fold(evs...); return nil }
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

// TestGoldenEval holds the definition itself to every worked example whose
// dimensions exist in this version of the language.
func TestGoldenEval(t *testing.T) {
	golden(t, func(t *testing.T, c *scorecard.Card) Engine { return evalEngine{c.NewEval()} })
}

func golden(t *testing.T, engine func(*testing.T, *scorecard.Card) Engine) {
	all, err := Read(load(t, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, file := range []string{"interes.yaml", "saas.yaml"} {
		for i := range all {
			card, err := scorecard.Parse(file, load(t, file))
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range all[i].Lists {
				card.SetList(name, values)
			}
			r, err := Run(card, &all[i], engine(t, card))
			if err != nil {
				t.Fatal(err)
			}
			if r.Skipped != "" {
				t.Logf("%s: %q skipped: %s", file, r.Case, r.Skipped)
				continue
			}
			held++
			for _, c := range r.Failed() {
				t.Errorf("%s: %s: day %v: %s = %s, want %s", file, c.Case, c.Day, c.Key, c.Got, c.Want)
			}
		}
	}
	if held != 4 {
		t.Errorf("%d cases held, want 4: the visitor of cafeteras and three of saas", held)
	}
}
