package main

import (
	"context"
	"fmt"
	"net/url"
)

func impactCommand() *command {
	return &command{
		name: "leads impact", args: "WHO", min: 1, max: 1, use: tenantSettings, folds: true,
		summary: text{"what was sent to a person, what of it they wanted and answered", "qué se envió a una persona, qué de ello quería y a qué respondió"},
		help: `
WHO is a lead id, user id, e-mail or visitor id. Wanted is what the person had
said yes to, or what was owed to them (transactional); on the site, what was shown
while they allowed marketing, and the chat that they opened themselves.

  ripen leads impact ana@example.org --data ./data`,
		run: runImpact,
	}
}

func runImpact(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var l struct {
			Lead         string `json:"lead"`
			Sent         int    `json:"sent"`
			Wanted       int    `json:"wanted"`
			Opened       int    `json:"opened"`
			Answered     int    `json:"answered"`
			Bounced      int    `json:"bounced"`
			Complaints   int    `json:"complaints"`
			Unsubscribes int    `json:"unsubscribes"`
			Touches      []struct {
				Message  string `json:"message"`
				Time     string `json:"time"`
				Channel  string `json:"channel"`
				Template string `json:"template,omitempty"`
				Purpose  string `json:"purpose,omitempty"`
				Wanted   string `json:"wanted"`
				Opened   bool   `json:"opened"`
				Answered bool   `json:"answered"`
			} `json:"touches"`
		}
		if err := cl.do(ctx, "GET", "/v1/leads/"+url.PathEscape(c.args[0])+"/impact", nil, nil, &l); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(l)
		}
		word := func(is bool) string {
			if is {
				return "yes"
			}
			return "–"
		}
		rows := make([][]string, 0, len(l.Touches))
		for _, t := range l.Touches {
			rows = append(rows, []string{orDash(plain(t.Template)), orDash(plain(t.Purpose)), clockText(t.Time), t.Channel, plain(t.Wanted), word(t.Opened), word(t.Answered), plain(t.Message)})
		}
		c.table([]string{"TEMPLATE", "PURPOSE", "SENT", "CHANNEL", "WANTED", "OPENED", "ANSWERED", "MESSAGE"}, rows)
		_, err := fmt.Fprintf(c.out, "sent %d, wanted %d, answered %d; opened %d, bounced %d, complaints %d, unsubscribes %d\n",
			l.Sent, l.Wanted, l.Answered, l.Opened, l.Bounced, l.Complaints, l.Unsubscribes)
		return err
	})
}
