package scorecard

import (
	"strings"
	"testing"
)

const banded = "scorecard: c\ndimensions:\n  d: {kind: behaviour, groups: {g: {rules: [{id: a, event: v, points: 1}]}}}\n" +
	"bands: [{name: cold, from: 1}, {name: hot, from: 50}]\n"

// TestOnBand keeps what a band sets off, and says it back.
func TestOnBand(t *testing.T) {
	c := parse(t, banded+`on_band:
  hot: [{handoff: crm, queue: sales, sla: 4h}, {journey: close, when: "d >= 60"}, {audience: ready}, {notify: owner}]
`)
	if len(c.Bands[0].Actions) != 0 || len(c.Bands[1].Actions) != 4 {
		t.Fatalf("%+v", c.Bands)
	}
	if a := c.Bands[1].Actions[0]; a != (Action{Do: "handoff", To: "crm", Queue: "sales", SLA: 4 * hour, Text: "{handoff: crm, queue: sales, sla: 4h}"}) {
		t.Errorf("%+v", a)
	}
	for _, d := range []float64{59, 60, 61} {
		a := c.Bands[1].Actions
		if got := a[1].Holds([]float64{d}); got != (d >= 60) || !a[0].Holds([]float64{d}) {
			t.Errorf("with %v the journey begins: %t", d, got)
		}
	}
	for lang, want := range map[string]string{
		"en": "  → hand over to crm, queue sales, taken within 4 hours.\n  → begin the journey close, if d ≥ 60.\n  → join the audience ready (which is kept by nobody yet).\n  → notify owner.\n",
		"es": "  → se entrega a crm, cola sales, se atiende en 4 horas.\n  → empieza el recorrido close, si d ≥ 60.\n  → entra en la audiencia ready (que aún no lleva nadie).\n  → avisa a owner.\n",
	} {
		if got := c.Explain(lang); !strings.Contains(got, want) {
			t.Errorf("no\n%s\nin\n%s", want, got)
		}
	}
}

func TestOnBandRefused(t *testing.T) {
	f := func(band, want string) {
		t.Helper()
		refused(t, banded+"on_band: {"+band+"}\n", want)
	}
	f("hto: [{notify: owner}]", `c.yaml:5:11: the card has no band "hto"; did you mean hot?`)
	f("hot: [{jorney: a}]", `c.yaml:5:18: an action has no key "jorney"; did you mean journey?`)
	f("hot: [{queue: a}]", `c.yaml:5:18: the action does nothing; write one of handoff, journey, audience, notify`)
	f("hot: [{journey: a, sla: 4h}]", `c.yaml:5:30: sla belongs to a handoff; write {handoff: crm, queue: sales, sla: 4h}, or remove it`)
	f("hot: [{journey: a, notify: b}]", `c.yaml:5:30: the action is journey and notify; write two actions: [{journey: a}, {notify: owner}]`)
	f(`hot: [{journey: a, when: ""}]`, `c.yaml:5:37: the expression is empty; write one, as in amount > 50`)
	f(`hot: [{journey: a, when: "employees > 5"}]`, `c.yaml:5:37: employees is not a dimension; there are d`)
	f(`hot: [{journey: a, when: "d > x"}]`, `c.yaml:5:41: x is not a dimension; there are d`)
}
