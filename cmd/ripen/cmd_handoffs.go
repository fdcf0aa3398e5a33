package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

func handoffCommands() []*command {
	decide := append([]string{"reason", "value", "currency"}, tenantSettings...)
	return []*command{{
		name: "handoffs list", use: append([]string{"state", "queue", "limit"}, tenantSettings...),
		summary: text{"leads that were handed to sales, newest first", "leads entregados a ventas, los más nuevos primero"},
		help: `
A lead is handed over when it enters a band whose card says so (on_band:
[{handoff: crm, queue: sales, sla: 4h}]) and it is known who it is. --state is
one of open, pending, accepted, rejected, won, lost.

  ripen handoffs list --state open --queue sales --data ./data`,
		run: runHandoffsList,
	}, {
		name: "handoffs show", args: "ID", min: 1, max: 1, use: tenantSettings,
		summary: text{"one hand-off: score, reasons, whose it is, where to look", "una entrega: puntuación, razones, de quién es, dónde mirar"},
		help: `
What the destination was told when the lead was handed over. Whose it is says the
lead's attribute owner: the CRM sets it, an import, or a journey that hands over
(set: {owner: luis}, after a branch).

  ripen handoffs show 8f14e45fceea167a5a36dedd4bea2543 --data ./data`,
		run: runHandoffsShow,
	}, {
		name: "handoffs accept", args: "ID", min: 1, max: 1, use: tenantSettings,
		summary: text{"sales takes a lead", "ventas se queda con un lead"},
		help: `
What sales decides becomes an event of the lead (handoff_accepted), which rules
may score like any other. A CRM says the same through POST /v1/track with a secret
key: {"event":"Handoff Accepted","userId":"…","properties":{"handoff":"ID"}}.

  ripen handoffs accept 8f14e45fceea167a5a36dedd4bea2543 --data ./data`,
		run: decideHandoff("accept"),
	}, {
		name: "handoffs reject", args: "ID", min: 1, max: 1, use: decide,
		summary: text{"sales gives a lead back, and says why", "ventas devuelve un lead y dice por qué"},
		help:    `  ripen handoffs reject 8f14e45fceea167a5a36dedd4bea2543 --reason "no budget this year" --data ./data`,
		run:     decideHandoff("reject"),
	}, {
		name: "handoffs won", args: "ID", min: 1, max: 1, use: decide,
		summary: text{"the lead has bought", "el lead ha comprado"},
		help:    "  ripen handoffs won 8f14e45fceea167a5a36dedd4bea2543 --value 1200 --currency EUR --data ./data",
		run:     decideHandoff("won"),
	}, {
		name: "handoffs lost", args: "ID", min: 1, max: 1, use: decide,
		summary: text{"the lead will not buy", "el lead no va a comprar"},
		help:    `  ripen handoffs lost 8f14e45fceea167a5a36dedd4bea2543 --reason "chose another" --data ./data`,
		run:     decideHandoff("lost"),
	}}
}

// handoffRow is a hand-off as the API shows it.
type handoffRow struct {
	ID        string `json:"id"`
	At        string `json:"at"`
	State     string `json:"state"`
	Since     string `json:"since"`
	Lead      string `json:"lead"`
	Scorecard string `json:"scorecard"`
	Band      string `json:"band"`
	Grade     string `json:"grade,omitempty"`
	Score     int    `json:"score"`
	Cause     string `json:"cause"`
	To        string `json:"to"`
	Queue     string `json:"queue,omitempty"`
	Due       string `json:"due,omitempty"`
	Overdue   bool   `json:"overdue,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Event     string `json:"event,omitempty"`
	Owner     string `json:"owner,omitempty"`
	Reasons   []struct {
		Why   string `json:"why"`
		Share int64  `json:"share"`
	} `json:"reasons,omitempty"`
	Links map[string]string `json:"links,omitempty"`
}

func runHandoffsList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var page struct {
			Handoffs []handoffRow `json:"handoffs"`
			Next     string       `json:"next,omitempty"`
		}
		q := url.Values{"limit": {c.get("limit")}}
		for _, name := range []string{"state", "queue"} {
			if v := c.get(name); v != "" {
				q.Set(name, v)
			}
		}
		if err := cl.do(ctx, "GET", "/v1/handoffs", q, nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page)
		}
		rows := make([][]string, 0, len(page.Handoffs))
		for i := range page.Handoffs {
			h := &page.Handoffs[i]
			due := clockText(h.Due)
			if h.Overdue {
				due += " !"
			}
			rows = append(rows, []string{
				h.ID, clockText(h.At), h.State, h.Lead, strconv.Itoa(h.Score), strings.TrimSpace(h.Grade + " " + h.Band),
				strings.TrimSpace(h.To + " " + h.Queue), due, h.Reason,
			})
		}
		c.table([]string{"ID", "HANDED OVER", "STATE", "LEAD", ">SCORE", "BAND", "TO", "DUE", "REASON"}, rows)
		return nil
	})
}

func runHandoffsShow(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var h handoffRow
		if err := cl.do(ctx, "GET", "/v1/handoffs/"+url.PathEscape(c.args[0]), nil, nil, &h); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(h)
		}
		due := clockText(h.Due)
		if h.Overdue {
			due += " !"
		}
		rows := [][]string{
			{text{"lead", "lead"}.in(c.lang), h.Lead},
			{text{"score", "puntuación"}.in(c.lang), strings.TrimSpace(strconv.Itoa(h.Score) + " " + strings.TrimSpace(h.Grade+" "+h.Band))},
			{text{"state", "estado"}.in(c.lang), strings.TrimSpace(h.State + " " + h.Reason)},
			{text{"handed over", "entregado"}.in(c.lang), clockText(h.At)},
			{text{"to", "a"}.in(c.lang), strings.TrimSpace(h.To + " " + h.Queue)},
			{text{"take until", "atender antes de"}.in(c.lang), due},
			{text{"owner", "responsable"}.in(c.lang), h.Owner},
			{text{"page", "página"}.in(c.lang), h.Links["page"]},
			{text{"timeline", "cronología"}.in(c.lang), h.Links["timeline"]},
		}
		for _, r := range rows {
			fmt.Fprintf(c.out, "%-17s %s\n", r[0], plain(r[1]))
		}
		for _, r := range h.Reasons {
			fmt.Fprintf(c.out, "%+17.1f %s\n", float64(r.Share)/1000, plain(r.Why))
		}
		return nil
	})
}

// decideHandoff says what sales decided.
func decideHandoff(what string) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		body := map[string]any{}
		if what != "accept" {
			body["reason"], body["currency"] = c.get("reason"), c.get("currency")
			if v := c.get("value"); v != "" {
				n, err := strconv.ParseFloat(v, 64)
				if err != nil {
					return errors.New("--value: need a number like 1200.50")
				}
				body["value"] = n
			}
		}
		return c.withServer(ctx, func(cl *client) error {
			var h handoffRow
			if err := cl.do(ctx, "POST", "/v1/handoffs/"+url.PathEscape(c.args[0])+"/"+what, nil, body, &h); err != nil {
				return err
			}
			if c.bool("json") {
				return c.printJSON(h)
			}
			_, err := fmt.Fprintln(c.out, plain(strings.TrimSpace(h.ID+"  "+h.State+"  "+h.Reason)))
			return err
		})
	}
}
