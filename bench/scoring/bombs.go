package scoring

import (
	"bytes"
	"encoding/binary"
	"slices"

	"ripen/wasm"
)

// bomb is an upload that means harm.
type bomb struct {
	name   string
	fits   bool // within every limit: it may be taken, if it compiles in time
	module []byte
}

// bombs are the worst uploads that were found: those that end or stall a plain
// engine, and the costliest of each kind that Ripen's limits let through to the
// child that compiles them.
func bombs() ([]bomb, error) {
	man := hostileManifest()
	endless, err := withManifest(hostileModule, man)
	if err != nil {
		return nil, err
	}
	list := []bomb{
		{"a count of 2^32-1", false, []byte("\x00asm\x01\x00\x00\x00\x06\x05\xff\xff\xff\xff\x0f")},
		{"a length without end", false, append([]byte("\x00asm\x01\x00\x00\x00\x01"), bytes.Repeat([]byte{0x80}, 1000)...)},
		{"a megabyte", false, make([]byte, 1<<20)},
		{"works without end", false, endless},
	}
	for _, f := range []struct {
		name string
		fits bool
		n    int
		body []byte
	}{
		{"a thousand locals in nested loops", false, 1, function(1000, nested(200, repeat([]byte{0x20, 0, 0x21, 1}, 200)))},
		{"nested loops", true, 3, function(512, nested(16, repeat([]byte{0x20, 0, 0x21, 1}, 200)))},
		{"loops side by side", true, 2, function(512, repeat(slices.Concat([]byte{0x03, 0x40}, repeat([]byte{0x20, 0, 0x21, 1}, 70), []byte{0x41, 0, 0x0d, 0, 0x0b}), 97))},
		{"divisions", true, 7, function(0, repeat([]byte{0x42, 3, 0x42, 5, 0x7f, 0x1a}, 5000))},
		{"calls that come back", false, 7, function(0, repeat([]byte{0x10, 3}, 15_000))},
		{"a jump table", false, 1, function(0, slices.Concat([]byte{0x41, 0, 0x0e}, binary.AppendUvarint(nil, 30_000), make([]byte, 30_001)))},
	} {
		b, err := withFunctions(man, f.n, f.body)
		if err != nil {
			return nil, err
		}
		list = append(list, bomb{f.name, f.fits, b})
	}
	return list, nil
}

func repeat(b []byte, n int) []byte { return bytes.Repeat(b, n) }

// nested puts code into so many loops.
func nested(loops int, code []byte) []byte {
	return slices.Concat(repeat([]byte{0x03, 0x40}, loops), code, repeat([]byte{0x0b}, loops))
}

// function is a body with so many locals, i64.
func function(locals int, code []byte) []byte {
	b := []byte{0}
	if locals > 0 {
		b = append(binary.AppendUvarint([]byte{1}, uint64(locals)), 0x7e)
	}
	b = append(append(b, code...), 0x0b)
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

// withFunctions is a module of the ABI that does nothing, and beside that has a
// body n times.
func withFunctions(man *wasm.Manifest, n int, body []byte) ([]byte, error) {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, parts ...[]byte) {
		b := slices.Concat(parts...)
		out = append(binary.AppendUvarint(append(out, id), uint64(len(b))), b...)
	}
	export := func(name string, kind, index byte) []byte {
		return slices.Concat([]byte{byte(len(name))}, []byte(name), []byte{kind, index})
	}
	section(1, []byte{4, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7e, 1, 0x7c, 0x60, 0, 0})
	section(3, []byte{byte(3 + n), 0, 1, 2}, repeat([]byte{3}, n))
	section(5, []byte{1, 1, 2, 2})
	section(7, []byte{4}, export(wasm.ExportMemory, 2, 0), export(wasm.ExportIO, 0, 0), export(wasm.ExportFold, 0, 1), export(wasm.ExportScore, 0, 2))
	zero := slices.Concat([]byte{11, 0, 0x44}, make([]byte, 8), []byte{0x0b})
	section(10, []byte{byte(3 + n), 4, 0, 0x41, 0, 0x0b, 4, 0, 0x41, 0, 0x0b}, zero, repeat(body, n))
	return withManifest(out, man)
}
