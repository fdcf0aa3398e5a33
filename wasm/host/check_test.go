package host

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

// handmade is a module written section by section, to be spoiled.
type handmade struct {
	sections map[byte][]byte
	fold     []byte // body of ripen_fold
	man      wasm.Manifest
}

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
		man:  *man,
		fold: []byte{0x41, 0, 0x0b},
		sections: map[byte][]byte{
			1: {3, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7e, 1, 0x7c},
			3: {3, 0, 1, 2},
			5: {1, 1, 1, 1},
			6: {1, 0x7e, 1, 0x42, 0, 0x0b},
			7: slices.Concat([]byte{5}, exported(wasm.ExportMemory, 2, 0), exported(wasm.ExportIO, 0, 0),
				exported(wasm.ExportFold, 0, 1), exported(wasm.ExportScore, 0, 2), exported(wasm.ExportGas, 3, 0)),
		},
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
	if h.sections[10] == nil {
		score := append([]byte{0x44}, make([]byte, 8)...)
		h.sections[10] = slices.Concat([]byte{3}, body([]byte{0x41, 0, 0x0b}), body(h.fold), body(append(score, 0x0b)))
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
		_, err := Check(h.bytes())
		var no *Refusal
		if want == "" && err == nil {
			return
		}
		if !errors.As(err, &no) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	set := func(id byte, b ...byte) func(h *handmade) { return func(h *handmade) { h.sections[id] = b } }
	f("", func(*handmade) {})
	f("module: import section at byte", set(2, 1, 1, 'a', 1, 'b', 0, 0))
	f("table section", set(4, 1, 0x70, 0, 1))
	f("start section", set(8, 0))
	f("element section", set(9, 0))
	f("the memory has no maximum", set(5, 1, 0, 1))
	f("1 to 17 pages, at most 16", set(5, 1, 1, 1, 17))
	f("entries, at most", set(5, 2, 1, 1, 1, 1, 1, 1))
	f("no memory named memory", set(5, 0))
	f("2 bodies for 3 functions", set(10, 2, 0, 0))
	f("no gas counter", set(6, 1, 0x7e, 0, 0x42, 0, 0x0b))
	f("not a function type", set(1, 1, 0x61, 0, 0))
	f("no function ripen_", set(3, 3, 0, 0, 0))
	f("begins with more than a constant", set(6, 1, 0x7e, 1, 0x42, 0, 0x42, 0, 0x0b))
	f("exports, the ABI has 5", func(h *handmade) {
		h.sections[7] = append(h.sections[7], exported("more", 0, 0)...)
		h.sections[7][0] = 6
	})
	f("bytes too many", func(h *handmade) { h.sections[5] = append(h.sections[5], 0) })
	f("the manifest wants ABI 2", func(h *handmade) { h.man.ABI = 2 })
	// A count of four thousand million in any section costs nothing.
	for id := range byte(13) {
		if id == 0 {
			continue
		}
		h := newHandmade(t, c)
		h.sections[id] = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
		b := h.bytes()
		if n := testing.AllocsPerRun(1, func() {
			if _, err := Check(b); err == nil {
				t.Errorf("section %d with 2^32-1 entries is taken", id)
			}
		}); n > 200 {
			t.Errorf("section %d: %v allocations", id, n)
		}
	}
	if _, err := Check([]byte("not wasm")); err == nil || !strings.Contains(err.Error(), "header section at byte 0: not a WebAssembly module") {
		t.Error(err)
	}
	if _, err := Check(make([]byte, moduleMax+1)); err == nil {
		t.Error("a megabyte and more is taken")
	}
}

// TestRunaway cuts a loop without end, in milliseconds, and goes on.
func TestRunaway(t *testing.T) {
	c := card(t, "interes.yaml")
	h := newHandmade(t, c)
	charge := []byte{0x23, 0, 0x42, 4, 0x7d, 0x24, 0, 0x23, 0, 0x42, 0, 0x53, 0x04, 0x40, 0x00, 0x0b}
	h.fold = slices.Concat([]byte{0x03, 0x40}, charge, []byte{0x0c, 0, 0x0b, 0x00, 0x0b})
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
	began := time.Now()
	for range 3 {
		if _, err := in.Fold(nil, evs); !errors.Is(err, ErrGas) {
			t.Fatalf("a loop without end: %v", err)
		}
		if _, err := in.ScoreFast(nil, start); err != nil {
			t.Fatalf("the instance after it: %v", err)
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("three runaways took %v", d)
	}
}

// FuzzCheck feeds the structural check anything: it must answer.
func FuzzCheck(f *testing.F) {
	c := card(f, "interes.yaml")
	h := newHandmade(f, c)
	f.Add(h.bytes())
	b, err := compile.Module(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Check(b)
		var no *Refusal
		if err != nil && !errors.As(err, &no) || err == nil && m == nil {
			t.Fatalf("%v, %v", m, err)
		}
	})
}
