package server

import (
	"cmp"
	"maps"
	"slices"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/score"
	"ripen/wasm/scorecard"
)

// moversMost is how many risers and fallers are shown.
const moversMost = 10

// tally counts what a simulation finds. It holds no lead but the risers and
// fallers.
type tally struct {
	m       *simulation
	leads   int
	rose    int
	fell    int
	moves   map[[2]string]int // :: band before, after → leads
	before  spread
	after   spread
	risers  []mover
	fallers []mover
	actions map[actionKey]int
	failed  map[string]int // :: why → leads
}

type actionKey struct {
	band   string
	action int // in the order of the card
}

// spread counts scores.
type spread struct {
	null int
	at   [101]int // :: score → leads
}

// mover is a lead that moves far.
type mover struct {
	simulated
	by    int
	after score.State
}

func (t *tally) begin(m *simulation) {
	t.m, t.moves, t.actions, t.failed = m, map[[2]string]int{}, map[actionKey]int{}, map[string]int{}
}

// outline is what a tally counts a lead by.
type outline struct {
	before, after int // scores; -1 = none
	from, to      string
	actions       uint16 // that entering the band sets off: bit n is its n-th
	why           string // what went wrong; empty = nothing
	unscored      bool   // that the draft could not score it, which is compared with nothing
}

// outline says where a lead is and where the draft would have it.
func (m *simulation) outline(one *simulated, after *score.State) outline {
	if after.Trouble != "" {
		return outline{before: -1, after: -1, why: after.Trouble, unscored: true}
	}
	o := outline{before: scoreOf(&one.before), after: scoreOf(after), from: one.before.Band, to: after.Band}
	if o.to != "" && o.to != o.from {
		o.actions, o.why = m.enter(one, after)
	}
	return o
}

// scoreOf is a score as leads are counted.
func scoreOf(st *score.State) int {
	if st.Null {
		return -1
	}
	return st.Score
}

// add counts a lead. What after refers to is its caller's.
func (t *tally) add(one *simulated, after *score.State) {
	o := t.m.outline(one, after)
	t.count(&o, one, after)
}

// count counts a lead by its outline, and keeps it if it moves far.
func (t *tally) count(o *outline, one *simulated, after *score.State) {
	switch by := t.sum(o); {
	case by > 0:
		t.risers = keepMover(t.risers, one, by, after)
	case by < 0:
		t.fallers = keepMover(t.fallers, one, -by, after)
	}
}

// sum counts an outline and says how far it moves.
func (t *tally) sum(o *outline) (by int) {
	t.leads++
	if o.why != "" {
		t.fail(o.why)
	}
	if o.unscored {
		return 0
	}
	t.before.add(o.before)
	t.after.add(o.after)
	t.moves[[2]string{o.from, o.to}]++
	switch by = max(o.after, 0) - max(o.before, 0); { // none is 0
	case by > 0:
		t.rose++
	case by < 0:
		t.fell++
	}
	for n := 0; o.actions>>n != 0; n++ {
		if o.actions>>n&1 != 0 {
			t.actions[actionKey{o.to, n}]++
		}
	}
	return by
}

// reasonsMost bounds how many different failures are told apart.
const reasonsMost = 10

const otherReasons = "for other reasons"

func (t *tally) fail(why string) {
	if _, known := t.failed[why]; !known && len(t.failed) == reasonsMost {
		why = otherReasons
	}
	t.failed[why]++
}

func (s *spread) add(score int) {
	if score < 0 {
		s.null++
		return
	}
	s.at[min(score, 100)]++
}

// keepMover keeps the leads that move furthest; of equals those with the lower id.
func keepMover(list []mover, from *simulated, by int, after *score.State) []mover {
	further := func(a, b mover) int {
		if c := cmp.Compare(b.by, a.by); c != 0 {
			return c
		}
		return a.id.Compare(b.id)
	}
	one := mover{simulated: *from, by: by}
	at, _ := slices.BinarySearchFunc(list, one, further)
	if at == moversMost {
		return list
	}
	one.hold(after)
	list = slices.Insert(list, at, one)
	return list[:min(len(list), moversMost)]
}

// hold makes the mover's own what it shows.
func (q *mover) hold(after *score.State) {
	q.history, q.after = nil, *after
	q.after.Guest = slices.Clone(after.Guest)
	q.named = slices.Clone(q.named)
	for i := range q.named {
		q.named[i].Guest = slices.Clone(q.named[i].Guest)
	}
}

// enter says which actions of a band entering it sets off; a card has 16 at most.
func (m *simulation) enter(one *simulated, st *score.State) (holds uint16, why string) {
	card := m.draft.card.Card
	i := slices.IndexFunc(card.Bands, func(b scorecard.Band) bool { return b.Name == st.Band })
	if i < 0 {
		return 0, "" // unreachable unless the card forgot its own band
	}
	var dims []float64
	for n := range card.Bands[i].Actions {
		a := &card.Bands[i].Actions[n]
		if leaves(*a) && one.id.Kind == tracker.VisitorIdentity {
			continue // nobody to call yet
		}
		if a.When != nil && dims == nil {
			var r scorecard.Result
			m.draft.reader.SetInputs(m.draft.card.Inputs(one.named))
			if err := m.draft.reader.Score(st.Guest, one.at, &r); err != nil {
				return holds, "actions: " + err.Error()
			}
			dims = r.Dims
		}
		if a.Holds(dims) {
			holds |= 1 << n
		}
	}
	return holds, ""
}

// result says what was found.
func (t *tally) result(total int) *export.Simulation {
	m := t.m
	out := &export.Simulation{
		Scorecard: m.draft.card.Name, At: export.Time(m.at), Total: total, Leads: t.leads,
		Rose: t.rose, Fell: t.fell, Bands: t.bands(),
		Before: t.before.public(), After: t.after.public(),
		Moves: []export.BandMove{}, Actions: []export.BandAction{}, Failed: []export.SimulationFail{},
		Risers: t.public(t.risers), Fallers: t.public(t.fallers),
	}
	if m.old != nil {
		out.InForce = m.old.card.Name
	}
	for _, from := range append([]string{""}, out.Bands...) {
		for _, to := range append([]string{""}, out.Bands...) {
			n := t.moves[[2]string{from, to}]
			if n > 0 {
				out.Moves = append(out.Moves, export.BandMove{From: from, To: to, Leads: n})
			}
			if from != to {
				out.Moved += n
			}
		}
	}
	for _, b := range m.draft.card.Card.Bands {
		for i, a := range b.Actions {
			if n := t.actions[actionKey{b.Name, i}]; n > 0 {
				out.Actions = append(out.Actions, export.BandAction{Band: b.Name, Do: a.Do, To: a.To, Queue: a.Queue, Leads: n})
			}
		}
	}
	for _, why := range slices.Sorted(maps.Keys(t.failed)) {
		out.Failed = append(out.Failed, export.SimulationFail{Why: why, Leads: t.failed[why]})
	}
	return out
}

// bands are those of the draft, lowest first, then those that only the leads of
// former versions are in.
func (t *tally) bands() []string {
	names := []string{}
	for _, b := range t.m.draft.card.Card.Bands {
		names = append(names, b.Name)
	}
	if t.m.old != nil {
		for _, b := range t.m.old.card.Card.Bands {
			if !slices.Contains(names, b.Name) {
				names = append(names, b.Name)
			}
		}
	}
	var rest []string
	for k := range t.moves {
		if k[0] != "" && !slices.Contains(names, k[0]) && !slices.Contains(rest, k[0]) {
			rest = append(rest, k[0])
		}
	}
	slices.Sort(rest)
	return append(names, rest...)
}

// public says lowest, deciles and highest.
func (s *spread) public() export.Spread {
	out := export.Spread{Null: s.null, Deciles: []int{}}
	for _, n := range s.at {
		out.Scored += n
	}
	if out.Scored == 0 {
		return out
	}
	for d := 0; d <= 10; d++ {
		rank := max(1, (out.Scored*d+9)/10) // the nearest rank, rounded up
		below := 0
		for v, n := range s.at {
			if below += n; below >= rank {
				out.Deciles = append(out.Deciles, v)
				break
			}
		}
	}
	return out
}

func (t *tally) public(list []mover) []export.SimulatedLead {
	out := make([]export.SimulatedLead, 0, len(list))
	for i := range list {
		q := &list[i]
		out = append(out, export.SimulatedLead{ID: q.id.String(), Before: t.m.standing(t.m.old, &q.before, q), After: t.m.standing(t.m.draft, &q.after, q)})
	}
	return out
}

func (m *simulation) standing(c *cardState, st *score.State, q *mover) export.SimulatedStanding {
	others := map[string]*tracker.Score{}
	for i := range q.named {
		others[m.named[i].activation.Card] = m.named[i].explain(&q.named[i], q.at, nil)
	}
	sc := c.explain(st, q.at, others)
	out := export.SimulatedStanding{Grade: st.Grade, Band: st.Band, Reasons: sc.Reasons}
	if !st.Null {
		out.Score = &st.Score
	}
	if out.Reasons == nil {
		out.Reasons = []tracker.Reason{}
	}
	return out
}
