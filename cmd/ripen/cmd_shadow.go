package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"ripen/tracker/export"
)

func shadowCommand() *command {
	return &command{
		name: "scorecard shadow", args: "FILE|NAME[@VERSION]", min: 1, max: 1, folds: true, use: append([]string{"status", "stop"}, tenantSettings...),
		summary: text{"let a version score live events unseen, beside the one in force", "dejar que una versión puntúe eventos en vivo sin que se vea, junto a la vigente"},
		help: `
'simulate' answers at once: who would move if the version were put in force now,
by what has happened so far. 'shadow' goes on: the version scores what happens
from now on, for hours or days, and --status says who has moved, what failed, and
what it cost. Use it when tomorrow's events may tell what yesterday's do not: a
rule about events that are new, points that fade, a module that may fail.

Nothing that is shown changes: no score, rank, band, action or change feed. A file
becomes the card's draft first, as with simulate. The shadow outlives restarts and
ends with --stop, or when a version of the card is published or rolled back to. A
tenant has one at a time.

  ripen scorecard shadow card.yaml --tenant acme --data ./data
  ripen scorecard shadow saas --status --data ./data
  ripen scorecard shadow saas --stop --data ./data`,
		run: runShadow,
	}
}

func runShadow(ctx context.Context, c *call) error {
	isStatus, isStop := c.bool("status"), c.bool("stop")
	if isStatus && isStop {
		return &usageError{"--status and --stop exclude each other", "ripen help " + c.cmd.name}
	}
	if (isStatus || isStop) && strings.ContainsAny(c.args[0], `@./\`) {
		return &usageError{"--status and --stop take the NAME of a card: it has one shadow", "ripen help " + c.cmd.name}
	}
	return c.withServer(ctx, func(cl *client) error {
		switch {
		case isStop:
			return c.stopShadow(ctx, cl)
		case isStatus:
			return c.shadowStatus(ctx, cl)
		}
		return c.beginShadow(ctx, cl)
	})
}

func shadowPath(name string) string { return "/v1/scorecards/" + url.PathEscape(name) + "/shadow" }

func (c *call) beginShadow(ctx context.Context, cl *client) error {
	name, q, err := c.candidate(ctx, cl)
	if err != nil {
		return err
	}
	var r struct {
		Scorecard string `json:"scorecard"`
		Since     string `json:"since"`
	}
	if err := cl.do(ctx, "PUT", shadowPath(name), q, nil, &r); err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(r)
	}
	_, err = fmt.Fprintf(c.out, text{
		"%s runs as a shadow: see ripen scorecard shadow %s --status\n", "%s funciona en la sombra: véase ripen scorecard shadow %s --status\n",
	}.in(c.lang), plain(r.Scorecard), plain(name))
	return err
}

func (c *call) stopShadow(ctx context.Context, cl *client) error {
	if err := cl.do(ctx, "DELETE", shadowPath(c.args[0]), nil, nil, nil); err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(map[string]string{"name": c.args[0]})
	}
	_, err := fmt.Fprintf(c.out, text{"the shadow of %s has ended\n", "la sombra de %s ha terminado\n"}.in(c.lang), plain(c.args[0]))
	return err
}

// shadowWait is how long --status waits for the leads that are not walked yet.
const shadowWait = 20 * time.Second

func (c *call) shadowStatus(ctx context.Context, cl *client) error {
	var r export.Shadow
	err := cl.do(ctx, "GET", shadowPath(c.args[0]), url.Values{"wait": {shadowWait.String()}}, nil, &r)
	if err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(r)
	}
	say := func(t text, args ...any) { fmt.Fprintf(c.out, t.in(c.lang)+"\n", args...) }
	say(text{"a shadow since %s; %s live events since then or the server's start", "una sombra desde %s; %s eventos en vivo desde entonces o desde el arranque"},
		clockText(r.Since), countText(int64(r.Events)))
	say(text{"leads were walked %s times in %s", "se recorrieron leads %s veces en %s"},
		countText(int64(r.Walks)), time.Duration(r.BusyMS)*time.Millisecond)
	if !r.Ready || r.Waiting > 0 {
		say(text{"not done: at least %s leads are to be walked; ask again", "sin terminar: faltan por recorrer al menos %s leads; vuelva a preguntar"}, countText(int64(r.Waiting)))
	}
	c.printSimulation(&r.Simulation)
	return nil
}
