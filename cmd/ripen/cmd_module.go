package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"ripen/tracker"
	"ripen/wasm/host"
	"ripen/wasm/meter"
)

func moduleCommands() []*command {
	return []*command{moduleNewCommand(), {
		name: "module check", args: "FILE", min: 1, max: 1, use: []string{"json"},
		summary: text{"may this WebAssembly module score? its size, memory and gas, or what is wrong and where", "¿puede puntuar este módulo WebAssembly? su tamaño, memoria y gas, o qué falla y dónde"},
		help: `
The module is bounded, metered, compiled in a process of its own and tried on
1,024 made-up events: as a server does before it takes one. Gas is what an event
or a score costs; a call that needs more than it is given is stopped.

  ripen module check score.wasm
  ripen module check score.wasm --json`,
		run: runModuleCheck,
	}, {
		name: "module eval", args: "FILE", min: 1, max: 1, use: []string{"cases", "json"},
		summary: text{"walk cases through a module and compare what is expected", "pasar casos por un módulo y comparar con lo esperado"},
		help: `
A case is written as for 'ripen scorecard eval'. One line an expectation; exit
code 1 if any differs by more than the digits printed.

  ripen module eval score.wasm --cases cases.json`,
		run: runModuleEval,
	}, {
		name: "module publish", args: "FILE", min: 1, max: 1, use: append([]string{"ranking"}, tenantSettings...),
		summary: text{"put a module in force as a scorecard: every lead is scored again", "poner un módulo en vigor como tarjeta: cada lead se puntúa de nuevo"},
		help: `
The server tries the module on the tenant's latest events before it takes it. Its
manifest names it; from then on it is a scorecard of that name.

  ripen module publish score.wasm --tenant acme --data ./data`,
		run: runModulePublish,
	}, {
		name: "module rollback", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"put the version before the current one in force again", "volver a poner en vigor la versión anterior"},
		help:    "  ripen module rollback counter --tenant acme --data ./data",
		run:     runCardRollback,
	}}
}

func runModulePublish(ctx context.Context, c *call) error {
	src, err := os.ReadFile(c.args[0])
	if err != nil {
		return err
	}
	name, err := c.moduleName(src)
	if err != nil {
		return err
	}
	return c.publish(ctx, "/v1/modules/", name, src)
}

// moduleName is what the module of the first argument calls itself.
func (c *call) moduleName(src []byte) (string, error) {
	card, err := host.CardOf(src)
	if no, refused := errors.AsType[*meter.Refusal](err); refused {
		fmt.Fprintln(c.err, plain(c.args[0]+": "+c.refusal(no)))
		return "", errReported
	} else if err != nil {
		return "", err
	}
	return card.Name, nil
}

// isModule says that a file is a module. One that is damaged is known by its name.
func isModule(file string, src []byte) bool {
	return tracker.IsModule(src) || strings.HasSuffix(file, ".wasm")
}

// readSource reads a card or a module, and says below which path it belongs.
func (c *call) readSource(file string) (below, name string, src []byte, err error) {
	if src, err = os.ReadFile(file); err != nil {
		return "", "", nil, err
	}
	if isModule(file, src) {
		name, err = c.moduleName(src)
		return "/v1/modules/", name, src, err
	}
	card, src, err := c.readCard(file)
	if err != nil {
		return "", "", nil, err
	}
	return "/v1/scorecards/", card.Name, src, nil
}

func runModuleCheck(ctx context.Context, c *call) (err error) {
	src, err := os.ReadFile(c.args[0])
	if err != nil {
		return err
	}
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, h.Close()) }()
	r, err := h.Admit(ctx, src, nil)
	no, refused := errors.AsType[*meter.Refusal](err)
	switch {
	case err != nil && !refused:
		return err
	case c.bool("json"):
		err = c.printJSON(struct {
			OK      bool           `json:"ok"`
			Refusal *meter.Refusal `json:"refusal,omitempty"`
			*host.Report
		}{OK: !refused, Refusal: no, Report: r})
	case refused:
		_, err = fmt.Fprintln(c.err, plain(c.args[0]+": "+c.refusal(no)))
	default:
		return c.printModule(r)
	}
	if err == nil && refused {
		err = errReported
	}
	return err
}

// refusal says where a module is wrong, what was found there and what bounds it.
func (c *call) refusal(no *meter.Refusal) string {
	return fmt.Sprintf(text{"%s section at byte %d: %s; %s", "sección %s en el byte %d: %s; %s"}.in(c.lang), no.Section, no.Offset, no.Found, no.Limit)
}

func (c *call) printModule(r *host.Report) error {
	say := func(en, es string) string { return text{en, es}.in(c.lang) }
	fmt.Fprintf(c.out, say("%s may score: %s, %d functions, no imports\n", "%s puede puntuar: %s, %d funciones, sin importaciones\n"),
		plain(c.args[0]), bytesText(int64(r.Size)), r.Functions)
	fmt.Fprintf(c.out, say("memory %s, at most %s; a lead's state up to %d bytes\n", "memoria %s, como mucho %s; el estado de un lead, hasta %d bytes\n"),
		pagesText(r.Pages[0]), pagesText(r.Pages[1]), r.StateMax)
	fmt.Fprintf(c.out, say("tried on %d events of %d leads, %d times again in other ways, %d times in the interpreter: all the same\n", "probado con %d eventos de %d leads, %d veces más de otras maneras, %d veces en el intérprete: todo igual\n"),
		r.Events, r.Leads, r.Again, r.Compared)
	rows := [][]string{
		gasRow(say("an event", "un evento"), &r.Fold),
		gasRow(say("a score", "una puntuación"), &r.Score),
	}
	c.table([]string{"GAS", ">P50", ">P99", ">MAX", ">GIVEN"}, rows)
	return nil
}

func gasRow(what string, g *host.Gas) []string {
	return []string{what, fmt.Sprint(g.P50), fmt.Sprint(g.P99), fmt.Sprint(g.Max), fmt.Sprint(g.Given)}
}

// pagesText is a number of WebAssembly's pages as bytes.
func pagesText(n int) string { return bytesText(int64(n) << 16) }
