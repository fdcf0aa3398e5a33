package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"ripen/tracker"
)

func journeyEffectCommand() *command {
	return &command{
		name: "journey effect", args: "NAME", min: 1, max: 1, use: append([]string{"within", "lead"}, tenantSettings...), folds: true,
		summary: text{"what a journey adds to what would have happened without it, by its hold-out: all in all, by message, by band", "qué añade un recorrido a lo que habría pasado sin él, según su grupo de control: en total, por mensaje, por banda"},
		help: `
holdout: 10% of a journey draws leads who get nothing; holdout: 20% of a message draws
those who go on without it. Both are drawn by the lead's id, so the same lead is drawn
the same way again. Of leads who entered at least --within ago it says how many of
either reached the goal within that time, the difference with its 95 % interval
(Newcombe), and a wider one that holds however often you look (a confidence sequence):
believe that one if you look each day. Variants of a message are compared, too.

By band it says what to expect of a lead, drawn towards the effect of all as far as the
bands differ by chance; --lead names one. Below 50 leads in either group, or 10 goals,
nothing is said.

  ripen journey effect educate --data ./data
  ripen journey effect educate --within 90d --lang es --data ./data
  ripen journey effect educate --lead ana@acme.example --json --data ./data`,
		run: runJourneyEffect,
	}
}

func runJourneyEffect(ctx context.Context, c *call) error {
	q := url.Values{"lang": {c.lang}, "days": {strconv.FormatFloat(c.period("within").Hours()/24, 'g', -1, 64)}}
	if who := c.get("lead"); who != "" {
		q.Set("lead", who)
	}
	return c.withServer(ctx, func(cl *client) error {
		var e tracker.JourneyEffect
		if err := cl.do(ctx, "GET", "/v1/journeys/"+url.PathEscape(c.args[0])+"/effect", q, nil, &e); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(e)
		}
		return c.printEffect(&e)
	})
}

// printEffect writes what a journey adds, for people.
func (c *call) printEffect(e *tracker.JourneyEffect) error {
	if l := e.Lead; l != nil {
		fmt.Fprintf(c.out, text{"%s, now in %s, by %s\n%s\n", "%s, ahora en %s, según %s\n%s\n"}.in(c.lang), l.ID, orDash(plain(l.Band)), plain(l.Of), plain(l.Sentence))
		return nil
	}
	if len(e.Versions) == 0 {
		fmt.Fprintf(c.out, text{"nobody has entered %s yet\n", "nadie ha entrado aún en %s\n"}.in(c.lang), plain(e.Journey))
	}
	for i := range e.Versions {
		c.printVersionEffect(&e.Versions[i])
	}
	for _, n := range e.Notes {
		fmt.Fprintln(c.out, "• "+plain(n))
	}
	return nil
}

func (c *call) printVersionEffect(v *tracker.VersionEffect) {
	fmt.Fprintln(c.out, plain(v.Sentence))
	rows := [][]string{c.comparedRow(&v.Compared)}
	for i := range v.Steps {
		s := &v.Steps[i]
		for k := range s.Choices {
			rows = append(rows, c.comparedRow(&s.Choices[k]))
		}
	}
	c.table([]string{"OF", ">LEADS", ">REACHED THE GOAL", ">OTHERS", ">REACHED IT", ">DIFFERENCE", "ONE LOOK", "MANY LOOKS"}, rows)
	for i := range v.Steps {
		s := &v.Steps[i]
		against := text{"those who did not get it", "quienes no lo recibieron"}.in(c.lang)
		if s.Against != "" {
			against = plain(s.Against)
		}
		for k := range s.Choices {
			fmt.Fprintf(c.out, "%s (%s %s)\n", plain(s.Choices[k].Sentence), text{"beside", "frente a"}.in(c.lang), against)
		}
	}
	if len(v.Bands) > 0 {
		fmt.Fprintln(c.out, text{"What to expect of a lead, by the band it enters in", "Qué cabe esperar de un lead, según la banda en que entra"}.in(c.lang))
		for _, b := range v.Bands {
			fmt.Fprintln(c.out, "  "+plain(b.Sentence))
		}
	}
	fmt.Fprintln(c.out)
}

func (c *call) comparedRow(x *tracker.Compared) []string {
	points := func(v float64) string { return fmt.Sprintf("%+.1f", 100*v) }
	between := func(v [2]float64) string { return points(v[0]) + " … " + points(v[1]) }
	return []string{
		x.Of, fmt.Sprint(x.Treated.Leads), fmt.Sprintf("%.1f %%", 100*x.Treated.Rate), fmt.Sprint(x.Held.Leads), fmt.Sprintf("%.1f %%", 100*x.Held.Rate),
		points(x.Difference), between(x.Between), between(x.Always),
	}
}
