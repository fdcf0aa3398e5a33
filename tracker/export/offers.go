package export

import "ripen/tracker"

// offers answers the offer table in force.
func (c *call) offers() error {
	row, err := c.cfg.Registry.Offers(c.tenant.ID)
	if err != nil {
		return err
	}
	return c.showInForce(&row, "no_offers", "the tenant has no offer table: PUT one, or 'ripen offers learn' and 'ripen offers set FILE'")
}

// setOffers puts the table of the body in force, if it is right.
func (c *call) setOffers() error {
	return c.putInForce(c.cfg.Registry.SetOffers)
}

// offerJSON is an offer as the API shows it.
type offerJSON struct {
	Kind    string `json:"kind"` // renew, refill, up, cross, down
	Product string `json:"product"`
	Name    string `json:"name"`
	Price   string `json:"price,omitempty"`
	Link    string `json:"link,omitempty"`
	Because string `json:"because"` // the product they own
	Why     string `json:"why"`
	From    string `json:"from"`
	Until   string `json:"until,omitempty"` // empty = until they buy it
}

func offersToJSON(list []tracker.Offer) (out []offerJSON) {
	for _, o := range list {
		row := offerJSON{Kind: o.Kind, Product: o.Product, Name: o.Name, Price: o.Price, Link: o.Link, Because: o.Because, Why: o.Why, From: Time(o.From)}
		if o.Until != 0 {
			row.Until = Time(o.Until)
		}
		out = append(out, row)
	}
	return out
}
