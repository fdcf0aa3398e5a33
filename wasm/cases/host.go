package cases

import (
	"context"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// instance is a lead scored by a compiled module.
type instance struct {
	in    *host.Instance
	state []byte
}

func (e *instance) Fold(evs []wasm.Event) error {
	state, err := e.in.Fold(e.state, evs)
	if err == nil {
		e.state = append(e.state[:0], state...)
	}
	return err
}

func (e *instance) SetInputs(v []float64) { e.in.SetInputs(v) }

func (e *instance) Score(now int64) (*scorecard.Result, error) {
	r := new(scorecard.Result)
	return r, e.in.Score(e.state, now, r)
}

// RunAll parses a card anew for each case, because cases bring their own lists,
// and holds its compiled module to it.
func RunAll(ctx context.Context, file string, src []byte, all []Case) ([]*Report, error) {
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return nil, err
	}
	defer h.Close() // nothing is left in it
	var out []*Report
	for i := range all {
		r, err := runOne(ctx, h, file, src, &all[i])
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func runOne(ctx context.Context, h *host.Host, file string, src []byte, c *Case) (*Report, error) {
	card, err := scorecard.Parse(file, src)
	if err != nil {
		return nil, err
	}
	for name, values := range c.Lists {
		card.SetList(name, values)
	}
	b, err := compile.Module(card)
	if err != nil {
		return nil, err
	}
	m, err := h.Load(ctx, card, b)
	if err != nil {
		return nil, err
	}
	defer m.Close() // its instance is closed first
	in, err := m.NewInstance(ctx)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return Run(card, c, &instance{in: in})
}
