package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"ripen/tracker"
)

func accountCommands() []*command {
	return []*command{{
		name: "accounts top", folds: true, use: append([]string{"limit", "scorecard", "as-of"}, tenantSettings...),
		summary: text{"the ripest companies: by a card of accounts, or their leads' scores rolled up", "las empresas más maduras: por una tarjeta de cuentas o por las puntuaciones de sus leads, reunidas"},
		help: `
The leads of an account have the same e-mail domain, providers of mail for
everybody left out, or the same attribute that the card's rollup names: group_id
is the company of the last group call.

  rollup: {to: account, by: email_domain, score: {top: 3, method: decay_sum}}

A card with entity: account scores them by rules of its own, over what most of
their leads say, how many they are (leads, leads.BAND) and what their scores come
to (a dimension of kind rollup). It says why: ripen accounts show.

  ripen accounts top --data ./data
  ripen accounts top --limit 50 --json --data ./data`,
		run: runAccountsTop,
	}, {
		name: "accounts show", folds: true, args: "NAME", min: 1, max: 1, use: append([]string{"scorecard", "as-of"}, tenantSettings...),
		summary: text{"one company: score, reasons, its best leads", "una empresa: puntuación, motivos, sus mejores leads"},
		help: `
  ripen accounts show acme.example --data ./data`,
		run: runAccountsShow,
	}}
}

// accountPage is what /v1/accounts answers.
type accountPage struct {
	Card     string `json:"scorecard"`
	Accounts []struct {
		Name     string           `json:"account"`
		Score    int              `json:"score"`
		Grade    string           `json:"grade"`
		Band     string           `json:"band"`
		Leads    int              `json:"leads"`
		LastSeen string           `json:"last_seen"`
		Best     []lead           `json:"best"`
		Reasons  []tracker.Reason `json:"reasons"`
	} `json:"accounts"`
}

// askAccounts returns accounts, as they came and read.
func askAccounts(ctx context.Context, c *call, q url.Values) (json.RawMessage, *accountPage, error) {
	if v := c.get("scorecard"); v != "" {
		q.Set("scorecard", v)
	}
	if t := c.time("as-of"); !t.IsZero() {
		q.Set("as_of", t.UTC().Format(time.RFC3339Nano))
	}
	var raw json.RawMessage
	err := c.withServer(ctx, func(cl *client) error { return cl.do(ctx, "GET", "/v1/accounts", q, nil, &raw) })
	if err != nil {
		return nil, nil, err
	}
	page := &accountPage{}
	if err := json.Unmarshal(raw, page); err != nil {
		return nil, nil, fmt.Errorf("decode accounts: %w", err)
	}
	return raw, page, nil
}

func runAccountsTop(ctx context.Context, c *call) error {
	raw, page, err := askAccounts(ctx, c, url.Values{"limit": {c.get("limit")}})
	if err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(raw)
	}
	var rows [][]string
	for i, a := range page.Accounts {
		best := ""
		if len(a.Best) > 0 {
			best = a.Best[0].name()
		}
		rows = append(rows, []string{strconv.Itoa(i + 1), strconv.Itoa(a.Score), strconv.Itoa(a.Leads), a.Name, a.Band, clockText(a.LastSeen), best})
	}
	c.table([]string{">#", ">SCORE", ">LEADS", "ACCOUNT", "BAND", "LAST SEEN", "BEST LEAD"}, rows)
	return nil
}

func runAccountsShow(ctx context.Context, c *call) error {
	raw, page, err := askAccounts(ctx, c, url.Values{"account": {c.args[0]}})
	if err != nil {
		return err
	}
	if len(page.Accounts) == 0 {
		return fmt.Errorf("no account is called %s: ripen accounts top lists them", c.args[0])
	}
	if c.bool("json") {
		return c.printJSON(raw)
	}
	a := &page.Accounts[0]
	fmt.Fprintf(c.out, "%s  %d  %s %s  %s\n", a.Name, a.Score, a.Grade, a.Band, page.Card)
	var rows [][]string
	for _, r := range a.Reasons {
		rows = append(rows, []string{fmt.Sprintf("%+.3f", float64(r.Share)/1000), r.Why, r.Rule})
	}
	if len(rows) == 0 {
		for _, l := range a.Best {
			rows = append(rows, []string{l.scoreText(), l.name(), ""})
		}
	}
	c.table([]string{">SHARE", "WHY", "RULE"}, rows)
	return nil
}
