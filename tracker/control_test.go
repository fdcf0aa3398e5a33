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

func TestExpiryRoundTrip(t *testing.T) {
	x := Expiry{Source: 7, Before: 1_763_784_000_000, Subjects: []LeadID{{Kind: VisitorIdentity, Hash: Hash{1}}, {Kind: UserIdentity, Hash: Hash{2}}}}
	row := AppendExpiry(nil, x)
	c, err := DecodeControl(row)
	if err != nil || !reflect.DeepEqual(*c.Expiry, x) {
		t.Fatalf("got %+v, %v", c.Expiry, err)
	}
	for n := range row {
		if _, err := DecodeControl(row[:n]); err == nil {
			t.Fatalf("a record cut at %d of %d bytes was accepted", n, len(row))
		}
	}
}

func TestExpiryTakes(t *testing.T) {
	x := Expiry{Source: 7, Before: 1000}
	f := func(source uint32, received int64, typ string, gone, bare bool) {
		t.Helper()
		g, b := x.Takes(&Event{Source: source, Type: []byte(typ)}, received)
		if g != gone || b != bare {
			t.Fatalf("got %v %v, want %v %v", g, b, gone, bare)
		}
	}
	f(7, 999, "page_view", true, true)
	f(7, 999, "consent", false, true)
	f(7, 1000, "page_view", false, false)
	f(8, 999, "page_view", false, false)
}

func FuzzDecodeControl(f *testing.F) {
	f.Add(AppendActivation(nil, Activation{Card: "saas", Version: 7, YAML: []byte("x"), Ranking: true}))
	f.Add(AppendExpiry(nil, Expiry{Source: 7, Before: 1, Subjects: []LeadID{{Kind: VisitorIdentity}}}))
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := DecodeControl(row)
		if err != nil {
			return
		}
		var b []byte
		switch {
		case c.Activation != nil:
			b = AppendActivation(nil, *c.Activation)
		case c.Link != nil:
			b = AppendLink(nil, *c.Link)
		case c.Expiry != nil:
			b = AppendExpiry(nil, *c.Expiry)
		default:
			b = AppendErasure(nil, c.Erased)
		}
		again, err := DecodeControl(b)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("%+v became %+v: %v", c, again, err)
		}
	})
}
