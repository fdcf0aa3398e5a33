package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"ripen/wasm/template"
)

func newCardCommand() *command {
	return &command{
		name: "scorecard new", use: []string{"template", "list", "out", "cases", "force", "json"},
		summary: text{"begin a card from a template, with stories it is held to", "empezar una tarjeta desde una plantilla, con historias que debe cumplir"},
		help: `
A template is a whole card with comments, in English or Spanish: six things to
know of a person, eight things a person does, and points for each. The cases are
stories in numbers: they say what the card makes of people, and hold it to that.
Change both until they say what you mean; nobody is scored before you publish.

  ripen scorecard new --list
  ripen scorecard new --template b2b-saas                     # to look at
  ripen scorecard new --template b2b-saas --lang es --out card.yaml --cases cases.json
  ripen scorecard explain card.yaml                           # in plain words
  ripen scorecard eval card.yaml --cases cases.json           # the stories
  ripen scorecard publish card.yaml --tenant acme --data ./data`,
		run: runCardNew,
	}
}

func runCardNew(_ context.Context, c *call) error {
	const help = "ripen help scorecard new"
	switch {
	case !slices.Contains(template.Languages[:], c.lang):
		return &usageError{fmt.Sprintf("--lang %s: templates speak %s", c.lang, strings.Join(template.Languages[:], " and ")), help}
	case c.bool("list"):
		return c.printTemplates()
	case c.bool("json"):
		return &usageError{"--json goes with --list", help}
	case c.get("template") == "":
		return &usageError{"scorecard new needs --template NAME", "ripen scorecard new --list"}
	case c.get("out") != "" && c.get("out") == c.get("cases"):
		return &usageError{"the card and its cases are two files", help}
	}
	t, err := template.Find(c.get("template"))
	if err != nil {
		return &usageError{err.Error(), "ripen scorecard new --list"}
	}
	return c.writeTemplate(t)
}

// writeTemplate writes the card, and its cases if they are wanted. It writes nothing
// if one of the files is there already.
func (c *call) writeTemplate(t template.Template) error {
	card, stories := c.get("out"), c.get("cases")
	if err := c.mayWrite(card, stories); err != nil {
		return err
	}
	if stories != "" {
		if err := os.WriteFile(stories, t.Cases(c.lang), 0o644); err != nil {
			return err
		}
	}
	if card == "" {
		_, err := c.out.Write(t.Card(c.lang))
		return err
	}
	if err := os.WriteFile(card, t.Card(c.lang), 0o644); err != nil {
		return err
	}
	next := "ripen scorecard check " + card
	if stories != "" {
		next = fmt.Sprintf("ripen scorecard eval %s --cases %s", card, stories)
	}
	_, err := fmt.Fprintf(c.out, text{"wrote %s; next: %s\n", "escrito: %s; ahora: %s\n"}.in(c.lang), strings.TrimSpace(card+" "+stories), next)
	return err
}

func (c *call) printTemplates() error {
	type row struct {
		Name  string `json:"name"`
		About string `json:"about"`
	}
	var list []row
	var rows [][]string
	for _, t := range template.Templates() {
		list = append(list, row{t.Name, t.About(c.lang)})
		rows = append(rows, []string{t.Name, t.About(c.lang)})
	}
	if c.bool("json") {
		return c.printJSON(list)
	}
	c.table([]string{"TEMPLATE", "WHAT IT IS FOR"}, rows)
	return nil
}
