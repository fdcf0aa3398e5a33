package scorecard

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestEventExpression asks expressions of events.
func TestEventExpression(t *testing.T) {
	f := func(when string, events []*ev, want float64) {
		t.Helper()
		c := behaviour(t, "{id: a, event: buy, points: 1, where: {shop: web}, when: '"+when+"'}")
		if r := at(c, t0, events...); !near(r.Dims[0], want) {
			t.Errorf("%s: %v points, want %v", when, r.Dims[0], want)
		}
	}
	buy := func(fs fields) []*ev {
		fs["shop"] = "web"
		return []*ev{{typ: "buy", time: t0, fields: fs}}
	}
	f(`amount >= 50 && currency in ["EUR", "USD"]`, buy(fields{"amount": 50, "currency": "EUR"}), 1)
	f(`amount >= 50 && currency in ["EUR", "USD"]`, buy(fields{"amount": 49, "currency": "EUR"}), 0)
	f(`amount >= 50 && currency in ["EUR", "USD"]`, buy(fields{"amount": "50.5", "currency": "USD"}), 1)
	f(`amount / items > 10`, buy(fields{"amount": 50}), 0) // no items: / 0 is 0
	f(`amount / items > 10`, buy(fields{"amount": 50, "items": 4}), 1)
	f(`coupon == ""`, buy(fields{}), 1) // missing is a zero value
	f(`!has(coupon)`, buy(fields{"coupon": ""}), 1)
	f(`!has(coupon)`, buy(fields{"coupon": nil}), 1)
	f(`has(coupon) && !vip`, buy(fields{"coupon": "x", "vip": false}), 1)
	f(`vip`, buy(fields{"vip": true}), 1)
	f(`vip`, buy(fields{"vip": "true"}), 1)
	f(`vip`, buy(fields{"vip": 1}), 0)
	f(`code == 3 && string(code) == "3"`, buy(fields{"code": 3}), 1)
	f(`double(name) == 0 && name == "x"`, buy(fields{"name": "x"}), 1)
	f(`size(note) == 1024`, buy(fields{"note": strings.Repeat("x", 3000)}), 1) // as rules see it
	f(`mail in free || mail.matches("(?i)@ACME")`, buy(fields{"mail": "gmail.com"}), 1)
	f(`mail in free || mail.matches("(?i)@ACME")`, buy(fields{"mail": "x@acme.example"}), 1)
	f(`mail in free || mail.matches("(?i)@ACME")`, buy(fields{"mail": "y@other.example"}), 0)
	f(`billing == string(shipping)`, buy(fields{"billing": "ES", "shipping": "ES"}), 1)
	// where: must hold too.
	f(`amount > 1`, []*ev{{typ: "buy", time: t0, fields: fields{"shop": "x", "amount": 5}}}, 0)
	// A rule that reads a product's field counts once per product.
	cart := func(amounts ...int) []*ev {
		e := &ev{typ: "buy", time: t0, fields: fields{"shop": "web", "total": 100}}
		for _, n := range amounts {
			e.products = append(e.products, &ev{fields: fields{"price": n}})
		}
		return []*ev{e}
	}
	f(`price > 5`, cart(9, 3, 7), 2)
	f(`total > 5`, cart(9, 3, 7), 1)
	f(`price * 10 > total`, cart(9, 11, 12), 2)

	// A silence may be of events that fulfil an expression.
	silent := behaviour(t, `{id: a, absent: buy, after: 30d, when: 'amount > 50', points: -5}`)
	if r := at(silent, t0+31*day, visit(t0), &ev{typ: "buy", time: t0 + 2*day, fields: fields{"amount": 10}}); len(r.Reasons) == 0 || r.Reasons[0].Rule != "a" {
		t.Errorf("a small purchase ended the silence: %+v", r)
	}
	if r := at(silent, t0+31*day, visit(t0), &ev{typ: "buy", time: t0 + 2*day, fields: fields{"amount": 60}}); r.Next != t0+32*day {
		t.Errorf("a big purchase did not: %+v", r)
	}
}

// TestLeadExpression asks expressions of attributes that come one by one.
func TestLeadExpression(t *testing.T) {
	when := func(expr string, steps ...any) {
		t.Helper()
		e := attributes(t, "{id: a, points: 1, when: '"+expr+"'}").NewEval()
		for i := 0; i < len(steps); i += 2 {
			e.Fold(e.card.Bind(nil, &ev{typ: "identify", time: t0, traits: steps[i].(fields)})...)
			if got := e.Score(t0).Dims[0]; !near(got, float64(steps[i+1].(int))) {
				t.Errorf("%s, step %d: %v, want %v", expr, i/2, got, steps[i+1])
			}
		}
	}
	when(`employees > 50 && country == "ES"`,
		fields{"employees": 60}, 0, fields{"country": "ES"}, 1, fields{"other": 1}, 1,
		fields{"employees": nil}, 0, fields{"employees": "70"}, 1, fields{"country": "PT"}, 0)
	when(`revenue / employees > 1000 || has(vip)`,
		fields{"revenue": 1e6}, 0, fields{"employees": 100}, 1, fields{"employees": 5000}, 0, fields{"vip": "x"}, 1, fields{"vip": nil}, 0)
	when(`country == "" && employees < 5`, fields{"x": 1}, 1, fields{"country": "ES"}, 0, fields{"country": nil}, 1)
	when(`!subscribed`, fields{"x": 1}, 1, fields{"subscribed": true}, 0, fields{"subscribed": false}, 1)
	// Before anything is known, all are missing.
	if r := at(attributes(t, "{id: a, points: 1, when: '!subscribed && employees == 0'}"), t0); !near(r.Dims[0], 1) {
		t.Errorf("a new lead: %+v", r)
	}
}

// gated is a card of one dimension d that falls from 80 by half every week, and a
// constant one, e, of 30.
func gated(t *testing.T, gates string) *Card {
	t.Helper()
	src := `scorecard: c
dimensions:
  d: {kind: behaviour, groups: {g: {rules: [{id: a, event: visit, points: 80, half_life: 7d}]}}}
  e: {kind: behaviour, groups: {g: {rules: [{id: b, event: visit, points: 30}]}}}
gates:
` + gates + `
score: {of: [{dimension: e}]}
`
	c, err := Parse("c.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGateMoves follows gates over dimensions to the moment they turn.
func TestGateMoves(t *testing.T) {
	// f follows the next moments of a visit at t0: the score, then after how many days
	// it turned, and to what. A moment that is an estimate may be some seconds late.
	f := func(gates string, want ...any) {
		t.Helper()
		e := gated(t, gates).NewEval()
		e.Fold(e.card.Bind(nil, visit(t0))...)
		now, was, at := t0, e.Score(t0), t0
		show := func(r Result) int {
			if r.Null {
				return -1
			}
			return r.Score
		}
		for range 500 {
			if show(was) != want[0].(int) {
				t.Errorf("%s: %d at +%d ms, want %v", gates, show(was), at-t0, want[0])
				return
			}
			r := was
			for show(r) == show(was) && r.Next != 0 {
				now = r.Next
				r = e.Score(now)
			}
			if show(r) == show(was) {
				break
			}
			if want = want[1:]; len(want) < 2 || math.Abs(float64(now-t0)-want[0].(float64)*float64(day)) > 3001 {
				t.Errorf("%s: turns to %d at +%v d, want %v", gates, show(r), float64(now-t0)/float64(day), want)
				return
			}
			was, want, at = r, want[1:], now
		}
		if len(want) != 1 {
			t.Errorf("%s: ends early, want %v", gates, want)
		}
	}
	falls := func(to float64) float64 { return 7 * math.Log2(80/to) }
	f(`  - {when: d < 20, max: 5}`, 31, falls(20), 6)
	f(`  - {when: 20 > d, skip: true}`, 31, falls(20), -1)
	f(`  - {when: d >= 20, skip: true}`, -1, falls(20), 31) // comes back by itself
	f(`  - {when: d * 2 - e < 10, max: 5}`, 31, falls(20), 6)
	f(`  - {when: "e > d / 2 + 20", max: 5}`, 31, falls(20), 6)
	f(`  - {when: "-d >= -20", max: 5}`, 31, falls(20), 6)
	f(`  - {when: "min(100, max(d, 3)) < 20", max: 5}`, 31, falls(20), 6)
	f(`  - {when: "min(100, d) < 20", max: 5}`, 31, falls(20), 6)
	f(`  - {when: "max(e - 20, d) < 20", max: 5}`, 31, falls(20), 6)
	f(`  - {when: abs(d - 60) < 20, max: 5}`, 31, 0.0, 6, falls(40), 31)
	f(`  - {when: "d < 40 && d > 10 || d < 5", max: 5}`, 31, falls(40), 6, falls(10), 31, falls(5), 6)
	f(`  - {when: "clamp(d, 10, 40) > 10 ? e > 100 : e > 10", max: 5}`, 31, falls(10), 6)
	f(`  - {when: "d > 0.5 && has(title)", max: 5}`, 31)
	f(`  - {when: "count(visit, 7d) >= 1", max: 5}`, 6, 7.0, 31)
	f(`  - {when: "count(visit, 7d) + e > 30.5", skip: true}`, -1, 7.0, 31)
	f(`  - {when: "count(visit, 7d) >= 1", skip: true}`, -1, 7.0, 31)
	f(`  - {when: "count(buy, 7d) > 0", max: 5}`, 31)
	f(`  - {when: days_since(visit) >= 3, max: 5}`, 31, 3.0, 6)
	f(`  - {when: days_since(visit) * 24 < 12, skip: true}`, -1, 0.5, 31)
	f(`  - {when: days_since(visit) > d, max: 5}`, 31, 16.1557, 6)
	f(`  - {when: days_since(buy) > 3000, max: 5}`, 6) // there never was one
	f(`  - {when: days_since(buy) < 7, max: 5}`, 31)
	f(`  - {when: "(d > 0.5) == has(title)", max: 5}`, 31, falls(0.5), 6)
}

// TestExpressionRefused holds errors in expressions to their place in the card.
func TestExpressionRefused(t *testing.T) {
	const head = "scorecard: c\ndimensions:\n  d:\n    kind: behaviour\n    groups:\n      g:\n        rules:\n          - "
	f := func(src, want string) {
		t.Helper()
		_, err := Parse("c.yaml", []byte(src))
		var es Errors
		if !errors.As(err, &es) || es.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", src, err, want)
		}
	}
	rule := func(rule, want string) { t.Helper(); f(head+rule+"\n", want) }
	rule(`{id: a, event: v, points: 5, when: 'amount > "5"'}`,
		`c.yaml:8:58: rule "a": a text stands where a number is wanted; write the number without quotes`)
	rule(`{id: a, event: v, points: 5, when: amount = 5}`,
		`c.yaml:8:55: rule "a": "=" is not an operator here; write ==`)
	rule(`{id: a, event: v, points: 5, when: "path.startswith('x')"}`,
		`c.yaml:8:54: rule "a": there is no function startswith; did you mean startsWith?`)
	rule(`{id: a, event: v, points: 5, when: "año == ñam(1)"}`,
		`c.yaml:8:56: rule "a": there is no function ñam; there are abs, affinity, clamp, contains, count, days_since, double, dwell, endsWith, floor, has, matches, max, min, open_rate, returns, shares, size, startsWith, string`)
	rule(`{id: a, event: v, points: 5, when: "a == \"\\x\""}`,
		`c.yaml:8:56: rule "a": \x is not an escape; write \\ for a backslash; \" \' \n \t \r are the others`)
	rule("\n            id: a\n            event: v\n            points: 5\n            when: >\n              amount >\n              'x'",
		`c.yaml:12:19: rule "a": a text stands where a number is wanted; write the number without quotes`)
	rule(`{id: a, event: v, points: 5, when: ""}`, `c.yaml:8:49: rule "a": the expression is empty; write one, as in amount > 50`)
	rule(`{id: a, event: v, points: 5, where: "amount > 5"}`,
		`c.yaml:8:49: rule "a": where wants fields, not an expression; write it as when: "amount > 5"`)
	rule(`{id: a, absent: any_activity, after: 1d, points: 5, when: "amount > 5"}`,
		`c.yaml:8:21: rule "a": any_activity takes no where, when or ignore; name an event instead of any_activity`)
	rule(`{id: a, points: 5, when: "count(demo, 7) > 3"}`,
		"c.yaml:8:32: rule \"a\": when: asks for attributes in a dimension of kind behaviour; move the rule to a dimension of kind attributes\n"+
			`c.yaml:8:39: rule "a": count is asked in gates only; write a rule: {event: demo, count: {gte: 3, within: 7d}, points: 10}`)
	lead := strings.Replace(head, "behaviour", "attributes", 1)
	f(lead+`{id: a, points: 5, when: string(city) == string(town)}`,
		`c.yaml:8:38: rule "a": texts of several attributes meet; compare each with a text written out: a lead's texts are not kept, only the answers about them`)
	f(lead+"{id: a, points: 5, when: {x: 1}}\ngates:\n  - {when: d * x > 5, max: 1}\n",
		"c.yaml:10:14: d is multiplied by what is not a number written out; write as in 2 * d")
	two := strings.Replace(head, "  d:", "  engagement:", 1)
	f(two+"{id: a, event: v, points: 5}\ngates:\n  - {when: engagemnt > 5, max: 1}\n",
		"c.yaml:10:12: engagemnt is not a dimension; did you mean engagement? write `engagemnt` in backticks if not")
}

// TestExplainExpression says expressions back in sentences.
func TestExplainExpression(t *testing.T) {
	c := gated(t, "  - {id: x, when: 'd < 20 && employees > 50', max: 5}")
	f := func(c *Card, lang, want string) {
		t.Helper()
		if got := c.Explain(lang); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	f(c, "en", "With d < 20 and employees > 50, before the scale at most 5.")
	f(c, "es", "Con d < 20 y employees > 50, antes de la escala como mucho 5.")
	c = behaviour(t, `{id: big, event: buy, points: 5, where: {shop: web}, when: 'amount >= 50 || currency != "EUR"'}`)
	f(c, "en", `big: +5 each time (buy where shop = web and (amount ≥ 50 or currency is not "EUR")).`)
	f(c, "es", `big: +5 cada vez (buy con shop = web y (amount ≥ 50 o currency no es "EUR")).`)
	c = attributes(t, `{id: fits, points: 5, when: 'has(phone) && size(company) > 2'}`)
	f(c, "es", "fits: +5 (phone con dato y la longitud de company > 2).")
	if got := strings.Join(c.Fields(), " "); got != "company phone" {
		t.Errorf("the card reads %s", got)
	}
}
