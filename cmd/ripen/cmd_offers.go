package main

import (
	"context"
	"fmt"
	"os"

	"ripen/tracker/train/loyalty"
	"ripen/wasm/scorecard/offer"
)

func offersCommands() []*command {
	return []*command{
		{
			name: "offers learn", args: "[FILE]", min: 0, max: 1, folds: true,
			use:     append([]string{"map", "sep", "until", "min-repurchases", "out", "force"}, tenantSettings...),
			summary: text{"learn from purchases what to offer next: renewals, refills, what goes with what", "aprender de las compras qué ofrecer: renovaciones, reposiciones, qué va con qué"},
			help: `
It reads the file, or without one the purchases of the tenant's leads, and writes an
offer table: for each of the most bought products its price, how long it lasts or how
often it is refilled (what has not ended yet is not counted as never), and what people
bought after it more often than others do. Read it, change it, put it in force.

Who owns a machine of 24 months is offered its renewal from month 20 on, something
better from half its life on, something cheaper once it is late, and what goes with it
always. Refills are offered by the person's own turns.

  ripen offers learn orders.csv --out offers.yaml
  ripen offers learn --tenant acme --data ./data --out offers.yaml --lang es
  ripen offers set offers.yaml --tenant acme --data ./data
  ripen leads show ana@acme.example --data ./data`,
			run: runOffersLearn,
		},
		{
			name: "offers check", args: "FILE", min: 1, max: 1, use: []string{"json"},
			summary: text{"is the offer table right? names line and fix of what is not", "¿está bien la tabla de ofertas? nombra línea y arreglo"},
			help: `
  language: en
  currency: EUR
  products:
    machine: {name: "Espresso Solo", category: machines, price: 249, link: "https://…",
              life: {mean: 24mo, cv: 0.25}, next: [{product: grinder, took: 40, of: 120, lift: 2.1}]}
    beans: {category: coffee, price: 12, every: 30d}
    old: {category: machines, price: 99, sold: false}

  ripen offers check offers.yaml`,
			run: runOffersCheck,
		},
		{
			name: "offers set", args: "FILE", min: 1, max: 1, use: tenantSettings,
			summary: text{"put an offer table in force: leads and journeys offer by it", "poner una tabla de ofertas en vigor: leads y recorridos ofrecen según ella"},
			help:    "  ripen offers set offers.yaml --tenant acme --data ./data",
			run:     runOffersSet,
		},
		{
			name: "offers show", use: tenantSettings,
			summary: text{"the offer table in force", "la tabla de ofertas en vigor"},
			help:    "  ripen offers show --tenant acme --data ./data",
			run:     runOffersShow,
		},
	}
}

func runOffersLearn(ctx context.Context, c *call) error {
	if err := c.mayWrite(c.get("out")); err != nil {
		return err
	}
	sheet, err := c.purchases(ctx)
	if err != nil {
		return err
	}
	o := loyalty.Options{Least: int(c.int("min-repurchases")), Until: loyalty.Latest(sheet.Lines)}
	if o.Least < 1 {
		return &usageError{"--min-repurchases: at least 1", "ripen help offers learn"}
	}
	if t := c.time("until"); !t.IsZero() {
		o.Until = int(t.Unix() / 86400)
	}
	table, err := loyalty.Offers(sheet.Lines, o, c.lang)
	if err != nil {
		return err
	}
	file := c.get("out")
	if file == "" {
		_, err = c.out.Write(table)
		return err
	}
	if err := os.WriteFile(file, table, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, text{"wrote %s\n", "escrito: %s\n"}.in(c.lang), file)
	return err
}

func runOffersCheck(_ context.Context, c *call) error {
	t, _, err := readChecked(c, c.args[0], offer.Parse)
	if err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(map[string]any{"products": t.Len()})
	}
	_, err = fmt.Fprintf(c.out, text{"%s: %d products, all right\n", "%s: %d productos, todo bien\n"}.in(c.lang), c.args[0], t.Len())
	return err
}

func runOffersSet(ctx context.Context, c *call) error {
	_, src, err := readChecked(c, c.args[0], offer.Parse)
	if err != nil {
		return err
	}
	return c.setText(ctx, "/v1/offers", src, text{"the offer table is in force, version %d\n", "tabla de ofertas en vigor, versión %d\n"})
}

func runOffersShow(ctx context.Context, c *call) error {
	return c.showText(ctx, "/v1/offers")
}

// leadOffer is an offer as the API shows it.
type leadOffer struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Price string `json:"price"`
	Why   string `json:"why"`
	Until string `json:"until"`
}

func (c *call) printOffers(list []leadOffer) {
	if len(list) == 0 {
		return
	}
	rows := [][]string{}
	for _, o := range list {
		until := "–"
		if o.Until != "" {
			until = clockText(o.Until)
		}
		rows = append(rows, []string{o.Kind, plain(o.Name), orDash(o.Price), until, plain(o.Why)})
	}
	fmt.Fprintln(c.out)
	c.table([]string{"OFFER", "PRODUCT", "PRICE", "UNTIL", "WHY"}, rows)
}
