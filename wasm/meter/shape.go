package meter

import "strings"

// export is one entry of the export section.
type export struct {
	name  string
	kind  byte // 0 function, 1 table, 2 memory, 3 global
	index int
}

func (m *Module) exports() []export {
	s := m.sections[7]
	if s.empty() {
		return nil
	}
	r := &reader{b: m.src, at: s.from, end: s.to}
	list := make([]export, r.u32())
	for i := range list {
		list[i].name = string(r.name())
		list[i].kind = r.byte()
		list[i].index = r.u32()
	}
	return list
}

// elements are the functions of the table.
func (m *Module) elements() (list []uint16) {
	s := m.sections[9]
	r := &reader{b: m.src, at: s.from, end: s.to}
	if s.empty() {
		return nil
	}
	for range r.u32() {
		r.u32()
		r.constant()
		for range r.u32() {
			list = append(list, uint16(r.u32()))
		}
	}
	return list
}

// signature writes a type as text: i32 i64 -> f64.
func (m *Module) signature(i int) string {
	t := &m.types[i]
	word := func(at uint32, n uint8) string {
		var s []string
		for _, v := range m.src[at : at+uint32(n)] {
			s = append(s, [...]string{"v128", "f64", "f32", "i64", "i32"}[v-0x7b])
		}
		return strings.Join(s, " ")
	}
	return strings.TrimSpace(word(t.params, t.nParams) + " -> " + word(t.results, t.nResults))
}

// Func returns the type of an exported function, such as i32 -> i32, and "" if
// there is none.
func (m *Module) Func(name string) string {
	for _, e := range m.exports() {
		if e.name == name && e.kind == 0 {
			return m.signature(int(m.funcs[e.index]))
		}
	}
	return ""
}

// Memory says whether the module exports its memory under a name.
func (m *Module) Memory(name string) bool {
	for _, e := range m.exports() {
		if e.name == name && e.kind == 2 {
			return true
		}
	}
	return false
}

// Custom returns the contents of the custom section that Parse kept, and where
// they begin; nil if there is none.
func (m *Module) Custom() (b []byte, at int) {
	return m.src[m.manifest.from:m.manifest.to], m.manifest.from
}

// Grows says whether the module may ask for more memory as it runs.
func (m *Module) Grows() bool { return m.grows }

// Exports returns where the export section begins, for refusals.
func (m *Module) Exports() int { return m.sections[7].from }

// Functions returns how many functions the module has.
func (m *Module) Functions() int { return len(m.funcs) }

// Code returns where the code section begins, for refusals.
func (m *Module) Code() int { return m.sections[10].from }

// Size returns how many bytes the module has.
func (m *Module) Size() int { return len(m.src) }

// Pages returns how many pages of memory the module has at first and at most.
func (m *Module) Pages() (least, most int) { return m.pages[0], m.pages[1] }
