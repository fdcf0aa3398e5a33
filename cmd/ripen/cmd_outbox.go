package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
)

func outboxCommands() []*command {
	return []*command{{
		name: "outbox list", use: append([]string{"state", "limit"}, tenantSettings...),
		summary: text{"what leaves for the world, newest first", "lo que sale al mundo, lo más nuevo primero"},
		help: `
An intent is made once and delivered at least once, always with the same
Idempotency-Key: its id. After too many failures it is parked for a person.
--state is one of pending, delivered, parked, withdrawn.

  ripen outbox list --state parked --data ./data`,
		run: runOutboxList,
	}, {
		name: "outbox show", args: "ID", min: 1, max: 1, use: tenantSettings,
		summary: text{"one intent, its attempts and its body", "un envío, sus intentos y su contenido"},
		help:    "  ripen outbox show 8f14e45fceea167a5a36dedd4bea2543 --data ./data",
		run:     runOutboxShow,
	}, {
		name: "outbox retry", args: "[ID…]", max: 1000, use: append([]string{"state"}, tenantSettings...),
		summary: text{"send what is parked or waits, at once", "enviar ya lo aparcado o lo que espera"},
		help: `
Without an id, all of one state.

  ripen outbox retry 8f14e45fceea167a5a36dedd4bea2543 --data ./data
  ripen outbox retry --state parked --data ./data`,
		run: runOutboxRetry,
	}}
}

// intentRow is an intent as the API shows it.
type intentRow struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	To       string `json:"to"`
	Lead     string `json:"lead"`
	Created  string `json:"created"`
	State    string `json:"state"`
	Why      string `json:"why,omitempty"`
	Next     string `json:"next_attempt,omitempty"`
	Tries    int    `json:"tries"`
	Attempts []struct {
		At      int64  `json:"at"`
		Took    int64  `json:"took_ms"`
		Outcome string `json:"outcome"`
		Status  int    `json:"status,omitempty"`
		Detail  string `json:"detail,omitempty"`
	} `json:"attempts"`
	Body json.RawMessage `json:"body,omitempty"`
}

type intentPage struct {
	Intents []intentRow `json:"intents"`
	Next    string      `json:"next,omitempty"`
}

func runOutboxList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var page intentPage
		q := url.Values{"limit": {c.get("limit")}}
		if s := c.get("state"); s != "" {
			q.Set("state", s)
		}
		if err := cl.do(ctx, "GET", "/v1/outbox", q, nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page)
		}
		rows := make([][]string, 0, len(page.Intents))
		for i := range page.Intents {
			in := &page.Intents[i]
			last := in.Why
			if n := len(in.Attempts); n > 0 && last == "" {
				last = attemptText(in, n-1)
			}
			rows = append(rows, []string{in.ID, clockText(in.Created), in.Kind, in.To, in.Lead, in.State, strconv.Itoa(in.Tries), clockText(in.Next), last})
		}
		c.table([]string{"ID", "MADE", "KIND", "TO", "LEAD", "STATE", ">TRIES", "NEXT", "LAST"}, rows)
		return nil
	})
}

// attemptText says how an attempt ended.
func attemptText(in *intentRow, i int) string {
	a := &in.Attempts[i]
	s := a.Outcome
	if s == "" {
		s = "under way"
	}
	if a.Status != 0 {
		s += " " + strconv.Itoa(a.Status)
	}
	if a.Detail != "" {
		s += ": " + a.Detail
	}
	return s
}

func runOutboxShow(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var in intentRow
		if err := cl.do(ctx, "GET", "/v1/outbox/"+url.PathEscape(c.args[0]), nil, nil, &in); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(in)
		}
		fmt.Fprintf(c.out, "%s  %s to %s for %s: %s %s\n", in.ID, in.Kind, in.To, in.Lead, in.State, plain(in.Why))
		for i := range in.Attempts {
			fmt.Fprintf(c.out, "  %s  %d ms  %s\n", millisText(in.Attempts[i].At), in.Attempts[i].Took, plain(attemptText(&in, i)))
		}
		if in.Body != nil {
			fmt.Fprintln(c.out, plain(string(in.Body)))
		}
		return nil
	})
}

func runOutboxRetry(ctx context.Context, c *call) error {
	if len(c.args) == 0 && c.get("state") == "" {
		return fmt.Errorf("need an ID or --state")
	}
	return c.withServer(ctx, func(cl *client) error {
		ids := c.args
		if len(ids) == 0 {
			var err error
			if ids, err = cl.intentsIn(ctx, c.get("state")); err != nil {
				return err
			}
		}
		for _, id := range ids {
			var in intentRow
			if err := cl.do(ctx, "POST", "/v1/outbox/"+url.PathEscape(id)+"/retry", nil, nil, &in); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(c.out, "%s  %s\n", in.ID, in.State); err != nil {
				return err
			}
		}
		return nil
	})
}

// intentsIn lists all intents in a state.
func (cl *client) intentsIn(ctx context.Context, state string) (ids []string, err error) {
	for before := ""; ; {
		q := url.Values{"state": {state}, "limit": {"1000"}}
		if before != "" {
			q.Set("before", before)
		}
		var page intentPage
		if err := cl.do(ctx, "GET", "/v1/outbox", q, nil, &page); err != nil {
			return nil, err
		}
		for i := range page.Intents {
			ids = append(ids, page.Intents[i].ID)
		}
		if before = page.Next; before == "" {
			return ids, nil
		}
	}
}
