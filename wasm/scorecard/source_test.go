package scorecard

import (
	"math"
	"strings"
	"testing"

	"ripen/wasm"
)

const (
	hour = int64(3_600_000)
	day  = 24 * hour
	t0   = int64(1_767_225_600_000) // 2026-01-01 00:00 UTC
)

// ev is a Source written by hand.
type ev struct {
	typ      string
	time     int64
	session  uint64
	machine  string
	send     bool
	fields   fields
	traits   fields
	products []*ev
}

// fields are values: string, int, float64, bool, or nil for null.
type fields map[string]any

func (e *ev) Type() string                        { return e.typ }
func (e *ev) Time() int64                         { return e.time }
func (e *ev) Session() uint64                     { return e.session }
func (e *ev) Ignore() string                      { return e.machine }
func (e *ev) Send() bool                          { return e.send }
func (e *ev) Products() int                       { return len(e.products) }
func (e *ev) Product(i int) Source                { return e.products[i] }
func (e *ev) Trait(name string) (wasm.Slot, bool) { return e.traits.slot(name) }

func (e *ev) Field(name string) (wasm.Slot, bool) {
	if s, ok := e.fields.slot(name); ok || len(e.products) == 0 {
		return s, ok
	}
	return e.products[0].fields.slot(name)
}

func (f fields) slot(name string) (wasm.Slot, bool) {
	v, ok := f[name]
	switch v := v.(type) {
	case string:
		return wasm.Slot{Tag: wasm.String, Str: []byte(v)}, true
	case int:
		return wasm.Slot{Tag: wasm.Int, Num: uint64(v)}, true
	case float64:
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(v)}, true
	case bool:
		return boolSlot(v), true
	}
	return wasm.Slot{Tag: wasm.Null}, ok
}

// behaviour is a card of one behaviour dimension d with one group g.
func behaviour(t testing.TB, rules ...string) *Card {
	return cardOf(t, "behaviour", "", rules...)
}

func attributes(t testing.TB, rules ...string) *Card {
	return cardOf(t, "attributes", "", rules...)
}

func cardOf(t testing.TB, kind, more string, rules ...string) *Card {
	t.Helper()
	src := "scorecard: c\ntimezone: Europe/Madrid\nlists: {free: [gmail.com]}\ndimensions:\n  d:\n    kind: " + kind +
		"\n    groups:\n      g:\n        rules:\n"
	for _, r := range rules {
		src += "          - " + r + "\n"
	}
	c, err := Parse("c.yaml", []byte(src+more))
	if err != nil {
		t.Fatalf("%v\n%s", err, src+more)
	}
	return c
}

// at folds events and returns the result at a moment.
func at(c *Card, now int64, events ...*ev) Result {
	e := c.NewEval()
	for _, x := range events {
		e.Fold(c.Bind(nil, x)...)
	}
	return e.Score(now)
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func reasonsOf(r *Result) string {
	var out []string
	for _, x := range r.Reasons {
		out = append(out, x.Rule)
	}
	return strings.Join(out, " ")
}
