package main

import (
	"context"
	"fmt"
	"net/url"

	"ripen/tracker"
)

func letterCommands() []*command {
	return []*command{{
		name: "letters list", use: append([]string{"batch"}, tenantSettings...), folds: true,
		summary: text{"letters that journeys wrote and nobody has exported yet, or those of a batch", "cartas que los recorridos escribieron y nadie ha exportado aún, o las de un lote"},
		help:    "  ripen letters list --data ./data",
		run:     runLettersList,
	}, {
		name: "letters export", use: append([]string{"batch", "out"}, tenantSettings...), folds: true,
		summary: text{"letters to print and post (CSV): address, words, personal code and its link, for a QR code", "cartas para imprimir y enviar (CSV): dirección, texto, código personal y su enlace, para un QR"},
		help: `
A journey writes them (message: {channel: letter, text: …, link: https://…}). What is
exported counts as sent, once; --batch N gives a batch again. Who follows the code,
typed or scanned, at /l/CODE is led to the link, and that is an event of theirs:
letter_answered.

  ripen letters export -o letters.csv --data ./data
  ripen letters export --batch 3 -o letters.csv --data ./data`,
		run: runLettersExport,
	}}
}

func (c *call) batch() url.Values {
	if n := c.int("batch"); n > 0 {
		return url.Values{"batch": {fmt.Sprint(n)}}
	}
	return nil
}

func runLettersList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var page struct {
			Letters []tracker.Letter `json:"letters"`
		}
		if err := cl.do(ctx, "GET", "/v1/letters", c.batch(), nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page)
		}
		rows := make([][]string, 0, len(page.Letters))
		for _, l := range page.Letters {
			rows = append(rows, []string{l.Code, clockText(l.Written), plain(l.Journey + " · " + l.Step), plain(l.To["name"]), plain(l.To["city"]), l.Lead})
		}
		c.table([]string{"CODE", "WRITTEN", "BY", "NAME", "CITY", "LEAD"}, rows)
		return nil
	})
}

func runLettersExport(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		cl.accept = "text/csv"
		method, path := "POST", "/v1/letters/export"
		q := c.batch()
		if q != nil {
			method, path = "GET", "/v1/letters"
		}
		resp, err := cl.request(ctx, method, path, q, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return c.writeOut(resp.Body)
	})
}
