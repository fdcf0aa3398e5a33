package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

func accountCommands() []*command {
	return []*command{{
		name: "accounts top", folds: true, use: append([]string{"limit", "scorecard", "as-of"}, tenantSettings...),
		summary: text{"the ripest companies: the scores of their leads rolled up", "las empresas más maduras: las puntuaciones de sus leads, reunidas"},
		help: `
The leads of an account have the same e-mail domain, providers of mail for
everybody left out, or the same attribute that the card's rollup names: group_id
is the company of the last group call.

  rollup: {to: account, by: email_domain, score: {top: 3, method: decay_sum}}

  ripen accounts top --data ./data
  ripen accounts top --limit 50 --json --data ./data`,
		run: runAccountsTop,
	}}
}

func runAccountsTop(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{"limit": {c.get("limit")}}
		if v := c.get("scorecard"); v != "" {
			q.Set("scorecard", v)
		}
		if t := c.time("as-of"); !t.IsZero() {
			q.Set("as_of", t.UTC().Format(time.RFC3339Nano))
		}
		var raw json.RawMessage
		if err := cl.do(ctx, "GET", "/v1/accounts", q, nil, &raw); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(raw)
		}
		var page struct {
			Accounts []struct {
				Name     string `json:"account"`
				Score    int    `json:"score"`
				Leads    int    `json:"leads"`
				LastSeen string `json:"last_seen"`
				Best     []lead `json:"best"`
			} `json:"accounts"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("decode accounts: %w", err)
		}
		var rows [][]string
		for i, a := range page.Accounts {
			best := ""
			if len(a.Best) > 0 {
				best = a.Best[0].name()
			}
			rows = append(rows, []string{strconv.Itoa(i + 1), strconv.Itoa(a.Score), strconv.Itoa(a.Leads), a.Name, clockText(a.LastSeen), best})
		}
		printTable(c.out, []string{">#", ">SCORE", ">LEADS", "ACCOUNT", "LAST SEEN", "BEST LEAD"}, rows)
		return nil
	})
}
