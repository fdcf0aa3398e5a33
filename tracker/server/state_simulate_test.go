package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm/host"
)

func quiet(int, int) error { return nil }

func (r *rig) simulate(yaml string, sample int) *export.Simulation {
	r.t.Helper()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	a := tracker.Activation{Card: "saas", Version: 2, YAML: []byte(yaml)}
	out, err := r.s.Simulate(context.Background(), c, testTenant, a, sample, quiet)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// standings are all leads that the list shows: score and band, by id.
func (r *rig) standings() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	err := r.s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
		sc := l.Scores["saas"]
		out[l.ID.String()] = fmt.Sprint(sc.Score, sc.Band, sc.Grade)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// simulated returns where the simulation sees each lead before and after. It
// reads the parts that no answer shows in full.
func (r *rig) simulated(yaml string) (before, after map[string]string) {
	r.t.Helper()
	m, err := r.s.newSimulation(context.Background(), testTenant, tracker.Activation{Card: "saas", Version: 2, YAML: []byte(yaml)})
	if err != nil {
		r.t.Fatal(err)
	}
	defer m.close()
	before, after = map[string]string{}, map[string]string{}
	ids, err := r.s.leadIDs(context.Background(), testTenant)
	for len(ids) > 0 && err == nil {
		var some []simulated
		if some, _, err = m.take(ids[:1]); err != nil {
			break
		}
		ids = ids[1:]
		if err = m.score(some, m.tally.add); err == nil && len(some) == 1 {
			id, was, now := some[0].id.String(), &some[0].before, m.outcome()
			if !was.Null {
				before[id] = fmt.Sprint(was.Score, was.Band, was.Grade)
			}
			if !now.Null {
				after[id] = fmt.Sprint(now.Score, now.Band, now.Grade)
			}
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return before, after
}

// TestSimulateIsWhatPublishShows lets random people with several identities do
// things, in no order, and compares every lead's score and band as simulated
// with what the list shows before and after publishing.
func TestSimulateIsWhatPublishShows(t *testing.T) {
	moved := 0
	for seed := range uint64(12) {
		now := int64(1_763_784_000_000)
		w := &world{rig: newRig(t, now), rnd: rand.New(rand.NewPCG(seed, 7)), start: now}
		w.publish(testCard, 1)
		for id := range uint64(80) {
			w.facts = append(w.facts, w.one(id+1))
		}
		w.arrive(w.facts) // some leads are in storage then, some in memory
		w.turns()
		if last := w.start + 21*day; w.now < last && seed%3 > 0 {
			w.now = last // else some events are still to come
			w.turns()
		}
		was := w.standings()
		sim := w.rig.simulate(otherCard, 0)
		before, after := w.simulated(otherCard)
		if !same(before, was) || !same(w.standings(), was) {
			t.Fatalf("seed %d: before\n%v, the list shows\n%v", seed, before, was)
		}
		w.publish(otherCard, 2)
		w.turns()
		if err := w.s.checkpoint(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.turns()
		is := w.standings()
		if !same(after, is) {
			t.Fatalf("seed %d: simulated\n%v, published\n%v", seed, after, is)
		}
		if sim.Leads != sim.Total || sim.Leads != sim.After.Scored+sim.After.Null || sim.After.Scored != len(is) || sim.Before.Scored != len(was) {
			t.Fatalf("seed %d: %d leads before and %d after, simulated %+v", seed, len(was), len(is), sim)
		}
		moved += sim.Moved + sim.Rose + sim.Fell
	}
	if moved == 0 {
		t.Fatal("the cards do not differ for anybody: the test shows nothing")
	}
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// actionCard is otherCard with a hand-off for each band that is entered, one of
// them under a condition.
var actionCard = strings.Replace(testCard, "points: 10, per: session, cap: 45", "points: 40, per: each, cap: 90", 1) + `
on_band:
  mql: [{handoff: crm, queue: sales}, {notify: owner, when: "fit > 10"}]
`

func TestSimulateSaysWhoMoves(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1))
	r.append(
		event(8, "identify", now-6000, "v1", "u1", "", nil, nil), // only who is known is handed over
		view(1, now-5000, "v1", "/pricing"), view(2, now-4000, "v1", "/pricing"), view(3, now-3000, "v2", "/about"),
		event(4, "identify", now-2000, "v3", "", "", nil, []tracker.Field{text(tracker.Trait, "job", "cto")}), // sealed
		view(5, now-1900, "v3", "/pricing"), view(6, now-1800, "v3", "/pricing"),
		view(7, now-9*day, "v2", "/pricing"), // came late
	)
	r.turns()
	got := r.simulate(actionCard, 0)
	if got.Scorecard != "saas@2" || got.InForce != "saas@1" || got.Leads != 3 || got.Total != 3 || got.Rose != 3 || got.Fell != 0 {
		t.Errorf("got %+v", got)
	}
	want := []export.BandAction{{Band: "mql", Do: "handoff", To: "crm", Queue: "sales", Leads: 1}}
	if !slices.Equal(got.Actions, want) {
		t.Errorf("actions: got %+v, want %+v; moves %+v", got.Actions, want, got.Moves)
	}
	for _, a := range got.Actions {
		entered := 0
		for _, m := range got.Moves {
			if m.To == a.Band && m.From != a.Band {
				entered += m.Leads
			}
		}
		if a.Do == "handoff" && a.Leads != entered || a.Do == "notify" && a.Leads != 1 {
			t.Errorf("%+v, but %d leads enter the band: %+v", a, entered, got.Moves)
		}
	}
	top := got.Risers[0]
	if *top.After.Score <= *top.Before.Score || len(top.Before.Reasons) == 0 || len(top.After.Reasons) == 0 {
		t.Errorf("biggest riser: %+v", top)
	}
	for _, side := range []export.SimulatedStanding{top.Before, top.After} {
		sum := int64(0)
		for _, q := range side.Reasons {
			sum += q.Share
		}
		if sum != int64(1000**side.Score) {
			t.Errorf("reasons add up to %d of %d", sum, *side.Score)
		}
	}
	if len(got.After.Deciles) != 11 || !slices.IsSorted(got.After.Deciles) || got.After.Deciles[10] < *top.After.Score {
		t.Errorf("deciles: %+v, top %d", got.After, *top.After.Score)
	}
}

func TestSimulateSample(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1))
	for i := range uint64(200) {
		r.append(view(i+1, now-5000, fmt.Sprint("v", i), "/pricing"))
	}
	r.turns()
	a, b := r.simulate(otherCard, 50), r.simulate(otherCard, 50)
	if a.Leads != 50 || a.Total != 200 || fmt.Sprint(a.Risers) == "" || len(a.Risers) != len(b.Risers) {
		t.Fatalf("got %+v", a)
	}
	for i := range a.Risers {
		if a.Risers[i].ID != b.Risers[i].ID {
			t.Fatal("two samples differ")
		}
	}
}

func TestSimulateEnds(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1), view(1, now-5000, "v1", "/pricing"))
	r.turns()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	a := tracker.Activation{Card: "saas", Version: 2, YAML: []byte(otherCard)}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.s.Simulate(ctx, c, testTenant, a, 0, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	gone := errors.New("gone")
	if _, err := r.s.Simulate(context.Background(), c, testTenant, a, 0, func(int, int) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("its reader has gone: %v", err)
	}
	if _, err := r.s.Simulate(context.Background(), c, tracker.TenantID{9}, a, 0, quiet); tracker.KindOf(err) != tracker.KindForbidden {
		t.Errorf("another's tenant: %v", err)
	}
	a.YAML = []byte("scorecard: [")
	if _, err := r.s.Simulate(context.Background(), c, testTenant, a, 0, quiet); err == nil {
		t.Error("a card that is none was simulated")
	}
	r.simulate(otherCard, 0) // it is free again
	if got := r.simulate(testCard, 0); got.Moved+got.Rose+got.Fell != 0 {
		t.Errorf("the same card moves leads: %+v", got)
	}
	other := tracker.TenantID{7}
	c.Tenant = other
	if got, err := r.s.Simulate(context.Background(), c, other, tracker.Activation{Card: "saas", Version: 1, YAML: []byte(testCard)}, 0, quiet); err != nil || got.Total != 0 {
		t.Errorf("a tenant without leads: %+v %v", got, err)
	}
}

// TestSimulateFails simulates a card that has not the gas for one event: the
// leads it cannot score are counted, and the version in force notices nothing.
func TestSimulateFails(t *testing.T) {
	now := int64(1_763_784_000_000)
	h, err := host.New(t.Context(), host.Config{FoldGas: 2500})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := newRig(t, now)
	r.cfg.Host = h
	r.cfg.Quarantine = func(_ tracker.TenantID, a tracker.Activation, why string) {
		t.Errorf("%s is given up: %s", a.Name(), why)
	}
	r.crash() // with this configuration
	r.append(activation(testCard, 1))
	for i := range uint64(8) {
		r.append(view(i+1, now-5000, fmt.Sprint("v", i), "/pricing/aa"))
	}
	r.turns()
	was := r.standings()
	got, failed := r.simulate(bigCard, 0), 0
	for _, f := range got.Failed {
		failed += f.Leads
	}
	if got.Leads != 8 || failed != 8 || got.Rose+got.Fell+got.Moved != 0 {
		t.Errorf("got %+v", got)
	}
	r.turns()
	if !same(r.standings(), was) {
		t.Errorf("was %v, is %v", was, r.standings())
	}
}
