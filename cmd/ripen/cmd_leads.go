package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"ripen/tracker"
)

// lead is a lead as the API shows it.
type lead struct {
	ID          string             `json:"id"`
	Score       *int               `json:"score"`
	Grade       string             `json:"grade"`
	Band        string             `json:"band"`
	Dimensions  map[string]float64 `json:"dimensions"`
	Reasons     []tracker.Reason   `json:"reasons"`
	Attributes  map[string]any     `json:"attributes"`
	Interests   *interests         `json:"interests"`
	Reading     *reading           `json:"reading"`
	Offers      []leadOffer        `json:"offers"`
	Email       string             `json:"email"`
	FirstSeen   string             `json:"first_seen"`
	LastSeen    string             `json:"last_seen"`
	NextChange  string             `json:"next_change"`
	Scorecard   string             `json:"scorecard"`
	Trouble     string             `json:"trouble"`
	SharedEmail bool               `json:"shared_email"`
	Probability *float64           `json:"probability"`
	Likely      struct {
		Of        string `json:"of"`
		People    int    `json:"people"`
		Converted int    `json:"converted"`
	} `json:"likely"`
}

func leadsCommands() []*command {
	filter := append([]string{"as-of", "min-score", "band", "scorecard"}, tenantSettings...)
	return []*command{
		{
			name: "leads top", folds: true, use: append([]string{"limit"}, filter...),
			summary: text{"the ripest leads, highest score first", "los leads más maduros, por puntuación"},
			help: `
  ripen leads top --data ./data
  ripen leads top --band caliente --limit 50 --json --data ./data
  ripen leads top --as-of 2026-01-31 --data ./data`,
			run: runLeadsTop,
		},
		{
			name: "leads show", folds: true, args: "ID", min: 1, max: 1, use: append([]string{"scorecard"}, tenantSettings...),
			summary: text{"one lead: score, reasons, what it did", "un lead: puntuación, motivos, qué hizo"},
			help: `
  ripen leads show u_0123456789abcdef0123456789abcdef --data ./data
  ripen leads show ana@acme.example --scorecard interest --data ./data`,
			run: runLeadsShow,
		},
		timelineCommand(),
		{
			name: "leads export", folds: true, use: append([]string{"format", "out"}, filter...),
			summary: text{"the whole ranked list as NDJSON or CSV", "la lista entera, en orden, como NDJSON o CSV"},
			help: `
  ripen leads export --data ./data > leads.ndjson
  ripen leads export --format csv -o leads.csv --data ./data`,
			run: runLeadsExport,
		},
	}
}

// leadsQuery makes the query of the filters.
func (c *call) leadsQuery() url.Values {
	q := url.Values{}
	if n := c.int("min-score"); n > 0 {
		q.Set("min_score", strconv.FormatInt(n, 10))
	}
	for _, name := range []string{"band", "scorecard"} {
		if v := c.get(name); v != "" {
			q.Set(name, v)
		}
	}
	if t := c.time("as-of"); !t.IsZero() {
		q.Set("as_of", t.UTC().Format(time.RFC3339Nano))
	}
	return q
}

func runLeadsTop(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		q := c.leadsQuery()
		q.Set("limit", c.get("limit"))
		var page struct {
			Leads json.RawMessage `json:"leads"`
			Total int             `json:"total"`
		}
		if err := cl.do(ctx, "GET", "/v1/leads", q, nil, &page); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(page.Leads)
		}
		var leads []lead
		if err := decode(page.Leads, &leads); err != nil {
			return fmt.Errorf("decode leads: %w", err)
		}
		if len(leads) == 0 {
			none := text{"no leads: publish a scorecard, send events", "no hay leads: publica una tarjeta, envía eventos"}
			if page.Total > 0 {
				none = text{"none of the %d leads is such", "ninguno de los %d leads es así"}
			}
			_, err := fmt.Fprintln(c.out, strings.ReplaceAll(none.in(c.lang), "%d", strconv.Itoa(page.Total)))
			return err
		}
		c.printLeads(leads)
		return nil
	})
}

// printLeads writes a list; probabilities have a column if a lead has one.
func (c *call) printLeads(leads []lead) {
	head := []string{">#", ">SCORE", "GRADE", "BAND", "LEAD", "LAST SEEN", "BECAUSE"}
	likely := slices.ContainsFunc(leads, func(l lead) bool { return l.Probability != nil })
	if likely {
		head = slices.Insert(head, 2, ">PROBABILITY")
	}
	rows := make([][]string, 0, len(leads))
	for i, l := range leads {
		row := []string{strconv.Itoa(i + 1), l.scoreText(), l.Grade, l.Band, l.name(), clockText(l.LastSeen), cmp.Or(topReasons(l.Reasons, 2), l.Trouble)}
		if likely {
			row = slices.Insert(row, 2, l.probabilityText())
		}
		rows = append(rows, row)
	}
	c.table(head, rows)
}

func (l *lead) probabilityText() string {
	if l.Probability == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100**l.Probability)
}

func (l *lead) scoreText() string {
	if l.Score == nil {
		return "–"
	}
	return strconv.Itoa(*l.Score)
}

// name is what a person calls the lead: its e-mail, else its id.
func (l *lead) name() string {
	if l.Email != "" {
		return l.Email
	}
	return l.ID
}

// topReasons names the rules that carry most of the score.
func topReasons(all []tracker.Reason, n int) string {
	rs := slices.DeleteFunc(slices.Clone(all), func(r tracker.Reason) bool { return !r.OfLead() })
	sort.SliceStable(rs, func(i, j int) bool { return rs[i].Share > rs[j].Share })
	var names []string
	for _, r := range rs {
		if len(names) == n || r.Share <= 0 {
			break
		}
		if r.Why == "" {
			r.Why = r.Rule
		}
		names = append(names, r.Why)
	}
	return strings.Join(names, " · ")
}

func runLeadsShow(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		path, q := "/v1/leads/"+url.PathEscape(c.args[0]), url.Values{}
		if card := c.get("scorecard"); card != "" {
			q.Set("scorecard", card)
		}
		var raw json.RawMessage
		if err := cl.do(ctx, "GET", path, q, nil, &raw); err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(raw)
		}
		var l lead
		if err := decode(raw, &l); err != nil {
			return fmt.Errorf("decode lead: %w", err)
		}
		c.printLead(&l)
		return c.printTimeline(ctx, cl, path)
	})
}

func (c *call) printLead(l *lead) {
	if l.Scorecard == "" {
		fmt.Fprintf(c.out, text{"%s   no score: no scorecard is in force\n", "%s   sin puntuación: no hay tarjeta en vigor\n"}.in(c.lang), plain(l.name()))
	} else {
		stands := strings.Join(strings.Fields(l.scoreText()+" "+l.Grade+" "+plain(l.Band)), " ")
		fmt.Fprintf(c.out, text{"%s   score %s   (%s)\n", "%s   puntuación %s   (%s)\n"}.in(c.lang), plain(l.name()), stands, l.Scorecard)
	}
	fmt.Fprintf(c.out, text{"id %s   first seen %s   last seen %s\n", "id %s   visto por primera vez %s   por última %s\n"}.in(c.lang), l.ID, clockText(l.FirstSeen), clockText(l.LastSeen))
	if l.Trouble != "" {
		fmt.Fprintf(c.out, text{"the last good score is shown: %s\n", "se muestra la última puntuación buena: %s\n"}.in(c.lang), plain(l.Trouble))
	}
	if l.Probability != nil {
		c.printLikely(l)
	}
	if l.NextChange != "" {
		fmt.Fprintf(c.out, text{"the score may change by itself from %s on\n", "la puntuación puede cambiar sola a partir del %s\n"}.in(c.lang), clockText(l.NextChange))
	}
	fmt.Fprintln(c.out)
	var rows [][]string
	for _, r := range l.Reasons {
		rows = append(rows, []string{r.Rule, fmt.Sprintf("%+.2f", r.Points), fmt.Sprintf("%+.3f", float64(r.Share)/1000), r.Why})
	}
	c.table([]string{"RULE", ">POINTS", ">SHARE", "WHY"}, rows)
	if len(l.Attributes) > 0 {
		rows = rows[:0]
		for name, v := range l.Attributes {
			rows = append(rows, []string{name, fmt.Sprint(v)})
		}
		sort.Slice(rows, func(i, j int) bool { return rows[i][0] < rows[j][0] })
		fmt.Fprintln(c.out)
		c.table([]string{"ATTRIBUTE", "VALUE"}, rows)
	}
	c.printOffers(l.Offers)
	c.printInterests(l.Interests)
	c.printReading(l.Reading)
}

// printLikely says what the score means.
func (c *call) printLikely(l *lead) {
	of := l.Likely.Of
	if of != "" {
		of = ": " + plain(of)
	}
	fmt.Fprintf(c.out, text{"probability %s%s", "probabilidad del %s%s"}.in(c.lang), l.probabilityText(), of)
	if n := l.Likely.People; n > 0 {
		fmt.Fprintf(c.out, text{"   (of %d people in this band, %.0f %% converted)", "   (de %d personas en esta banda convirtió el %.0f %%)"}.in(c.lang), n, 100*float64(l.Likely.Converted)/float64(n))
	}
	fmt.Fprintln(c.out)
}

func (c *call) printTimeline(ctx context.Context, cl *client, path string) error {
	var page struct {
		Events []struct {
			Time       string         `json:"time"`
			Type       string         `json:"type"`
			Machine    string         `json:"machine"`
			Properties map[string]any `json:"properties"`
		} `json:"events"`
	}
	if err := cl.do(ctx, "GET", path+"/events", url.Values{"limit": {"20"}, "personal": {"true"}}, nil, &page); err != nil {
		return err
	}
	rows := make([][]string, 0, len(page.Events))
	for _, e := range page.Events {
		what := e.Type
		switch e.Machine {
		case "bot", "prefetch", "proxy":
			what += " (" + e.Machine + ")"
		}
		rows = append(rows, []string{clockText(e.Time), what, shortFields(e.Properties)})
	}
	fmt.Fprintln(c.out)
	c.table([]string{"TIME", "EVENT", "WITH"}, rows)
	return nil
}

// shortFields writes the fields of an event on one line.
func shortFields(m map[string]any) string {
	var parts []string
	for name, v := range m {
		parts = append(parts, fmt.Sprintf("%s=%v", name, v))
	}
	sort.Strings(parts)
	s := []rune(strings.Join(parts, " "))
	if len(s) > 80 {
		return string(s[:79]) + "…"
	}
	return string(s)
}

func runLeadsExport(ctx context.Context, c *call) error {
	accept := map[string]string{"ndjson": "application/x-ndjson", "csv": "text/csv"}[c.get("format")]
	if accept == "" {
		return &usageError{fmt.Sprintf("format: %q is not ndjson or csv", c.get("format")), "ripen help leads export"}
	}
	return c.withServer(ctx, func(cl *client) error {
		cl.accept = accept
		resp, err := cl.request(ctx, "GET", "/v1/leads", c.leadsQuery(), nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return c.writeOut(resp.Body)
	})
}

// writeOut copies r to --out, or to standard output.
func (c *call) writeOut(r io.Reader) error {
	file := c.get("out")
	if file == "" {
		_, err := io.Copy(c.out, r)
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
