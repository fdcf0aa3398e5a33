package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"ripen/wasm"
	"ripen/wasm/cases"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// runCardEval holds the compiled card to a file of cases, a line an
// expectation.
func runCardEval(ctx context.Context, c *call) (err error) {
	if c.get("cases") == "" {
		return &usageError{"scorecard eval needs --cases FILE", "ripen help scorecard eval"}
	}
	b, err := os.ReadFile(c.get("cases"))
	if err != nil {
		return err
	}
	list, err := cases.Read(b)
	if err != nil {
		return fmt.Errorf("%s: %w", c.get("cases"), err)
	}
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, h.Close()) }()
	reports := []*cases.Report{}
	for i := range list {
		card, _, err := c.readCard(c.args[0]) // anew: lists are set on the card
		if err != nil {
			return err
		}
		r, err := runCase(ctx, h, card, &list[i])
		if err != nil {
			return fmt.Errorf("case %q: %w", list[i].Name, err)
		}
		reports = append(reports, r)
	}
	return c.printReports(reports)
}

// runCase walks one case through the compiled module.
func runCase(ctx context.Context, h *host.Host, card *scorecard.Card, ec *cases.Case) (r *cases.Report, err error) {
	for name, values := range ec.Lists {
		card.SetList(name, values)
	}
	module, err := compile.Module(card)
	if err != nil {
		return nil, err
	}
	loaded, err := h.Load(ctx, card, module)
	if err != nil {
		return nil, err
	}
	in, err := loaded.NewInstance(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, in.Close()) }()
	return cases.Run(card, ec, &guest{in: in})
}

// guest is one lead in a module, as the walk of a case asks for it.
type guest struct {
	in    *host.Instance
	state []byte
	last  scorecard.Result
}

func (g *guest) Fold(evs []wasm.Event) error {
	state, err := g.in.Fold(g.state, evs)
	g.state = append(g.state[:0], state...)
	return err
}

func (g *guest) SetInputs(v []float64) { g.in.SetInputs(v) }

func (g *guest) Score(now int64) (*scorecard.Result, error) {
	return &g.last, g.in.Score(g.state, now, &g.last)
}

func (c *call) printReports(reports []*cases.Report) error {
	ran, failed := 0, 0
	for _, r := range reports {
		if r.Skipped != "" && !c.bool("json") {
			fmt.Fprintf(c.out, "skip  %s: %s\n", plain(r.Case), r.Skipped)
		}
		ran, failed = ran+len(r.Checks), failed+len(r.Failed())
		for _, k := range r.Checks {
			mark, because := "ok  ", ""
			if !k.OK {
				mark = "DIFF"
				if k.Because != "" {
					because = ": " + plain(k.Because)
				}
			}
			if !c.bool("json") {
				fmt.Fprintf(c.out, "%s  %s, day %g: %s %s, want %s%s\n", mark, plain(k.Case), k.Day, k.Key, k.Got, k.Want, because)
			}
		}
	}
	if c.bool("json") {
		if err := c.printJSON(map[string]any{"expectations": ran, "differ": failed, "reports": reports}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.out, "%d expectations, %d differ\n", ran, failed)
	}
	switch {
	case ran == 0:
		return errors.New("no case of the file can be held against this card")
	case failed > 0:
		return errReported
	}
	return nil
}
