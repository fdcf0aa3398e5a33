package console

import (
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// momentsJSON is a page of a lead's timeline, latest first.
type momentsJSON struct {
	Moments []momentJSON `json:"moments"`
	Next    string       `json:"next,omitempty"`
}

// momentJSON is a line of the timeline as the page draws it.
type momentJSON struct {
	Time    int64    `json:"time"`
	Kind    string   `json:"kind"`
	What    string   `json:"what"`
	Detail  string   `json:"detail,omitempty"`
	By      string   `json:"by,omitempty"` // journey and step, or card and cause
	From    *int     `json:"from,omitempty"`
	To      *int     `json:"to,omitempty"`
	OldBand string   `json:"old_band,omitempty"`
	Band    string   `json:"band,omitempty"`
	Why     string   `json:"why,omitempty"` // it is parked, withdrawn
	Unknown int      `json:"unknown,omitempty"`
	Machine string   `json:"machine,omitempty"`
	Reason  string   `json:"machine_reason,omitempty"`
	Denied  bool     `json:"denied,omitempty"`
	Fields  [][2]any `json:"fields"`
}

// askedOf reads which moments a page asks for.
func askedOf(ctx *fasthttp.RequestCtx) tracker.MomentQuery {
	args := ctx.QueryArgs()
	q := tracker.MomentQuery{
		After: string(args.Peek("after")), Personal: true, Limit: max(maxMoments, min(args.GetUintOrZero("moments"), mostMoments)),
	}
	if kinds := string(args.Peek("kinds")); kinds != "" {
		q.Kinds = strings.Split(kinds, ",")
	}
	return q
}

func (h *Handler) moments(q question, id string, ask tracker.MomentQuery) (*momentsJSON, error) {
	if _, err := tracker.ParseLeadID(id); err != nil {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "lead_id", Detail: err.Error()}
	}
	ask.Who = id
	page, err := h.c.Source.Moments(q.c, q.tenant.ID, ask)
	if err != nil {
		return nil, err
	}
	out := &momentsJSON{Moments: make([]momentJSON, 0, len(page.Moments)), Next: page.Next}
	for i := range page.Moments {
		out.Moments = append(out.Moments, describeMoment(&page.Moments[i]))
	}
	return out, nil
}

func describeMoment(m *tracker.Moment) momentJSON {
	out := momentJSON{Time: m.Time, Kind: m.Kind, What: cut(m.What), Detail: cut(m.Detail()), Fields: [][2]any{}}
	field := func(name, v string) {
		if v != "" {
			out.Fields = append(out.Fields, [2]any{name, cut(v)})
		}
	}
	if c := m.Change; c != nil {
		if c.OldScore >= 0 {
			out.From = &c.OldScore
		}
		if c.NewScore >= 0 {
			out.To = &c.NewScore
		}
		out.OldBand, out.Band, out.By = c.OldBand, c.NewBand, c.Card
		field("cause", strings.Trim(c.Cause+": "+m.Source, ": "))
		field("grade", c.NewGrade)
	}
	if s := m.Step; s != nil {
		out.By = strings.Trim(s.Journey+" · "+s.Step, " ·")
	}
	if in := m.Intent; in != nil {
		out.Why, out.Unknown = cut(in.Why), in.Unknown()
		field("to", in.To)
		field("intent", in.ID)
		for i := range in.Attempts {
			a := &in.Attempts[i]
			field("attempt", strings.Trim(a.Outcome+": "+a.Detail, ": "))
		}
	}
	if h := m.Handoff; h != nil {
		field("queue", h.Queue)
		field("state", h.State)
		field("handoff", h.ID)
	}
	if e := m.Event; e != nil {
		out.Machine, out.Reason, out.Denied = e.Machine.String(), e.MachineReason.String(), e.IsDenied()
		for _, fs := range [2][]tracker.Field{e.Fields, e.Personal} {
			for _, f := range fs {
				if f.Space != tracker.System { // addresses and agents are not for a list
					out.Fields = append(out.Fields, [2]any{cut(string(f.Name)), value(f.Value)})
				}
			}
		}
	}
	return out
}
