package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"ripen/tracker/journey"
	"ripen/tracker/train"
)

func typologyCommands() []*command {
	return []*command{{
		name: "typology", args: "[FILE]", min: 0, max: 1, folds: true,
		use:     append(append([]string{"types", "columns", "label", "drop", "seed", "prefix", "dir", "force"}, fileSettings...), tenantSettings...),
		summary: text{"kinds of leads: found, named, described, and written as segments", "tipos de leads: se encuentran, se nombran, se describen y se escriben como segmentos"},
		help: `
It looks for kinds of people by what segments can ask: attributes, and of the log also
how often an event came in 365 days. Each kind is told in a sentence, and has a rule
that decides for everybody. --dir writes the rules as segments: published, every lead
that is known belongs to one of them, and entering one may begin a journey.

Types are sought by k-medoids, from 2 to 8, or --types of them, and taken by their
silhouette. If that is 0.25 or less they are not worth a name and refused; --columns
then says which belong together. The same people, flags and seed make the same types.

  ripen typology leads.csv --label Converted
  ripen typology leads.csv --columns 'Country,Visits,Plan' --types 3 --dir types
  ripen typology --dir types --lang es --data ./data
  ripen segment publish types/tipo_1.yaml --data ./data`,
		run: runTypology,
	}}
}

func runTypology(ctx context.Context, c *call) error {
	columns, err := splitList(c.get("columns"))
	if err != nil {
		return &usageError{fmt.Sprintf("--columns: %v", err), "ripen help typology"}
	}
	if len(c.args) == 0 {
		return c.typesInLog(ctx, columns)
	}
	o, err := c.tableOptions()
	if err != nil {
		return &usageError{err.Error(), "ripen help typology"}
	}
	table, err := c.readPeople(&o, train.ReadPeople)
	if err != nil {
		return err
	}
	p := c.startProgress(text{"looking", "buscando"}.in(c.lang), 0, countText)
	t, err := train.FindTypes(ctx, table, train.TypologyOptions{
		Types: int(c.int("types")), Columns: columns, Seed: o.Seed, Name: c.get("prefix"), Language: c.lang,
		Progress: func(done, total int) { p.total.Store(int64(total)); p.to(int64(done)) },
	})
	p.end()
	if err != nil {
		return err
	}
	return c.writeTypology(t)
}

// typesInLog lets the server look among the leads it knows.
func (c *call) typesInLog(ctx context.Context, columns []string) error {
	if c.set("label") {
		return &usageError{"--label is about a file here: the types of the log are those of all leads as they stand", "ripen help typology"}
	}
	q, err := c.logQuestion()
	if err != nil {
		return err
	}
	q.Set("types", strconv.FormatInt(c.int("types"), 10))
	if len(columns) > 0 {
		q.Set("columns", strings.Join(columns, "\n"))
	}
	if name := c.get("prefix"); name != "" {
		q.Set("name", name)
	}
	return c.withServer(ctx, func(cl *client) error {
		var t train.Typology
		if err := c.worked(ctx, cl, text{"looking", "buscando"}.in(c.lang), "/v1/typology", q, "it was done", &t); err != nil {
			return err
		}
		return c.writeTypology(&t)
	})
}

// writeTypology tells the types, and writes their segments.
func (c *call) writeTypology(t *train.Typology) error {
	dir := c.get("dir")
	var files []string
	for i := range t.Types {
		x := &t.Types[i]
		if _, err := journey.ParseSegment(x.Segment+".yaml", []byte(x.YAML)); err != nil {
			return fmt.Errorf("the rule of %s is no good one: %w: choose other --columns", x.Segment, err)
		}
		if dir != "" {
			files = append(files, filepath.Join(dir, x.Segment+".yaml"))
		}
	}
	if err := c.mayWrite(files...); err != nil {
		return err
	}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for i, file := range files {
		if err := os.WriteFile(file, []byte(t.Types[i].YAML), 0o644); err != nil {
			return err
		}
	}
	if c.bool("json") {
		return c.printJSON(t)
	}
	if err := t.Text(c.out, c.lang); err != nil {
		return err
	}
	if dir == "" {
		_, err := fmt.Fprint(c.out, text{"\nNo segments were written: name a folder with --dir types\n", "\nNo se han escrito segmentos: nombra una carpeta con --dir tipos\n"}.in(c.lang))
		return err
	}
	_, err := fmt.Fprintf(c.out, text{"\nwrote %s; next: ripen segment publish %s\n", "\nescritos: %s; ahora: ripen segment publish %s\n"}.in(c.lang), strings.Join(files, ", "), files[0])
	return err
}
