package console

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

const (
	defaultRows = 100
	maxRows     = 500
	maxMoments  = 100  // of a page of a lead's timeline
	mostMoments = 1000 // of one that is drawn again
	maxHistory  = 500  // points of a score history
	maxText     = 300  // bytes of one field on a page
)

// api answers the page's own questions. It is not the public API: its shapes
// change with the page.
func (h *Handler) api(ctx *fasthttp.RequestCtx, c tracker.Caller, ok bool, path string) {
	if !ok {
		problem(ctx, fasthttp.StatusUnauthorized, "unknown_key", "log in first")
		return
	}
	if !ctx.IsGet() {
		problem(ctx, fasthttp.StatusMethodNotAllowed, "method", "ask with GET")
		return
	}
	tenants, tenant, err := h.tenant(ctx, c)
	if err != nil {
		fail(ctx, err)
		return
	}
	q := question{c: c, tenants: tenants, tenant: tenant, limit: clamp(ctx.QueryArgs().GetUintOrZero("limit"))}
	switch id, isLead := strings.CutPrefix(path, "leads/"); {
	case path == "leads":
		h.answer(ctx, func() (any, error) { return h.leads(q) })
	case isLead && strings.HasSuffix(id, "/timeline"):
		h.answer(ctx, func() (any, error) {
			return h.moments(q, strings.TrimSuffix(id, "/timeline"), askedOf(ctx))
		})
	case isLead:
		h.answer(ctx, func() (any, error) { return h.lead(q, id, askedOf(ctx)) })
	case path == "stream":
		h.stream(ctx, q)
	default:
		problem(ctx, fasthttp.StatusNotFound, "not_found", "there is no such page")
	}
}

func clamp(limit int) int {
	if limit <= 0 {
		return defaultRows
	}
	return min(limit, maxRows)
}

// question is who asks about which tenant.
type question struct {
	c       tracker.Caller
	tenants []Tenant
	tenant  Tenant
	limit   int
}

// tenant finds the tenant that a request is about: the one it names, else the
// caller's own, else the first.
func (h *Handler) tenant(ctx *fasthttp.RequestCtx, c tracker.Caller) ([]Tenant, Tenant, error) {
	all, err := h.c.Source.Tenants(c)
	if err != nil {
		return nil, Tenant{}, err
	}
	name := string(ctx.QueryArgs().Peek("tenant"))
	for _, t := range all {
		if name == t.ID.String() || name == "" && (t.ID == c.Tenant || c.Role == tracker.AdminRole) {
			return all, t, nil
		}
	}
	return nil, Tenant{}, &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "there is no such tenant"}
}

func (h *Handler) answer(ctx *fasthttp.RequestCtx, ask func() (any, error)) {
	v, err := ask()
	if err != nil {
		fail(ctx, err)
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		fail(ctx, err)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(b)
}

// fail answers with an error of the stages behind the source.
func fail(ctx *fasthttp.RequestCtx, err error) {
	status := map[tracker.Kind]int{
		tracker.KindInvalid: 400, tracker.KindUnknownKey: 401, tracker.KindForbidden: 403,
		tracker.KindNotFound: 404, tracker.KindBusy: 503,
	}[tracker.KindOf(err)]
	if e, ok := errors.AsType[*tracker.Error](err); ok && status != 0 {
		problem(ctx, status, e.Code, e.Detail)
		return
	}
	problem(ctx, fasthttp.StatusInternalServerError, "internal", "the tracker could not answer; its log says why")
}

// problem answers with problem JSON (RFC 9457).
func problem(ctx *fasthttp.RequestCtx, status int, code, detail string) {
	b, err := json.Marshal(map[string]any{"type": "about:blank", "title": fasthttp.StatusMessage(status), "status": status, "code": code, "detail": detail})
	if err != nil {
		panic("BUG: " + err.Error()) // unreachable: strings and a number
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/problem+json")
	ctx.SetBody(b)
}

type tenantJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// leadsJSON is the list as the page draws it.
type leadsJSON struct {
	Now     int64        `json:"now"`
	Tenant  string       `json:"tenant"`
	Tenants []tenantJSON `json:"tenants"`
	Card    string       `json:"card"`
	Total   int          `json:"total"`
	Rows    []rowJSON    `json:"rows"`
}

type rowJSON struct {
	ID       string `json:"id"`
	Email    string `json:"email,omitempty"`
	Score    int    `json:"score"`
	Null     bool   `json:"null,omitempty"`
	Grade    string `json:"grade,omitempty"`
	Band     string `json:"band,omitempty"`
	Why      string `json:"why,omitempty"`
	LastSeen int64  `json:"last_seen"`

	Likely *likelyJSON `json:"likely,omitempty"`
}

// likelyJSON is how probable conversion is, and how many people of the band converted.
type likelyJSON struct {
	P         float64 `json:"p"`
	Of        string  `json:"of,omitempty"`
	People    int     `json:"people,omitempty"`
	Converted int     `json:"converted,omitempty"`
}

func likely(p *tracker.Probability) *likelyJSON {
	if p == nil {
		return nil
	}
	return &likelyJSON{p.P, cut(p.Of), p.People, p.Converted}
}

func (h *Handler) leads(q question) (*leadsJSON, error) {
	rows, total, err := h.c.Source.Top(q.c, q.tenant.ID, q.limit)
	if err != nil {
		return nil, err
	}
	out := &leadsJSON{Now: h.c.now().UnixMilli(), Tenant: q.tenant.ID.String(), Card: q.tenant.Ranking, Total: total, Rows: make([]rowJSON, 0, len(rows))}
	for _, t := range q.tenants {
		out.Tenants = append(out.Tenants, tenantJSON{t.ID.String(), t.Name})
	}
	for _, r := range rows {
		out.Rows = append(out.Rows, rowJSON{
			ID: r.ID.String(), Email: r.Email, Score: r.Score, Null: r.Null, Grade: r.Grade, Band: r.Band,
			Why: cut(r.Why), LastSeen: milli(r.LastSeen), Likely: likely(r.Likely),
		})
	}
	return out, nil
}

// leadJSON is one lead as the page draws it.
type leadJSON struct {
	Now        int64          `json:"now"`
	ID         string         `json:"id"`
	Email      string         `json:"email,omitempty"`
	Shared     bool           `json:"shared_email,omitempty"`
	Superseded int            `json:"superseded"`
	Identities []identityJSON `json:"identities"`
	Attributes [][2]any       `json:"attributes"` // name, value; by name
	Consent    [][2]string    `json:"consent"`    // purpose, what was said; what was not asked is left out
	Topics     [][2]any       `json:"topics"`     // name, affinity; the strongest first
	Habits     *habitsJSON    `json:"habits"`     // null without a topic map
	Offers     [][4]string    `json:"offers"`     // kind, name, price, why
	FirstSeen  int64          `json:"first_seen"`
	LastSeen   int64          `json:"last_seen"`
	Events     uint64         `json:"events"`
	Unscored   uint64         `json:"unscored,omitempty"`
	Scores     []scoreJSON    `json:"scores"` // the ranking card's first
	History    []pointJSON    `json:"history"`
	Timeline   *momentsJSON   `json:"timeline"`
}

// habitsJSON is how a lead behaves.
type habitsJSON struct {
	Mails  int      `json:"mails"`
	Rate   float64  `json:"open_rate"`
	Shares int      `json:"shares"`
	Pages  [][3]any `json:"pages"` // path, seconds, returns; with the most time first
}

type identityJSON struct {
	Kind   string `json:"kind"` // user, email, visitor
	Value  string `json:"value"`
	Proved bool   `json:"proved"`
	From   int64  `json:"from"`
}

type scoreJSON struct {
	Card    string           `json:"card"`
	Score   int              `json:"score"`
	Null    bool             `json:"null,omitempty"`
	Grade   string           `json:"grade,omitempty"`
	Band    string           `json:"band,omitempty"`
	Dims    [][2]any         `json:"dimensions"`
	Reasons []tracker.Reason `json:"reasons"`
	Next    int64            `json:"next,omitempty"`
	Trouble string           `json:"trouble,omitempty"`
	Likely  *likelyJSON      `json:"likely,omitempty"`
}

type pointJSON struct {
	At    int64  `json:"at"`
	Score int    `json:"score"`
	Band  string `json:"band,omitempty"`
	Cause string `json:"cause"`
}

func (h *Handler) lead(q question, text string, ask tracker.MomentQuery) (*leadJSON, error) {
	id, err := tracker.ParseLeadID(text)
	if err != nil {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "lead_id", Detail: err.Error()}
	}
	l, err := h.c.Source.Lead(q.c, q.tenant.ID, id)
	if err != nil {
		return nil, err
	}
	timeline, err := h.moments(q, text, ask)
	if err != nil {
		return nil, err
	}
	history, err := h.c.Source.History(q.c, q.tenant.ID, id, maxHistory)
	if err != nil {
		return nil, err
	}
	out := describe(l, q.tenant.Ranking)
	out.Now, out.Timeline = h.c.now().UnixMilli(), timeline
	for _, c := range slices.Backward(history) {
		name, _, _ := strings.Cut(c.Card, "@")
		if c.NewScore >= 0 && (q.tenant.Ranking == "" || name == q.tenant.Ranking) {
			out.History = append(out.History, pointJSON{c.Time, c.NewScore, c.NewBand, c.Cause})
		}
	}
	return out, nil
}

func describe(l *tracker.Lead, ranking string) *leadJSON {
	out := &leadJSON{
		ID: l.ID.String(), Email: l.Email, Shared: l.SharedEmail, Superseded: len(l.Superseded),
		Identities: []identityJSON{}, Attributes: [][2]any{}, Scores: []scoreJSON{}, History: []pointJSON{},
		Consent: [][2]string{}, Topics: [][2]any{}, Offers: [][4]string{}, FirstSeen: milli(l.FirstSeen), LastSeen: milli(l.LastSeen), Events: l.Events, Unscored: l.Unscored,
	}
	l.Consent.Words(func(p tracker.Purpose, c tracker.Choice) {
		out.Consent = append(out.Consent, [2]string{p.String(), c.String()})
	})
	for _, o := range l.Offers {
		out.Offers = append(out.Offers, [4]string{o.Kind, cut(o.Name), o.Price, o.Why})
	}
	if i := l.Interests; i != nil {
		out.Habits = &habitsJSON{Mails: i.Mails, Rate: i.OpenRate, Shares: i.Shares, Pages: [][3]any{}}
		for _, a := range i.Topics {
			out.Topics = append(out.Topics, [2]any{a.Topic, a.Value})
		}
		for j := range i.Pages {
			p := &i.Pages[j]
			out.Habits.Pages = append(out.Habits.Pages, [3]any{cut(p.Path), p.Seconds, p.Returns()})
		}
	}
	kinds := map[tracker.IdentityKind]string{tracker.UserIdentity: "user", tracker.EmailIdentity: "email", tracker.VisitorIdentity: "visitor"}
	for _, i := range l.Identities {
		out.Identities = append(out.Identities, identityJSON{kinds[i.Kind], cut(i.Value), i.Proved, i.From})
	}
	for _, name := range slices.Sorted(maps.Keys(l.Attributes)) {
		out.Attributes = append(out.Attributes, [2]any{cut(name), show(l.Attributes[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(l.Scores)) {
		s := l.Scores[name]
		one := scoreJSON{Card: s.Card, Score: s.Score, Null: s.Null, Grade: s.Grade, Band: s.Band, Dims: [][2]any{}, Reasons: s.Reasons, Next: s.Next, Trouble: s.Trouble, Likely: likely(s.Probability)}
		for _, d := range slices.Sorted(maps.Keys(s.Dims)) {
			one.Dims = append(one.Dims, [2]any{d, s.Dims[d]})
		}
		if one.Reasons == nil {
			one.Reasons = []tracker.Reason{}
		}
		if name == ranking {
			out.Scores = slices.Insert(out.Scores, 0, one)
		} else {
			out.Scores = append(out.Scores, one)
		}
	}
	return out
}

// value is a field's value as JSON shows it.
func value(v tracker.Value) any {
	switch v.Tag {
	case tracker.False, tracker.True:
		return v.Tag == tracker.True
	case tracker.Int:
		return int64(v.Num)
	case tracker.Float:
		if f := math.Float64frombits(v.Num); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	case tracker.String, tracker.Number, tracker.JSON:
		return cut(string(v.Str))
	}
	return nil
}

// show is an attribute's value as JSON shows it: nested ones as their text.
func show(v any) any {
	switch v := v.(type) {
	case string:
		return cut(v)
	case nil, bool, float64, int64, int, json.Number:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return cut(string(b))
}

// cut shortens a text for the page, on a rune boundary.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
