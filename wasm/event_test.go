package wasm

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestSeal holds an event to the bytes that DESIGN.md shows by hand, and one that is
// used again to nothing of what it was.
func TestSeal(t *testing.T) {
	const want = "3800000001000200" + "00a8da769b010000" +
		"0200000000000000" + "0100000000000000" +
		"0400000008000000" + "3000000000000000" + "2f70726963696e67"
	e := &Event{Index: 1, TimeMs: 1767225600000}
	for range 2 {
		e.Clear(2)
		e.Set(0, Slot{Tag: Int, Num: 1})
		e.Set(1, Slot{Tag: String, Str: []byte("/pricing")})
		e.Seal()
		if got := hex.EncodeToString(e.Wire); got != want {
			t.Errorf("the event is\n%s, want\n%s", got, want)
		}
	}
	e.Clear(3)
	e.Set(2, Slot{Tag: String, Str: []byte("a"), Product: true})
	e.Seal()
	if n := len(e.Wire); n != 72 || !bytes.Equal(e.Wire[16:48], make([]byte, 32)) || e.Wire[49] != 1 || string(e.Wire[64:]) != "a\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("used again it is %x", e.Wire)
	}
}
