package meter

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

func TestRefused(t *testing.T) {
	f := func(want string, b *built) {
		t.Helper()
		src := b.bytes()
		_, err := Parse(src, Stranger, "")
		no, ok := errors.AsType[*Refusal](err)
		if want == "" && err == nil {
			return
		}
		if !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		} else if no.Offset < 0 || no.Offset > len(src) || no.Section == "" || no.Limit == "" || no.Found == "" {
			t.Errorf("a refusal that lacks something: %+v", no)
		}
	}
	f("", one())
	f("import section at byte 16: 1 imports, the first \"a.b\"; at most 0", one().set(2, 1, 1, 'a', 1, 'b', 0, 0))
	f("1 to 17 pages of memory; at most 16", one().set(5, 1, 1, 1, 17))
	f("17 pages of memory; at most 16", one().set(5, 1, 0, 17))
	f("2 to 1 pages of memory", one().set(5, 1, 1, 2, 1))
	f("", one().set(5, 1, 0, 1))
	f("2 memories; at most 1", one().set(5, 2, 0, 1, 0, 1))
	f("0 to 1025 entries of a table; at most 1024", one().set(4, 1, 0x70, 1, 0, 0x81, 8))
	f("a table of type 0x6f; need functions", one().set(4, 1, 0x6f, 0, 1))
	f("an element segment of kind 1", one().set(4, 1, 0x70, 0, 1).set(9, 1, 1, 0, 1, 0))
	f("bodies for 2 functions; there are 1", one().set(10, 2, 2, 0, opEnd, 2, 0, opEnd))
	f("function 7; there are 1", one(opCall, 7))
	f("global 0; there are 0", one(opI64Const, 0, opGlobalSet, 0))
	f("local 0; there are 0", one(opLocalGet, 0, 0x1a))
	f("label 1; there are 1", one(opBr, 1))
	f("type 1; there are 1", one(opI32Const, 0, opCallIndirect, 1, 0).set(4, 1, 0x70, 0, 1))
	f("table 0; there are 0", one(opI32Const, 0, opCallIndirect, 0, 0))
	f("a block of type 1", one(opBlock, 1, opEnd))
	f("an access to none; need a memory", one(opI32Const, 0, 0x28, 0, 0, 0x1a).set(5, 0))
	f("an alignment of 2^64", one(opI32Const, 0, 0x28, 0x40, 0, 0, 0x1a))
	f("an else without if", one(opBlock, 0x40, opElse, opEnd))
	f("names that begin with __ripen_ are the host's", one().set(7, slices.Concat([]byte{1, 11}, []byte(ExportGas), []byte{0, 0})...))
	f("an export of index 1; there are 1", one().set(7, 1, 1, 'f', 0, 1))
	f("a name is not text; need UTF-8", one().set(7, 1, 1, 0xff, 0, 0))
	f("129 bytes of a name; at most 128", one().set(7, slices.Concat([]byte{1, 0x81, 1}, make([]byte, 140))...))
	f("a number is too long; at most 32 bits in 5 bytes", one(opBr, 0x80, 0x80, 0x80, 0x80, 0x80, 0))
	f("a number is too long; at most 32 bits in 5 bytes", one(opBr, 0xff, 0xff, 0xff, 0xff, 0x1f))
	f("a number is too long; at most 32 bits", one(opI32Const, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x1a))
	f("", one(opI32Const, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x1a))
	f("513 locals; at most 512", one().set(10, 1, 6, 1, 0x81, 4, 0x7f, opEnd, opEnd))
	f("17 values of a function; at most 16", one().set(1, slices.Concat([]byte{1, 0x60, 17}, repeat([]byte{i32}, 17), []byte{0})...))
	f("a value of type 0x6f", one().set(1, 1, 0x60, 1, 0x6f, 0))
	f("instruction 0xfc 15: a table does not change", one(0xfc, 15, 0))
	f("instruction 0xfe; need an instruction of the list", one(0xfe, 0, 0))
	f("instruction 0xfd 256", one(0xfd, 0x80, 2))
	f("instruction 0xfd 154", one(0xfd, 0x9a, 1))
	f("instruction 0x12", one(0x12, 0)) // return_call
	f("instruction 0x06", one(0x06, 0x40, opEnd))
	f("data segment 0; there are 0", one(0xfc, 9, 0))
	f("2 data segments; there are 0", one().set(12, 2))
	f("1 bytes behind the end of function 0", one(opEnd))
	f("it ends too soon", one(opBlock, 0x40))
	f("begins with instruction 0x23", one().set(6, 1, i64, 1, 0x23, 0, opEnd))
	f("more than a constant", one().set(6, 1, i64, 1, 0x42, 0, 0x42, 0, opEnd))
	for _, src := range []string{"", "not wasm", "\x00asm\x02\x00\x00\x00"} {
		if _, err := Parse([]byte(src), Stranger, ""); err == nil || !strings.Contains(err.Error(), "file section at byte 0: not a WebAssembly module") {
			t.Error(err)
		}
	}
	twice := appendSection(one().bytes(), 5, []byte{1, 0, 1})
	if _, err := Parse(twice, Stranger, ""); err == nil || !strings.Contains(err.Error(), "it stands in the wrong place") {
		t.Error(err)
	}
}

// TestBombs builds what makes an engine slow or large, as an attacker would, and
// checks that it is refused or small.
func TestBombs(t *testing.T) {
	f := func(want string, b *built) {
		t.Helper()
		if _, err := Parse(b.bytes(), Stranger, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, op := range []byte{opBlock, opLoop, opIf} {
		f("129 nested blocks; at most 128", one(nested(op, 2000)...))
	}
	loop := []byte{opLoop, 0x40, opEnd}
	f("129 loops in a function", one(repeat(loop, 5000)...))
	f("2001 blocks in a function", one(repeat([]byte{opBlock, 0x40, opEnd}, 10_000)...))
	wide := one()
	wide.bodies = nil
	f("for a function's complexity", wide.function([]byte{1, 0x80, 4, i64}, nested(opLoop, 100)...))
	table := slices.Concat([]byte{opI32Const, 0, opBrTable, 0x81, 2}, make([]byte, 258))
	f("257 targets of a br_table; at most 256", one(table...))
	table = slices.Concat([]byte{opI32Const, 0, opBrTable, 0x80, 2}, make([]byte, 257))
	f("514 targets of br_tables in a function", one(repeat(table, 2)...))
	f("bytes of a function; at most 32768", one(repeat([]byte{opI32Const, 0, 0x1a}, 20_000)...))
	many := one()
	for range 30 {
		many.function([]byte{0}, repeat(loop, 100)...)
	}
	f("squares of the loops", many)
	many = one()
	for range 60 {
		many.function([]byte{1, 0x80, 4, i64}, repeat(loop, 15)...)
	}
	f("in a module", many)
	// 2^32-1 of anything.
	for id := range byte(13) {
		if id == 0 {
			continue
		}
		f("", one().set(id, 0xff, 0xff, 0xff, 0xff, 0x0f))
	}
	if _, err := Parse(make([]byte, UploadMax+1), Stranger, ""); err == nil || !strings.Contains(err.Error(), "file section at byte 262144: 262145 bytes; at most 262144") {
		t.Error(err)
	}
}

// greedy is what allocations count beside eight times the input: the module and
// the refusal.
const greedy = 4 << 10

// allocated returns the bytes that Parse allocates.
func allocated(src []byte) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Parse(src, Stranger, "")
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestParseAllocates(t *testing.T) {
	f := func(what string, src []byte) {
		t.Helper()
		if n := allocated(src); n > 8*len(src)+greedy {
			t.Errorf("%s: %d bytes allocated for %d", what, n, len(src))
		}
	}
	many := one()
	many.bodies = many.bodies[:0]
	for range funcsMax {
		many.function([]byte{0})
	}
	many.sections[7] = []byte{0}
	f("as many functions as may be", many.bytes())
	f("no bodies", one().set(3, append(uleb(funcsMax), make([]byte, funcsMax)...)...).bytes())
	f("types", one().set(1, append(uleb(typesMax), repeat([]byte{0x60, 0, 0}, typesMax)...)...).bytes())
	for id := range byte(13) {
		if id > 0 {
			f("a large count", one().set(id, 0xff, 0xff, 0xff, 0xff, 0x0f).bytes())
		}
	}
}

// FuzzParse spoils modules: Parse must answer, with little memory, and what it
// takes must come out of Metered as the engine takes it, if the engine takes it
// raw.
func FuzzParse(f *testing.F) {
	for i, file := range specFiles(f, "*/testdata/*.wasm") {
		if src, err := os.ReadFile(file); err == nil && i%40 == 0 && len(src) < 4<<10 {
			f.Add(src)
		}
	}
	f.Add(one(repeat([]byte{opLoop, 0x40, opEnd}, 3)...).bytes())
	rt := wazero.NewRuntimeWithConfig(f.Context(), wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, src []byte) {
		if n := allocated(src); n > 8*len(src)+64<<10 { // other goroutines of the fuzzer allocate, too
			t.Errorf("%d bytes allocated for %d", n, len(src))
		}
		m, err := Parse(src, Stranger, "")
		if err != nil {
			if _, ok := errors.AsType[*Refusal](err); !ok {
				t.Fatal(err)
			}
			return
		}
		metered, err := m.Metered(1000)
		if err != nil {
			return // too deep
		}
		raw, rawErr := rt.CompileModule(t.Context(), src)
		got, err := rt.CompileModule(t.Context(), metered)
		if (rawErr == nil) != (err == nil) && (err != nil || !strings.Contains(rawErr.Error(), "custom")) {
			t.Errorf("raw %v, metered %v", rawErr, err)
		}
		if rawErr == nil {
			raw.Close(t.Context())
		}
		if err == nil {
			got.Close(t.Context())
		}
	})
}
