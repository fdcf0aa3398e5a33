package host

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// handmade is a module written section by section, to be spoiled.
type handmade struct {
	sections map[byte][]byte
	io       []byte   // body of ripen_io; nil = 0
	fold     []byte   // body of ripen_fold
	score    []byte   // body of ripen_score; nil = 0
	more     [][]byte // bodies of further functions of type () -> ()
	man      wasm.Manifest
}

func abiSections() map[byte][]byte {
	return map[byte][]byte{
		1: {4, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7e, 1, 0x7c, 0x60, 0, 0},
		3: {3, 0, 1, 2},
		5: {1, 1, 2, 2},
		7: slices.Concat([]byte{4}, exported(wasm.ExportMemory, 2, 0), exported(wasm.ExportIO, 0, 0),
			exported(wasm.ExportFold, 0, 1), exported(wasm.ExportScore, 0, 2)),
	}
}

func uvar(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func newHandmade(t testing.TB, c *scorecard.Card) *handmade {
	t.Helper()
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	man, err := Check(b)
	if err != nil {
		t.Fatal(err)
	}
	return &handmade{
		man:      *man,
		fold:     []byte{0x41, 0, 0x0b},
		sections: abiSections(),
	}
}

func exported(name string, kind, index byte) []byte {
	return slices.Concat([]byte{byte(len(name))}, []byte(name), []byte{kind, index})
}

func body(code []byte) []byte {
	code = append([]byte{0}, code...)
	return append(binary.AppendUvarint(nil, uint64(len(code))), code...)
}

func (h *handmade) bytes() []byte {
	io, score := h.io, h.score
	if io == nil {
		io = []byte{0x41, 0, 0x0b}
	}
	if score == nil {
		score = slices.Concat([]byte{0x44}, make([]byte, 8), []byte{0x0b})
	}
	if h.sections[10] == nil {
		code := slices.Concat(uvar(3+len(h.more)), body(io), body(h.fold), body(score))
		h.sections[3] = append(uvar(3+len(h.more)), h.sections[3][1:]...)
		for _, b := range h.more {
			code, h.sections[3] = append(code, b...), append(h.sections[3], 3)
		}
		h.sections[10] = code
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	put := func(id byte, b []byte) {
		out = append(binary.AppendUvarint(append(out, id), uint64(len(b))), b...)
	}
	for id := range byte(13) {
		if b, ok := h.sections[id]; ok {
			put(id, b)
		}
	}
	man, _ := json.Marshal(h.man) // plain strings and numbers
	put(0, slices.Concat([]byte{byte(len(wasm.Section))}, []byte(wasm.Section), man))
	return out
}

func TestCheck(t *testing.T) {
	c := card(t, "interes.yaml")
	f := func(want string, spoil func(h *handmade)) {
		t.Helper()
		h := newHandmade(t, c)
		spoil(h)
		_, err := checkUpload(h.bytes())
		var no *meter.Refusal
		if want == "" && err == nil {
			return
		}
		if !errors.As(err, &no) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	set := func(id byte, b ...byte) func(h *handmade) { return func(h *handmade) { h.sections[id] = b } }
	f("", func(*handmade) {})
	f("import section at byte 30: 1 imports", set(2, 1, 1, 'a', 1, 'b', 0, 0))
	f("no export memory; need the module's memory", func(h *handmade) { h.sections[7][2] = 'x' })
	f("function ripen_io: (i32 -> i32); need (-> i32)", set(3, 3, 1, 1, 2))
	f("function ripen_fold: there is none; need (i32 -> i32)", func(h *handmade) { h.sections[7][1+9+11+2] = 'x' })
	f("function _initialize: (i64 -> f64); need (->)", func(h *handmade) {
		h.sections[7] = append(h.sections[7], exported(exportInit, 0, 2)...)
		h.sections[7][0] = 5
	})
	f("abi: 2; this host has 1", func(h *handmade) { h.man.ABI = 2 })
	f("state_max: 16385; at most 16384", func(h *handmade) { h.man.StateMax = wasm.StateMax + 1 })
	f("17 dimensions; at most 16", func(h *handmade) { h.man.Dims = make([]string, 17) })
	f("fold_gas: 40001; at most 40000", func(h *handmade) { h.man.FoldGas = 40_001 })
	f("score_gas: 100001; at most 100000", func(h *handmade) { h.man.ScoreGas = 100_001 })
	f("bytes; at most 8192", func(h *handmade) { h.man.Types = make([]string, 4000) })
	// Every card that compile writes passes, too: see TestWideCard.
	if _, err := Check([]byte("not wasm")); err == nil || !strings.Contains(err.Error(), "file section at byte 0: not a WebAssembly module") {
		t.Error(err)
	}
	if _, err := Check([]byte("\x00asm\x01\x00\x00\x00")); err == nil {
		t.Error("an empty module is taken")
	}
}

// TestRunaway cuts a loop without end, and a call without end, and goes on.
func TestRunaway(t *testing.T) {
	c := card(t, "interes.yaml")
	for want, fold := range map[error][]byte{
		ErrGas:  {0x03, 0x40, 0x0c, 0, 0x0b, 0x00, 0x0b},
		ErrDeep: {0x20, 0, 0x10, 1, 0x0b},
	} {
		runaway(t, c, fold, want)
	}
}

func runaway(t *testing.T, c *scorecard.Card, fold []byte, want error) {
	h := newHandmade(t, c)
	h.fold = fold
	host, err := New(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	m, err := host.Load(t.Context(), c, h.bytes())
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	evs := bind(c, []*event{{typ: "add_to_cart", time: start}})
	for range 3 {
		if _, err := in.Fold(nil, evs); !errors.Is(err, want) {
			t.Fatalf("without end: %v, want %v", err, want)
		}
		if _, err := in.ScoreFast(nil, start); err != nil {
			t.Fatalf("the instance after it: %v", err)
		}
	}
}
