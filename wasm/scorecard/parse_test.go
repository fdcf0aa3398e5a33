package scorecard

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// refused holds the errors of a card to be among the wanted ones.
func refused(t *testing.T, src string, want ...string) {
	t.Helper()
	_, err := Parse("c.yaml", []byte(src))
	var es Errors
	if !errors.As(err, &es) {
		t.Errorf("%s: taken", src)
		return
	}
	for _, w := range want {
		if !slices.ContainsFunc(es, func(e *Error) bool { return e.Error() == w }) {
			t.Errorf("no error\n%s\nin\n%v", w, es)
		}
	}
}

// TestRefused holds the messages for what a person gets wrong: place, rule, what
// and what to do.
func TestRefused(t *testing.T) {
	const head = "scorecard: c\ndimensions:\n  d:\n    kind: behaviour\n    groups:\n      g:\n        rules:\n          - "
	f := func(src string, want ...string) { t.Helper(); refused(t, src, want...) }
	rule := func(rule string, want ...string) { t.Helper(); f(head+rule+"\n", want...) }

	// Several at once, each in its place.
	rule("{id: a, event: v, pionts: 5, half_life: 7, where: {country: NO}}",
		`c.yaml:8:31: rule "a": a rule has no key "pionts"; did you mean points?`,
		`c.yaml:8:53: rule "a": half_life is "7"; write a length of time like 30m, 12h, 7d, 2w, 24mo or 1y`,
		`c.yaml:8:73: rule "a": bare NO means true or false to some YAML readers; write "NO" in quotes, or true or false`)
	// The traps of YAML.
	rule("{id: a, on: v, points: 5}",
		`c.yaml:8:21: rule "a": bare on means true or false to some YAML readers; for the event of a rule write event:, else quote it`)
	rule("{id: a, event: v, points: 08}",
		`c.yaml:8:39: rule "a": 08 is octal to some YAML readers; write a plain number, or "08" in quotes if it is text`)
	rule("{id: a, event: v, points: 1e3}",
		`c.yaml:8:39: rule "a": 1e3 is a number to some YAML readers and text to others; write a plain number, or "1e3" in quotes if it is text`)
	for _, word := range []string{"y", "N", "Yes", "no", "OFF", "True", "FALSE"} {
		rule("{id: a, event: v, points: 5, where: {x: {in: ["+word+"]}}}",
			`c.yaml:8:59: rule "a": bare `+word+` means true or false to some YAML readers; write "`+word+`" in quotes, or true or false`)
	}
	for word, what := range map[string]string{
		"1_000": "a number to some YAML readers and text to others", "0x1F": "a number to some YAML readers and text to others",
		"1E+3": "a number to some YAML readers and text to others", "1.5e3": "a number to some YAML readers and text to others",
		"-08": "octal to some YAML readers", ".inf": "not a number a rule can use",
	} {
		rule("{id: a, event: v, points: 5, where: {x: {in: ["+word+"]}}}",
			`c.yaml:8:59: rule "a": `+word+` is `+what+`; write a plain number, or "`+word+`" in quotes if it is text`)
	}
	rule("{id: a, event: v, points: 5, where: {x: 12:30}}",
		`c.yaml:8:53: rule "a": 12:30 is a number in sixties to some YAML readers; write a plain number, or "12:30" in quotes if it is text`)
	parse(t, head+"{id: a, event: v, points: 5, where: {y: 5, x: {in: [\"NO\", 'y', true, \"08\", 0, 0.5, 2026-01-01, \"12:30\", -3]}}}\n")
	rule("{id: a, event: v, points: 5, points: 6}",
		`c.yaml:8:42: rule "a": "points" stands twice, first on line 8; keep one`)
	f("scorecard: &x c\nversion: *x", "c.yaml:2:10: YAML anchors, aliases, merges and tags are not read; write the value out")
	f("scorecard: [", "c.yaml:1:12: not YAML: sequence end token ']' not found; check quotes, brackets and indentation here")
	f("", "c.yaml:1:1: the file is empty; start with what it is, as in scorecard: <name> or journey: <name>")
	f("x: \x00", "c.yaml:1:1: the file holds a NUL byte; save it as UTF-8 text")
	f("a\n---\nb", "c.yaml:3:1: a second document in the file; a file holds one: remove it")
	f("x: "+strings.Repeat("[", 100), "c.yaml:1:1: too many levels inside one another; at most 64")

	// No dimension has a name: no fix is left empty.
	_, err := Parse("c.yaml", []byte("scorecard: c\ndimensions: {\"\": {kind: behaviour}}\nscore: {of: [{dimension: x}]}\nbands: [{name: b, from: 1}]\non_band: {b: [{notify: o, when: \"x > 1\"}]}\n"))
	if err == nil || strings.Contains(err.Error(), "write \n") || strings.Contains(err.Error(), "there are \n") {
		t.Errorf("%v", err)
	}

	// What rules cannot mean.
	rule("{id: a, points: 5}", `c.yaml:8:14: rule "a": the rule waits for nothing; write when: for attributes, event:, absent: or unanswered: for behaviour`)
	rule("{id: a, event: v, when: {x: 1}, points: 5}", `c.yaml:8:21: rule "a": the rule has when and event; keep one; write two rules for two things`)
	rule("{id: a, when: {x: 1}, points: 5}", `c.yaml:8:21: rule "a": when: asks for attributes in a dimension of kind behaviour; move the rule to a dimension of kind attributes`)
	rule("{id: a, event: v, points: 5, cap: -5}", `c.yaml:8:42: rule "a": cap -5 and points 5 pull apart; a cap has the sign of its points`)
	rule("{id: a, event: v, points: 5, half_life: 7d, expire: 1d}", `c.yaml:8:57: rule "a": the rule has half_life and expire; keep one: they all say how long its points last`)
	rule("{id: a, event: v, points: 5, count: {gte: 40, within: 1d}}", `c.yaml:8:55: rule "a": gte is "40"; write a whole number from 1 to 32`)
	rule("{id: a, event: v, points: 5, linear: {drop: 0.5, every: 1d}}", `c.yaml:8:57: rule "a": drop is "0.5"; write a share from 1% to 100%`)
	rule("{id: a, event: \"v*\", points: 5}", `c.yaml:8:28: rule "a": event "v*" has a star; name one event; write one rule for each`)
	rule("{id: a, event: v, points: 5, per: dya}", `c.yaml:8:47: rule "a": per is "dya"; did you mean day?`)
	rule("{id: a, event: v, points: 5, ignore: [bots]}", `c.yaml:8:51: rule "a": ignore is "bots"; did you mean bot?`)
	rule("{id: a, event: v, points: 5, why: \"{age} old\"}", `c.yaml:8:47: rule "a": why has the placeholder {age}; it can hold {points}`)
	rule("{id: a, event: v, points: 5, expire: 1d, why: \"{cuont}\"}", `c.yaml:8:59: rule "a": why has the placeholder {cuont}; did you mean {count}?`)
	rule("{id: a, unanswered: {sent: 5}, points: 5}",
		`c.yaml:8:34: rule "a": unanswered lacks sent or within; write unanswered: {channels: [email], sent: 5, within: 60d}`)
	rule("{id: a, unanswered: {chanels: [sms], sent: 5, within: 1d}, points: 5, cap: 3}",
		`c.yaml:8:34: rule "a": unanswered has no key "chanels"; did you mean channels?`,
		`c.yaml:8:83: rule "a": a rule of no answer has no key "cap"; it has id, unanswered, where, when, points, why`)
	rule("{id: a, unanswered: {channels: [emial], sent: 50, within: 1d}, points: 5}",
		`c.yaml:8:45: rule "a": a channel is "emial"; did you mean email?`,
		`c.yaml:8:59: rule "a": sent is "50"; write a whole number from 1 to 32`)
	rule("{id: a, absent: v, after: 1d, unanswered: {sent: 5, within: 1d}, points: 5}",
		`c.yaml:8:43: rule "a": the rule has absent and unanswered; keep one; write two rules for two things`)
	rule("{id: a, event: v, points: 5, where: {x: {matches: \"(\"}}}",
		"c.yaml:8:63: rule \"a\": matches is not a regular expression: missing closing ): `(`; RE2 syntax; in double quotes write \\\\b for \\b")
	rule("{id: a, absent: any_activity, points: -5}", `c.yaml:8:21: rule "a": absent: has no after:; write after: 30d`)

	f("lists: {free_mail: [gmail.com]}\n"+head+"{id: a, event: v, points: 1, where: {x: {in_list: fre_mail}}}\n",
		`c.yaml:9:63: rule "a": the card has no list "fre_mail"; did you mean free_mail?`)

	const graded = "scorecard: c\ndimensions:\n  d: {kind: attributes, grades: {A: 50, B: 0}, groups: {g: {rules: [{id: a, when: {x: 1}, points: 1}]}}}\n"
	f(graded+"gates: [{when: {y: 1}, max: 5}, {id: '1', when: {y: 2}, max: 5}]\n",
		"c.yaml:4:34: a gate 1 stands above already; give each gate an id of its own; without one it is called by its number")
	for nothing, at := range map[string]string{"{}": "37", "{grade: []}": "38"} {
		f(graded+"bands: [{name: b, from: 1, require: "+nothing+"}]\n",
			"c.yaml:4:"+at+": require asks for nothing; write require: {grade: [A, B]}, or leave it out")
	}

	f("scorecard: c\ndimensions:\n  d: {kind: churn}\n",
		"c.yaml:3:13: kind is \"churn\"; write attributes, behaviour, replenishment, rfm, btyd, model, wasm, rollup")
}

// TestReferenceCards reads the two cards of the reference whole.
func TestReferenceCards(t *testing.T) {
	mustParse(t, "cafeteras.yaml")
	c := mustParse(t, "saas-b2b.yaml")
	if *c.Rollup != (Rollup{By: "email_domain", Top: 3, Method: "decay_sum"}) {
		t.Errorf("rolled up by %+v", c.Rollup)
	}
	if f := c.Feeds(); len(f) != 1 || *f[0] != (Feed{Dim: 2, Model: "won_90d", Most: 100}) {
		t.Errorf("fed by %+v", f)
	}
}

// FuzzParse feeds the reader anything: it must answer with a card or with errors
// that stand in the file, and a card it takes must bear being used.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"interes.yaml", "saas.yaml", "cafeteras.yaml", "saas-b2b.yaml", "everything.yaml"} {
		src, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("scorecard: c\ndimensions: {d: {kind: attributes, groups: {g: {rules: [{id: a, when: {x: {in: [1, a]}}, points: 5}]}}}}"))
	f.Add([]byte(aModel))
	f.Add([]byte("a: [*b, &c d, !!x y, <<: z]\n? k\n: |\n  text\n- e"))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("f.yaml", src)
		if err != nil {
			var es Errors
			if !errors.As(err, &es) || len(es) == 0 {
				t.Fatalf("error of type %T", err)
			}
			for _, e := range es {
				if e.Line < 1 || e.What == "" {
					t.Fatalf("an error without a place or words: %+v", e)
				}
			}
			return
		}
		c.Explain("es")
		e := c.NewEval()
		e.Fold(c.Bind(nil, visit(t0))...)
		r := e.Score(t0 + hour)
		if len(r.Dims) != len(c.Dims) || !r.Null && (r.Score < 0 || r.Score > 100) {
			t.Fatalf("the card scores %+v", r)
		}
	})
}
