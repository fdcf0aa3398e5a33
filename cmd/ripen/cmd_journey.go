package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"ripen/tracker"
	"ripen/tracker/journey"
)

func journeyCommands() []*command {
	return []*command{{
		name: "journey new", use: []string{"template", "list", "out", "force"},
		summary: text{"begin a journey from a template: educate, renew", "empezar un recorrido desde una plantilla: educate, renew"},
		help: `
A journey says what happens to a lead that shows interest, or owns something that
wears out: what it is sent, when, and when it goes to sales. The templates are
whole journeys with comments, in English or Spanish.

  ripen journey new --template educate --out educate.yaml
  ripen journey new --template renew --lang es --out renovar.yaml
  ripen journey check educate.yaml
  ripen journey explain educate.yaml
  ripen journey publish educate.yaml --tenant acme --data ./data`,
		run: runJourneyNew,
	}, {
		name: "journey check", args: "FILE", min: 1, max: 1, use: tenantSettings,
		summary: text{"is the journey right? names line, step and fix of what is not, and what it waits for", "¿está bien el recorrido? nombra línea, paso y arreglo, y qué le falta"},
		help: `
With --data or --server it also asks the tenant whether it has what the journey
needs: its mails, contents about topics where it chooses by interest, segments and
webhooks.

  ripen journey check educate.yaml
  ripen journey check educate.yaml --data ./data`,
		run: runJourneyCheck,
	}, {
		name: "journey explain", args: "FILE", min: 1, max: 1,
		summary: text{"the journey in plain words, English or Spanish", "el recorrido en palabras llanas, español o inglés"},
		help:    "  ripen journey explain educate.yaml --lang es",
		run:     runJourneyExplain,
	}, {
		name: "journey draw", args: "FILE", min: 1, max: 1, use: []string{"out"},
		summary: text{"the journey as a drawing (SVG)", "el recorrido en un dibujo (SVG)"},
		help:    "  ripen journey draw educate.yaml -o educate.svg",
		run:     runJourneyDraw,
	}, {
		name: "journey simulate", args: "FILE", min: 1, max: 1, use: append([]string{"since"}, tenantSettings...), folds: true,
		summary: text{"walk what happened so far through a journey and count what would have been sent; sends nothing", "pasar lo ocurrido por un recorrido y contar lo que se habría enviado; no envía nada"},
		help: `
The file becomes the draft. Leads walk it in their own time, with what happened to
them since --since (default: 90 days); attributes are today's.

  ripen journey simulate educate.yaml --since 2026-01-01 --data ./data`,
		run: runJourneySimulate,
	}, {
		name: "journey publish", args: "FILE", min: 1, max: 1, use: append([]string{"migrate"}, tenantSettings...),
		summary: text{"put a journey in force: from now on leads enter it", "poner un recorrido en vigor: desde ahora entran leads"},
		help: `
The server numbers the versions. Leads under way walk on in the version they
entered, unless --migrate moves them: from their next step on, where the new
version has a step of the same id. Nobody enters for what happened before.

  ripen journey publish educate.yaml --tenant acme --data ./data`,
		run: publishText(tracker.Journeys),
	}, {
		name: "journey rollback", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"put the version before the current one in force again", "volver a poner en vigor la versión anterior"},
		help:    "  ripen journey rollback educate --data ./data",
		run:     rollbackText(tracker.Journeys),
	}, {
		name: "journey list", use: tenantSettings,
		summary: text{"the journeys of a tenant and their versions", "los recorridos de un inquilino y sus versiones"},
		help:    "  ripen journey list --data ./data",
		run:     listTexts(tracker.Journeys),
	}, {
		name: "journey show", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"the text of the version in force", "el texto de la versión en vigor"},
		help:    "  ripen journey show educate --data ./data",
		run:     showText(tracker.Journeys),
	}, {
		name: "journey stats", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"what became of the leads of each version, the hold-out beside", "qué fue de los leads de cada versión, y del grupo de control"},
		help:    "  ripen journey stats educate --data ./data",
		run:     runJourneyStats,
	}, journeyEffectCommand(), {
		name: "journey lead", args: "ID", min: 1, max: 1, use: append([]string{"limit"}, tenantSettings...), folds: true,
		summary: text{"where a lead stands in journeys, and what they did with it", "dónde está un lead en los recorridos, y qué hicieron con él"},
		help:    "  ripen journey lead ana@acme.example --data ./data",
		run:     runJourneyLead,
	}}
}

func (c *call) readJourney(file string) (*journey.Journey, []byte, error) {
	return readChecked(c, file, journey.Parse)
}

func runJourneyNew(_ context.Context, c *call) error {
	return c.newText(tracker.Journeys, journey.Templates, journey.Template)
}

func runJourneyCheck(ctx context.Context, c *call) error {
	j, src, err := c.readJourney(c.args[0])
	if err != nil {
		return err
	}
	if c.get("data") != "" || c.get("server") != "" {
		var missing []string
		err := c.withServer(ctx, func(cl *client) (err error) {
			if err := cl.do(ctx, "POST", "/v1/journeys/"+url.PathEscape(j.Name)+"/check", nil, src, nil); err != nil {
				return err
			}
			missing, err = lacking(ctx, cl, j)
			return err
		})
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("%s: %s", c.args[0], strings.Join(missing, "\n"+c.args[0]+": "))
		}
		_, err = fmt.Fprintf(c.out, text{"%s: %s is fine: %d steps, and all that it names is there\n", "%s: %s está bien: %d pasos, y está todo lo que nombra\n"}.in(c.lang), c.args[0], j.Name, len(j.Steps))
		return err
	}
	fmt.Fprintf(c.out, "%s: %s is fine: %d steps\n", c.args[0], j.Name, len(j.Steps))
	for _, note := range j.Notes() {
		fmt.Fprintln(c.out, note)
	}
	return nil
}

// lacking says which segments and webhooks a journey names that the tenant does not
// have, with the fix.
func lacking(ctx context.Context, cl *client, j *journey.Journey) (missing []string, err error) {
	var have struct {
		Segments []textRow
		Webhooks []struct{ Name string }
	}
	for _, path := range []string{"/v1/segments", "/v1/webhooks"} {
		if err := cl.do(ctx, "GET", path, nil, nil, &have); err != nil {
			return nil, err
		}
	}
	for _, name := range j.Segments() {
		if !slices.ContainsFunc(have.Segments, func(s textRow) bool { return s.Name == name && s.Version > 0 }) {
			missing = append(missing, fmt.Sprintf("there is no segment %s in force: ripen segment publish FILE", name))
		}
	}
	for _, name := range j.Destinations() {
		if !slices.ContainsFunc(have.Webhooks, func(w struct{ Name string }) bool { return w.Name == name }) {
			missing = append(missing, fmt.Sprintf("there is no webhook %s: ripen webhook create %[1]s URL", name))
		}
	}
	return missing, nil
}

func runJourneyExplain(_ context.Context, c *call) error {
	j, _, err := c.readJourney(c.args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(c.out, j.Explain(c.lang))
	return err
}

func runJourneyDraw(_ context.Context, c *call) error {
	j, _, err := c.readJourney(c.args[0])
	if err != nil {
		return err
	}
	svg := j.Draw(c.lang)
	if c.get("out") == "" {
		_, err := c.out.Write(svg)
		return err
	}
	if err := os.WriteFile(c.get("out"), svg, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "wrote %s, %s\n", c.get("out"), bytesText(int64(len(svg))))
	return err
}

func runJourneySimulate(ctx context.Context, c *call) error {
	j, src, err := c.readJourney(c.args[0])
	if err != nil {
		return err
	}
	return c.withServer(ctx, func(cl *client) error {
		path := "/v1/journeys/" + url.PathEscape(j.Name)
		if err := cl.do(ctx, "PUT", path, nil, src, nil); err != nil {
			return err
		}
		q := url.Values{}
		if t := c.time("since"); !t.IsZero() {
			q.Set("since", t.Format(time.RFC3339))
		}
		var s tracker.JourneySimulation
		if err := cl.do(ctx, "POST", path+"/simulate", q, nil, &s); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(s)
		}
		fmt.Fprintf(c.out, "%s, %s – %s\n", s.Journey, clockText(s.Since), clockText(s.Until))
		fmt.Fprintf(c.out, "%d leads looked at\n", s.Leads)
		c.printWalked(&s.Tally)
		for _, name := range slices.Sorted(maps.Keys(s.Offers)) {
			fmt.Fprintf(c.out, "  %-32s %6d\n", "offer "+name, s.Offers[name])
		}
		for _, name := range slices.Sorted(maps.Keys(s.Messages)) {
			fmt.Fprintf(c.out, "  %-32s %6d\n", "template "+name, s.Messages[name])
		}
		for _, n := range s.Notes {
			fmt.Fprintln(c.out, n)
		}
		return nil
	})
}

func runJourneyStats(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var s struct {
			Stats map[string]*tracker.JourneyTally `json:"stats"`
		}
		if err := cl.do(ctx, "GET", "/v1/journeys/"+url.PathEscape(c.args[0])+"/stats", nil, nil, &s); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(s.Stats)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Stats)) {
			fmt.Fprintln(c.out, name)
			c.printWalked(s.Stats[name])
		}
		return nil
	})
}

// printWalked prints what is counted, and what the journey adds to what would have
// happened anyway.
func (c *call) printWalked(t *tracker.JourneyTally) {
	line := func(what string, n int) { fmt.Fprintf(c.out, "  %-32s %6d\n", what, n) }
	line("entered", t.Entered)
	line("under way", t.Active)
	line("reached the goal", t.Goal)
	if t.HoldOut > 0 {
		line("of the hold-out", t.HoldOut)
		line("reached the goal of these", t.HoldGoal)
	}
	for _, why := range slices.Sorted(maps.Keys(t.Ended)) {
		line("ended: "+why, t.Ended[why])
	}
	for _, step := range slices.Sorted(maps.Keys(t.Steps)) {
		line("step "+step, t.Steps[step])
	}
}

func runJourneyLead(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var s struct {
			Lead     string                 `json:"lead"`
			Journeys []tracker.JourneyPlace `json:"journeys"`
			Steps    []tracker.JourneyStep  `json:"steps"`
		}
		q := url.Values{"limit": {c.get("limit")}}
		if err := cl.do(ctx, "GET", "/v1/leads/"+url.PathEscape(c.args[0])+"/journeys", q, nil, &s); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(s)
		}
		var rows [][]string
		for _, p := range s.Journeys {
			rows = append(rows, []string{p.Journey, clockText(p.Entered), p.Step, clockText(p.Due), fmt.Sprint(p.Sent), strings.TrimSpace(clockText(p.Ended) + " " + p.Why)})
		}
		printTable(c.out, []string{"JOURNEY", "ENTERED", "STEP", "DUE", ">SENT", "ENDED"}, rows)
		fmt.Fprintln(c.out)
		rows = nil
		for _, p := range s.Steps {
			rows = append(rows, []string{clockText(p.At), p.Journey + p.Segment, p.Step, p.What, plain(p.Detail), p.Intent})
		}
		printTable(c.out, []string{"AT", "JOURNEY", "STEP", "WHAT", "", "INTENT"}, rows)
		return nil
	})
}
