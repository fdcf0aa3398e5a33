package host

import (
	"context"
	"os"
	"testing"

	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

func card(t testing.TB, name string) *scorecard.Card {
	t.Helper()
	src, err := os.ReadFile("../scorecard/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := scorecard.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, c *scorecard.Card) *Instance {
	t.Helper()
	ctx := context.Background()
	h, err := New(ctx, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	b, err := compile.Module(c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Load(ctx, c, b)
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.NewInstance(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestEmptyLead(t *testing.T) {
	in := open(t, card(t, "saas.yaml"))
	var r scorecard.Result
	if err := in.Score(nil, 1_700_000_000_000, &r); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
}
