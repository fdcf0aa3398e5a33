package tracker

import (
	"bytes"
	"reflect"
	"testing"
)

func TestCarryRoundTrip(t *testing.T) {
	row := AppendRow(nil, &Event{Type: []byte("purchase"), Time: 5, MessageID: []byte("m1")})
	f := func(row []byte, want Carry) {
		t.Helper()
		got, err := DecodeCarry(row)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
	f(AppendCarriedEvent(nil, row, 7, 1234), Carry{Row: row, Seq: 7, Received: 1234})
	f(AppendDrop(nil, 300), Carry{Before: 300})
	a := Activation{Card: "saas", Version: 3, YAML: []byte("x: 1"), Ranking: true}
	f(AppendCarriedActivation(nil, a), Carry{Activation: &a})
}

func TestCarryRefuses(t *testing.T) {
	f := func(row []byte) {
		t.Helper()
		if c, err := DecodeCarry(row); err == nil {
			t.Fatalf("%x: got %+v, want an error", row, c)
		}
	}
	f(nil)
	f([]byte{1})
	f([]byte{2, 1, 0, 0, 1})
	f([]byte{1, 9, 1})
	f([]byte{1, carryEvent, 1, 2})
	f([]byte{1, carryDrop, 0})
	f([]byte{1, carryControl, 1, 9})
}

func TestLasting(t *testing.T) {
	f := func(typ string, want bool) {
		t.Helper()
		if e := (&Event{Type: []byte(typ)}); e.IsLasting() != want {
			t.Fatalf("%s: lasting is %v", typ, !want)
		}
	}
	f("purchase", true)
	f("unsubscribe", true)
	f("page_view", false)
	f("identify", false)
}

func FuzzDecodeCarry(f *testing.F) {
	f.Add(AppendCarriedEvent(nil, []byte{1, 2, 3}, 7, 1234))
	f.Add(AppendDrop(nil, 300))
	f.Add(AppendCarriedActivation(nil, Activation{Card: "saas", Version: 3}))
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := DecodeCarry(row)
		if err != nil || c.Row == nil {
			return
		}
		again, err := DecodeCarry(AppendCarriedEvent(nil, c.Row, c.Seq, c.Received))
		if err != nil || !bytes.Equal(again.Row, c.Row) || again.Seq != c.Seq || again.Received != c.Received {
			t.Fatalf("%x: %+v, then %+v, %v", row, c, again, err)
		}
	})
}
