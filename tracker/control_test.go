package tracker

import (
	"reflect"
	"testing"
)

func TestActivationRoundTrip(t *testing.T) {
	f := func(a Activation) {
		t.Helper()
		row := AppendActivation(nil, a)
		c, err := DecodeControl(row)
		if err != nil {
			t.Fatal(err)
		}
		clear(row) // what was decoded must not lean on the row
		if !reflect.DeepEqual(*c.Activation, a) {
			t.Fatalf("got %+v, want %+v", *c.Activation, a)
		}
	}
	f(Activation{Card: "saas", Version: 7, YAML: []byte("scorecard: saas\n"), Ranking: true})
	f(Activation{Card: "b", Version: 1 << 20, YAML: []byte("x")})
}

func TestDecodeControlRefuses(t *testing.T) {
	row := AppendActivation(nil, Activation{Card: "saas", Version: 7, YAML: []byte("scorecard: saas\n")})
	for n := range row {
		if _, err := DecodeControl(row[:n]); err == nil {
			t.Fatalf("a record cut at %d of %d bytes was accepted", n, len(row))
		}
	}
	f := func(row []byte) {
		t.Helper()
		if c, err := DecodeControl(row); err == nil {
			t.Fatalf("accepted %x as %+v", row, c)
		}
	}
	f([]byte{2, 1, 0, 1, 1, 'a', 0})
	f([]byte{1, 9, 0, 1, 1, 'a', 0})
	f(AppendActivation(nil, Activation{Version: 1}))
	f(AppendActivation(nil, Activation{Card: "a"}))
}

func FuzzDecodeControl(f *testing.F) {
	f.Add(AppendActivation(nil, Activation{Card: "saas", Version: 7, YAML: []byte("x"), Ranking: true}))
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := DecodeControl(row)
		if err != nil {
			return
		}
		again, err := DecodeControl(AppendActivation(nil, *c.Activation))
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("%+v became %+v: %v", c.Activation, again.Activation, err)
		}
	})
}
