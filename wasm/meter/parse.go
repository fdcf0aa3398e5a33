package meter

import (
	"fmt"
	"strings"
)

// Module is a module that [Parse] has taken.
type Module struct {
	src      []byte
	author   Author
	sections [len(sectionNames)]span
	manifest span // contents of the custom section that is kept
	types    []funcType
	funcs    []uint16 // the type of each function
	bodies   []body
	globals  int
	tables   int
	memories int
	pages    [2]int // of the memory: at least, at most
	counted  int    // data segments that instructions may name
	segments int
	start    int // the function that runs first; -1 = none
	grows    bool
}

type span struct{ from, to int }

func (s span) empty() bool { return s.to == 0 }

// funcType is a type of the type section: where its parameters and results
// stand in the file.
type funcType struct {
	params, results   uint32
	nParams, nResults uint8
}

// body is one function's entry in the code section.
type body struct {
	locals, code, end uint32 // where its locals, its instructions and the next body begin
	n                 uint16 // parameters and locals
	bulk              bool   // it has bulk memory instructions
}

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count"}

// sectionOrder is the place of each section: the data count stands before the
// code.
var sectionOrder = [...]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10}

// Parse reads a module, keeping the custom section of that name. It keeps b.
// What it refuses is a [*Refusal].
func Parse(b []byte, author Author, custom string) (*Module, error) {
	r := &reader{b: b, end: len(b), section: "file"}
	m := &Module{src: b, author: author, start: -1}
	if size := author.size(); len(b) > size {
		r.refuse(size, fmt.Sprintf("at most %d", size), "%d bytes", len(b))
	} else if len(b) < 8 || string(b[:8]) != "\x00asm\x01\x00\x00\x00" {
		r.refuse(0, wellFormed, "not a WebAssembly module of version 1")
	}
	r.skip(8)
	for last := 0; r.err == nil && r.at < len(b); {
		r.section, r.end = "file", len(b)
		last = m.section(r, last, custom)
	}
	if r.err == nil {
		r.section, r.at = "code", len(b)
		m.complete(r)
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// section reads one section and returns its place in the order.
func (m *Module) section(r *reader, last int, custom string) int {
	start := r.at
	id, size := int(r.byte()), r.u32()
	if r.err != nil {
		return last
	}
	if id >= len(sectionNames) || size > r.end-r.at {
		r.refuse(start, wellFormed, "section %d of %d bytes, %d left", id, size, r.end-r.at)
		return last
	}
	r.section, r.end = sectionNames[id], r.at+size
	if id == 0 {
		if string(r.name()) == custom && r.err == nil {
			m.manifest = span{r.at, r.end}
		}
		r.at = r.end
		return last
	}
	if sectionOrder[id] <= last {
		r.refuse(start, wellFormed, "it stands in the wrong place")
		return last
	}
	m.sections[id] = span{r.at, r.end}
	m.contents(r, id)
	if r.err == nil && r.at != r.end {
		r.refuse(r.at, wellFormed, "%d bytes too many", r.end-r.at)
	}
	return sectionOrder[id]
}

func (m *Module) contents(r *reader, id int) {
	switch id {
	case 1:
		m.typeSection(r)
	case 2:
		m.importSection(r)
	case 3:
		m.funcs = make([]uint16, r.count("functions", funcsMax, 1))
		for i := range m.funcs {
			m.funcs[i] = uint16(r.index("type", len(m.types)))
		}
	case 4:
		m.tableSection(r)
	case 5:
		m.memorySection(r)
	case 6:
		m.globals = r.count("globals", globalsMax, 4)
		for range m.globals {
			r.valType()
			m.flag(r, 1)
			r.constant()
		}
	case 7:
		m.exportSection(r)
	case 8:
		m.start = r.index("function", len(m.funcs))
	case 9:
		m.elementSection(r)
	case 10:
		m.codeSection(r)
	case 11:
		m.dataSection(r)
	case 12:
		m.counted = r.count("data segments", segmentsMax, 0)
	}
}

func (m *Module) flag(r *reader, most byte) byte {
	start := r.at
	f := r.byte()
	if f > most {
		r.refuse(start, fmt.Sprintf("at most %d", most), "a flag of %d", f)
	}
	return f
}

// importSection refuses whatever is imported, and names the first: a toolchain
// often adds it unasked.
func (m *Module) importSection(r *reader) {
	if n := r.u32(); n > 0 {
		from, name := r.name(), r.name()
		r.refuse(m.sections[2].from, "at most 0: a scoring module asks nobody", "%d imports, the first %q", n, string(from)+"."+string(name))
	}
}

func (m *Module) typeSection(r *reader) {
	m.types = make([]funcType, 0, r.count("types", typesMax, 3))
	for range cap(m.types) {
		start := r.at
		if t := r.byte(); t != 0x60 {
			r.refuse(start, "need a function's type", "a type of kind 0x%02x", t)
			return
		}
		var t funcType
		for i, n := range [2]*uint8{&t.nParams, &t.nResults} {
			*n = uint8(r.count("values of a function", paramsMax, 1))
			at := uint32(r.at)
			for range *n {
				r.valType()
			}
			if i == 0 {
				t.params = at
			} else {
				t.results = at
			}
		}
		m.types = append(m.types, t)
	}
}

// limits reads how large a table or memory is at least and at most; most is -1
// if it is not said.
func (m *Module) limits(r *reader, what string, limit int) (least, most int) {
	flags := m.flag(r, 1)
	start := r.at
	least, most = r.u32(), -1
	said := fmt.Sprint(least)
	if flags == 1 {
		most = r.u32()
		said = fmt.Sprintf("%d to %d", least, most)
	}
	if max(least, most) > limit || most >= 0 && least > most {
		r.refuse(start, fmt.Sprintf("at most %d", limit), "%s %s", said, what)
	}
	return least, most
}

func (m *Module) tableSection(r *reader) {
	m.tables = r.count("tables", 1, 3)
	for range m.tables {
		start := r.at
		if t := r.byte(); t != 0x70 {
			r.refuse(start, "need functions", "a table of type 0x%02x", t)
		}
		m.limits(r, "entries of a table", tableMax)
	}
}

func (m *Module) memorySection(r *reader) {
	m.memories = r.count("memories", 1, 2)
	for range m.memories {
		least, most := m.limits(r, "pages of memory", PagesMax)
		if most < 0 {
			most = PagesMax
		}
		m.pages = [2]int{least, most}
	}
}

// Reserved begins the names of exports that metering adds.
const Reserved = "__ripen_"

func (m *Module) exportSection(r *reader) {
	for range r.count("exports", exportsMax, 3) {
		start := r.at
		if name := r.name(); strings.HasPrefix(string(name), Reserved) {
			r.refuse(start, "names that begin with "+Reserved+" are the host's", "an export %s", name)
		}
		space := [4]int{len(m.funcs), m.tables, m.memories, m.globals}
		r.index("an export of index", space[m.flag(r, 3)&3])
	}
}

func (m *Module) elementSection(r *reader) {
	sum := 0
	for range r.count("element segments", tableMax, 4) {
		start := r.at
		if f := r.u32(); f != 0 {
			r.refuse(start, "need functions for table 0 at a constant place", "an element segment of kind %d", f)
		}
		if m.tables == 0 {
			r.refuse(start, "need a table", "an element segment")
		}
		r.constant()
		n := r.count("elements", tableMax, 1)
		if sum += n; sum > tableMax {
			r.refuse(start, fmt.Sprintf("at most %d", tableMax), "%d elements", sum)
		}
		for range n {
			r.index("function", len(m.funcs))
		}
	}
}

func (m *Module) dataSection(r *reader) {
	m.segments = r.count("data segments", segmentsMax, 2)
	for range m.segments {
		start := r.at
		if f := r.u32(); f == 0 {
			r.constant()
			if m.memories == 0 {
				r.refuse(start, "need a memory", "a data segment")
			}
		} else if f != 1 {
			r.refuse(start, "need bytes for memory 0", "a data segment of kind %d", f)
		}
		r.skip(r.count("bytes of data", ownMax, 1))
	}
}

func (m *Module) codeSection(r *reader) {
	start := r.at
	n := r.count("bodies", funcsMax, 3)
	if n != len(m.funcs) {
		r.refuse(start, fmt.Sprintf("there are %d", len(m.funcs)), "bodies for %d functions", n)
		return
	}
	m.bodies = make([]body, n)
	sum := totals{}
	section := r.end
	for i := range m.bodies {
		if r.err != nil {
			return
		}
		start := r.at
		most := bodyMax
		if m.author == Own {
			most = ownMax
		}
		size := r.count("bytes of a function", most, 1)
		if r.err != nil {
			return
		}
		r.end = r.at + size
		m.body(r, i, &sum)
		if r.err == nil && r.at != r.end {
			r.refuse(r.at, wellFormed, "%d bytes behind the end of function %d", r.end-r.at, i)
		}
		if r.err == nil && m.author == Stranger {
			sum.check(r, start)
		}
		r.end = section
	}
}

// complete checks what sections say of each other.
func (m *Module) complete(r *reader) {
	if len(m.bodies) != len(m.funcs) {
		r.refuse(r.at, fmt.Sprintf("there are %d", len(m.funcs)), "bodies for %d functions", len(m.bodies))
	}
	if !m.sections[12].empty() && m.counted != m.segments {
		r.section = sectionNames[12]
		r.refuse(m.sections[12].from, fmt.Sprintf("there are %d", m.segments), "%d data segments", m.counted)
	}
}
