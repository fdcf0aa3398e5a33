package meter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// meteredModule instantiates a built module with gas.
func meteredModule(t *testing.T, b *built) api.Module {
	t.Helper()
	m, err := Parse(b.bytes(), Stranger, "")
	if err != nil {
		t.Fatal(err)
	}
	src, err := m.Metered(1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { rt.Close(ctx) })
	mod, err := rt.InstantiateWithConfig(ctx, src, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// spent calls f with this much gas and returns what it used.
func spent(t *testing.T, mod api.Module, gas int64, args ...uint64) (int64, error) {
	t.Helper()
	g := mod.ExportedGlobal(ExportGas).(api.MutableGlobal)
	g.Set(uint64(gas))
	_, err := mod.ExportedFunction("f").Call(context.Background(), args...)
	return gas - int64(g.Get()), err
}

// TestEscapes tries to run for ever, each way that comes to mind: all end, with
// the gas below zero or the depth at its limit.
func TestEscapes(t *testing.T) {
	forever := []byte{opLoop, 0x40, opBr, 0, opEnd}
	f := func(what string, b *built, deep bool) {
		t.Helper()
		mod := meteredModule(t, b)
		used, err := spent(t, mod, 500_000)
		if err == nil || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("%s: %v", what, err)
		}
		if depth := mod.ExportedGlobal(ExportDepth).Get(); deep != (depth > DepthMax) || !deep && used <= 500_000 {
			t.Errorf("%s: %d gas used, depth %d", what, used, depth)
		}
	}
	f("a loop", one(forever...), false)
	f("a loop in an arm", one(slices.Concat([]byte{opI32Const, 1, opIf, 0x40, opElse, opEnd}, forever)...), false)
	f("a loop by br_if", one(opLoop, 0x40, opI32Const, 1, opBrIf, 0, opEnd), false)
	f("a loop by br_table", one(opLoop, 0x40, opI32Const, 0, opBrTable, 1, 0, 0, opEnd), false)
	f("a loop that calls an empty function", one(opLoop, 0x40, opCall, 1, opBr, 0, opEnd).function([]byte{0}), false)
	f("recursion", one(opCall, 0), true)
	f("recursion through another", one(opCall, 1).function([]byte{0}, opCall, 0), true)
	f("recursion through the table", one(opI32Const, 0, opCallIndirect, 0, 0).set(4, 1, 0x70, 0, 1).set(9, 1, 0, 0x41, 0, opEnd, 1, 0), true)
	f("doubling without loops", doubling(40), false)
	f("two calls of itself", one(opCall, 0, opCall, 0), true)
	f("large fills", one(opLoop, 0x40, opI32Const, 0, opI32Const, 0, opI32Const, 0xff, 0xff, 3, 0xfc, 11, 0, opBr, 0, opEnd), false)
	f("memory.grow", one(opLoop, 0x40, opI32Const, 0, opMemoryGrow, 0, 0x1a, opBr, 0, opEnd), false)
}

// doubling is n functions that each call the next one twice.
func doubling(n int) *built {
	b := one(opCall, 1, opCall, 1)
	for i := 2; i <= n; i++ {
		b.function([]byte{0}, opCall, byte(i), opCall, byte(i))
	}
	return b.function([]byte{0})
}

// TestStart runs out of gas before it is called: a start function has the
// initial gas.
func TestStart(t *testing.T) {
	m, err := Parse(one(opLoop, 0x40, opBr, 0, opEnd).set(8, 0).bytes(), Stranger, "")
	if err != nil {
		t.Fatal(err)
	}
	src, err := m.Metered(1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	rt := wazero.NewRuntime(t.Context())
	defer rt.Close(t.Context())
	if _, err := rt.Instantiate(t.Context(), src); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("a start function without end: %v", err)
	}
}

// TestReserved shows the hole: a module that sets a global it has not got would
// set the counter, were it not read before it is written.
func TestReserved(t *testing.T) {
	for i := range byte(3) {
		b := one(opLoop, 0x40, opI64Const, 0xff, 0xff, 0xff, 0xff, 0, opGlobalSet, i, opBr, 0, opEnd).set(6, 1, i32, 1, opI32Const, 0, opEnd)
		_, err := Parse(b.bytes(), Stranger, "")
		if want := fmt.Sprintf("global %d; there are 1", i); i > 0 && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("global %d: %v", i, err)
		}
	}
}

// TestGas holds costs to what they are said to be.
func TestGas(t *testing.T) {
	f := func(what string, want int64, b *built) {
		t.Helper()
		used, err := spent(t, meteredModule(t, b), 1_000_000)
		if err != nil || used != want {
			t.Errorf("%s: %d gas, want %d: %v", what, used, want, err)
		}
	}
	push := []byte{opI32Const, 0, 0x1a} // 2 gas
	f("nothing", 1, one())
	f("a run", 20, one(repeat(push, 10)...))
	f("the dearer arm", 1+1+20, one(slices.Concat([]byte{opI32Const, 1, opIf, 0x40}, push, []byte{opElse}, repeat(push, 10), []byte{opEnd})...))
	f("a call, with what is called", 5+2, one(opCall, 1).function([]byte{0}, push...))
	f("a large one pays itself, once called", 5+400, one(opCall, 1).function([]byte{0}, repeat(push, 200)...))
	f("… and not if it is not", 5+2, one(slices.Concat([]byte{opI32Const, 0, opIf, 0x40, opCall, 1, opEnd})...).function([]byte{0}, repeat(push, 200)...))
	f("division", 1+1+4+1, one(opI32Const, 1, opI32Const, 1, 0x6d, 0x1a))
	f("a fill of 160", 3+32+10, one(opI32Const, 0, opI32Const, 0, opI32Const, 0xa0, 1, 0xfc, 11, 0))
	f("memory.grow", 1+256+1, one(opI32Const, 0, opMemoryGrow, 0, 0x1a))
	// for i = 10; i > 0; i-- {}: 2 to set it, 1 for the loop, 6 a turn
	b := one()
	b.bodies = nil
	b.function([]byte{1, 1, i32}, opI32Const, 10, 0x21, 0, opLoop, 0x40, opLocalGet, 0, opI32Const, 1, 0x6b, opLocalTee, 0, opBrIf, 0, opEnd)
	f("a loop of ten turns", 3+50, b)
}

// TestDeep refuses chains of calls that would need a large stack.
func TestDeep(t *testing.T) {
	b := one(opCall, 1)
	for i := 2; i < 60; i++ {
		code := slices.Concat(repeat([]byte{opI32Const, 0}, 4000), repeat([]byte{0x1a}, 4000), []byte{opCall, byte(i)})
		b.function([]byte{0}, code...)
	}
	m, err := Parse(b.function([]byte{0}).bytes(), Own, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Metered(1); err == nil || !strings.Contains(err.Error(), "bytes of stack; at most 1048576") {
		t.Error(err)
	}
}
