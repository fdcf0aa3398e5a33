package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

func scorecardCommands() []*command {
	return []*command{
		newCardCommand(),
		{
			name: "scorecard check", args: "FILE", min: 1, max: 1, use: []string{"json"},
			summary: text{"is the card right? names line, rule and fix of what is not", "¿está bien la tarjeta? nombra línea, regla y arreglo"},
			help:    "  ripen scorecard check card.yaml",
			run:     runCardCheck,
		},
		{
			name: "scorecard explain", args: "FILE", min: 1, max: 1,
			summary: text{"the card in plain words, English or Spanish", "la tarjeta en palabras llanas, español o inglés"},
			help:    "  ripen scorecard explain card.yaml --lang es",
			run:     runCardExplain,
		},
		{
			name:    "scorecard language",
			summary: text{"the reference of the language, in Markdown", "la referencia del lenguaje, en Markdown (en inglés)"},
			help:    "  ripen scorecard language",
			run:     runCardLanguage,
		},
		{
			name: "scorecard eval", args: "FILE", min: 1, max: 1, use: []string{"cases", "json"},
			summary: text{"walk cases through the compiled card and compare what is expected", "pasar casos por la tarjeta compilada y comparar con lo esperado"},
			help: `
A case gives events at fractional days and says what the score, band, grade or
a dimension must be at some day, and because of what. One line an expectation; exit
code 1 if any differs by more than the digits printed.

  ripen scorecard eval card.yaml --cases cases.json`,
			run: runCardEval,
		},
		{
			name: "scorecard build", args: "FILE", min: 1, max: 1, use: []string{"out"},
			summary: text{"compile the card to WebAssembly", "compilar la tarjeta a WebAssembly"},
			help:    "  ripen scorecard build card.yaml -o card.wasm",
			run:     runCardBuild,
		},
		simulateCommand(),
		shadowCommand(),
		{
			name: "scorecard publish", args: "FILE|NAME", min: 1, max: 1, use: append([]string{"ranking"}, tenantSettings...),
			summary: text{"put a card in force: every lead is scored again", "poner una tarjeta en vigor: cada lead se puntúa de nuevo"},
			help: `
The server numbers the versions. The first card of a tenant is its ranking card,
whose order the lists show. A name means the draft that is there, as 'ripen train' leaves
one.

  ripen scorecard publish card.yaml --tenant acme --data ./data
  ripen scorecard publish other.yaml --ranking --tenant acme --data ./data`,
			run: runCardPublish,
		},
		{
			name: "scorecard rollback", args: "NAME", min: 1, max: 1, use: tenantSettings,
			summary: text{"put the version before the current one in force again", "volver a poner en vigor la versión anterior"},
			help:    "  ripen scorecard rollback saas --tenant acme --data ./data",
			run:     runCardRollback,
		},
		{
			name: "scorecard list", use: tenantSettings,
			summary: text{"the cards of a tenant and their versions", "las tarjetas de un inquilino y sus versiones"},
			help:    "  ripen scorecard list --tenant acme --data ./data",
			run:     runCardList,
		},
	}
}

func (c *call) readCard(file string) (*scorecard.Card, []byte, error) {
	return readChecked(c, file, scorecard.Parse)
}

// readChecked parses what is in a file: a card, a topic map, a journey, a segment.
// What is wrong with it is printed, one line each, and ends the command. A module is
// no text, and one that is damaged is not YAML either.
func readChecked[T any](c *call, file string, parse func(file string, src []byte) (T, error)) (t T, src []byte, err error) {
	if src, err = os.ReadFile(file); err != nil {
		return t, nil, err
	}
	if isModule(file, src) {
		return t, nil, &usageError{fmt.Sprintf(text{"%s is a module, not text", "%s es un módulo, no un texto"}.in(c.lang), plain(file)), "ripen help module"}
	}
	t, err = parse(file, src)
	list, ok := errors.AsType[scorecard.Errors](err)
	if !ok {
		return t, src, err
	}
	for _, e := range list {
		fmt.Fprintln(c.err, e.In(c.lang))
	}
	return t, nil, errReported
}

// compile makes a card's module; what it says of a card that is too big is in the
// reader's language.
func (c *call) compile(card *scorecard.Card) ([]byte, error) {
	module, err := compile.Module(card)
	if err != nil {
		return nil, errors.New(scorecard.Words(c.lang, err.Error()))
	}
	return module, nil
}

// rulesOf counts the rules that a card's groups hold.
func rulesOf(card *scorecard.Card) (n int) {
	for _, d := range card.Dims {
		for _, g := range d.Groups {
			n += len(g.Rules)
		}
	}
	return n
}

func runCardCheck(_ context.Context, c *call) error {
	if c.bool("json") {
		return c.checkJSON()
	}
	card, _, err := c.readCard(c.args[0])
	if err != nil {
		return err
	}
	if _, err := c.compile(card); err != nil {
		return err
	}
	fmt.Fprintf(c.out, text{"%s: %s is fine: %s in %s\n", "%s: %s está bien: %s en %s\n"}.in(c.lang), c.args[0], card.Name,
		numbered(rulesOf(card), text{"rule", "regla"}.in(c.lang), text{"rules", "reglas"}.in(c.lang)),
		numbered(len(card.Dims), text{"dimension", "dimensión"}.in(c.lang), text{"dimensions", "dimensiones"}.in(c.lang)))
	for _, note := range cardNotes(card, c.lang) {
		fmt.Fprintln(c.out, note)
	}
	return nil
}

// cardNotes says what a card that is fine waits for.
func cardNotes(card *scorecard.Card, lang string) []string {
	notes := []string{}
	note := func(t text, args ...any) { notes = append(notes, fmt.Sprintf(t.in(lang), args...)) }
	for _, name := range card.Lists() {
		if !card.HasList(name) {
			note(text{"list %s is not in the card: it is empty", "la lista %s no está en la tarjeta: está vacía"}, name)
		}
	}
	for _, f := range card.Feeds() {
		what, name := text{"model", "el modelo"}, f.Model
		if name == "" {
			what, name = text{"module", "el módulo"}, f.Module
		}
		note(text{"dimension %s needs the %s %s: publish it before the card", "la dimensión %s necesita %s %s: publícalo antes que la tarjeta"},
			card.Dims[f.Dim].Name, what.in(lang), name)
	}
	for _, b := range card.Bands {
		for _, a := range b.Actions {
			if a.Do == "audience" {
				note(text{"band %s: the audience %s is filled by nobody: %s", "banda %s: nadie llena la audiencia %s: %s"},
					b.Name, a.To, scorecard.Words(lang, scorecard.NoAudiences))
			}
		}
	}
	return notes
}

// checkJSON prints what is wrong as a list; an empty one means nothing is.
func (c *call) checkJSON() error {
	src, err := os.ReadFile(c.args[0])
	if err != nil {
		return err
	}
	card, err := scorecard.Parse(c.args[0], src)
	list, ok := errors.AsType[scorecard.Errors](err)
	if err != nil && !ok {
		return err
	}
	notes := []string{}
	if err == nil {
		notes = cardNotes(card, "en")
	}
	type fault struct {
		File string `json:"file"`
		Line int    `json:"line"`
		Col  int    `json:"col"`
		Rule string `json:"rule,omitempty"`
		What string `json:"what"`
		Fix  string `json:"fix,omitempty"`
	}
	faults := make([]fault, 0, len(list))
	for _, e := range list {
		faults = append(faults, fault{e.File, e.Line, e.Col, e.Rule, e.What, e.Fix})
	}
	if err := c.printJSON(map[string]any{"ok": len(faults) == 0, "errors": faults, "notes": notes}); err != nil {
		return err
	}
	if len(faults) > 0 {
		return errReported
	}
	return nil
}

func runCardLanguage(_ context.Context, c *call) error {
	_, err := fmt.Fprint(c.out, scorecard.Language)
	return err
}

func runCardExplain(_ context.Context, c *call) error {
	card, _, err := c.readCard(c.args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(c.out, card.Explain(c.lang))
	return err
}

func runCardBuild(_ context.Context, c *call) error {
	card, _, err := c.readCard(c.args[0])
	if err != nil {
		return err
	}
	module, err := c.compile(card)
	if err != nil {
		return err
	}
	if c.get("out") == "" {
		if isTerminal(c.out) {
			return &usageError{"a module is binary: name a file with -o X.wasm", "ripen help scorecard build"}
		}
		_, err := c.out.Write(module)
		return err
	}
	if err := os.WriteFile(c.get("out"), module, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "wrote %s, %s\n", c.get("out"), bytesText(int64(len(module))))
	return err
}

// cardRow is one card of a tenant as the API shows it.
type cardRow struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Ranking   bool   `json:"ranking"`
	Draft     bool   `json:"draft"`
	DraftID   string `json:"draft_id,omitempty"`
	Shadow    string `json:"shadow,omitempty"`
	Published string `json:"published"`
	Since     string `json:"since"`

	Quarantined []struct {
		Version int    `json:"version"`
		Why     string `json:"why"`
	} `json:"quarantined"`
}

func runCardPublish(ctx context.Context, c *call) error {
	if _, err := os.Stat(c.args[0]); err != nil && !strings.ContainsAny(c.args[0], `./\`) {
		return c.publish(ctx, "/v1/scorecards/", c.args[0], nil)
	}
	below, name, src, err := c.readSource(c.args[0])
	if err != nil {
		return err
	}
	return c.publish(ctx, below, name, src)
}

// publish makes a source the draft of its card, unless it is nil, puts that draft in
// force, and no other that somebody put in its place meanwhile, and says so.
// Below is where the API keeps its kind.
func (c *call) publish(ctx context.Context, below, name string, src []byte) error {
	return c.withServer(ctx, func(cl *client) error {
		path := below + url.PathEscape(name)
		var draft, r cardRow
		if src != nil {
			if err := cl.do(ctx, "PUT", path, nil, src, &draft); err != nil {
				return err
			}
		}
		ask := map[string]any{"ranking": c.bool("ranking"), "draft_id": draft.DraftID}
		if err := cl.do(ctx, "POST", path+"/publish", nil, ask, &r); err != nil {
			return err
		}
		return c.printCard(cl, name, r)
	})
}

func runCardRollback(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var r cardRow
		if err := cl.do(ctx, "POST", "/v1/scorecards/"+url.PathEscape(c.args[0])+"/rollback", nil, nil, &r); err != nil {
			return err
		}
		return c.printCard(cl, c.args[0], r)
	})
}

func (c *call) printCard(_ *client, name string, r cardRow) error {
	if c.bool("json") {
		return c.printJSON(r)
	}
	_, err := fmt.Fprintf(c.out, "%s@%d is in force\n", plain(name), r.Version)
	return err
}

func runCardList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var list struct {
			Cards json.RawMessage `json:"scorecards"`
		}
		if err := cl.do(ctx, "GET", "/v1/scorecards", nil, nil, &list); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(list.Cards)
		}
		var cards []cardRow
		if err := json.Unmarshal(list.Cards, &cards); err != nil {
			return fmt.Errorf("decode scorecards: %w", err)
		}
		rows := make([][]string, 0, len(cards))
		for _, r := range cards {
			var marks []string
			if r.Ranking {
				marks = append(marks, "ranking")
			}
			if r.Shadow != "" {
				marks = append(marks, "shadow "+r.Shadow)
			}
			for _, q := range r.Quarantined {
				marks = append(marks, fmt.Sprintf("version %d is in quarantine: %s", q.Version, q.Why))
			}
			rows = append(rows, []string{r.Name, fmt.Sprint(r.Version), clockText(r.Since), strings.Join(marks, "; ")})
		}
		c.table([]string{"SCORECARD", ">VERSION", "IN FORCE SINCE", ""}, rows)
		return nil
	})
}
