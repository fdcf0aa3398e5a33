package tenant

import (
	"context"
	"fmt"

	"ripen/tracker"
	"ripen/wasm/scorecard/offer"
)

// Offers returns a tenant's offer table, whose versions are those of a card.
func (r *Registry) Offers(id tracker.TenantID) (tracker.Card, error) {
	row, err := r.card(id, tracker.OfferTable)
	return row.public(tracker.OfferTable), err
}

// SetOffers puts an offer table in force as the next version.
func (r *Registry) SetOffers(ctx context.Context, id tracker.TenantID, source []byte) (tracker.Activation, error) {
	if _, err := r.Draft(id, tracker.OfferTable, source); err != nil {
		return tracker.Activation{}, err
	}
	return r.Publish(ctx, id, tracker.OfferTable, false)
}

// offersRead is a table in force, read once.
type offersRead struct {
	version int
	table   *offer.Table
}

// OfferTable returns what is in force, ready to be asked; nil if the tenant has none.
func (r *Registry) OfferTable(id tracker.TenantID) (*offer.Table, error) {
	row, err := r.Offers(id)
	if err != nil {
		return nil, err
	}
	v := row.Version(row.Current)
	if v == nil {
		return nil, nil
	}
	if was, ok := r.offers.Load(id); ok && was.(offersRead).version == v.Version {
		return was.(offersRead).table, nil
	}
	t, err := offer.Parse("offers.yaml", v.YAML)
	if err != nil { // it was published, so it was read before
		return nil, fmt.Errorf("offer table version %d: %w", v.Version, err)
	}
	r.offers.Store(id, offersRead{v.Version, t})
	return t, nil
}
