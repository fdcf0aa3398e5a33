package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// movingCard draws a card in which nothing but gates over dimensions moves the
// score: whatever they miss shows.
func (m maker) movingCard() string {
	var b strings.Builder
	b.WriteString("scorecard: moving\ndimensions:\n")
	dims, id := 1+m.IntN(3), 0
	var names []string
	for d := range dims {
		names = append(names, fmt.Sprintf("d%d", d))
		if m.chance(25) {
			m.ownDimension(&b, d)
			continue
		}
		fmt.Fprintf(&b, "  d%d:\n    kind: behaviour\n    min: %s\n    max: %s\n    groups:\n      g:\n        min: -90\n        rules:\n", d, pick(m, "-100", "0", "3"), pick(m, "100", "20"))
		for range 1 + m.IntN(3) {
			fmt.Fprintf(&b, "          - {id: r%d, event: %s, points: %s, half_life: %s}\n", id, pick(m, eventTypes[:2]...), pick(m, "10", "33", "-5", "-20"), pick(m, "1d", "7d", "30d"))
			id++
		}
		if m.chance(30) {
			fmt.Fprintf(&b, "          - {id: r%d, event: %s, points: 12, expire: 7d}\n", id, pick(m, eventTypes[:2]...))
			id++
		}
	}
	b.WriteString("gates:\n")
	for i := range 1 + m.IntN(2) {
		w := writer{m, traitNames, names, true, false}
		s := fmt.Sprintf("%s %s %s", w.moving(3), pick(m, "<", "<=", ">", ">=", "==", "!="), pick(m, "5", "12", "-3", "20", "0.5", "40"))
		if m.chance(40) {
			s += pick(m, " && ", " || ") + fmt.Sprintf("(%s > %s)", w.moving(2), w.moving(2))
		}
		if m.chance(20) {
			s += fmt.Sprintf(" || count(%s, 7d) == %d", pick(m, eventTypes[:2]...), 1+m.IntN(3))
		}
		if m.chance(20) {
			s = "!(" + s + ") == has(title)"
		}
		fmt.Fprintf(&b, "  - {id: g%d, when: '%s', %s}\n", i, s, pick(m, "skip: true", "max: -90"))
	}
	fmt.Fprintf(&b, "score: {of: [{dimension: d0, times: 0}], scale: {from: [-100, 0], to: [1, 100]}}\n")
	return b.String()
}

// TestMovingGates holds gates over dimensions to the promise that nothing changes
// before the next moment, and modules to Eval, at every moment.
func TestMovingGates(t *testing.T) {
	h := newHost(t)
	n, turns := 150, 0
	if testing.Short() {
		n = 40
	}
	for seed := range uint64(n) {
		turns += moving(t, h, seed)
	}
	if turns < n/6 {
		t.Errorf("gates turned %d times in %d leads: too few to prove anything", turns, n)
	}
}

func FuzzMovingGates(f *testing.F) {
	h := newHost(f)
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { moving(t, h, seed) })
}

// moving walks one lead and returns how often its gates turned by themselves.
func moving(t *testing.T, h *host.Host, seed uint64) (turns int) {
	t.Helper()
	m := newMaker(seed)
	src := m.movingCard()
	card, err := scorecard.Parse("moving.yaml", []byte(src))
	if err != nil {
		if strings.Contains(err.Error(), "always") {
			return 0 // 0 * d0
		}
		t.Fatalf("seed %d: %v\n%s", seed, err, src)
	}
	b, err := compile.Module(card)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, src)
	}
	mod, err := h.Load(t.Context(), card, b)
	if err != nil {
		t.Fatal(err)
	}
	defer mod.Close()
	in, err := mod.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	w := &pair{t: t, seed: seed, src: src, card: card, in: in, eval: card.NewEval()}
	now := int64(1_700_000_000_000)
	for range 1 + m.IntN(6) {
		now += m.Int64N(86400_000)
		e := m.event(now)
		if m.chance(70) {
			e.typ = pick(m, eventTypes[:2]...)
		}
		evs := card.Bind(nil, e)
		w.eval.Fold(evs...)
		state, err := in.Fold(w.state, evs)
		if err != nil {
			t.Fatal(err)
		}
		w.state = append(w.state[:0], state...)
	}
	before := w.eval.Score(now)
	for range 200 {
		next := w.score(now)
		if next == 0 {
			break
		}
		for range 2 {
			w.between(m, now, next)
		}
		now = next
		if r := w.eval.Score(now); r.Null != before.Null || r.Score != before.Score {
			turns++
			before = r
		}
	}
	return turns
}
