package tenant

import (
	"context"

	"ripen/tracker"
)

// Topics returns a tenant's topic map, whose versions are those of a card.
func (r *Registry) Topics(id tracker.TenantID) (tracker.Card, error) {
	row, err := r.card(id, tracker.TopicMap)
	return row.public(tracker.TopicMap), err
}

// SetTopics puts a topic map in force as the next version.
func (r *Registry) SetTopics(ctx context.Context, id tracker.TenantID, source []byte) (tracker.Activation, error) {
	if _, err := r.Draft(id, tracker.TopicMap, source); err != nil {
		return tracker.Activation{}, err
	}
	return r.Publish(ctx, id, tracker.TopicMap, false)
}
