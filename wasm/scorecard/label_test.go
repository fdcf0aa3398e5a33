package scorecard

import (
	"strings"
	"testing"

	"ripen/wasm"
)

func TestLabel(t *testing.T) {
	day := int64(86_400_000)
	f := func(in, event, text string, within int64) *Label {
		t.Helper()
		l, err := ParseLabel(in)
		if err != nil {
			t.Fatal(err)
		}
		if l.Event != event || l.Within != within || l.Text != text {
			t.Errorf("%s: %q %d %q", in, l.Event, l.Within, l.Text)
		}
		again, err := ParseLabel(l.Text)
		if err != nil || again.Text != l.Text {
			t.Errorf("%s does not read as itself: %v", l.Text, err)
		}
		return l
	}
	f("won within 90d", "won", "won within 90d", 90*day)
	f("{event: purchase, within: 2w}", "purchase", "purchase within 2w", 14*day)
	l := f(`{event: purchase, where: {category: "coffee*", total: {gt: 10}, n: {in: ["7", x]}}, within: 1d}`,
		"purchase", `{event: purchase, where: {category: "coffee*", total: {gt: 10}, n: {in: ["7", x]}}, within: 1d}`, day)
	fields := map[string]wasm.Slot{"category": {Tag: wasm.String, Str: []byte("coffee maker")}, "total": {Tag: wasm.Int, Num: 11}, "n": {Tag: wasm.Int, Num: 7}}
	find := func(name string) (wasm.Slot, bool) { v, ok := fields[name]; return v, ok }
	if !l.Holds(find) {
		t.Error("what fulfils the label does not hold")
	}
	fields["total"] = wasm.Slot{Tag: wasm.Int, Num: 10}
	if l.Holds(find) {
		t.Error("a total of 10 is above 10")
	}
	delete(fields, "total")
	if l.Holds(find) {
		t.Error("a missing total is above 10")
	}
	l = f("{when: {plan: {not_in: [free]}, gone: {exists: false}}, within: 1d}", "", "{when: {plan: {not_in: [free]}, gone: {exists: false}}, within: 1d}", day)
	fields["plan"] = wasm.Slot{Tag: wasm.String, Str: []byte("pro")}
	if !l.Holds(find) {
		t.Error("pro is not in free")
	}
	fields["gone"] = wasm.Slot{Tag: wasm.Bool}
	if l.Holds(find) {
		t.Error("gone is there")
	}
}

// TestLabelErrors: a label that is wrong is named with its line.
func TestLabelErrors(t *testing.T) {
	f := func(label, want string) {
		t.Helper()
		_, err := Parse("c.yaml", []byte("scorecard: a\ndimensions:\n  x: {kind: attributes, groups: {g: {rules: [{id: a, when: {b: c}, points: 1}]}}}\n"+label))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", label, err, want)
		}
	}
	f("label: won", `c.yaml:4:8: label is "won"; write it as in won within 90d`)
	f("label: won within soon", `c.yaml:4:8: within is "soon"`)
	f("label: w* within 1d", "has a star")
	f("label: {event: won}", "a label has no within")
	f("label: {within: 1d}", "an event or for an attribute, one of them")
	f("label: {event: a, when: {b: c}, within: 1d}", "an event or for an attribute, one of them")
	f("label: {when: {b: c}, where: {b: c}, within: 1d}", "where is for a label's event")
	f("label: {evnt: won, within: 1d}", "did you mean event?")
	f("label: [won]", "a label wants keys and values")
	f("label: {event: a, where: {b: {foo: 1}}, within: 1d}", `no key "foo"`)
}
