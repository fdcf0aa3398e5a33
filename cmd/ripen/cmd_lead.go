package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// personCommands decide about one person.
func personCommands() []*command {
	return []*command{
		{
			name: "leads merge", folds: true, args: "LEAD OTHER", min: 2, max: 2, use: tenantSettings,
			summary: text{"say that two leads are one person", "decir que dos leads son la misma persona"},
			help: `
A lead is named by its id, a user id, an e-mail or a visitor id. Two user ids
never become one lead by themselves; this is how you say that they are. It is a
record of the log, and 'ripen leads unmerge' takes it back without a trace.

  ripen leads merge ana@work.example ana@home.example --data ./data`,
			run: runLeadMerge,
		},
		{
			name: "leads unmerge", folds: true, args: "LEAD IDENTITY", min: 2, max: 2, use: tenantSettings,
			summary: text{"take an identity out of a lead, with all it did", "sacar una identidad de un lead, con todo lo que hizo"},
			help: `
For a shared computer, a forwarded mail, a wrong merge: the identity (a user id,
an e-mail, a visitor id) is the lead's no more, whatever events said or will say,
as if they had never been one. 'ripen leads show --json' lists what a lead holds.

  ripen leads unmerge ana@acme.example 4f0c8a6e-visitor --data ./data`,
			run: runLeadUnmerge,
		},
		{
			name: "leads archive", folds: true, args: "LEAD", min: 1, max: 1, use: append([]string{"out"}, tenantSettings...),
			summary: text{"all that is kept of a person, as NDJSON", "todo lo que se guarda de una persona, como NDJSON"},
			help:    "  ripen leads archive ana@acme.example -o ana.ndjson --data ./data",
			run:     runLeadArchive,
		},
		{
			name: "leads erase", folds: true, args: "LEAD", min: 1, max: 1, use: append([]string{"yes"}, tenantSettings...),
			summary: text{"forget a person: their keys are destroyed", "olvidar a una persona: se destruyen sus claves"},
			help: `
What was told of the person cannot be read any more, in the log, in the state and
in every backup that is restored with the list of erasures; the lead is gone. What
somebody does later under the same identity begins anew. There is no way back:
--yes says that you know.

  ripen leads archive ana@acme.example -o ana.ndjson --data ./data
  ripen leads erase ana@acme.example --yes --data ./data`,
			run: runLeadErase,
		},
	}
}

func runLeadMerge(ctx context.Context, c *call) error {
	return c.decide(ctx, "merge", map[string]string{"with": c.args[1]}, text{"one lead now", "un solo lead ahora"})
}

func runLeadUnmerge(ctx context.Context, c *call) error {
	return c.decide(ctx, "unmerge", map[string]string{"identity": c.args[1]}, text{"the identity's lead now", "el lead de la identidad ahora"})
}

// decide sends a decision about a lead and says which lead it left.
func (c *call) decide(ctx context.Context, what string, body map[string]string, says text) error {
	return c.withServer(ctx, func(cl *client) error {
		var out struct {
			Lead string `json:"lead"`
		}
		if err := cl.do(ctx, "POST", "/v1/leads/"+url.PathEscape(c.args[0])+"/"+what, nil, body, &out); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(out)
		}
		if out.Lead == "" {
			out.Lead = "–"
		}
		_, err := fmt.Fprintf(c.out, "%s: %s\n", says.in(c.lang), out.Lead)
		return err
	})
}

func runLeadArchive(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		resp, err := cl.request(ctx, "GET", "/v1/leads/"+url.PathEscape(c.args[0])+"/archive", nil, nil)
		if err != nil {
			return err
		}
		return errors.Join(c.writeOut(resp.Body), resp.Body.Close())
	})
}

func runLeadErase(ctx context.Context, c *call) error {
	if !c.bool("yes") {
		return &usageError{"this cannot be undone: say --yes", "ripen help leads erase"}
	}
	return c.withServer(ctx, func(cl *client) error {
		var out struct {
			Timelines int `json:"timelines"`
		}
		if err := cl.do(ctx, "DELETE", "/v1/leads/"+url.PathEscape(c.args[0]), nil, nil, &out); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(out)
		}
		_, err := fmt.Fprintf(c.out, text{"erased: the keys of %d timelines are destroyed\n", "borrado: destruidas las claves de %d cronologías\n"}.in(c.lang), out.Timelines)
		return err
	})
}
