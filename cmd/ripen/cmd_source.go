package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
)

// sourceRow is one source as the admin API shows it.
type sourceRow struct {
	Source    string   `json:"source"`
	ID        uint32   `json:"id"`
	WriteKey  string   `json:"write_key"`
	Origins   []string `json:"origins"`
	Others    bool     `json:"off_origin"`
	FastAck   bool     `json:"fast_ack"`
	Server    bool     `json:"server_side"`
	KeepIP    bool     `json:"keep_ip"`
	BodyLimit int      `json:"body_limit"`
	Rate      int      `json:"rate"` // requests a second; 0 = no limit
	Disabled  bool     `json:"disabled"`
	Kind      string   `json:"kind,omitempty"`    // the mail provider whose webhooks it takes
	Hook      string   `json:"hook,omitempty"`    // the address to give to the provider
	Secrets   int      `json:"secrets,omitempty"` // how many its webhooks may be signed with
	Topic     string   `json:"topic,omitempty"`
	Window    string   `json:"window,omitempty"`
	Settle    string   `json:"settle"`
	Retention int64    `json:"retention"`                // seconds; 0 = as long as the machine keeps events
	Snippet   string   `json:"snippet,omitempty"`        // the tag to put into a page
	Pinned    string   `json:"snippet_pinned,omitempty"` // the same, of this version only, checked by browsers
	Integrity string   `json:"integrity,omitempty"`      // SRI of the snippet
	Types     string   `json:"types,omitempty"`          // its TypeScript declarations
	Manager   string   `json:"tag_manager,omitempty"`    // a template for Google Tag Manager
}

var sourceFlags = append([]string{
	"origins", "off-origin", "server-side", "fast-ack", "keep-ip", "body-limit", "rate", "retention",
	"kind", "webhook-secret", "topic", "window", "settle", "public-url",
}, tenantSettings...)

func sourceCommands() []*command {
	return []*command{
		{
			name: "source create", args: "NAME", min: 1, max: 1, use: sourceFlags,
			summary: text{"a new source of a tenant, with a write key of its own", "una fuente nueva de un inquilino, con su clave de escritura"},
			help: `
A source is one site, app or mail provider. Of a mail provider's, it prints the
address to give to the provider as webhook; SES takes the topic in place of a
secret.

  ripen source create blog --tenant acme --origins https://blog.acme.es --data ./data
  ripen source create backend --tenant acme --server-side --data ./data
  RIPEN_WEBHOOK_SECRET=whsec_… ripen source create mails --kind resend --data ./data
  ripen source create mails --kind ses --topic arn:aws:sns:eu-west-1:123456789012:mail --data ./data`,
			run: runSourceCreate,
		},
		{
			name: "source list", use: tenantSettings,
			summary: text{"the sources of a tenant", "las fuentes de un inquilino"},
			help:    "  ripen source list --tenant acme --data ./data",
			run:     runSourceList,
		},
		{
			name: "source show", args: "NAME", min: 1, max: 1, use: append([]string{"public-url", "nonce"}, tenantSettings...),
			summary: text{"one source, and the snippet to put into its pages", "una fuente y el código que va en sus páginas"},
			help: `
The tag names the address under which sites reach the server: --public-url here,
else that of the running server. A server started with --site-path /k7 serves the
snippet as /k7.js, too, and the tag says so. What else the tag may say (consent,
downloads, other domains of yours) is in the types, at /r.d.ts.

  ripen source show default --tenant acme --public-url https://t.acme.es --data ./data
  ripen source show default --nonce '{{ csp_nonce }}' --data ./data`,
			run: runSourceShow,
		},
		{
			name: "source update", args: "NAME", min: 1, max: 1, use: append([]string{"disabled", "keep-secret"}, sourceFlags...),
			summary: text{"change a source; what is not named stays", "cambiar una fuente; lo que no se nombra queda"},
			help: `
  ripen source update default --origins 'https://acme.es,https://*.acme.es' --data ./data
  ripen source update default --off-origin --data ./data   (take events of other origins, marked: rules read trusted)
  ripen source update default --rate 200 --data ./data     (requests a second; more get 429)
  ripen source update default --settle 5m --data ./data    (clicks in mails count after five minutes)
  ripen source update default --retention 3mo --data ./data (older events go; consent, unsubscribe and orders stay)
  ripen source update default --disabled --data ./data
  ripen source update default --disabled=false --data ./data
  RIPEN_WEBHOOK_SECRET=whsec_… ripen source update mails --keep-secret --data ./data   (both are good)
  RIPEN_WEBHOOK_SECRET=whsec_… ripen source update mails --data ./data                 (only this one is)`,
			run: runSourceUpdate,
		},
		{
			name: "source identity-key", args: "NAME", min: 1, max: 1, use: append([]string{"rotate"}, tenantSettings...),
			summary: text{"the key with which your server vouches for user ids", "la clave con la que tu servidor avala los identificadores"},
			help: `
Anyone can send any userId with a public write key: it is only claimed. Your
server proves it by userIdHash, the hex HMAC-SHA256 of the user id under this
key, which the page sends beside userId. Keep the key on the server.

  userIdHash = hex(hmac_sha256(key = "ik_…", message = userId))

  ripen source identity-key default --data ./data
  ripen source identity-key default --rotate --data ./data   (the old one stays good until the next rotation)`,
			run: runSourceIdentityKey,
		},
	}
}

// sourceChange is what the flags say about a source; nil = not said.
func (c *call) sourceChange() map[string]any {
	m := map[string]any{}
	for _, name := range []string{"off-origin", "server-side", "fast-ack", "keep-ip", "disabled"} {
		if c.set(name) {
			m[strings.ReplaceAll(name, "-", "_")] = c.bool(name)
		}
	}
	if c.set("origins") {
		list := []string{}
		for o := range strings.SplitSeq(c.get("origins"), ",") {
			if o = strings.TrimSpace(o); o != "" {
				list = append(list, o)
			}
		}
		m["origins"] = list
	}
	if c.set("body-limit") {
		m["body_limit"] = c.size("body-limit")
	}
	if c.set("rate") {
		m["rate"] = c.int("rate")
	}
	if c.set("retention") {
		m["retention"] = int64(c.period("retention").Seconds())
	}
	for flag, field := range map[string]string{"kind": "kind", "webhook-secret": "secret", "topic": "topic", "window": "window", "settle": "settle"} {
		if c.set(flag) {
			m[field] = c.get(flag)
		}
	}
	if c.set("keep-secret") && c.bool("keep-secret") {
		m["keep_secret"] = true
	}
	return m
}

func runSourceCreate(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		body := c.sourceChange()
		body["name"] = c.args[0]
		var s sourceRow
		if err := cl.do(ctx, "POST", "/v1/admin/sources", c.publicURL(), body, &s); err != nil {
			return err
		}
		return c.printSource(s)
	})
}

func runSourceUpdate(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var s sourceRow
		if err := cl.do(ctx, "PATCH", "/v1/admin/sources/"+url.PathEscape(c.args[0]), c.publicURL(), c.sourceChange(), &s); err != nil {
			return err
		}
		return c.printSource(s)
	})
}

// publicURL is the query that says under which address the server is reached.
func (c *call) publicURL() url.Values {
	if u := c.get("public-url"); u != "" {
		return url.Values{"public_url": {u}}
	}
	return nil
}

func runSourceShow(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var s sourceRow
		q := c.publicURL()
		if n := c.get("nonce"); n != "" {
			q.Set("nonce", n)
		}
		if err := cl.do(ctx, "GET", "/v1/admin/sources/"+url.PathEscape(c.args[0]), q, nil, &s); err != nil {
			return err
		}
		return c.printSource(s)
	})
}

func runSourceList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var list struct {
			Sources []sourceRow `json:"sources"`
		}
		if err := cl.do(ctx, "GET", "/v1/admin/sources", nil, nil, &list); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(list.Sources)
		}
		rows := make([][]string, 0, len(list.Sources))
		for _, s := range list.Sources {
			rows = append(rows, []string{s.Source, s.WriteKey, anyOrigin(s.Origins), s.marks()})
		}
		c.table([]string{"SOURCE", "WRITE KEY", "ORIGINS", "SETTINGS"}, rows)
		return nil
	})
}

func anyOrigin(list []string) string {
	if len(list) == 0 {
		return "any"
	}
	return strings.Join(list, " ")
}

// marks lists the switches that are on.
func (s sourceRow) marks() string {
	var on []string
	for _, m := range []struct {
		on   bool
		name string
	}{{s.Others, "off-origin"}, {s.Server, "server-side"}, {s.FastAck, "fast-ack"}, {s.KeepIP, "keep-ip"}, {s.Disabled, "disabled"}} {
		if m.on {
			on = append(on, m.name)
		}
	}
	if s.Kind != "" {
		on = append(on, "kind="+s.Kind)
	}
	if s.Settle != "1m0s" {
		on = append(on, "settle="+s.Settle)
	}
	if s.Retention > 0 {
		on = append(on, "retention="+periodText(s.Retention))
	}
	if s.Rate > 0 {
		on = append(on, fmt.Sprintf("rate=%d/s", s.Rate))
	}
	return strings.Join(on, " ")
}

func (c *call) printSource(s sourceRow) error {
	if c.bool("json") {
		return c.printJSON(s)
	}
	fmt.Fprintf(c.out, text{"source     %s\nwrite key  %s\norigins    %s\nsettings   %s\nbody       up to %s\n", "fuente              %s\nclave de escritura  %s\norígenes            %s\najustes             %s\ncuerpo              hasta %s\n"}.in(c.lang),
		plain(s.Source), s.WriteKey, anyOrigin(s.Origins), s.marks(), bytesText(int64(s.BodyLimit)))
	if s.Kind != "" {
		fmt.Fprintf(c.out, text{"secrets    %d\ntopic      %s\nwindow     %s\n", "secretos            %d\ntema                %s\nventana             %s\n"}.in(c.lang), s.Secrets, cmp.Or(s.Topic, "-"), cmp.Or(s.Window, text{"the provider's", "la del proveedor"}.in(c.lang)))
		fmt.Fprintf(c.out, text{"\nGive this address to the provider as webhook:\n\n%s\n", "\nDa esta dirección al proveedor como webhook:\n\n%s\n"}.in(c.lang), s.Hook)
	}
	if s.Snippet != "" {
		fmt.Fprintf(c.out, text{"\nPut this into the <head> of every page:\n\n%s\n", "\nPon esto en el <head> de cada página:\n\n%s\n"}.in(c.lang), s.Snippet)
		fmt.Fprintf(c.out, text{"\nor, for browsers to check (change it when the server is upgraded):\n\n%s\n\nintegrity    %s\nTypeScript   %s\nTag Manager  %s\n", "\no, para que lo comprueben los navegadores (cámbialo al actualizar el servidor):\n\n%s\n\nintegrity    %s\nTypeScript   %s\nTag Manager  %s\n"}.in(c.lang), s.Pinned, s.Integrity, s.Types, s.Manager)
	}
	return nil
}

func runSourceIdentityKey(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		method := "GET"
		if c.bool("rotate") {
			method = "POST"
		}
		var out struct {
			Source string `json:"source"`
			Key    string `json:"identity_key"`
		}
		if err := cl.do(ctx, method, "/v1/admin/sources/"+url.PathEscape(c.args[0])+"/identity-key", nil, nil, &out); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(out)
		}
		_, err := fmt.Fprintf(c.out, text{"identity key  %s\n", "clave de identidad  %s\n"}.in(c.lang), out.Key)
		return err
	})
}
