package main

import (
	"context"
	"fmt"
	"net/url"

	"ripen/tracker"
)

func checklistCommand() *command {
	return &command{
		name: "checklist", use: tenantSettings, folds: true,
		summary: text{"what is set up before going live: data, criteria, points, actions", "qué está listo antes de empezar: datos, criterios, puntos, acciones"},
		help: `
Exit code 1 while something is missing; until then marketing mails by hand are
refused. Each line that is not ok says what to do.

  ripen checklist --data ./data`,
		run: runChecklist,
	}
}

func runChecklist(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var l struct {
			Ready  bool `json:"ready"`
			Checks []struct {
				Step string `json:"step"`
				Name string `json:"name"`
				OK   bool   `json:"ok"`
				Fix  string `json:"fix,omitempty"`
			} `json:"checks"`
		}
		if err := cl.do(ctx, "GET", "/v1/checklist", url.Values{"lang": {c.lang}}, nil, &l); err != nil {
			return err
		}
		if c.bool("json") {
			if err := c.printJSON(l); err != nil {
				return err
			}
		} else {
			for _, k := range l.Checks {
				state := text{"ok     ", "bien   "}.in(c.lang)
				if !k.OK {
					state = text{"missing", "falta  "}.in(c.lang)
				}
				fmt.Fprintf(c.out, "%s  %-9s  %s\n", state, tracker.CheckSteps[k.Step].In(c.lang), plain(k.Name))
				if k.Fix != "" {
					fmt.Fprintf(c.out, "                    → %s\n", plain(k.Fix))
				}
			}
		}
		if !l.Ready {
			return errReported
		}
		return nil
	})
}
