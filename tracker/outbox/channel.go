package outbox

import (
	"context"

	"ripen/tracker"
)

// Channel is a way into the world that is no webhook. What it is asked for was
// written down before, and what it answers is written down after: it makes one
// attempt and repeats nothing by itself.
type Channel struct {
	Concurrency int // attempts at a time, for each tenant
	Send        func(ctx context.Context, d *tracker.Delivery) tracker.DeliveryResult
}

// place is a channel as it stands among the destinations of a tenant.
func (c *Channel) place(name string) *tracker.Webhook {
	return &tracker.Webhook{Name: name, Concurrency: c.Concurrency}
}

// placesOf returns all that a tenant's intents may go to.
func (o *Outbox) placesOf(t tracker.TenantID) []*tracker.Webhook {
	list := o.hooksOf(t)
	list = list[:len(list):len(list)] // it is the view's
	for name, c := range o.cfg.Channels {
		list = append(list, c.place(name))
	}
	return list
}

// attempt makes one attempt, by whatever leads to its place.
func (o *Outbox) attempt(ctx context.Context, t tracker.TenantID, d *delivery) result {
	c, ok := o.cfg.Channels[d.hook.Name]
	if !ok {
		return o.cfg.send(ctx, d)
	}
	a := c.Send(ctx, &tracker.Delivery{Tenant: t, ID: d.id.String(), Lead: d.lead, Body: d.body, At: d.at})
	return result{
		outcome: a.Outcome, status: a.Status, detail: a.Detail, after: a.After, gone: a.Park,
		channel: true, places: a.Place, ended: a.End,
	}
}
