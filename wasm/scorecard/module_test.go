package scorecard

import (
	"strings"
	"testing"

	"ripen/wasm"
)

func TestOfManifest(t *testing.T) {
	good := func() *wasm.Manifest {
		return &wasm.Manifest{
			Card: "own", Zone: "Europe/Madrid", Types: []string{"", "page_view"}, Dims: []string{"fit"},
			Fields:  []wasm.ManifestField{{Type: "flags"}, {Type: "day"}, {Name: "path", Type: "text"}, {Name: "country", Type: "attribute text"}},
			Reasons: []wasm.ManifestReason{{Rule: "visits", Why: "{points} visits"}},
			Bands:   []wasm.ManifestBand{{Name: "lead", From: 1}, {Name: "hot", From: 50, Leave: 40}},
		}
	}
	f := func(want string, spoil func(m *wasm.Manifest)) {
		t.Helper()
		m := good()
		spoil(m)
		c, err := OfManifest(m)
		if want == "" && err == nil && c != nil {
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("", func(*wasm.Manifest) {})
	f("card: the module needs a name", func(m *wasm.Manifest) { m.Card = "" })
	f("time_zone: no zone \"Mars\"", func(m *wasm.Manifest) { m.Zone = "Mars" })
	f("time_zone: no zone \"Local\"", func(m *wasm.Manifest) { m.Zone = "Local" })
	f("fields: need at least one", func(m *wasm.Manifest) { m.Fields = nil })
	f("fields[0]: need type flags", func(m *wasm.Manifest) { m.Fields = m.Fields[1:] })
	f("fields[2]: \"path\" of type \"test\"", func(m *wasm.Manifest) { m.Fields[2].Type = "test" })
	f("fields[2]: \"\" of type \"text\"", func(m *wasm.Manifest) { m.Fields[2].Name = "" })
	f("fields[1]: \"x\" of type \"day\"", func(m *wasm.Manifest) { m.Fields[1].Name = "x" })
	f("fields[3]: \"country\" of type \"attribute hash\"", func(m *wasm.Manifest) { m.Fields[3].Type = "attribute hash" })
	f("fields[3]: \"path\" of type \"text\" stands there twice", func(m *wasm.Manifest) { m.Fields[3] = m.Fields[2] })
	f("event_types[0]: need the empty text", func(m *wasm.Manifest) { m.Types = nil })
	f("event_types[2]: \"page_view\" stands there twice", func(m *wasm.Manifest) { m.Types = append(m.Types, "page_view") })
	f("bands[1]: need a name", func(m *wasm.Manifest) { m.Bands[1].From = 1 })
	f("bands[1]: need a name", func(m *wasm.Manifest) { m.Bands[1].Leave = 60 })
	f("fields: an event may take", func(m *wasm.Manifest) {
		for range 50 {
			m.Fields = append(m.Fields, wasm.ManifestField{Name: strings.Repeat("x", len(m.Fields)), Type: "text"})
		}
	})
}

// TestModuleReasons shares a module's score out exactly, whatever its reasons
// leave over.
func TestModuleReasons(t *testing.T) {
	c, err := OfManifest(&wasm.Manifest{
		Card: "own", Types: []string{""}, Fields: []wasm.ManifestField{{Type: "flags"}},
		Reasons: []wasm.ManifestReason{{Rule: "a"}, {Rule: "b", Why: "b is {points}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw := &Raw{Scaled: 41.7, Points: []RulePoints{{ID: 0, Points: 10.25}, {ID: 1, Points: 30}, {ID: 9, Points: 5}}}
	var r Result
	c.Settle(raw, true, &r)
	sum := int64(0)
	for _, x := range r.Reasons {
		sum += x.Share
	}
	if r.Score != 42 || sum != 42_000 || r.Reasons[0].Rule != "b" || r.Reasons[0].Why != "b is 30" || r.Reasons[0].Share != 30_000 ||
		r.Reasons[1].Rule != "a" || r.Reasons[2].Rule != "base" || r.Reasons[2].Share != 1_450 || r.Reasons[3].Rule != "rounding" {
		t.Errorf("%+v", r)
	}
}
