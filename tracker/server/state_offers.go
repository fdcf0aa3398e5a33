package server

import (
	"errors"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/train/loyalty"
	"ripen/wasm/scorecard/offer"
)

// Offers says what to offer a lead now.
func (s *State) Offers(c tracker.Caller, tenant tracker.TenantID, who string, t *offer.Table) ([]tracker.Offer, error) {
	if err := c.May(tracker.SecretRole, tenant); err != nil || t == nil {
		return nil, err
	}
	bought, err := s.bought(tenant, who)
	if err != nil {
		return nil, err
	}
	list, _ := offers(t, bought, s.clock())
	return list, nil
}

// offers asks a table, in the words of the vocabulary.
func offers(t *offer.Table, bought []offer.Bought, at int64) (out []tracker.Offer, next int64) {
	list, next := t.For(bought, at)
	for i := range list {
		o := &list[i]
		out = append(out, tracker.Offer{
			Kind: string(o.Kind), Product: o.Product, Name: o.Name, Price: o.Price, Link: o.Link, Because: o.Because,
			Why: o.Why, From: o.From, Until: o.Until,
		})
	}
	return out, next
}

// bought is what a person bought, product by product. Products' names may be sealed:
// only purchases are opened.
func (s *State) bought(tenant tracker.TenantID, who string) (out []offer.Bought, err error) {
	_, es, err := s.history(tenant, who)
	if err != nil {
		return nil, err
	}
	var events []*tracker.Event
	sealed := map[uint64]*tracker.Event{} // :: sequence → event
	for i := range es {
		var e tracker.Event
		if err := es[i].Decode(&e); err != nil {
			return nil, err
		}
		if string(e.Type) != "purchase" || !e.Counts() || e.Machine.IsMachine() {
			continue
		}
		events = append(events, &e)
		if es[i].Personal {
			sealed[e.Seq] = &e
		}
	}
	if err := s.openEvents(sealed); err != nil {
		return nil, err
	}
	for _, e := range events {
		var f export.EventFields
		f.Put(e.Fields)
		f.Put(e.Personal)
		for _, p := range loyalty.Bought("", e.Time, f.Properties, map[string]string{}) {
			if p.Product != "" {
				out = append(out, offer.Bought{Product: p.Product, At: e.Time})
			}
		}
	}
	return out, nil
}

// offered says what to offer a journey's lead at a moment, and when that turns.
func (w *journeyWorld) offered(st *State, t tracker.TenantID, who string) func(at int64) ([]tracker.Offer, int64, error) {
	var bought []offer.Bought
	asked := false
	return func(at int64) ([]tracker.Offer, int64, error) {
		table, err := w.s.registry.OfferTable(t)
		if err != nil || table == nil {
			return nil, 0, err
		}
		if !asked {
			if bought, err = st.bought(t, who); err != nil && !errors.Is(err, errNoLead) {
				return nil, 0, err
			}
			asked = true
		}
		list, next := offers(table, bought, at)
		return list, next, nil
	}
}

// offerFields are what a mail says of an offer, beside the lead's attributes.
func offerFields(fields map[string]string, o *tracker.Offer) {
	if o == nil {
		return
	}
	for name, v := range map[string]string{
		"offer": o.Kind, "offer_product": o.Product, "offer_name": o.Name, "offer_price": o.Price, "offer_link": o.Link, "offer_why": o.Why,
	} {
		fields[name] = v
	}
}
