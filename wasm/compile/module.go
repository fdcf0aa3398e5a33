// Package compile turns a scorecard into a WebAssembly module of the ABI in
// ripen/wasm. It writes bytes directly: a card of twenty rules is some kilobytes
// and a fraction of a millisecond.
//
// The module imports nothing and keeps nothing between calls but the state it is
// given. Arithmetic is operation for operation that of scorecard.Eval. The host
// meters it like any other; its manifest says how much gas its calls may need.
package compile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"ripen/wasm"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// The globals of a module.
const (
	gNow     = iota // i64
	gNext           // i64: the earliest moment found so far
	gDown           // f64: how fast the value in hand can fall, points per ms
	gUp             // f64: … and rise
	gDownM          // f64: how far it can fall
	gUpM            // f64: … and rise
	gFirst          // i64: the earliest time that [helpers].timed counted
	gExplain        // i32: not zero if reasons are wanted
	globals
)

// Addresses beyond the IO area, which is at 0.
const (
	addrMoves = wasm.IOSize                 // per dimension: down, up, downMass, upMass
	addrParts = addrMoves + wasm.DimsMax*32 // i32 per feature of a model: what it is worth
	addrData  = addrParts + 4*scorecard.FeaturesMax
	pageSize  = 1 << 16
	pagesMax  = 16
)

const sizeMax = 1 << 20 // bytes of a module: what the host takes of ours

// module is a module being written.
type module struct {
	card   *scorecard.Card
	state  layout
	types  []string // encoded function types
	funcs  []*fn
	data   []byte // at addrData
	h      helpers
	finds  finders
	model  learned
	drifts []drift // per dimension
}

// Module compiles a card.
func Module(c *scorecard.Card) ([]byte, error) {
	m := &module{card: c, drifts: make([]drift, len(c.Dims)), model: learn(c.Model)}
	if err := m.state.fit(c, &m.model); err != nil {
		return nil, err
	}
	io, fold, score := m.fn(nil, i32), m.fn([]byte{i32}, i32), m.fn([]byte{i64}, f64)
	io.i32(0)
	m.helpers()
	m.fold(fold)
	m.score(score)
	both := m.fn([]byte{i32, i64}, f64)
	both.io().get(0).call(fold).mem(i32Store, wasm.OffStateLen).get(1).call(score)
	return m.encode(io, fold, score, both)
}

// fn starts a function. Its index is its place in the module.
func (m *module) fn(params []byte, results ...byte) *fn {
	f := &fn{mod: m, index: len(m.funcs), params: params, results: results}
	m.funcs = append(m.funcs, f)
	return f
}

// text puts constant bytes into memory and returns their address.
func (m *module) text(s string) int32 {
	at := bytes.Index(m.data, []byte(s))
	if at < 0 {
		at = len(m.data)
		m.data = append(m.data, s...)
	}
	return int32(addrData + at)
}

func (m *module) encode(io, fold, score, both *fn) ([]byte, error) {
	end := addrData + len(m.data) + textAhead
	pages := (end + pageSize - 1) / pageSize
	if pages > pagesMax {
		return nil, fmt.Errorf("card %s: its texts need %d pages of memory, at most %d: shorten in: lists or use in_list", m.card.Name, pages, pagesMax)
	}
	var code, funcs []byte
	code = binary.AppendUvarint(code, uint64(len(m.funcs)))
	funcs = binary.AppendUvarint(funcs, uint64(len(m.funcs)))
	for _, f := range m.funcs {
		code = append(code, f.body()...)
		funcs = binary.AppendUvarint(funcs, m.typeOf(f))
	}
	var types []byte
	types = binary.AppendUvarint(types, uint64(len(m.types)))
	for _, t := range m.types {
		types = append(types, t...)
	}
	memory := binary.AppendUvarint(binary.AppendUvarint([]byte{1, 1}, uint64(pages)), uint64(pages))
	exports := []byte{5}
	exports = appendExport(exports, wasm.ExportMemory, 2, 0)
	exports = appendExport(exports, wasm.ExportIO, 0, io.index)
	exports = appendExport(exports, wasm.ExportFold, 0, fold.index)
	exports = appendExport(exports, wasm.ExportScore, 0, score.index)
	exports = appendExport(exports, wasm.ExportBoth, 0, both.index)
	manifest, err := m.manifest()
	if err != nil {
		return nil, err
	}
	out := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	out = appendSection(out, 1, types)
	out = appendSection(out, 3, funcs)
	out = appendSection(out, 5, memory)
	out = appendSection(out, 6, globalSection())
	out = appendSection(out, 7, exports)
	out = appendSection(out, 10, code)
	out = appendSection(out, 11, m.segments())
	out = appendSection(out, 0, append(appendName(nil, wasm.Section), manifest...))
	if len(out) > sizeMax {
		return nil, fmt.Errorf("card %s: its module has %d bytes, at most %d: write fewer or shorter expressions and in: lists", m.card.Name, len(out), sizeMax)
	}
	return out, nil
}

// segments are what stands in memory from the start: the numbers of the rules in the
// reasons, which never change, and the card's constants.
func (m *module) segments() []byte {
	var ids []byte
	for i := range m.told() {
		ids = append(binary.LittleEndian.AppendUint32(ids, uint32(i)), make([]byte, wasm.ReasonSize-4)...)
	}
	out := []byte{2}
	segment := func(at int64, data []byte) {
		out = append(meter.AppendSigned(append(out, 0, 0x41), at), 0x0b)
		out = append(binary.AppendUvarint(out, uint64(len(data))), data...)
	}
	segment(wasm.IOReasons, ids)
	segment(addrData, m.data)
	return out
}

func (m *module) typeOf(f *fn) uint64 {
	t := append(binary.AppendUvarint([]byte{0x60}, uint64(len(f.params))), f.params...)
	t = append(binary.AppendUvarint(t, uint64(len(f.results))), f.results...)
	i := slices.Index(m.types, string(t))
	if i < 0 {
		i = len(m.types)
		m.types = append(m.types, string(t))
	}
	return uint64(i)
}

func globalSection() []byte {
	out := []byte{globals}
	for i := range globals {
		switch i {
		case gDown, gUp, gDownM, gUpM:
			out = append(out, f64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b)
		case gExplain:
			out = append(out, i32, 1, 0x41, 0, 0x0b)
		default:
			out = append(out, i64, 1, 0x42, 0, 0x0b)
		}
	}
	return out
}

func appendName(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendExport(b []byte, name string, kind byte, index int) []byte {
	return binary.AppendUvarint(append(appendName(b, name), kind), uint64(index))
}

func appendSection(b []byte, id byte, body []byte) []byte {
	return append(binary.AppendUvarint(append(b, id), uint64(len(body))), body...)
}

func (m *module) manifest() ([]byte, error) {
	c := m.card
	man := wasm.Manifest{ABI: wasm.ABI, Card: c.Name, StateMax: m.state.max, FoldGas: m.state.gas.fold, ScoreGas: m.state.gas.score}
	for i := range c.Slots {
		man.Fields = append(man.Fields, wasm.ManifestField{Name: c.Slots[i].Name, Type: c.Slots[i].Type()})
	}
	for _, t := range c.Types {
		man.Types = append(man.Types, t.Name)
	}
	for _, d := range c.Dims {
		man.Dims = append(man.Dims, d.Name)
	}
	b, err := json.Marshal(man)
	if err != nil {
		return nil, fmt.Errorf("card %s: write its manifest: %w", c.Name, err)
	}
	return b, nil
}
