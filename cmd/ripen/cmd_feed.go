package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

func feedCommands() []*command {
	return []*command{
		{
			name: "events tail", use: append([]string{"from", "follow", "source"}, tenantSettings...),
			summary: text{"the log itself, or what becomes of each event of one source", "el propio registro, o qué es de cada evento de una fuente"},
			help: `
Reads the whole log of the machine, all tenants, in order, a line an event.
Personal fields are shown while their key lives.

With --source, what became of each event of one source: those that were stored,
and those that were refused, with the verdict, its code, the protocol, and who
seems to be behind it. --follow shows what comes from now on (from --from on, if
it is given), duplicates and refusals to wait too; of the past there are the
events of the log, whose protocol is not kept, and the dead letters.

  ripen events tail --data ./data
  ripen events tail --from 1000 --json --data ./data
  ripen events tail --follow --data ./data
  ripen events tail --source default --follow --tenant acme --data ./data
  curl -N -H "Authorization: Bearer $SECRET_KEY" 'https://t.acme.es/v1/sources/default/events?follow=1'`,
			run: runEventsTail,
		},
		{
			name: "changes tail", folds: true, use: append([]string{"from", "follow", "scorecard"}, tenantSettings...),
			summary: text{"the feed of score, grade and band changes of a tenant", "los cambios de puntuación, nota y banda de un inquilino"},
			help: `
--follow goes on where it was when the server is started again.

  ripen changes tail --tenant acme --data ./data
  ripen changes tail --from 500 --follow --json --data ./data`,
			run: runChangesTail,
		},
	}
}

// eventLine is a line of the log as the admin API streams it.
type eventLine struct {
	Seq        uint64         `json:"seq"`
	Received   string         `json:"received"`
	Time       string         `json:"time"`
	Tenant     string         `json:"tenant"`
	Kind       string         `json:"kind"`
	Type       string         `json:"type"`
	MessageID  string         `json:"message_id"`
	Machine    string         `json:"machine"`
	Subject    string         `json:"subject"`
	Properties map[string]any `json:"properties"`
}

func runEventsTail(ctx context.Context, c *call) error {
	if c.set("source") {
		return c.tailSource(ctx)
	}
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{"from": {c.get("from")}}
		if c.bool("follow") {
			q.Set("follow", "1")
		}
		return ignoreCancel(ctx, cl.lines(ctx, "GET", "/v1/admin/events", q, nil, func(line []byte) error {
			if c.bool("json") {
				_, err := fmt.Fprintf(c.out, "%s\n", line)
				return err
			}
			var e eventLine
			if err := decode(line, &e); err != nil {
				return fmt.Errorf("decode event: %w", err)
			}
			_, err := fmt.Fprintf(c.out, "%8d  %s  %-10s %-34s %-14s %s\n", e.Seq, clockText(cmp.Or(e.Time, e.Received)), plain(e.Tenant), e.Subject, plain(e.Type), plain(shortFields(e.Properties)))
			return err
		}))
	})
}

// sourceLine is what became of one event of a source.
type sourceLine struct {
	eventLine
	Verdict    string        `json:"verdict"`
	Code       string        `json:"code"`
	Protocol   string        `json:"protocol"`
	Reason     string        `json:"machine_reason"`
	DeadLetter string        `json:"deadletter"`
	Missed     int           `json:"missed"`
	Error      *problemError `json:"error"`
}

// tailSource shows what becomes of one source's events.
func (c *call) tailSource(ctx context.Context) error {
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{}
		if c.set("from") {
			q.Set("from", c.get("from"))
		}
		if c.bool("follow") {
			q.Set("follow", "1")
		}
		const row = "%-20s  %-9s %-17s %-11s %-24s %-16s %s\n"
		if !c.bool("json") {
			fmt.Fprintf(c.out, row, c.head("RECEIVED"), c.head("VERDICT"), c.head("CODE"), c.head("PROTOCOL"), c.head("MACHINE"), c.head("TYPE"), c.head("WHO, WHAT"))
		}
		return ignoreCancel(ctx, cl.lines(ctx, "GET", "/v1/sources/"+url.PathEscape(c.get("source"))+"/events", q, nil, func(line []byte) error {
			var e sourceLine
			if err := decode(line, &e); err != nil {
				return fmt.Errorf("decode event: %w", err)
			}
			switch {
			case e.Error != nil:
				return e.Error
			case c.bool("json"):
				_, err := fmt.Fprintf(c.out, "%s\n", line)
				return err
			case e.Missed > 0:
				_, err := fmt.Fprintf(c.out, text{"… %d more that came too fast to be shown\n", "… %d más que llegaron demasiado deprisa para enseñarlos\n"}.in(c.lang), e.Missed)
				return err
			}
			_, err := fmt.Fprintf(c.out, row, clockText(e.Received), e.Verdict, orDash(e.Code), orDash(plain(e.Protocol)), e.machine(), orDash(plain(e.Type)), e.what())
			return err
		}))
	})
}

func (e *sourceLine) machine() string {
	if e.Reason != "" {
		return e.Machine + " (" + e.Reason + ")"
	}
	return orDash(e.Machine)
}

// what says whose event it is, and what it says.
func (e *sourceLine) what() string {
	out := e.Subject
	if e.DeadLetter != "" {
		out += " ripen deadletters show " + e.DeadLetter
	} else {
		out += " " + plain(shortFields(e.Properties))
	}
	return strings.TrimSpace(out)
}

// changeLine is a line of the change feed.
type changeLine struct {
	Seq      uint64 `json:"seq"`
	At       string `json:"at"`
	Lead     string `json:"lead"`
	OldScore *int   `json:"old_score"`
	NewScore *int   `json:"new_score"`
	OldBand  string `json:"old_band"`
	NewBand  string `json:"new_band"`
	Cause    string `json:"cause"`
}

func runChangesTail(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		after := c.int("from")
		cl.accept = "application/x-ndjson"
		for met, gone := false, false; ; {
			before := after
			q := url.Values{"after": {fmt.Sprint(after)}, "limit": {"1000"}}
			if c.bool("follow") {
				q.Set("wait", "30s")
			}
			if card := c.get("scorecard"); card != "" {
				q.Set("scorecard", card)
			}
			err := cl.lines(ctx, "GET", "/v1/changes", q, nil, func(line []byte) error {
				var ch changeLine
				if err := json.Unmarshal(line, &ch); err != nil {
					return fmt.Errorf("decode change: %w", err)
				}
				after = max(after, int64(ch.Seq))
				return c.printChange(&ch, line)
			})
			switch {
			case c.bool("follow") && ctx.Err() == nil && cl.isAway(err, met):
				if !gone {
					fmt.Fprintln(c.err, text{"the server does not answer: it is asked again until it does", "el servidor no responde: se le pregunta otra vez hasta que lo haga"}.in(c.lang))
				}
				met, gone = true, true
				c.seek(ctx, cl)
			case err != nil || after == before && !c.bool("follow"):
				return ignoreCancel(ctx, err)
			default:
				met, gone = true, false
			}
		}
	})
}

func (c *call) printChange(ch *changeLine, line []byte) error {
	if c.bool("json") {
		_, err := fmt.Fprintf(c.out, "%s\n", line)
		return err
	}
	score := func(n *int) string {
		if n == nil || *n < 0 {
			return "–"
		}
		return fmt.Sprint(*n)
	}
	band := ""
	if ch.OldBand != ch.NewBand {
		band = fmt.Sprintf("%s → %s", orDash(ch.OldBand), orDash(ch.NewBand))
	}
	_, err := fmt.Fprintf(c.out, "%8d  %s  %s  %3s → %-3s  %-8s %s\n", ch.Seq, clockText(ch.At), ch.Lead, score(ch.OldScore), score(ch.NewScore), ch.Cause, plain(band))
	return err
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// ignoreCancel makes Ctrl-C the good end of a command that waits for more.
func ignoreCancel(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
