package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"ripen/tracker"
	"ripen/tracker/export"
)

// shadowed lets the rig's tenant have a shadow of a card; an empty one ends it.
func (r *rig) shadowed(yaml string) {
	t := &tracker.Tenant{ID: testTenant}
	if yaml != "" {
		t.Shadow = &tracker.Shadow{Card: "saas", Version: 2, At: r.now}
	}
	r.cfg.Tenant = func(tracker.TenantID) *tracker.Tenant { return t }
	r.cfg.Shadowed = func() []*tracker.Tenant {
		if t.Shadow == nil {
			return nil
		}
		return []*tracker.Tenant{t}
	}
	r.cfg.ShadowSource = func(tracker.TenantID) (tracker.Activation, error) {
		return tracker.Activation{Card: "saas", Version: 2, YAML: []byte(yaml)}, nil
	}
	r.s.cfg.Tenant, r.s.cfg.Shadowed, r.s.cfg.ShadowSource = r.cfg.Tenant, r.cfg.Shadowed, r.cfg.ShadowSource
}

// shadow lets the shadow walk all there is and says what it has seen.
func (r *rig) shadow() *export.Shadow {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for n := 0; r.s.shadowTurnMore(); n++ {
		if n == 10_000 {
			r.t.Fatal("the shadow does not come to rest")
		}
	}
	out, err := r.s.Shadow(ctx, tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}, testTenant)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// shadowTurnMore is one turn; it says whether anything is left to be walked.
func (s *State) shadowTurnMore() bool {
	_, more := s.shadowTurn(context.Background())
	sh := s.shadows.get(testTenant)
	if sh == nil {
		return false
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return more || sh.m == nil || sh.waiting() > 0
}

func sameSimulation(t *testing.T, how string, got *export.Shadow, want *export.Simulation) {
	t.Helper()
	own := got.Simulation
	own.At = want.At
	a, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Fatalf("%s: the shadow says\n%s\nthe simulation\n%s", how, a, b)
	}
	if !got.Ready || got.Waiting != 0 {
		t.Fatalf("%s: not at rest: %+v", how, got)
	}
}

// TestShadowIsWhatSimulateSays lets random people with several identities do
// things, in no order, with crashes, merges, replays and another version in
// between, and compares what the shadow has counted with a simulation, whenever
// it is at rest. What is shown is what a twin shows that has no shadow.
func TestShadowIsWhatSimulateSays(t *testing.T) {
	moved := 0
	for seed := range uint64(10) {
		start := int64(1_763_784_000_000)
		w := &world{rig: newRig(t, start), rnd: rand.New(rand.NewPCG(seed, 11)), start: start}
		w.publish(testCard, 1)
		draft := otherCard
		if seed%3 == 1 {
			draft = actionCard
		}
		w.shadowed(draft)
		for part := range 5 {
			at := len(w.facts)
			for id := range uint64(30) {
				w.facts = append(w.facts, w.one(uint64(part)*100+id+1))
			}
			w.s.shadowTurnMore()
			w.arrive(w.facts[at:])
			w.turns()
			switch sh := w.s.shadows.get(testTenant); {
			case part == 2 && sh != nil:
				sh.noted.Lock()
				sh.lost = true // it forgets who was touched, but for nobody
				clear(sh.touched)
				sh.noted.Unlock()
			case part == 3 && seed%2 == 0:
				if err := w.s.restart(context.Background()); err != nil { // a replay
					t.Fatal(err)
				}
				w.turns()
			case part == 4 && seed%3 == 2:
				w.publish(actionCard, 3)
				w.turns()
			}
			how := fmt.Sprintf("seed %d part %d", seed, part)
			sameSimulation(t, how, w.rig.shadow(), w.rig.simulate(draft, 0))
			w.now += w.rnd.Int64N(6 * day) // scores fade on both sides
			w.turns()
			got := w.rig.shadow()
			sameSimulation(t, how+", later", got, w.rig.simulate(draft, 0))
			moved += got.Moved
		}
		w.shadowed("")
		w.s.shadowTurnMore()
		if w.s.shadows.get(testTenant) != nil || w.s.tenants[testTenant].shadow != nil {
			t.Fatal("the shadow has not ended")
		}
		w.checkFeed("beside a shadow")
		if seed%3 != 2 {
			w.check(w.s, w.now, "beside a shadow")
		}
	}
	if moved == 0 {
		t.Fatal("the cards do not differ for anybody: the test shows nothing")
	}
}

// TestShadowEnds asks for shadows that there are not, not yet, or that cannot be,
// and counts events and walks of one that there is.
func TestShadowEnds(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1), view(1, now-5000, "v1", "/pricing"))
	r.turns()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	secret := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	if _, err := r.s.Shadow(ctx, secret, testTenant); tracker.KindOf(err) != tracker.KindNotFound {
		t.Errorf("nothing is shadowed: %v", err)
	}
	if _, err := r.s.Shadow(ctx, secret, tracker.TenantID{9}); tracker.KindOf(err) != tracker.KindForbidden {
		t.Errorf("another's tenant: %v", err)
	}
	r.shadowed("scorecard: [")
	r.s.shadowTurnMore()
	if _, err := r.s.Shadow(ctx, secret, testTenant); tracker.KindOf(err) != tracker.KindBusy {
		t.Errorf("a card that is none: %v", err)
	}
	r.shadowed("")
	r.s.shadowTurnMore()
	r.shadowed(otherCard)
	if out, err := r.s.Shadow(ctx, secret, testTenant); err != nil || out.Ready || out.Leads != 0 || out.Scorecard != "saas@2" {
		t.Errorf("before it has begun: %+v %v", out, err)
	}
	if out := r.shadow(); out.Leads != 1 || out.Events != 0 || out.Walks != 1 {
		t.Errorf("got %+v", out)
	}
	r.append(view(2, now-4000, "v1", "/pricing"), view(3, now-3000, "v1", "/pricing"))
	r.turns()
	if out := r.shadow(); out.Leads != 1 || out.Events != 2 || out.Walks != 2 {
		t.Errorf("two more events, one more walk: got %+v", out)
	}
}

// TestShadowNoteIsFree lets the loop note the same leads over and over.
func TestShadowNoteIsFree(t *testing.T) {
	sh := &shadow{touched: map[tracker.LeadID]struct{}{}}
	ids := make([]tracker.LeadID, 100)
	for i := range ids {
		ids[i].Hash[0] = byte(i)
		sh.note(ids[i])
	}
	n := testing.AllocsPerRun(100, func() {
		for _, id := range ids {
			sh.note(id)
		}
	})
	if n != 0 || len(sh.touched) != 100 {
		t.Errorf("%v allocations, %d leads", n, len(sh.touched))
	}
}
