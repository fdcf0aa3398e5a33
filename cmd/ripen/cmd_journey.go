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
		name: "journey check", args: "FILE", min: 1, max: 1, use: tenantSettings, folds: true,
		summary: text{"is the journey right? names line, step and fix of what is not, and what it waits for", "¿está bien el recorrido? nombra línea, paso y arreglo, y qué le falta"},
		help: `
With --data or --server it also asks the tenant whether it has what the journey
needs, as publish does: events and a scorecard that scores them, the bands that it
names, its mails and how they leave, contents about topics where it chooses by
interest, segments, webhooks, on-site messages, offers. And it says who is under
way, at which step, and what publishing this text would do to them.

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
		name: "journey publish", args: "FILE", min: 1, max: 1, use: append([]string{"migrate"}, tenantSettings...), folds: true,
		summary: text{"put a journey in force: from now on leads enter it", "poner un recorrido en vigor: desde ahora entran leads"},
		help: `
What is half-defined is refused, with what is missing and the fix: see check. The
server numbers the versions. Leads under way walk on in the version they
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
		summary: text{"what became of the leads of each version, the hold-out beside, and how they answered each step", "qué fue de los leads de cada versión y del grupo de control, y cómo respondieron a cada paso"},
		help: `
Under each step that sends: how many of what it sent were opened, clicked, answered,
replied to, taken by sales and so on, each counted once; machines are left out.

  ripen journey stats educate --data ./data`,
		run: runJourneyStats,
	}, journeyEffectCommand(), {
		name: "journey lead", args: "ID", min: 1, max: 1, use: append([]string{"limit"}, tenantSettings...), folds: true,
		summary: text{"where a lead stands in journeys, and what they did with it", "dónde está un lead en los recorridos, y qué hicieron con él"},
		help:    "  ripen journey lead ana@acme.example --data ./data",
		run:     runJourneyLead,
	}}
}

func (c *call) readJourney(file string) (*journey.Journey, []byte, error) {
	return readChecked(c, file, inLanguage(c, journey.ParseIn))
}

func runJourneyNew(_ context.Context, c *call) error {
	return c.newText(tracker.Journeys, journey.Templates, journey.Template)
}

func runJourneyCheck(ctx context.Context, c *call) error {
	j, src, err := c.readJourney(c.args[0])
	if err != nil {
		return err
	}
	if c.get("data") == "" && c.get("server") == "" {
		fmt.Fprintf(c.out, text{"%s: %s is fine: %s\n", "%s: %s está bien: %s\n"}.in(c.lang), c.args[0], j.Name, c.steps(j))
		c.printUnreached(j)
		for _, note := range j.Notes(c.lang) {
			fmt.Fprintln(c.out, note)
		}
		return nil
	}
	return c.withServer(ctx, func(cl *client) error {
		var answer struct {
			UnderWay []tracker.JourneyUnderWay `json:"under_way"`
		}
		if err := cl.do(ctx, "POST", "/v1/journeys/"+url.PathEscape(j.Name)+"/check", url.Values{"lang": {c.lang}}, src, &answer); err != nil {
			return fmt.Errorf("%s: %w", c.args[0], err)
		}
		if c.bool("json") {
			return c.printJSON(answer)
		}
		fmt.Fprintf(c.out, text{"%s: %s is fine: %s, and all that it names is there\n", "%s: %s está bien: %s, y está todo lo que nombra\n"}.in(c.lang), c.args[0], j.Name, c.steps(j))
		c.printUnreached(j)
		c.printUnderWay(answer.UnderWay)
		return nil
	})
}

func (c *call) printUnreached(j *journey.Journey) {
	for _, id := range j.Unreached() {
		fmt.Fprintf(c.out, text{"nobody gets to the step %s: no way leads there\n", "nadie llega al paso %s: ningún camino lleva allí\n"}.in(c.lang), plain(id))
	}
}

func (c *call) steps(j *journey.Journey) string {
	return numbered(len(j.Steps), text{"step", "paso"}.in(c.lang), text{"steps", "pasos"}.in(c.lang))
}

// migrates says what --migrate does to those who wait in a step.
var migrates = map[string]text{
	tracker.WalkSame:    {"walk this text already", "ya recorren este texto"},
	tracker.WalkMoves:   {"go on here in the new version", "siguen aquí en la versión nueva"},
	tracker.WalkChanges: {"go on here as the new text says it; when they are due stays", "siguen aquí según el texto nuevo; su plazo no cambia"},
	tracker.WalkStays:   {"stay in their version: the new one has no such step", "se quedan en su versión: la nueva no tiene ese paso"},
}

// printUnderWay says what an edit does to those who are under way.
func (c *call) printUnderWay(list []tracker.JourneyUnderWay) {
	all := 0
	rows := make([][]string, 0, len(list))
	for _, u := range list {
		all += u.Leads
		rows = append(rows, []string{u.Journey, u.Step, fmt.Sprint(u.Leads), migrates[u.Migrate].in(c.lang)})
	}
	if all == 0 {
		fmt.Fprintln(c.out, text{"nobody is under way", "nadie está en camino"}.in(c.lang))
		return
	}
	fmt.Fprintf(c.out, text{"under way: %d; published, they walk on in the version they entered, unless --migrate moves them:\n", "en camino: %d; al publicar siguen en la versión en que entraron, salvo que --migrate los mueva:\n"}.in(c.lang), all)
	c.table([]string{"JOURNEY", "STEP", ">LEADS", "WITH --MIGRATE THEY"}, rows)
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
	_, err = fmt.Fprintf(c.out, text{"wrote %s, %s\n", "escrito: %s, %s\n"}.in(c.lang), c.get("out"), bytesText(int64(len(svg))))
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
		q := url.Values{"lang": {c.lang}}
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
		fmt.Fprintf(c.out, text{"%d leads looked at\n", "%d leads examinados\n"}.in(c.lang), s.Leads)
		c.printWalked(&s.Tally)
		for _, name := range slices.Sorted(maps.Keys(s.Offers)) {
			fmt.Fprintf(c.out, "  %-32s %6d\n", text{"offer ", "oferta "}.in(c.lang)+name, s.Offers[name])
		}
		for _, name := range slices.Sorted(maps.Keys(s.Messages)) {
			fmt.Fprintf(c.out, "  %-32s %6d\n", text{"template ", "plantilla "}.in(c.lang)+name, s.Messages[name])
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
	say := func(en, es string) string { return text{en, es}.in(c.lang) }
	line(say("entered", "entraron"), t.Entered)
	line(say("under way", "en camino"), t.Active)
	line(say("reached the goal", "llegaron a la meta"), t.Goal)
	if t.HoldOut > 0 {
		line(say("of the hold-out", "del grupo de control"), t.HoldOut)
		line(say("reached the goal of these", "de ellos llegaron a la meta"), t.HoldGoal)
	}
	for _, why := range slices.Sorted(maps.Keys(t.Ended)) {
		line(say("ended: ", "acabaron: ")+c.why(why), t.Ended[why])
	}
	for _, step := range slices.Sorted(maps.Keys(t.Steps)) {
		line(say("step ", "paso ")+step, t.Steps[step])
		id, _, _ := strings.Cut(step, " ")
		for _, what := range slices.Sorted(maps.Keys(t.Answers[id])) {
			line("  "+answered[what].in(c.lang), t.Answers[id][what])
		}
	}
}

// ended are the words for why a journey ended of which the journey says nothing itself.
var ended = map[string]text{
	"done": {"done", "recorrido completo"}, "goal": {"goal", "meta"}, "left": {"left", "salió de la entrada"}, "moved": {"moved", "cambió de banda"},
}

// why says why a journey ended: in our words, or in those of its exit step.
func (c *call) why(code string) string {
	if t, ok := ended[code]; ok {
		return t.in(c.lang)
	}
	return plain(code)
}

// answered are the words for answers to what a step sent.
var answered = map[string]text{
	"opened": {"opened", "abiertos"}, "clicked": {"clicked", "con clic"}, "bounced": {"bounced", "rebotados"}, "complained": {"complained", "con queja"},
	"unsubscribed": {"unsubscribed", "con baja"}, "replied": {"replied", "respondidos"}, "shown": {"shown", "mostrados"}, "closed": {"closed", "cerrados"},
	"answered": {"answered", "contestados"}, "accepted": {"taken by sales", "aceptados por ventas"}, "rejected": {"sent back by sales", "devueltos por ventas"},
	"won": {"won", "ganados"}, "lost": {"lost", "perdidos"},
}

// sentBy are the words for steps that send something.
var sentBy = map[string]text{
	"message": {"message", "mensaje"}, "handoff": {"handoff", "entrega"}, "webhook": {"webhook", "webhook"},
}

// stepWord says what a step did.
func (c *call) stepWord(s *tracker.JourneyStep) string {
	if t, ok := sentBy[s.What]; ok && s.Intent != "" {
		return t.in(c.lang)
	}
	return momentWord("journey", s.What, c.lang)
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
			rows = append(rows, []string{p.Journey, clockText(p.Entered), p.Step, clockText(p.Due), fmt.Sprint(p.Sent), strings.TrimSpace(clockText(p.Ended) + " " + c.why(p.Why))})
		}
		c.table([]string{"JOURNEY", "ENTERED", "STEP", "DUE", ">SENT", "ENDED"}, rows)
		fmt.Fprintln(c.out)
		rows = nil
		for _, p := range s.Steps {
			if p.What == "ended" {
				p.Detail = c.why(p.Detail)
			}
			rows = append(rows, []string{clockText(p.At), p.Journey + p.Segment, p.Step, c.stepWord(&p), plain(clockText(journey.Reason(c.lang, p.Detail))), p.Intent})
		}
		c.table([]string{"AT", "JOURNEY", "STEP", "WHAT", "", "INTENT"}, rows)
		return nil
	})
}
