package export

import (
	"bufio"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"ripen/tracker"
)

// momentJSON is one line of a lead's timeline. What says in a word what happened,
// the part that is there tells the rest.
type momentJSON struct {
	Time     string        `json:"time"`
	Kind     string        `json:"kind"`
	What     string        `json:"what"`
	Detail   string        `json:"detail,omitempty"` // what says most about it
	Journey  string        `json:"journey,omitempty"`
	Step     string        `json:"step,omitempty"`
	Segment  string        `json:"segment,omitempty"`
	Event    *eventJSON    `json:"event,omitempty"`
	Change   *changeJSON   `json:"change,omitempty"`    // of the score
	CausedBy string        `json:"caused_by,omitempty"` // type of the event that moved it
	Because  []string      `json:"because,omitempty"`   // what the rules say that this event speaks to
	Delivery *deliveryJSON `json:"delivery,omitempty"`
	Handoff  *handedJSON   `json:"handoff,omitempty"`
}

// deliveryJSON is what is to leave, and how far it has come.
type deliveryJSON struct {
	ID       string `json:"id"` // of the intent
	Kind     string `json:"kind"`
	To       string `json:"to"`
	Template string `json:"template,omitempty"`
	State    string `json:"state"`
	Why      string `json:"why,omitempty"`
	Attempts int    `json:"attempts"`
	Unknown  int    `json:"unknown,omitempty"` // attempts whose outcome nobody knows: only these may have come twice
	Next     string `json:"next,omitempty"`
}

// handedJSON is a hand-off as it stands.
type handedJSON struct {
	ID    string `json:"id"`
	To    string `json:"to"`
	Queue string `json:"queue,omitempty"`
	State string `json:"state"`
	Due   string `json:"due,omitempty"`
}

// moments answers a lead's timeline: a page of JSON, or all of it as NDJSON or CSV,
// latest first.
func (c *call) moments() error {
	q := tracker.MomentQuery{
		Who: c.name, Card: c.text("scorecard"), After: c.text("after"), Personal: c.flag("personal"), Limit: c.limit(),
	}
	for kind := range strings.SplitSeq(c.text("kinds"), ",") {
		if kind = strings.TrimSpace(kind); kind != "" && !slices.Contains(tracker.MomentKinds, kind) {
			return invalid("kinds", "need some of "+strings.Join(tracker.MomentKinds, ", "))
		} else if kind != "" {
			q.Kinds = append(q.Kinds, kind)
		}
	}
	if c.err != nil {
		return c.err
	}
	isNDJSON, isCSV := accepts(c.ctx, "application/x-ndjson"), accepts(c.ctx, "text/csv")
	if isNDJSON || isCSV {
		if c.text("limit") == "" {
			q.Limit = maxPage
		}
		return c.allMoments(q, isCSV, c.text("limit") != "")
	}
	page, err := c.cfg.Moments(c.caller, c.tenant, q)
	if err != nil {
		return err
	}
	out := struct {
		Lead    string       `json:"lead"`
		Moments []momentJSON `json:"moments"`
		Next    string       `json:"next,omitempty"`
	}{page.Lead.String(), make([]momentJSON, 0, len(page.Moments)), page.Next}
	for i := range page.Moments {
		out.Moments = append(out.Moments, momentToJSON(&page.Moments[i]))
	}
	c.page(out)
	return nil
}

// allMoments streams page after page; with once, the first alone. The first is
// read before the answer begins, so that a refusal has a status.
func (c *call) allMoments(q tracker.MomentQuery, isCSV, once bool) error {
	page, err := c.cfg.Moments(c.caller, c.tenant, q)
	if err != nil {
		return err
	}
	mime, write := "application/x-ndjson", momentLine
	if isCSV {
		mime, write = "text/csv; charset=utf-8", momentRow
		c.ctx.Response.Header.Set("Content-Disposition", `attachment; filename="timeline.csv"`)
	}
	ask, caller, tenant := c.cfg.Moments, c.caller, c.tenant
	c.stream(mime, func(b *bufio.Writer) error {
		if isCSV {
			if err := writeRow(b, momentHead); err != nil {
				return err
			}
		}
		for {
			for i := range page.Moments {
				m := momentToJSON(&page.Moments[i])
				if err := write(b, &m); err != nil {
					return err
				}
			}
			if q.After = page.Next; q.After == "" || once {
				return nil
			}
			if page, err = ask(caller, tenant, q); err != nil {
				return err
			}
		}
	})
	return nil
}

func momentLine(b *bufio.Writer, m *momentJSON) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return enc.Encode(m)
}

var momentHead = []string{"time", "kind", "what", "detail", "journey", "step", "score_from", "score_to", "band", "because", "delivery", "handoff", "event"}

func momentRow(b *bufio.Writer, m *momentJSON) error {
	row := []string{m.Time, m.Kind, m.What, m.Detail, m.Journey + m.Segment, m.Step, "", "", "", "", "", "", ""}
	if c := m.Change; c != nil {
		for i, p := range [2]*int{c.OldScore, c.NewScore} {
			if p != nil {
				row[6+i] = strconv.Itoa(*p)
			}
		}
		row[8], row[9] = c.NewBand, strings.Join(m.Because, "; ")
	}
	if m.Delivery != nil {
		row[10] = m.Delivery.ID
	}
	if m.Handoff != nil {
		row[11] = m.Handoff.ID
	}
	if m.Event != nil {
		row[12] = m.Event.MessageID
	}
	return writeRow(b, row)
}

func momentToJSON(m *tracker.Moment) momentJSON {
	out := momentJSON{Time: Time(m.Time), Kind: m.Kind, What: m.What, Detail: m.Detail(), CausedBy: m.Source, Because: m.Because}
	if m.Event != nil {
		row := eventToJSON(m.Event)
		out.Event = &row
	}
	if m.Change != nil {
		row := changeToJSON(m.Change)
		out.Change = &row
	}
	if s := m.Step; s != nil {
		out.Journey, out.Step, out.Segment = s.Journey, s.Step, s.Segment
	}
	if m.Intent != nil {
		out.Delivery = deliveryToJSON(m.Intent, m.Words)
	}
	if h := m.Handoff; h != nil {
		out.Handoff = &handedJSON{ID: h.ID, To: h.To, Queue: h.Queue, State: h.State, Due: instantOf(h.Due)}
	}
	return out
}

func deliveryToJSON(in *tracker.Intent, words string) *deliveryJSON {
	return &deliveryJSON{
		ID: in.ID, Kind: in.Kind, To: in.To, Template: words, State: in.State, Why: in.Why, Attempts: len(in.Attempts), Unknown: in.Unknown(), Next: instantOf(in.Next),
	}
}

// instantOf is a moment, empty if it is 0.
func instantOf(ms int64) string {
	if ms == 0 {
		return ""
	}
	return Time(ms)
}
