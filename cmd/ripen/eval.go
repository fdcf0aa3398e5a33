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
	"ripen/wasm/meter"
	"ripen/wasm/scorecard"
)

// runCardEval holds the compiled card to a file of cases, a line an
// expectation.
func runCardEval(ctx context.Context, c *call) (err error) {
	list, err := c.readCases()
	if err != nil {
		return err
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

// readCases reads the file that --cases names.
func (c *call) readCases() ([]cases.Case, error) {
	file := c.get("cases")
	if file == "" {
		return nil, &usageError{c.cmd.name + " needs --cases FILE", "ripen help " + c.cmd.name}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list, err := cases.Read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// runModuleEval holds a stranger's module to a file of cases. It is admitted
// first: what a server would refuse scores nothing here either.
func runModuleEval(ctx context.Context, c *call) (err error) {
	list, err := c.readCases()
	if err != nil {
		return err
	}
	src, err := os.ReadFile(c.args[0])
	if err != nil {
		return err
	}
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, h.Close()) }()
	_, err = h.Admit(ctx, src, nil)
	if no, refused := errors.AsType[*meter.Refusal](err); refused {
		fmt.Fprintln(c.err, plain(c.args[0]+": "+c.refusal(no)))
		return errReported
	} else if err != nil {
		return err
	}
	m, err := h.LoadUpload(ctx, src)
	if err != nil {
		return err
	}
	reports := []*cases.Report{}
	for i := range list {
		r, err := walkCase(ctx, m, &list[i])
		if err != nil {
			return fmt.Errorf("case %q: %w", list[i].Name, err)
		}
		reports = append(reports, r)
	}
	return c.printReports(reports)
}

// runCase walks one case through the compiled module.
func runCase(ctx context.Context, h *host.Host, card *scorecard.Card, ec *cases.Case) (*cases.Report, error) {
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
	return walkCase(ctx, loaded, ec)
}

// walkCase walks one case through a module.
func walkCase(ctx context.Context, m *host.Module, ec *cases.Case) (r *cases.Report, err error) {
	in, err := m.NewInstance(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, in.Close()) }()
	return cases.Run(m.Card(), ec, &scored{in: in})
}

// scored is one lead in a module, as the walk of a case asks for it.
type scored struct {
	in    *host.Instance
	state []byte
	last  scorecard.Result
}

func (g *scored) Fold(evs []wasm.Event) error {
	state, err := g.in.Fold(g.state, evs)
	g.state = append(g.state[:0], state...)
	return err
}

func (g *scored) SetInputs(v []float64) { g.in.SetInputs(v) }

func (g *scored) Score(now int64) (*scorecard.Result, error) {
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
		return errors.New("no case of the file can be held against it")
	case failed > 0:
		return errReported
	}
	return nil
}
