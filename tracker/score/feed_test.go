package score

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// waning is a module by hand: 60 for an hour after each event, 20 from then on,
// with two reasons. It does not score a lead of more than three events, and traps
// at six.
type waning struct{ state [16]byte }

func (g *waning) SetInputs([]float64) { panic("BUG: a module is told nothing") }

func (g *waning) FoldScore(state []byte, evs []wasm.Event, now int64) ([]byte, host.Fast, error) {
	state, err := g.fold(state, evs)
	if err != nil {
		return nil, host.Fast{}, err
	}
	f, err := g.ScoreFast(state, now)
	return state, f, err
}

func (g *waning) fold(state []byte, evs []wasm.Event) ([]byte, error) {
	clear(g.state[:])
	copy(g.state[:], state)
	for i := range evs {
		g.state[0]++
		if g.state[0] == 6 {
			return nil, &host.Trap{Card: "wane", Call: "fold", Err: errors.New("six")}
		}
		binary.LittleEndian.PutUint64(g.state[8:], uint64(evs[i].TimeMs))
	}
	return g.state[:], nil
}

const hour = int64(3_600_000)

func (g *waning) ScoreFast(state []byte, now int64) (f host.Fast, err error) {
	at := int64(binary.LittleEndian.Uint64(state[8:])) + hour
	f = host.Fast{Score: 20, Exact: 20_000, Null: state[0] == 4}
	if now < at {
		f.Score, f.Exact, f.Next = 60, 60_000, at
	}
	return f, nil
}

func (g *waning) Score(state []byte, now int64, r *scorecard.Result) error {
	f, _ := g.ScoreFast(state, now)
	r.Score, r.Exact, r.Null, r.Next = f.Score, f.Exact, f.Null, f.Next
	r.Reasons = []scorecard.Reason{
		{Rule: "fresh", Why: "Was here", Points: float64(f.Score) / 3, Share: f.Exact / 3},
		{Rule: "base", Share: f.Exact - f.Exact/3},
	}
	return nil
}

const fedCard = `
scorecard: fed
dimensions:
  looks: {kind: behaviour, max: 100, groups: {g: {rules: [{id: price, event: page_view, points: 7, why: "Looks"}]}}}
  own: {kind: wasm, module: wane.wasm}
score: {combine: weighted, of: [{dimension: looks, times: 1}, {dimension: own, times: 0.7}], scale: {from: [0, 100], to: [1, 100]}}
bands: [{name: cold, from: 1}, {name: warm, from: 40, leave: 10}]
`

func fedDeck(t *testing.T, yaml string) Deck {
	t.Helper()
	card, err := scorecard.Parse("fed.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.New(t.Context(), host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	code, err := compile.Module(card)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Load(t.Context(), card, code)
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	wane, err := scorecard.OfManifest(&wasm.Manifest{Card: "wane", Types: []string{""}, Fields: []wasm.ManifestField{{Type: "flags"}}})
	if err != nil {
		t.Fatal(err)
	}
	return NewDeck(1, NewCard("fed@2", card, in), NewCard("wane@9", wane, &waning{})) // named after, scored before
}

// TestFed leads a walk through a card that names a module: the card's score moves
// when the module's does, by an event that only the module reads, by time alone,
// and not at all when it traps.
func TestFed(t *testing.T) {
	d := fedDeck(t, fedCard)
	var k Walk
	d.Begin(&k)
	w := &Walker{Open: func(*tracker.Event) error { return nil }}
	at := func(typ string, hours float64) {
		t.Helper()
		e := tracker.Event{Type: []byte(typ), Time: int64(hours * float64(hour)), Visitor: tracker.Hash{1}}
		if err := w.Event(&d, &k, &e, tracker.LeadID{Kind: tracker.VisitorIdentity}, false); err != nil {
			t.Fatal(err)
		}
	}
	is := func(score int, band string, trouble string) {
		t.Helper()
		s := &k.States[0]
		if s.Score != score || s.Band != band || !strings.Contains(k.States[1].Trouble, trouble) || s.Trouble != "" {
			t.Fatalf("%d %s, want %d %s; %q, the module %q", s.Score, s.Band, score, band, s.Trouble, k.States[1].Trouble)
		}
		others := map[string]*tracker.Score{"wane": Explain(d.Cards[1], d.Cards[1].Guest, &k.States[1], k.Step, nil)}
		sc, sum := Explain(d.Cards[0], d.Cards[0].Guest, s, k.Step, others), int64(0)
		for _, q := range sc.Reasons {
			sum += q.Share
		}
		if sc.Score != score || sc.Band != band || sum != 1000*int64(score) {
			t.Errorf("explained as %d %s, shares %d: %+v", sc.Score, sc.Band, sum, sc.Reasons)
		}
	}
	at("page_view", 0) // 7 + 0.7 × 60, on the scale 1–100
	is(50, "warm", "")
	d.Advance(&k, hour-1)
	is(50, "warm", "")
	d.Advance(&k, hour) // 7 + 14
	is(22, "warm", "")
	at("other", 2) // the card does not read it
	is(50, "warm", "")
	at("page_view", 2.5)
	is(56, "warm", "")
	at("other", 9) // the module does not score the lead: 14 alone, from 28 two hours before
	is(15, "warm", "")
	at("other", 20)
	is(56, "warm", "")
	at("other", 20.5) // a trap: what it said last stands
	is(56, "warm", "six")
	d.Advance(&k, 400*hour) // and wanes, as if the event had not been
	is(29, "warm", "")
}

// TestRetold shows a module's reasons in place of the one for its dimension, each
// with its part; a card's own words stay.
func TestRetold(t *testing.T) {
	f := func(yaml, want string) {
		t.Helper()
		d := fedDeck(t, yaml)
		var k Walk
		d.Begin(&k)
		w := &Walker{}
		if err := w.Event(&d, &k, &tracker.Event{Type: []byte("page_view")}, tracker.LeadID{}, false); err != nil {
			t.Fatal(err)
		}
		others := map[string]*tracker.Score{"wane": Explain(d.Cards[1], d.Cards[1].Guest, &k.States[1], 0, nil)}
		sc := Explain(d.Cards[0], d.Cards[0].Guest, &k.States[0], 0, others)
		var got []string
		for _, q := range sc.Reasons {
			got = append(got, q.Rule)
		}
		if s := strings.Join(got, " "); s != want || sc.Next != hour {
			t.Errorf("reasons %s, want %s; next %d", s, want, sc.Next)
		}
	}
	f(fedCard, "own.base own.fresh price base rounding")
	f(strings.Replace(fedCard, "module: wane.wasm", `module: wane, why: "Ours"`, 1), "own price base rounding")
}

// TestFedAllocates nothing on the path of an event, with a module named too.
func TestFedAllocates(t *testing.T) {
	d := fedDeck(t, fedCard)
	var k Walk
	d.Begin(&k)
	w := &Walker{}
	e := tracker.Event{Type: []byte("page_view")}
	one := func() {
		k.States[1].Guest = k.States[1].Guest[:0] // or it traps
		e.Time += 60_000
		if err := w.Event(&d, &k, &e, tracker.LeadID{}, false); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		one()
	}
	if n := testing.AllocsPerRun(100, one); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}
