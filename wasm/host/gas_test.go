package host

import (
	"strconv"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

// flood is an event that has every field and every attribute, of one value.
type flood struct {
	event
	value wasm.Slot
}

func (e *flood) Send() bool                     { return strings.HasSuffix(e.typ, "_sent") }
func (e *flood) HasTraits() bool                { return true }
func (e *flood) Field(string) (wasm.Slot, bool) { return e.value, true }
func (e *flood) Trait(string) (wasm.Slot, bool) { return e.value, true }

const (
	oneRule  = "dimensions: {d: {kind: behaviour, groups: {g: {rules: [{id: r, event: v, half_life: 7d, points: 8}]}}}}\n"
	rulesOf  = "dimensions: {d: {kind: behaviour, max: 50, groups: {g: {rules: [\n"
	traitsOf = "dimensions: {d: {kind: attributes, max: 50, groups: {g: {rules: [\n"
	endRules = "]}}}}\n"
)

// dear are cards that ask much of an event or a score, each by one thing more of
// which there can be: line, with a number of its own for every #, stands n times between
// head and tail.
var dear = []struct {
	name             string
	n                int
	head, line, tail string
}{
	{"points", 400, rulesOf, "{id: r#, event: v, half_life: 7d, cap: 5, ignore: [bot], points: 8},", endRules},
	{"days", 200, rulesOf, "{id: r#, event: v, per: day, decay: none, cap: 5, points: 8},", endRules},
	{"times", 17, rulesOf, "{id: r#, event: v, linear: {drop: 1%, every: 30d}, points: 8},", endRules},
	{"counts", 20, rulesOf, "{id: r#, event: v, count: {gte: 3, within: 2y}, per: day, points: 8},", endRules},
	{"values", 14, rulesOf, `{id: r#, event: v, per: "distinct:f", points: 8},`, endRules},
	{"silences", 400, rulesOf, "{id: r#, absent: e#, after: 30d, points: -8},", endRules},
	{"unanswered", 20, rulesOf, "{id: r#, unanswered: {channels: [sms], sent: 5, within: 60d}, points: -8},", endRules},
	{"texts", 39, rulesOf, "{id: r#, event: v, points: 8, where: {f#: {in: [" + strings.Repeat("a", wasm.StringMax-2) + "#, b]}}},", endRules},
	{"numbers", 100, rulesOf, "{id: r#, event: v, points: 8, where: {f#: {in: [1, 2, 3, 4, 5, 6, 7], between: [0, 50]}}},", endRules},
	{"attributes", 39, traitsOf, "{id: r#, points: 8, when: {f#: {in: [" + strings.Repeat("a", wasm.StringMax-2) + "#, b]}}},", endRules},
	{"conditions", 80, traitsOf, "{id: r#, points: 8, when: {f#: 1, a: {gt: 5}, b: {exists: true}}},", endRules},
	{"searches", 24, rulesOf, "{id: r#, event: v, points: 8, when: 'f.contains(\"" + strings.Repeat("a", 60) + "#\")'},", endRules},
	{"sizes", 45, rulesOf, "{id: r#, event: v, points: 8, when: size(f) > #},", endRules},
	{"two texts", 80, rulesOf, "{id: r#, event: v, points: 8, when: 'string(f) != string(g) || f == \"#\"'},", endRules},
	{"sums", 60, rulesOf, "{id: r#, event: v, points: 8, when: '" + strings.Repeat("f / (g + 1) + ", 30) + "# > 0'},", endRules},
	{"sums of a lead", 20, traitsOf, "{id: r#, points: 8, when: '" + strings.Repeat("a# / (b + 1) + ", 30) + "# > 0'},", endRules},
	{"groups", 400, "dimensions: {d: {kind: behaviour, groups: {\n", "g#: {max: 5, min: -5, rules: [{id: r#, event: v, half_life: 7d, points: 8}]},", "}}}\n"},
	{"buyers", 5, "dimensions: {\n", "d#: {kind: rfm, event: v, value: f, within: 2y, recency: [[30d, 4], [90d, 2]], frequency: [[1, 1], [32, 9]], monetary: [[1, 1], [1000, 9]]},", "}\n"},
	{"lifetimes", 16, "dimensions: {\n", "d#: {kind: replenishment, anchor: {event: v}, lifetime: {mean: 24mo, cv: 0.05}, horizon: 1mo, full_at: 0.3, fade_after: 24mo, fade_half_life: 9mo},", "}\n"},
	{"grades", 2, "dimensions: {\n", "d#: {kind: behaviour, max: 100, grades: {A: 70, B: 60, C: 50, D: 40, E: 30, F: 20, G: 10, H: 0}, groups: {g: {rules: [{id: r#, event: v, half_life: 7d, points: 8}]}}},", "}\n"},
	{"gates", 12, oneRule + "gates: [\n", "{max: 40, when: '" + strings.Repeat("d + ", 20) + "d > # && days_since(v) - d < 30'},", "]\n"},
	{"both ways", 7, oneRule + "gates: [\n", "{max: 40, when: '" + strings.Repeat("abs(", 6) + strings.Repeat("d - ", 12) + "d" + strings.Repeat(")", 6) + " > #'},", "]\n"},
	{"the past", 6, oneRule + "gates: [\n", "{max: 40, when: 'count(v#, 1y) + count(v, 1y) + count(w, 1y) > 5 && d > 1'},", "]\n"},
}

// ofBase is what more of one kind may take unasked: a tenth of what every fold
// asks for first, of which a dispatch over more types takes some.
const ofBase = 2000

// TestCardGas holds the gas that a card asks for to what its calls take at most,
// and what more of a kind asks for to what more of it takes: no visitor can trap a
// card, however it grows.
func TestCardGas(t *testing.T) {
	for _, d := range dear {
		t.Run(d.name, func(t *testing.T) {
			few, more := askedAndTaken(t, d.head+lines(1, d.line)+d.tail), askedAndTaken(t, d.head+lines(d.n, d.line)+d.tail)
			for call, name := range []string{"fold", "score"} {
				asked, taken := more[call][0]-few[call][0], more[call][1]-few[call][1]
				t.Logf("%-5s: takes %6d of %6d; each %5d of %5d", name, more[call][1], more[call][0], taken/int64(d.n-1), asked/int64(d.n-1))
				if taken > asked+ofBase {
					t.Errorf("%s: %d more of them take %d gas more, and ask for %d", name, d.n-1, taken, asked)
				}
			}
		})
	}
}

func lines(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(line, "#", strconv.Itoa(10+i)) + "\n")
	}
	return b.String()
}

// askedAndTaken returns, for an event and for a score, the gas that a card asks
// for and the most that they took of it while a lead's memory was filled.
func askedAndTaken(t *testing.T, src string) (out [2][2]int64) {
	t.Helper()
	c, err := scorecard.Parse("c.yaml", []byte("scorecard: c\n"+src))
	if err != nil {
		t.Fatal(err)
	}
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	man, err := Check(b)
	if err != nil {
		t.Fatal(err)
	}
	in := open(t, Config{}, c)
	in.measure = true
	out[0][0], out[1][0] = man.FoldGas, man.ScoreGas
	var state []byte
	types := []string{"v", "v", "sms_sent", "v", "w", "v0", "v1", "v2", "v3", "v4", "v5"}
	for i := range int64(360) {
		e := &flood{event{typ: types[i%11], time: start + i*day/4, session: uint64(i)}, num(i)}
		if i%5 == 0 {
			e.value = text(strings.Repeat("a", wasm.StringMax))
		}
		for _, ev := range c.Bind(nil, e) {
			state = fold(t, in, state, []wasm.Event{ev})
			out[0][1] = max(out[0][1], in.spent)
		}
		var r scorecard.Result
		if err := in.Score(state, e.time, &r); err != nil {
			t.Fatal(err)
		}
		out[1][1] = max(out[1][1], in.spent)
	}
	return out
}
