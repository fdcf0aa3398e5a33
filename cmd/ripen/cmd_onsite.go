package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/tracker/journey/onsite"
)

func onsiteCommands() []*command {
	return []*command{{
		name: "onsite new", use: []string{"template", "list", "out", "force"},
		summary: text{"begin a message for the site from a template: banner, box, survey, chat", "empezar un mensaje para el sitio desde una plantilla: banner, box, survey, chat"},
		help: `
On-site messages are shown by the snippet: chosen by page, score and segment, or
put in wait by a journey (channel: onsite). What people do with them are events:
onsite_shown, onsite_clicked, onsite_closed, survey_opened, survey_answered,
chat_opened, chat_answered, chat_message, chat_handoff. Rules, segments and
journeys use them like any other.

  ripen onsite new --template chat --out help.yaml
  ripen onsite check help.yaml
  ripen onsite preview help.yaml --out help.html
  ripen onsite publish help.yaml --data ./data`,
		run: runOnsiteNew,
	}, {
		name: "onsite check", args: "FILE", min: 1, max: 1,
		summary: text{"is the message right? names line and fix of what is not", "¿está bien el mensaje? nombra línea y arreglo"},
		help:    "  ripen onsite check help.yaml",
		run:     runOnsiteCheck,
	}, {
		name: "onsite preview", args: "FILE", min: 1, max: 1, use: []string{"out"},
		summary: text{"a page that shows the message as visitors will see it", "una página que enseña el mensaje como lo verán los visitantes"},
		help:    "  ripen onsite preview help.yaml --lang es --out help.html",
		run:     runOnsitePreview,
	}, {
		name: "onsite publish", args: "FILE", min: 1, max: 1, use: tenantSettings,
		summary: text{"put a message in force: pages show it from now on", "poner un mensaje en vigor: las páginas lo enseñan desde ahora"},
		help:    "  ripen onsite publish help.yaml --tenant acme --data ./data",
		run:     publishText(tracker.Onsite),
	}, {
		name: "onsite rollback", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"put the version before the current one in force again", "volver a poner en vigor la versión anterior"},
		help:    "  ripen onsite rollback help --data ./data",
		run:     rollbackText(tracker.Onsite),
	}, {
		name: "onsite list", use: tenantSettings,
		summary: text{"the on-site messages of a tenant and their versions", "los mensajes en el sitio de un inquilino y sus versiones"},
		help:    "  ripen onsite list --data ./data",
		run:     listTexts(tracker.Onsite),
	}, {
		name: "onsite show", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"the text of the version in force", "el texto de la versión en vigor"},
		help:    "  ripen onsite show help --data ./data",
		run:     showText(tracker.Onsite),
	}, {
		name: "onsite stats", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"how often each version was shown, answered and closed, and the answers", "cuántas veces se enseñó, respondió y cerró cada versión, y las respuestas"},
		help:    "  ripen onsite stats help --data ./data",
		run:     runOnsiteStats,
	}, {
		name: "onsite waiting", args: "LEAD", min: 1, max: 1, use: tenantSettings, folds: true,
		summary: text{"which messages wait for a lead to come back to the site", "qué mensajes esperan a que un lead vuelva al sitio"},
		help:    "  ripen onsite waiting ana@example.org --data ./data",
		run:     runOnsiteWaiting,
	}}
}

func (c *call) readOnsite(file string) (*onsite.Message, []byte, error) {
	return readChecked(c, file, onsite.Parse)
}

func runOnsiteNew(_ context.Context, c *call) error {
	return c.newText(tracker.Onsite, onsite.Templates, onsite.Template)
}

func runOnsiteCheck(_ context.Context, c *call) error {
	m, _, err := c.readOnsite(c.args[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, text{"%s: %s is fine: a %s in %s\n", "%s: %s está bien: %s en %s\n"}.in(c.lang), c.args[0], m.Name, m.Kind, strings.Join(m.Languages, ", "))
	if m.Show.When != nil {
		fmt.Fprintf(c.out, text{"for those of whom it holds that %s\n", "para aquellos de quienes se cumple que %s\n"}.in(c.lang), m.Show.When.Say(c.lang == "es"))
	}
	for _, note := range m.Notes(c.lang) {
		fmt.Fprintln(c.out, note)
	}
	return nil
}

func runOnsitePreview(_ context.Context, c *call) error {
	m, _, err := c.readOnsite(c.args[0])
	if err != nil {
		return err
	}
	page := m.Preview(c.lang)
	if c.get("out") == "" {
		_, err := c.out.Write(page)
		return err
	}
	if err := os.WriteFile(c.get("out"), page, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, text{"wrote %s: open it in a browser\n", "escrito: %s: ábrelo en un navegador\n"}.in(c.lang), c.get("out"))
	return err
}

func runOnsiteStats(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var s struct {
			Stats map[string]*tracker.OnsiteTally `json:"stats"`
		}
		if err := cl.do(ctx, "GET", pathOf(tracker.Onsite, c.args[0])+"/stats", nil, nil, &s); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(s.Stats)
		}
		var rows [][]string
		for _, name := range slices.Sorted(maps.Keys(s.Stats)) {
			t := s.Stats[name]
			rows = append(rows, []string{name, fmt.Sprint(t.Shown), fmt.Sprint(t.Opened), fmt.Sprint(t.Answered), fmt.Sprint(t.Closed), fmt.Sprint(t.Handoffs)})
		}
		c.table([]string{"MESSAGE", ">SHOWN", ">OPENED", ">ANSWERED", ">CLOSED", ">HANDOFFS"}, rows)
		for _, name := range slices.Sorted(maps.Keys(s.Stats)) {
			for _, part := range slices.Sorted(maps.Keys(s.Stats[name].Answers)) {
				for _, answer := range slices.Sorted(maps.Keys(s.Stats[name].Answers[part])) {
					fmt.Fprintf(c.out, "  %-40s %6d\n", name+" "+part+": "+answer, s.Stats[name].Answers[part][answer])
				}
			}
		}
		return nil
	})
}

func runOnsiteWaiting(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var s struct {
			Lead    string `json:"lead"`
			Waiting []struct {
				ID      string `json:"id"`
				Message string `json:"message"`
				Since   string `json:"since"`
			} `json:"waiting"`
		}
		if err := cl.do(ctx, "GET", "/v1/leads/"+url.PathEscape(c.args[0])+"/onsite", nil, nil, &s); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(s)
		}
		var rows [][]string
		for _, w := range s.Waiting {
			rows = append(rows, []string{w.Message, clockText(w.Since), w.ID})
		}
		c.table([]string{"MESSAGE", "SINCE", "ID"}, rows)
		return nil
	})
}
