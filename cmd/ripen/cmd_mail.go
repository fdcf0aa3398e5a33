package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// mailFlags are the flags that say whom an address in a mail is for.
var mailFlags = append([]string{"email", "user-id", "message", "campaign", "expires-in", "public-url"}, tenantSettings...)

func mailCommands() []*command {
	return []*command{
		{
			name: "mail link", args: "URL", min: 1, max: 1, use: append([]string{"link", "trap"}, mailFlags...),
			summary: text{"an address that counts a click and leads to URL", "una dirección que cuenta un clic y lleva a URL"},
			help: `
Put it into the mail in place of URL. Each is for one person and one mail: a
click proves that the mail reached its address. For many at once there is
POST /v1/mail/links, with the tenant's secret key.

  ripen mail link https://acme.es/precios --email ana@example.org --message welcome-1 --data ./data
  ripen mail link https://acme.es/ --trap --email ana@example.org --message welcome-1 --data ./data
      (hidden in the mail: only machines follow it)`,
			run: func(ctx context.Context, c *call) error { return c.mint(ctx, "link") },
		},
		{
			name: "mail pixel", use: mailFlags,
			summary: text{"the address of a picture that counts an open", "la dirección de una imagen que cuenta una apertura"},
			help: `
  ripen mail pixel --email ana@example.org --message welcome-1 --data ./data
      (in the mail: <img src="…" width="1" height="1" alt="">)`,
			run: func(ctx context.Context, c *call) error { return c.mint(ctx, "pixel") },
		},
		{
			name: "mail unsubscribe", use: append([]string{"mailing-list"}, mailFlags...),
			summary: text{"the address that ends the mails of a list, with its headers", "la dirección que da de baja de una lista, con sus cabeceras"},
			help: `
Opening it asks on a page; the button there, or the mail program's own (RFC
8058), unsubscribes. Both headers belong into the mail, under its DKIM signature.

  ripen mail unsubscribe --email ana@example.org --message welcome-1 --mailing-list news --data ./data`,
			run: func(ctx context.Context, c *call) error { return c.mint(ctx, "unsubscribe") },
		},
		{
			name: "mail keys", use: tenantSettings,
			summary: text{"the keys that sign addresses in mails", "las claves que firman direcciones de correos"},
			help:    "  ripen mail keys --tenant acme --data ./data",
			run:     runMailKeys,
		},
		{
			name: "mail rotate-keys", use: append([]string{"old-until"}, tenantSettings...),
			summary: text{"a new key signs from now on", "desde ahora firma una clave nueva"},
			help: `
What the old key signed stays good until it expires, or until --old-until. A key
that has leaked is ended at once with a moment that has passed.

  ripen mail rotate-keys --tenant acme --data ./data
  ripen mail rotate-keys --old-until 2026-01-01 --data ./data`,
			run: runMailRotate,
		},
	}
}

// mintedRow is one address as the API answers it.
type mintedRow struct {
	URL     string            `json:"url"`
	Expires string            `json:"expires"`
	Headers map[string]string `json:"headers,omitempty"`
	Error   *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"error,omitempty"`
}

func (c *call) mint(ctx context.Context, kind string) error {
	link := map[string]any{"kind": kind, "email": c.get("email"), "user_id": c.get("user-id"), "message": c.get("message"), "campaign": c.get("campaign")}
	switch kind {
	case "link":
		link["url"], link["link"], link["trap"] = c.args[0], c.get("link"), c.bool("trap")
	case "unsubscribe":
		link["list"] = c.get("mailing-list")
	}
	if d := c.period("expires-in"); d != 0 {
		link["expires"] = time.Now().Add(d).UTC().Format(time.RFC3339)
	}
	return c.withServer(ctx, func(cl *client) error {
		if cl.private && c.get("public-url") == "" {
			return errors.New("no server is running, so --public-url must say under which address it will be reached")
		}
		var answer struct {
			Links []mintedRow `json:"links"`
		}
		err := cl.do(ctx, "POST", "/v1/mail/links", c.publicURL(), map[string]any{"links": []any{link}}, &answer)
		if err != nil {
			return err
		}
		return c.printMinted(answer.Links[0])
	})
}

func (c *call) printMinted(m mintedRow) error {
	switch {
	case m.Error != nil:
		return errors.New(m.Error.Detail)
	case c.bool("json"):
		return c.printJSON(m)
	}
	fmt.Fprintln(c.out, m.URL)
	for _, name := range []string{"List-Unsubscribe", "List-Unsubscribe-Post"} {
		if v := m.Headers[name]; v != "" {
			fmt.Fprintf(c.out, "%s: %s\n", name, v)
		}
	}
	return nil
}

// mailKeyRow is one signing key as the admin API shows it.
type mailKeyRow struct {
	ID      string `json:"id"`
	Created string `json:"created"`
	Signs   bool   `json:"signs"`
	Until   string `json:"until,omitempty"`
}

func runMailKeys(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var list struct {
			Keys []mailKeyRow `json:"keys"`
		}
		if err := cl.do(ctx, "GET", "/v1/admin/mail-keys", nil, nil, &list); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(list.Keys)
		}
		rows := make([][]string, 0, len(list.Keys))
		for _, k := range list.Keys {
			state := "signs"
			if !k.Signs {
				state = "good until " + k.Until
			}
			rows = append(rows, []string{k.ID, k.Created, state})
		}
		c.table([]string{"KEY", "CREATED", "STATE"}, rows)
		return nil
	})
}

func runMailRotate(ctx context.Context, c *call) error {
	body := map[string]any{}
	if t := c.time("old-until"); !t.IsZero() {
		body["old_until"] = t
	}
	return c.withServer(ctx, func(cl *client) error {
		var k mailKeyRow
		if err := cl.do(ctx, "POST", "/v1/admin/mail-keys", nil, body, &k); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(k)
		}
		fmt.Fprintf(c.out, text{"key %s signs from now on\n", "la clave %s firma a partir de ahora\n"}.in(c.lang), k.ID)
		return nil
	})
}
