package host

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"ripen/wasm"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// withBoth gives a module a ripen_fold_score of this body.
func (h *handmade) withBoth(code ...byte) *handmade {
	h.sections[1] = append([]byte{5}, append(h.sections[1][1:], 0x60, 2, 0x7f, 0x7e, 1, 0x7c)...)
	h.sections[3] = []byte{4, 0, 1, 2, 4}
	h.sections[7] = append([]byte{5}, append(h.sections[7][1:], exported(wasm.ExportBoth, 0, 3)...)...)
	h.sections[10] = slices.Concat(uvar(4), body([]byte{0x41, 0, 0x0b}), body(h.fold), body(h.score), body(code))
	return h
}

// inTurn calls ripen_fold, leaves what it returns where the ABI wants it, and calls
// ripen_score.
var inTurn = []byte{0x41, 0, 0x20, 0, 0x10, 1, 0x36, 2, 4, 0x20, 1, 0x10, 2, 0x0b}

// TestBoth holds one call to what two calls say, in a module of ours, and in
// strangers' where the one call counts, or traps, or says what is no score.
func TestBoth(t *testing.T) {
	f := func(how string, at bool, code ...byte) {
		t.Helper()
		m := stranger().withBoth(code...)
		m.man.FoldGas, m.man.ScoreGas = uploadFold, uploadScore
		in := m.instance(t)
		ev := wasm.Event{Type: "page_view", Index: 1, TimeMs: start, Slots: make([]wasm.Slot, 2)}
		var state []byte
		for i := range 3 {
			_, next := in.atOnce(state, []wasm.Event{ev}, start, 0)
			if (next != nil) != at {
				t.Errorf("%s: one call was enough: %v, want %v", how, next != nil, at)
			}
			next, got, err := in.FoldScore(state, []wasm.Event{ev}, start)
			if err != nil || len(next) != 8 || next[0] != byte(i+1) || got.Score != i+1 {
				t.Fatalf("%s: event %d: %v of %x, %v", how, i, got, next, err)
			}
			state = append(state[:0], next...)
		}
	}
	f("in turn", true, inTurn...)
	f("traps", false, 0x00, 0x0b)
	f("no score", false, slices.Concat([]byte{0x44}, make([]byte, 6), []byte{0xf8, 0x7f, 0x0b})...)
	f("a state too long", false, 0x41, 0, 0x41, 9, 0x36, 2, 4, 0x20, 1, 0x10, 2, 0x0b)

	h := newTestHost(t, Config{})
	if _, err := h.Admit(t.Context(), stranger().withBoth(inTurn...).bytes(), nil); err != nil {
		t.Error(err)
	}
	_, err := h.Admit(t.Context(), stranger().withBoth(0x20, 1, 0x10, 2, 0x0b).bytes(), nil) // scores, and folds nothing
	if no, ok := errors.AsType[*meter.Refusal](err); !ok || !bytes.Contains([]byte(no.Error()), []byte(wasm.ExportBoth+" comes to another state")) {
		t.Errorf("a module whose one call folds nothing: %v", err)
	}
	wrong := stranger().withBoth(0x41, 0, 0x0b)
	wrong.sections[3] = []byte{4, 0, 1, 2, 1}
	if _, err := Check(wrong.bytes()); err == nil {
		t.Error("a " + wasm.ExportBoth + " of another type was accepted")
	}
}

// TestBothTraps holds the state to what it was when a fold fails, and to the fold's
// when only the score does.
func TestBothTraps(t *testing.T) {
	f := func(spoil func(m *handmade), folded bool) {
		t.Helper()
		m := stranger()
		m.man.FoldGas, m.man.ScoreGas = uploadFold, uploadScore
		spoil(m)
		in := m.withBoth(inTurn...).instance(t)
		ev := []wasm.Event{{Type: "page_view", Index: 1, TimeMs: start, Slots: make([]wasm.Slot, 2)}}
		state, _, err := in.FoldScore([]byte{4, 0, 0, 0, 0, 0, 0, 0}, ev, start)
		if _, trapped := errors.AsType[*Trap](err); !trapped || (state != nil) != folded || folded && state[0] != 5 {
			t.Errorf("state %x, %v", state, err)
		}
	}
	f(func(m *handmade) { m.fold = []byte{0x00, 0x0b} }, false)
	f(func(m *handmade) { m.score = []byte{0x00, 0x0b} }, true)
}

// instance loads the module into a host of its own, and begins one.
func (h *handmade) instance(t *testing.T) *Instance {
	t.Helper()
	c, err := scorecard.OfManifest(&h.man)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := newTestHost(t, Config{}).Load(t.Context(), c, h.bytes())
	if err != nil {
		t.Fatal(err)
	}
	in, err := mod.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}
