package export

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

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

// audienceJSON is how many leads care about a topic. One that nobody cares about is
// left out.
type audienceJSON struct {
	Topic    string  `json:"topic"`
	Leads    int     `json:"leads"`    // who care about it at all
	Known    int     `json:"known"`    // of them, those known by name
	First    int     `json:"first"`    // who care about nothing more
	Affinity float64 `json:"affinity"` // the mean of who care
}

// audience answers what the leads of the list care about, the most cared about first.
func (c *call) audience() error {
	q := c.leadQuery(true)
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	topics, asked := map[string]*audienceJSON{}, 0
	err = st.EachLead(c.caller, c.tenant.ID, q, func(l *tracker.Lead) error {
		asked++
		if l.Interests == nil {
			return nil
		}
		for i, a := range l.Interests.Topics {
			if thousandths(a.Value) == 0 {
				continue
			}
			t := topics[a.Topic]
			if t == nil {
				t = &audienceJSON{Topic: a.Topic}
				topics[a.Topic] = t
			}
			t.Leads++
			t.Affinity += a.Value
			if i == 0 {
				t.First++
			}
			if l.ID.Kind != tracker.VisitorIdentity {
				t.Known++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out := make([]*audienceJSON, 0, len(topics))
	for _, t := range topics {
		t.Affinity = thousandths(t.Affinity / float64(t.Leads))
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *audienceJSON) int { return cmp.Or(b.Leads-a.Leads, strings.Compare(a.Topic, b.Topic)) })
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"leads": asked, "topics": out})
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
