package host

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"ripen/wasm"
)

// Limits of a module.
const (
	moduleMax   = 1 << 20
	pagesMax    = 16
	typesMax    = 256
	funcsMax    = 2000
	globalsMax  = 256
	exportsMax  = 64
	segmentsMax = 256
	manifestMax = 256 << 10
)

// Refusal says why a module is not loaded: the section, the offset in the file,
// and what is wrong.
type Refusal struct {
	Section string
	Offset  int
	What    string
}

// Error returns module: section at offset: what.
func (e *Refusal) Error() string {
	return fmt.Sprintf("module: %s section at byte %d: %s", e.Section, e.Offset, e.What)
}

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count"}

// reader walks a module's bytes. Once it has failed it reads zeros.
type reader struct {
	b       []byte
	at, end int
	section string
	err     *Refusal
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &Refusal{r.section, r.at, fmt.Sprintf(format, args...)}
	}
	r.at = r.end
}

func (r *reader) byte() byte {
	if r.at >= r.end {
		r.fail("it ends too soon")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) u32() int {
	v, n := binary.Uvarint(r.b[r.at:min(r.end, r.at+5)])
	if n <= 0 || v > 1<<32-1 {
		r.fail("a number is cut off or too large")
		return 0
	}
	r.at += n
	return int(v)
}

// count reads the length of a vector: no more than limit, and no more than the
// bytes that are left could hold.
func (r *reader) count(limit int) int {
	n := r.u32()
	if n > limit || n > r.end-r.at {
		r.fail("%d entries, at most %d and no more than its bytes", n, limit)
		return 0
	}
	return n
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > r.end-r.at {
		r.fail("%d bytes wanted, %d left", n, r.end-r.at)
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) name() string { return string(r.bytes(r.count(128))) }

// shape is what [Check] learns of a module.
type shape struct {
	types    []string // parameters, then |, then results
	funcs    []int    // the type of each function
	globals  []string // the type of each global, and m if it may change
	memories int
	exports  map[string]export
	manifest []byte
	last     int // the id of the section before
}

type export struct {
	kind  byte
	index int
}

// Check reads the structure of a module without running or compiling it, and
// returns its manifest. It refuses whatever a scoring module has no use for.
func Check(b []byte) (*wasm.Manifest, error) {
	r := &reader{b: b, end: len(b), section: "header"}
	s := &shape{exports: map[string]export{}}
	if len(b) > moduleMax {
		r.fail("%d bytes, at most %d", len(b), moduleMax)
	}
	if string(r.bytes(8)) != "\x00asm\x01\x00\x00\x00" {
		r.at = 0
		r.fail("not a WebAssembly module of version 1")
	}
	for r.err == nil && r.at < len(b) {
		r.section, r.end = "header", len(b)
		s.section(r)
	}
	if r.err == nil {
		r.section = "export"
		s.complete(r)
	}
	if r.err != nil {
		return nil, r.err
	}
	return readManifest(s.manifest)
}

func (s *shape) section(r *reader) {
	id, size := int(r.byte()), r.u32()
	if r.err != nil || id >= len(sectionNames) || size > r.end-r.at {
		r.fail("section %d of %d bytes does not fit", id, size)
		return
	}
	r.section, r.end = sectionNames[id], r.at+size
	if id != 0 && id <= s.last {
		r.fail("it stands in the wrong place")
		return
	}
	if id != 0 {
		s.last = id
	}
	switch id {
	case 0:
		if r.name() == wasm.Section {
			s.manifest = r.bytes(r.end - r.at)
		}
		r.at = r.end
	case 1:
		s.typeSection(r)
	case 3:
		for range r.count(funcsMax) {
			s.funcs = append(s.funcs, r.u32())
		}
	case 5:
		s.memorySection(r)
	case 6:
		s.globalSection(r)
	case 7:
		s.exportSection(r)
	case 10:
		if n := r.count(funcsMax); n != len(s.funcs) {
			r.fail("%d bodies for %d functions", n, len(s.funcs))
		}
		r.at = r.end
	case 11:
		r.count(segmentsMax)
		r.at = r.end
	default:
		r.fail("a scoring module has none")
	}
	if r.err == nil && r.at != r.end {
		r.fail("%d bytes too many", r.end-r.at)
	}
}

func (s *shape) typeSection(r *reader) {
	for range r.count(typesMax) {
		if r.byte() != 0x60 {
			r.fail("not a function type")
			return
		}
		params := string(r.bytes(r.count(16)))
		s.types = append(s.types, params+"|"+string(r.bytes(r.count(16))))
	}
}

func (s *shape) memorySection(r *reader) {
	s.memories = r.count(1)
	if s.memories == 0 {
		return
	}
	flags, least := r.byte(), r.u32()
	if flags != 1 {
		r.fail("the memory has no maximum")
		return
	}
	if most := r.u32(); most > pagesMax || least > most {
		r.fail("%d to %d pages, at most %d", least, most, pagesMax)
	}
}

func (s *shape) globalSection(r *reader) {
	for range r.count(globalsMax) {
		t := string(r.bytes(1))
		if r.byte() == 1 {
			t += "m"
		}
		s.globals = append(s.globals, t)
		switch r.byte() {
		case 0x41, 0x42:
			for r.err == nil && r.byte()&0x80 != 0 {
			}
		case 0x43:
			r.bytes(4)
		case 0x44:
			r.bytes(8)
		default:
			r.fail("a global does not begin with a constant")
		}
		if r.byte() != 0x0b {
			r.fail("a global begins with more than a constant")
		}
	}
}

func (s *shape) exportSection(r *reader) {
	for range r.count(exportsMax) {
		name := r.name()
		s.exports[name] = export{r.byte(), r.u32()}
	}
}

// complete checks that the exports are those of the ABI, and no others.
func (s *shape) complete(r *reader) {
	wanted := map[string]string{wasm.ExportIO: "|\x7f", wasm.ExportFold: "\x7f|\x7f", wasm.ExportScore: "\x7e|\x7c"}
	for name, sig := range wanted {
		e, ok := s.exports[name]
		if !ok || e.kind != 0 || e.index >= len(s.funcs) || s.funcs[e.index] >= len(s.types) || s.types[s.funcs[e.index]] != sig {
			r.fail("no function %s of the ABI's type", name)
		}
	}
	if e, ok := s.exports[wasm.ExportMemory]; !ok || e.kind != 2 || s.memories != 1 {
		r.fail("no memory named %s", wasm.ExportMemory)
	}
	if e, ok := s.exports[wasm.ExportGas]; !ok || e.kind != 3 || e.index >= len(s.globals) || s.globals[e.index] != "\x7em" {
		r.fail("no gas counter: the module was not metered")
	}
	if len(s.exports) != 5 {
		r.fail("%d exports, the ABI has 5", len(s.exports))
	}
}

func readManifest(b []byte) (*wasm.Manifest, error) {
	var m wasm.Manifest
	if len(b) > manifestMax {
		return nil, &Refusal{"custom", 0, fmt.Sprintf("the manifest has %d bytes, at most %d", len(b), manifestMax)}
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, &Refusal{"custom", 0, "no manifest in section " + wasm.Section}
	}
	if m.ABI != wasm.ABI || m.StateMax > wasm.StateMax || m.StateMax < 0 {
		return nil, &Refusal{"custom", 0, fmt.Sprintf("the manifest wants ABI %d and %d bytes of state; this host has ABI %d and %d bytes",
			m.ABI, m.StateMax, wasm.ABI, wasm.StateMax)}
	}
	return &m, nil
}
