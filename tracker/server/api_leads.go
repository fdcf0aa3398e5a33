package server

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// leadJSON is a lead as the API shows one.
type leadJSON struct {
	ID          string               `json:"id"`
	Score       *int                 `json:"score"`
	Grade       string               `json:"grade,omitempty"`
	Band        string               `json:"band,omitempty"`
	Dimensions  map[string]float64   `json:"dimensions,omitempty"`
	Reasons     []tracker.Reason     `json:"reasons"`
	Scores      map[string]scoreJSON `json:"scores"`
	Attributes  map[string]any       `json:"attributes"`
	Email       string               `json:"email,omitempty"`
	SharedEmail bool                 `json:"shared_email,omitempty"`
	FirstSeen   string               `json:"first_seen,omitempty"`
	LastSeen    string               `json:"last_seen,omitempty"`
	NextChange  string               `json:"next_change,omitempty"`
	Scorecard   string               `json:"scorecard,omitempty"`
	Events      uint64               `json:"events"`
	Unscored    uint64               `json:"unscored,omitempty"`
	Trouble     string               `json:"trouble,omitempty"`
	Superseded  []string             `json:"superseded,omitempty"`
	Identities  []identityJSON       `json:"identities,omitempty"`
}

type scoreJSON struct {
	Score *int   `json:"score"`
	Grade string `json:"grade,omitempty"`
	Band  string `json:"band,omitempty"`
}

type identityJSON struct {
	Kind   string `json:"kind"` // user, email, visitor
	Value  string `json:"value,omitempty"`
	Level  string `json:"level"` // claimed or proved
	Since  string `json:"since,omitempty"`
	LeadID string `json:"id"`
}

var identityKinds = map[tracker.IdentityKind]string{
	tracker.UserIdentity: "user", tracker.EmailIdentity: "email", tracker.VisitorIdentity: "visitor",
}

// apiLead shapes a lead for the API, its standing on one card first.
func leadToJSON(l *tracker.Lead, card string) *leadJSON {
	out := &leadJSON{
		ID: l.ID.String(), Email: l.Email, SharedEmail: l.SharedEmail, Events: l.Events, Unscored: l.Unscored,
		FirstSeen: instantText(l.FirstSeen), LastSeen: instantText(l.LastSeen),
		Reasons: []tracker.Reason{}, Scores: map[string]scoreJSON{}, Attributes: l.Attributes,
	}
	if out.Attributes == nil {
		out.Attributes = map[string]any{}
	}
	for name, sc := range l.Scores {
		out.Scores[name] = scoreJSON{shownScore(sc), sc.Grade, sc.Band}
		if name != card {
			continue
		}
		out.Score, out.Grade, out.Band, out.Dimensions = shownScore(sc), sc.Grade, sc.Band, sc.Dims
		out.Scorecard, out.Trouble = sc.Card, sc.Trouble
		if sc.Reasons != nil {
			out.Reasons = sc.Reasons
		}
		if sc.Next != 0 {
			out.NextChange = timeText(sc.Next)
		}
	}
	for _, id := range l.Superseded {
		out.Superseded = append(out.Superseded, id.String())
	}
	for _, id := range l.Identities {
		level := "claimed"
		if id.Proved {
			level = "proved"
		}
		out.Identities = append(out.Identities, identityJSON{
			Kind: identityKinds[id.Kind], Value: id.Value, Level: level, Since: timeText(id.From),
			LeadID: tracker.LeadID{Kind: id.Kind, Hash: id.Hash}.String(),
		})
	}
	return out
}

func shownScore(sc *tracker.Score) *int {
	if sc.Null {
		return nil
	}
	return &sc.Score
}

func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timeText(t.UnixMilli())
}

// past returns the state that a request asks about: the present one, or with
// as_of= one derived again up to a moment, which done removes.
func (s *Server) past(q *query) (st *State, done func(), err error) {
	t := q.time("as_of")
	if q.err != nil {
		return nil, nil, q.err
	}
	if s.folder == nil {
		return nil, nil, &tracker.Error{Kind: tracker.KindBusy, Code: "capture_only", Detail: "this server only captures: start it without --capture-only"}
	}
	if t.IsZero() {
		return s.folder.state(), func() {}, nil
	}
	if t.After(s.now()) {
		return nil, nil, invalid("as_of", "need a moment that has passed")
	}
	if !s.rebuilding.TryLock() {
		return nil, nil, &tracker.Error{Kind: tracker.KindBusy, Code: "overload", Detail: "another question about the past is being answered: ask again in a moment"}
	}
	st, err = s.folder.state().AsOf(s.life, t)
	if err != nil {
		s.rebuilding.Unlock()
		return nil, nil, err
	}
	return st, func() {
		if err := st.Close(); err != nil {
			s.log.Warn("close a state of the past", "err", err)
		}
		s.rebuilding.Unlock()
	}, nil
}

func leadQuery(q *query) LeadQuery {
	return LeadQuery{
		Card: q.text("scorecard"), Limit: int(q.number("limit")), After: q.text("after"), MinScore: int(q.number("min_score")),
		Band: q.text("band"), Grade: q.text("grade"), Dimension: q.text("dimension"), Min: q.float("min"), Sort: q.text("sort"), Q: q.text("q"),
	}
}

// whole adds what is sealed to a lead that someone has identified.
func whole(st *State, w who, l *tracker.Lead) (*tracker.Lead, error) {
	if l.ID.Kind == tracker.VisitorIdentity || l.Attributes != nil {
		return l, nil
	}
	full, err := st.Lead(w.caller, w.tenant.ID, l.ID.String())
	if tracker.KindOf(err) == tracker.KindNotFound {
		return l, nil // merged or erased since the list was read
	}
	return full, err
}

// apiLeads answers the ranked list: a page of JSON, or all of it as NDJSON or
// CSV.
func (s *Server) apiLeads(ctx *fasthttp.RequestCtx, w who, _ string) error {
	q := &query{args: ctx.QueryArgs()}
	lq := leadQuery(q)
	st, done, err := s.past(q)
	if err != nil {
		return err
	}
	if lq.Card == "" {
		lq.Card = w.tenant.Ranking
	}
	switch {
	case accepts(ctx, "application/x-ndjson"):
		s.streamBody(ctx, "application/x-ndjson", func(b *bufio.Writer) error {
			defer done()
			return st.writeNDJSON(b, w, lq)
		})
		return nil
	case accepts(ctx, "text/csv"):
		ctx.Response.Header.Set("Content-Disposition", `attachment; filename="leads.csv"`)
		s.streamBody(ctx, "text/csv; charset=utf-8", func(b *bufio.Writer) error {
			defer done()
			return st.writeCSV(b, w, lq)
		})
		return nil
	}
	defer done()
	page, err := st.Leads(w.caller, w.tenant.ID, lq)
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
		full, err := whole(st, w, l)
		if err != nil {
			return err
		}
		out.Leads = append(out.Leads, leadToJSON(full, lq.Card))
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
	return nil
}

func (s *State) writeNDJSON(b *bufio.Writer, w who, lq LeadQuery) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return s.EachLead(w.caller, w.tenant.ID, lq, func(l *tracker.Lead) error {
		full, err := whole(s, w, l)
		if err != nil {
			return err
		}
		return enc.Encode(leadToJSON(full, lq.Card))
	})
}

var csvHead = []string{"id", "email", "score", "grade", "band", "first_seen", "last_seen", "events", "because", "attributes"}

func (s *State) writeCSV(b *bufio.Writer, w who, lq LeadQuery) error {
	out := csv.NewWriter(b)
	if err := out.Write(csvHead); err != nil {
		return err
	}
	err := s.EachLead(w.caller, w.tenant.ID, lq, func(l *tracker.Lead) error {
		full, err := whole(s, w, l)
		if err != nil {
			return err
		}
		j := leadToJSON(full, lq.Card)
		score, because := "", ""
		if j.Score != nil {
			score = strconv.Itoa(*j.Score)
		}
		if len(j.Reasons) > 0 {
			because = j.Reasons[0].Why
		}
		attributes, err := json.Marshal(j.Attributes)
		if err != nil {
			return err
		}
		return out.Write([]string{
			j.ID, cell(j.Email), score, cell(j.Grade), cell(j.Band), j.FirstSeen, j.LastSeen,
			strconv.FormatUint(j.Events, 10), cell(because), string(attributes),
		})
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

// cell keeps a spreadsheet from taking a visitor's text for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// apiLead answers one lead with all that is known of it.
func (s *Server) apiLead(ctx *fasthttp.RequestCtx, w who, id string) error {
	q := &query{args: ctx.QueryArgs()}
	st, done, err := s.past(q)
	if err != nil {
		return err
	}
	defer done()
	l, err := st.Lead(w.caller, w.tenant.ID, id)
	if err != nil {
		return err
	}
	writeJSON(ctx, fasthttp.StatusOK, leadToJSON(l, or(q.text("scorecard"), w.tenant.Ranking)))
	return nil
}

// eventJSON is an event of a timeline.
type eventJSON struct {
	Seq        uint64         `json:"seq"`
	Time       string         `json:"time"`
	Received   string         `json:"received"`
	Type       string         `json:"type"`
	MessageID  string         `json:"message_id"`
	Machine    string         `json:"machine,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
	Traits     map[string]any `json:"traits,omitempty"`
	Context    map[string]any `json:"context,omitempty"`
}

// apiTimeline answers a page of a lead's events, latest first.
func (s *Server) apiTimeline(ctx *fasthttp.RequestCtx, w who, id string) error {
	q := &query{args: ctx.QueryArgs()}
	limit := int(q.number("limit"))
	st, done, err := s.past(q)
	if err != nil {
		return err
	}
	defer done()
	page, err := st.Timeline(w.caller, w.tenant.ID, id, q.text("after"), limit, q.text("personal") == "true")
	if err != nil {
		return err
	}
	out := struct {
		Lead   string      `json:"lead"`
		Total  int         `json:"total"`
		Events []eventJSON `json:"events"`
		Next   string      `json:"next,omitempty"`
	}{page.Lead.String(), page.Total, make([]eventJSON, 0, len(page.Events)), page.Next}
	for i := range page.Events {
		e := &page.Events[i]
		var l logLine
		for _, fs := range [2][]tracker.Field{e.Fields, e.Personal} {
			for j := range fs {
				l.put(&fs[j])
			}
		}
		out.Events = append(out.Events, eventJSON{
			Seq: e.Seq, Time: timeText(e.Time), Received: timeText(e.Received), Type: string(e.Type), MessageID: e.MessageText(),
			Machine: e.Machine.String(), Properties: l.Properties, Traits: l.Traits, Context: l.Context,
		})
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
	return nil
}
