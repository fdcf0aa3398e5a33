package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"ripen/tracker/export"
)

func simulateCommand() *command {
	return &command{
		name: "scorecard simulate", args: "FILE|NAME[@VERSION]", min: 1, max: 1, folds: true, use: append([]string{"sample"}, tenantSettings...),
		summary: text{"who would move where, before anything changes", "quién se movería y adónde, antes de cambiar nada"},
		help: `
A file, YAML or a module, becomes the card's draft, as publishing it does first; a name means the
draft that is there, and name@version an older version, as before a rollback.
All leads, or with --sample some of them, are walked through it as of now and
compared with the version in force. Nothing changes.

  ripen scorecard simulate card.yaml --tenant acme --data ./data
  ripen scorecard simulate saas@3 --sample 5000 --data ./data
  ripen scorecard simulate counter.wasm --data ./data`,
		run: runSimulate,
	}
}

func runSimulate(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		name, q, err := c.candidate(ctx, cl)
		if err != nil {
			return err
		}
		if n := c.int("sample"); n > 0 {
			q.Set("sample", strconv.FormatInt(n, 10))
		}
		cl.accept = "application/x-ndjson"
		last, err := c.follow(ctx, cl, "simulate", "/v1/scorecards/"+url.PathEscape(name)+"/simulate", q)
		switch {
		case err != nil:
			return err
		case last.Result == nil:
			return errors.New("the server ended before the simulation did: run it again")
		case c.bool("json"):
			return c.printJSON(last.Result)
		}
		var r export.Simulation
		if err := json.Unmarshal(last.Result, &r); err != nil {
			return fmt.Errorf("decode the server's answer: %w", err)
		}
		c.printSimulation(&r)
		return nil
	})
}

// candidate finds what to simulate or to shadow: a file, which it makes the draft, or what
// the server has.
func (c *call) candidate(ctx context.Context, cl *client) (name string, q url.Values, err error) {
	q = url.Values{}
	arg := c.args[0]
	if _, err := os.Stat(arg); err == nil || strings.ContainsAny(arg, `./\`) {
		below, name, src, err := c.readSource(arg)
		if err != nil {
			return "", nil, err
		}
		return name, q, cl.do(ctx, "PUT", below+url.PathEscape(name), nil, src, nil)
	}
	name, version, ok := strings.Cut(arg, "@")
	if ok {
		q.Set("version", version)
	}
	return name, q, nil
}

// printSimulation writes a simulation for people.
func (c *call) printSimulation(r *export.Simulation) {
	say := func(t text, args ...any) { fmt.Fprintf(c.out, t.in(c.lang)+"\n", args...) }
	inForce := r.InForce
	if inForce == "" {
		inForce = text{"no card in force", "ninguna tarjeta en vigor"}.in(c.lang)
	}
	say(text{"%s against %s: %s of %s leads", "%s frente a %s: %s de %s leads"},
		plain(r.Scorecard), plain(inForce), countText(int64(r.Leads)), countText(int64(r.Total)))
	say(text{"%s rise, %s fall, %s change band", "%s suben, %s bajan, %s cambian de banda"},
		countText(int64(r.Rose)), countText(int64(r.Fell)), countText(int64(r.Moved)))
	c.printMoves(r)
	c.printSpreads(r)
	c.printMovers(text{"Biggest risers", "Los que más suben"}, r.Risers)
	c.printMovers(text{"Biggest fallers", "Los que más bajan"}, r.Fallers)
	if len(r.Actions) > 0 {
		say(text{"\nWhat entering a band would set off", "\nLo que desencadenaría entrar en una banda"})
		rows := make([][]string, 0, len(r.Actions))
		for _, a := range r.Actions {
			rows = append(rows, []string{a.Band, a.Do, strings.TrimSpace(a.To + " " + a.Queue), countText(int64(a.Leads))})
		}
		c.table([]string{"BAND", "ACTION", "TO", ">LEADS"}, rows)
	}
	for _, f := range r.Failed {
		say(text{"could not be scored: %s leads: %s", "no se pudieron puntuar: %s leads: %s"}, countText(int64(f.Leads)), plain(f.Why))
	}
}

// printMoves writes the matrix of bands, from the left to the top.
func (c *call) printMoves(r *export.Simulation) {
	counts := map[[2]string]int{}
	from, to := map[string]bool{}, map[string]bool{}
	for _, m := range r.Moves {
		counts[[2]string{m.From, m.To}] = m.Leads
		from[m.From], to[m.To] = true, true
	}
	names := append([]string{""}, r.Bands...)
	show := func(band string) string {
		if band == "" {
			return "–"
		}
		return plain(band)
	}
	head := []string{"BEFORE \\ AFTER"}
	for _, b := range names {
		if b != "" || to[b] {
			head = append(head, ">"+show(b))
		}
	}
	var rows [][]string
	for _, a := range names {
		if a == "" && !from[a] {
			continue
		}
		row := []string{show(a)}
		for _, b := range names {
			if b != "" || to[b] {
				row = append(row, countText(int64(counts[[2]string{a, b}])))
			}
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(c.out)
	c.table(head, rows)
}

// printSpreads writes how scores were and would be distributed.
func (c *call) printSpreads(r *export.Simulation) {
	head := []string{"SCORES", ">SCORED", ">NOT", ">MIN"}
	for d := 10; d < 100; d += 10 {
		head = append(head, fmt.Sprintf(">%d%%", d))
	}
	head = append(head, ">MAX")
	row := func(name text, s export.Spread) []string {
		cells := []string{name.in(c.lang), countText(int64(s.Scored)), countText(int64(s.Null))}
		for _, d := range s.Deciles {
			cells = append(cells, strconv.Itoa(d))
		}
		return cells
	}
	fmt.Fprintln(c.out)
	c.table(head, [][]string{row(text{"before", "antes"}, r.Before), row(text{"after", "después"}, r.After)})
}

func (c *call) printMovers(title text, leads []export.SimulatedLead) {
	if len(leads) == 0 {
		return
	}
	fmt.Fprintln(c.out, "\n"+title.in(c.lang))
	rows := make([][]string, 0, 2*len(leads))
	for i := range leads {
		l := &leads[i]
		rows = append(rows,
			append([]string{l.ID, text{"before", "antes"}.in(c.lang)}, standing(&l.Before)...),
			append([]string{"", text{"after", "después"}.in(c.lang)}, standing(&l.After)...))
	}
	c.table([]string{"LEAD", "", ">SCORE", "BAND", "WHY"}, rows)
}

// standing writes a score, its band and its weightiest reasons.
func standing(s *export.SimulatedStanding) []string {
	const most = 3
	score := "–"
	if s.Score != nil {
		score = strconv.Itoa(*s.Score)
	}
	var why []string
	for _, r := range s.Reasons {
		if r.OfLead() && len(why) < most {
			why = append(why, fmt.Sprintf("%s %+.1f", r.Why, float64(r.Share)/1000))
		}
	}
	return []string{score, s.Band, strings.Join(why, "; ")}
}
