package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

func parse(t *testing.T, kind string, rules ...string) *scorecard.Card {
	t.Helper()
	src := "scorecard: c\ndimensions:\n  d:\n    kind: " + kind + "\n    groups:\n      g:\n        rules:\n"
	for i, r := range rules {
		src += fmt.Sprintf("          - {id: r%d, points: 1, %s}\n", i, r)
	}
	c, err := scorecard.Parse("c.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func times(n int, rule string) []string {
	var out []string
	for i := range n {
		out = append(out, strings.ReplaceAll(rule, "#", fmt.Sprint(i)))
	}
	return out
}

// TestTooMuch refuses cards that a lead or a call could not hold.
func TestTooMuch(t *testing.T) {
	f := func(c *scorecard.Card, want string) {
		t.Helper()
		_, err := compile.Module(c)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f(parse(t, "behaviour", times(31, `event: e#, per: message`)...), "")
	f(parse(t, "behaviour", times(32, `event: e#, per: message`)...), "it would remember 16")
	f(parse(t, "behaviour", times(32, `event: e#, per: message`)...), "rules r0, r1, r2, r3, r4 remember most")
	f(parse(t, "behaviour", times(500, `event: e#, half_life: 7d`)...), "")
	f(parse(t, "behaviour", times(500, `event: e, where: {x: v#}`)...), "")
	f(parse(t, "behaviour", times(12, `event: e, per: "distinct:f#", expire: 30d`)...), "a call could cost")
	f(parse(t, "behaviour", times(40, `event: e, where: {f#: x}`)...), "an event may take")
	f(parse(t, "behaviour", times(40, `event: e#, where: {f#: x}`)...), "")
	f(parse(t, "attributes", times(40, `when: {f#: x}`)...), "an event may take")
	f(parse(t, "attributes", times(400, `when: {f#: {gt: 5}}`)...), "")
}

// TestManifest names the fields in the order of the slots.
func TestManifest(t *testing.T) {
	c := parse(t, "behaviour", `event: v, where: {path: "/a*", n: 5}, per: day`)
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := host.Check(b)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, f := range m.Fields {
		fields = append(fields, strings.TrimSpace(f.Name+" "+f.Type))
	}
	if got := strings.Join(fields, ", "); got != "flags, path text, n number, day" || m.Card != "c" || strings.Join(m.Types, " ") != " v" {
		t.Errorf("%+v", m)
	}
	if again, err := compile.Module(c); err != nil || string(again) != string(b) {
		t.Errorf("a second compile gives other bytes: %v", err)
	}
}
