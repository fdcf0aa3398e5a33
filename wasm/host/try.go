package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"slices"
	"time"

	"ripen/wasm"
)

// Report is what is known of a stranger's module once it has been tried.
type Report struct {
	Size      int    `json:"size"` // bytes of the file
	Functions int    `json:"functions"`
	Imports   int    `json:"imports"`      // 0: a module that has one is refused, and its first named
	Pages     [2]int `json:"memory_pages"` // at first, at most; 64 KiB each
	Leads     int    `json:"leads"`        // that it was tried on
	Events    int    `json:"events"`
	Again     int    `json:"again"`     // steps walked again: in batches, in other orders, on new instances
	Compared  int    `json:"compared"`  // events walked by the interpreter, too
	StateMax  int    `json:"state_max"` // the largest state, in bytes
	Fold      Gas    `json:"fold_gas"`  // of one event
	Score     Gas    `json:"score_gas"`
}

// Gas is what calls cost.
type Gas struct {
	P50   int64 `json:"p50"`
	P99   int64 `json:"p99"`
	Max   int64 `json:"max"`
	Given int64 `json:"given"` // no call gets more
}

func gasOf(costs []int64, given int64) Gas {
	g := Gas{Given: given}
	if n := len(costs); n > 0 {
		slices.Sort(costs)
		g.P50, g.P99, g.Max = costs[n/2], costs[n*99/100], costs[n-1]
	}
	return g
}

// tryTime bounds the walks that repeat the first, and then the interpreter's,
// which may be two hundred times slower. The report says how far they came.
const tryTime = 1200 * time.Millisecond

// trial walks leads through a module in several ways that must come to the same.
type trial struct {
	k      *checked
	m      *Module
	leads  [][]wasm.Event
	prints [][]print // :: lead, event → what one long-lived instance said
	fold   []int64   // gas
	score  []int64
	state  int
	again  int
	began  time.Time // of the walks under way
}

// late says that a step was made and time is up.
func (t *trial) late(steps int) bool { return steps > 0 && time.Since(t.began) > tryTime }

// print is a digest of a state and of everything said about it.
type print [sha256.Size]byte

// try holds a module to being a pure function that the compiler and the
// interpreter agree on, and to not failing on these leads.
func try(ctx context.Context, k *checked, m, oracle *Module, leads [][]wasm.Event) (r Report, err error) {
	t := &trial{k: k, m: m, leads: leads, prints: make([][]print, len(leads))}
	r.Size, r.Functions = k.mod.Size(), k.mod.Functions()
	r.Pages[0], r.Pages[1] = k.mod.Pages()
	in, err := m.NewInstance(ctx)
	if err != nil {
		return r, k.unfit("%v", err)
	}
	in.measure = true
	if err := t.reference(in); err != nil {
		return r, err
	}
	in.measure = false
	t.began = time.Now()
	if err := t.pure(ctx, in); err != nil {
		return r, err
	}
	t.began = time.Now()
	if r.Compared, err = t.compare(ctx, oracle); err != nil {
		return r, err
	}
	r.Leads, r.Events, r.Again, r.StateMax = len(leads), len(t.fold), t.again, t.state
	r.Fold, r.Score = gasOf(t.fold, m.foldGas()), gasOf(t.score, m.scoreGas())
	return r, nil
}

// unfit refuses a module that compiles, but does not score.
func (k *checked) unfit(found string, args ...any) error {
	return codeRefusal(k, "need a pure function of state, events and time that does not fail", found, args...)
}

// reference walks every lead, event by event, on one instance.
func (t *trial) reference(in *Instance) error {
	for i, evs := range t.leads {
		var state []byte
		for j := range evs {
			next, err := in.Fold(state, evs[j:j+1])
			if err != nil {
				return t.k.unfit("lead %d, event %d (%s): %v", i+1, j+1, cmp.Or(evs[j].Type, "another type"), err)
			}
			state = append(state[:0], next...)
			t.fold, t.state = append(t.fold, in.spent), max(t.state, len(state))
			p, err := in.print(state, evs[j].TimeMs)
			if err != nil {
				return t.k.unfit("lead %d, after event %d: %v", i+1, j+1, err)
			}
			t.score, t.prints[i] = append(t.score, in.spent), append(t.prints[i], p)
		}
	}
	return nil
}

var errImpure = errors.New("its score changes the state")

// print scores a state and digests all that can be seen.
func (in *Instance) print(state []byte, now int64) (p print, err error) {
	scaled, err := in.run(state, now, wasm.FlagExplain)
	if err != nil {
		return p, err
	}
	if string(in.mem[wasm.IOState:wasm.IOState+len(state)]) != string(state) {
		return p, errImpure
	}
	return in.digest(scaled, state), nil
}

// digest is a print of what a score has left.
func (in *Instance) digest(scaled float64, state []byte) (p print) {
	h := sha256.New()
	number(h, math.Float64bits(scaled))
	number(h, in.u64(wasm.OffNext))
	number(h, uint64(in.u32(wasm.OffNull)))
	for i := range in.m.card.Dims {
		number(h, in.u64(wasm.OffDim0+8*i))
	}
	for i := range int(min(in.u32(wasm.OffReasons), wasm.ReasonsMax)) {
		at := wasm.IOReasons + wasm.ReasonSize*i
		number(h, uint64(in.u32(at)))
		number(h, in.u64(at+8))
	}
	h.Write(state)
	h.Sum(p[:0])
	return p
}

func number(h hash.Hash, v uint64) {
	h.Write(binary.LittleEndian.AppendUint64(nil, v))
}

// walk is a lead half-way.
type walk struct {
	state []byte
	next  int
}

// step takes n more events of lead i and compares with the reference.
func (t *trial) step(in *Instance, w *walk, i, n int, how string) error {
	evs := t.leads[i][w.next:min(w.next+n, len(t.leads[i]))]
	if len(evs) == 0 {
		return nil
	}
	now, want := evs[len(evs)-1].TimeMs, t.prints[i][w.next+len(evs)-1]
	var err error
	if scaled, state := in.atOnce(w.state, evs, now, wasm.FlagExplain); state != nil && in.digest(scaled, state) != want {
		err = errors.New(wasm.ExportBoth + " comes to another state or score than " + wasm.ExportFold + " and " + wasm.ExportScore)
	}
	var state []byte
	if err == nil {
		state, err = in.Fold(w.state, evs)
	}
	if err == nil {
		w.state, w.next = append(w.state[:0], state...), w.next+len(evs)
		var p print
		if p, err = in.print(w.state, now); err == nil && p != want {
			err = errors.New("its state or its score differs")
		}
	}
	if err != nil {
		return t.k.unfit("lead %d, after event %d, %s: %v", i+1, w.next, how, err)
	}
	return nil
}

// pure walks the leads in other orders, in batches, and each on an instance of
// its own: nothing may depend on what an instance did before.
func (t *trial) pure(ctx context.Context, in *Instance) error {
	walks := make([]walk, len(t.leads))
	for more := true; more && !t.late(t.again); {
		more = false
		for i := range walks {
			if err := t.step(in, &walks[i], i, 1, "in turn with other leads"); err != nil {
				return err
			}
			more = more || walks[i].next < len(t.leads[i])
			t.again++
		}
	}
	for i := len(t.leads) - 1; i >= 0; i-- {
		if t.late(t.again) {
			return nil
		}
		if err := t.alone(ctx, i); err != nil {
			return err
		}
		for _, size := range [...]int{7, 16} {
			for w := (walk{}); w.next < len(t.leads[i]); t.again++ {
				if err := t.step(in, &w, i, size, fmt.Sprintf("in batches of %d", size)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// alone walks a lead on an instance that has seen no other.
func (t *trial) alone(ctx context.Context, i int) error {
	fresh, err := t.m.NewInstance(ctx)
	if err != nil {
		return t.k.unfit("%v", err)
	}
	defer fresh.Close() // it has no errors of its own
	for w := (walk{}); w.next < len(t.leads[i]); t.again++ {
		if err := t.step(fresh, &w, i, 1, "on an instance of its own"); err != nil {
			return err
		}
	}
	return nil
}

// compare walks as many leads as time allows through the interpreter and says
// how many events that were.
func (t *trial) compare(ctx context.Context, oracle *Module) (events int, err error) {
	in, err := oracle.NewInstance(ctx)
	if err != nil {
		return 0, t.k.unfit("%v", err)
	}
	for i := range t.leads {
		for w := (walk{}); w.next < len(t.leads[i]); events++ {
			if t.late(events) {
				return events, nil
			}
			if err := t.step(in, &w, i, 1, "in the interpreter"); err != nil {
				return events, err
			}
		}
	}
	return events, nil
}
