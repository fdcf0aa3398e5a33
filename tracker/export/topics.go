package export

import (
	"context"
	"math"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// topics answers the topic map in force.
func (c *call) topics() error {
	row, err := c.cfg.Registry.Topics(c.tenant.ID)
	if err != nil {
		return err
	}
	return c.showInForce(&row, "no_topics", "the tenant has no topic map: PUT one, or 'ripen topics set FILE'")
}

// setTopics puts the map of the body in force, if it is right.
func (c *call) setTopics() error {
	return c.putInForce(c.cfg.Registry.SetTopics)
}

// showInForce answers a text in force; code and detail say that there is none.
func (c *call) showInForce(row *tracker.Card, code, detail string) error {
	v := row.Version(row.Current)
	if v == nil {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: code, Detail: detail}
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"version": v.Version, "published": Time(v.At), "yaml": string(v.YAML)})
	return nil
}

// putInForce puts the text of the body in force, if it is right.
func (c *call) putInForce(set func(context.Context, tracker.TenantID, []byte) (tracker.Activation, error)) error {
	a, err := set(c.cfg.Life, c.tenant.ID, c.ctx.PostBody())
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"version": a.Version})
	return nil
}

// interestsJSON is what a lead cares about, as the API shows it.
type interestsJSON struct {
	Topics   []affinityJSON `json:"topics"` // the strongest first
	OpenRate *float64       `json:"open_rate"`
	Mails    int            `json:"mails"`
	Opened   int            `json:"opened"`
	Shares   int            `json:"shares"`
	Pages    []pageJSON     `json:"pages"` // with the most time first
}

type affinityJSON struct {
	Topic    string  `json:"topic"`
	Affinity float64 `json:"affinity"`
}

type pageJSON struct {
	Path    string  `json:"path"`
	Seconds float64 `json:"seconds"`
	Visits  int     `json:"visits"`
	Returns int     `json:"returns"`
}

func interestsToJSON(i *tracker.Interests) *interestsJSON {
	if i == nil {
		return nil
	}
	out := &interestsJSON{Topics: []affinityJSON{}, Mails: i.Mails, Opened: i.Opened, Shares: i.Shares, Pages: []pageJSON{}}
	if i.Mails > 0 {
		rate := thousandths(i.OpenRate)
		out.OpenRate = &rate
	}
	for _, a := range i.Topics {
		out.Topics = append(out.Topics, affinityJSON{a.Topic, thousandths(a.Value)})
	}
	for j := range i.Pages {
		p := &i.Pages[j]
		out.Pages = append(out.Pages, pageJSON{p.Path, thousandths(p.Seconds), p.Visits, p.Returns()})
	}
	return out
}

func thousandths(f float64) float64 { return math.Round(f*1000) / 1000 }
