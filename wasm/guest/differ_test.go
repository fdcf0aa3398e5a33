package guest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// interest is the example of every starter in plain Go: what it must come to, bit
// for bit.
type interest struct {
	at                               int64
	pricing, demo, purchase, company float64
}

const halfLife = 14 * 86_400_000

func fade(passed int64) float64 {
	if passed <= 0 {
		return 1
	}
	return wasm.Exp2(-float64(passed) / halfLife)
}

func number(s wasm.Slot) float64 {
	if s.Tag != wasm.Float {
		return 0
	}
	return math.Float64frombits(s.Num)
}

func (l *interest) fold(e *wasm.Event) {
	flags, path, value, employees := e.Slots[0].Num, e.Slots[1], number(e.Slots[2]), e.Slots[3]
	if employees.Tag != wasm.Missing {
		l.company = 0
		if number(employees) >= 50 {
			l.company = 20
		}
	}
	if flags&scorecard.FlagActivity == 0 || flags&scorecard.FlagExtra != 0 {
		return
	}
	left := fade(e.TimeMs - l.at)
	l.pricing, l.demo, l.purchase = float64(l.pricing*left), float64(l.demo*left), float64(l.purchase*left)
	l.at = max(l.at, e.TimeMs)
	switch {
	case e.Type == "page_view" && path.Tag == wasm.String && strings.HasPrefix(string(path.Str), "/pricing"):
		l.pricing = min(30, l.pricing+6)
	case e.Type == "demo_request":
		l.demo = min(30, l.demo+30)
	case e.Type == "purchase" && value > 0:
		l.purchase = min(20, l.purchase+value/10)
	}
}

// said is all that can be seen of a module after an event and a score.
type said struct {
	state      string
	score      float64
	next       int64
	dimensions [2]float64
	reasons    string
}

func (l *interest) score(now int64) said {
	left := fade(now - l.at)
	pricing, demo, purchase := float64(l.pricing*left), float64(l.demo*left), float64(l.purchase*left)
	fading := pricing + demo + purchase
	s := said{score: fading + l.company, dimensions: [2]float64{fading, l.company}, state: string(l.bytes())}
	for rule, points := range []float64{pricing, demo, purchase, l.company} {
		if points > 0 {
			s.reasons += fmt.Sprintf("%d:%x ", rule, math.Float64bits(points))
		}
	}
	near := s.score + 1e-7
	if x := (near - (math.Floor(near+0.5) - 0.5)) / fading; fading >= 1e-10 && x < 1 {
		e := 1.0 / 6
		for k := 5.0; k >= 1; k-- {
			e = 1/k + float64(x*e)
		}
		s.next = now + int64(max(1000, float64(halfLife/0.6931471805599453*float64(x*e))))
	}
	return s
}

func (l *interest) bytes() []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(l.at))
	for _, f := range []float64{l.pricing, l.demo, l.purchase, l.company} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	return b
}

// hostile makes an event such as nobody sends by accident: every value missing,
// empty, too long, at the end of its range, or right.
func hostile(r *rand.Rand, at int64) wasm.Event {
	pick := func(slots ...wasm.Slot) wasm.Slot { return slots[r.IntN(len(slots))] }
	str := func(s string) wasm.Slot { return wasm.Slot{Tag: wasm.String, Str: []byte(s)} }
	num := func(f float64) wasm.Slot { return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(f)} }
	none, null := wasm.Slot{}, wasm.Slot{Tag: wasm.Null}
	typ := r.IntN(4)
	e := wasm.Event{Type: []string{"", "page_view", "demo_request", "purchase"}[typ], Index: uint16(typ), TimeMs: at}
	e.Slots = []wasm.Slot{
		{Tag: wasm.Int, Num: []uint64{1, 1, 1, 3, 0, 5, 7, 0x100, r.Uint64()}[r.IntN(9)]},
		pick(none, null, str(""), str("/"), str("/pricin"), str("/pricing"), str("/pricing/pro"), str("/Pricing"), str("\x00/pricing"),
			str("/pricing\x00"), str("/pricinG"), str("/señor/pricing"), str("/pricing"+strings.Repeat("é", 508)), str(strings.Repeat("/pricing", 128))),
		pick(none, null, num(0), num(math.Copysign(0, -1)), num(1), num(49.9), num(-1), num(199.99999999999997), num(math.MaxFloat64),
			num(-math.MaxFloat64), num(math.SmallestNonzeroFloat64), num(math.Inf(1)), num(math.Inf(-1)), num(r.Float64()*100)),
		pick(none, none, null, num(0), num(49.99999999999999), num(50), num(1e308), num(-50), num(math.Inf(1))),
	}
	return e
}

// hostileLead is some events in the order of their time, mostly.
func hostileLead(r *rand.Rand) []wasm.Event {
	at := []int64{0, -86_400_000, 1_767_225_600_000, 4_102_444_800_000, 1}[r.IntN(5)]
	evs := make([]wasm.Event, 1+r.IntN(24))
	for i := range evs {
		evs[i] = hostile(r, at)
		at += []int64{0, 1, 999, r.Int64N(halfLife), r.Int64N(90 * 86_400_000), 40 * 365 * 86_400_000, -1000}[r.IntN(7)]
	}
	return evs
}

// holdToReference walks hostile leads through a module as the host runs it and as
// it came, without gas. Both must come to the bits of the reference, and so must
// every language's.
func holdToReference(t *testing.T, metered *one, raw *raw, leads int) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	points := 0
	for lead := range leads {
		var ref interest
		metered.state = metered.state[:0]
		raw.begin()
		evs := hostileLead(r)
		for i := range evs {
			ref.fold(&evs[i])
			now := max(ref.at, evs[i].TimeMs) + []int64{0, 1, r.Int64N(halfLife * 30), -5}[r.IntN(4)]
			want := ref.score(now)
			if want.score > 0 {
				points++
			}
			if err := metered.compare(evs[i:i+1], now, &want); err != nil {
				t.Fatalf("lead %d, event %d, metered: %v", lead, i, err)
			}
			if got := raw.step(t, &evs[i], now); got != want {
				t.Fatalf("lead %d, event %d, raw: %+v, want %+v", lead, i, got, want)
			}
		}
	}
	if points < leads {
		t.Errorf("only %d scores had points: the leads are no test", points)
	}
}

// compare folds and scores, and says what differs from the reference in what the
// host shows.
func (o *one) compare(evs []wasm.Event, now int64, want *said) error {
	if err := o.Fold(evs); err != nil {
		return err
	}
	r, err := o.Score(now)
	if err != nil {
		return err
	}
	exact, _ := scorecard.Rounded(min(max(want.score, 0), 100) + 0)
	switch {
	case string(o.state) != want.state:
		return fmt.Errorf("state %x, want %x", o.state, want.state)
	case r.Exact != exact || r.Next != want.next || r.Dims[0] != want.dimensions[0] || r.Dims[1] != want.dimensions[1]:
		return fmt.Errorf("%d, next %d, dimensions %v; want %d, %d, %v", r.Exact, r.Next, r.Dims, exact, want.next, want.dimensions)
	}
	sum := int64(0)
	for _, reason := range r.Reasons {
		sum += reason.Share
		if reason.Rule == "base" && max(reason.Share, -reason.Share) > 4 {
			return fmt.Errorf("reasons leave %d thousandths over", reason.Share)
		}
	}
	if sum != 1000*int64(r.Score) {
		return fmt.Errorf("shares sum to %d, not %d", sum, 1000*int64(r.Score))
	}
	return nil
}

// raw is a module as it came, with no gas in it, and with memory written by hand.
type raw struct {
	mem         api.Memory
	io          uint32
	fold, score api.Function
}

func newRaw(t testing.TB, src []byte) *raw {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { rt.Close(ctx) })
	mod, err := rt.InstantiateWithConfig(ctx, src, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	at, err := mod.ExportedFunction(wasm.ExportIO).Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &raw{mem: mod.Memory(), io: uint32(at[0]), fold: mod.ExportedFunction(wasm.ExportFold), score: mod.ExportedFunction(wasm.ExportScore)}
}

func (w *raw) area() []byte {
	b, _ := w.mem.Read(w.io, wasm.IOSize)
	return b
}

// begin makes a new lead.
func (w *raw) begin() {
	clear(w.area()[wasm.IOState:wasm.IOReasons])
}

func (w *raw) step(t testing.TB, e *wasm.Event, now int64) (s said) {
	t.Helper()
	le, b := binary.LittleEndian, w.area()
	copy(b[wasm.IOEvents:], encode(e))
	le.PutUint32(b[wasm.OffEvents:], 1)
	length, err := w.fold.Call(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[wasm.OffNext:wasm.IOState])
	bits, err := w.score.Call(t.Context(), uint64(now))
	if err != nil {
		t.Fatal(err)
	}
	f64 := func(at int) float64 { return math.Float64frombits(le.Uint64(b[at:])) }
	s.state, s.score, s.next = string(b[wasm.IOState:wasm.IOState+length[0]]), math.Float64frombits(bits[0]), int64(le.Uint64(b[wasm.OffNext:]))
	for i := range s.dimensions {
		s.dimensions[i] = f64(wasm.OffDim0 + 8*i)
	}
	for i := range int(le.Uint32(b[wasm.OffReasons:])) {
		at := wasm.IOReasons + wasm.ReasonSize*i
		s.reasons += fmt.Sprintf("%d:%x ", le.Uint32(b[at:]), le.Uint64(b[at+8:]))
	}
	return s
}

// encode writes an event as abi.go describes it.
func encode(e *wasm.Event) []byte {
	le := binary.LittleEndian
	var slots, texts bytes.Buffer
	for _, s := range e.Slots {
		value := s.Num
		if s.Tag == wasm.String {
			value = uint64(wasm.EventHead + wasm.SlotSize*len(e.Slots) + texts.Len())
			texts.Write(s.Str)
		}
		slots.Write([]byte{byte(s.Tag), 0, 0, 0})
		slots.Write(le.AppendUint32(nil, uint32(len(s.Str))))
		slots.Write(le.AppendUint64(nil, value))
	}
	size := (wasm.EventHead + slots.Len() + texts.Len() + 7) &^ 7
	b := le.AppendUint32(nil, uint32(size))
	b = le.AppendUint16(b, e.Index)
	b = le.AppendUint16(b, uint16(len(e.Slots)))
	b = le.AppendUint64(b, uint64(e.TimeMs))
	b = append(append(b, slots.Bytes()...), texts.Bytes()...)
	return append(b, make([]byte, size-len(b))...)
}
