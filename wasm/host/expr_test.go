package host

import (
	"fmt"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// pairs are conditions that keys and expressions both can say: of events, then of
// attributes.
var pairs = [2][][2]string{
	{
		{`where: {path: "/pricing*"}`, `when: 'path.startsWith("/pricing")'`},
		{`where: {path: "*pro*"}`, `when: 'path.contains("pro")'`},
		{`where: {path: {in: [/a, /b, /pricing/pro]}}`, `when: 'path in ["/a", "/b", "/pricing/pro"]'`},
		{`where: {path: {not_in: [/a, /b]}}`, `when: 'has(path) && !(path in ["/a", "/b"])'`},
		{`where: {amount: {between: [50, 500]}}`, `when: 'has(amount) && amount >= 50 && amount <= 500'`},
		{`where: {path: /x, amount: {gt: 5}}`, `when: 'path == "/x" && amount > 5'`},
		{`where: {path: {exists: true}}`, `when: has(path)`},
	},
	{
		{`when: {employees: {between: [50, 500]}}`, `when: has(employees) && employees >= 50 && employees <= 500`},
		{`when: {industry: {in: [software, fintech]}}`, `when: 'industry in ["software", "fintech"]'`},
		{`when: {country: ES, employees: {gt: 100}}`, `when: country == "ES" && employees > 100`},
		{`when: {email_domain: "acme.*"}`, `when: email_domain.startsWith("acme.")`},
	},
}

// twentyRules is a card of twenty rules whose conditions are keys (0) or
// expressions (1).
func twentyRules(t testing.TB, how int) *scorecard.Card {
	t.Helper()
	var b strings.Builder
	b.WriteString("scorecard: twenty\ndimensions:\n")
	id := 0
	for i, kind := range []string{"behaviour", "attributes"} {
		fmt.Fprintf(&b, "  d%d:\n    kind: %s\n    groups:\n      g:\n        rules:\n", i, kind)
		for n := range []int{14, 6}[i] {
			rule := pairs[i][n%len(pairs[i])][how]
			if i == 0 {
				rule = "event: page_view, half_life: 7d, " + rule
			}
			fmt.Fprintf(&b, "          - {id: r%d, points: %d, %s}\n", id, n%4+1, rule)
			id++
		}
	}
	c, err := scorecard.Parse("twenty.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shopping(n int) []*event {
	events := visits(start, n)
	for i, e := range events[1:] {
		e.typ, e.fields = "page_view", map[string]wasm.Slot{"path": text([]string{"/pricing/pro", "/a", "/x", "/blog/how-to-choose-a-coffee-machine"}[i%4]), "amount": num(int64(40 * i))}
	}
	return events
}

// TestExpressionCard holds twenty expressions to the twenty keys that say the
// same, and to no garbage.
func TestExpressionCard(t *testing.T) {
	var results [2]scorecard.Result
	for how := range results {
		c := twentyRules(t, how)
		in := open(t, Config{}, c)
		events := shopping(20)
		evs := bind(c, events)
		state := fold(t, in, nil, evs)
		if err := in.Score(state, evs[len(evs)-1].TimeMs, &results[how]); err != nil {
			t.Fatal(err)
		}
		state = append([]byte(nil), state...)
		run := func() {
			evs = c.Bind(evs[:0], events[len(events)-1])
			if _, err := in.Fold(state, evs); err != nil {
				t.Fatal(err)
			}
		}
		if run(); !racing {
			if n := testing.AllocsPerRun(200, run); n != 0 {
				t.Errorf("Bind and Fold allocate %v times", n)
			}
		}
	}
	if a, b := fmt.Sprint(results[0].Reasons), fmt.Sprint(results[1].Reasons); a != b || len(results[0].Reasons) < 12 {
		t.Errorf("keys:\n%s\nexpressions:\n%s", a, b)
	}
}
