package host

import (
	"encoding/json"
	"fmt"

	"ripen/wasm"
	"ripen/wasm/meter"
)

// Limits of a manifest.
const (
	manifestMax = 256 << 10 // of a card that compile wrote: a big card has many fields
	uploadMax   = 8 << 10   // of a stranger's
)

// What a stranger's module gets at most for a call, beside wasm.GasMax.
const (
	initGas      = wasm.GasMax // to begin: after a trap that is on the hot path
	uploadFold   = 40_000      // an event
	uploadScore  = 100_000     // a score
	exportInit   = "_initialize"
	manifestHint = "need a manifest of this ABI in the custom section " + wasm.Section
)

// checked is a module that has been read and bounded.
type checked struct {
	mod *meter.Module
	man *wasm.Manifest
}

// Check reads the structure of a module that compile wrote, without running or
// compiling it, and returns its manifest. What it refuses is a [*meter.Refusal].
func Check(b []byte) (*wasm.Manifest, error) {
	c, err := check(b, meter.Own)
	if err != nil {
		return nil, err
	}
	return c.man, nil
}

func check(b []byte, author meter.Author) (*checked, error) {
	m, err := meter.Parse(b, author, wasm.Section)
	if err != nil {
		return nil, err
	}
	if err := exports(m); err != nil {
		return nil, err
	}
	man, err := readManifest(m, manifestMax)
	if err != nil {
		return nil, err
	}
	return &checked{m, man}, nil
}

// checkUpload is check for a stranger's module, which has less of everything.
func checkUpload(b []byte) (*checked, error) {
	c, err := check(b, meter.Stranger)
	if err != nil {
		return nil, err
	}
	custom, at := c.mod.Custom()
	no := func(limit int64, found string, args ...any) error {
		return &meter.Refusal{Section: "custom", Offset: at, Limit: fmt.Sprintf("at most %d", limit), Found: fmt.Sprintf(found, args...)}
	}
	switch {
	case len(custom) > uploadMax:
		return nil, no(uploadMax, "a manifest of %d bytes", len(custom))
	case c.man.FoldGas > uploadFold:
		return nil, no(uploadFold, "fold_gas: %d", c.man.FoldGas)
	case c.man.ScoreGas > uploadScore:
		return nil, no(uploadScore, "score_gas: %d", c.man.ScoreGas)
	}
	if c.man.FoldGas <= 0 {
		c.man.FoldGas = uploadFold
	}
	if c.man.ScoreGas <= 0 {
		c.man.ScoreGas = uploadScore
	}
	return c, nil
}

// exports checks that a module has what the ABI calls.
func exports(m *meter.Module) error {
	for _, f := range [...][2]string{
		{wasm.ExportIO, "-> i32"},
		{wasm.ExportFold, "i32 -> i32"},
		{wasm.ExportScore, "i64 -> f64"},
	} {
		if sig := m.Func(f[0]); sig != f[1] {
			return &meter.Refusal{Section: "export", Offset: m.Exports(), Limit: fmt.Sprintf("need (%s)", f[1]), Found: "function " + f[0] + ": " + orNone(sig)}
		}
	}
	for _, f := range [...][2]string{ // it may have these
		{wasm.ExportBoth, "i32 i64 -> f64"},
		{exportInit, "->"},
	} {
		if sig := m.Func(f[0]); sig != "" && sig != f[1] {
			return &meter.Refusal{Section: "export", Offset: m.Exports(), Limit: fmt.Sprintf("need (%s)", f[1]), Found: "function " + f[0] + ": " + orNone(sig)}
		}
	}
	if !m.Memory(wasm.ExportMemory) {
		return &meter.Refusal{Section: "export", Offset: m.Exports(), Limit: "need the module's memory", Found: "no export " + wasm.ExportMemory}
	}
	return nil
}

func orNone(sig string) string {
	if sig == "" {
		return "there is none"
	}
	return "(" + sig + ")"
}

func readManifest(m *meter.Module, limit int) (*wasm.Manifest, error) {
	b, at := m.Custom()
	no := func(limit, found string, args ...any) error {
		return &meter.Refusal{Section: "custom", Offset: at, Limit: limit, Found: fmt.Sprintf(found, args...)}
	}
	var man wasm.Manifest
	switch {
	case b == nil || at == 0:
		return nil, no(manifestHint, "there is none")
	case len(b) > limit:
		return nil, no(fmt.Sprintf("at most %d", limit), "a manifest of %d bytes", len(b))
	}
	if err := json.Unmarshal(b, &man); err != nil {
		return nil, no(manifestHint, "not JSON of a manifest: %v", err)
	}
	switch {
	case man.ABI != wasm.ABI:
		return nil, no(fmt.Sprintf("this host has %d", wasm.ABI), "abi: %d", man.ABI)
	case man.StateMax < 0 || man.StateMax > wasm.StateMax:
		return nil, no(fmt.Sprintf("at most %d", wasm.StateMax), "state_max: %d", man.StateMax)
	case len(man.Dims) > wasm.DimsMax:
		return nil, no(fmt.Sprintf("at most %d", wasm.DimsMax), "%d dimensions", len(man.Dims))
	}
	return &man, nil
}
