package export

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Outbox is what leaves for the world, and where it goes. Who may call is asked
// before.
type Outbox interface {
	// List returns intents without their bodies, the newest first, from before a
	// sequence if that is not 0, in one state if it is named.
	List(t tracker.TenantID, before uint64, state string, limit int) ([]tracker.Intent, error)
	// Get returns one intent with its body.
	Get(t tracker.TenantID, id string) (tracker.Intent, error)
	// Retry lets an intent that is parked or waits be due at once.
	Retry(t tracker.TenantID, id string) (tracker.Intent, error)

	// Webhooks returns the destinations by name.
	Webhooks(t tracker.TenantID) []tracker.Webhook
	// CreateWebhook declares a destination, with a secret of its own.
	CreateWebhook(t tracker.TenantID, h tracker.Webhook) (tracker.Webhook, error)
	// RotateWebhook gives one a new secret; the old one signs too until a moment,
	// or with 0 for a day.
	RotateWebhook(t tracker.TenantID, name string, oldUntil int64) (tracker.Webhook, error)
	// DeleteWebhook takes one away; what waits for it is parked.
	DeleteWebhook(t tracker.TenantID, name string) error
}

// Handoffs are the leads that were handed to sales. Who may call is asked before.
type Handoffs interface {
	// List returns hand-offs, the newest first.
	List(t tracker.TenantID, q tracker.HandoffQuery) ([]tracker.Handoff, error)
	// Get returns one.
	Get(t tracker.TenantID, id string) (tracker.Handoff, error)
	// Decide says what sales decided, as an event of the lead.
	Decide(ctx context.Context, t tracker.TenantID, id string, d tracker.HandoffDecision) (tracker.Handoff, error)
}

type handoffJSON struct {
	ID        string `json:"id"`
	At        string `json:"at"`
	State     string `json:"state"`
	Since     string `json:"since"`
	Lead      string `json:"lead"`
	Scorecard string `json:"scorecard"`
	Band      string `json:"band"`
	Grade     string `json:"grade,omitempty"`
	Score     int    `json:"score"`
	Cause     string `json:"cause"`
	To        string `json:"to"`
	Queue     string `json:"queue,omitempty"`
	Due       string `json:"due,omitempty"`
	Overdue   bool   `json:"overdue,omitempty"` // nobody has taken it in time
	Reason    string `json:"reason,omitempty"`
	Event     string `json:"event,omitempty"` // message id of the event that says its state
	toldJSON
}

// toldJSON is what the destination was told of the lead, as it was then. It lies in
// the intent: of one that was delivered 90 days ago, or whose person was erased,
// nothing is known any more.
type toldJSON struct {
	Owner   string            `json:"owner,omitempty"`
	Reasons []tracker.Reason  `json:"reasons,omitempty"`
	Links   map[string]string `json:"links,omitempty"`
}

func (c *call) toldOf(id string) (out toldJSON, err error) {
	in, err := c.cfg.Outbox.Get(c.tenant.ID, id)
	if tracker.KindOf(err) == tracker.KindNotFound || err == nil && in.Body == nil {
		return out, nil
	}
	var body struct {
		Data struct {
			toldJSON
			Lead struct {
				Reasons []tracker.Reason `json:"reasons"`
			} `json:"lead"`
		} `json:"data"`
	}
	if err == nil {
		err = json.Unmarshal(in.Body, &body)
	}
	out = body.Data.toldJSON
	out.Reasons = body.Data.Lead.Reasons
	return out, err
}

func (c *call) handoffJSON(h *tracker.Handoff) (out handoffJSON, err error) {
	out = handoffJSON{
		ID: h.ID, At: Time(h.At), State: h.State, Since: Time(h.Since), Lead: h.Lead.String(), Scorecard: h.Card, Band: h.Band,
		Grade: h.Grade, Score: h.Score, Cause: h.Cause, To: h.To, Queue: h.Queue, Reason: h.Reason, Event: h.Message,
	}
	if h.Due != 0 {
		out.Due = Time(h.Due)
		out.Overdue = h.State == tracker.HandoffPending && h.Due < c.cfg.Now()
	}
	out.toldJSON, err = c.toldOf(h.ID)
	return out, err
}

// before is the cursor of lists that count down.
func (c *call) before() uint64 { return c.number("before") }

func (c *call) handoffs() error {
	limit := cmp.Or(c.limit(), defaultRows)
	q := tracker.HandoffQuery{State: c.text("state"), Queue: c.text("queue"), Before: c.before(), Limit: limit}
	if c.err != nil {
		return c.err
	}
	list, err := c.cfg.Handoffs.List(c.tenant.ID, q)
	if err != nil {
		return err
	}
	out := struct {
		Handoffs []handoffJSON `json:"handoffs"`
		Next     string        `json:"next,omitempty"`
	}{Handoffs: []handoffJSON{}}
	for i := range list {
		h, err := c.handoffJSON(&list[i])
		if err != nil {
			return err
		}
		out.Handoffs = append(out.Handoffs, h)
	}
	if len(list) == limit {
		out.Next = strconv.FormatUint(list[limit-1].Seq, 10)
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

// defaultRows is how many a page of these lists holds if nobody says.
const defaultRows = 100

func (c *call) handoff() error {
	h, err := c.cfg.Handoffs.Get(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	return c.answerHandoff(&h)
}

func (c *call) acceptHandoff() error { return c.decide(tracker.HandoffAccepted) }

func (c *call) rejectHandoff() error { return c.decide(tracker.HandoffRejected) }

func (c *call) wonHandoff() error { return c.decide(tracker.Won) }

func (c *call) lostHandoff() error { return c.decide(tracker.Lost) }

func (c *call) decide(what string) error {
	var body struct {
		Reason   string  `json:"reason"`
		Value    float64 `json:"value"`
		Currency string  `json:"currency"`
	}
	if len(c.ctx.PostBody()) > 0 {
		if err := c.body(&body); err != nil {
			return err
		}
	}
	h, err := c.cfg.Handoffs.Decide(c.cfg.Life, c.tenant.ID, c.name, tracker.HandoffDecision{Type: what, Reason: body.Reason, Value: body.Value, Currency: body.Currency})
	if err != nil {
		return err
	}
	c.log.Info("hand-off decided", "tenant", c.tenant.ID, "handoff", h.ID, "state", h.State, "key", c.caller.Key)
	return c.answerHandoff(&h)
}

func (c *call) answerHandoff(h *tracker.Handoff) error {
	out, err := c.handoffJSON(h)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

type intentJSON struct {
	ID       string            `json:"id"` // the Idempotency-Key
	Kind     string            `json:"kind"`
	To       string            `json:"to"`
	Lead     string            `json:"lead"`
	Created  string            `json:"created"`
	State    string            `json:"state"`
	Why      string            `json:"why,omitempty"`
	Next     string            `json:"next_attempt,omitempty"`
	Tries    int               `json:"tries"`
	Attempts []tracker.Attempt `json:"attempts"`
	Body     json.RawMessage   `json:"body,omitempty"`
}

func intentToJSON(in *tracker.Intent) intentJSON {
	out := intentJSON{
		ID: in.ID, Kind: in.Kind, To: in.To, Lead: in.Lead.String(), Created: Time(in.Created), State: in.State, Why: in.Why,
		Tries: in.Tries, Attempts: in.Attempts, Body: in.Body,
	}
	if out.Attempts == nil {
		out.Attempts = []tracker.Attempt{}
	}
	if in.Next != 0 {
		out.Next = Time(in.Next)
	}
	return out
}

func (c *call) intents() error {
	limit := cmp.Or(c.limit(), defaultRows)
	before := c.before()
	if c.err != nil {
		return c.err
	}
	list, err := c.cfg.Outbox.List(c.tenant.ID, before, c.text("state"), limit)
	if err != nil {
		return err
	}
	out := struct {
		Intents []intentJSON `json:"intents"`
		Next    string       `json:"next,omitempty"`
	}{Intents: []intentJSON{}}
	for i := range list {
		out.Intents = append(out.Intents, intentToJSON(&list[i]))
	}
	if len(list) == limit {
		out.Next = strconv.FormatUint(list[limit-1].Seq, 10)
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) intent() error { return c.answerIntent(c.cfg.Outbox.Get) }

func (c *call) retryIntent() error { return c.answerIntent(c.cfg.Outbox.Retry) }

func (c *call) answerIntent(ask func(tracker.TenantID, string) (tracker.Intent, error)) error {
	in, err := ask(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, intentToJSON(&in))
	return nil
}

// webhookJSON is a webhook as the API shows it. Its secret is shown once, when
// it is made.
type webhookJSON struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	Concurrency int    `json:"concurrency"`
	Created     string `json:"created"`
	Secrets     int    `json:"secrets"` // how many sign at the moment
	Secret      string `json:"secret,omitempty"`
	OldUntil    string `json:"old_until,omitempty"`
	Shape       string `json:"shape,omitempty"`
	From        string `json:"from,omitempty"`
}

func (c *call) webhookJSON(h *tracker.Webhook, tell bool) webhookJSON {
	out := webhookJSON{Name: h.Name, URL: h.URL, Concurrency: h.Concurrency, Created: Time(h.Created), Shape: h.Shape, From: h.From}
	for _, s := range h.Secrets {
		if s.Until == 0 || s.Until > c.cfg.Now() {
			out.Secrets++
		}
		if s.Until != 0 && tell {
			out.OldUntil = Time(s.Until)
		}
	}
	if tell && h.Shape == "" {
		out.Secret = h.Secrets[0].Secret
	}
	return out
}

func (c *call) webhooks() error {
	out := []webhookJSON{}
	for _, h := range c.cfg.Outbox.Webhooks(c.tenant.ID) {
		out = append(out, c.webhookJSON(&h, false))
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"webhooks": out})
	return nil
}

func (c *call) createWebhook() error {
	var body struct {
		Name        string `json:"name"`
		URL         string `json:"url"`
		Concurrency int    `json:"concurrency"`
		Shape       string `json:"shape"`
		Auth        string `json:"auth"`
		From        string `json:"from"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	h, err := c.cfg.Outbox.CreateWebhook(c.tenant.ID, tracker.Webhook{
		Name: body.Name, URL: body.URL, Concurrency: body.Concurrency, Shape: body.Shape, Auth: body.Auth, From: body.From,
	})
	if err != nil {
		return err
	}
	c.log.Info("webhook created", "tenant", c.tenant.ID, "name", h.Name, "key", c.caller.Key)
	JSON(c.ctx, fasthttp.StatusCreated, c.webhookJSON(&h, true))
	return nil
}

func (c *call) rotateWebhook() error {
	var body struct {
		OldUntil time.Time `json:"old_until"`
	}
	if len(c.ctx.PostBody()) > 0 {
		if err := c.body(&body); err != nil {
			return err
		}
	}
	until := int64(0)
	if !body.OldUntil.IsZero() {
		until = body.OldUntil.UnixMilli()
	}
	h, err := c.cfg.Outbox.RotateWebhook(c.tenant.ID, c.name, until)
	if err != nil {
		return err
	}
	c.log.Info("webhook's secret rotated", "tenant", c.tenant.ID, "name", h.Name, "key", c.caller.Key)
	JSON(c.ctx, fasthttp.StatusOK, c.webhookJSON(&h, true))
	return nil
}

func (c *call) deleteWebhook() error {
	if err := c.cfg.Outbox.DeleteWebhook(c.tenant.ID, c.name); err != nil {
		return err
	}
	c.log.Info("webhook deleted", "tenant", c.tenant.ID, "name", c.name, "key", c.caller.Key)
	c.ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}
