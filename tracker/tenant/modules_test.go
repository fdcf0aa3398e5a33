package tenant

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// TestModule publishes a module as a card: its row names it, the log holds it
// whole, and it is found again after a restart.
func TestModule(t *testing.T) {
	src, err := os.ReadFile("../../wasm/host/testdata/counter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	w, ctx := newWorld(t), context.Background()
	mine := w.create("mine")
	if _, err := w.Draft(mine.ID, "other", src); err == nil || !strings.Contains(err.Error(), "calls itself counter") {
		t.Errorf("under another name: %v", err)
	}
	w.draft(mine, "counter", src)
	w.reopen()
	if a, err := w.Publish(ctx, mine.ID, "counter", false); err != nil || a.Name() != "counter@1" {
		t.Fatalf("%+v, %v", a, err)
	}
	cards, err := w.Cards(mine.ID)
	if err != nil || len(cards) != 1 || !strings.HasPrefix(string(cards[0].Version(1).YAML), tracker.ModuleRef) {
		t.Fatalf("%+v, %v", cards, err)
	}
	var logged []byte
	err = w.db.Log().Read(ctx, 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			if c, err := tracker.DecodeControl(recs[i].Row); err == nil {
				logged = c.Activation.YAML
			}
		}
		return nil
	})
	if err != nil || !bytes.Equal(logged, src) {
		t.Errorf("the log holds %d bytes of the module, want %d: %v", len(logged), len(src), err)
	}
	if _, ok := w.Tenant(mine.ID).Clear["path"]; !ok {
		t.Error("what the module reads is not kept in the clear")
	}
	w.same(mine)

	// A draft that is followed by another leaves nothing; a version stays.
	fragile, err := os.ReadFile("../../wasm/host/testdata/fragile.wasm")
	if err != nil {
		t.Fatal(err)
	}
	kept := func() (n int) {
		t.Helper()
		err := w.db.Meta().View(func(tx *storage.Tx) error {
			return tx.Scan(mine.ID, storage.SpaceModule, nil, nil, func([]byte, []byte) error { n++; return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	w.draft(mine, "counter", fragile)
	w.draft(mine, "counter", fragile)
	if n := kept(); n != 2 {
		t.Errorf("%d modules are kept, want the version's and the draft's", n)
	}
	w.draft(mine, "counter", src)
	if n := kept(); n != 1 {
		t.Errorf("%d modules are kept, want the version's", n)
	}
}

// TestNamed refuses a card whose module is not there, and what would take a named
// module away; the log hears of none of it.
func TestNamed(t *testing.T) {
	src, err := os.ReadFile("../../wasm/host/testdata/counter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	w, ctx := newWorld(t), context.Background()
	mine := w.create("mine")
	refused := func(name, want string) {
		t.Helper()
		_, err := w.Publish(ctx, mine.ID, name, false)
		if tracker.KindOf(err) != tracker.KindUnfit || !strings.Contains(err.Error(), want) {
			t.Errorf("publish %s: %v, want %s", name, err, want)
		}
		w.reopen()
	}
	named := func(dim string) { w.draft(mine, "named", []byte("scorecard: named\ndimensions:\n  own: {"+dim+"}\n")) }
	named("kind: wasm, module: counter.wasm")
	refused("named", `named.yaml:3:29: rule "own": there is no module counter in force; publish it first`)
	w.draft(mine, "plain", card("plain", "path", 1))
	w.draft(mine, "counter", src)
	for _, name := range []string{"plain", "counter"} {
		if _, err := w.Publish(ctx, mine.ID, name, false); err != nil {
			t.Fatal(err)
		}
	}
	named("kind: wasm, module: other")
	refused("named", "there is no module other in force; publish it first: ripen module publish other.wasm, or name one of counter")
	named("kind: wasm, module: plain")
	refused("named", "plain is a card, not a module")
	named("kind: wasm, module: counter, gas: 9")
	refused("named", "may take 100000 gas, gas: allows 9; write gas: 100000")
	named("kind: model, model: counter")
	refused("named", `named.yaml:3:29: rule "own": there is no model counter`)
	named("kind: wasm, module: counter.wasm")
	if _, err := w.Publish(ctx, mine.ID, "named", false); err != nil {
		t.Fatal(err)
	}
	w.draft(mine, "counter", card("counter", "path", 1))
	refused("counter", `a card in force names counter as its module: named.yaml:3:29: rule "own": counter is a card, not a module`)
	w.draft(mine, "counter", src)
	if a, err := w.Publish(ctx, mine.ID, "counter", false); err != nil || a.Version != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	if got := w.activations(mine); len(got) != 4 {
		t.Errorf("the log says %v", got)
	}
}
