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
