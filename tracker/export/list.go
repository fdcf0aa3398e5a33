package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"ripen/tracker"
)

// leadQuery reads what a list is asked for. A stream may be longer than a page.
func (c *call) leadQuery(streamed bool) LeadQuery {
	limit := 0
	if streamed {
		limit = int(c.number("limit"))
	} else {
		limit = c.limit()
	}
	q := LeadQuery{
		Card: c.text("scorecard"), Limit: limit, After: c.text("after"), MinScore: c.percent("min_score"), Band: c.text("band"),
		Grade: c.text("grade"), Dimension: c.text("dimension"), Min: c.float("min"), Sort: c.text("sort"), Q: c.text("q"),
	}
	if q.Card == "" {
		q.Card = c.tenant.Ranking
	}
	if q.Min != 0 && q.Dimension == "" {
		c.bad("min", "points of which dimension? name it with dimension=")
	}
	return q
}

// at returns the leads that the request asks about: as they are, or with as_of=
// as they were.
func (c *call) at() (Leads, func(), error) {
	t := c.time("as_of")
	if c.err != nil {
		return nil, nil, c.err
	}
	return c.cfg.State(t)
}

// leads answers the ranked list: a page of JSON, or all of it as NDJSON or CSV.
func (c *call) leads() error {
	isNDJSON, isCSV := accepts(c.ctx, "application/x-ndjson"), accepts(c.ctx, "text/csv")
	q := c.leadQuery(isNDJSON || isCSV)
	st, done, err := c.at()
	if err != nil {
		return err
	}
	if isNDJSON || isCSV {
		if err := c.checkStream(st, q); err != nil {
			done()
			return err
		}
	}
	by, tenant := c.caller, c.tenant.ID
	switch {
	case isNDJSON:
		c.stream("application/x-ndjson", func(b *bufio.Writer) error {
			defer done()
			return writeNDJSON(b, st, by, tenant, q)
		})
		return nil
	case isCSV:
		c.ctx.Response.Header.Set("Content-Disposition", `attachment; filename="leads.csv"`)
		c.stream("text/csv; charset=utf-8", func(b *bufio.Writer) error {
			defer done()
			return writeCSV(b, st, by, tenant, q)
		})
		return nil
	}
	defer done()
	page, err := st.Leads(by, tenant, q)
	if err != nil {
		return err
	}
	out := struct {
		Scorecard string      `json:"scorecard,omitempty"`
		Total     int         `json:"total"`
		Leads     []*leadJSON `json:"leads"`
		Next      string      `json:"next,omitempty"`
	}{page.Card, page.Total, make([]*leadJSON, 0, len(page.Leads)), page.Next}
	for _, l := range page.Leads {
		out.Leads = append(out.Leads, leadToJSON(l, q.Card))
	}
	c.page(out)
	return nil
}

// checkStream refuses, while there is a status to say it with, what the list
// itself would refuse.
func (c *call) checkStream(st Leads, q LeadQuery) error {
	if q.After != "" {
		return invalid("after", "a stream is the whole list: leave it out, or ask for pages with Accept: application/json")
	}
	q.Limit = 1
	_, err := st.Leads(c.caller, c.tenant.ID, q)
	return err
}

// errEnough ends a list at its limit.
var errEnough = errors.New("enough leads")

// each calls visit with the leads of a list as the API shows them, as many as
// the limit says if there is one.
func each(st Leads, by tracker.Caller, t tracker.TenantID, q LeadQuery, visit func(*leadJSON) error) error {
	n := 0
	err := st.EachLead(by, t, q, func(l *tracker.Lead) error {
		if err := visit(leadToJSON(l, q.Card)); err != nil {
			return err
		}
		if n++; n == q.Limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func writeNDJSON(b *bufio.Writer, st Leads, by tracker.Caller, t tracker.TenantID, q LeadQuery) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return each(st, by, t, q, func(l *leadJSON) error { return enc.Encode(l) })
}

var csvHead = []string{"id", "email", "score", "grade", "band", "first_seen", "last_seen", "events", "because", "attributes", "probability"}

func writeCSV(b *bufio.Writer, st Leads, by tracker.Caller, t tracker.TenantID, q LeadQuery) error {
	writeRow(b, csvHead)
	return each(st, by, t, q, func(l *leadJSON) error {
		score, because, probability := "", "", ""
		if l.Probability != nil {
			probability = strconv.FormatFloat(*l.Probability, 'f', -1, 64)
		}
		if l.Score != nil {
			score = strconv.Itoa(*l.Score)
		}
		if len(l.Reasons) > 0 {
			because = l.Reasons[0].Why
		}
		attributes, err := json.Marshal(l.Attributes)
		if err != nil {
			return err
		}
		return writeRow(b, []string{
			l.ID, l.Email, score, l.Grade, l.Band, l.FirstSeen, l.LastSeen, strconv.FormatUint(l.Events, 10), because, string(attributes), probability,
		})
	})
}

// writeRow writes one line of CSV, every cell quoted.
func writeRow(b *bufio.Writer, cells []string) error {
	for i, s := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(cell(s), `"`, `""`))
		b.WriteByte('"')
	}
	_, err := b.WriteString("\r\n") // a bufio.Writer remembers the first error
	return err
}

// cell keeps a spreadsheet from taking a visitor's text for a formula: it begins
// with an apostrophe if its first character, spaces left aside, could start one.
func cell(s string) string {
	first := strings.TrimLeft(s, " \u00a0")
	if first != "" && strings.ContainsRune("=+-@|%\t\r\n＝＋－＠", []rune(first)[0]) {
		return "'" + s
	}
	return s
}

// lead answers one lead with all that is known of it.
func (c *call) lead() error {
	card := c.text("scorecard")
	if card == "" {
		card = c.tenant.Ranking
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	l, err := st.Lead(c.caller, c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	if c.text("scorecard") != "" && l.Scores[card] == nil {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_scorecard", Detail: "scorecard: the lead has no score on a card of this name"}
	}
	table, err := c.cfg.Registry.OfferTable(c.tenant.ID)
	if err != nil {
		return err
	}
	if l.Offers, err = st.Offers(c.caller, c.tenant.ID, c.name, table); err != nil {
		return err
	}
	c.page(leadToJSON(l, card))
	return nil
}
