package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ripen/tracker/train/loyalty"
)

func loyaltyCommands() []*command {
	return []*command{{
		name: "loyalty", args: "[FILE]", min: 0, max: 1, folds: true,
		use:     append([]string{"map", "sep", "until", "horizon", "margin", "discount", "model", "min-repurchases", "out", "card", "force"}, tenantSettings...),
		summary: text{"learn from purchases who will come back, and when things are due", "aprender de las compras quién volverá y cuándo toca reponer"},
		help: `
The file has a head line and one purchase a line: customer, date and, if there are,
value, product and category. Columns are known by their usual names in English and
Spanish; --map says others. Days are as the file writes them.

It learns how often customers come back and one day stop (BG/NBD), what they spend
(Gamma-Gamma), how long each product lasts until it is bought again, and says how
well that foresaw purchases that were hidden from it. Customers stand in the order of
what they are expected to bring, never of the chance that they are still there.

Without a file it learns from the purchase events of the tenant's leads.

  ripen loyalty orders.csv
  ripen loyalty orders.csv --map 'Cliente=customer,Alta=date,Importe=value' --sep ';' --lang es
  ripen loyalty orders.csv --out customers.csv --card loyalty.yaml --margin 35 --discount 10
  ripen loyalty --tenant acme --data ./data
  ripen scorecard explain loyalty.yaml
  ripen scorecard publish loyalty.yaml --tenant acme --data ./data`,
		run: runLoyalty,
	}}
}

func runLoyalty(ctx context.Context, c *call) error {
	o, err := c.loyaltyOptions()
	if err != nil {
		return err
	}
	if err := c.mayWrite(c.get("out"), c.get("card")); err != nil {
		return err
	}
	sheet, err := c.purchases(ctx)
	if err != nil {
		return err
	}
	if c.get("until") == "" {
		o.Until = loyalty.Latest(sheet.Lines)
	}
	o.Fields = sheet.Columns
	r, err := loyalty.Learn(sheet.Lines, o)
	if err != nil {
		return err
	}
	if err := c.writeLoyalty(r); err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(r)
	}
	if err := r.Write(c.out, c.lang); err != nil {
		return err
	}
	for _, file := range []string{c.get("out"), c.get("card")} {
		if file != "" {
			fmt.Fprintf(c.out, text{"wrote %s\n", "escrito: %s\n"}.in(c.lang), file)
		}
	}
	return nil
}

// loyaltyOptions reads the command's own settings.
func (c *call) loyaltyOptions() (loyalty.Options, error) {
	const help = "ripen help loyalty"
	kinds := []loyalty.Kind{loyalty.BG, loyalty.MBG, loyalty.Pareto}
	o := loyalty.Options{Kind: loyalty.Kind(cmp.Or(c.get("model"), string(loyalty.BG))), Least: int(c.int("min-repurchases"))}
	horizon, err := parsePeriod(c.get("horizon"))
	o.Terms.Weeks = horizon.Hours() / (7 * 24)
	switch {
	case !slices.Contains(kinds, o.Kind):
		return o, &usageError{fmt.Sprintf("--model: %q is none of %s, %s, %s", o.Kind, kinds[0], kinds[1], kinds[2]), help}
	case o.Least < 1:
		return o, &usageError{"--min-repurchases: at least 1", help}
	case err != nil || horizon <= 0:
		return o, &usageError{"--horizon: a length of time above 0, like 52w", help}
	case c.get("card") != "" && c.get("card") == c.get("out"):
		return o, &usageError{"the table and the card are two files", help}
	}
	for _, p := range []struct {
		name string
		into *float64
		most float64
	}{{"margin", &o.Terms.Margin, 100}, {"discount", &o.Terms.Discount, 1000}} {
		v, err := strconv.ParseFloat(c.get(p.name), 64)
		if err != nil || !(v >= 0 && v <= p.most) {
			return o, &usageError{fmt.Sprintf("--%s: %q is not a percentage from 0 to %.0f", p.name, c.get(p.name), p.most), help}
		}
		*p.into = v / 100
	}
	if t := c.time("until"); !t.IsZero() {
		o.Until = int(t.Unix() / int64((24 * time.Hour).Seconds()))
	}
	return o, nil
}

// purchases are those of the file that is named, else those of the tenant's log.
func (c *call) purchases(ctx context.Context) (sheet *loyalty.Sheet, err error) {
	if len(c.args) > 0 {
		sheet, err = c.readPurchases()
	} else {
		sheet, err = c.askPurchases(ctx)
	}
	if err == nil && len(sheet.Lines) == 0 {
		err = errors.New("there are no purchases to learn from: name a file of them, or import them as events: ripen help import csv")
	}
	return sheet, err
}

// readPurchases reads the file and says on stderr what it could not.
func (c *call) readPurchases() (*loyalty.Sheet, error) {
	comma, err := c.comma()
	if err != nil {
		return nil, err
	}
	given, err := c.columnMap()
	if err != nil {
		return nil, err
	}
	in, _, err := c.openInput(c.args[0])
	if err != nil {
		return nil, err
	}
	defer in.Close()
	sheet, err := loyalty.Read(in, comma, given)
	if err != nil {
		return nil, err
	}
	for _, why := range slices.Sorted(maps.Keys(sheet.Skipped)) {
		what := map[string]text{
			"customer": {"without a customer", "sin cliente"},
			"date":     {"whose date cannot be read", "con una fecha ilegible"},
			"value":    {"whose value cannot be read", "con un importe ilegible"},
			"refund":   {"of refunds", "de devoluciones"},
		}[why]
		fmt.Fprintf(c.err, text{"left out: %d lines %s, the first is line %d\n", "omitidas: %d líneas %s, la primera es la %d\n"}.in(c.lang), sheet.Skipped[why], what.in(c.lang), sheet.First[why])
	}
	if sheet.Guessed {
		fmt.Fprintln(c.err, text{"dates like 3/4/2026 are read with the day first: no line says otherwise", "las fechas como 3/4/2026 se leen con el día delante: ninguna línea dice lo contrario"}.in(c.lang))
	}
	return sheet, nil
}

// writeLoyalty writes the files that are asked for.
func (c *call) writeLoyalty(r *loyalty.Report) error {
	if file := c.get("card"); file != "" {
		card, err := r.Card(c.lang)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, card, 0o644); err != nil {
			return err
		}
	}
	file := c.get("out")
	if file == "" {
		return nil
	}
	if r.Model == nil {
		return fmt.Errorf("there is no table of customers: %s", r.NoModel)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(r.Table(f), f.Close())
}

// comma is what separates columns.
func (c *call) comma() (rune, error) {
	sep := []rune(strings.ReplaceAll(c.get("sep"), `\t`, "\t"))
	if len(sep) != 1 {
		return 0, &usageError{fmt.Sprintf("--sep: %q is not one character", c.get("sep")), "ripen help " + c.cmd.name}
	}
	return sep[0], nil
}

// columnMap reads --map: column → what it is.
func (c *call) columnMap() (map[string]string, error) {
	m := map[string]string{}
	for pair := range strings.SplitSeq(c.get("map"), ",") {
		column, field, ok := strings.Cut(pair, "=")
		if !ok && pair != "" {
			return nil, &usageError{fmt.Sprintf("--map: %q is not column=field", pair), "ripen help " + c.cmd.name}
		}
		if ok {
			m[strings.TrimSpace(column)] = strings.TrimSpace(field)
		}
	}
	return m, nil
}
