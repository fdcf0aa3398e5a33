package compile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// maker draws random cards and random leads. Everything follows from its seed.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](m maker, of ...T) T { return of[m.IntN(len(of))] }

func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

var (
	eventTypes = []string{"page_view", "download", "form_submit", "purchase", "email_open"}
	otherTypes = []string{"identify", "other", "engaged", "share", "email_click", "email_sent", "sms_sent", "call_out", "email_delivered", "email_bounce"}
	fieldNames = []string{"path", "file", "amount", "vip", "message", "note", "seconds", "topic.a"}
	traitNames = []string{"title", "employees", "country", "domain"}
	texts      = []string{
		"", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "/pricing", "/pricing/pro", "/a*b",
		"España", "日本語", "gmail.com", "acme.example", "CEO and founder", strings.Repeat("long ", 300), strings.Repeat("ñ", 600), "true", "3",
	}
	globs   = []string{"/*", "/pricing*", "*", "*pro", "a*c", "*b*", "a*b*c*d", "/p*g/*o", "España*", "*語"}
	numbers = []float64{0, math.Copysign(0, -1), 1, 3, 50, 500, -7, 0.1, 1 << 53, 1<<53 + 2, 1e300, math.Inf(1)}
	spans   = []string{"1s", "90m", "5h", "1d", "7d", "30d", "2mo", "1y"}
)

func (m maker) points() string { return pick(m, "10", "1", "-3", "0.7", "33.3", "-20", "0", "100") }

func (m maker) condition() string {
	switch m.IntN(13) {
	case 0:
		return fmt.Sprintf("%q", pick(m, texts[:len(texts)-4]...))
	case 1:
		return fmt.Sprintf("%q", pick(m, globs...))
	case 2:
		return pick(m, "3", "50", "true", "0")
	case 3:
		return fmt.Sprintf("{in: [%q, %q, abc]}", pick(m, texts[:9]...), pick(m, texts[10:14]...))
	case 4:
		return "{not_in: [abc, \"3\", \"\"]}"
	case 5:
		return "{between: [1, 50]}"
	case 6:
		return fmt.Sprintf("{%s: %s}", pick(m, "gt", "gte", "lt", "lte"), pick(m, "0", "3", "50", "0.1", "-7"))
	case 7:
		return fmt.Sprintf("{exists: %s}", pick(m, "true", "false"))
	case 8:
		return `{matches: "(?i)\\b(ceo|ñ)|^a"}`
	case 9:
		return "{in_list: some}"
	case 10:
		return "{not_in_list: some}"
	case 11:
		return `{not_matches: "^a"}`
	}
	return "{in: [3, 50, 0], lte: 50}"
}

func (m maker) conditions(names []string) string {
	var out []string
	at := m.IntN(len(names))
	for i := range 1 + m.IntN(2) {
		out = append(out, names[(at+i)%len(names)]+": "+m.condition())
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// rule is a random rule, some with words that its kind can fill.
func (m maker) rule(id int, attributes bool) string {
	s, words := m.bareRule(id, attributes), "{points}"
	switch {
	case strings.Contains(s, ", absent: "):
		words += " {age}"
	case strings.Contains(s, ", count: ") || strings.Contains(s, ", expire: ") || strings.Contains(s, ", unanswered: "):
		words += " {count}"
	}
	if m.chance(30) {
		s = strings.TrimSuffix(s, "}") + fmt.Sprintf(", why: %q}", words)
	}
	return s
}

func (m maker) bareRule(id int, attributes bool) string {
	points := m.points()
	head := fmt.Sprintf("{id: r%d, points: %s", id, points)
	if attributes && m.chance(40) {
		return head + ", when: " + m.expression(traitNames, nil, true) + "}"
	}
	if attributes {
		return head + ", when: " + m.conditions(traitNames) + "}"
	}
	if m.chance(10) {
		what := pick(m, "any_activity", eventTypes[0], eventTypes[3])
		return head + fmt.Sprintf(", absent: %s, after: %s}", what, pick(m, spans...))
	}
	if m.chance(10) {
		head += fmt.Sprintf(", unanswered: {%ssent: %d, within: %s}", pick(m, "", "channels: [email], ", "channels: [call, sms], "), 1+m.IntN(4), pick(m, spans...))
		if m.chance(30) {
			head += ", where: " + m.conditions(fieldNames)
		}
		return head + "}"
	}
	head += ", event: " + pick(m, eventTypes...)
	if m.chance(60) {
		head += ", where: " + m.conditions(fieldNames)
	}
	if m.chance(30) {
		head += ", when: " + m.expression(fieldNames, nil, false)
	}
	if m.chance(20) {
		head += ", ignore: " + pick(m, "[bot]", "[bot, prefetch]", "[proxy]")
	}
	if m.chance(60) {
		head += ", per: " + pick(m, "each", "day", "session", "message", `"distinct:file"`, `"distinct:amount"`)
	}
	fade := m.IntN(6)
	switch fade {
	case 0, 1:
		head += ", half_life: " + pick(m, spans[1:]...)
	case 2:
		head += ", expire: " + pick(m, spans...)
	case 3:
		head += fmt.Sprintf(", linear: {drop: %s, every: %s}", pick(m, "50%", "30%", "100%", "1%"), pick(m, spans...))
	case 4:
		return head + fmt.Sprintf(", count: {gte: %d, within: %s}}", 1+m.IntN(5), pick(m, spans...))
	}
	if m.chance(50) {
		if strings.HasPrefix(points, "-") {
			head += ", cap: -25"
		} else {
			head += ", cap: " + pick(m, "0", "15", "40.5")
		}
	}
	return head + "}"
}

// card writes a random card that Parse takes.
func (m maker) card() string {
	var b strings.Builder
	zone := pick(m, "UTC", "Europe/Madrid", "America/St_Johns", "Asia/Tokyo")
	fmt.Fprintf(&b, "scorecard: random\nversion: 1\ntimezone: %s\nlists: {some: [gmail.com, abc, \"3\"]}\ndimensions:\n", zone)
	dims, rules := 1+m.IntN(4), 0
	for d := range dims {
		if m.chance(25) {
			m.ownDimension(&b, d)
			continue
		}
		attributes := m.chance(35)
		fmt.Fprintf(&b, "  d%d:\n    kind: %s\n", d, map[bool]string{true: "attributes", false: "behaviour"}[attributes])
		m.bounds(&b, d)
		b.WriteString("    groups:\n")
		for g := range 1 + m.IntN(3) {
			fmt.Fprintf(&b, "      g%d:\n", g)
			if m.chance(60) {
				fmt.Fprintf(&b, "        max: %s\n", pick(m, "40", "60", "10", "0"))
			}
			if m.chance(20) {
				b.WriteString("        min: -40\n")
			}
			b.WriteString("        rules:\n")
			most := 4
			if m.chance(5) {
				most = 40 // beyond one function
			}
			for range 1 + m.IntN(most) {
				fmt.Fprintf(&b, "          - %s\n", m.rule(rules, attributes))
				rules++
			}
		}
	}
	m.combine(&b, dims)
	return b.String()
}

// accounts writes a random card of accounts.
func (m maker) accounts() string {
	var b strings.Builder
	b.WriteString("scorecard: random\nentity: account\nlists: {some: [gmail.com, abc, \"3\"]}\nrollup: {to: account, by: domain}\ndimensions:\n")
	dims := 1 + m.IntN(4)
	for d := range dims {
		if m.chance(50) {
			fmt.Fprintf(&b, "  d%d:\n    kind: rollup\n    why: \"{points}\"\n%s", d, pick(m, "", "    score: {top: 3, method: max}\n"))
			m.bounds(&b, d)
			continue
		}
		fmt.Fprintf(&b, "  d%d:\n    kind: attributes\n", d)
		m.bounds(&b, d)
		b.WriteString("    groups:\n      g:\n        rules:\n")
		for i := range 1 + m.IntN(6) {
			fmt.Fprintf(&b, "          - {id: r%d_%d, points: %s, when: %s}\n", d, i, m.points(), m.conditions(traitNames))
		}
	}
	if m.chance(50) {
		fmt.Fprintf(&b, "gates:\n  - {when: %s, %s}\n", m.conditions(traitNames), pick(m, "max: 5", "skip: true"))
	}
	fmt.Fprintf(&b, "score:\n  combine: %s\n  scale: {from: [%s], to: [%s]}\n", pick(m, "sum", "max"), pick(m, "0, 100", "0, 200"), pick(m, "1, 100", "0, 100"))
	return b.String()
}

func (m maker) bounds(b *strings.Builder, d int) {
	if m.chance(70) {
		fmt.Fprintf(b, "    max: %s\n", pick(m, "100", "50", "7.5"))
	}
	if m.chance(20) {
		b.WriteString("    min: -30\n")
	}
	if d < 2 && m.chance(60) {
		b.WriteString("    grades: " + pick(m, "{A: 75, B: 50, C: 25, D: 0}", "{1: 60, 2: 10, 3: 0}", "{x: 5}", "{hi: 12, mid: 4, lo: 1.5, nil: 0}") + "\n")
	}
}

// ownDimension writes a dimension that is not made of groups.
func (m maker) ownDimension(b *strings.Builder, d int) {
	switch m.IntN(5) {
	case 0:
		m.rfm(b, d)
		return
	case 4:
		m.btyd(b, d)
		return
	case 1:
		fmt.Fprintf(b, "  d%d:\n    kind: %s\n    why: \"{points}\"\n", d, pick(m, "model\n    model: won", "wasm\n    module: my.wasm"))
		m.bounds(b, d)
		return
	}
	fmt.Fprintf(b, "  d%d:\n    kind: replenishment\n    why: \"{points} {age} {mean}\"\n", d)
	m.bounds(b, d)
	where := ""
	if m.chance(50) {
		where = ", where: " + m.conditions(fieldNames)
	}
	fmt.Fprintf(b, "    anchor: {event: %s%s%s}\n", pick(m, eventTypes...), where, pick(m, "", ", pick: first", ", pick: last"))
	if m.chance(50) {
		fmt.Fprintf(b, "    curve: [[0, %s], [%s, %s], [%s, %s], [3y, %s]]\n", m.points(), pick(m, "1s", "5h", "3d"), m.points(),
			pick(m, "30d", "1y"), m.points(), m.points())
	} else {
		fmt.Fprintf(b, "    lifetime: {mean: %s, cv: %s, family: %s, learn: {per: sku}}\n    horizon: %s\n", pick(m, "1d", "30d", "24mo"), pick(m, "0.25", "0.6", "1", "0.05"), pick(m, "gamma", "weibull"),
			pick(m, "1d", "4mo"))
		if m.chance(60) {
			fmt.Fprintf(b, "    full_at: %s\n", pick(m, "0.45", "0.05", "1"))
		}
	}
	if m.chance(50) {
		fmt.Fprintf(b, "    fade_after: %s\n", pick(m, "1h", "40d", "36mo"))
		if m.chance(50) {
			fmt.Fprintf(b, "    fade_half_life: %s\n", pick(m, "1h", "9d"))
		}
	}
}

func (m maker) rfm(b *strings.Builder, d int) {
	fmt.Fprintf(b, "  d%d:\n    kind: rfm\n    event: %s\n    value: %s\n", d, pick(m, eventTypes...), pick(m, "amount", "note"))
	m.bounds(b, d)
	if m.chance(50) {
		b.WriteString("    where: " + m.conditions(fieldNames) + "\n")
	}
	if m.chance(70) {
		fmt.Fprintf(b, "    recency: [[%s, 40], [40d, %s], [3y, -3]]\n", pick(m, "1s", "5h", "39d"), m.points())
	}
	fmt.Fprintf(b, "    frequency: [[1, %s], [3, 20], [%d, 30]]\n", m.points(), 4+m.IntN(20))
	if m.chance(70) {
		fmt.Fprintf(b, "    monetary: [[-10, 5], [0.1, %s], [3, 7], [55.5, 20], [9999999, 30]]\n", m.points())
	}
	if m.chance(60) {
		fmt.Fprintf(b, "    within: %s\n", pick(m, spans...))
	}
}

func (m maker) btyd(b *strings.Builder, d int) {
	fmt.Fprintf(b, "  d%d:\n    kind: btyd\n    event: %s\n    why: \"{points} {count}\"\n", d, pick(m, eventTypes...))
	m.bounds(b, d)
	if m.chance(40) {
		b.WriteString("    where: " + m.conditions(fieldNames) + "\n")
	}
	fmt.Fprintf(b, "    r: %s\n    alpha: %s\n    a: %s\n    b: %s\n    horizon: %s\n    full_at: %s\n", pick(m, "0.2426", "0.05", "7"), pick(m, "1d", "4.4135w", "3h", "1y"),
		pick(m, "0.7929", "1", "0.2", "3"), pick(m, "2.4258", "0.8", "0.1", "40"), pick(m, "1d", "4d", "5h"), pick(m, "4", "0.01", "150"))
	if m.chance(50) {
		fmt.Fprintf(b, "    spend: {value: amount, p: %s, q: %s, v: %s}\n", pick(m, "6.25", "0.3"), pick(m, "3.74", "1.01"), pick(m, "15.44", "2000"))
	}
}

func (m maker) combine(b *strings.Builder, dims int) {
	if m.chance(30) {
		b.WriteString("gates:\n")
		fmt.Fprintf(b, "  - {when: %s, max: %s}\n", m.conditions(traitNames), pick(m, "5", "30", "-2"))
		fmt.Fprintf(b, "  - {when: %s, max: %s}\n", m.conditions(traitNames), pick(m, "5", "60"))
		if m.chance(20) {
			fmt.Fprintf(b, "  - {when: %s, skip: true}\n", m.conditions(traitNames))
		}
	} else if m.chance(60) {
		m.asking(b, dims)
	}
	how := pick(m, "sum", "weighted", "max", "max")
	half := parsed(b.String())
	if grid := half.GradeNames()[1:]; len(grid) > 0 && m.chance(25) {
		how = "grade\n  table: {"
		for _, g := range grid {
			how += fmt.Sprintf("%s: %s, ", g, m.points())
		}
		how += "}"
	} else if i := slices.IndexFunc(half.Dims, func(d *scorecard.Dimension) bool { return d.Kind == "model" }); i >= 0 && m.chance(40) {
		how = fmt.Sprintf("model\n  of: [{dimension: d%d, times: %s}]", i, pick(m, "1", "0.4"))
	}
	fmt.Fprintf(b, "score:\n  combine: %s\n", how)
	if !strings.Contains(how, "\n") && m.chance(80) {
		b.WriteString("  of:\n")
		for _, d := range m.Perm(dims)[:1+m.IntN(dims)] {
			fmt.Fprintf(b, "    - {dimension: d%d, times: %s}\n", d, pick(m, "1", "0.4", "1.6667", "-0.5", "0"))
		}
	}
	fmt.Fprintf(b, "  scale: {from: [%s], to: [%s]}\n", pick(m, "0, 100", "0, 200", "-50, 50"), pick(m, "1, 100", "0, 100", "1, 10"))
}

// parsed is the card so far.
func parsed(src string) *scorecard.Card {
	c, err := scorecard.Parse("half.yaml", []byte(src))
	if err != nil {
		panic("BUG: half of a random card does not parse: " + err.Error())
	}
	return c
}

// lead is a random history.
type lead []*event

// event is a random event; it is a scorecard.Source.
type event struct {
	typ            string
	time           int64
	session        uint64
	machine        string
	send           bool
	fields, traits map[string]wasm.Slot
	products       []*event
}

func (e *event) Type() string                             { return e.typ }
func (e *event) Time() int64                              { return e.time }
func (e *event) Session() uint64                          { return e.session }
func (e *event) Ignore() string                           { return e.machine }
func (e *event) Send() bool                               { return e.send }
func (e *event) Products() int                            { return len(e.products) }
func (e *event) Product(i int) scorecard.Source           { return e.products[i] }
func (e *event) Field(name string) (s wasm.Slot, ok bool) { s, ok = e.fields[name]; return s, ok }
func (e *event) Trait(name string) (s wasm.Slot, ok bool) { s, ok = e.traits[name]; return s, ok }

func (m maker) value() wasm.Slot {
	switch m.IntN(8) {
	case 0:
		return wasm.Slot{Tag: wasm.Null}
	case 1:
		return wasm.Slot{Tag: wasm.Bool, Num: m.Uint64N(2)}
	case 2:
		return wasm.Slot{Tag: wasm.Int, Num: uint64(pick(m, m.Int64N(8), m.Int64N(8), -3, 1<<53+1, -1<<53-1, math.MaxInt64, math.MinInt64))}
	case 3:
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(pick(m, numbers...))}
	case 5:
		return wasm.Slot{Tag: wasm.String, Str: []byte(pick(m, " 50 ", "-0", "0.1", "1e3", "9007199254740993", "-", "1.", "+3"))}
	case 4:
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(math.NaN())}
	}
	return wasm.Slot{Tag: wasm.String, Str: []byte(pick(m, texts...))}
}

func (m maker) values(names []string, percent int) map[string]wasm.Slot {
	out := map[string]wasm.Slot{}
	for _, n := range names {
		if m.chance(percent) {
			out[n] = m.value()
		}
	}
	return out
}

func (m maker) event(t int64) *event {
	e := &event{typ: pick(m, append(otherTypes, eventTypes...)...), time: t, session: m.Uint64N(12)}
	e.send = strings.HasSuffix(e.typ, "_sent") || e.typ == "call_out"
	e.fields = m.values(fieldNames, 60)
	if m.chance(25) {
		e.traits = m.values(traitNames, 70)
	}
	if m.chance(15) {
		e.machine = pick(m, "bot", "prefetch", "proxy")
	}
	if m.chance(10) {
		for range m.IntN(5) {
			e.products = append(e.products, &event{fields: m.values(fieldNames, 50)})
		}
	}
	return e
}

func (m maker) lead() lead {
	var out lead
	start := pick(m, int64(0), -86400_000, 1_700_000_000_000, 1_711_836_000_000, 4_100_000_000_000)
	gap := pick(m, int64(1000), 600_000, 86400_000, 40*86400_000)
	n := m.IntN(40)
	if m.chance(10) {
		n = 300
	}
	for range n {
		start += m.Int64N(gap)
		out = append(out, m.event(start))
	}
	slices.SortStableFunc(out, func(a, b *event) int { return int(a.time - b.time) })
	return out
}
