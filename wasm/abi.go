// Package wasm holds what a scoring module and its host agree on: the values
// that cross the border, the layout of the IO area, and the one polynomial both
// sides use for powers of two. The argument for each choice is in DESIGN.md.
//
// A module exports its memory and three functions, may export _initialize (),
// which is called first, and imports nothing:
//
//	ripen_io()            -> i32  address of the IO area, 8-aligned, constant
//	ripen_fold(n: i32)    -> i32  folds n events into the state; its new length, or < 0
//	ripen_score(now: i64) -> f64  the unrounded score at now; must not change the state
//
// A module may export a fourth, which spares the host a call for each event: what
// ripen_fold and then ripen_score do, with the state's new length, or < 0, left at
// OffStateLen:
//
//	ripen_fold_score(n: i32, now: i64) -> f64
//
// The IO area, little endian:
//
//	0x0000  header, 256 bytes (the Off constants)
//	0x0100  state, 16 KiB, opaque; all zero for a new lead
//	0x4100  reasons, 512 × {u32 rule, u32 detail, f64 points}
//	0x6100  events, back to back, to the end at 64 KiB
//
// An event is u32 size (a multiple of 8), u16 type index, u16 number of slots,
// i64 time in unix ms, then the slots, then the bytes of strings. A slot is
// u8 tag, u8 from-product, u16 zero, u32 length, u64 value; a string's value is
// the offset of its bytes from the start of its event.
//
// This package imports only the standard library.
package wasm

// ABI is the version of the border, written at OffABI by the host.
const ABI = 1

// Sizes of the IO area and its parts.
const (
	IOSize     = 0x10000
	StateMax   = 16 << 10
	ReasonsMax = 512
	DimsMax    = 16
	StringMax  = 1 << 10 // longer strings reach the guest cut on a rune boundary

	GasMax     = 1_000_000 // about two milliseconds: no call gets more, whatever its manifest says
	ReasonSize = 16
	EventHead  = 16
	SlotSize   = 16
)

// Offsets into the IO area.
const (
	OffABI      = 0x00 // u32, host writes
	OffStateLen = 0x04 // u32, host writes: the length of the state given; ripen_fold_score leaves the new one
	OffEvents   = 0x08 // u32, host writes: the number of events given
	OffFlags    = 0x0c // u32, host writes: 0 or FlagExplain
	OffNow      = 0x10 // i64, host writes
	OffNext     = 0x18 // i64, guest writes: when the score may next change by itself; 0 = never
	OffReasons  = 0x20 // u32, guest writes: how many reasons
	OffDims     = 0x24 // u32, guest writes: how many dimensions
	OffNull     = 0x28 // u32, guest writes: 1 = a gate says this lead is not scored
	OffDim0     = 0x40 // 16 × f64, guest writes

	IOState   = 0x0100
	IOReasons = IOState + StateMax
	IOEvents  = IOReasons + ReasonsMax*ReasonSize
)

// FlagExplain of a call asks for reasons. It is the only flag: a module is not told
// whether events are new, folded again or on trial, for then it could tell them apart.
const FlagExplain = 4

// Names of a module's exports and of its manifest's custom section.
const (
	ExportMemory = "memory"
	ExportIO     = "ripen_io"
	ExportFold   = "ripen_fold"
	ExportScore  = "ripen_score"
	ExportBoth   = "ripen_fold_score" // optional
	Section      = "ripen.manifest"
)

// Tag is the type of a slot's value.
type Tag uint8

// The tags. Missing and Null differ for attributes: an event that does not
// carry an attribute leaves it as it is, one that carries it empty clears it.
const (
	Missing Tag = iota
	Bool        // Num is 0 or 1
	Int         // Num is the int64
	Float       // Num is the float64's bits, never NaN
	String      // Str is valid UTF-8
	Time        // Num is unix ms
	Null        // carried, and empty
)

// Slot is one value of an event as a module sees it.
type Slot struct {
	Tag     Tag
	Product bool // the value is of one product of a list, not of the whole event
	Num     uint64
	Str     []byte // not kept beyond the call it is passed to
}

// Event is one event as a module sees it: its slots stand in the order of the
// manifest's fields.
type Event struct {
	Type   string
	Index  uint16 // of Type in the manifest's event types; 0 = none of them
	TimeMs int64
	Slots  []Slot
	Wire   []byte `json:"-"` // what [Event.Seal] made of them, as it stands in the IO area; empty = nothing did
	Buf    []byte // scratch for the text of numbers; owned by the event
}

// Manifest is what a module says of itself, as JSON in its custom section. What
// only a module without a card needs is marked optional: a card says it itself.
type Manifest struct {
	ABI      int              `json:"abi"`
	Card     string           `json:"card"`
	Fields   []ManifestField  `json:"fields"`
	Types    []string         `json:"event_types"` // Types[0] is "": any other
	Dims     []string         `json:"dimensions"`
	StateMax int              `json:"state_max"`
	FoldGas  int64            `json:"fold_gas"`            // that one event may take
	ScoreGas int64            `json:"score_gas"`           // that a score may take
	Zone     string           `json:"time_zone,omitempty"` // of slots of type day; UTC if empty
	Reasons  []ManifestReason `json:"reasons,omitempty"`   // by the number the guest writes
	Bands    []ManifestBand   `json:"bands,omitempty"`     // from the lowest
}

// ManifestField names the value of one slot.
type ManifestField struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// ManifestReason names a reason and says it to people; {points} in Why stands for
// its points.
type ManifestReason struct {
	Rule string `json:"rule"`
	Why  string `json:"why,omitempty"`
}

// ManifestBand is a run of scores: entered at From, left below Leave.
type ManifestBand struct {
	Name  string `json:"name"`
	From  int    `json:"from"`
	Leave int    `json:"leave,omitempty"` // 0 = From
}
