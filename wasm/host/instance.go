package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"ripen/wasm"
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// Causes in a [Trap]'s chain: the module ran out of gas, or called itself too
// deep.
var (
	ErrGas  = errors.New("out of gas")
	ErrDeep = errors.New("functions call each other too deep")
)

// Trap is a call that the module did not survive. The instance has been dropped;
// the state given to the call is as it was.
type Trap struct {
	Card, Call string
	Gas        int64 // what the call was given
	Err        error
}

// Error says which call of which card ended, and why.
func (e *Trap) Error() string {
	return fmt.Sprintf("module of %s: %s with %d gas: %v", e.Card, e.Call, e.Gas, e.Err)
}

// Unwrap returns the cause.
func (e *Trap) Unwrap() error { return e.Err }

// Instance is a module at work. It is not for concurrent use.
type Instance struct {
	m       *Module
	ctx     context.Context
	mod     api.Module      // nil after a trap: the next call makes a new one
	memory  memory          // of mod, and of the next
	calls   [3]api.Function // of callNames; nil = not called yet
	gas     api.MutableGlobal
	io      uint32 // where the IO area begins
	mem     []byte // the IO area
	stack   [2]uint64
	kept    []byte // the state of a fold whose score is still to come
	used    int    // bytes of the state area that may not be zero
	raw     scorecard.Raw
	inputs  []float64
	measure bool  // keep what a call costs
	spent   int64 // what the last call cost, if measure is set
}

// SetInputs gives what models and modules say of the lead whose scores are asked
// for next, by dimension of the card; NaN, or a missing end, is no answer. They
// hold until they are set again.
func (in *Instance) SetInputs(v []float64) { in.inputs = append(in.inputs[:0], v...) }

// feed writes the inputs into their dimensions' places.
func (in *Instance) feed() {
	for _, f := range in.m.feeds {
		x := math.NaN()
		if f.Dim < len(in.inputs) {
			x = in.inputs[f.Dim]
		}
		binary.LittleEndian.PutUint64(in.mem[wasm.OffDim0+8*f.Dim:], math.Float64bits(x))
	}
}

// NewInstance makes a module ready to be called.
func (m *Module) NewInstance(ctx context.Context) (*Instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("instantiate module of %s: %w", m.card.Name, err)
	}
	in := &Instance{m: m, ctx: m.host.ctx}
	if err := in.open(); err != nil {
		return nil, err
	}
	return in, nil
}

func (in *Instance) open() error {
	ctx := experimental.WithMemoryAllocator(in.ctx, &in.memory)
	mod, err := in.m.rt.InstantiateModule(ctx, in.m.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return fmt.Errorf("instantiate module of %s with %d gas: %w", in.m.card.Name, initGas, untraced(err))
	}
	gas, ok := mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal)
	if !ok || mod.Memory() == nil {
		return fmt.Errorf("instantiate module of %s: its gas or memory is missing", in.m.card.Name) // unreachable unless meter and wazero differ
	}
	in.mod, in.gas = mod, gas
	clear(in.calls[:])
	if in.m.init {
		if _, err := in.call(mod.ExportedFunction(exportInit), exportInit, initGas, 0, 0); err != nil {
			return err
		}
	}
	at, err := in.call(mod.ExportedFunction(wasm.ExportIO), wasm.ExportIO, in.m.scoreGas(), 0, 0)
	if err != nil {
		return err
	}
	in.io = uint32(at)
	if size := mod.Memory().Size(); in.io%8 != 0 || uint64(in.io)+wasm.IOSize > uint64(size) {
		in.drop()
		return fmt.Errorf("instantiate module of %s: its IO area at %d needs %d bytes, 8-aligned, in a memory of %d", in.m.card.Name, in.io, wasm.IOSize, size)
	}
	in.view()
	in.used = 0
	binary.LittleEndian.PutUint32(in.mem[wasm.OffABI:], wasm.ABI)
	return nil
}

// view finds the IO area. It stays where it is until the memory grows, and every
// access to it is checked by Go.
func (in *Instance) view() {
	in.mem, _ = in.mod.Memory().Read(in.io, wasm.IOSize)
}

// Close ends the instance.
func (in *Instance) Close() error {
	in.drop()
	in.memory = memory{}
	return nil
}

func (in *Instance) drop() {
	if in.mod != nil {
		in.mod.Close(in.ctx) // nothing of it is used again
		in.mod, in.mem = nil, nil
	}
}

// The functions that are called again and again.
const (
	callFold = iota
	callScore
	callBoth
)

var callNames = [...]string{wasm.ExportFold, wasm.ExportScore, wasm.ExportBoth}

// function returns a function to be called. Each has a stack of its own, so it is
// made when it is first called.
func (in *Instance) function(which int) api.Function {
	if in.calls[which] == nil {
		in.calls[which] = in.mod.ExportedFunction(callNames[which])
	}
	return in.calls[which]
}

// call runs one function with this much gas.
func (in *Instance) call(f api.Function, name string, gas int64, arg, second uint64) (uint64, error) {
	in.gas.Set(uint64(gas))
	in.stack = [2]uint64{arg, second}
	if err := f.CallWithStack(in.ctx, in.stack[:]); err != nil {
		if int64(in.gas.Get()) < 0 {
			err = ErrGas
		} else if depth := in.mod.ExportedGlobal(meter.ExportDepth); depth.Get() > meter.DepthMax {
			err = ErrDeep
		}
		return 0, in.trap(name, gas, untraced(err))
	}
	if in.m.grows && in.mem != nil {
		in.view()
	}
	if in.measure {
		in.spent = gas - int64(in.gas.Get())
	}
	return in.stack[0], nil
}

// trap drops the instance after a call that it did not survive.
func (in *Instance) trap(name string, gas int64, err error) error {
	in.drop()
	return &Trap{Card: in.m.card.Name, Call: name, Gas: gas, Err: err}
}

// untraced leaves out an engine's trace of functions: without names they tell nobody
// anything.
func untraced(err error) error {
	if why, _, traced := strings.Cut(err.Error(), "\n"); traced {
		return errors.New(why)
	}
	return err
}

// ready brings the state into the module's memory. A state that Fold of this
// instance returned, untouched since, is there already.
func (in *Instance) ready(state []byte) error {
	if in.mod == nil {
		if err := in.open(); err != nil {
			return err
		}
	}
	if len(state) > in.m.stateMax {
		return fmt.Errorf("module of %s: a state of %d bytes, at most %d: it is not of this module", in.m.card.Name, len(state), in.m.stateMax)
	}
	area := in.mem[wasm.IOState:wasm.IOReasons]
	if len(state) == 0 || &state[0] != &area[0] {
		copy(area, state)
	}
	if len(state) < in.used {
		clear(area[len(state):in.used])
	}
	in.used = len(state)
	binary.LittleEndian.PutUint32(in.mem[wasm.OffStateLen:], uint32(len(state)))
	return nil
}

// Fold takes events in the order of their time into a lead's state; nil is a new
// lead. The state it returns is valid until the next call of this instance.
func (in *Instance) Fold(state []byte, evs []wasm.Event) ([]byte, error) {
	if err := in.ready(state); err != nil {
		return nil, err
	}
	if len(evs) == 0 {
		return in.mem[wasm.IOState : wasm.IOState+len(state)], nil
	}
	gas := in.m.foldGas()
	for len(evs) > 0 {
		n, err := in.encode(evs[:min(len(evs), max(1, int(wasm.GasMax/gas)))])
		if err != nil {
			return nil, err
		}
		binary.LittleEndian.PutUint32(in.mem[wasm.OffEvents:], uint32(n))
		in.used = in.m.stateMax // a failed call may have written anywhere in it
		size, err := in.call(in.function(callFold), wasm.ExportFold, gas*int64(n), uint64(n), 0)
		if err != nil {
			return nil, err
		}
		if int32(size) < 0 || int(int32(size)) > in.m.stateMax {
			return nil, in.trap(wasm.ExportFold, gas*int64(n), fmt.Errorf("it returned a state of %d bytes, state_max is %d", int32(size), in.m.stateMax))
		}
		in.used = int(int32(size))
		binary.LittleEndian.PutUint32(in.mem[wasm.OffStateLen:], uint32(size))
		evs = evs[n:]
	}
	return in.mem[wasm.IOState : wasm.IOState+in.used], nil
}

// encode writes as many events as fit and says how many.
func (in *Instance) encode(evs []wasm.Event) (int, error) {
	at := wasm.IOEvents
	for i := range evs {
		size := in.writeEvent(in.mem[at:], &evs[i])
		if size == 0 {
			if i == 0 {
				return 0, fmt.Errorf("module of %s: an event of %d bytes does not fit the IO area", in.m.card.Name, len(evs[i].Encode(nil)))
			}
			return i, nil
		}
		at += size
	}
	return len(evs), nil
}

// writeEvent writes an event to the front of b and returns its size; 0 if there is no
// room for it. One that the card bound is there as its own module reads it; a stranger's
// module gets what any other process would write for it.
func (in *Instance) writeEvent(b []byte, e *wasm.Event) int {
	if !in.m.own || len(e.Wire) == 0 {
		return writeEvent(b, e)
	}
	if len(e.Wire) > len(b) {
		return 0
	}
	return copy(b, e.Wire)
}

func writeEvent(b []byte, e *wasm.Event) int {
	n := len(e.Encode(b[:0:len(b)])) // in place, unless it is too long for b
	if n > len(b) {
		return 0
	}
	return n
}

// run scores the state at now and leaves what the module says in the IO area.
func (in *Instance) run(state []byte, now int64, flags uint32) (scaled float64, err error) {
	if err := in.ready(state); err != nil {
		return 0, err
	}
	in.ask(now, flags)
	bits, err := in.call(in.function(callScore), wasm.ExportScore, in.m.scoreGas(), uint64(now), 0)
	if err != nil {
		return 0, err
	}
	scaled = math.Float64frombits(bits)
	if !finite(scaled) {
		return 0, in.trap(wasm.ExportScore, in.m.scoreGas(), fmt.Errorf("it returned %v for a score", scaled))
	}
	return bounded(scaled), nil
}

// ask writes what a score is to know.
func (in *Instance) ask(now int64, flags uint32) {
	if !in.m.own { // what compile wrote says all of it
		clear(in.mem[wasm.OffNext:wasm.IOState]) // what the guest leaves unsaid is zero
	}
	binary.LittleEndian.PutUint32(in.mem[wasm.OffFlags:], flags)
	binary.LittleEndian.PutUint64(in.mem[wasm.OffNow:], uint64(now))
	in.feed()
}

func finite(scaled float64) bool { return !math.IsNaN(scaled) && !math.IsInf(scaled, 0) }

func bounded(scaled float64) float64 { return min(max(scaled, 0), 100) + 0 }

func (in *Instance) u32(off int) uint32 { return binary.LittleEndian.Uint32(in.mem[off:]) }
func (in *Instance) u64(off int) uint64 { return binary.LittleEndian.Uint64(in.mem[off:]) }

func (in *Instance) dims() []float64 {
	out := in.raw.Dims[:0]
	for i := range in.m.card.Dims {
		out = append(out, math.Float64frombits(in.u64(wasm.OffDim0+8*i)))
	}
	in.raw.Dims = out
	return out
}

// Score says where a lead with this state stands at now, unix ms, with reasons.
// r is filled anew; its slices are reused.
func (in *Instance) Score(state []byte, now int64, r *scorecard.Result) error {
	raw, err := in.ScoreRaw(state, now)
	if err != nil {
		return err
	}
	in.m.card.Settle(raw, true, r)
	return nil
}

// ScoreRaw is what the module itself says, each rule's points with it, before the
// card settles it. It is valid until the next call of this instance.
func (in *Instance) ScoreRaw(state []byte, now int64) (*scorecard.Raw, error) {
	scaled, err := in.run(state, now, wasm.FlagExplain)
	if err != nil {
		return nil, err
	}
	return in.said(scaled), nil
}

// said reads what the module left with its score and reasons.
func (in *Instance) said(scaled float64) *scorecard.Raw {
	raw := &in.raw
	raw.Scaled, raw.Null, raw.Next = scaled, in.u32(wasm.OffNull) != 0, int64(in.u64(wasm.OffNext))
	in.dims()
	n := int(min(in.u32(wasm.OffReasons), wasm.ReasonsMax))
	raw.Points = slices.Grow(raw.Points[:0], n)[:n]
	raw.Points = raw.Points[:reasons(raw.Points, in.mem[wasm.IOReasons:], uint64(in.m.rules))]
	return raw
}

// reasons reads as many reasons as into has room for, and returns how many it kept: those
// of rules, which are numbered below rules, only if they have points. Which do cannot be
// foretold, so it is reckoned without a branch.
func reasons(into []scorecard.RulePoints, from []byte, rules uint64) (kept int) {
	le := binary.LittleEndian
	for range into {
		one := from[:wasm.ReasonSize:wasm.ReasonSize]
		from = from[wasm.ReasonSize:]
		id, bits := le.Uint32(one), le.Uint64(one[8:])
		into[kept] = scorecard.RulePoints{ID: id, Detail: le.Uint32(one[4:]), Points: math.Float64frombits(bits)}
		bits <<= 1 // 0 and -0 are none
		kept += int((bits | -bits | (rules - 1 - uint64(id))) >> 63)
	}
	return kept
}

// Fast is a score without its reasons.
type Fast struct {
	Score int
	Exact int64
	Null  bool
	Next  int64
	Grade uint8 // in the card's GradeNames
}

// ScoreFast is Score without reasons and names, for every event of the hot path.
func (in *Instance) ScoreFast(state []byte, now int64) (Fast, error) {
	scaled, err := in.run(state, now, 0)
	if err != nil {
		return Fast{}, err
	}
	return in.fast(scaled), nil
}

func (in *Instance) fast(scaled float64) Fast {
	f := Fast{Null: in.u32(wasm.OffNull) != 0, Next: int64(in.u64(wasm.OffNext)), Grade: in.m.card.GradeIndex(in.dims())}
	if !f.Null {
		f.Exact, f.Score = scorecard.Rounded(scaled)
	}
	return f
}
