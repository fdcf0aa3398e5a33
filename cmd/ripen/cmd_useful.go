package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"ripen/tracker/train"
)

// fileSettings are about a file of people alone.
var fileSettings = []string{"positive", "sep", "missing", "keep"}

func usefulCommands() []*command {
	return []*command{{
		name: "useful", args: "[FILE]", min: 0, max: 1, folds: true,
		use:     append(append([]string{"label", "drop", "seed", "by", "scorecard", "html", "force"}, fileSettings...), tenantSettings...),
		summary: text{"what to ask for and what no longer: what each attribute and event says about who converts", "qué preguntar y qué ya no: qué dice cada atributo y evento de quién convierte"},
		help: `
Of each attribute, and of each thing that people do: how many answered, its
information value beside what chance alone reaches, the AUC of it alone, and what a
learned card loses without it (leave one out, on people it has not seen, with the
interval of DeLong). And a sentence: ask no longer, ask more people, go on.

It reads a table as 'ripen train FILE.csv' does, or the tenant's log as 'ripen train'
does; the label is then --label, or that of the card (--scorecard; default: the
ranking one). Below 50 conversions nothing is said.

  ripen useful leads.csv --label Converted
  ripen useful leads.csv --label Status --positive Won --html useful.html --lang es
  ripen useful --label 'won within 90d' --by time --data ./data
  ripen useful --json --data ./data`,
		run: runUseful,
	}}
}

func runUseful(ctx context.Context, c *call) error {
	if err := c.mayWrite(c.get("html")); err != nil {
		return err
	}
	if len(c.args) == 0 {
		return c.usefulInLog(ctx)
	}
	o, err := c.tableOptions()
	if err == nil && o.Label == "" {
		err = errors.New("useful needs --label COLUMN: the column that says who converted")
	}
	if err != nil {
		return &usageError{err.Error(), "ripen help useful"}
	}
	table, err := c.readPeople(&o, train.ReadTable)
	if err != nil {
		return err
	}
	p := c.startProgress(text{"measuring", "midiendo"}.in(c.lang), 0, countText)
	o.Progress = func(done, total int) { p.total.Store(int64(total)); p.to(int64(done)) }
	u, err := train.MeasureUse(ctx, table, o)
	p.end()
	if err != nil {
		return err
	}
	return c.writeUseful(u)
}

// logQuestion is the query of what is asked about the tenant's log: what the flags say
// that files and logs have in common.
func (c *call) logQuestion() (url.Values, error) {
	if err := c.noFile(fileSettings); err != nil {
		return nil, err
	}
	q := url.Values{"seed": {strconv.FormatInt(c.int("seed"), 10)}, "lang": {c.lang}}
	return q, c.askLists(q, "drop")
}

// noFile refuses settings that are about a file where none is named.
func (c *call) noFile(settings []string) error {
	for _, name := range settings {
		if c.set(name) {
			return &usageError{fmt.Sprintf("--%s is about a file, and none is named", name), "ripen help " + c.cmd.name}
		}
	}
	return nil
}

// askLists puts settings that are lists into a query, an entry a line.
func (c *call) askLists(q url.Values, names ...string) error {
	for _, name := range names {
		list, err := splitList(c.get(name))
		if err != nil {
			return &usageError{fmt.Sprintf("--%s: %v", name, err), "ripen help " + c.cmd.name}
		}
		if len(list) > 0 {
			q.Set(name, strings.Join(list, "\n"))
		}
	}
	return nil
}

// usefulInLog lets the server measure what its log holds.
func (c *call) usefulInLog(ctx context.Context) error {
	q, err := c.logQuestion()
	if err != nil {
		return err
	}
	for _, name := range []string{"label", "scorecard", "by"} {
		if v := c.get(name); v != "" {
			q.Set(name, v)
		}
	}
	return c.withServer(ctx, func(cl *client) error {
		var u train.Usefulness
		if err := c.worked(ctx, cl, text{"measuring", "midiendo"}.in(c.lang), "/v1/useful", q, "it was done", &u); err != nil {
			return err
		}
		return c.writeUseful(&u)
	})
}

// worked asks for long work, shows how far it has come, and reads its result. early
// says of a server that went away before what that was.
func (c *call) worked(ctx context.Context, cl *client, what, path string, q url.Values, early string, result any) error {
	cl.accept = "application/x-ndjson"
	last, err := c.follow(ctx, cl, what, path, q)
	if err != nil {
		return err
	}
	if last.Result == nil {
		return fmt.Errorf("the server ended before %s: run it again", early)
	}
	if err := json.Unmarshal(last.Result, result); err != nil {
		return fmt.Errorf("decode the server's answer: %w", err)
	}
	return nil
}

func (c *call) writeUseful(u *train.Usefulness) error {
	if file := c.get("html"); file != "" {
		var page bytes.Buffer
		if err := u.HTML(&page, c.lang); err != nil {
			return err
		}
		if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if c.bool("json") {
		return c.printJSON(u)
	}
	return u.Text(c.out, c.lang)
}
