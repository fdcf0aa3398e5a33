package main

import (
	"context"
	"fmt"

	"ripen/wasm/scorecard"
)

func topicsCommands() []*command {
	return []*command{
		{
			name: "topics check", args: "FILE", min: 1, max: 1, use: []string{"json"},
			summary: text{"is the topic map right? names line and fix of what is not", "¿está bien el mapa de temas? nombra línea y arreglo"},
			help: `
A topic map says what pages, files and mails are about:

  topics:
    pricing:
      paths: ["/pricing*", "*.price.pdf"]   # of pages, files, links in mails
      titles: ["*Price list*"]
      campaigns: ["spring-*"]               # or the name of the mail
  half_life: 30d                            # of what leads are shown with
  weights: {page_view: 1, download: 3, email_open: 1, email_click: 2}

Rules ask for affinity(pricing), or for the field topic.pricing of an event.

  ripen topics check topics.yaml`,
			run: runTopicsCheck,
		},
		{
			name: "topics set", args: "FILE", min: 1, max: 1, use: tenantSettings,
			summary: text{"put a topic map in force: every lead is walked again", "poner un mapa de temas en vigor: cada lead se recorre de nuevo"},
			help: `
It counts for everything that was done before, too. A map without topics
(topics: {}) turns interests off.

  ripen topics set topics.yaml --tenant acme --data ./data
  ripen leads show ana@acme.example --data ./data`,
			run: runTopicsSet,
		},
		{
			name: "topics show", use: tenantSettings,
			summary: text{"the topic map in force", "el mapa de temas en vigor"},
			help:    "  ripen topics show --tenant acme --data ./data",
			run:     runTopicsShow,
		},
		{
			name: "topics audience", use: append([]string{"scorecard", "min-score", "band", "as-of"}, tenantSettings...), folds: true,
			summary: text{"what the leads care about: how many, topic by topic", "qué interesa a los leads: a cuántos, tema por tema"},
			help: `
Of the whole list, or of a band: how many care about a topic at all, how many of
them are known by name, for how many it comes first, and the mean affinity.

  ripen topics audience --band mql --data ./data`,
			run: runTopicsAudience,
		},
	}
}

func runTopicsCheck(_ context.Context, c *call) error {
	t, _, err := readChecked(c, c.args[0], scorecard.ParseTopics)
	if err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(map[string]any{"topics": t.Names, "half_life_ms": t.HalfLife})
	}
	_, err = fmt.Fprintf(c.out, text{"%s: %d topics, all right\n", "%s: %d temas, todo bien\n"}.in(c.lang), c.args[0], len(t.Names))
	return err
}

func runTopicsSet(ctx context.Context, c *call) error {
	_, src, err := readChecked(c, c.args[0], scorecard.ParseTopics)
	if err != nil {
		return err
	}
	return c.setText(ctx, "/v1/topics", src, text{"the topic map is in force, version %d\n", "mapa de temas en vigor, versión %d\n"})
}

func runTopicsShow(ctx context.Context, c *call) error {
	return c.showText(ctx, "/v1/topics")
}

func runTopicsAudience(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var out struct {
			Leads  int `json:"leads"`
			Topics []struct {
				Topic    string  `json:"topic"`
				Leads    int     `json:"leads"`
				Known    int     `json:"known"`
				First    int     `json:"first"`
				Affinity float64 `json:"affinity"`
			} `json:"topics"`
		}
		if err := cl.do(ctx, "GET", "/v1/topics/audience", c.leadsQuery(), nil, &out); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(out)
		}
		rows := [][]string{}
		for _, t := range out.Topics {
			share := 100 * float64(t.Leads) / float64(out.Leads)
			rows = append(rows, []string{t.Topic, fmt.Sprint(t.Leads), fmt.Sprintf("%.0f%%", share), fmt.Sprint(t.Known), fmt.Sprint(t.First), fmt.Sprintf("%.3f", t.Affinity)})
		}
		c.table([]string{"TOPIC", ">LEADS", ">OF ALL", ">KNOWN", ">FIRST", ">AFFINITY"}, rows)
		return nil
	})
}

// setText puts a text in force, and says its version.
func (c *call) setText(ctx context.Context, path string, src []byte, said text) error {
	return c.withServer(ctx, func(cl *client) error {
		var out struct {
			Version int `json:"version"`
		}
		if err := cl.do(ctx, "PUT", path, nil, src, &out); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(out)
		}
		_, err := fmt.Fprintf(c.out, said.in(c.lang), out.Version)
		return err
	})
}

// showText shows a text in force, with its version.
func (c *call) showText(ctx context.Context, path string) error {
	return c.withServer(ctx, func(cl *client) error {
		var out struct {
			Version   int    `json:"version"`
			Published string `json:"published"`
			YAML      string `json:"yaml"`
		}
		if err := cl.do(ctx, "GET", path, nil, nil, &out); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(out)
		}
		_, err := fmt.Fprintf(c.out, text{"# version %d, in force since %s\n%s", "# versión %d, en vigor desde %s\n%s"}.in(c.lang), out.Version, clockText(out.Published), out.YAML)
		return err
	})
}

// interests are what a lead cares about, as the API shows it.
type interests struct {
	Topics []struct {
		Topic    string  `json:"topic"`
		Affinity float64 `json:"affinity"`
	} `json:"topics"`
	OpenRate *float64 `json:"open_rate"`
	Mails    int      `json:"mails"`
	Opened   int      `json:"opened"`
	Shares   int      `json:"shares"`
	Pages    []struct {
		Path    string  `json:"path"`
		Seconds float64 `json:"seconds"`
		Visits  int     `json:"visits"`
		Returns int     `json:"returns"`
	} `json:"pages"`
}

// reading is when a lead reads mails, as the API shows it.
type reading struct {
	Hour *int   `json:"hour"`
	Zone string `json:"zone"`
	Of   int    `json:"of"`
	Near int    `json:"near"`
}

func (c *call) printReading(r *reading) {
	switch {
	case r == nil:
	case r.Hour == nil:
		fmt.Fprintf(c.out, text{"\nreads mails at no hour that is known: %d moments are too few\n", "\nno se sabe a qué hora lee el correo: %d momentos son pocos\n"}.in(c.lang), r.Of)
	default:
		fmt.Fprintf(c.out, text{
			"\nreads mails about %02d:00 (%s): %d of %d opens and clicks within an hour of it\n",
			"\nlee el correo hacia las %02d:00 (%s): %d de %d aperturas y clics a menos de una hora\n",
		}.in(c.lang), *r.Hour, r.Zone, r.Near, r.Of)
	}
}

func (c *call) printInterests(i *interests) {
	if i == nil {
		return
	}
	rows := [][]string{}
	for _, t := range i.Topics {
		rows = append(rows, []string{t.Topic, fmt.Sprintf("%.3f", t.Affinity)})
	}
	fmt.Fprintln(c.out)
	c.table([]string{"TOPIC", ">AFFINITY"}, rows)
	rows = rows[:0]
	for _, p := range i.Pages {
		rows = append(rows, []string{p.Path, fmt.Sprintf("%.0f", p.Seconds), fmt.Sprint(p.Visits), fmt.Sprint(p.Returns)})
	}
	if len(rows) > 0 {
		fmt.Fprintln(c.out)
		c.table([]string{"PAGE", ">SECONDS", ">VISITS", ">RETURNS"}, rows)
	}
	if i.OpenRate != nil || i.Shares > 0 {
		rate := "–"
		if i.OpenRate != nil {
			rate = fmt.Sprintf("%.0f%% (%d/%d)", 100**i.OpenRate, i.Opened, i.Mails)
		}
		fmt.Fprintf(c.out, text{"\nmails opened %s   shares %d\n", "\ncorreos abiertos %s   veces compartido %d\n"}.in(c.lang), rate, i.Shares)
	}
}
