package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/tetratelabs/wazero"

	"ripen/wasm"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// Config says how modules run. The zero value is the default.
type Config struct {
	// CacheDir keeps compiled modules on disk; empty compiles them anew in each
	// process.
	CacheDir string
	// FoldGas bounds one event of a fold, ScoreGas a score; 0 = what the module's
	// manifest asks for, at most wasm.GasMax.
	FoldGas, ScoreGas int64
	// Worker is the command line of a process that runs [Work]; default: this
	// program with the argument [WorkerCommand].
	Worker []string
}

// foldGas is the gas of one event.
func (m *Module) foldGas() int64 {
	return cmp.Or(m.host.cfg.FoldGas, m.gas.fold)
}

func (m *Module) scoreGas() int64 {
	return cmp.Or(m.host.cfg.ScoreGas, m.gas.score)
}

// Host compiles modules and owns what they run in. What compile wrote and what
// strangers wrote run in engines of their own.
type Host struct {
	cfg Config
	ctx context.Context
	own *engine
	// compiling is held while a module is compiled or closed: wazero's cache of
	// equal modules has raced there before.
	compiling sync.Mutex

	admitting chan struct{} // holds one while a child compiles a stranger's module
	mu        sync.Mutex    // guards what follows
	strangers *engine       // nil until the first stranger's module
	temporary string        // the strangers' cache if Config.CacheDir is empty
}

// engine is a runtime with a cache of compiled code.
type engine struct {
	rt    wazero.Runtime
	cache wazero.CompilationCache
	dir   string // of the cache
	kind  string // of strangers' code: where in dir this version of the engine keeps it
	most  int    // modules of strangers in it
}

func newEngine(ctx context.Context, rc wazero.RuntimeConfig, dir string) (*engine, error) {
	cache := wazero.NewCompilationCache()
	if dir != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(dir); err != nil {
			return nil, fmt.Errorf("open module cache %s: %w", dir, err)
		}
	}
	rc = rc.WithCompilationCache(cache).WithMemoryLimitPages(meter.PagesMax).WithCloseOnContextDone(false)
	return &engine{rt: wazero.NewRuntimeWithConfig(ctx, rc), cache: cache, dir: dir, most: cacheMost}, nil
}

func (e *engine) close(ctx context.Context) error {
	return errors.Join(e.rt.Close(ctx), e.cache.Close(ctx))
}

// New opens a host. ctx bounds only New itself: gas, not a context, ends a module.
func New(ctx context.Context, cfg Config) (*Host, error) {
	return newHost(ctx, cfg, runtimeConfig())
}

// runtimeConfig is wazero's compiler; where it has none, its interpreter.
func runtimeConfig() wazero.RuntimeConfig { return wazero.NewRuntimeConfig() }

func newHost(ctx context.Context, cfg Config, rc wazero.RuntimeConfig) (*Host, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the module host: %w", err)
	}
	// No context reaches a module: gas ends it, and a context with values costs
	// an allocation a call.
	ctx = context.Background()
	own, err := newEngine(ctx, rc, cfg.CacheDir)
	if err != nil {
		return nil, err
	}
	return &Host{cfg: cfg, ctx: ctx, own: own, admitting: make(chan struct{}, 1)}, nil
}

// Close ends every module and instance of the host. None may be in a call.
func (h *Host) Close() error {
	err := h.own.close(h.ctx)
	if h.strangers != nil {
		err = errors.Join(err, h.strangers.close(h.ctx))
	}
	if h.temporary != "" {
		err = errors.Join(err, os.RemoveAll(h.temporary))
	}
	return err
}

// Module is a compiled module with the card it scores.
type Module struct {
	host  *Host
	rt    wazero.Runtime
	card  *scorecard.Card
	code  wazero.CompiledModule
	own   bool // compile wrote it
	rules int  // of what compile wrote: its rules give a reason each, of no points if they have none
	init  bool // it has a function to be called first
	grows bool // its memory may
	both  bool // it folds and scores in one call

	stateMax int                         // bytes of a lead's state
	gas      struct{ fold, score int64 } // of an event, and of a score

	feeds []*scorecard.Feed // what the card's models and modules must give
}

// Load checks, meters and compiles a module that ripen/wasm/compile wrote for the
// card.
func (h *Host) Load(ctx context.Context, c *scorecard.Card, b []byte) (*Module, error) {
	m, err := h.load(ctx, c, b)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Name, err)
	}
	return m, nil
}

func (h *Host) load(ctx context.Context, c *scorecard.Card, b []byte) (*Module, error) {
	k, err := check(b, meter.Own)
	if err != nil {
		return nil, err
	}
	if err := fits(c, k); err != nil {
		return nil, err
	}
	metered, err := k.mod.Metered(initGas)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := h.compile(h.own, c, k, metered)
	if err == nil {
		m.own, m.rules = true, len(c.Rules)
	}
	return m, err
}

// compile makes metered bytes runnable; from the engine's cache if they are
// there.
func (h *Host) compile(e *engine, c *scorecard.Card, k *checked, metered []byte) (*Module, error) {
	h.compiling.Lock()
	defer h.compiling.Unlock()
	code, err := e.rt.CompileModule(h.ctx, metered)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	m := &Module{host: h, rt: e.rt, card: c, code: code, feeds: c.Feeds(), init: k.mod.Func(exportInit) != "", both: k.mod.Func(wasm.ExportBoth) != "", grows: k.mod.Grows()}
	m.stateMax = k.man.StateMax
	m.gas.fold, m.gas.score = min(max(k.man.FoldGas, 1), wasm.GasMax), min(max(k.man.ScoreGas, 1), wasm.GasMax)
	return m, nil
}

// fits says whether the module reads events as the card binds them.
func fits(c *scorecard.Card, k *checked) error {
	man := k.man
	ok := len(man.Fields) == len(c.Slots) && len(man.Types) == len(c.Types) && len(man.Dims) == len(c.Dims)
	for i := 0; ok && i < len(c.Slots); i++ {
		ok = man.Fields[i].Name == c.Slots[i].Name && man.Fields[i].Type == c.Slots[i].Type()
	}
	for i := 0; ok && i < len(c.Types); i++ {
		ok = man.Types[i] == c.Types[i].Name
	}
	if !ok {
		_, at := k.mod.Custom()
		return &meter.Refusal{Section: "custom", Offset: at, Limit: "compile the card again", Found: fmt.Sprintf("the manifest is of card %s and reads other events than this card binds", man.Card)}
	}
	return nil
}

// Card returns the card the module was loaded for.
func (m *Module) Card() *scorecard.Card { return m.card }

// StateMax returns the most bytes a lead's state can have.
func (m *Module) StateMax() int { return m.stateMax }

// Close frees the compiled code. Its instances must be closed.
func (m *Module) Close() error {
	m.host.compiling.Lock()
	defer m.host.compiling.Unlock()
	return m.code.Close(m.host.ctx)
}
