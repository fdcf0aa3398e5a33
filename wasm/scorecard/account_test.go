package scorecard

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

const accountHead = "scorecard: c\nentity: company\n"

// TestAccountsRefused names what an account cannot be scored by, where it stands.
func TestAccountsRefused(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		_, err := Parse("c.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n: %v, want %s", src, err, want)
		}
	}
	dims := "dimensions:\n  who: {kind: attributes, groups: {g: {rules: [{id: a, when: {size: 3}, points: 5}]}}}\n"
	by := "rollup: {to: account, by: email_domain}\n"
	f("entity: tenant\n", "c.yaml:1:9: entity is \"tenant\"; write entity: lead, or entity: account")
	f(accountHead+dims, "c.yaml:1:1: the card scores accounts and does not say what makes one; write rollup: {to: account, by: email_domain}")
	f(accountHead+by+"dimensions:\n  d: {kind: behaviour, groups: {g: {rules: [{id: a, event: v, points: 5}]}}}\n",
		`c.yaml:5:46: rule "a": an account has no events of its own, and no models of them; score what leads do in a card of leads`)
	f(accountHead+by+"dimensions:\n  d: {kind: model, model: m}\n", `rule "d": an account has no events of its own`)
	f(accountHead+by+"dimensions:\n  d: {kind: attributes, groups: {g: {rules: [{id: a, when: 'affinity(x) > 1', points: 5}]}}}\n", `rule "a": an account has no events`)
	f(accountHead+by+dims+"gates: [{when: 'count(demo, 7d) > 1', max: 5}]\n", "c.yaml:6:1: an account has no events of its own")
	f(accountHead+by+dims+"bands: [{name: hot, from: 50, leave: 40}]\n", "c.yaml:6:31: an account's band is worked out when somebody asks, and knows none before it; remove leave")
	f(accountHead+by+dims+"bands: [{name: hot, from: 50}]\non_band: {hot: [{notify: owner}]}\n", "c.yaml:7:1: an account's band is worked out when somebody asks, and sets nothing off")
	f(accountHead+by+dims+"label: won within 90d\n", "c.yaml:6:1: label belongs to a card of leads")
	f("scorecard: c\ndimensions:\n  d: {kind: rollup}\n", `c.yaml:3:3: rule "d": a lead has no leads to roll up; write entity: account, or another kind`)
	f("scorecard: c\nrollup: {to: account, by: x, of: saas}\n"+dims, "c.yaml:2:10: of belongs to a card with entity: account")
}

// TestAccountCard reads a card of accounts and says it back.
func TestAccountCard(t *testing.T) {
	src, err := os.ReadFile(companies)
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(src))
	if !c.OfAccounts() || *c.Rollup != (Rollup{By: "email_domain", Of: "saas", Top: 3, Method: "decay_sum"}) {
		t.Errorf("entity %s, %+v", c.Entity, c.Rollup)
	}
	feeds := c.Feeds()
	if *feeds[0].Rollup != *c.Rollup || feeds[1].Rollup.Method != "max" || feeds[1].Rollup.Top != 0 || feeds[1].Rollup.By != "email_domain" {
		t.Errorf("rolled up by %+v and %+v", feeds[0].Rollup, feeds[1].Rollup)
	}
	for lang, want := range map[string]string{
		"en": "It scores accounts: the leads with the same email_domain, as they stand by saas.",
		"es": "Puntúa cuentas: los contactos con el mismo email_domain, según saas.",
	} {
		if got := c.Explain(lang); !strings.Contains(got, want) || !strings.Contains(got, map[string]string{"en": "the 3 best leads", "es": "los 3 mejores contactos"}[lang]) {
			t.Errorf("%s lacks %q:\n%s", lang, want, got)
		}
	}
	e := c.NewEval()
	e.Inputs = []float64{0, 64.25, 80}
	if got := e.Score(1); got.Score != 41 || got.Dims[1] != 64.25 || got.Next != 0 { // 1 + 0.99 × (0.5 × 64.25 + 0.1 × 80)
		t.Errorf("%+v", got)
	}
}

// TestRollupParts holds parts to their sum, which does not hang on the order of the
// leads.
func TestRollupParts(t *testing.T) {
	f := func(r Rollup, exact []int64, want ...int64) {
		t.Helper()
		if got := r.Parts(exact); !slices.Equal(got, want) {
			t.Errorf("%+v of %v: %v, want %v", r, exact, got, want)
		}
	}
	f(Rollup{Method: "decay_sum"}, []int64{11000, 41000, 31000}, 2750, 41000, 15500)
	f(Rollup{Method: "decay_sum", Top: 2}, []int64{11000, 41000, 31000}, 0, 41000, 15500)
	f(Rollup{Method: "decay_sum"}, []int64{90000, 90000}, 90000, 10000)
	f(Rollup{Method: "max"}, []int64{11000, 41000}, 0, 41000)
	f(Rollup{Method: "mean"}, []int64{11000, 41001, 31000}, 3667, 13667, 10333)
	f(Rollup{Method: "mean"}, nil)
	m := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		exact := make([]int64, m.IntN(30))
		for i := range exact {
			exact[i] = m.Int64N(100_001)
		}
		r := Rollup{Method: []string{"decay_sum", "max", "mean"}[m.IntN(3)], Top: m.IntN(5)}
		want, sum := r.Score(exact), int64(0)
		for _, p := range r.Parts(exact) {
			if sum += p; p < 0 {
				t.Fatalf("%+v of %v has a part below zero", r, exact)
			}
		}
		m.Shuffle(len(exact), func(i, j int) { exact[i], exact[j] = exact[j], exact[i] })
		if got := r.Score(exact); got != want || sum != want || want > 100_000 {
			t.Fatalf("%+v: %d, shuffled %d, parts sum to %d", r, want, got, sum)
		}
	}
}
