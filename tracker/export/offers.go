package export

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// offers answers the offer table in force.
func (c *call) offers() error {
	row, err := c.cfg.Registry.Offers(c.tenant.ID)
	if err != nil {
		return err
	}
	v := row.Version(row.Current)
	if v == nil {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "no_offers", Detail: "the tenant has no offer table: PUT one, or 'ripen offers learn' and 'ripen offers set FILE'"}
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"version": v.Version, "published": Time(v.At), "yaml": string(v.YAML)})
	return nil
}

// setOffers puts the table of the body in force, if it is right.
func (c *call) setOffers() error {
	a, err := c.cfg.Registry.SetOffers(c.cfg.Life, c.tenant.ID, c.ctx.PostBody())
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"version": a.Version})
	return nil
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
