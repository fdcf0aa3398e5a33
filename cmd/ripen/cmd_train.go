package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"ripen/tracker/train"
	"ripen/wasm/scorecard"
)

func trainCommands() []*command {
	return []*command{{
		name: "train", args: "[FILE]", min: 0, max: 1, folds: true,
		use:     append([]string{"label", "positive", "model", "out", "html", "name", "drop", "keep", "missing", "time-column", "constrain", "seed", "sep", "by", "as-of", "publish-if-better", "force"}, tenantSettings...),
		summary: text{"learn a scorecard from the tracker's log, or from a table of who converted", "aprender una tarjeta del registro del tracker, o de una tabla de quién convirtió"},
		help: `
FILE.csv is an export with a head line, a person a line, and a column that says who
converted. What columns hold is found out: numbers, texts, truth values, dates, words
for no answer. The card that is written is like one made by hand: read it, change it,
publish it. It asks for attributes under the names that 'ripen import csv' gives them,
so the same file, imported, is scored by it.

With --model logistic or gbdt a model is written beside the card, as card.model.json,
and the card names it: publish the model first. Every lead then shows, beside its
score, how probable it is that it converts, and why.

The report says how good the card is on rows it has not seen, and, with --time-column,
on later ones; which columns know too much (written after the outcome); and which
questions tell nothing. Below 50 conversions nothing is learned: begin with
'ripen scorecard new'. The same file, flags and seed make the same card.

Without a file it learns from the tenant's log: from what was known of each lead at one
moment of its life (what it did in the last 7, 30 and 365 days, where it came from, its
attributes), and whether the label came true in time since. The card becomes the draft
of --name, with rules that count the same. --label says what to foresee, unless the card
of that name has a label: an event within a time, or {event: purchase, where:
{category: coffee}, within: 90d}, or {when: {plan: pro}, within: 90d}. What was imported
was received all at once: --by time believes the times that events carry.

If a card of that name is in force the report sets both side by side on the latest moments;
--publish-if-better puts the learned one in force if it wins on its best tenth and on
Brier, so that a timer can learn anew each week.

  ripen train --label 'won within 90d' --data ./data
  ripen train --name saas --by time --drop page_view_365d --html report.html --data ./data
  ripen train leads.csv --label Converted --out card.yaml
  ripen train leads.csv --label Converted --drop 'Tags,Lead Quality' --time-column Created --out card.yaml --html report.html
  ripen train leads.csv --label Status --positive Won --constrain 'visits=rising,age>=-10' -o card.yaml
  ripen train leads.csv --label Converted --model gbdt --out card.yaml
  ripen scorecard check card.yaml
  ripen scorecard publish card.yaml --tenant acme --data ./data`,
		run: runTrain,
	}, {
		name: "train list", min: 0, max: 0, use: append([]string{"scorecard", "limit"}, tenantSettings...),
		summary: text{"the cards that were learned, and what became of them", "las tarjetas aprendidas y qué fue de ellas"},
		help: `
A card that says 'learn: weekly', or {every: 1w, new: 10%, publish: if_better} for
more, is learned anew by the server: by the clock, or once so many conversions are
new. The challenger must be better on the latest moments (best tenth and Brier both);
then it becomes the draft, a simulation says who would change band, it runs as a
shadow, and the server puts it in force or lets it wait for you. This is the list of
all that, and of what was learned by hand.

  ripen train list --data ./data
  ripen train list --scorecard saas --limit 5 --json --data ./data`,
		run: runTrainList,
	}, {
		name: "train show", args: "ID", min: 1, max: 1, use: append([]string{"out", "html", "force"}, tenantSettings...),
		summary: text{"one of them: why, how good, drift, and how it was decided", "una de ellas: por qué, cómo de buena, deriva y qué se decidió"},
		help: `
The decision and its reason first, then the report that 'ripen train' gives: among it
what has changed of the people (drift), and what the card in force does as well.

  ripen train show 17 --data ./data
  ripen train show 17 --html report.html --out card.yaml --data ./data`,
		run: runTrainShow,
	}}
}

func runTrain(ctx context.Context, c *call) error {
	if err := c.mayWrite(c.get("out"), c.get("html"), c.modelFile(c.get("model"))); err != nil {
		return err
	}
	if len(c.args) == 0 {
		return c.trainFromLog(ctx)
	}
	o, err := c.trainOptions()
	if err != nil {
		return &usageError{err.Error(), "ripen help train"}
	}
	table, err := c.readPeople(&o, train.ReadTable)
	if err != nil {
		return err
	}
	p := c.startProgress(text{"learning", "aprendiendo"}.in(c.lang), 0, countText)
	o.Progress = func(done, total int) { p.total.Store(int64(total)); p.to(int64(done)) }
	r, err := train.Run(ctx, table, o)
	p.end()
	if few, ok := errors.AsType[*train.TooFew](err); ok {
		return fmt.Errorf("%w: begin with a card made by hand (ripen scorecard new --template simple)", few)
	}
	if err != nil {
		return err
	}
	return c.writeTrained(r)
}

// readPeople reads the file that is learned from.
func (c *call) readPeople(o *train.Options, read func(io.Reader, *train.Options) (*train.Table, error)) (*train.Table, error) {
	in, size, err := c.openInput(c.args[0])
	if err != nil {
		return nil, err
	}
	defer in.Close()
	p := c.startProgress(text{"reading", "leyendo"}.in(c.lang), size, bytesText)
	defer p.end()
	return read(io.TeeReader(in, counter{p}), o)
}

// trainOptions are the flags as train wants them.
func (c *call) trainOptions() (o train.Options, err error) {
	if o, err = c.tableOptions(); err != nil {
		return o, err
	}
	o.Name, o.TimeColumn, o.Model = c.get("name"), c.get("time-column"), cmp.Or(c.get("model"), train.KindCard)
	if !slices.Contains([]string{train.KindCard, train.KindLogistic, train.KindTrees}, o.Model) {
		return o, fmt.Errorf("--model %q: write card, logistic or gbdt", o.Model)
	}
	if o.Label == "" {
		return o, errors.New("train needs --label COLUMN: the column that says who converted")
	}
	constraints, err := splitList(c.get("constrain"))
	for _, s := range constraints {
		k, e := train.ParseConstraint(s)
		err = errors.Join(err, e)
		o.Constraints = append(o.Constraints, k)
	}
	return o, err
}

// tableOptions are the flags that say how a file of people is read.
func (c *call) tableOptions() (o train.Options, err error) {
	o = train.Options{Label: c.get("label"), Positive: c.get("positive"), Seed: uint64(c.int("seed")), Language: c.lang}
	if c.set("sep") {
		sep := c.get("sep")
		if sep == `\t` {
			sep = "\t"
		}
		r, n := utf8.DecodeRuneInString(sep)
		if n != len(sep) || r == utf8.RuneError || strings.ContainsRune("\"\r\n", r) {
			return o, fmt.Errorf("--sep %q: write one character", sep)
		}
		o.Sep = r
	}
	for name, list := range map[string]*[]string{"drop": &o.Drop, "keep": &o.Keep, "missing": &o.Missing} {
		if *list, err = splitList(c.get(name)); err != nil {
			return o, fmt.Errorf("--%s: %w", name, err)
		}
	}
	return o, err
}

// modelFile is where a model is written: beside the card. A learned card has none.
func (c *call) modelFile(kind string) string {
	out := c.get("out")
	if kind == train.KindCard || kind == "" || out == "" {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(out, ".yaml"), ".yml") + ".model.json"
}

// splitList reads a list with commas; what holds a comma stands in double quotes.
func splitList(s string) ([]string, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	r := csv.NewReader(strings.NewReader(s))
	r.TrimLeadingSpace = true
	items, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%q is not a list: write a,b or \"with, comma\",b", s)
	}
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items, nil
}

// writeTrained writes the card and the report. The card goes to standard output only
// if the report does not.
func (c *call) writeTrained(r *train.Result) error {
	card := c.get("out")
	if _, err := scorecard.Parse(card, r.Card); err != nil {
		return fmt.Errorf("the card that was learned is no good one: %w: leave columns out with --drop", err)
	}
	model := ""
	if r.Model != nil {
		model = c.modelFile(r.Kind)
		if _, err := scorecard.Parse(model, r.Model); err != nil {
			return fmt.Errorf("the model that was learned is no good one: %w: leave columns out with --drop", err)
		}
	}
	for file, b := range map[string][]byte{card: r.Card, model: r.Model} {
		if file != "" {
			if err := os.WriteFile(file, b, 0o644); err != nil {
				return err
			}
		}
	}
	if err := c.writePage(r.Report); err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(r.Report)
	}
	if err := r.Report.Text(c.out, c.lang); err != nil {
		return err
	}
	if card == "" && len(c.args) == 0 {
		return nil
	}
	if card == "" {
		_, err := fmt.Fprint(c.out, text{"\nNo card was written: name a file with --out card.yaml\n", "\nNo se ha escrito ninguna tarjeta: nombra un fichero con --out card.yaml\n"}.in(c.lang))
		return err
	}
	if model != "" {
		_, err := fmt.Fprintf(c.out, text{"\nwrote %s and %s; next: ripen scorecard publish %s, then ripen scorecard publish %s --ranking\n", "\nescritos: %s y %s; ahora: ripen scorecard publish %s, después ripen scorecard publish %s --ranking\n"}.in(c.lang), model, card, model, card)
		return err
	}
	_, err := fmt.Fprintf(c.out, text{"\nwrote %s; next: ripen scorecard check %s\n", "\nescrito: %s; ahora: ripen scorecard check %s\n"}.in(c.lang), card, card)
	return err
}

// writePage writes the report as a page, if one was asked for.
func (c *call) writePage(r *train.Report) error {
	file := c.get("html")
	if file == "" {
		return nil
	}
	var page bytes.Buffer
	if err := r.HTML(&page, c.lang); err != nil {
		return err
	}
	return os.WriteFile(file, page.Bytes(), 0o644)
}
