package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// fedCard is testCard with what the module counter says, which counts events.
var fedCard = strings.NewReplacer("score:\n", "  own: {kind: wasm, module: counter}\nscore:\n",
	"{dimension: engagement, times: 0.6}", "{dimension: engagement, times: 0.6}, {dimension: own, times: 2}").Replace(testCard)

func counter(t *testing.T, version int) storage.Record {
	t.Helper()
	b, err := os.ReadFile("../../wasm/host/testdata/counter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return storage.Record{
		Tenant: testTenant, Kind: storage.KindControl,
		Row: tracker.AppendActivation(nil, tracker.Activation{Card: "counter", Version: version, YAML: b}),
	}
}

// scores is all that scores show of a tenant's leads, and the walks as they are
// stored, as bytes. Each lead's shares
// sum to its score, and the module's word is in it.
func (w *world) scores(s *State, how string) string {
	w.t.Helper()
	var out strings.Builder
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	err := s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
		for name, sc := range l.Scores {
			sum := int64(0)
			for _, q := range sc.Reasons {
				sum += q.Share
			}
			if sum != 1000*int64(sc.Score) || sc.Trouble != "" {
				w.t.Fatalf("%s: %s on %s: shares sum to %d, score %d %s", how, l.ID, name, sum, sc.Score, sc.Trouble)
			}
		}
		if own, said := l.Scores["saas"].Dims["own"], l.Scores["counter"].Score; own != float64(said) {
			w.t.Fatalf("%s: %s: the module says %d, the card heard %v", how, l.ID, said, own)
		}
		b, err := json.Marshal(l.Scores)
		if err != nil {
			return err
		}
		kept, err := s.fold.Lead(testTenant, l.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %s %x\n", l.ID, b, kept.Body.(*body).walk.Append(nil))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

// TestModuleFeedsCard lets random events come in any order and compares what is
// shown of a card that names a module, to the byte: as they came, after a crash,
// and rebuilt from the log.
func TestModuleFeedsCard(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			start := int64(1_763_784_000_000)
			w := &world{rig: newRig(t, start+8*day), rnd: rand.New(rand.NewPCG(seed, 11)), start: start}
			w.cfg.baseEvery = seed % 2 * 4
			w.crash()
			w.publish(fedCard, 1) // from before its module: as cards in old logs may be
			w.append(counter(t, 1))
			for i := range uint64(60) {
				w.facts = append(w.facts, w.one(i+1))
			}
			w.arrive(w.facts)
			w.now = max(w.now, start+25*day)
			w.turns()
			came := w.scores(w.s, "as they came")
			if !strings.Contains(came, `"own.visits"`) || !strings.Contains(came, "visits") {
				t.Errorf("no reason of the module's in %s", came)
			}
			w.crash()
			w.turns()
			if got := w.scores(w.s, "after a crash"); got != came {
				t.Errorf("after a crash\n%s\nas they came\n%s", got, came)
			}
			w.rebuild()
			if got := w.scores(w.s, "rebuilt"); got != came {
				t.Errorf("rebuilt\n%s\nas they came\n%s", got, came)
			}
			// A new version of the module, and of the card, is what was simulated.
			sim := strings.Replace(fedCard, "dimension: own, times: 2", "dimension: own, times: 5", 1)
			before, after := w.simulated(sim)
			if was := w.standings(); !same(before, was) {
				t.Errorf("simulated before %v, the list shows %v", before, was)
			}
			w.append(counter(t, 2))
			w.publish(sim, 2)
			w.turns()
			if err := w.s.checkpoint(context.Background()); err != nil {
				t.Fatal(err)
			}
			w.turns()
			if is := w.standings(); !same(after, is) {
				t.Errorf("simulated after %v, the list shows %v", after, is)
			}
			w.scores(w.s, "published again")
		})
	}
}
