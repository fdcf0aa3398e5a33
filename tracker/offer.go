package tracker

import "slices"

// OfferTable is the name under which a tenant's offer table comes into force: it is
// published as a card is, by an [Activation] in the log. No card can be called so.
const OfferTable = "offer table"

// OfferKinds are what an offer may be for a person, in the order in which offers are
// shown: to renew what wears out, to refill what runs out, something better, something
// that goes with it, something cheaper.
var OfferKinds = []string{"renew", "refill", "up", "cross", "down"}

// Offer is what to offer a lead at a moment, as the tenant's offer table says.
type Offer struct {
	Kind    string // one of OfferKinds
	Product string
	Name    string
	Price   string // as it is shown; empty = not told
	Link    string // empty = not told
	Because string // the product that they own
	Why     string // its numbers, in the table's language
	From    int64  // unix ms, since when it stands
	Until   int64  // unix ms; 0 = until they buy it
}

// FirstOffer is the first offer of these kinds, in the order in which they are named;
// nil if there is none.
func FirstOffer(list []Offer, kinds []string) *Offer {
	for _, k := range kinds {
		if i := slices.IndexFunc(list, func(o Offer) bool { return o.Kind == k }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}
