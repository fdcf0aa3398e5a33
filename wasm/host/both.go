package host

import (
	"encoding/binary"
	"math"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// FoldScore is [Instance.Fold] and then [Instance.ScoreFast] of what it returns, in
// one call of a module that can do that. The state is nil if the fold failed; after
// an error of the score it is the fold's.
func (in *Instance) FoldScore(state []byte, evs []wasm.Event, now int64) ([]byte, Fast, error) {
	if scaled, next := in.atOnce(state, evs, now, 0); next != nil {
		return next, in.fast(scaled), nil
	}
	next, err := in.keep(state, evs)
	if err != nil {
		return nil, Fast{}, err
	}
	f, err := in.ScoreFast(next, now)
	return next, f, err
}

// FoldRaw is FoldScore with what [Instance.ScoreRaw] returns.
func (in *Instance) FoldRaw(state []byte, evs []wasm.Event, now int64) ([]byte, *scorecard.Raw, error) {
	if scaled, next := in.atOnce(state, evs, now, wasm.FlagExplain); next != nil {
		return next, in.said(scaled), nil
	}
	next, err := in.keep(state, evs)
	if err != nil {
		return nil, nil, err
	}
	raw, err := in.ScoreRaw(next, now)
	return next, raw, err
}

// keep is Fold with a state that outlives a trap.
func (in *Instance) keep(state []byte, evs []wasm.Event) ([]byte, error) {
	next, err := in.Fold(state, evs)
	if err != nil {
		return nil, err
	}
	in.kept = append(in.kept[:0], next...)
	if in.kept == nil {
		in.kept = make([]byte, 0, 8) // nil is a failure
	}
	return in.kept, nil
}

// atOnce folds and scores in one call. It returns no state if the module has no such
// function, the events do not fit one call, or anything fails: two calls, which find
// the given state as it was, then say what it is that fails.
func (in *Instance) atOnce(state []byte, evs []wasm.Event, now int64, flags uint32) (scaled float64, next []byte) {
	gas := in.m.foldGas()*int64(len(evs)) + in.m.scoreGas()
	if cfg := &in.m.host.cfg; cfg.FoldGas != 0 || cfg.ScoreGas != 0 {
		return 0, nil // whoever bounds one of them means that one alone
	}
	if !in.m.both || len(evs) == 0 || gas > wasm.GasMax || in.ready(state) != nil {
		return 0, nil
	}
	if n, err := in.encode(evs); n < len(evs) || err != nil {
		return 0, nil
	}
	binary.LittleEndian.PutUint32(in.mem[wasm.OffEvents:], uint32(len(evs)))
	in.ask(now, flags)
	most := in.m.stateMax
	in.used = most // a failed call may have written anywhere in it
	bits, err := in.call(in.function(callBoth), wasm.ExportBoth, gas, uint64(len(evs)), uint64(now))
	if err != nil {
		return 0, nil
	}
	size, scaled := int32(in.u32(wasm.OffStateLen)), math.Float64frombits(bits)
	if size < 0 || int(size) > most || !finite(scaled) {
		in.drop()
		return 0, nil
	}
	in.used = int(size)
	return bounded(scaled), in.mem[wasm.IOState : wasm.IOState+in.used]
}
