package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// retained is what the server answers about a pass of retention.
type retained struct {
	DryRun  bool   `json:"dry_run"`
	Cutoff  string `json:"cutoff,omitempty"`
	First   uint64 `json:"first"`
	Records int64  `json:"records"`
	Carried int64  `json:"carried"`
	Cards   int64  `json:"cards"`
	Dropped int64  `json:"dropped"`

	Sources []expired `json:"sources,omitempty"` // that have a retention of their own
}

// expired is what the server answers about one source.
type expired struct {
	Tenant  string `json:"tenant"`
	Source  string `json:"source"`
	Keep    int64  `json:"retention"`
	Cutoff  string `json:"cutoff"`
	Dropped int64  `json:"dropped"`
	Bared   int64  `json:"bared"`
}

// periodText writes seconds as the flags take them.
func periodText(seconds int64) string {
	const month, day = 2629800, 86400
	if seconds%month == 0 {
		return strconv.FormatInt(seconds/month, 10) + "mo"
	}
	return strconv.FormatInt(seconds/day, 10) + "d"
}

func retentionCommands() []*command {
	return []*command{{
		name: "retention run", folds: true, use: append([]string{"config", "retention-anonymous", "dry-run"}, serverSettings...),
		summary: text{"drop the days of the log that are too old, keeping what must stay", "borrar los días del registro demasiado viejos, guardando lo que debe quedar"},
		help: `
A running server does this every hour. Days of the log that ended longer ago
than --retention-anonymous are dropped. Before that, what must stay is written to
the log again: all events of identified leads, and of anonymous ones purchases,
refunds, forms, consent, unsubscribes and won or lost deals, without what is
sealed in them. Leads of whom nothing stays disappear from the ranking.

A source may have a shorter retention (ripen source update NAME --retention 3mo).
Of what it sent longer ago nothing stays, whoever is known to it: neither the
events, nor attributes, nor who somebody was if only they told. The same kinds of
events as above stay, without what is sealed in them.

  ripen retention run --dry-run --data ./data
  ripen retention run --retention-anonymous 6mo --data ./data`,
		run: runRetention,
	}}
}

func runRetention(ctx context.Context, c *call) error {
	q := url.Values{"dry_run": {strconv.FormatBool(c.bool("dry-run"))}}
	if c.set("retention-anonymous") {
		q.Set("anonymous", strconv.FormatInt(int64(c.period("retention-anonymous").Seconds()), 10))
	}
	return c.withServer(ctx, func(cl *client) error {
		var done retained
		if err := cl.do(ctx, "POST", "/v1/admin/retention", q, nil, &done); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(done)
		}
		return c.printRetained(&done)
	})
}

func (c *call) printRetained(r *retained) (err error) {
	defer func() {
		for _, s := range r.Sources {
			verb := text{"gone", "se han ido"}
			if r.DryRun {
				verb = text{"would go", "se irían"}
			}
			fmt.Fprintf(c.out, text{"source %s of %s keeps %s: before %s, %s: %s events; without what was sealed: %s\n", "la fuente %s de %s guarda %s: antes del %s, %s: %s eventos; sin lo sellado: %s\n"}.in(c.lang),
				plain(s.Source), plain(s.Tenant), periodText(s.Keep), s.Cutoff, verb.in(c.lang), countText(s.Dropped), countText(s.Bared))
		}
	}()
	switch {
	case r.Cutoff == "":
		_, err = fmt.Fprintln(c.out, text{"everything is kept for ever", "todo se guarda para siempre"}.in(c.lang))
	case r.Records == 0:
		_, err = fmt.Fprintf(c.out, text{"nothing to drop: no day of the log ended before %s\n", "nada que borrar: ningún día del registro terminó antes del %s\n"}.in(c.lang), r.Cutoff)
	default:
		verb := text{"dropped", "borrados"}
		if r.DryRun {
			verb = text{"would drop", "se borrarían"}
		}
		_, err = fmt.Fprintf(c.out, text{"%s the days before %s: %s records; kept of them: %s events, %s scorecards; gone: %s events\n", "%s los días anteriores al %s: %s registros; de ellos se guardan %s eventos y %s tarjetas; se van %s eventos\n"}.in(c.lang),
			verb.in(c.lang), r.Cutoff, countText(r.Records), countText(r.Carried), countText(r.Cards), countText(r.Dropped))
	}
	return err
}
