package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// orderFlags are the flags that say which mail goes to whom.
var orderFlags = append([]string{"template", "lead", "variant", "fields"}, tenantSettings...)

func postCommands() []*command {
	return []*command{{
		name: "mail sender", use: append([]string{"smtp", "smtp-password", "mail-from", "reply-to", "selector", "mail-rate"}, tenantSettings...),
		summary: text{"through which server and as whom mails leave", "por qué servidor y en nombre de quién salen los correos"},
		help: `
Without --smtp it shows what there is. smtps:// is TLS from the first byte, smtp://
asks for STARTTLS and sends nothing without it, unless the server is this very
machine. The password comes from RIPEN_SMTP_PASSWORD. With --selector mails
are signed (DKIM), and what the DNS must say is printed. A server in your own
network needs the operator's --webhook-allow.

  ripen mail sender --smtp smtp://acme@mail.acme.es:587 --mail-from 'Acme <hola@acme.es>' --selector ripen --data ./data`,
		run: runMailSender,
	}, {
		name: "mail template check", args: "FILE", min: 1, max: 1, use: tenantSettings,
		summary: text{"is a mail right? names the field and the fix", "¿está bien un correo? nombra el campo y el arreglo"},
		help:    "  ripen mail template check welcome.yaml --data ./data",
		run:     func(ctx context.Context, c *call) error { return c.putTemplate(ctx, true) },
	}, {
		name: "mail template publish", args: "FILE", min: 1, max: 1, use: tenantSettings,
		summary: text{"put a version of a mail in force", "poner en vigor una versión de un correo"},
		help: `
A mail is YAML: mail (its name), language, purpose (marketing or transactional),
topics, stage, campaign, subject, text, html, variants. {{ name | friend }} stands
for a field of the lead, or the words behind the bar for who has none. Links are
counted, and the unsubscribe, its headers, the open pixel and UTM parameters
are added by themselves.

A mail may ask one question; each answer is an address, and the page behind it
asks the reader to send it, so that a scanner answers nothing:

  question: {id: use, ask: Where do you make coffee?, attribute: use,
    choices: {home: At home, office: At the office}}
  text: "At home: {{ answer.home }}  At the office: {{ answer.office }}"

What is sent becomes survey_opened and survey_answered (survey = the mail,
question, answer) and the attribute, which may be left out.

  ripen mail template publish welcome.yaml --data ./data`,
		run: func(ctx context.Context, c *call) error { return c.putTemplate(ctx, false) },
	}, {
		name: "mail template list", use: append([]string{"topic", "stage", "purpose"}, tenantSettings...),
		summary: text{"the content library, by topic, stage and purpose", "la biblioteca de contenidos, por tema, etapa y finalidad"},
		help:    "  ripen mail template list --topic espresso --stage consider --data ./data",
		run:     runTemplateList,
	}, {
		name: "mail template show", args: "NAME", min: 1, max: 1, use: append([]string{"version"}, tenantSettings...),
		summary: text{"one version of a mail, as it was published", "una versión de un correo, tal como se publicó"},
		help:    "  ripen mail template show welcome --version 1 --data ./data",
		run:     runTemplateShow,
	}, {
		name: "mail template rollback", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"put the version before in force again", "volver a poner en vigor la versión anterior"},
		help:    "  ripen mail template rollback welcome --data ./data",
		run:     runTemplateRollback,
	}, {
		name: "mail preview", use: append([]string{"html"}, orderFlags...), folds: true,
		summary: text{"a mail as a lead would get it now; --html writes it as a page", "un correo tal como lo recibiría ahora un lead; --html lo escribe como página"},
		help:    "  ripen mail preview --template welcome --lead ana@example.org --html welcome.html --data ./data",
		run:     runMailPreview,
	}, {
		name: "mail send", use: append([]string{"key"}, orderFlags...), folds: true,
		summary: text{"send a mail to a lead, and say what became of it", "enviar un correo a un lead y decir qué fue de él"},
		help: `
The mail is an intent of the outbox: of one --key there is one mail, however
often it is asked for. Marketing goes only to who said yes to it.

  ripen mail send --template welcome --lead ana@example.org --data ./data
  ripen mail send --template invoice --lead ana@example.org --key invoice-17 --fields 'number=17' --data ./data`,
		run: runMailSend,
	}, {
		name: "mail suppress", args: "ADDRESS|NUMBER", min: 1, max: 1, use: append([]string{"status", "stop"}, tenantSettings...),
		summary: text{"never write to an address or a number again; --status asks, --stop ends it", "no volver a escribir a una dirección o un número; --status pregunta, --stop lo termina"},
		help: `
Bounces, complaints and who answers an SMS with STOP or BAJA get there by themselves,
and stay when a person is erased: the list holds keyed hashes, not addresses.

  ripen mail suppress ana@example.org --data ./data
  ripen mail suppress ana@example.org --status --data ./data
  ripen mail suppress +34600111222 --data ./data`,
		run: runMailSuppress,
	}, impactCommand(), checklistCommand()}
}

// senderRow is a sender as the API shows it.
type senderRow struct {
	URL      string  `json:"url"`
	From     string  `json:"from"`
	ReplyTo  string  `json:"reply_to,omitempty"`
	Rate     float64 `json:"rate"`
	Selector string  `json:"selector,omitempty"`
	Record   string  `json:"record,omitempty"`
	Password bool    `json:"password"`
	Created  string  `json:"created"`
}

func runMailSender(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var row senderRow
		method, body := "GET", any(nil)
		if c.get("smtp") != "" {
			method = "PUT"
			body = map[string]any{
				"url": c.get("smtp"), "password": c.get("smtp-password"), "from": c.get("mail-from"), "reply_to": c.get("reply-to"),
				"selector": c.get("selector"), "rate": c.int("mail-rate"),
			}
		}
		if err := cl.do(ctx, method, "/v1/mail/sender", nil, body, &row); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(row)
		}
		fmt.Fprintf(c.out, text{"server  %s\nfrom    %s\nrate    %g a second to one domain\n", "servidor  %s\nde        %s\nritmo     %g por segundo a un dominio\n"}.in(c.lang), plain(row.URL), plain(row.From), row.Rate)
		if row.Selector == "" {
			_, err := fmt.Fprintln(c.out, text{"dkim    none: large receivers refuse mail that nobody signed; --selector ripen", "dkim      ninguno: los grandes rechazan el correo que nadie firma; --selector ripen"}.in(c.lang))
			return err
		}
		domain := strings.TrimSuffix(row.From[strings.LastIndexByte(row.From, '@')+1:], ">")
		_, err := fmt.Fprintf(c.out, text{"dkim    TXT record of %s._domainkey.%s:\n        %s\n", "dkim      registro TXT de %s._domainkey.%s:\n          %s\n"}.in(c.lang), plain(row.Selector), plain(domain), plain(row.Record))
		return err
	})
}

// contentRow is a mail template as the API shows it.
type contentRow struct {
	Name     string   `json:"name"`
	Version  int      `json:"version,omitempty"`
	Versions int      `json:"versions,omitempty"`
	InForce  bool     `json:"in_force"`
	Created  string   `json:"created,omitempty"`
	Language string   `json:"language"`
	Purpose  string   `json:"purpose"`
	Topics   []string `json:"topics"`
	Stage    string   `json:"stage,omitempty"`
	Subject  string   `json:"subject"`
	Variants []string `json:"variants"`
	Warnings []string `json:"warnings,omitempty"`
	YAML     string   `json:"yaml,omitempty"`
}

// putTemplate sends a template to be looked at, or to be put in force.
func (c *call) putTemplate(ctx context.Context, check bool) error {
	b, err := os.ReadFile(c.args[0])
	if err != nil {
		return err
	}
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{}
		if check {
			q.Set("check", "true")
		}
		var row contentRow
		if err := cl.do(ctx, "PUT", "/v1/mail/templates/"+url.PathEscape(mailName(b)), q, b, &row); err != nil {
			return err
		}
		return c.printTemplate(&row)
	})
}

// mailName finds what a template calls itself; the server checks that it is so.
func mailName(b []byte) string {
	for l := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(l, "mail:"); ok {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return "unnamed"
}

func (c *call) printTemplate(row *contentRow) error {
	if c.bool("json") {
		return c.printJSON(row)
	}
	version := "good"
	if row.Version != 0 {
		version = fmt.Sprintf("@%d of %d", row.Version, row.Versions)
		if row.InForce {
			version += ", in force"
		}
	}
	fmt.Fprintf(c.out, "%s %s\n%s, %s; topics %s; stage %s; variants %s\nsubject  %s\n", plain(row.Name), version, row.Purpose, row.Language,
		orDash(strings.Join(row.Topics, ", ")), orDash(row.Stage), orDash(strings.Join(row.Variants, ", ")), plain(row.Subject))
	for _, w := range row.Warnings {
		fmt.Fprintln(c.out, "note     "+plain(w))
	}
	return nil
}

func runTemplateList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{}
		for _, name := range []string{"topic", "stage", "purpose"} {
			if v := c.get(name); v != "" {
				q.Set(name, v)
			}
		}
		var list struct {
			Templates []contentRow `json:"templates"`
		}
		if err := cl.do(ctx, "GET", "/v1/mail/templates", q, nil, &list); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(list.Templates)
		}
		rows := make([][]string, 0, len(list.Templates))
		for i := range list.Templates {
			t := &list.Templates[i]
			rows = append(rows, []string{t.Name, strconv.Itoa(t.Version), t.Language, t.Purpose, orDash(t.Stage), orDash(strings.Join(t.Topics, " ")), plain(t.Subject)})
		}
		c.table([]string{"NAME", ">VERSION", "LANG", "PURPOSE", "STAGE", "TOPICS", "SUBJECT"}, rows)
		return nil
	})
}

func runTemplateShow(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		q := url.Values{}
		if c.set("version") {
			q.Set("version", c.get("version"))
		}
		var row contentRow
		if err := cl.do(ctx, "GET", "/v1/mail/templates/"+url.PathEscape(c.args[0]), q, nil, &row); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(row)
		}
		_, err := fmt.Fprint(c.out, row.YAML)
		return err
	})
}

func runTemplateRollback(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var row contentRow
		if err := cl.do(ctx, "POST", "/v1/mail/templates/"+url.PathEscape(c.args[0])+"/rollback", nil, nil, &row); err != nil {
			return err
		}
		return c.printTemplate(&row)
	})
}

// order is the body of a request for a mail.
func (c *call) order() (map[string]any, error) {
	body := map[string]any{"template": c.get("template"), "lead": c.get("lead"), "variant": c.get("variant")}
	if c.get("template") == "" || c.get("lead") == "" {
		return nil, &usageError{"need --template NAME and --lead WHO", "ripen help " + c.cmd.name}
	}
	fields := map[string]string{}
	for pair := range strings.SplitSeq(c.get("fields"), ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok && pair != "" {
			return nil, fmt.Errorf("fields: %q: need name=value, comma separated", pair)
		}
		if ok {
			fields[strings.TrimSpace(name)] = value
		}
	}
	body["fields"] = fields
	return body, nil
}

func runMailPreview(ctx context.Context, c *call) error {
	body, err := c.order()
	if err != nil {
		return err
	}
	return c.withServer(ctx, func(cl *client) error {
		var p struct {
			From    string            `json:"from"`
			To      string            `json:"to"`
			Subject string            `json:"subject"`
			Headers map[string]string `json:"headers"`
			Text    string            `json:"text"`
			HTML    string            `json:"html"`
			Refused string            `json:"refused"`
		}
		if err := cl.do(ctx, "POST", "/v1/mail/preview", nil, body, &p); err != nil {
			return err
		}
		if file := c.get("html"); file != "" {
			if p.HTML == "" {
				return errors.New("the mail has no HTML")
			}
			if err := os.WriteFile(file, []byte(p.HTML), 0o644); err != nil {
				return err
			}
		}
		if c.bool("json") {
			return c.printJSON(p)
		}
		fmt.Fprintf(c.out, "From: %s\nTo: %s\nSubject: %s\n", plain(p.From), plain(p.To), plain(p.Subject))
		for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
			fmt.Fprintf(c.out, "%s: %s\n", name, plain(p.Headers[name]))
		}
		fmt.Fprintln(c.out)
		for l := range strings.Lines(p.Text) {
			fmt.Fprintln(c.out, plain(strings.TrimRight(l, "\r\n")))
		}
		if p.Refused != "" {
			fmt.Fprintf(c.out, text{"\nit would not be sent: %s\n", "\nno se enviaría: %s\n"}.in(c.lang), plain(p.Refused))
		}
		return nil
	})
}

// sendWait is how long 'mail send' waits to hear what became of the mail.
const sendWait = 20 * time.Second

func runMailSend(ctx context.Context, c *call) error {
	body, err := c.order()
	if err != nil {
		return err
	}
	key := c.get("key")
	if key == "" {
		var b [12]byte
		rand.Read(b[:]) // never fails
		key = "by-hand-" + hex.EncodeToString(b[:])
	}
	body["key"] = key
	return c.withServer(ctx, func(cl *client) error {
		var in intentRow
		if err := cl.do(ctx, "POST", "/v1/mail/send", nil, body, &in); err != nil {
			return err
		}
		if cl.private {
			fmt.Fprintln(c.err, "no server is running: the mail leaves when one is")
		}
		for end := time.Now().Add(sendWait); !cl.private && in.State == "pending" && time.Now().Before(end) && !failedOnce(&in); {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			if err := cl.do(ctx, "GET", "/v1/outbox/"+in.ID, nil, nil, &in); err != nil {
				return err
			}
		}
		if c.bool("json") {
			return c.printJSON(in)
		}
		why := in.Why
		if n := len(in.Attempts); n > 0 && why == "" {
			why = attemptText(&in, n-1)
		}
		fmt.Fprintf(c.out, "%s  %s  %s\n", in.ID, in.State, plain(why))
		if in.State == "withdrawn" || in.State == "parked" {
			return errReported
		}
		return nil
	})
}

// failedOnce says that an attempt has ended and another will be made.
func failedOnce(in *intentRow) bool {
	n := len(in.Attempts)
	return n > 0 && in.Attempts[n-1].Outcome != ""
}

func runMailSuppress(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		method := "PUT"
		switch {
		case c.bool("status"):
			method = "GET"
		case c.bool("stop"):
			method = "DELETE"
		}
		var s struct {
			Suppressed bool   `json:"suppressed"`
			Why        string `json:"why,omitempty"`
			All        bool   `json:"all,omitempty"`
			Since      string `json:"since,omitempty"`
		}
		if err := cl.do(ctx, method, "/v1/mail/suppressed/"+url.PathEscape(c.args[0]), nil, nil, &s); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(s)
		}
		says := "gets what its owner allows"
		if s.Suppressed {
			says = "gets no marketing"
			if s.All {
				says = "gets no mail"
				if !strings.Contains(c.args[0], "@") {
					says = "gets no messages"
				}
			}
			says += ", since " + clockText(s.Since) + ": " + s.Why
		}
		_, err := fmt.Fprintf(c.out, "%s %s\n", plain(c.args[0]), plain(says))
		return err
	})
}
