package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tetratelabs/wazero"

	"ripen/wasm"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// WorkerCommand is the argument with which a program that can compile strangers'
// modules runs [Work] and nothing else.
const WorkerCommand = "compile-worker"

// ask is what a child is to do.
type ask struct {
	Module []byte
	Cache  string         // an empty directory for compiled code
	Leads  [][]wasm.Event // to be scored on trial
}

// answer is what became of it.
type answer struct {
	Refusal *meter.Refusal
	Report  Report
}

// Work is the whole of a child process: it limits itself, reads what to do from
// in, compiles a stranger's module, tries it, and writes what came of it to out.
// Whatever the module does to the engine, it does here.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := limitChild(); err != nil {
		return fmt.Errorf("limit the worker: %w", err)
	}
	var a ask
	if err := json.NewDecoder(in).Decode(&a); err != nil {
		return fmt.Errorf("read what to compile: %w", err)
	}
	report, err := work(ctx, &a)
	no, refused := err.(*meter.Refusal)
	if err != nil && !refused {
		return err
	}
	return json.NewEncoder(out).Encode(answer{no, report})
}

func work(ctx context.Context, a *ask) (r Report, err error) {
	k, card, err := readUpload(a.Module)
	if err != nil {
		return r, err
	}
	slow, err := newHost(ctx, Config{}, wazero.NewRuntimeConfigInterpreter())
	if err != nil {
		return r, err
	}
	defer slow.Close() // the process ends with it
	if _, err := slow.own.rt.CompileModule(ctx, a.Module); err != nil {
		return r, codeRefusal(k, "need a valid module", "%v", err)
	}
	metered, err := k.mod.Metered(initGas)
	if err != nil {
		return r, err
	}
	oracle, err := slow.compile(slow.own, card, k, metered)
	if err != nil {
		return r, codeRefusal(k, "need a valid module once metered", "%v", err)
	}
	fast, err := New(ctx, Config{CacheDir: a.Cache})
	if err != nil {
		return r, err
	}
	defer fast.Close() // as above
	m, err := fast.compile(fast.own, card, k, metered)
	if err != nil {
		return r, codeRefusal(k, "need a module that compiles", "%v", err)
	}
	return try(ctx, k, m, oracle, a.Leads)
}

// CardOf reads a stranger's module, without running or compiling it, and returns
// the card that its manifest makes. What it refuses is a [*meter.Refusal].
func CardOf(b []byte) (*scorecard.Card, error) {
	_, card, err := readUpload(b)
	return card, err
}

// GasOf returns the most gas that one call of a stranger's module is given.
func GasOf(b []byte) (int64, error) {
	k, err := checkUpload(b)
	if err != nil {
		return 0, err
	}
	return min(max(k.man.FoldGas, k.man.ScoreGas), wasm.GasMax), nil
}

// readUpload reads a stranger's module and the card that its manifest makes.
func readUpload(b []byte) (*checked, *scorecard.Card, error) {
	k, err := checkUpload(b)
	if err != nil {
		return nil, nil, err
	}
	card, err := scorecard.OfManifest(k.man)
	if err != nil {
		_, at := k.mod.Custom()
		return nil, nil, &meter.Refusal{Section: "custom", Offset: at, Limit: manifestHint, Found: err.Error()}
	}
	return k, card, nil
}

// foundMax bounds what an engine says of a module, which may be much.
const foundMax = 300

func codeRefusal(k *checked, limit, found string, args ...any) error {
	text := fmt.Sprintf(found, args...)
	return &meter.Refusal{Section: "code", Offset: k.mod.Code(), Limit: limit, Found: strings.ToValidUTF8(text[:min(len(text), foundMax)], "")}
}
