package score

import (
	"slices"
	"testing"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// TestPlacesHaveOneName holds the language of cards to the words of events.
func TestPlacesHaveOneName(t *testing.T) {
	want := slices.Sorted(slices.Values(tracker.PlaceNames[:]))
	if !slices.Equal(scorecard.Places, want) {
		t.Errorf("cards know %v, events have %v", scorecard.Places, want)
	}
}

// TestPlaceAsRulesSeeIt asks for places that were sealed, in the clear, unknown and
// made up.
func TestPlaceAsRulesSeeIt(t *testing.T) {
	text := func(space tracker.Space, name, v string) tracker.Field {
		return tracker.Field{Space: space, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(v)}}
	}
	opened := 0
	w := Walker{Open: func(e *tracker.Event) error {
		opened++
		e.Personal = []tracker.Field{text(tracker.Context, tracker.PlaceCity, "Madrid"), text(tracker.Trait, tracker.PlaceRegion, "XX")}
		return nil
	}}
	e := tracker.Event{
		Type: []byte("identify"), Placed: true,
		Fields: []tracker.Field{text(tracker.Property, tracker.PlaceCountry, "GB"), text(tracker.Context, tracker.PlaceCountry, "ES"), text(tracker.Product, tracker.PlaceZone, "X")},
	}
	f := func(name, want string) {
		t.Helper()
		s := &w.src
		s.reset(&w, &e, 1, true)
		opened = 0
		field, ok := s.Field(name)
		if string(field.Str) != want || ok != (want != "") {
			t.Errorf("%s: %q, %t, want %q", name, field.Str, ok, want)
		}
		if v, sets := s.Trait(name); string(v.Str) != want || sets != e.Moves() || want == "" && v.Tag != wasm.Null {
			t.Errorf("attribute %s: %q, %t, want %q", name, v.Str, sets, want)
		}
		if _, ok := s.Product(0).Field(name); ok {
			t.Errorf("a product says %s", name)
		}
	}
	f(tracker.PlaceCountry, "ES")
	if opened != 0 {
		t.Error("what is in the clear was looked for in what is sealed")
	}
	f(tracker.PlaceCity, "Madrid")
	f(tracker.PlaceRegion, "")
	f(tracker.PlaceZone, "")
	e.Machine = tracker.Bot
	f(tracker.PlaceCountry, "ES")
	e.Placed = false
	f(tracker.PlaceCountry, "ES")
}
