package scorecard

import (
	"fmt"
	"math"
	"testing"
)

func visit(t int64) *ev { return &ev{typ: "visit", time: t} }

// TestRuleLife walks each kind of rule through time.
func TestRuleLife(t *testing.T) {
	f := func(rule string, events []*ev, now int64, want float64, next int64) {
		t.Helper()
		r := at(behaviour(t, rule), now, events...)
		if !near(r.Dims[0], want) || next >= 0 && r.Next != next {
			t.Errorf("%s at +%v h: %v points, next %d; want %v, next %d", rule, (now-t0)/hour, r.Dims[0], r.Next, want, next)
		}
	}
	three := []*ev{visit(t0), visit(t0 + hour), visit(t0 + 2*hour)}

	f("{id: a, event: visit, points: 10}", three, t0+400*day, 30, 0)
	f("{id: a, event: visit, points: 10, cap: 25}", three, t0+400*day, 25, 0)
	f("{id: a, event: visit, points: 10, decay: none, per: each}", three[:1], t0, 10, 0)

	// The cap saturates what is written, so decay starts from it.
	f("{id: a, event: visit, points: 16, half_life: 7d}", three[:1], t0, 16, -1)
	f("{id: a, event: visit, points: 16, half_life: 7d}", three[:1], t0+7*day, 8, -1)
	f("{id: a, event: visit, points: 16, half_life: 7d}", three[:1], t0+21*day, 2, -1)
	f("{id: a, event: visit, points: 16, cap: 20, half_life: 7d}", []*ev{visit(t0), visit(t0)}, t0+7*day, 10, -1)

	// A window is (now − w, now].
	f("{id: a, event: visit, points: 10, expire: 1d}", three, t0+2*hour, 30, t0+day)
	f("{id: a, event: visit, points: 10, expire: 1d}", three, t0+day-1, 30, t0+day)
	f("{id: a, event: visit, points: 10, expire: 1d}", three, t0+day, 20, t0+day+hour)
	f("{id: a, event: visit, points: 10, expire: 1d, cap: 15}", three, t0+day, 15, t0+day+hour)
	f("{id: a, event: visit, points: 10, expire: 1d}", three, t0+3*day, 0, 0)

	// Linear falls in steps: at each full every, drop of the points.
	f("{id: a, event: visit, points: 10, linear: {drop: 40%, every: 30d}}", three[:1], t0+30*day-1, 10, t0+30*day)
	f("{id: a, event: visit, points: 10, linear: {drop: 40%, every: 30d}}", three[:1], t0+30*day, 6, t0+60*day)
	f("{id: a, event: visit, points: 10, linear: {drop: 40%, every: 30d}}", three[:1], t0+60*day, 2, t0+90*day)
	f("{id: a, event: visit, points: 10, linear: {drop: 40%, every: 30d}}", three[:1], t0+90*day, 0, 0)

	f("{id: a, event: visit, count: {gte: 3, within: 1d}, points: 7}", three[:2], t0+2*hour, 0, 0)
	f("{id: a, event: visit, count: {gte: 3, within: 1d}, points: 7}", three, t0+2*hour, 7, t0+day)
	f("{id: a, event: visit, count: {gte: 2, within: 1d}, points: 7}", three, t0+day, 7, t0+day+hour)
	f("{id: a, event: visit, count: {gte: 3, within: 1d}, points: 7}", three, t0+day, 0, 0)

	// Silence holds from exactly after on, from the last activity, else from the
	// first event.
	plus := "{id: a, absent: any_activity, after: 30d, points: 5}"
	f(plus, nil, t0, 0, 0)
	f(plus, three, t0+2*hour+30*day-1, 0, t0+2*hour+30*day)
	f(plus, three, t0+2*hour+30*day, 5, 0)
	f(plus, []*ev{{typ: "email_sent", time: t0, send: true}}, t0+30*day, 5, 0)
	f(plus, []*ev{visit(t0), {typ: "email_open", time: t0 + day, machine: "prefetch"}}, t0+30*day, 5, 0)
	f(plus, []*ev{visit(t0), {typ: "unknown to rules", time: t0 + day}}, t0+30*day, 0, t0+31*day)
	f("{id: a, absent: purchase, after: 30d, points: 5}", []*ev{visit(t0), {typ: "purchase", time: t0 + day}, visit(t0 + 2*day)}, t0+31*day, 5, 0)
	f("{id: a, absent: purchase, after: 30d, points: 5}", []*ev{visit(t0)}, t0+30*day, 5, 0)
}

// TestUnanswered counts what we sent and nobody answered.
func TestUnanswered(t *testing.T) {
	sent := func(typ string, t int64) *ev { return &ev{typ: typ, time: t, send: true} }
	mails := []*ev{sent("email_sent", t0), sent("email_sent", t0+day), sent("sms_sent", t0+2*day)}
	f := func(rule string, want float64, next int64, now int64, events ...*ev) {
		t.Helper()
		r := at(cardOf(t, "behaviour", "    min: -100\n", "{id: a, points: -20, unanswered: {"+rule+"}}"), now, events...)
		if !near(r.Dims[0], want) || r.Next != next {
			t.Errorf("%s: %v points, next %d; want %v, next %d", rule, r.Dims[0], r.Next, want, next)
		}
	}
	f("sent: 3, within: 60d", -20, t0+60*day, t0+2*day, mails...)
	f("sent: 3, within: 60d", -20, t0+60*day, t0+60*day-1, mails...)
	f("sent: 3, within: 60d", 0, 0, t0+60*day, mails...)
	f("sent: 4, within: 60d", 0, 0, t0+2*day, mails...)
	f("channels: [email], sent: 2, within: 60d", -20, t0+60*day, t0+2*day, mails...)
	f("channels: [email, push], sent: 3, within: 60d", 0, 0, t0+2*day, mails...)
	f("sent: 2, within: 60d", -20, t0+61*day, t0+3*day, mails...) // the two latest
	// Whatever the person does is an answer; what became of a message is none, nor
	// is a machine's opening.
	f("sent: 3, within: 60d", 0, 0, t0+4*day, append(mails, visit(t0+3*day))...)
	f("sent: 3, within: 60d", 0, 0, t0+4*day, append(mails, &ev{typ: "unsubscribe", time: t0 + 3*day})...)
	f("sent: 3, within: 60d", -20, t0+60*day, t0+4*day, append(mails, &ev{typ: "email_delivered", time: t0 + 3*day},
		&ev{typ: "email_bounce", time: t0 + 3*day}, &ev{typ: "identify", time: t0 + 3*day}, &ev{typ: "email_open", time: t0 + 3*day, machine: "prefetch"})...)
	// An answer counts from its own moment on.
	f("sent: 2, within: 60d", -20, t0+61*day, t0+4*day, mails[0], visit(t0+hour), mails[1], mails[2])
	f("sent: 3, within: 60d", 0, 0, t0+4*day, mails[0], visit(t0+hour), mails[1], mails[2])
}

// TestWords fills the placeholders of a rule's words.
func TestWords(t *testing.T) {
	f := func(rule, want string, now int64, events ...*ev) {
		t.Helper()
		r := at(cardOf(t, "behaviour", "    min: -100\nlanguage: es\n", rule), now, events...)
		if r.Reasons[0].Why != want {
			t.Errorf("%s says %q, want %q", rule, r.Reasons[0].Why, want)
		}
	}
	three := []*ev{visit(t0), visit(t0 + hour), visit(t0 + 2*hour)}
	f(`{id: a, event: visit, points: 10, expire: 7d, why: "{count} visitas: {points} puntos"}`, "3 visitas: 30 puntos", t0+day, three...)
	f(`{id: a, event: visit, points: 10, count: {gte: 2, within: 7d}, why: "al menos {count}"}`, "al menos 2", t0+day, three...)
	f(`{id: a, absent: any_activity, after: 30d, points: 5, why: "callado {age}"}`, "callado 45 días", t0+45*day+3*hour, three...)
	f(`{id: a, absent: any_activity, after: 30d, points: 5, why: "callado {age}"}`, "callado 20 meses", t0+620*day, three...)
	f(`{id: a, absent: any_activity, after: 30d, points: 5, why: "callado {age}"}`, "callado 3 años", t0+3*366*day, three...)
	f(`{id: a, absent: any_activity, after: 1m, points: 5, why: "callado {age}"}`, "callado 90 minutos", t0+hour+30*60_000, three[0])
}

// TestNegative holds negative points to their own bounds.
func TestNegative(t *testing.T) {
	f := func(more string, want float64, rules ...string) {
		t.Helper()
		r := at(cardOf(t, "behaviour", more, rules...), t0+3*hour, visit(t0), visit(t0+hour), visit(t0+2*hour))
		if !near(r.Dims[0], want) {
			t.Errorf("%v: %v points, want %v", rules, r.Dims[0], want)
		}
	}
	// A dimension's min is 0 unless it says otherwise; a group's is unbounded if
	// it takes away.
	f("", 0, "{id: a, event: visit, points: -10}")
	f("    min: -100\n", -30, "{id: a, event: visit, points: -10}")
	f("    min: -100\n", -20, "{id: a, event: visit, points: -10, cap: -20}")
	f("    min: -25\n", -25, "{id: a, event: visit, points: -10}")
	f("    min: -100\n", -24, "{id: a, event: visit, points: -10}", "{id: b, event: visit, points: 2}")
}

// TestPer counts what counts once.
func TestPer(t *testing.T) {
	f := func(per string, want float64, events ...*ev) {
		t.Helper()
		r := at(behaviour(t, fmt.Sprintf("{id: a, event: visit, points: 1, per: %s}", per)), t0+90*day, events...)
		if !near(r.Dims[0], want) {
			t.Errorf("per %s: %v, want %v", per, r.Dims[0], want)
		}
	}
	// Days are Madrid's: 22:59 and 23:01 UTC in winter lie on two of them, and so
	// do 21:59 and 22:01 in summer.
	f("day", 1, visit(t0), visit(t0+22*hour+59*60_000))
	f("day", 2, visit(t0+22*hour+59*60_000), visit(t0+23*hour+60_000))
	summer := t0 + 180*day
	f("day", 2, visit(summer+21*hour+59*60_000), visit(summer+22*hour+60_000))
	f("day", 1, visit(summer+22*hour+60_000), visit(summer+23*hour+60_000))

	in := func(s uint64) *ev { return &ev{typ: "visit", time: t0, session: s} }
	f("session", 2, in(1), in(1), in(2), in(1), in(2))
	f("session", 10, in(1), in(2), in(3), in(4), in(5), in(6), in(7), in(8), in(9), in(1)) // eight are remembered

	file := func(v any) *ev { return &ev{typ: "visit", time: t0, fields: fields{"file": v, "message": v}} }
	f("distinct:file", 2, file("a"), file("b"), file("a"))
	f("distinct:file", 2, file(5), file(5.0), file("5")) // an int and an equal float are one, text is another
	f("distinct:file", 1, visit(t0), visit(t0))          // missing is a value of its own
	f("message", 2, file("m1"), file("m1"), file("m2"))
	var many []*ev
	for i := range 65 {
		many = append(many, file(i))
	}
	f("message", 65, append(many, file(64))...)
	f("message", 66, append(many, file(0))...) // the sixty-four latest are remembered
}

// TestTests asks every kind of question of an event's field.
func TestTests(t *testing.T) {
	f := func(condition string, v any, want bool) {
		t.Helper()
		c := behaviour(t, "{id: a, event: visit, points: 1, where: {x: "+condition+"}}")
		e := &ev{typ: "visit", time: t0, fields: fields{"x": v}}
		if v == "missing" {
			e.fields = nil
		}
		if got := at(c, t0, e).Dims[0] == 1; got != want {
			t.Errorf("x: %s of %#v is %v", condition, v, got)
		}
	}
	long := ""
	for range 512 {
		long += "ñ"
	}
	f("demo", "demo", true)
	f("demo", "Demo", false)
	f("demo", "demo2", false)
	f(`""`, "", true)
	f(`"/pricing*"`, "/pricing", true)
	f(`"/pricing*"`, "/pricing/a/b", true)
	f(`"/pricing*"`, "/pric", false)
	f(`"*/b"`, "/a/b", true)
	f(`"a*b*c"`, "aXbbYc", true)
	f(`"a*b*c"`, "acb", false)
	f(`"a*a"`, "a", false)
	f(`"*"`, "", true)
	f(`"`+long[:1000]+`*"`, long+"more", true)
	f("3", 3, true)
	f("3", 3.0, true)
	f("3", "3", true)
	f("3", " 3 ", true)
	f(`"3"`, 3, true)
	f("3", "three", false)
	f("true", true, true)
	f("true", "true", true)
	f("0", math.Copysign(0, -1), true)
	f("{in: [a, b]}", "b", true)
	f("{in: [1, 2]}", 2, true)
	f("{in: [1, a]}", 1, true)
	f("{not_in: [a, b]}", "c", true)
	f("{not_in: [a, b]}", "a", false)
	f("{not_in: [a, b]}", "missing", false)
	f("{not_in: [a, b]}", nil, false)
	f("{between: [50, 500]}", 50, true)
	f("{between: [50, 500]}", 500, true)
	f("{between: [50, 500]}", 500.1, false)
	f("{gt: 5}", 5, false)
	f("{gte: 5}", 5, true)
	f("{lt: 5}", 4.9, true)
	f("{lte: 5}", 5, true)
	f("{gt: 5, lt: 8}", 7, true)
	f("{gt: 5, lt: 8}", 8, false)
	f("{gt: 5}", "missing", false)
	f(`{matches: "(?i)\\bceo\\b"}`, "The CEO", true)
	f(`{matches: "^ceo$"}`, "ceos", false)
	f("{in_list: free}", "gmail.com", true)
	f("{in_list: free}", "acme.es", false)
	f("{in_list: never_given}", "acme.es", false)
	f("{exists: true}", "x", true)
	f("{exists: true}", 0, true)
	f("{exists: true}", "", false)
	f("{exists: true}", nil, false)
	f("{exists: false}", "missing", true)
	f("{exists: false}", "x", false)
	f("{exists: false}", nil, true)
}

// TestAttributes keeps what an event does not carry and clears what it carries
// empty.
func TestAttributes(t *testing.T) {
	c := attributes(t, "{id: es, when: {country: ES}, points: 10}",
		"{id: big, when: {size: {gt: 50}, country: {exists: true}}, points: 5}",
		"{id: unknown, when: {country: {exists: false}}, points: 1}")
	id := func(f fields) *ev { return &ev{typ: "identify", time: t0, traits: f} }
	f := func(want float64, events ...*ev) {
		t.Helper()
		if got := at(c, t0, events...).Dims[0]; got != want {
			t.Errorf("%v points, want %v", got, want)
		}
	}
	f(1)
	f(10, id(fields{"country": "ES"}))
	f(15, id(fields{"country": "ES"}), id(fields{"size": 51}))
	f(15, id(fields{"country": "ES", "size": 51}), visit(t0))
	f(5, id(fields{"country": "ES", "size": 51}), id(fields{"country": "FR"}))
	f(1, id(fields{"country": "ES", "size": 51}), id(fields{"country": nil}))
	f(10, id(fields{"country": "ES", "size": 51}), id(fields{"size": "few"}))
}

// TestMachines counts a machine's events unless a rule ignores its kind.
func TestMachines(t *testing.T) {
	c := behaviour(t, "{id: a, event: visit, points: 1}", "{id: b, event: visit, points: 10, ignore: [bot]}",
		"{id: c, event: visit, points: 100, ignore: [bot, prefetch, proxy]}")
	f := func(machine string, want float64) {
		t.Helper()
		if got := at(c, t0, &ev{typ: "visit", time: t0, machine: machine}).Dims[0]; got != want {
			t.Errorf("%q: %v points, want %v", machine, got, want)
		}
	}
	f("", 111)
	f("bot", 1)
	f("prefetch", 11)
	f("proxy", 11)
}

// TestProducts counts a rule on product fields per product, any other once.
func TestProducts(t *testing.T) {
	c := behaviour(t, "{id: order, event: purchase, points: 1}",
		"{id: machine, event: purchase, where: {category: cafetera}, points: 10}",
		"{id: euro, event: purchase, where: {category: filtro, currency: EUR}, points: 100}",
		"{id: currency, event: purchase, where: {currency: EUR}, points: 1000}")
	product := func(category string) *ev { return &ev{fields: fields{"category": category}} }
	f := func(want float64, e *ev) {
		t.Helper()
		e.typ, e.time = "purchase", t0
		if got := at(c, t0, e).Dims[0]; got != want {
			t.Errorf("%v points, want %v", got, want)
		}
	}
	f(1, &ev{})
	f(11, &ev{products: []*ev{product("cafetera")}})
	f(21, &ev{products: []*ev{product("cafetera"), product("taza"), product("cafetera")}})
	f(1111, &ev{fields: fields{"currency": "EUR"}, products: []*ev{product("cafetera"), product("filtro")}})
	f(11, &ev{fields: fields{"category": "cafetera"}, products: []*ev{product("filtro"), product("filtro")}})
}
