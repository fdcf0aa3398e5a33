package tracker

import "testing"

func TestPlaceIsNoSendersWord(t *testing.T) {
	text := func(space Space, name, v string) Field {
		return Field{Space: space, Name: []byte(name), Value: Value{Tag: String, Str: []byte(v)}}
	}
	e := Event{
		Placed: true, Type: []byte("look"),
		Fields:   []Field{text(Property, PlaceCountry, "GB"), text(Product, PlaceCity, "Bath"), text(Property, "geo.lat", "1")},
		Personal: []Field{text(Trait, PlaceCountry, "GB"), text(Context, PlaceCountry, "ES")},
	}
	f := func(name, want string) {
		t.Helper()
		if v, _ := e.Find(name); string(v.Str) != want {
			t.Errorf("%s: %q, want %q", name, v.Str, want)
		}
	}
	f(PlaceCountry, "ES")
	f(PlaceCity, "")
	f("geo.lat", "1")
	for _, name := range PlaceNames {
		if !IsPlace(name) || !IsPlace([]byte(name)) {
			t.Errorf("%s is no place", name)
		}
	}
	if IsPlace("geo.lat") || IsPlace("geo") || IsPlace("") {
		t.Error("others are places")
	}
}

func TestWhoMoves(t *testing.T) {
	f := func(typ string, m Machine, placed, want bool) {
		t.Helper()
		if e := (&Event{Type: []byte(typ), Machine: m, Placed: placed}); e.Moves() != want {
			t.Errorf("%s by %s, placed %t: moves %t", typ, m, placed, !want)
		}
	}
	f("page_view", Human, true, true)
	f("page_view", Server, true, true)
	f("page_view", Human, false, false)
	f("page_view", Bot, true, false)
	f("page_view", Prefetch, true, false)
	f("email_click", Human, true, false)
	f("call_out", Server, true, false)
}
