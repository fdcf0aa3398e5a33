package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

func webhookCommands() []*command {
	return []*command{{
		name: "webhook create", args: "NAME URL", min: 2, max: 2, use: append([]string{"concurrency", "shape", "sms-from", "webhook-auth"}, tenantSettings...),
		summary: text{"declare where hand-offs go, and get the secret that signs them", "declarar adónde van las entregas y obtener el secreto que las firma"},
		help: `
NAME is what a card's handoff or notify names. Requests are signed as Standard Webhooks
describes it (webhook-id, webhook-timestamp, webhook-signature), so that any of
its libraries verifies them; the secret is shown once.

  ripen webhook create crm https://crm.acme.es/ripen --data ./data

--shape speaks others' APIs: twilio (SMS: message: {channel: sms, to: NAME, text: …}),
slack (a chat's incoming webhook), contact (a CRM: POST, or PUT where the address
holds {id} or {email}). Who asks comes from RIPEN_WEBHOOK_AUTH: user:password, or
a token. Replies to an SMS come in by a source: ripen source create sms --kind twilio.

  RIPEN_WEBHOOK_AUTH=AC…:TOKEN ripen webhook create sms https://api.twilio.com/2010-04-01/Accounts/AC…/Messages.json --shape twilio --sms-from +34600000000 --data ./data
  ripen webhook create chat https://hooks.slack.com/services/T/B/X --shape slack --data ./data

Addresses of the server's own network are refused unless 'ripen serve' was
started with --webhook-allow, redirects are not followed, and Retry-After is
obeyed.`,
		run: runWebhookCreate,
	}, {
		name: "webhook list", use: tenantSettings,
		summary: text{"where hand-offs go", "adónde van las entregas"},
		help:    "  ripen webhook list --data ./data",
		run:     runWebhookList,
	}, {
		name: "webhook rotate", args: "NAME", min: 1, max: 1, use: append([]string{"old-until"}, tenantSettings...),
		summary: text{"a new secret; for a day, or --old-until, both sign", "un secreto nuevo; durante un día, o --old-until, firman ambos"},
		help:    "  ripen webhook rotate crm --old-until 2026-12-01 --data ./data",
		run:     runWebhookRotate,
	}, {
		name: "webhook delete", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"send nothing there any more; what waits is parked", "no enviar nada más allí; lo que espera queda aparcado"},
		help:    "  ripen webhook delete crm --data ./data",
		run:     runWebhookDelete,
	}}
}

// webhookRow is a webhook as the API shows it.
type webhookRow struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	Concurrency int    `json:"concurrency"`
	Created     string `json:"created"`
	Secrets     int    `json:"secrets"`
	Secret      string `json:"secret,omitempty"`
	OldUntil    string `json:"old_until,omitempty"`
	Shape       string `json:"shape,omitempty"`
}

func (c *call) changeWebhook(ctx context.Context, path string, body any) error {
	return c.withServer(ctx, func(cl *client) error {
		var h webhookRow
		if err := cl.do(ctx, "POST", "/v1/webhooks"+path, nil, body, &h); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(h)
		}
		fmt.Fprintf(c.out, "webhook  %s\nurl      %s\n", plain(h.Name), plain(h.URL))
		if h.Shape != "" {
			fmt.Fprintf(c.out, "shape    %s\n", h.Shape)
		} else {
			fmt.Fprintf(c.out, "secret   %s\n", h.Secret)
		}
		if h.OldUntil != "" {
			fmt.Fprintf(c.out, text{"the old secret signs, too, until %s\n", "el secreto antiguo también firma hasta el %s\n"}.in(c.lang), clockText(h.OldUntil))
		}
		return nil
	})
}

func runWebhookCreate(ctx context.Context, c *call) error {
	body := map[string]any{"name": c.args[0], "url": c.args[1]}
	if c.set("concurrency") {
		body["concurrency"] = c.int("concurrency")
	}
	for flag, field := range map[string]string{"shape": "shape", "sms-from": "from", "webhook-auth": "auth"} {
		if v := c.get(flag); v != "" {
			body[field] = v
		}
	}
	return c.changeWebhook(ctx, "", body)
}

func runWebhookRotate(ctx context.Context, c *call) error {
	body := map[string]any{}
	if t := c.time("old-until"); !t.IsZero() {
		body["old_until"] = t
	}
	return c.changeWebhook(ctx, "/"+url.PathEscape(c.args[0])+"/rotate", body)
}

func runWebhookList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var list struct {
			Webhooks []webhookRow `json:"webhooks"`
		}
		if err := cl.do(ctx, "GET", "/v1/webhooks", nil, nil, &list); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(list.Webhooks)
		}
		rows := make([][]string, 0, len(list.Webhooks))
		for _, h := range list.Webhooks {
			rows = append(rows, []string{h.Name, h.URL, strconv.Itoa(h.Concurrency), strconv.Itoa(h.Secrets), clockText(h.Created)})
		}
		c.table([]string{"NAME", "URL", ">AT A TIME", ">SECRETS", "CREATED"}, rows)
		return nil
	})
}

func runWebhookDelete(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		if err := cl.do(ctx, "DELETE", "/v1/webhooks/"+url.PathEscape(c.args[0]), nil, nil, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.out, text{"nothing goes to %s any more\n", "ya nada va a %s\n"}.in(c.lang), plain(c.args[0]))
		return err
	})
}
