package meter

import "fmt"

// The most that a module may have. Why these numbers: DESIGN.md of package wasm.
const (
	UploadMax  = 256 << 10 // bytes of a stranger's module
	ownMax     = 1 << 20   // bytes of one of ours
	meteredMax = 2 << 20   // bytes of either with its gas

	PagesMax = 16      // of memory: what fits a core's cache
	StackMax = 1 << 20 // bytes of engine stack a call may need, about, beside recursion's own
	DepthMax = 256     // calls within cycles that may be open at once

	typesMax      = 256
	funcsMax      = 2000
	globalsMax    = 256
	exportsMax    = 64
	tableMax      = 1024
	segmentsMax   = 256
	nameMax       = 128
	paramsMax     = 16
	bodyMax       = 32 << 10
	localsMax     = 512
	nestMax       = 128
	loopsMax      = 128     // in one function
	blocksMax     = 2000    // in one function
	targetsMax    = 256     // of one br_table
	targetSumMax  = 512     // of all in one function
	complexMax    = 100_000 // of one function
	complexSumMax = 400_000
	loopSquares   = 20_000 // Σ loops² over functions
)

// Author is who wrote a module.
type Author byte

// The authors. What only costs an engine time is bounded for strangers: our own
// compiler answers for that itself.
const (
	Stranger Author = iota
	Own
)

func (a Author) size() int {
	if a == Own {
		return ownMax
	}
	return UploadMax
}

// Refusal says why a module is not taken: where, what was found there, and what
// bounds it.
type Refusal struct {
	Section string `json:"section"` // its name in the specification, or file
	Offset  int    `json:"offset"`  // in the file, in bytes
	Limit   string `json:"limit"`
	Found   string `json:"found"`
}

// Error returns one line with all of it.
func (e *Refusal) Error() string {
	return fmt.Sprintf("module: %s section at byte %d: %s; %s", e.Section, e.Offset, e.Found, e.Limit)
}
