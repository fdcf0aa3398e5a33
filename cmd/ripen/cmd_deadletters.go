package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

func deadLetterCommands() []*command {
	return []*command{{
		name: "deadletters list", use: append([]string{"code", "limit"}, tenantSettings...),
		summary: text{"events that were refused for good, newest first", "eventos rechazados del todo, los más nuevos primero"},
		help: `
A refused event is kept for 30 days, at most 10,000 of a tenant, sealed with the
key of the person it names.

  ripen deadletters list --tenant acme --data ./data
  ripen deadletters list --code missing_identity --data ./data`,
		run: runDeadLettersList,
	}, {
		name: "deadletters show", args: "ID", min: 1, max: 1, use: tenantSettings,
		summary: text{"the text of one refused event, and why it was refused", "el texto de un evento rechazado y por qué lo fue"},
		help:    "  ripen deadletters show 019f3a2b7c4d0001 --data ./data",
		run:     runDeadLettersShow,
	}, {
		name: "deadletters fix", args: "ID FILE", min: 2, max: 2, use: tenantSettings,
		summary: text{"put another text in a refused event's place; - reads standard input", "poner otro texto en lugar del evento rechazado; - lee la entrada estándar"},
		help: `
The text stays in the words of its protocol: what 'show' prints, mended.

  ripen deadletters show 019f3a2b7c4d0001 --data ./data > event.json
  ripen deadletters fix 019f3a2b7c4d0001 event.json --data ./data`,
		run: runDeadLettersFix,
	}, {
		name: "deadletters replay", args: "[ID…]", max: 1000, use: append([]string{"code"}, tenantSettings...),
		summary: text{"take refused events again, as if they came when they were refused", "volver a tomar eventos rechazados, como si llegaran cuando fueron rechazados"},
		help: `
Those that are taken leave the list. Without an id, all of one code.

  ripen deadletters replay 019f3a2b7c4d0001 --data ./data
  ripen deadletters replay --code unknown_type --data ./data`,
		run: runDeadLettersReplay,
	}}
}

// deadLetter is a refused event as the API shows it.
type deadLetter struct {
	ID       string `json:"id"`
	Received string `json:"received"`
	Source   string `json:"source"`
	Protocol string `json:"protocol"`
	Code     string `json:"code"`
	Subject  string `json:"subject,omitempty"`
	Erased   bool   `json:"erased,omitempty"`
	Text     string `json:"text,omitempty"`
	Base64   []byte `json:"text_base64,omitempty"`
}

type deadLetterPage struct {
	Letters []deadLetter `json:"deadletters"`
	Next    string       `json:"next,omitempty"`
}

func runDeadLettersList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var page deadLetterPage
		q := url.Values{"limit": {c.get("limit")}}
		if code := c.get("code"); code != "" {
			q.Set("code", code)
		}
		if err := cl.do(ctx, "GET", "/v1/deadletters", q, nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page)
		}
		for _, l := range page.Letters {
			if _, err := fmt.Fprintf(c.out, "%s  %s  %-12s %-11s %-20s %s\n", l.ID, clockText(l.Received), plain(l.Source), plain(l.Protocol), plain(l.Code), l.Subject); err != nil {
				return err
			}
		}
		return nil
	})
}

func runDeadLettersShow(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var l deadLetter
		if err := cl.do(ctx, "GET", "/v1/deadletters/"+url.PathEscape(c.args[0]), nil, nil, &l); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(l)
		}
		fmt.Fprintln(c.err, plain(fmt.Sprintf("%s: %s, by %s of source %s", l.ID, l.Code, l.Protocol, l.Source)))
		if l.Erased {
			return fmt.Errorf("deadletters: the person it names was erased, and its text with them")
		}
		_, err := fmt.Fprintln(c.out, l.Text+string(l.Base64)) // one of them
		return err
	})
}

func runDeadLettersFix(ctx context.Context, c *call) error {
	var body []byte
	var err error
	if c.args[1] == "-" {
		body, err = io.ReadAll(c.in)
	} else {
		body, err = os.ReadFile(c.args[1])
	}
	if err != nil {
		return err
	}
	body = []byte(strings.TrimSpace(string(body)))
	return c.withServer(ctx, func(cl *client) error {
		if err := cl.do(ctx, "PUT", "/v1/deadletters/"+url.PathEscape(c.args[0]), nil, body, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.out, text{"%s holds the new text: ripen deadletters replay %s\n", "%s tiene el texto nuevo: ripen deadletters replay %s\n"}.in(c.lang), plain(c.args[0]), plain(c.args[0]))
		return err
	})
}

func runDeadLettersReplay(ctx context.Context, c *call) error {
	if len(c.args) == 0 && c.get("code") == "" {
		return fmt.Errorf("deadletters replay: need an ID or --code")
	}
	return c.withServer(ctx, func(cl *client) error {
		ids := c.args
		if len(ids) == 0 {
			var err error
			if ids, err = cl.lettersOf(ctx, c.get("code")); err != nil {
				return err
			}
		}
		for _, id := range ids {
			var v map[string]string
			if err := cl.do(ctx, "POST", "/v1/deadletters/"+url.PathEscape(id)+"/replay", nil, nil, &v); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(c.out, strings.TrimRight(plain(id+"  "+v["status"]+"  "+v["code"]+"  "+v["detail"]), " ")); err != nil {
				return err
			}
		}
		return nil
	})
}

// lettersOf lists all letters of a code.
func (cl *client) lettersOf(ctx context.Context, code string) (ids []string, err error) {
	for before := ""; ; {
		q := url.Values{"code": {code}, "limit": {"1000"}}
		if before != "" {
			q.Set("before", before)
		}
		var page deadLetterPage
		if err := cl.do(ctx, "GET", "/v1/deadletters", q, nil, &page); err != nil {
			return nil, err
		}
		for _, l := range page.Letters {
			ids = append(ids, l.ID)
		}
		if before = page.Next; before == "" {
			return ids, nil
		}
	}
}
