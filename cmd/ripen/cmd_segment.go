package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	"ripen/tracker"
	"ripen/tracker/journey"
)

func segmentCommands() []*command {
	return []*command{{
		name: "segment check", args: "FILE", min: 1, max: 1,
		summary: text{"is the segment right? names line and fix of what is not", "¿está bien el segmento? nombra línea y arreglo"},
		help: `
A segment is the leads for whom an expression holds, now and from now on: entering
it may begin a journey. It asks scores, attributes and what somebody did:

  segment: regulars
  when: "count(purchase, 1y) >= 3 && country == 'ES'"

  ripen segment check regulars.yaml`,
		run: runSegmentCheck,
	}, {
		name: "segment publish", args: "FILE…", min: 1, max: -1, use: tenantSettings,
		summary: text{"put a segment in force: who belongs is asked of every known lead", "poner un segmento en vigor: se pregunta a cada lead conocido si pertenece"},
		help:    "  ripen segment publish regulars.yaml --tenant acme --data ./data",
		run:     publishText(tracker.Segments),
	}, {
		name: "segment rollback", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"put the version before the current one in force again", "volver a poner en vigor la versión anterior"},
		help:    "  ripen segment rollback regulars --data ./data",
		run:     rollbackText(tracker.Segments),
	}, {
		name: "segment list", use: tenantSettings,
		summary: text{"the segments of a tenant and their versions", "los segmentos de un inquilino y sus versiones"},
		help:    "  ripen segment list --data ./data",
		run:     listTexts(tracker.Segments),
	}, {
		name: "segment show", args: "NAME", min: 1, max: 1, use: tenantSettings,
		summary: text{"the text of the version in force", "el texto de la versión en vigor"},
		help:    "  ripen segment show regulars --data ./data",
		run:     showText(tracker.Segments),
	}, {
		name: "segment members", args: "NAME", min: 1, max: 1, use: append([]string{"limit"}, tenantSettings...),
		summary: text{"who belongs to a segment now", "quién pertenece ahora a un segmento"},
		help:    "  ripen segment members regulars --limit 100 --data ./data",
		run:     runSegmentMembers,
	}}
}

func (c *call) readSegment(file string) (*journey.Segment, []byte, error) {
	return readChecked(c, file, inLanguage(c, journey.ParseSegmentIn))
}

// inLanguage reads a text and says in the language of the call what is wrong with it.
func inLanguage[T any](c *call, parse func(lang, file string, src []byte) (T, error)) func(string, []byte) (T, error) {
	return func(file string, src []byte) (T, error) { return parse(c.lang, file, src) }
}

func runSegmentCheck(_ context.Context, c *call) error {
	s, _, err := c.readSegment(c.args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, text{"%s: %s is fine: %s\n", "%s: %s está bien: %s\n"}.in(c.lang), c.args[0], s.Name, s.When.Say(c.lang == "es"))
	return err
}

func runSegmentMembers(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var page struct {
			Leads []string `json:"leads"`
			Next  string   `json:"next,omitempty"`
		}
		q := url.Values{"limit": {c.get("limit")}}
		if err := cl.do(ctx, "GET", "/v1/segments/"+url.PathEscape(c.args[0])+"/members", q, nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page)
		}
		for _, id := range page.Leads {
			fmt.Fprintln(c.out, id)
		}
		return nil
	})
}

// textRow is a journey or segment as the API shows one.
type textRow struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Draft     bool   `json:"draft"`
	Published string `json:"published"`
	Versions  []int  `json:"versions"`
	YAML      string `json:"yaml,omitempty"`
}

func pathOf(kind tracker.TextKind, name string) string {
	return "/v1/" + kind.Plural() + "/" + url.PathEscape(name)
}

// newText begins a text from a template, in a file or on standard output.
func (c *call) newText(kind tracker.TextKind, templates []string, template func(name, lang string) ([]byte, error)) error {
	if c.bool("list") {
		_, err := fmt.Fprintln(c.out, strings.Join(templates, "\n"))
		return err
	}
	if c.get("template") == "" {
		return &usageError{c.cmd.name + " needs --template NAME", "ripen " + c.cmd.name + " --list"}
	}
	b, err := template(c.get("template"), c.lang)
	if err != nil {
		return &usageError{err.Error(), "ripen " + c.cmd.name + " --list"}
	}
	file := c.get("out")
	if file == "" {
		_, err := c.out.Write(b)
		return err
	}
	if err := c.mayWrite(file); err != nil {
		return err
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, text{"wrote %s; next: ripen %s check %[1]s\n", "escrito: %s; ahora: ripen %s check %[1]s\n"}.in(c.lang), file, kind)
	return err
}

func publishText(kind tracker.TextKind) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		type source struct {
			name string
			src  []byte
		}
		all := make([]source, len(c.args))
		for i, file := range c.args { // all are right before the first goes live
			var err error
			if all[i].name, all[i].src, err = c.readText(kind, file); err != nil {
				return err
			}
		}
		return c.withServer(ctx, func(cl *client) error {
			for _, x := range all {
				if err := cl.do(ctx, "PUT", pathOf(kind, x.name), nil, x.src, nil); err != nil {
					return err
				}
				var body any
				var q url.Values
				if kind == tracker.Journeys {
					body, q = map[string]bool{"migrate": c.bool("migrate")}, url.Values{"lang": {c.lang}}
				}
				if err := c.inForce(ctx, cl, pathOf(kind, x.name)+"/publish", q, body); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// readText reads a text that is right, and what it calls itself.
func (c *call) readText(kind tracker.TextKind, file string) (name string, src []byte, err error) {
	switch kind {
	case tracker.Segments:
		s, b, err := c.readSegment(file)
		if err != nil {
			return "", nil, err
		}
		return s.Name, b, nil
	case tracker.Onsite:
		m, b, err := c.readOnsite(file)
		if err != nil {
			return "", nil, err
		}
		return m.Name, b, nil
	}
	j, b, err := c.readJourney(file)
	if err != nil {
		return "", nil, err
	}
	return j.Name, b, nil
}

// inForce asks for a version to be put in force and says which it is.
func (c *call) inForce(ctx context.Context, cl *client, path string, q url.Values, body any) error {
	var r textRow
	if err := cl.do(ctx, "POST", path, q, body, &r); err != nil {
		return err
	}
	if c.bool("json") {
		return c.printJSON(r)
	}
	_, err := fmt.Fprintf(c.out, text{"%s@%d is in force\n", "%s@%d está en vigor\n"}.in(c.lang), plain(r.Name), r.Version)
	return err
}

func rollbackText(kind tracker.TextKind) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		return c.withServer(ctx, func(cl *client) error {
			return c.inForce(ctx, cl, pathOf(kind, c.args[0])+"/rollback", nil, nil)
		})
	}
}

func showText(kind tracker.TextKind) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		return c.withServer(ctx, func(cl *client) error {
			var r textRow
			if err := cl.do(ctx, "GET", pathOf(kind, c.args[0]), nil, nil, &r); err != nil {
				return err
			}
			if c.bool("json") {
				return c.printJSON(r)
			}
			_, err := fmt.Fprint(c.out, r.YAML)
			return err
		})
	}
}

func listTexts(kind tracker.TextKind) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		return c.withServer(ctx, func(cl *client) error {
			var list map[string]json.RawMessage
			if err := cl.do(ctx, "GET", "/v1/"+kind.Plural(), nil, nil, &list); err != nil {
				return err
			}
			raw := list[kind.Plural()]
			if c.bool("json") {
				return c.printJSON(raw)
			}
			var all []textRow
			if err := json.Unmarshal(raw, &all); err != nil {
				return fmt.Errorf("decode %s: %w", kind.Plural(), err)
			}
			rows := make([][]string, 0, len(all))
			for _, r := range all {
				rows = append(rows, []string{r.Name, fmt.Sprint(r.Version), clockText(r.Published)})
			}
			c.table([]string{"NAME", ">VERSION", "IN FORCE SINCE"}, rows)
			return nil
		})
	}
}
